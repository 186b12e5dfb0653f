# SPDX-License-Identifier: Apache-2.0
"""The frame log: every frame is durable here before anybody decodes it.

Append-only (triggers refuse UPDATE and DELETE). `id` rises by one and is never used twice, so it
is the cursor of every reader. A batch is one transaction and one fsync (`database`): when the
gateway is quiet a batch is a single frame, under load it is all that arrived during the last
fsync, so durability costs the same at any rate.

Nothing is ever removed: a field of 100 nodes, some 40 frames an hour, adds 0.1 MB a day here and
1 MB a day in the table of committed phases.

The same transmission heard by several receivers stays one row each, all with the same `key`; the
later rows name the first in `copy_of`.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from qres_gateway.errors import CursorConflictError
from qres_gateway.sources.base import RawFrame, RxTimeSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qres_gateway.database import Database

COPY_WINDOW_US: Final = 2_000_000
"""Two receivers' times of the same transmission differ by less (clocks and network)."""
RECENT_KEYS: Final = 16_384
"""How many transmissions are remembered for finding copies."""

_TIME_SOURCES: Final[tuple[RxTimeSource, ...]] = ("gps", "utc", "host")
_TIME_CODE: Final = {name: code for code, name in enumerate(_TIME_SOURCES)}

_INSERT: Final = f"INSERT INTO frame VALUES ({', '.join('?' * 15)})"  # noqa: S608  no input in it
_SELECT: Final = """
SELECT f.id, f.rx_us, f.rx_time, f.host_us, r.name, f.freq_hz, f.sf, f.bw_hz, f.rssi_dbm,
       f.snr_db, f.crc_ok, f.tmst_us, f.payload, f.key, f.copy_of
FROM frame AS f JOIN receiver AS r ON r.id = f.receiver
"""


@dataclass(frozen=True, slots=True)
class LoggedFrame:
    """A frame with its place in the log. `copy_of` is None for the first row of a key."""

    id: int
    frame: RawFrame
    key: int
    copy_of: int | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """The first row of a transmission."""

    id: int
    rx_us: int
    receiver: str
    tmst_us: int | None


def frame_key(payload: bytes) -> int:
    """64 bits, signed, that are the same for the same payload and hardly ever otherwise."""
    return int.from_bytes(blake2b(payload, digest_size=8).digest(), "big", signed=True)


