# SPDX-License-Identifier: Apache-2.0
"""A pipeline on a bench: rows, time and history in the hands of the test."""

from __future__ import annotations

from qres_gateway.events import FrameHeard, PhaseCommitted, ReplicaRebuilt
from qres_gateway.frame_log import LoggedFrame, frame_key
from qres_gateway.ledger import HOUR_US
from qres_gateway.pipeline import ERA_US, Batch, Pipeline
from qres_gateway.sources.base import RawFrame
from tests.gateway.fake_field import DAY_US, PHASE_US, FakeClock, FakeField, ListHistory

NOON_US = DAY_US + ERA_US // 2
HOUR = NOON_US // HOUR_US


def rows(*frames: RawFrame, first: int = 1) -> list[LoggedFrame]:
    """As the log gives them, without copies."""
    return [
        LoggedFrame(number, frame, frame_key(frame.payload), None)
        for number, frame in enumerate(frames, first)
    ]


def copy_of(row: LoggedFrame, frame: RawFrame, number: int) -> LoggedFrame:
    """A row that the log has flagged."""
    return LoggedFrame(number, frame, row.key, row.id)


def heard(batch: Batch) -> list[FrameHeard]:
    """Frame events in order."""
    return [event for event in batch.events if isinstance(event, FrameHeard)]


def committed(batch: Batch) -> list[int]:
    """Phases committed, relative to noon."""
    phases = [event.phase for event in batch.events if isinstance(event, PhaseCommitted)]
    return [phase - NOON_US // PHASE_US for phase in phases]


def rebuilt(batch: Batch) -> list[str]:
    """Causes of rebuilds."""
    return [event.cause for event in batch.events if isinstance(event, ReplicaRebuilt)]


class Bench:
    """A pipeline with its field, clock and history."""

    def __init__(self, wall_us: int = NOON_US, history: ListHistory | None = None) -> None:
        self.field = FakeField()
        self.clock = FakeClock(wall_us)
        self.history = history or ListHistory()
        self.pipeline = Pipeline(self.field.rules(), self.history)

    def process(self, *new: LoggedFrame, pass_us: int = 0) -> Batch:
        """Let time pass, then show rows."""
        self.history.rows.extend(new)
        return self.pipeline.process(new, self.clock.pass_us(pass_us))
