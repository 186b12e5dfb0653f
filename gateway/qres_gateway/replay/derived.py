# SPDX-License-Identifier: Apache-2.0
"""
What a store derives from its frame log, written anew: ledger, decoded frames, committed phases.

All of it changes in one transaction, so readers see the old state or the new one. Sinks that follow
by cursor see committed phases again, with higher `seq`, as they see a phase that was revised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qres_gateway.events import FrameHeard, PhaseCommitted
from qres_gateway.ledger import HOUR_US, Ledger, Tally
from qres_gateway.outbox import Outbox
from qres_gateway.pipeline import ERA_US
from qres_gateway.worker import DECODE_CURSOR

if TYPE_CHECKING:
    from qres_gateway.database import Database
    from qres_gateway.frame_log import FrameLog
    from qres_gateway.pipeline import Batch

__all__ = ["REPLAY_CURSOR", "Derived", "behind", "mark_begin"]

REPLAY_CURSOR: Final = "replay"
"""Where the log ended when a replay began; there only until that replay has ended."""


def mark_begin(database: Database, log: FrameLog) -> None:
    """
    Remember, durably, that rows are going to be added whose place in time may be anywhere.

    If the replay is interrupted, the next one finds the mark and completes the work.
    """
    if REPLAY_CURSOR not in log.cursors():
        with database.transaction():
            log.move_cursor(REPLAY_CURSOR, 0, log.last_id)


def behind(log: FrameLog) -> tuple[int, int]:
    """Id of the last row that everything derived takes into account, and of the last row."""
    cursors = log.cursors()
    decoded = cursors.get(DECODE_CURSOR, 0)
    return min(decoded, cursors.get(REPLAY_CURSOR, decoded)), log.last_id


class Derived:
    """
    The derived tables from some UTC day on, to be written inside the caller's transaction.

    Args:
        database: The store.
        log: Its frame log.
        from_us: The earliest time of which something is new; its whole day is written anew. [us]
    """

    def __init__(self, database: Database, log: FrameLog, from_us: int) -> None:
        self._database = database
        self._log = log
        self._ledger = Ledger(database)
        self._outbox = Outbox(database)
        self._from_us = from_us // ERA_US * ERA_US

    def clear(self) -> None:
        """Remove what was derived. What sources refused is not in the log and stays counted."""
        hour = self._from_us // HOUR_US
        connection = self._database.connection
        connection.execute("DELETE FROM airtime WHERE hour >= ?", (hour,))
        connection.execute("DELETE FROM refused WHERE hour >= ? AND layer = 'frame'", (hour,))
        connection.execute("DELETE FROM hearing WHERE hour >= ?", (hour,))
        connection.execute("DELETE FROM decoded WHERE rx_us >= ?", (self._from_us,))
        connection.execute("DELETE FROM committed WHERE time_us >= ?", (self._from_us,))

    def add(self, batch: Batch) -> None:
        """Store what of *batch* lies in the time to be written."""
        hour = self._from_us // HOUR_US
        tally = batch.tally
        self._ledger.add(
            Tally(
                {key: value for key, value in tally.airtime.items() if key[0] >= hour},
                {key: value for key, value in tally.refused.items() if key[0] >= hour},
                {key: value for key, value in tally.hearing.items() if key[0] >= hour},
            )
        )
        self._outbox.add(
            event
            for event in batch.events
            if (isinstance(event, FrameHeard) and event.rx_us >= self._from_us)
            or (isinstance(event, PhaseCommitted) and event.time_us >= self._from_us)
        )

    def finish(self, last_id: int) -> None:
        """Everything up to row *last_id* is taken into account."""
        self._log.move_cursor(DECODE_CURSOR, self._log.cursor(DECODE_CURSOR), last_id)
        self._database.connection.execute("DELETE FROM cursor WHERE name = ?", (REPLAY_CURSOR,))
