# SPDX-License-Identifier: Apache-2.0
"""Decoded facts, stored for sinks that follow by cursor: at least once, in order, idempotent.

A sink remembers the last `frame_id` and `seq` it has delivered (`FrameLog.set_cursor`). A frame
is named by its `frame_id`, a commit by its `time_us`: writing either twice must be harmless.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres_gateway.events import FrameHeard, PhaseCommitted
from qres_gateway.fire_state import FireState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from qres_gateway.database import Database
    from qres_gateway.events import Event


_EVER: Final = 1 << 62
_PHASES_PER_EPOCH: Final = 4
_FRAME_COLUMNS: Final = "frame_id, rx_us, kind, node, phase, reason"
_COMMIT_COLUMNS: Final = "seq, time_us, phase, digest, nodes, vals, status"
_SINCE_2: Final = {  # columns of version 2, and what stands for them in a file of version 1
    "frame": ("late, offset_us", "0, NULL"),
    "commit": ("judged, health, fire", "NULL, NULL, NULL"),
}


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """
    What became of one row of the frame log. `reason` is "" if it was accepted.

    late: Accepted after its phase had been committed. offset_us: Arrival against its slot; None
    where that is not known.
    """

    frame_id: int
    rx_us: int
    kind: str
    node: int | None
    phase: int | None
    reason: str
    late: bool = False
    offset_us: int | None = None


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """An accepted frame, and how it was received. Units as in `sources.base.RawFrame`."""

    frame_id: int
    rx_us: int
    kind: str
    node: int | None
    late: bool
    receiver: str
    n_bytes: int
    rssi_dbm: float | None
    snr_db: float | None
    offset_us: int | None


@dataclass(frozen=True, slots=True, eq=False)
class StoredCommit:
    """
    One committed phase; arrays of nodes x channels, float32, NaN = absent, or of nodes.

    time_us: When the phase began; names the commit.
    values: Predictions. judged: Values at each node's own last sample; None in old rows.
    health: Counters of the replica; empty in old rows. fire: None if the replica kept none, and
    but for the last phase of an epoch.
    """

    seq: int
    time_us: int
    phase: int
    digest: int
    values: NDArray[np.float32]
    status: NDArray[np.uint8]
    judged: NDArray[np.float32] | None = None
    health: Mapping[str, int] = field(default_factory=dict)
    fire: FireState | None = None

    def held(self, n_channels: int) -> NDArray[np.float32]:
        """
        Judged values, else predictions, shape (nodes, n_channels).

        NaN for channels that the site has got since; those that it no longer has are left out.
        """
        values = self.values if self.judged is None else self.judged
        if values.shape[1] >= n_channels:
            return values[:, :n_channels]
        return np.pad(values, ((0, 0), (0, n_channels - values.shape[1])), constant_values=np.nan)


class Outbox:
    """Writes and reads the `decoded` and `committed` tables of an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        place = 0 if database.version >= 2 else 1
        self._frame_columns = f"{_FRAME_COLUMNS}, {_SINCE_2['frame'][place]}"
        self._commit_columns = f"{_COMMIT_COLUMNS}, {_SINCE_2['commit'][place]}"

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
                        event.late,
                        event.offset_us,
                    )
                )
            elif isinstance(event, PhaseCommitted):
                commits.append(_commit_row(event))
        connection = self._database.connection
        connection.executemany(
            f"INSERT OR REPLACE INTO decoded ({self._frame_columns})"  # noqa: S608  constants
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            frames,
        )
        connection.executemany(
            "INSERT OR REPLACE INTO committed"
            " (time_us, phase, digest, nodes, vals, status, judged, health, fire)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
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

    @property
    def last_frame_id(self) -> int:
        """The highest `frame_id` that is decoded; 0 if none."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT max(frame_id) FROM decoded").fetchone()
        return int(row[0] or 0)

    def frames_after(self, frame_id: int, limit: int) -> list[DecodedFrame]:
        """Up to `limit` decoded frames above `frame_id`, by id."""
        query = f"""SELECT {self._frame_columns} FROM decoded
                    WHERE frame_id > ? ORDER BY frame_id LIMIT ?"""  # noqa: S608  constants
        with self._database.reading() as connection:
            rows = connection.execute(query, (frame_id, limit)).fetchall()
        return [
            DecodedFrame(frame_id, rx_us, kind, node, phase, reason, bool(late), offset_us)
            for frame_id, rx_us, kind, node, phase, reason, late, offset_us in rows
        ]

    def heard_after(self, frame_id: int, up_to: int, limit: int) -> tuple[list[HeardFrame], int]:
        """
        Accepted frames among the next `limit` decoded ones above `frame_id`, by id.

        Returns:
            They, and the id of the last decoded one looked at, `up_to` at most; `frame_id` if
            there is none.
        """
        query = f"""SELECT {self._frame_columns}, r.name, length(f.payload), f.rssi_dbm, f.snr_db
                    FROM (SELECT * FROM decoded WHERE frame_id > ? AND frame_id <= ?
                          ORDER BY frame_id LIMIT ?) AS d
                    JOIN (SELECT id, receiver, payload, rssi_dbm, snr_db FROM frame) AS f
                         ON f.id = d.frame_id
                    JOIN receiver AS r ON r.id = f.receiver ORDER BY d.frame_id"""  # noqa: S608
        with self._database.reading() as connection:
            rows = connection.execute(query, (frame_id, up_to, limit)).fetchall()
        return [_heard(row) for row in rows if not row[5]], rows[-1][0] if rows else frame_id

    def newest_heard(self, node: int, until_us: int) -> HeardFrame | None:
        """The newest accepted frame of a node received before `until_us`."""
        query = f"""SELECT {self._frame_columns}, r.name, length(f.payload), f.rssi_dbm, f.snr_db
                    FROM (SELECT * FROM decoded WHERE reason = '' AND node = ? AND rx_us < ?
                          ORDER BY rx_us DESC LIMIT 1) AS d
                    JOIN (SELECT id, receiver, payload, rssi_dbm, snr_db FROM frame) AS f
                         ON f.id = d.frame_id
                    JOIN receiver AS r ON r.id = f.receiver"""  # noqa: S608  constants
        with self._database.reading() as connection:
            row = connection.execute(query, (node, until_us)).fetchone()
        return None if row is None else _heard(row)

    def commits_after(self, seq: int, limit: int, *, up_to: int = _EVER) -> list[StoredCommit]:
        """Up to `limit` commits above `seq` (and at most `up_to`), by seq."""
        query = f"""SELECT {self._commit_columns} FROM committed
                    WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"""  # noqa: S608  constants
        with self._database.reading() as connection:
            rows = connection.execute(query, (seq, up_to, limit)).fetchall()
        return [_commit(row) for row in rows]

    def commit_at(self, from_us: int, until_us: int) -> StoredCommit | None:
        """The latest commit whose phase began in from_us <= time < until_us."""
        query = f"""SELECT {self._commit_columns} FROM committed
                    WHERE time_us >= ? AND time_us < ?
                    ORDER BY time_us DESC LIMIT 1"""  # noqa: S608  constants
        with self._database.reading() as connection:
            row = connection.execute(query, (from_us, until_us)).fetchone()
        return None if row is None else _commit(row)

    @property
    def first_commit_us(self) -> int | None:
        """Beginning of the earliest phase in the table; None if there is none."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT min(time_us) FROM committed").fetchone()
        return None if row[0] is None else int(row[0])


