# SPDX-License-Identifier: Apache-2.0
"""The record of when the gateway listened: start, signs of life, stop, kill -9, set clocks."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from qres.virtual.sites import DEMO_KEY
from qres_gateway.database import APPLICATION_ID, SCHEMA_VERSION, Database, _statements
from qres_gateway.field_rules import rules_for
from qres_gateway.ledger import HOUR_US
from qres_gateway.listening import BEAT_US, Span, spans
from qres_gateway.replay.captures import open_capture
from qres_gateway.replay.run import replay
from qres_gateway.schema_sql import STEPS
from qres_gateway.service import GatewayService
from qres_gateway.sources.base import Clock, Instant
from qres_gateway.sources.capture import CaptureSource, write_capture
from qres_gateway.sources.udp import UdpSource
from qres_gateway.worker import Worker
from tests.gateway.fake_field import DAY_US, FakeField, node_frame
from tests.gateway.recorded_field import recorded

NOON_US = DAY_US + 12 * HOUR_US
SECOND_US = 1_000_000


class Run:
    """A worker that listens, turn by turn, with both clocks in the test's hands."""

    def __init__(self, path: Path, wall_us: int = NOON_US) -> None:
        self.database = Database.open(path, lock_timeout_ms=0)
        self.worker = Worker(self.database, FakeField().rules(), settle_us=0)
        self.now = Instant(wall_us, 5)
        self.worker.listen("udp 127.0.0.1:1700", self.now)
        self.turn()

    def turn(self, seconds: float = 0.0, *, set_by_us: int = 0) -> None:
        """Time passes; the wall clock may be set."""
        passed_us = round(seconds * SECOND_US)
        wall_us, mono_us = self.now.wall_us, self.now.mono_us
        self.now = Instant(wall_us + passed_us + set_by_us, mono_us + passed_us)
        self.worker.cycle([], {}, self.now)

    def told(self) -> list[tuple[float, float, bool]]:
        """What the file says: seconds after noon."""
        return [
            ((s.from_us - NOON_US) / SECOND_US, (s.until_us - NOON_US) / SECOND_US, s.ended)
            for s in spans(self.database)
        ]


