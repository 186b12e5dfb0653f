# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from qres_gateway.database import Database
from qres_gateway.errors import CaptureError, LogOpenError, PortBusyError
from qres_gateway.events import Event, FrameHeard, PhaseCommitted
from qres_gateway.frame_log import FrameLog
from qres_gateway.ledger import HOUR_US, Ledger
from qres_gateway.service import GatewayService, Subscription, run_until_signal
from qres_gateway.sources.capture import CaptureSource, write_capture
from qres_gateway.sources.udp import UdpSource
from qres_gateway.spill import spill_path
from qres_gateway.worker import DECODE_CURSOR
from tests.gateway.fake_field import DAY_US, PHASE_US, FakeClock, FakeField, node_frame, report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from qres_gateway.sources.base import RawFrame, Source

NOON_US = DAY_US + 12 * HOUR_US
HOUR = NOON_US // HOUR_US
GUARD_S = 30.0  # only a failing test waits this long


class ListSource:
    """Frames given by the test."""

    def __init__(self, *frames: RawFrame) -> None:
        self.refused: Counter[str] = Counter()
        self.name = "list"
        self._queue: asyncio.Queue[RawFrame | None] = asyncio.Queue()
        self.reads = 0
        self.give(*frames)

    def give(self, *frames: RawFrame) -> None:
        """Deliver."""
        for frame in frames:
            self._queue.put_nowait(frame)

    async def start(self) -> None:
        """Nothing to open."""

    async def read(self, limit: int) -> list[RawFrame]:
        """One at least."""
        self.reads += 1
        frames: list[RawFrame] = []
        while not frames or (not self._queue.empty() and len(frames) < limit):
            frame = await self._queue.get()
            if frame is None:
                self._queue.put_nowait(None)
                break
            frames.append(frame)
        return frames

    async def close(self) -> None:
        """No more."""
        self._queue.put_nowait(None)

    def stats(self) -> dict[str, int]:
        """Nothing of interest."""
        return {"reads": self.reads}


def service_of(
    source: Source, path: Path, clock: FakeClock, *, waiting_frames: int = 1000
) -> GatewayService:
    """A service that settles at once and ticks often."""
    return GatewayService(
        source,
        path,
        FakeField().rules(),
        clock=clock,
        settle_us=0,
        tick_s=0.01,
        waiting_frames=waiting_frames,
        lock_timeout_ms=0,
    )


def run(
    service: GatewayService, test: Callable[[GatewayService, Subscription], Awaitable[None]]
) -> list[Event]:
    """Run a service under a test, stop it, and return all that was still in the subscription."""

    async def both() -> list[Event]:
        events = service.subscribe()
        running = asyncio.create_task(service.run())
        try:
            await service.started.wait()
            await test(service, events)
        finally:
            await service.stop()
            await running
        return [event async for event in events]

    return asyncio.run(asyncio.wait_for(both(), GUARD_S))


async def next_frame(events: Subscription) -> FrameHeard:
    """The next frame event."""
    async for event in events:
        if isinstance(event, FrameHeard):
            return event
    pytest.fail("the events ended")


def test_frames_reach_subscribers_and_disk(tmp_path: Path) -> None:
    """A frame given to the source comes out as an event, and is in the log after the stop."""
    source = ListSource(node_frame(1, 5, NOON_US + 1))
    clock = FakeClock(NOON_US + 2)
    path = tmp_path / "log.db"

    async def test(service: GatewayService, events: Subscription) -> None:
        assert (await next_frame(events)).node == 1
        source.give(node_frame(2, 6, NOON_US + 1))
        assert (await next_frame(events)).node == 2
        stats = service.stats()
        assert stats["source"]["name"] == "list"
        assert stats["worker"]["state"] == "ok"
        assert stats["subscribers"] == {"count": 1, "missed_events": 0}

    run(service_of(source, path, clock), test)
    with Database.open(path) as database:
        assert FrameLog(database).cursor(DECODE_CURSOR) == 2
        assert Ledger(database).total(HOUR, HOUR + 1).frames == 2


