# SPDX-License-Identifier: Apache-2.0
"""Decoded facts, stored for sinks that follow by cursor: at least once, in order, idempotent.

A sink remembers the last `frame_id` and `seq` it has delivered (`FrameLog.set_cursor`). A frame
is named by its `frame_id`, a commit by its `time_us`: writing either twice must be harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qres_gateway.events import FrameHeard, PhaseCommitted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from qres_gateway.database import Database
    from qres_gateway.events import Event


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """What became of one row of the frame log. `reason` is "" if it was accepted."""

    frame_id: int
    rx_us: int
    kind: str
    node: int | None
    phase: int | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class StoredCommit:
    """One committed phase: `values` (nodes x channels, float32, NaN = absent), `status` (nodes).

    time_us: When the phase began; names the commit.
    """

    seq: int
    time_us: int
    phase: int
    digest: int
    values: NDArray[np.float32]
    status: NDArray[np.uint8]


class Outbox:
    """Writes and reads the `decoded` and `committed` tables of an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, events: Iterable[Event]) -> None:
        """Store what is for sinks among the events, inside the caller's transaction."""
        frames: list[tuple[object, ...]] = []
        commits: list[tuple[object, ...]] = []
        for event in events:
            if isinstance(event, FrameHeard):
                frames.append(
                    (
                        event.frame_id,
                        event.rx_us,
                        event.kind,
                        event.node,
                        event.phase,
                        event.reason,
                    )
                )
            elif isinstance(event, PhaseCommitted):
                commits.append(
                    (
                        event.time_us,
                        event.phase,
                        event.digest,
                        event.values.shape[0],
                        event.values.astype("<f4").tobytes(),
                        event.status.astype("u1").tobytes(),
                    )
                )
        connection = self._database.connection
        connection.executemany("INSERT OR REPLACE INTO decoded VALUES (?, ?, ?, ?, ?, ?)", frames)
        connection.executemany(
            "INSERT OR REPLACE INTO committed (time_us, phase, digest, nodes, vals, status)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            commits,
        )

    @property
    def last_commit_us(self) -> int | None:
        """Beginning of the phase that was stored last; None if none was."""
        with self._database.reading() as connection:
            query = "SELECT time_us FROM committed ORDER BY seq DESC LIMIT 1"
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else None

    @property
    def last_seq(self) -> int:
        """The highest `seq` so far; 0 if none."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT max(seq) FROM committed").fetchone()
        return int(row[0] or 0)

    def frames_after(self, frame_id: int, limit: int) -> list[DecodedFrame]:
        """Up to `limit` decoded frames above `frame_id`, by id."""
        query = "SELECT * FROM decoded WHERE frame_id > ? ORDER BY frame_id LIMIT ?"
        with self._database.reading() as connection:
            return [DecodedFrame(*row) for row in connection.execute(query, (frame_id, limit))]

    def commits_after(self, seq: int, limit: int) -> list[StoredCommit]:
        """Up to `limit` commits above `seq`, by seq."""
        query = "SELECT * FROM committed WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._database.reading() as connection:
            rows = connection.execute(query, (seq, limit)).fetchall()
        return [
            StoredCommit(
                seq,
                time_us,
                phase,
                digest,
                np.frombuffer(values, "<f4").reshape(nodes, -1),
                np.frombuffer(status, "u1"),
            )
            for seq, time_us, phase, digest, nodes, values, status in rows
        ]
