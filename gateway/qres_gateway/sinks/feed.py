# SPDX-License-Identifier: Apache-2.0
"""
The store as three streams of points: frames, commits, and sums of the RF ledger.

A stream has ids that rise. It is read from any id on, as often as one likes, with the same
points coming out: nothing here remembers what was delivered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from qres_gateway.ledger import HOUR_US, AirtimeRow, Ledger
from qres_gateway.outbox import Outbox
from qres_gateway.sinks import points
from qres_gateway.sinks.fwi_daily import FwiDaily

if TYPE_CHECKING:
    from qres_gateway.database import Database
    from qres_gateway.outbox import StoredCommit
    from qres_gateway.sinks.field import SinkField
    from qres_gateway.sinks.point import Point

__all__ = ["Chunk", "Stream", "streams"]


class Chunk(NamedTuple):
    """Points of the rows up to id `reached`; `reached` is the id asked after if there are none."""

    points: list[Point]
    reached: int


class Stream(Protocol):
    """
    One table as a feed.

    Attributes:
        name: Short, part of the cursors' names.
        tail: How many rows count as "now": see `lanes`.
        points_per_row: About how many points a row makes, for sizing batches.
    """

    name: str
    tail: int
    points_per_row: int

    def head(self) -> int:
        """The newest id; 0 if there is none."""
        ...

    def read(self, after: int, up_to: int, rows: int) -> Chunk:
        """Points of at most *rows* rows with ids in (after, up_to]."""
        ...

    def time_after(self, after: int) -> int | None:
        """When the first row after an id was whole; None if there is none. [us, Unix epoch]"""
        ...


def streams(database: Database, field: SinkField) -> tuple[Stream, ...]:
    """The streams of a store: commits first, for they are what people wait for."""
    outbox = Outbox(database)
    return (
        _Commits(database, outbox, field),
        _Frames(database, outbox, field),
        _Hours(database, field),
    )


def _one(database: Database, query: str, *arguments: int) -> int | None:
    with database.reading() as connection:
        row = connection.execute(query, arguments).fetchone()
    return None if row is None or row[0] is None else int(row[0])


class _Commits:
    name: str = "commits"
    tail: int = 16  # four epochs

    def __init__(self, database: Database, outbox: Outbox, field: SinkField) -> None:
        self._database = database
        self._outbox = outbox
        self._field = field
        self._fwi = FwiDaily(field, outbox)
        self.points_per_row = 2 + 3 * len(field.nodes) // 4

    def head(self) -> int:
        return self._outbox.last_seq

    def read(self, after: int, up_to: int, rows: int) -> Chunk:
        found = self._outbox.commits_after(after, rows, up_to=up_to)
        made = [p for commit in found for p in self._points(commit)]
        return Chunk(made, found[-1].seq if found else up_to)

    def time_after(self, after: int) -> int | None:
        query = "SELECT time_us FROM committed WHERE seq > ? ORDER BY seq LIMIT 1"
        return _one(self._database, query, after)

    def _points(self, commit: StoredCommit) -> list[Point]:
        field = self._field
        if len(commit.status) != len(field.nodes):
            return []  # the site file has other nodes now: which were which is not known
        made = points.weather_points(field, commit) + points.swarm_point(field, commit)
        if field.ends_epoch(commit.phase):
            end_us = commit.time_us + field.phase_us
            newest = [self._outbox.newest_heard(i, end_us) for i in field.site.ids]
            made += points.fire_points(field, commit)
            made += points.node_points(field, commit, newest)
        return made + self._fwi.points(commit)


class _Frames:
    name: str = "frames"
    tail: int = 500
    points_per_row: int = 1

    def __init__(self, database: Database, outbox: Outbox, field: SinkField) -> None:
        self._database = database
        self._outbox = outbox
        self._field = field

    def head(self) -> int:
        return self._outbox.last_frame_id

    def read(self, after: int, up_to: int, rows: int) -> Chunk:
        found, reached = self._outbox.heard_after(after, up_to, rows)
        made = [p for frame in found for p in points.frame_point(self._field, frame)]
        return Chunk(made, reached if reached > after else up_to)

    def time_after(self, after: int) -> int | None:
        query = "SELECT rx_us FROM decoded WHERE frame_id > ? ORDER BY frame_id LIMIT 1"
        return _one(self._database, query, after)


class _Hours:
    """Hours whose sums have changed. A changed hour comes anew with a higher id."""

    name: str = "hours"
    tail: int = 24
    _POINTS_PER_NODE: Final = 2

    def __init__(self, database: Database, field: SinkField) -> None:
        self._database = database
        self._ledger = Ledger(database)
        self._field = field
        self.points_per_row = self._POINTS_PER_NODE * len(field.nodes)

    def head(self) -> int:
        return _one(self._database, "SELECT max(seq) FROM ledger_change") or 0

    def read(self, after: int, up_to: int, rows: int) -> Chunk:
        query = (
            "SELECT seq, hour FROM ledger_change WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        )
        with self._database.reading() as connection:
            found = connection.execute(query, (after, up_to, rows)).fetchall()
        made = [p for _, hour in found for p in self._points(int(hour))]
        return Chunk(made, int(found[-1][0]) if len(found) == rows else up_to)

    def time_after(self, after: int) -> int | None:
        query = "SELECT hour FROM ledger_change WHERE seq > ? ORDER BY seq LIMIT 1"
        hour = _one(self._database, query, after)
        return None if hour is None else (hour + 1) * HOUR_US  # its sums are whole then

    def _points(self, hour: int) -> list[Point]:
        rows = self._ledger.rows(hour, hour + 1)
        gone = "SELECT hour, node, kind, band, 0, 0, 0 FROM ledger_gone WHERE hour = ?"
        with self._database.reading() as connection:
            rows += [AirtimeRow(*row) for row in connection.execute(gone, (hour,))]
        return points.rf_points(self._field, hour, rows, self._ledger.refused(hour, hour + 1))