class FrameLog:
    """Writes and reads the `frame` and `cursor` tables of an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._receivers: dict[str, int] = {}
        self._recent: OrderedDict[int, _Seen] = OrderedDict()
        tail = f"{_SELECT} WHERE f.copy_of IS NULL ORDER BY f.id DESC LIMIT ?"
        with database.reading() as connection:
            self._receivers = dict(connection.execute("SELECT name, id FROM receiver"))
            for row in reversed(connection.execute(tail, (RECENT_KEYS,)).fetchall()):
                logged = _logged(row)
                self._remember(logged.key, _seen(logged.id, logged.frame))

    def append(self, frames: Sequence[RawFrame]) -> range:
        """
        Write a batch and wait until it is on the disk.

        Args:
            frames: In order of arrival; any number.

        Returns:
            The ids of the frames, in their order.

        Raises:
            FrameLogError: One of its kinds. Then no frame of the batch is in the log.
        """
        if not frames:
            return range(0)
        seen: dict[int, _Seen] = {}
        receivers: dict[str, int] = {}
        with self._database.transaction() as connection:
            first = self._last_id(connection) + 1
            rows = [
                self._row(connection, frame_id, frame, seen, receivers)
                for frame_id, frame in enumerate(frames, first)
            ]
            connection.executemany(_INSERT, rows)
        self._receivers.update(receivers)
        for key, entry in seen.items():
            self._remember(key, entry)
        return range(first, first + len(frames))

    def after(self, last_id: int, limit: int, *, up_to: int | None = None) -> list[LoggedFrame]:
        """Up to `limit` rows with an id above `last_id` (and at most `up_to`), by id."""
        query = f"{_SELECT} WHERE f.id > ? AND f.id <= ? ORDER BY f.id LIMIT ?"
        bound = self.last_id if up_to is None else up_to
        with self._database.reading() as connection:
            return [_logged(row) for row in connection.execute(query, (last_id, bound, limit))]

    def between(
        self, from_us: int, to_us: int, *, up_to: int, chunk: int = 2_000
    ) -> Iterator[LoggedFrame]:
        """Rows received at from_us <= rx_us <= to_us with an id of at most `up_to`, by rx_us."""
        query = f"""{_SELECT} WHERE (f.rx_us, f.id) > (?, ?) AND f.rx_us <= ? AND f.id <= ?
                    ORDER BY f.rx_us, f.id LIMIT ?"""
        at = (from_us, -1)
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(query, (*at, to_us, up_to, chunk)).fetchall()
            for row in rows:
                yield _logged(row)
            if len(rows) < chunk:
                return
            at = (rows[-1][1], rows[-1][0])

    @property
    def last_id(self) -> int:
        """The highest id so far; 0 for an empty log."""
        with self._database.reading() as connection:
            return self._last_id(connection)

    def cursor(self, name: str) -> int:
        """How far the reader `name` has come; 0 if it never read."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT last_id FROM cursor WHERE name = ?", (name,))
            found = row.fetchone()
        return int(found[0]) if found else 0

    def cursors(self) -> dict[str, int]:
        """All readers and how far they have come."""
        with self._database.reading() as connection:
            return dict(connection.execute("SELECT name, last_id FROM cursor"))

    def set_cursor(self, name: str, last_id: int) -> None:
        """Remember that `name` has taken everything up to `last_id`. Own transaction."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (name, last_id))

    def move_cursor(self, name: str, expected: int, last_id: int) -> None:
        """
        Move a cursor from `expected` to `last_id`, inside the caller's transaction.

        Raises:
            CursorConflictError: The cursor is not at `expected`: somebody else moved it.
        """
        found = self.cursor(name)
        if found != expected:
            raise CursorConflictError(
                self._database.path,
                f"cursor {name!r} is at {found}, expected {expected}: another gateway works on"
                " this log. Stop one of them",
            )
        self._database.connection.execute(
            "INSERT OR REPLACE INTO cursor VALUES (?, ?)", (name, last_id)
        )

    @staticmethod
    def _last_id(connection: sqlite3.Connection) -> int:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'frame'").fetchone()
        return int(row[0]) if row else 0

    def _row(
        self,
        connection: sqlite3.Connection,
        frame_id: int,
        frame: RawFrame,
        seen: dict[int, _Seen],
        receivers: dict[str, int],
    ) -> tuple[object, ...]:
        receiver = self._receivers.get(frame.receiver) or receivers.get(frame.receiver)
        if receiver is None:
            receiver = receivers[frame.receiver] = _receiver_id(connection, frame.receiver)
        key = frame_key(frame.payload)
        first = seen.get(key) or self._recent.get(key)
        copy_of = first.id if first is not None and _is_copy(frame, first) else None
        if copy_of is None:
            seen[key] = _seen(frame_id, frame)
        return (
            frame_id,
            frame.rx_us,
            _TIME_CODE[frame.rx_time_source],
            frame.host_us,
            receiver,
            frame.freq_hz,
            frame.sf,
            frame.bw_hz,
            frame.rssi_dbm,
            frame.snr_db,
            frame.crc_ok,
            frame.tmst_us,
            frame.payload,
            key,
            copy_of,
        )

    def _remember(self, key: int, entry: _Seen) -> None:
        self._recent[key] = entry
        self._recent.move_to_end(key)
        if len(self._recent) > RECENT_KEYS:
            self._recent.popitem(last=False)


def _is_copy(frame: RawFrame, first: _Seen) -> bool:
    """Whether a frame is the transmission that `first` is, rather than a repetition of it.

    Another receiver: close in time. The same receiver hears each transmission once, so there it
    is a copy only if it was delivered twice: same counter, or the very same time.
    """
    if frame.receiver != first.receiver:
        return abs(frame.rx_us - first.rx_us) <= COPY_WINDOW_US
    if frame.tmst_us is not None and first.tmst_us is not None:
        return frame.tmst_us == first.tmst_us
    return frame.rx_us == first.rx_us


def _seen(frame_id: int, frame: RawFrame) -> _Seen:
    return _Seen(frame_id, frame.rx_us, frame.receiver, frame.tmst_us)


def _receiver_id(connection: sqlite3.Connection, name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO receiver (name) VALUES (?)", (name,))
    row = connection.execute("SELECT id FROM receiver WHERE name = ?", (name,)).fetchone()
    return int(row[0])


def _logged(row: tuple[Any, ...]) -> LoggedFrame:
    """One row of _SELECT; STRICT tables vouch for the types."""
    frame_id, rx_us, rx_time, host_us, receiver, freq_hz, sf, bw_hz, rssi_dbm, snr_db = row[:10]
    crc_ok, tmst_us, payload, key, copy_of = row[10:]
    frame = RawFrame(
        payload,
        rx_us,
        _TIME_SOURCES[rx_time],
        receiver,
        freq_hz,
        sf,
        bw_hz,
        rssi_dbm,
        snr_db,
        bool(crc_ok),
        tmst_us,
        host_us,
    )
    return LoggedFrame(frame_id, frame, key, copy_of)