def stored(path: Path) -> list[Span]:
    """What a reader finds."""
    with Database.open(path, read_only=True) as database:
        return spans(database)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of the store."""
    return tmp_path / "log.db"


def test_start_signs_of_life_and_stop(path: Path) -> None:
    """One row: there with the first turn, its end moves once a minute, and with the stop."""
    run = Run(path)
    assert run.told() == [(0, 0, False)]
    for _ in range(59):
        run.turn(1)
    assert run.told() == [(0, 0, False)]
    run.turn(1)
    assert run.told() == [(0, BEAT_US / SECOND_US, False)]
    run.turn(1)
    run.worker.finish(run.now)
    assert stored(path) == [Span("udp 127.0.0.1:1700", NOON_US, NOON_US + 61 * SECOND_US, True)]


def test_an_idle_gateway_writes_once_a_minute(path: Path) -> None:
    """No frame, no phase that ends: an hour of turns is 60 transactions at most, phases apart."""
    run = Run(path)
    with contextlib.closing(run.database):
        run.turn(1)
        before = run.database.connection.total_changes
        for _ in range(58):
            run.turn(1)
        assert run.database.connection.total_changes == before


def test_what_is_written_anyway_carries_the_sign_of_life(path: Path) -> None:
    """A frame two seconds after the start: the row's end is there with the frame's decoding."""
    run = Run(path)
    with contextlib.closing(run.database):
        run.turn(1)
        run.now = Instant(run.now.wall_us + SECOND_US, run.now.mono_us + SECOND_US)
        run.worker.cycle([node_frame(1, 5, run.now.wall_us)], {}, run.now)
        assert run.told() == [(0, 2, False)]


def test_a_run_without_a_stop(path: Path) -> None:
    """Killed and started again: the last sign of life stays, not ended, and a second row begins."""
    run = Run(path)
    run.turn(70)
    run.turn(20)  # not written: nobody knows of these 20 s
    run.database.close()
    again = Run(path, NOON_US + 500 * SECOND_US)
    again.turn(1)
    again.worker.finish(again.now)
    assert [(s.from_us, s.until_us, s.ended) for s in stored(path)] == [
        (NOON_US, NOON_US + 70 * SECOND_US, False),
        (NOON_US + 500 * SECOND_US, NOON_US + 501 * SECOND_US, True),
    ]


def test_kill_9(path: Path) -> None:
    """A process that is killed leaves its last sign of life, written once a minute of its clock."""
    code = (
        "import sys; from pathlib import Path; from tests.gateway.test_listening import Run\n"
        "run = Run(Path(sys.argv[1]))\n"
        "for n in range(1_000_000): run.turn(7); print(n, flush=True)"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 40:
                break
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines(keepends=True)
    last = max([40, *(int(n) for n in rest if n.endswith("\n"))])
    ((_, from_us, until_us, ended),) = stored(path)
    lived_us = 7 * (last + 1) * SECOND_US
    assert (from_us, ended) == (NOON_US, False)
    assert lived_us - BEAT_US <= until_us - NOON_US <= lived_us + 7 * SECOND_US


def test_a_clock_that_is_set(path: Path) -> None:
    """The span ends by the old clock, and the next begins by the new one, both exactly."""
    run = Run(path)
    run.turn(100)
    run.turn(1, set_by_us=3600 * SECOND_US)
    run.turn(10)
    run.turn(1, set_by_us=-7200 * SECOND_US)
    run.turn(4)
    run.worker.finish(run.now)
    assert [((s.from_us - NOON_US) // SECOND_US, (s.until_us - NOON_US) // SECOND_US, s.ended)
            for s in stored(path)] == [
        (0, 100, True), (3700, 3711, True), (-3489, -3484, True),
    ]  # fmt: skip


def test_a_clock_that_has_not_been_set_says_nothing(path: Path) -> None:
    """1970 after a start without network: listening is told from the moment that time is known."""
    run = Run(path, wall_us=30 * SECOND_US)
    run.turn(90)
    assert run.told() == []
    run.turn(1, set_by_us=NOON_US)
    run.turn(9)
    run.worker.finish(run.now)
    ((_, from_us, until_us, _),) = stored(path)
    assert (until_us - from_us, from_us) == (10 * SECOND_US, NOON_US + 120 * SECOND_US)


def test_a_host_whose_error_is_learnt(path: Path) -> None:
    """A receiver with GNSS shows that the host was an hour slow: the span moves, all of it."""
    run = Run(path)
    frames = [
        replace(
            node_frame(n, 1, NOON_US + 3600 * SECOND_US + n),
            rx_time_source="gps",
            host_us=NOON_US + n,
        )
        for n in range(3)
    ]
    run.now = Instant(NOON_US + 20 * SECOND_US, 5 + 20 * SECOND_US)
    run.worker.cycle(frames, {}, run.now)
    run.turn(1)
    run.worker.finish(run.now)
    ((_, from_us, until_us, _),) = stored(path)
    assert abs(from_us - NOON_US - 3600 * SECOND_US) < SECOND_US
    assert until_us - from_us == 21 * SECOND_US


def test_a_log_that_cannot_be_written_hides_no_listening(path: Path) -> None:
    """Somebody else holds the store for minutes: once it can be written, the span has no hole."""
    run = Run(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(10):
        run.turn(60)
    assert run.worker.state == "log_locked"
    other.execute("ROLLBACK")
    other.close()
    run.turn(60)
    assert run.told() == [(0, 660, False)]
    run.database.close()


class _Fixed:
    def __init__(self, now_us: int) -> None:
        self.now_us = now_us

    def now(self) -> Instant:
        """It is always the same moment."""
        return Instant(self.now_us, self.now_us)


def serve(path: Path, clock: Clock, source: UdpSource | CaptureSource, *, live: bool) -> None:
    """A service from its start to its stop."""
    service = GatewayService(
        source, path, FakeField().rules(), clock=clock, live=live, tick_s=0.01, settle_us=0
    )

    async def both() -> None:
        running = asyncio.create_task(service.run())
        await service.started.wait()
        if live:
            await service.stop()
        await running

    asyncio.run(asyncio.wait_for(both(), 30))


def test_the_service_tells_what_it_listened_to(path: Path) -> None:
    """A gateway on UDP has a span of its port; it is closed with the stop."""
    clock = _Fixed(NOON_US)
    serve(path, clock, UdpSource(clock, port=0), live=True)
    (span,) = stored(path)
    assert span.source.startswith("udp 127.0.0.1:")
    assert span[1:] == (NOON_US, NOON_US, True)


def test_captures_are_no_listening(path: Path, tmp_path: Path) -> None:
    """Neither a service that reads a file nor a replay claims that anybody listened."""
    field = recorded(8, 2.0)
    write_capture(tmp_path / "a.pcap", field.frames)
    serve(path, _Fixed(NOON_US), CaptureSource(tmp_path / "a.pcap"), live=False)
    assert stored(path) == []
    other, rules = tmp_path / "b.sqlite", rules_for(field.site, DEMO_KEY)
    replay([open_capture(tmp_path / "a.pcap")], other, field.site, rules, _Quiet())
    replay([open_capture(path)], other, field.site, rules, _Quiet())
    assert stored(other) == []


class _Quiet:
    def added(self, frames: int) -> None:
        """Nobody watches."""

    def folded(self, rows: int, of: int) -> None:
        """Nobody watches."""


def test_a_store_of_version_2(path: Path) -> None:
    """To a reader it has no spans; a writer brings it to version 3, still without, then adds."""
    connection = sqlite3.connect(path)
    for step in STEPS[:2]:
        for statement in _statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("PRAGMA user_version=2")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert stored(path) == []
    assert path.read_bytes() == before
    with Database.open(path) as database:
        assert database.version == SCHEMA_VERSION == 3
        assert spans(database) == []
    run = Run(path)
    run.worker.finish(run.now)
    assert len(stored(path)) == 1