def test_time_passes_without_frames(tmp_path: Path) -> None:
    """Silence commits phases: the service turns by itself."""
    clock = FakeClock(NOON_US)

    async def test(_: GatewayService, events: Subscription) -> None:
        await anext(events)  # the replica was built at noon
        clock.pass_us(PHASE_US)
        event = await anext(events)
        assert isinstance(event, PhaseCommitted)
        assert event.time_us == NOON_US

    run(service_of(ListSource(), tmp_path / "log.db", clock), test)


def test_stop_takes_what_had_arrived(tmp_path: Path) -> None:
    """Frames that the source holds at the moment of the stop are all in the log."""
    source = ListSource()
    path = tmp_path / "log.db"

    async def test(_: GatewayService, __: Subscription) -> None:
        source.give(*(node_frame(n % 8, n, NOON_US) for n in range(5000)))

    run(service_of(source, path, FakeClock(NOON_US)), test)
    with Database.open(path) as database:
        assert FrameLog(database).last_id == 5000
        assert FrameLog(database).cursor(DECODE_CURSOR) == 5000


def test_log_that_fails_and_recovers(tmp_path: Path) -> None:
    """A locked log is shown, stops the reading at the limit, and nothing is lost in the end."""
    clock = FakeClock(NOON_US)
    path = tmp_path / "log.db"
    Database.open(path).close()
    source = ListSource()

    async def test(service: GatewayService, events: Subscription) -> None:
        await anext(events)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            source.give(*(node_frame(n % 8, n, NOON_US) for n in range(10)))
            assert getattr(await anext(events), "state", None) == "log_locked"
            assert service.stats()["worker"]["state"] == "log_locked"
            assert int(service.stats()["worker"]["waiting_frames"]) > 0
            other.execute("ROLLBACK")
        clock.pass_us(60_000_000)
        for _ in range(10):
            await next_frame(events)

    with capture_logs() as logs:
        run(service_of(source, path, clock, waiting_frames=4), test)
    said = [(line["event"], line["log_level"]) for line in logs]
    assert ("log.failed", "error") in said
    assert ("log.recovered", "info") in said
    assert said.index(("log.failed", "error")) < said.index(("log.recovered", "info"))


def test_stopped_while_the_log_is_locked(tmp_path: Path) -> None:
    """Whatever the log would not take is beside it in the spill file after the stop."""
    clock = FakeClock(NOON_US)
    path = tmp_path / "log.db"
    Database.open(path).close()
    source = ListSource()
    with contextlib.closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as other:

        async def test(_: GatewayService, events: Subscription) -> None:
            await anext(events)
            other.execute("BEGIN IMMEDIATE")
            source.give(*(node_frame(n % 8, n, NOON_US) for n in range(20)))

        with capture_logs() as logs:
            run(service_of(source, path, clock, waiting_frames=4), test)
    assert len(spill_path(path).read_bytes().splitlines()) == 20
    assert "gateway.spilled" in [line["event"] for line in logs]


