# SPDX-License-Identifier: Apache-2.0
"""A replica: what it does with time, frames and its own samples (SPEC 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .addressing import addresses, due_us, slot_of
from .checkpoints import Checkpoints, order_of_trial
from .clock import FieldClock
from .fragments import beacon_sender
from .frames import (
    BEACON_BYTES,
    FRAME_MAX,
    TAG_BYTES,
    OpenedReport,
    beacon_header,
    open_beacon,
    open_fragment,
    open_report,
    seal_beacon,
    seal_report,
)
from .health import Health
from .heard import Heard
from .history import History
from .log import Entry, Key
from .origin import Origin
from .reasons import Reason, RefusedError
from .relay import RELAY_MIN
from .relay_slots import RelayDesk, later_relay_slots, likely_relay_slots
from .report import form_of_length
from .site import RefSite
from .state import State

__all__ = ["Replica"]

BEACONS_KEPT = 8
UNDECODED_MAX = 12
"""Longest frame that is kept undecoded, SPEC 8. [B]"""


class Replica:
    """
    One replica of a field, SPEC 8: pure, driven by the caller.

    Args:
        site: The site.
        key: The field key, 16 bytes.
        self_index: Index of the member that this replica is; None for a receiver without slot.
        first_phase: First phase to commit.
        search: Try all members near in time, as the gateway does.
        trial_limit: Tags computed per phase before further frames are refused; 0 for no limit.
        log_capacity: Most entries of the log; None for no limit.

    Attributes:
        clock: What to add to this receiver's own clock; it follows if there is a slot to keep.
        counters: Refused frames by reason.
        health: Agreement with the others.
        synced: False while some member's reports cannot be read for want of a checkpoint.
    """

    def __init__(
        self,
        site: RefSite,
        key: bytes,
        self_index: int | None = None,
        *,
        first_phase: int,
        search: bool = False,
        trial_limit: int = 0,
        log_capacity: int | None = None,
    ) -> None:
        self.site = site
        self.key = key
        self.self_index = self_index
        self.search = search
        self.trial_limit = trial_limit
        self.counters: Counter[Reason] = Counter()
        self.clock = FieldClock()
        self.health = Health()
        self.synced = True
        self._history = History(
            site, State.initial(site, first_phase - 1), self._reopen, log_capacity
        )
        self._origin = Origin(site)
        self._trials: Counter[int] = Counter()
        self._beacons = [-1] * BEACONS_KEPT
        self._checkpoints = Checkpoints(site, self._history, self_index, self._settled)
        self._relays = RelayDesk(site, key, self._history, self._checkpoints, self_index)

    # ---- what it holds

    @property
    def state(self) -> State:
        """The newest state."""
        return self._history.state

    @property
    def digest(self) -> int:
        """Digest of the newest state."""
        return self._history.digests[self.state.phase]

    @property
    def events(self) -> Counter[str]:
        """How many checkpoints were "verified", "adopted", "missed"."""
        return self._checkpoints.events

    @property
    def next_phase(self) -> int:
        """The phase that is committed next."""
        return self.state.phase + 1

    @property
    def n_logged(self) -> int:
        """Accepted reports in the log."""
        return sum(entry.report is not None for entry in self._history.log.values())

    @property
    def n_undecoded(self) -> int:
        """Frames that wait for a checkpoint."""
        return sum(entry.frame is not None for entry in self._history.log.values())

    @property
    def log(self) -> dict[Key, Entry]:
        """A copy of the log: entries by phase and member."""
        return dict(self._history.log)

    # ---- time

    def advance_to(self, phase: int) -> list[tuple[int, int]]:
        """
        Commit every phase up to *phase*, whose commit times have passed.

        Returns:
            Phase and digest of each commit.
        """
        done = []
        while self.state.phase < phase:
            self._history.advance()
            self.clock.commit(self.site.phase_us)
            done.append((self.state.phase, self.digest))
            if self._history.base is self.state:
                self._checkpoints.take_snapshot(self.state, self.digest)
        for p in [p for p in self._trials if p <= self._history.base.phase]:
            del self._trials[p]
        return done

    # ---- sending

    def decide(self, samples: Sequence[int | None]) -> bytes | None:
        """
        Take the samples of the member's own next phase; its REPORT, or None for silence.

        The report goes into the log, so a frame that is returned must be sent. SPEC 6.2.

        Args:
            samples: One per channel; None for a miss. [Q16.16]

        Raises:
            ValueError: This replica has no slot in the next phase.
        """
        p, member = self.next_phase, self._own_member()
        if self.site.members[member].phase != p % 4:
            raise ValueError(f"phase = {p}: must be one of member {member}'s own")
        chosen = self._origin.choose(self.site, self.state, member, samples)
        if chosen is None:
            return None
        form, report = chosen
        echo = self._history.repeat(p, member)
        frame = seal_report(self.site, self.key, p, form, report, self.digest & 1, echo)
        self._history.add_report(p, form, report)
        return frame

    def common_frame(self) -> bytes | None:
        """What this member sends in the common slot of the next phase, SPEC 6.3 and 6.4."""
        p, member = self.next_phase, self._own_member()
        if beacon_sender(self.site, p) == member:
            return seal_beacon(self.site, self.key, p, member, self.digest)
        return self._checkpoints.scribe.frame(self.key, p, member)

    def relay_frame(self, r: int) -> bytes | None:
        """
        What this member sends in relay slot *r* of the next phase, SPEC 6.6.

        It counts as said, so a frame that is returned must be sent; None if there is nothing to
        say, or the slot is another's.
        """
        p, member = self.next_phase, self._own_member()
        if not 0 <= r < self.site.relay_slots or self.site.relay_of(r) != member:
            return None
        return self._relays.frame(p, r, member)

    def _own_member(self) -> int:
        """Index of the member that this replica is."""
        if self.self_index is None:
            raise ValueError("self_index = None: must be a member to send")
        return self.self_index

    # ---- receiving

    def hear(self, rx_end_us: int, frame: bytes) -> Heard:
        """
        Take a frame. The caller has committed what was due at the time.

        Args:
            rx_end_us: End of reception by this receiver's own clock. [us] since 1970
            frame: As received, PHY CRC passed.
        """
        start_us = rx_end_us - self.site.airtime_us(len(frame)) + self.clock.corr_us
        heard = self._hear(start_us, frame)
        if heard.reason:
            self.counters[heard.reason] += 1
        elif (heard.phase or 0) >= self.state.phase:
            self.clock.take(start_us - due_us(self.site, heard))
        return heard

    def _hear(self, start_us: int, frame: bytes) -> Heard:
        """Take a frame as what it most likely is, then as what else it may be, SPEC 8."""
        limited = 0 < self.trial_limit <= self._trials[self.site.phase_at(start_us)]
        may_be_relay = RELAY_MIN <= len(frame) <= FRAME_MAX
        if may_be_relay:
            likely = likely_relay_slots(self.site, start_us, self._history.accepts)
            if limited and likely:
                return Heard("relay", None, None, Reason.LIMIT)
            relay = self._relays.hear(likely, frame, lambda: self._count_trial(start_us))
            if relay:
                return relay
        heard = self._hear_other(start_us, frame, limited=limited)
        if heard.reason in {Reason.TAG, Reason.LENGTH} and may_be_relay and self.search:
            others = list(later_relay_slots(self.site, start_us, self._history.accepts))
            if limited and others:
                return Heard("relay", None, None, Reason.LIMIT)
            relay = self._relays.hear(others, frame, lambda: self._count_trial(start_us))
            if relay:
                return relay
        if heard.kind == "report" and heard.reason == Reason.TAG:
            return self._keep_for_later(start_us, frame)
        return heard

    def _hear_other(self, start_us: int, frame: bytes, *, limited: bool) -> Heard:
        """Tell what kind of frame it is, if not a RELAY, and take it; *limited*: refuse it."""
        as_beacon = Heard("", None, None, Reason.LENGTH)
        maybe_beacon = len(frame) == BEACON_BYTES and frame[0] >> 4 == 0xB
        if not maybe_beacon and self.site.report_max < len(frame) <= FRAME_MAX:
            return self._attempt("checkpoint", start_us, frame, limited=limited)
        if maybe_beacon:
            as_beacon = self._attempt("beacon", start_us, frame, limited=limited)
            if as_beacon.reason in {Reason.OK, Reason.DUPLICATE}:
                return as_beacon
        try:
            form_of_length(self.site, len(frame) - TAG_BYTES)
        except RefusedError:
            return as_beacon
        as_report = self._attempt("report", start_us, frame, limited=limited)
        unread = as_report.reason in {Reason.TAG, Reason.WINDOW, Reason.LIMIT}
        return as_beacon if unread and as_beacon.kind else as_report

    def _attempt(self, kind: str, start_us: int, frame: bytes, *, limited: bool) -> Heard:
        """Take a frame as one of *kind*, unless the trials of its phase are used up."""
        take = {
            "report": self._take_report,
            "beacon": self._take_beacon,
            "checkpoint": self._take_fragment,
        }[kind]
        if limited:
            return Heard(kind, None, None, Reason.LIMIT)
        try:
            return take(start_us, frame)
        except RefusedError as refused:
            return Heard(kind, None, None, refused.reason)

    def _count_trial(self, start_us: int) -> None:
        """One more tag was computed in the phase of arrival."""
        self._trials[self.site.phase_at(start_us)] += 1

    def _require_accepted(self, p: int) -> None:
        """Refuse a phase outside the accepted ones."""
        if not self._history.accepts(p):
            raise RefusedError(Reason.WINDOW, f"phase {p}")

    # ---- REPORT

    def _take_report(self, start_us: int, frame: bytes) -> Heard:
        """Find out whose REPORT it is, by trial, and log it."""
        arrival = self.site.phase_at(start_us)
        self._require_accepted(arrival)
        for p, member, all_windows in addresses(
            self.site, start_us, self._history.accepts, search=self.search
        ):
            try:
                opened = open_report(
                    self.site,
                    self.key,
                    p,
                    member,
                    self.state,
                    frame,
                    all_windows=all_windows,
                    count=lambda: self._count_trial(start_us),
                )
            except RefusedError as refused:
                if refused.reason != Reason.TAG:
                    raise
                continue
            node = self.site.members[member].id
            try:
                self._history.add_report(p, opened.form, opened.report)
            except RefusedError as refused:
                return Heard("report", node, p, refused.reason)
            if p == self.next_phase:
                self.health.compare_bit(opened.digest_bit, self.digest)
            self._history.add_echo(p, opened.echo, {self.self_index, member})
            return Heard("report", node, p, Reason.OK)
        raise RefusedError(Reason.TAG, f"REPORT in phase {arrival}")

    def _keep_for_later(self, start_us: int, frame: bytes) -> Heard:
        """Keep a frame that nobody's prediction explains, if a checkpoint may explain it."""
        p, slot = slot_of(self.site, start_us)
        member = self.site.by_slot[p % 4].get(slot)
        form = form_of_length(self.site, len(frame) - TAG_BYTES)
        refused = Heard("report", None, None, Reason.TAG)
        if member is None or form == "X" or len(frame) > UNDECODED_MAX:
            return refused
        if (p, member) in self._history.log or (
            self.synced and not self.state.absent[member].all()
        ):
            return refused
        self.synced = False
        try:
            self._history.keep_undecoded(p, member, form, frame)
        except RefusedError as full:
            return Heard("report", None, None, full.reason)
        return Heard("report", self.site.members[member].id, p, Reason.PENDING)

    def _reopen(self, p: int, member: int, state: State, frame: bytes) -> OpenedReport | None:
        """Try an undecoded frame against the state of its own phase."""
        try:
            return open_report(self.site, self.key, p, member, state, frame)
        except RefusedError:
            return None

    # ---- BEACON

    def _take_beacon(self, start_us: int, frame: bytes) -> Heard:
        """Compare a BEACON's digest with the replica's own."""
        member, p = beacon_header(self.site, frame)
        self._require_accepted(p)
        if abs(p - self.site.phase_at(start_us)) > 1:
            raise RefusedError(Reason.WINDOW, f"phase {p}: not that of its arrival")
        self._count_trial(start_us)
        beacon = open_beacon(self.site, self.key, frame)
        node = self.site.members[member].id
        cell = p // self.site.beacon_every % BEACONS_KEPT
        if self._beacons[cell] == p:
            return Heard("beacon", node, p, Reason.DUPLICATE)
        self._beacons[cell] = max(p, self._beacons[cell])
        own = self._history.digests.get(p - 1)
        if own is not None:
            self.health.compare_beacon(beacon.digest, own)
        return Heard("beacon", node, p, Reason.OK)

    # ---- CHECKPOINT

    def _take_fragment(self, start_us: int, frame: bytes) -> Heard:
        """Collect a fragment; with K of them verify or adopt the checkpoint."""
        p = self.site.phase_at(start_us)
        self._require_accepted(p)
        era = self.site.era_of(p)
        if era != self.site.era_of(self.next_phase):
            raise RefusedError(Reason.WINDOW, f"phase {p}: of another era")
        for rank, member in enumerate(order_of_trial(self.site, era)):
            self._count_trial(start_us)
            try:
                fragment = open_fragment(self.site, self.key, p, member, frame)
            except RefusedError as refused:
                if refused.reason != Reason.TAG:
                    raise
                continue
            reason = self._checkpoints.collect(era, rank, *fragment)
            return Heard("checkpoint", self.site.members[member].id, p, reason)
        raise RefusedError(Reason.TAG, f"CHECKPOINT in phase {p}")

    def _settled(self, adopted: bool) -> None:
        """A checkpoint was verified or *adopted*."""
        if adopted:
            self.health = Health()
        self.synced = True
