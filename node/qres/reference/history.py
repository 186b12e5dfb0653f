# SPDX-License-Identifier: Apache-2.0
"""A replica's base state, its log and the states folded from them (SPEC 6.5 and 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .echo import NO_ECHO, Echo
from .fold import Report, commit
from .frames import OpenedReport
from .log import Entry, Key, choose_echo, read_low
from .reasons import Reason, RefusedError
from .site import RefSite
from .state import State, digest

__all__ = ["DIGESTS_KEPT", "History"]

DIGESTS_KEPT = 8
AHEAD = 2


class History:
    """
    Base, log and newest state of a replica, SPEC 8.

    The state of every phase since base is kept, so that a late report is folded in from its own
    phase on; the result is that of folding anew from base.

    Args:
        site: The site.
        base: State from which to begin.
        reopen: Tries to read an undecoded frame (phase, member, state of the phase before).
        capacity: Most entries of the log; None for no limit.

    Attributes:
        base: The state under the log.
        moved: Whether a full log has moved base since the era began, or since the start.
        log: Accepted reports after base, frames that wait, and what is known from echoes.
        digests: Digests of the newest phases.
    """

    def __init__(
        self,
        site: RefSite,
        base: State,
        reopen: Callable[[int, int, State, bytes], OpenedReport | None],
        capacity: int | None = None,
    ) -> None:
        self.base = base
        self.moved = False
        self.log: dict[Key, Entry] = {}
        self.digests = {base.phase: digest(base)}
        self._site = site
        self._states = [base]
        self._reopen = reopen
        self._capacity = capacity

    @property
    def state(self) -> State:
        """The newest state."""
        return self._states[-1]

    def accepts(self, p: int) -> bool:
        """Whether reports of phase *p* are still, or already, accepted."""
        return self.base.phase < p <= self.state.phase + AHEAD

    def advance(self) -> None:
        """Commit the next phase; at the end of an era the log starts anew on the snapshot."""
        self._commit()
        if (self.state.phase + 1) % self._site.phases_per_day == 0:
            self._set_base(self.state)

    def add_report(self, p: int, form: str, report: Report) -> None:
        """
        Put a report into the log, and into the states if its phase is already committed.

        It takes the place of the same report undecoded or known from an echo.

        Raises:
            RefusedError: DUPLICATE or FULL.
        """
        key = (p, report.member)
        known = self.log.get(key)
        if known and known.report:
            raise RefusedError(Reason.DUPLICATE, f"phase {p}, member {report.member}")
        if not known and not self._make_room(p):
            raise RefusedError(Reason.FULL, f"phase {p}: the log has no room")
        self.log[key] = Entry(form, report=report, echoes=known.echoes if known else 0)
        self._rebuild(p, self.state.phase)

    def keep_undecoded(self, p: int, member: int, form: str, frame: bytes) -> None:
        """
        Keep a frame until a checkpoint comes.

        Raises:
            RefusedError: DUPLICATE or FULL.
        """
        if (p, member) in self.log:
            raise RefusedError(Reason.DUPLICATE, f"phase {p}, member {member}")
        if not self._make_room(p):
            raise RefusedError(Reason.FULL, f"phase {p}: the log has no room")
        self.log[p, member] = Entry(form, frame=frame)

    def add_echo(self, p: int, echo: Echo, not_of: set[int | None]) -> None:
        """
        Take what an accepted REPORT of phase *p* repeats, SPEC 6.5.

        Args:
            p: Phase of the REPORT.
            echo: What it repeats.
            not_of: Members whose reports it does not tell: the receiver itself and the sender.
        """
        q = p - echo.age
        member = self._site.by_slot[q % 4].get(echo.slot)
        if echo.age == 0 or member is None or member in not_of or not self.accepts(q):
            return
        known = self.log.get((q, member))
        if known:
            self.log[q, member] = replace(known, echoes=known.echoes + 1)
        elif self._make_room(q):
            self.log[q, member] = Entry("S", low=echo.low, echoes=1)
            self._rebuild(q, self.state.phase)

    def repeat(self, p: int, own: int) -> Echo:
        """What member *own* repeats in its REPORT of phase *p*; it counts, SPEC 6.5."""
        chosen = choose_echo(self._site, self.log, p, own) if self._site.echo else None
        if chosen is None:
            return NO_ECHO
        key, echo = chosen
        self.log[key] = replace(self.log[key], echoes=self.log[key].echoes + 1)
        return echo

    def adopt(self, base: State) -> None:
        """Put another state under the log and rebuild."""
        newest = self.state.phase
        self._set_base(base)
        self.digests[base.phase] = digest(base)
        self._rebuild(base.phase + 1, newest)

    def _set_base(self, base: State) -> None:
        """Make *base* the base and forget what the log has up to its phase."""
        self.base = base
        self.moved = False
        self._states = [base, *(s for s in self._states if s.phase > base.phase)]
        self.log = {k: entry for k, entry in self.log.items() if k[0] > base.phase}

    def _make_room(self, p: int) -> bool:
        """Fold the oldest logged phases into base until one more entry fits, SPEC 8."""
        while self._capacity is not None and len(self.log) >= self._capacity:
            oldest = min(self.log)[0]
            if oldest >= p or oldest > self.state.phase:
                return False
            self._set_base(next(s for s in self._states if s.phase == oldest))
            self.moved = True
        return True

    def _commit(self) -> None:
        """Commit the phase after the newest."""
        p = self.state.phase + 1
        reports = []
        for (q, member), entry in self.log.items():
            report = entry.report
            if q == p and entry.low is not None:
                report = read_low(self._site, self.state, member, entry.low)
            if q == p and report:
                reports.append(report)
        self._states.append(commit(self._site, self.state, reports))
        self.digests[p] = digest(self.state)
        self.digests = {q: d for q, d in self.digests.items() if q > p - DIGESTS_KEPT}

    def _rebuild(self, p: int, newest: int) -> None:
        """Commit phases *p*..*newest* anew, reading undecoded frames as it becomes possible."""
        if p > newest:
            return
        # Undecoded frames of earlier phases are tried again too, as if folding from base.
        p = min([p, *(q for (q, _), entry in self.log.items() if entry.frame is not None)])
        self._states = [s for s in self._states if s.phase < p]
        # Further than committed: a frame of the phase under way may have become readable.
        for q in range(p, newest + 1 + AHEAD):
            for key in sorted(k for k, e in self.log.items() if k[0] == q and e.frame is not None):
                entry = self.log[key]
                opened = self._reopen(*key, self.state, entry.frame or b"")
                if opened:
                    self.log[key] = replace(entry, report=opened.report, frame=None)
            if q <= newest:
                self._commit()
