# SPDX-License-Identifier: Apache-2.0
"""
One sink fed from the store, synchronously: what its thread does, turn by turn.

A turn first delivers everything that is new in each stream, then at most one batch of the
backlog. So new rows wait for one batch at most, and as there is no pause between turns while a
backlog is left, it is worked off as fast as the server confirms. A cursor moves only after that;
what a crash leaves between the two is delivered again. Memory: one batch of points.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from qres_gateway.database import Database
from qres_gateway.sinks import cursors
from qres_gateway.sinks.base import SinkStats
from qres_gateway.sinks.errors import SinkSlowError
from qres_gateway.sinks.feed import streams
from qres_gateway.sinks.point import point

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qres_gateway.sinks.base import Sink
    from qres_gateway.sinks.feed import Chunk, Stream
    from qres_gateway.sinks.field import SinkField
    from qres_gateway.sinks.lanes import Lanes
    from qres_gateway.sinks.point import Point

__all__ = ["BATCH_POINTS", "Delivery"]

BATCH_POINTS: Final = 5_000
"""About how many points a batch has at most; InfluxData's own advice for a write."""
_BATCH_LEAST: Final = 100
_SLOW_S: Final = 2.0
_QUICK_S: Final = 0.5
GAUGES_KEPT: Final = 1_440
"""How many readings of `gateway` wait for a sink that is down: half a day of two sinks."""


class Delivery:
    """
    The state of one sink.

    Args:
        sink: Where points go.
        store: The gateway's database; opened by `open`, with a connection of its own.
        field: The field.
        now_us: This host's wall clock. [us since the Unix epoch]
        batch_points: See BATCH_POINTS.
    """

    def __init__(
        self,
        sink: Sink,
        store: Path,
        field: SinkField,
        now_us: Callable[[], int],
        *,
        batch_points: int = BATCH_POINTS,
    ) -> None:
        self._sink = sink
        self._store = store
        self._field = field
        self._now_us = now_us
        self._batch_most = self._batch = batch_points
        self._database: Database | None = None
        self._streams: tuple[Stream, ...] = ()
        self._lanes: dict[str, Lanes] = {}
        self._saved: dict[str, Lanes] = {}
        self._gauges: deque[Point] = deque(maxlen=GAUGES_KEPT)
        self._frames_before = 0
        self.written = 0
        self.rejected = 0

    def open(self) -> None:
        """
        Open store and sink, as far as they are not open yet.

        Raises:
            FrameLogError: The store cannot be used.
            SinkError: The sink cannot be opened.
        """
        if self._database is None:
            database = Database.open(self._store)
            self._streams = streams(database, self._field)
            self._lanes = {
                s.name: cursors.load(database, self._sink.name, s.name) for s in self._streams
            }
            self._saved = dict(self._lanes)
            self._database = database
            self._frames_before = self._frames(database)
        self._sink.open()

    def turn(self) -> bool:
        """
        Deliver what is new, and one batch of the backlog.

        Returns:
            Whether a backlog is left.

        Raises:
            SinkError, FrameLogError: Not everything was delivered; what was is remembered.
        """
        try:
            for stream in self._streams:
                self._live(stream)
            self._send_gauges()
            for stream in self._streams:
                if self._lanes[stream.name].has_backlog:
                    self._backlog(stream)
                    break
        finally:
            self._save()
        return any(lanes.has_backlog for lanes in self._lanes.values())

    def backlog(self) -> tuple[int, float]:
        """Rows not delivered, and the age of the oldest. [s] Raises FrameLogError."""
        rows, oldest_us = 0, self._now_us()
        for stream in self._streams:
            lanes = self._lanes[stream.name]
            missing = lanes.missing(stream.head())
            if missing:
                rows += missing
                at_us = stream.time_after(lanes.oldest_missing_after())
                oldest_us = oldest_us if at_us is None else min(oldest_us, at_us)
        return rows, (self._now_us() - oldest_us) / 1e6

    def gauge(self, stats: Sequence[SinkStats], at_us: int) -> None:
        """Let the sink have a reading of every sink, when it can be reached."""
        if self._database is None:
            return
        sizes = [self._store, self._store.with_name(self._store.name + "-wal")]
        whole: dict[str, float | str | None] = {
            "store_bytes": sum(path.stat().st_size for path in sizes if path.exists()),
            "frames": self._frames(self._database) - self._frames_before,
        }
        for s in stats:
            fields: dict[str, float | str | None] = {
                "backlog_rows": s.backlog_rows,
                "backlog_age_s": s.backlog_age_s,
                "written_points": s.written_points,
                "failures": s.failures,
            }
            made = point("gateway", (self._field.name, s.name), at_us, fields | whole)
            if made is not None:
                self._gauges.append(made)

    def close(self) -> None:
        """Let go of sink and store."""
        self._sink.close()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _live(self, stream: Stream) -> None:
        head = stream.head()
        self._lanes[stream.name] = self._lanes[stream.name].split(head, stream.tail)
        while (lanes := self._lanes[stream.name]).live_to < head:
            chunk = self._send(stream, lanes.live_to, head)
            self._lanes[stream.name] = lanes.live(chunk.reached)

    def _backlog(self, stream: Stream) -> None:
        lanes = self._lanes[stream.name]
        chunk = self._send(stream, lanes.done, lanes.live_from)
        self._lanes[stream.name] = lanes.backlog(chunk.reached)

    def _send(self, stream: Stream, after: int, up_to: int) -> Chunk:
        rows = max(1, self._batch // stream.points_per_row)
        chunk = stream.read(after, up_to, rows)
        self._write(chunk.points)
        return chunk

    def _send_gauges(self) -> None:
        waiting = list(self._gauges)
        self._write(waiting)
        for _ in waiting:
            self._gauges.popleft()

    def _write(self, points: Sequence[Point]) -> None:
        """Deliver; batches shrink while the server is slow and grow again when it is quick."""
        if not points:
            return
        begun = time.monotonic()
        try:
            rejected = self._sink.write(points)
        except SinkSlowError:
            self._batch = max(_BATCH_LEAST, self._batch // 2)
            raise
        took_s = time.monotonic() - begun
        if took_s > _SLOW_S:
            self._batch = max(_BATCH_LEAST, self._batch // 2)
        elif took_s < _QUICK_S:
            self._batch = min(self._batch_most, 2 * self._batch)
        self.rejected += rejected
        self.written += len(points) - rejected

    def _save(self) -> None:
        changed = {n: lanes for n, lanes in self._lanes.items() if lanes != self._saved.get(n)}
        if changed and self._database is not None:
            cursors.save(self._database, self._sink.name, changed)
            self._saved |= changed

    @staticmethod
    def _frames(database: Database) -> int:
        with database.reading() as connection:
            query = "SELECT seq FROM sqlite_sequence WHERE name = 'frame'"
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0
