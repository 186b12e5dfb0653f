# SPDX-License-Identifier: Apache-2.0
"""
Which rows of a stream a sink has got, when it takes the newest before the old.

    1 ... done | backlog | live_from ... live_to | new ... head

Rows up to `done` and those in (live_from, live_to] are delivered. As long as little is missing
there is no backlog: live_from = live_to = done, and rows go out in order. If much is missing when
the sink comes back, the newest `TAIL` rows are the live lane and what lies before is the backlog.
Both lanes are served in turn until the backlog is gone and they join.

A second gap, opened before the first is closed, makes one backlog of both: rows delivered in
between are delivered again, which points allow. So three numbers always suffice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Lanes"]


@dataclass(frozen=True, slots=True)
class Lanes:
    """Three cursors of one stream; done <= live_from <= live_to."""

    done: int = 0
    live_from: int = 0
    live_to: int = 0

    @classmethod
    def of(cls, done: int, live_from: int, live_to: int) -> Lanes:
        """Cursors as stored; what does not fit together is put right towards delivering again."""
        live_from = max(done, live_from)
        return cls(done, live_from, max(live_from, live_to)).joined()

    @property
    def has_backlog(self) -> bool:
        """Whether rows before the live lane are missing."""
        return self.done < self.live_from

    def missing(self, head: int) -> int:
        """How many ids up to *head* are not delivered."""
        return max(0, self.live_from - self.done) + max(0, head - self.live_to)

    def oldest_missing_after(self) -> int:
        """The id after which the oldest row that is not delivered comes."""
        return self.done if self.has_backlog else self.live_to

    def split(self, head: int, tail: int) -> Lanes:
        """
        Begin a live lane at the newest *tail* rows if more than twice as many are missing there.

        >>> Lanes(10, 10, 10).split(head=1000, tail=100)
        Lanes(done=10, live_from=900, live_to=900)
        >>> Lanes(10, 10, 10).split(head=100, tail=100)
        Lanes(done=10, live_from=10, live_to=10)
        """
        if head - self.live_to <= 2 * tail:
            return self
        return Lanes(self.done, head - tail, head - tail)

    def live(self, reached: int) -> Lanes:
        """Rows of the live lane up to *reached* are delivered."""
        return replace(self, live_to=reached).joined()

    def backlog(self, reached: int) -> Lanes:
        """Rows of the backlog up to *reached* are delivered."""
        return replace(self, done=min(reached, self.live_from)).joined()

    def joined(self) -> Lanes:
        """Without a backlog all three are the same number."""
        return self if self.has_backlog else Lanes(self.live_to, self.live_to, self.live_to)
