# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, not part of a package
"""
Frames per second through the gateway: each stage alone, and the whole path over loopback UDP.

    python -m bench.gateway [--days N] [--repeat N] [--dir FOLDER]

The frames are those of a virtual field of 100 nodes; the replica is the real core's. Each rate is
the median of the runs. The process is bound to one core, and the sender of the datagrams shares it,
so the last figures are lower bounds. Writes bench/results/gateway.json.

What is varied is how hard it is to find out whose frame it is:

- "exact": the receiver has GNSS, each frame is found in its sender's slot.
- "clock": times are wrong by up to half a second, more than a slot; most frames are found by
  trying further members of the phase, and of its neighbours.
- "strangers": one frame in five is not the field's, but looks so. Every member of three phases is
  tried before it is refused.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import structlog

from bench._common import one_core, stations, write
from bench._traffic import Traffic, datagram, heard, shifted, with_strangers
from qres.core import Replica
from qres.virtual.sites import DEMO_KEY
from qres_gateway.database import Database
from qres_gateway.events import FrameHeard, PhaseCommitted
from qres_gateway.field_rules import rules_for
from qres_gateway.frame_log import FrameLog
from qres_gateway.service import GatewayService
from qres_gateway.sources import gwmp, loratap
from qres_gateway.sources.base import Instant, RawFrame, SystemClock
from qres_gateway.sources.udp import UdpSource
from qres_gateway.worker import Worker

CLOCK_ERROR_US: Final = 500_000
STRANGERS: Final = 0.2
WINDOW: Final = 64  # datagrams sent before their acknowledgements are awaited
BATCH: Final = 500  # frames of one turn of the worker


class Timed(NamedTuple):
    """Wall and CPU seconds of a piece of work, all threads."""

    wall_s: float
    cpu_s: float


def timed(work: Callable[[], object]) -> Timed:
    """How long *work* takes."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return Timed(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def parse(traffic: Traffic) -> Timed:
    """GWMP datagrams, one frame each, into packets."""
    datagrams = [datagram(traffic.site, [f], n & 0xFFFF) for n, f in enumerate(traffic.frames)]
    return timed(lambda: [gwmp.parse(each) for each in datagrams])


def from_capture(traffic: Traffic) -> Timed:
    """LoRaTap packets into frames."""
    packets = [loratap.encode(frame) for frame in traffic.frames]
    return timed(
        lambda: [loratap.decode(p, 0, receiver="", rx_time_source="host") for p in packets]
    )


def fresh(folder: Path) -> Path:
    """A name for a new database."""
    return folder / f"{uuid.uuid4().hex}.db"


def append(frames: list[RawFrame], batch: int, folder: Path) -> Timed:
    """Frames into the log, durable."""
    with Database.open(fresh(folder)) as database:
        log = FrameLog(database)
        batches = [frames[at : at + batch] for at in range(0, len(frames), batch)]
        return timed(lambda: [log.append(each) for each in batches])


def replica(traffic: Traffic) -> Timed:
    """Frames into the core, with the commits in between."""
    core = Replica(traffic.site, DEMO_KEY, traffic.frames[0].rx_us)
    accepted = 0

    def work() -> None:
        nonlocal accepted
        for frame in traffic.frames:
            core.advance(frame.rx_us)
            accepted += not core.hear(frame.payload, frame.rx_us).reason

    spent = timed(work)
    check("replica", accepted, traffic.genuine)
    return spent


def worker(traffic: Traffic, folder: Path) -> Timed:
    """Frames into log, replica, ledger and outbox, in turns of `BATCH`."""
    made = Worker(Database.open(fresh(folder)), rules_for(traffic.site, DEMO_KEY), live=False)

    def work() -> None:
        for at in range(0, len(traffic.frames), BATCH):
            made.cycle(traffic.frames[at : at + BATCH], {}, Instant(0, at))
        made.finish(Instant(0, 0))

    spent = timed(work)
    check("worker", int(made.stats()["accepted"]), traffic.genuine)
    return spent


def check(what: str, found: object, expected: object) -> None:
    """A figure means nothing if the work was not done."""
    if found != expected:
        raise RuntimeError(f"{what}: {found}, expected {expected}")


