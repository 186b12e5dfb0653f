# SPDX-License-Identifier: Apache-2.0
"""Stores for tests of sinks: made by the real worker from recorded frames, or row by row."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from qres import weather_file
from qres.densify import densify
from qres.virtual.sites import DEMO_KEY, site_for
from qres_gateway.database import Database
from qres_gateway.field_rules import rules_for
from qres_gateway.outbox import Outbox, StoredCommit
from qres_gateway.sinks.errors import SinkError
from qres_gateway.sinks.field import SinkField
from qres_gateway.sinks.point import Point
from qres_gateway.sinks.runner import Pace, SinkRunner
from qres_gateway.sources.base import Instant, RawFrame
from qres_gateway.worker import Worker
from tests.gateway.fake_field import FakeClock
from tests.gateway.recorded_field import recorded

LONG_H = 38.0  # a noon with one a day before it
HOURS = 6.0
GUARD_S = 20.0
QUICK = Pace(poll_s=0.01, retry_first_s=0.01, retry_most_s=0.05, random=lambda: 1.0)
SITE = site_for(densify(weather_file.demo(), 6, seed=1))  # that of recorded(6)
FIELD = SinkField.of(SITE)
_FOLDER = TemporaryDirectory(prefix="qres-test-")


@cache
def frames(hours: float) -> list[RawFrame]:
    """The first hours of a run with six nodes."""
    run = recorded(6, hours)
    assert run.site == SITE
    sent = run.sent[: int(hours * 3.6e9 / run.site.phase_us)]
    return [run.frame(s) for phase in sent for s in phase]


@cache
def _made(hours: float) -> Path:
    path = Path(_FOLDER.name) / f"{hours}.sqlite"
    work(path, frames(hours))
    return path


def work(path: Path, heard: Sequence[RawFrame]) -> None:
    """Bring frames into a store, as the gateway does, and close it."""
    worker = Worker(Database.open(path), rules_for(FIELD.site, DEMO_KEY), live=False)
    now = Instant(heard[-1].rx_us, 0)
    worker.cycle(heard, {"json": 2}, now)
    worker.finish(now)


def store(folder: Path, hours: float = HOURS) -> Path:
    """A copy of a store with some hours of six nodes."""
    path = folder / "gateway.sqlite"
    shutil.copy(_made(hours), path)
    return path


def commits(path: Path) -> list[StoredCommit]:
    """Every commit of a store."""
    with Database.open(path, read_only=True) as database:
        return Outbox(database).commits_after(0, 1 << 30)


class MemorySink:
    """
    A server in memory.

    Attributes:
        points: What it has, by name: as in a database, writing twice leaves one.
        order: Every point in the order of delivery, with repetitions.
        trouble: Raised instead of accepting, first in first out.
        after: The same, but the points have been taken.
    """

    name = "memory"
    address = "memory"

    def __init__(self) -> None:
        self.points: dict[tuple[str, tuple[str, ...], int], Point] = {}
        self.order: list[Point] = []
        self.batches: list[int] = []
        self.trouble: list[Exception] = []
        self.after: list[Exception] = []
        self.down: SinkError | None = None
        self.opened = 0
        self.closed = 0

    def open(self) -> None:
        """As `Sink`."""
        self.opened += 1

    def write(self, points: Sequence[Point]) -> int:
        """As `Sink`."""
        if self.down is not None:
            raise self.down
        if self.trouble:
            raise self.trouble.pop(0)
        self.batches.append(len(points))
        self.order.extend(points)
        for p in points:
            self.points[p.measurement, p.tags, p.time_us] = p
        if self.after:
            raise self.after.pop(0)
        return 0

    def close(self) -> None:
        """As `Sink`."""
        self.closed += 1

    def of(self, measurement: str) -> list[Point]:
        """What it has of a measurement, by time."""
        found = [p for p in self.points.values() if p.measurement == measurement]
        return sorted(found, key=lambda p: (p.time_us, p.tags))


def wait_until(is_true: Callable[[], bool], what: str = "it") -> None:
    """Wait for a thread."""
    until = time.monotonic() + GUARD_S
    pause = threading.Event()
    while not is_true():
        assert time.monotonic() < until, f"{what} did not come true in {GUARD_S} s"
        pause.wait(0.005)


def runner(sink: object, path: Path, pace: Pace = QUICK) -> SinkRunner:
    """A runner for a sink, at a clock that stands a minute after the store's last commit."""
    last_us = commits(path)[-1].time_us + FIELD.phase_us
    clock = FakeClock(last_us + 60_000_000)
    return SinkRunner(sink, path, FIELD, clock, pace=pace)  # type: ignore[arg-type]  # any sink


def f32(values: object) -> list[float]:
    """Numbers as a store keeps and a point rounds them."""
    flat = np.asarray(values, dtype=np.float32).astype(float).ravel()
    return [round(float(v), 5) for v in flat]
