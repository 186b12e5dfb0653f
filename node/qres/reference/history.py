# SPDX-License-Identifier: Apache-2.0
"""A replica's base state, its log and the states folded from them (SPEC 6.5 and 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
        log: Accepted reports after base, frames that wait, what echoes and relays told.
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
        self._together = False
        self._changed: set[int] = set()

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

        It takes the place of the same report undecoded or known by its low bits.

        Raises:
            RefusedError: DUPLICATE or FULL.
        """
        key = (p, report.member)
        known = self.log.get(key)
        if known and known.report:
            raise RefusedError(Reason.DUPLICATE, f"phase {p}, member {report.member}")
        if not known and not self._make_room(p):
            raise RefusedError(Reason.FULL, f"phase {p}: the log has no room")
        entry = Entry(form, report=report)
        if known:
            entry = replace(entry, echoes=known.echoes, relayed=known.relayed)
        self.log[key] = entry
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
        else:
            self.add_low(q, member, echo.low, echoes=1)

    def add_low(self, q: int, member: int, low: tuple[int, ...], echoes: int = 0) -> None:
        """Put the low bits of a report into the log, if it knows nothing of it and has room."""
        if (q, member) not in self.log and self._make_room(q):
            self.log[q, member] = Entry("S", low=low, echoes=echoes)
            self._rebuild(q, self.state.phase)

    def mark_relayed(self, keys: Iterable[Key]) -> None:
        """Note that entries were put into a RELAY, SPEC 6.6."""
        for key in keys:
            self.log[key] = replace(self.log[key], relayed=True)

    def repeat(self, p: int, own: int) -> Echo:
        """What member *own* repeats in its REPORT of phase *p*; it counts, SPEC 6.5."""
        chosen = choose_echo(self._site, self.log, p, own) if self._site.echo else None
        if chosen is None:
            return NO_ECHO
        key, echo = chosen
        self.log[key] = replace(self.log[key], echoes=self.log[key].echoes + 1)
        return echo

    @contextmanager
    def together(self) -> Iterator[None]:
        """Rebuild once, after the last of several changes of the log, SPEC 6.6."""
        self._together = True
        yield
        self._together = False
        self._catch_up()

    def _catch_up(self) -> None:
        """Rebuild for the changes that wait for it."""
        waiting, self._changed = self._changed, set()
        if waiting:
            self._fold_again(min(waiting), self.state.phase)

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
            self._catch_up()
            oldest = min(self.log)[0]
            if oldest >= p or oldest > self.state.phase:
                return False
            self._set_base(next(s for s in self._states if s.phase == oldest))
            self.moved = True
        return True

    def _commit(self) -> None:
        """Commit the phase after the newest, reading its undecoded frames if that is possible."""
        p = self.state.phase + 1
        reports = []
        for key in [key for key in self.log if key[0] == p]:
            report = self._read(key)
            if report:
                reports.append(report)
        self._states.append(commit(self._site, self.state, reports))
        self.digests[p] = digest(self.state)
        self.digests = {q: d for q, d in self.digests.items() if q > p - DIGESTS_KEPT}

    def _read(self, key: Key) -> Report | None:
        """What an entry of the phase after the newest says, read against the newest state."""
        entry, member = self.log[key], key[1]
        if entry.low is not None:
            return read_low(self._site, self.state, member, entry.low)
        opened = entry.frame and self._reopen(*key, self.state, entry.frame)
        if opened:
            self.log[key] = entry = replace(entry, report=opened.report, frame=None)
        return entry.report

    def _rebuild(self, p: int, newest: int) -> None:
        """Commit phases *p*..*newest* anew, now or after the last of several changes."""
        if p > newest:
            return
        if self._together:
            self._changed.add(p)
        else:
            self._fold_again(p, newest)

    def _fold_again(self, p: int, newest: int) -> None:
        """Commit phases *p*..*newest* anew, trying undecoded frames again."""
        # Undecoded frames of earlier phases are tried again too, as if folding from base.
        p = min([p, *(q for (q, _), entry in self.log.items() if entry.frame is not None)])
        self._states = [s for s in self._states if s.phase < p]
        while self.state.phase < newest:
            self._commit()