def over_udp(traffic: Traffic, folder: Path) -> Timed:
    """From datagrams on loopback to events, with everything durable in between."""
    return asyncio.run(_over_udp(traffic, fresh(folder)))


async def _over_udp(traffic: Traffic, path: Path) -> Timed:
    clock = SystemClock()
    source = UdpSource(clock, port=0)
    rules = rules_for(traffic.site, DEMO_KEY)
    # Not live: time passes by the frames' own times, for they come faster than the field's.
    service = GatewayService(source, path, rules, clock=clock, live=False)
    events = service.subscribe(limit=10_000_000)
    running = asyncio.create_task(service.run())
    await service.started.wait()
    datagrams = [datagram(traffic.site, [f], n & 0xFFFF) for n, f in enumerate(traffic.frames)]
    digests: dict[int, int] = {}
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    await send(datagrams, source.port)
    waiting = len(datagrams)
    while waiting:
        event = await anext(events)
        waiting -= isinstance(event, FrameHeard)
        if isinstance(event, PhaseCommitted):
            digests[event.phase] = event.digest
    spent = Timed(time.perf_counter() - wall_s, time.process_time() - cpu_s)
    await service.stop()
    await running
    stats = service.stats()
    check("datagrams refused", stats["refused"], {})
    check("frames accepted", stats["worker"]["accepted"], traffic.genuine)
    last = max(digests)
    check(f"digest after phase {last}", digests[last], traffic.digests[last])
    return spent


async def send(datagrams: list[bytes], port: int) -> None:
    """As a forwarder sends them, `WINDOW` at a time; returns when all are acknowledged."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forwarder:
        forwarder.setblocking(False)
        forwarder.connect(("127.0.0.1", port))
        for at in range(0, len(datagrams), WINDOW):
            window = datagrams[at : at + WINDOW]
            for each in window:
                forwarder.send(each)
            for _ in window:
                await loop.sock_recv(forwarder, 16)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where the databases go; the disk matters")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    one_core()
    weather, source = stations()
    exact = heard(weather, arguments.days)
    off = shifted(exact, CLOCK_ERROR_US, seed=2)
    kinds = {
        "exact": exact,
        "clock": off,
        "clock_and_strangers": with_strangers(off, STRANGERS, seed=3),
    }
    few = exact.frames[:1000]
    with tempfile.TemporaryDirectory(dir=arguments.dir) as name:
        folder = Path(name)
        stages: dict[str, tuple[int, Callable[[], Timed]]] = {
            "gwmp_parse": (len(exact.frames), partial(parse, exact)),
            "loratap_decode": (len(exact.frames), partial(from_capture, exact)),
            "log_append_batch_1": (len(few), partial(append, few, 1, folder)),
            "log_append_batch_500": (len(exact.frames), partial(append, exact.frames, 500, folder)),
        }
        for kind, t in kinds.items():
            stages[f"replica_{kind}"] = (len(t.frames), partial(replica, t))
        stages["worker_exact"] = (len(exact.frames), partial(worker, exact, folder))
        for kind, t in kinds.items():
            stages[f"udp_to_events_{kind}"] = (len(t.frames), partial(over_udp, t, folder))
        runs = {k: [run() for _ in range(arguments.repeat)] for k, (_, run) in stages.items()}
    frames_in = {k: n for k, (n, _) in stages.items()}
    write(
        "gateway",
        "frames a second through the passive gateway on one core, median of the runs",
        {
            "weather": source,
            "nodes": len(exact.site.nodes),
            "synthetic_nodes": int(weather.is_synthetic.sum()),
            "days": arguments.days,
            "genuine_frames": exact.genuine,
            "strangers_share": STRANGERS,
            "clock_error_us": CLOCK_ERROR_US,
            "frames_per_s": {
                k: round(frames_in[k] / median(r.wall_s for r in of)) for k, of in runs.items()
            },
            "frames_per_cpu_s": {
                k: round(frames_in[k] / median(r.cpu_s for r in of)) for k, of in runs.items()
            },
            "load_average_1min": round(os.getloadavg()[0], 1),
        },
    )


if __name__ == "__main__":
    main()