def test_a_slow_subscriber_blocks_nobody(tmp_path: Path) -> None:
    """One that does not read loses the oldest, counted; another gets everything."""
    source = ListSource(*(node_frame(n % 8, n, NOON_US + n // 8 * PHASE_US) for n in range(80)))

    async def test(service: GatewayService, events: Subscription) -> None:
        slow = service.subscribe(limit=3)
        for _ in range(80):
            await next_frame(events)
        slow.close()
        left = [event async for event in slow]
        assert len(left) == 3
        assert slow.missed > 70
        assert service.stats()["subscribers"]["missed_events"] == slow.missed

    run(service_of(source, tmp_path / "log.db", FakeClock(NOON_US + 20 * PHASE_US)), test)


def test_capture_runs_to_its_end(tmp_path: Path) -> None:
    """Replaying a file ends by itself, with everything counted, whatever the clock says."""
    capture = tmp_path / "x.pcap"
    write_capture(capture, [node_frame(n % 8, n, NOON_US + n * PHASE_US) for n in range(16)])
    path = tmp_path / "log.db"
    service = GatewayService(
        CaptureSource(capture), path, FakeField().rules(), clock=FakeClock(0), live=False
    )
    asyncio.run(asyncio.wait_for(service.run(), GUARD_S))
    with Database.open(path) as database:
        assert Ledger(database).total(0, 1 << 40).frames == 16


def test_errors_of_the_source_end_the_service_in_order(tmp_path: Path) -> None:
    """A damaged capture: what came before the damage is kept, and the error is told."""
    capture = tmp_path / "x.pcap"
    write_capture(capture, [node_frame(n % 8, n, NOON_US + n * PHASE_US) for n in range(4000)])
    with capture.open("ab") as file:
        file.write(b"\xff" * 40)
    path = tmp_path / "log.db"
    service = GatewayService(
        CaptureSource(capture), path, FakeField().rules(), clock=FakeClock(0), live=False
    )
    with pytest.raises(CaptureError, match="the file is damaged from there on"):
        asyncio.run(asyncio.wait_for(service.run(), GUARD_S))
    with Database.open(path) as database:
        assert FrameLog(database).last_id > 3000
        assert FrameLog(database).cursor(DECODE_CURSOR) == FrameLog(database).last_id


def test_start_errors_are_plain(tmp_path: Path) -> None:
    """A log that cannot be opened, or a busy port, end `run` with that error and no litter."""
    service = service_of(ListSource(), tmp_path / "no" / "log.db", FakeClock())
    with pytest.raises(LogOpenError):
        asyncio.run(service.run())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        busy = UdpSource(FakeClock(), port=holder.getsockname()[1])
        with pytest.raises(PortBusyError):
            asyncio.run(service_of(busy, tmp_path / "log.db", FakeClock()).run())
    with Database.open(tmp_path / "log.db") as database:
        assert database.check() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """SIGINT and SIGTERM end the service after everything that arrived is in the log."""
    source = ListSource()
    path = tmp_path / "log.db"
    service = service_of(source, path, FakeClock(NOON_US))

    async def both() -> None:
        running = asyncio.create_task(run_until_signal(service))
        await service.started.wait()
        source.give(*(node_frame(n % 8, n, NOON_US) for n in range(100)))
        os.kill(os.getpid(), number)
        await running

    with capture_logs() as logs:
        asyncio.run(asyncio.wait_for(both(), GUARD_S))
    with Database.open(path) as database:
        assert FrameLog(database).last_id == 100
    said = {line["event"]: line for line in logs}
    assert said["gateway.stopping"]["signal"] == number.name
    assert said["gateway.stopped"]["logged_frames"] == 100


def test_over_real_udp(tmp_path: Path) -> None:
    """From a datagram on loopback to the ledger, with the refusals of the way in it."""
    clock = FakeClock(NOON_US + 50)
    source = UdpSource(clock, port=0)
    path = tmp_path / "log.db"

    async def test(service: GatewayService, events: Subscription) -> None:
        payload = report(4, 321, NOON_US + 50)
        packet = {
            "freq": 868.3,
            "stat": 1,
            "modu": "LORA",
            "datr": "SF9BW125",
            "rssi": -90,
            "lsnr": 2.5,
            "data": base64.b64encode(payload).decode(),
        }
        body = json.dumps({"rxpk": [{**packet, "stat": -1}, packet]}).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forwarder:
            forwarder.connect(("127.0.0.1", source.port))
            forwarder.send(b"\x02\x11\x22\x00" + bytes(8) + body)
            event = await next_frame(events)
            assert (event.node, event.receiver, event.reason) == (4, "0000000000000000", "")
            assert forwarder.recv(10, socket.MSG_DONTWAIT) == b"\x02\x11\x22\x01"
        assert service.stats()["refused"] == {"crc_bad": 1}

    run(service_of(source, path, clock), test)
    with Database.open(path) as database:
        assert Ledger(database).refused(HOUR, HOUR + 1)["source", "crc_bad"].frames == 1
        assert Ledger(database).total(HOUR, HOUR + 1).frames == 1
