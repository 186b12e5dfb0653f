# SPDX-License-Identifier: Apache-2.0
"""A replica's base state, its log and the states folded from them (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable

from .fold import Report, commit
from .frames import OpenedReport
from .reasons import Reason, RefusedError
from .site import RefSite
from .state import State, digest

__all__ = ["DIGESTS_KEPT", "History"]

DIGESTS_KEPT = 8
AHEAD = 2

Key = tuple[int, int]
"""Phase and index of a member: what the log knows a report by."""


class History:
    """
    Base, log and newest state of a replica, SPEC 8.

    The state of every phase since base is kept, so that a late report is folded in from its own
    phase on; the result is that of folding anew from base.

    Args:
        site: The site.
        base: State from which to begin.
        reopen: Tries to read an undecoded frame (phase, member, state of the phase before).
        capacity: Most reports and undecoded frames in the log; None for no limit.

    Attributes:
        base: The state under the log.
        moved: Whether a full log has moved base since the era began, or since the start.
        reports: Accepted reports after base.
        undecoded: Frames kept until the state that they need is known.
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
        self.reports: dict[Key, Report] = {}
        self.undecoded: dict[Key, bytes] = {}
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

    def has(self, p: int, member: int) -> bool:
        """Whether the log has a report, or an undecoded frame, of that phase and member."""
        return (p, member) in self.reports or (p, member) in self.undecoded

    def advance(self) -> None:
        """Commit the next phase; at the end of an era the log starts anew on the snapshot."""
        self._commit()
        if (self.state.phase + 1) % self._site.phases_per_day == 0:
            self._set_base(self.state)

    def add_report(self, p: int, report: Report) -> None:
        """
        Put a report into the log, and into the states if its phase is already committed.

        Raises:
            RefusedError: DUPLICATE, WINDOW or FULL.
        """
        key = (p, report.member)
        if key in self.reports:
            raise RefusedError(Reason.DUPLICATE, f"phase {p}, member {report.member}")
        if self.undecoded.pop(key, None) is None:
            self._make_room(p)
        self.reports[key] = report
        self._rebuild(p, self.state.phase)

    def keep_undecoded(self, p: int, member: int, frame: bytes) -> None:
        """
        Keep a frame until a checkpoint comes.

        Raises:
            RefusedError: DUPLICATE, WINDOW or FULL.
        """
        key = (p, member)
        if key in self.undecoded or key in self.reports:
            raise RefusedError(Reason.DUPLICATE, f"phase {p}, member {member}")
        self._make_room(p)
        self.undecoded[key] = frame

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
        self.reports = {k: r for k, r in self.reports.items() if k[0] > base.phase}
        self.undecoded = {k: f for k, f in self.undecoded.items() if k[0] > base.phase}

    def _make_room(self, p: int) -> None:
        """Fold the oldest logged phases into base until one more entry fits, SPEC 8."""
        if self._capacity is None:
            return
        while len(self.reports) + len(self.undecoded) >= self._capacity:
            oldest = min((*self.reports, *self.undecoded))[0]
            if oldest >= p or oldest > self.state.phase:
                raise RefusedError(Reason.FULL, f"phase {p}: the log has no room")
            self._set_base(next(s for s in self._states if s.phase == oldest))
            self.moved = True

    def _commit(self) -> None:
        """Commit the phase after the newest."""
        p = self.state.phase + 1
        reports = [r for (q, _), r in self.reports.items() if q == p]
        self._states.append(commit(self._site, self.state, reports))
        self.digests[p] = digest(self.state)
        self.digests = {q: d for q, d in self.digests.items() if q > p - DIGESTS_KEPT}

    def _rebuild(self, p: int, newest: int) -> None:
        """Commit phases *p*..*newest* anew, reading undecoded frames as it becomes possible."""
        if p > newest:
            return
        self._states = [s for s in self._states if s.phase < p]
        # Further than committed: a frame of the phase under way may have become readable.
        for q in range(p, newest + 1 + AHEAD):
            for key in [k for k in sorted(self.undecoded) if k[0] == q]:
                opened = self._reopen(*key, self.state, self.undecoded[key])
                if opened:
                    del self.undecoded[key]
                    self.reports[key] = opened.report
            if q <= newest:
                self._commit()
