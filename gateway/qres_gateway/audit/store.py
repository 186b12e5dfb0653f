# SPDX-License-Identifier: Apache-2.0
"""
What the audit reads of a gateway's database: one snapshot, in order of time, row by row.

Everything is read in one read transaction, so a gateway that goes on writing changes nothing in
between. SQLite sorts in bounded memory and spills to temporary files.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qres_gateway.database import open_to_read
from qres_gateway.fire_state import FireState
from qres_gateway.ledger import Sum
from qres_gateway.listening import Span, spans
from qres_gateway.replay.derived import REPLAY_CURSOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from qres_gateway.database import Database

__all__ = ["AuditStore", "EpochValues", "Row", "open_store"]

_ROWS: Final = """
SELECT coalesce(d.rx_us, f.rx_us) AS at_us, f.rx_us, r.name, f.freq_hz, f.sf, f.bw_hz, f.crc_ok,
       f.payload, d.reason, d.kind, d.node, d.phase
FROM frame AS f CROSS JOIN receiver AS r ON r.id = f.receiver
LEFT JOIN decoded AS d ON d.frame_id = f.id
WHERE at_us >= ? AND at_us < ?
ORDER BY at_us, r.name, f.payload, f.id
"""
_EPOCHS: Final = """
SELECT time_us, phase, nodes, judged, status, fire FROM committed
WHERE time_us >= ? AND time_us < ? AND phase % 4 = 3 AND judged IS NOT NULL ORDER BY time_us
"""
_WITH_JUDGED: Final = 2


class Row(NamedTuple):
    """
    One delivery of a frame.

    Attributes:
        at_us: End of reception as the gateway corrected it; all sums go by it. [us]
        rx_us: End of reception as it was logged. [us]
        reason: "" accepted, else why not; None if the gateway has not decoded it yet.
    """

    at_us: int
    rx_us: int
    receiver: str
    freq_hz: int
    sf: int
    bw_hz: int
    crc_ok: int
    payload: bytes
    reason: str | None
    kind: str | None
    node: int | None
    phase: int | None


class EpochValues(NamedTuple):
    """The field after the last phase of an epoch; arrays of nodes x channels, or of nodes."""

    time_us: int
    phase: int
    values: NDArray[np.float32]
    status: NDArray[np.uint8]
    regime: int


class AuditStore:
    """
    Reads of an open database, inside one read transaction.

    Args:
        database: Open for reading.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def span_us(self) -> tuple[int, int] | None:
        """
        First and last accepted frame; of a log that has none, first and last frame. [us]

        None if the log is empty. A frame that was refused may have any time.
        """
        for query in (
            "SELECT min(rx_us), max(rx_us) FROM decoded WHERE reason = ''",
            "SELECT min(rx_us), max(rx_us) FROM frame",
        ):
            with self._database.reading() as connection:
                first, last = connection.execute(query).fetchone()
            if first is not None:
                return int(first), int(last)
        return None

    def count(self) -> int:
        """Rows of the frame log."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM frame").fetchone()[0])

    def rows(self, from_us: int, to_us: int) -> Iterator[Row]:
        """Deliveries in from_us <= at_us < to_us by (at_us, receiver, payload)."""
        with self._database.reading() as connection:
            yield from map(Row._make, connection.execute(_ROWS, (from_us, to_us)))

    def listening(self) -> list[Span]:
        """When the gateway says that it listened; empty if the store has no record."""
        return spans(self._database)

    def source_refused(self, from_hour: int, to_hour: int) -> dict[str, int]:
        """What receivers' messages held that was no usable frame: number by reason."""
        query = """SELECT reason, sum(frames) FROM refused WHERE layer != 'frame'
                   AND hour >= ? AND hour < ? GROUP BY reason ORDER BY reason"""
        with self._database.reading() as connection:
            return dict(connection.execute(query, (from_hour, to_hour)))

    def ledger(self, from_hour: int, to_hour: int) -> Iterator[tuple[int, Sum]]:
        """The gateway's own sums by hour, as it wrote them when the frames came."""
        query = """SELECT hour, sum(frames), sum(bytes), sum(airtime_us) FROM airtime
                   WHERE hour >= ? AND hour < ? GROUP BY hour ORDER BY hour"""
        with self._database.reading() as connection:
            for hour, *sums in connection.execute(query, (from_hour, to_hour)):
                yield hour, Sum(*sums)

    def is_derived(self) -> bool:
        """Whether no replay was interrupted: the ledger takes the whole log into account."""
        query = "SELECT count(*) FROM cursor WHERE name = ?"
        with self._database.reading() as connection:
            return not connection.execute(query, (REPLAY_CURSOR,)).fetchone()[0]

    def epochs(self, from_us: int, to_us: int) -> Iterator[EpochValues]:
        """Reconstructed values epoch by epoch; nothing from a store that has not kept them."""
        if self._database.version < _WITH_JUDGED:
            return
        with self._database.reading() as connection:
            for time_us, phase, nodes, judged, status, fire in connection.execute(
                _EPOCHS, (from_us, to_us)
            ):
                state = None if fire is None else FireState.from_bytes(fire)
                yield EpochValues(
                    time_us,
                    phase,
                    np.frombuffer(judged, "<f4").reshape(nodes, -1),
                    np.frombuffer(status, "u1"),
                    1 if state is None else state.regime,
                )


@contextmanager
def open_store(path: Path) -> Iterator[AuditStore]:
    """
    The database *path* for reading, at one moment; a gateway may be writing to it.

    Raises:
        FrameLogError: One of its kinds; the text says what to do.
    """
    with open_to_read(path) as database:
        with database.reading() as connection:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA cache_size=-65536")
            connection.execute("BEGIN")
        yield AuditStore(database)
