# SPDX-License-Identifier: Apache-2.0
"""Relay slots: which one a frame is of, what goes into the own ones, what comes (SPEC 6.6, 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from .addressing import slot_of
from .checkpoints import Checkpoints, order_of_trial
from .fixed import clip
from .fold import Report
from .frames import FRAME_MAX, TAG_BYTES
from .heard import Heard
from .history import History
from .log import Entry, Key
from .reasons import Reason, RefusedError
from .relay import (
    COUNT_BITS,
    RECORD_AGE_MAX,
    RECORDS_MAX,
    Relay,
    RelayRecord,
    open_relay,
    record_bits,
    relay_kind,
    seal_relay,
)
from .site import GUARD_US, RefSite

__all__ = ["RelayDesk", "choose_records", "later_relay_slots", "likely_relay_slots"]

PHASES_KEPT = 4
"""Phases that a receiver remembers of each relay and kind."""


# ---- whose a frame may be, SPEC 8


def _place(site: RefSite, start_us: int) -> tuple[int, int]:
    """Phase in which a frame starts, and t of SPEC 8: 0 unless it is nearest to a relay slot."""
    p, slot = slot_of(site, start_us)
    if slot < site.slots:
        return p, 0
    late_us = start_us - site.slot_start_us(p, site.slots) - GUARD_US // 2
    return p, clip((late_us + site.common_us // 2) // site.common_us, 0, site.relay_slots)


def likely_relay_slots(
    site: RefSite, start_us: int, accepts: Callable[[int], bool]
) -> list[tuple[int, int]]:
    """
    Phase and relay slot that a frame is tried as before it is tried as anything else, SPEC 8.

    Args:
        site: The site.
        start_us: Start of the frame. [us] since 1970
        accepts: Whether a phase is accepted.
    """
    p, t = _place(site, start_us)
    if t == 0 or not accepts(p):
        return []
    return [(p, r) for r in (t - 1, t - 2, t) if 0 <= r < site.relay_slots]


def later_relay_slots(
    site: RefSite, start_us: int, accepts: Callable[[int], bool]
) -> Iterator[tuple[int, int]]:
    """The others that a receiver told to search tries when all else has failed, SPEC 8."""
    tried = likely_relay_slots(site, start_us, accepts)
    p = site.phase_at(start_us)
    for q in (p, p - 1, p + 1):
        if accepts(q):
            yield from ((q, r) for r in range(site.relay_slots) if (q, r) not in tried)


# ---- what a relay says, SPEC 6.6


def _record(site: RefSite, entry: Entry, age: int, slot: int) -> RelayRecord:
    """The record that stands for an entry of the log."""
    low = entry.told(site)
    if low is not None:
        return RelayRecord(age, slot, low)
    if entry.report is None:
        raise ValueError("entry = undecoded: must be decoded or known by its low bits")
    told = entry.report
    return RelayRecord(age, slot, None, told.included, told.absent, told.k)


def choose_records(
    site: RefSite, log: Mapping[Key, Entry], p: int, own: int
) -> dict[Key, RelayRecord]:
    """The records that member *own* puts into a RELAY of phase *p*, in order, SPEC 6.6."""
    keys = [
        (q, m)
        for (q, m), entry in log.items()
        if 0 <= p - q <= RECORD_AGE_MAX and m != own and not entry.relayed and entry.frame is None
    ]
    chosen: dict[Key, RelayRecord] = {}
    bits = COUNT_BITS
    for q, m in sorted(keys)[:RECORDS_MAX]:
        record = _record(site, log[q, m], p - q, site.members[m].slot)
        bits += record_bits(site, record)
        if bits > 8 * (FRAME_MAX - TAG_BYTES):
            break
        chosen[q, m] = record
    return chosen


class RelayDesk:
    """
    A replica's dealings with relays, SPEC 6.6.

    Args:
        site: The site.
        key: The field key, 16 bytes.
        history: The replica's base and log.
        checkpoints: The replica's checkpoints, with the fragment that it holds.
        own: Index of the member that the replica is; None for a receiver without slot.
    """

    def __init__(
        self,
        site: RefSite,
        key: bytes,
        history: History,
        checkpoints: Checkpoints,
        own: int | None,
    ) -> None:
        self._site = site
        self._key = key
        self._history = history
        self._checkpoints = checkpoints
        self._own = own
        self._heard: dict[tuple[int, int], list[int]] = {}

    def frame(self, p: int, r: int, own: int) -> bytes | None:
        """What member *own* sends in its relay slot *r* of phase *p*; it counts as said."""
        relay = self._compose(p, r, own)
        return seal_relay(self._site, self._key, p, r, relay) if relay else None

    def _compose(self, p: int, r: int, own: int) -> Relay | None:
        """Records or the fragment, whichever goes first in this slot, SPEC 6.6."""
        fragment_first = r >= len(self._site.relays)
        relay = (self._fragment(p) if fragment_first else None) or self._records(p, own)
        return relay or self._fragment(p)

    def _fragment(self, p: int) -> Relay | None:
        """The fragment that is held, if it is of the era of phase *p*."""
        held = self._checkpoints.held
        if held is None or held.era != self._site.era_of(p):
            return None
        self._checkpoints.held = None
        return Relay(fragment=held.fragment)

    def _records(self, p: int, own: int) -> Relay | None:
        """Records of what was heard and not yet said."""
        chosen = choose_records(self._site, self._history.log, p, own)
        self._history.mark_relayed(chosen)
        return Relay(tuple(chosen.values())) if chosen else None

    def hear(
        self, slots: Iterable[tuple[int, int]], frame: bytes, count: Callable[[], None]
    ) -> Heard | None:
        """
        Take a frame as the RELAY of one of *slots*, if it is one.

        Args:
            slots: Phase and relay slot, in order of trial.
            frame: Of 5..51 B.
            count: Called for each tag computed.

        Returns:
            What became of it; None if it is none of these.
        """
        for p, r in slots:
            count()
            node = self._site.members[self._site.relay_of(r)].id
            try:
                self._take(p, r, open_relay(self._site, self._key, p, r, frame))
            except RefusedError as refused:
                if refused.reason != Reason.TAG:
                    return Heard("relay", node, p, refused.reason)
                continue
            return Heard("relay", node, p, Reason.OK, r)
        return None

    def _take(self, p: int, r: int, relay: Relay) -> None:
        """Take what an authentic RELAY says, unless it is a duplicate."""
        sender = self._site.relay_of(r), relay_kind(self._site, r)
        phases = self._heard.setdefault(sender, [-1] * PHASES_KEPT)
        if phases[p % PHASES_KEPT] == p:
            raise RefusedError(Reason.DUPLICATE, f"RELAY of slot {r} in phase {p}")
        phases[p % PHASES_KEPT] = max(p, phases[p % PHASES_KEPT])
        with self._history.together():
            for record in relay.records:
                self._take_record(p - record.age, record)
        if relay.fragment:
            self._take_fragment(p, relay)

    def _take_record(self, q: int, record: RelayRecord) -> None:
        """Put into the log what a record says of phase *q*, if that is news."""
        member = self._site.by_slot[q % 4].get(record.slot)
        if member is None or member == self._own or not self._history.accepts(q):
            return
        if record.low is not None:
            self._history.add_low(q, member, record.low)
            return
        report = Report(member, record.included, record.absent, record.k)
        try:
            self._history.add_report(q, "X", report)
        except RefusedError as refused:
            if refused.reason not in {Reason.DUPLICATE, Reason.FULL}:
                raise

    def _take_fragment(self, p: int, relay: Relay) -> None:
        """Judge a fragment as if its scribe had been heard in phase *p*."""
        era, f = self._site.era_of(p), relay.fragment
        if f is None or era != self._site.era_of(self._history.state.phase + 1):
            return
        order = order_of_trial(self._site, era)
        if f.rank < len(order) and order[f.rank] != self._own:
            self._checkpoints.collect(era, f.rank, f.number, f.blob_bytes, f.data)
