# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script
"""
The audit of a large field: 128 nodes, a year, three million frames, one core.

The store is made up: reports of 6 bytes at even times, by nodes in turn, with a beacon an hour, and
the committed phases of a year. Writing it is not measured.
`python -m bench.audit [--days 365] [--frames 3000000]`
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench._common import one_core, write
from qres.core import Status
from qres.site import Site
from qres.site_new import new_site, placeholder_nodes
from qres_gateway.audit.coverage import beacon_phases
from qres_gateway.audit.hours_csv import HoursCsv
from qres_gateway.audit.page import page
from qres_gateway.audit.run import Question, audit
from qres_gateway.audit.store import open_store
from qres_gateway.database import Database

NODES: Final = 128
DAY_US: Final = 86_400_000_000
START_US: Final = 20_000 * DAY_US


def frames(site: Site, days: int, count: int) -> Iterator[tuple[Any, ...]]:
    """Rows of the frame log and of what was decoded, by turns."""
    step_us = days * DAY_US // count
    last = -1
    for k in range(count):
        at_us = START_US + k * step_us
        phase = at_us // site.phase_us
        is_beacon = phase % beacon_phases(site) == 0 and phase != last
        last = phase
        size, kind = (16, "beacon") if is_beacon else (6, "report")
        payload = k.to_bytes(size, "little")
        yield (
            (k + 1, at_us, 2, at_us, 1, site.freq_hz, site.sf, site.bw_hz, -97.5, 4.25, 1, None,
             payload, k, None),
            (k + 1, at_us, kind, k % NODES, phase, "", 0, 0),
        )  # fmt: skip


def commits(site: Site, days: int) -> Iterator[tuple[Any, ...]]:
    """Rows of committed phases: noise, so that send-on-delta reports now and then."""
    rng = np.random.default_rng(5)
    shape, spread = (NODES, len(site.channels)), np.array([0.3, 1.5, 0.3, 0.1])
    status = np.full(NODES, Status.HELD, np.uint8).tobytes()
    level = np.array([15.0, 60.0, 3.0, 10.0])
    noise = [(level + rng.normal(0.0, spread, shape)).astype("<f4").tobytes() for _ in range(97)]
    for k in range(days * DAY_US // site.phase_us):
        at_us = START_US + k * site.phase_us
        values = noise[k % 97]
        yield at_us, at_us // site.phase_us, 0, NODES, values, status, values


def fill(path: Path, site: Site, days: int, count: int) -> None:
    """Make the store."""
    Database.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("INSERT INTO receiver VALUES (1, 'rx')")
        marks = ", ".join("?" * 15)
        batch: list[tuple[Any, ...]] = []

        def flush() -> None:
            connection.executemany(f"INSERT INTO frame VALUES ({marks})", [b[0] for b in batch])  # noqa: S608
            connection.executemany(
                "INSERT INTO decoded VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [b[1] for b in batch]
            )
            batch.clear()

        for row in frames(site, days, count):
            batch.append(row)
            if len(batch) == 20_000:
                flush()
        flush()
        connection.executemany(
            "INSERT INTO committed (time_us, phase, digest, nodes, vals, status, judged)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            commits(site, days),
        )
    connection.close()


def peak_mb() -> float:
    """Greatest resident memory so far. [MB]"""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(argv: list[str]) -> int:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--frames", type=int, default=3_000_000)
    asked = parser.parse_args(argv)
    one_core()
    with tempfile.TemporaryDirectory(prefix="qres-bench-") as name:
        folder = Path(name)
        site = new_site(
            name="bench", region_name="EU868", nodes=placeholder_nodes(NODES), folder=folder,
            random_bytes=bytes,
        )  # fmt: skip
        store = folder / "gateway.sqlite"
        fill(store, site, asked.days, asked.frames)
        before_mb = peak_mb()
        begin = time.perf_counter()
        with open_store(store) as opened, HoursCsv(folder / "out.csv", site, "P") as table:
            done = audit(opened, Question(site=site, same_ledger=False), csv=table)
            lines = table.lines
        audited_s = time.perf_counter() - begin
        begin = time.perf_counter()
        text = page(done)
        page_s = time.perf_counter() - begin
        write(
            "audit",
            f"an audit with table and report: {NODES} nodes, {asked.days} days, a made-up store",
            {
                "nodes": NODES,
                "days": asked.days,
                "frames": asked.frames,
                "store_mb": round(store.stat().st_size / 1e6),
                "audit_s": round(audited_s, 1),
                "frames_per_s": round(asked.frames / audited_s),
                "page_s": round(page_s, 2),
                "csv_lines": lines,
                "csv_mb": round((folder / "out.csv").stat().st_size / 1e6, 1),
                "html_kb": round(len(text.encode()) / 1e3),
                "memory_before_mb": round(before_mb),
                "memory_peak_mb": round(peak_mb()),
            },
        )
        if done.figures["accepted"]["total"]["frames"] != asked.frames:
            sys.stderr.write("audit: frames are missing from the sums\n")
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
