# SPDX-License-Identifier: Apache-2.0
"""Frames per second through the gateway: each stage alone, and the whole path over loopback UDP.

    python -m tests.gateway.bench_gateway [--frames N] [--json FILE]

The process is bound to one core. The replica is the tests' fake, so this is the cost of the
gateway around the core. The sender shares the core: the last figure is a lower bound.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import platform
import socket
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from qres_gateway.database import Database
from qres_gateway.events import FrameHeard
from qres_gateway.frame_log import FrameLog
from qres_gateway.pipeline import Pipeline
from qres_gateway.service import GatewayService
from qres_gateway.sources import gwmp, loratap
from qres_gateway.sources.base import Instant, SystemClock
from qres_gateway.sources.udp import UdpSource
from qres_gateway.worker import Worker
from tests.gateway.fake_field import (
    NODES,
    PHASE_US,
    FakeField,
    ListHistory,
    node_frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from qres_gateway.sources.base import RawFrame

EUI = bytes.fromhex("aa555a0000000101")
WINDOW = 64  # datagrams sent before their acknowledgements are awaited


def frames_of_a_field(count: int) -> list[RawFrame]:
    """All nodes in every phase, up to now."""
    start_us = time.time_ns() // 1000 // PHASE_US * PHASE_US - (count // NODES + 1) * PHASE_US
    return [
        node_frame(n % NODES, n % 65_536, start_us + n // NODES * PHASE_US + n % NODES * 400_000)
        for n in range(count)
    ]


def datagram(frames: list[RawFrame], token: int) -> bytes:
    """As a concentrator with GNSS sends them."""
    packets = [
        {
            "tmst": frame.rx_us % (1 << 32),
            "tmms": (frame.rx_us // 1000) - (gwmp.GPS_EPOCH_S - gwmp.GPS_UTC_LEAP_S) * 1000,
            "chan": 0,
            "rfch": 0,
            "freq": 868.3,
            "stat": 1,
            "modu": "LORA",
            "datr": "SF9BW125",
            "codr": "4/5",
            "rssi": -97,
            "lsnr": 5.5,
            "size": len(frame.payload),
            "data": base64.b64encode(frame.payload).decode(),
        }
        for frame in frames
    ]
    return (
        b"\x02" + token.to_bytes(2, "big") + b"\x00" + EUI + json.dumps({"rxpk": packets}).encode()
    )


def per_second(count: int, work: Callable[[], object]) -> int:
    """Frames per second of a piece of work."""
    started = time.perf_counter()
    work()
    return round(count / (time.perf_counter() - started))


def parse_rate(frames: list[RawFrame], per_datagram: int) -> int:
    """GWMP datagrams into packets."""
    datagrams = [
        datagram(frames[at : at + per_datagram], at & 0xFFFF)
        for at in range(0, len(frames), per_datagram)
    ]
    return per_second(len(frames), lambda: [gwmp.parse(each) for each in datagrams])


def loratap_rate(frames: list[RawFrame]) -> int:
    """LoRaTap packets into frames."""
    packets = [loratap.encode(frame) for frame in frames]
    return per_second(
        len(frames),
        lambda: [loratap.decode(p, 0, receiver="", rx_time_source="host") for p in packets],
    )


def append_rate(frames: list[RawFrame], batch: int, path: Path) -> int:
    """Frames into the log, durable."""
    with Database.open(path) as database:
        log = FrameLog(database)
        batches = [frames[at : at + batch] for at in range(0, len(frames), batch)]
        return per_second(len(frames), lambda: [log.append(each) for each in batches])


def pipeline_rate(frames: list[RawFrame], path: Path) -> int:
    """Rows of the log into events."""
    with Database.open(path) as database:
        log = FrameLog(database)
        log.append(frames)
        rows = log.after(0, len(frames))
    pipeline = Pipeline(FakeField().rules(), ListHistory())
    chunks = [rows[at : at + 2000] for at in range(0, len(rows), 2000)]
    return per_second(len(rows), lambda: [pipeline.process(each, None) for each in chunks])


def worker_rate(frames: list[RawFrame], path: Path) -> int:
    """Frames into log, events, ledger and outbox."""
    worker = Worker(Database.open(path), FakeField().rules(), live=False)

    def work() -> None:
        for at in range(0, len(frames), 500):
            worker.cycle(frames[at : at + 500], {}, Instant(0, at))
        worker.finish(Instant(0, 0))

    return per_second(len(frames), work)


async def udp_rate(frames: list[RawFrame], path: Path) -> int:
    """From datagrams on loopback to events, with everything durable in between."""
    clock = SystemClock()
    source = UdpSource(clock, port=0)
    service = GatewayService(source, path, FakeField().rules(), clock=clock, settle_us=0)
    events = service.subscribe(limit=10_000_000)
    running = asyncio.create_task(service.run())
    await service.started.wait()
    loop = asyncio.get_running_loop()
    datagrams = [datagram([frame], n & 0xFFFF) for n, frame in enumerate(frames)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forwarder:
        forwarder.setblocking(False)
        forwarder.connect(("127.0.0.1", source.port))
        started = time.perf_counter()
        for at in range(0, len(datagrams), WINDOW):
            window = datagrams[at : at + WINDOW]
            for each in window:
                forwarder.send(each)
            for _ in window:
                await loop.sock_recv(forwarder, 16)
        heard = 0
        async for event in events:
            heard += isinstance(event, FrameHeard)
            if heard == len(frames):
                break
        rate = round(len(frames) / (time.perf_counter() - started))
    await service.stop()
    await running
    stats = service.stats()
    assert stats["refused"] == {}, stats["refused"]
    assert stats["worker"]["accepted"] == len(frames), stats["worker"]
    return rate


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--dir", type=Path, help="where the databases go; the disk matters")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    frames = frames_of_a_field(arguments.frames)
    with tempfile.TemporaryDirectory(dir=arguments.dir) as name:
        folder = Path(name)
        rates = {
            "gwmp_parse_1_per_datagram": parse_rate(frames, 1),
            "gwmp_parse_8_per_datagram": parse_rate(frames, 8),
            "loratap_decode": loratap_rate(frames),
            "log_append_batch_1": append_rate(frames[:1000], 1, folder / "a.db"),
            "log_append_batch_50": append_rate(frames, 50, folder / "b.db"),
            "log_append_batch_500": append_rate(frames, 500, folder / "c.db"),
            "pipeline_fake_replica": pipeline_rate(frames, folder / "d.db"),
            "worker_batch_500": worker_rate(frames, folder / "e.db"),
            "udp_to_events": asyncio.run(udp_rate(frames, folder / "f.db")),
        }
    for stage, rate in rates.items():
        print(f"{stage:28} {rate:>9,} frames/s")
    if arguments.json:
        host = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
        text = json.dumps({"frames": arguments.frames, "per_second": rates, **host}, indent=1)
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
