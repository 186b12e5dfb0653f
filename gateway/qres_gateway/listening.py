# SPDX-License-Identifier: Apache-2.0
"""
When was the gateway listening? One row a span in the table `listening`.

A span begins when the source is open. While it lasts its end moves on with whatever transaction is
written anyway, and once in BEAT_US if none is; so after `kill -9` or a power cut the last sign of
life counts, at most BEAT_US too early. Times are those of frames: the host's clock, corrected by
what receivers with GNSS say. Where that clock is set, the span ends and another begins: each says
what the clock said at the time. A span says that the process listened to its source, not that a
receiver's antenna was connected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from qres_gateway.host_clock import STEP_US

if TYPE_CHECKING:
    from qres_gateway.database import Database
    from qres_gateway.sources.base import Instant

__all__ = ["BEAT_US", "Listening", "Span", "spans"]

BEAT_US: Final = 60_000_000
"""Longest time between two signs of life of a gateway that can write its store. [us]"""

_WITH_LISTENING: Final = 3
_NO_CLOCK_US: Final = 946_684_800_000_000  # 2000-01-01: a clock that says less has not been set
_UPSERT: Final = """
INSERT INTO listening (id, source, from_us, until_us, ended) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET from_us = excluded.from_us, until_us = excluded.until_us,
    ended = excluded.ended
"""


class Span(NamedTuple):
    """
    A time in which the gateway listened.

    Attributes:
        source: To what, as `Source.name`.
        from_us: Since when. [us]
        until_us: Until then, as far as is known. [us]
        ended: False if the gateway runs, or was killed.
    """

    source: str
    from_us: int
    until_us: int
    ended: bool


@dataclass(slots=True)
class _Open:
    """A span that the table does not have in its last form yet."""

    id: int
    source: str
    from_us: int
    until_us: int
    ended: bool = False


class Listening:
    """
    Writes the spans of one run of a gateway; says nothing until `begin`.

    Args:
        database: Open for writing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._source: str | None = None
        self._next_id = 0
        self._kept: list[_Open] = []
        self._seen: Instant | None = None
        self._true_us = 0
        self._written_us: int | None = None

    def begin(self, source: str) -> None:
        """With the next `see` listening to *source* begins."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT max(id) FROM listening").fetchone()
        self._next_id = 1 + (row[0] or 0)
        self._source = source

    def see(self, now: Instant, true_us: int) -> None:
        """
        A sign of life; no I/O.

        Args:
            now: This host's clocks.
            true_us: The wall clock, corrected as the times of frames are. [us]
        """
        if self._source is None:
            return
        before, self._seen = self._seen, now
        passed_us = 0 if before is None else now.mono_us - before.mono_us
        step_us = 0 if before is None else true_us - self._true_us - passed_us
        was_set = before is not None and (
            abs(now.wall_us - before.wall_us - passed_us) > STEP_US < abs(step_us)
        )
        self._true_us = true_us
        if true_us < _NO_CLOCK_US:
            self._close()
            return
        if was_set or not self._kept or self._kept[-1].ended:
            self._close()
            since_us = true_us - passed_us  # it has listened all the time, by whatever clock
            self._kept.append(_Open(self._next_id, self._source, since_us, true_us))
            self._next_id += 1
            return
        if abs(step_us) > STEP_US:  # the host's error is better known now: it was so all along
            self._kept[-1].from_us += step_us
        self._kept[-1].until_us = true_us

    def end(self) -> None:
        """Listening ended with the last `see`."""
        self._close()
        self._source = None

    def is_due(self, now: Instant, *, ended: bool = False) -> bool:
        """Whether a sign of life, or the last one, is worth a transaction of its own."""
        if not self._kept or ended:
            return bool(self._kept)
        return self._written_us is None or now.mono_us - self._written_us >= BEAT_US

    def write(self) -> None:
        """Bring the table up to date, inside the caller's transaction; may be repeated."""
        self._database.connection.executemany(
            _UPSERT, [(o.id, o.source, o.from_us, o.until_us, o.ended) for o in self._kept]
        )

    def written(self, now: Instant) -> None:
        """The transaction of `write` is durable."""
        self._written_us = now.mono_us
        self._kept = [o for o in self._kept if not o.ended]

    def _close(self) -> None:
        if self._kept:
            self._kept[-1].ended = True


def spans(database: Database) -> list[Span]:
    """All spans in the order in which they were begun; none from a store that has no table."""
    if database.version < _WITH_LISTENING:
        return []
    query = "SELECT source, from_us, until_us, ended FROM listening ORDER BY id"
    with database.reading() as connection:
        return [Span(s, a, b, bool(e)) for s, a, b, e in connection.execute(query)]