def _commit_row(event: PhaseCommitted) -> tuple[object, ...]:
    is_last = event.phase % _PHASES_PER_EPOCH == _PHASES_PER_EPOCH - 1
    return (
        event.time_us,
        event.phase,
        event.digest,
        event.values.shape[0],
        event.values.astype("<f4").tobytes(),
        event.status.astype("u1").tobytes(),
        None if event.judged is None else event.judged.astype("<f4").tobytes(),
        json.dumps(dict(event.health), separators=(",", ":")) if event.health else None,
        event.fire.to_bytes() if event.fire is not None and is_last else None,
    )


def _commit(row: tuple[Any, ...]) -> StoredCommit:
    seq, time_us, phase, digest, nodes, values, status, judged, health, fire = row
    return StoredCommit(
        seq,
        time_us,
        phase,
        digest,
        np.frombuffer(values, "<f4").reshape(nodes, -1),
        np.frombuffer(status, "u1"),
        None if judged is None else np.frombuffer(judged, "<f4").reshape(nodes, -1),
        {} if health is None else json.loads(health),
        None if fire is None else FireState.from_bytes(fire),
    )


def _heard(row: tuple[Any, ...]) -> HeardFrame:
    frame_id, rx_us, kind, node, _, _, late, offset_us, receiver, n_bytes, rssi, snr = row
    return HeardFrame(
        frame_id, rx_us, kind, node, bool(late), receiver, n_bytes, rssi, snr, offset_us
    )
