# SPDX-License-Identifier: Apache-2.0
"""Programs that tests of faults start and kill.

Called as `python -m tests.faults.gateway_processes NAME DATABASE TOTAL`.

append: append frames without end, in batches; print each acknowledged range.
work: run N frames of a made-up field through a worker; go on where the log ends; print progress.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from qres_gateway.database import Database
from qres_gateway.frame_log import FrameLog
from qres_gateway.sources.base import Instant, RawFrame
from qres_gateway.worker import Worker
from tests.gateway.fake_field import DAY_US, NODES, PHASE_US, FakeField, node_frame, raw_frame

NOON_US = DAY_US + 12 * 3_600_000_000
FRAMES_PER_PHASE = 10  # eight valid ones, a copy, and a foreign frame


def numbered_frame(number: int) -> RawFrame:
    """Frame `number` of the endless stream; its payload tells the number."""
    return raw_frame(number.to_bytes(8, "big"), DAY_US + number)


def field_frame(number: int) -> RawFrame:
    """Frame `number` of the field: each phase has all nodes once, a copy and a foreign frame."""
    phase, place = divmod(number, FRAMES_PER_PHASE)
    rx_us = NOON_US + phase * PHASE_US + place * 1000
    if place < NODES:
        return node_frame(place, number % 65_536, rx_us)
    if place == NODES:
        first = field_frame(number - 1)
        return raw_frame(first.payload, first.rx_us + 3, receiver="other", host_us=rx_us)
    return raw_frame(b"foreign" + number.to_bytes(4, "big"), rx_us, host_us=rx_us)


def instant_of(number: int) -> Instant:
    """The clocks just after frame `number`."""
    wall_us = field_frame(number).rx_us + 100
    return Instant(wall_us, wall_us)


def append(path: Path) -> None:
    """Append until killed."""
    generator = random.Random()
    with Database.open(path) as database:
        log = FrameLog(database)
        print("ready", log.last_id, flush=True)
        while True:
            size = generator.choice((1, 3, 50, 400))
            first = log.last_id + 1
            ids = log.append([numbered_frame(first + n) for n in range(size)])
            print(ids[0], ids[-1], flush=True)


def work(path: Path, total: int) -> None:
    """Bring `total` frames into the log and through the pipeline."""
    worker = Worker(Database.open(path), FakeField().rules(), settle_us=0)
    at = worker.log.last_id
    now = instant_of(max(at - 1, 0))
    print("ready", at, flush=True)
    while at < total:
        step = min(7, total - at)
        now = instant_of(at + step - 1)
        worker.cycle([field_frame(at + n) for n in range(step)], {"crc_bad": 1}, now)
        at += step
        print(at, flush=True)
    worker.finish(now)
    print("done", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "append":
        append(Path(sys.argv[2]))
    else:
        work(Path(sys.argv[2]), int(sys.argv[3]))
