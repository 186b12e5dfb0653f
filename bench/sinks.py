# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script
"""
A week that a sink was down: how fast it catches up, in how much memory, and what it costs on disk.

100 nodes, 7 days: values of the stations, frames and hours made up at the field's usual rate. The
server is Debian's influxd 1.6.7, written to through the door of the tests, so its time is in the
figures. `python -m bench.sinks [days]`
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench._common import stations, write
from qres.virtual.sites import site_for
from qres.weather_file import WeatherFile
from qres_gateway.database import Database
from qres_gateway.events import FrameHeard, PhaseCommitted
from qres_gateway.fire_state import FireState
from qres_gateway.frame_log import FrameLog
from qres_gateway.ledger import Ledger, Tally
from qres_gateway.outbox import Outbox
from qres_gateway.sinks.delivery import Delivery
from qres_gateway.sinks.feed import streams
from qres_gateway.sinks.field import SinkField
from qres_gateway.sinks.influx import InfluxSink
from qres_gateway.sinks.point import line
from qres_gateway.sources.base import RawFrame
from tests.gateway.influx_server import BUCKET, ORG, TOKEN, influx

DAYS: Final = 7
EPOCH_S: Final = 600
FRAMES_PER_H: Final = 40
START_US: Final = 20_600 * 86_400_000_000
_SETTLE_S: Final = 120.0


def fill(path: Path, field: SinkField, weather: WeatherFile, days: int) -> dict[str, int]:
    """Write a store as the gateway would; how many rows it has."""
    rng = np.random.default_rng(4)
    n = len(field.nodes)
    phases = days * 86_400_000_000 // field.phase_us
    names = ("temp_degc", "rh_pct", "wind_m_s", "rain_mm")
    columns = [np.nan_to_num(getattr(weather, name)) for name in names]
    values = np.zeros((n, 4))
    fire = np.zeros((n, 6))
    frames = days * 24 * FRAMES_PER_H
    with Database.open(path) as database:
        outbox, log, ledger = Outbox(database), FrameLog(database), Ledger(database)
        for first in range(0, phases, 500):
            events: list[Any] = []
            for p in range(first, min(first + 500, phases)):
                time_us = START_US + p * field.phase_us
                row = p * field.phase_us // 1_000_000 // weather.cadence_s % len(weather.time_s)
                due = field.phase_of == p % 4
                for k, column in enumerate(columns):
                    noise = rng.normal(0.0, 0.05, int(due.sum()))
                    values[due, k] = np.abs(column[row, :n][due] + noise)
                values[:, 1] = np.clip(values[:, 1], 0, 100)
                fire = 0.99 * fire + rng.uniform(0, 0.5, fire.shape)
                status = np.where(rng.random(n) < 0.1, 1, 2).astype(np.uint8)
                state = FireState(fire, np.zeros(n, np.uint8), 0, float(fire[0, 3]))
                health = dict.fromkeys(("diverged", "bits_wrong", "beacons_wrong"), 0)
                health |= dict.fromkeys(("synced", "adopted", "verified"), 1)
                health |= {"bits_compared": p, "beacons_compared": p // 24, "missed_checkpoints": 0}
                digest = int(rng.integers(0, 2**32))
                phase = time_us // field.phase_us
                events.append(
                    PhaseCommitted(phase, time_us, digest, values, status, values, health, state)
                )
                events[-1] = _copied(events[-1])
            with database.transaction():
                outbox.add(events)
        step_us = days * 86_400_000_000 // frames
        for first in range(0, frames, 2_000):
            tally, heard, raw = Tally(), [], []
            for k in range(first, min(first + 2_000, frames)):
                rx_us, node = START_US + k * step_us, int(rng.integers(0, n))
                raw.append(_frame(rng.bytes(6), rx_us, field))
                heard.append(_heard(k + 1, rx_us, node))
                tally.accept(rx_us, node, kind="report", band="P", n_bytes=6, airtime_us=123_904)
                tally.heard(rx_us, "rx", copy=False)
            log.append(raw)
            with database.transaction():
                outbox.add(heard)
                ledger.add(tally)
    return {"commits": int(phases), "frames": frames, "hours": days * 24}


def _copied(event: PhaseCommitted) -> PhaseCommitted:
    values = event.values.copy()
    return PhaseCommitted(
        event.phase, event.time_us, event.digest, values, event.status, values, event.health,
        event.fire,
    )  # fmt: skip


def _frame(payload: bytes, rx_us: int, field: SinkField) -> RawFrame:
    s = field.site
    return RawFrame(
        payload, rx_us, "host", "rx", s.freq_hz, s.sf, s.bw_hz, -97.5, 4.25, True, None, rx_us
    )


def _heard(frame_id: int, rx_us: int, node: int) -> FrameHeard:
    return FrameHeard(
        frame_id, rx_us, "rx", "report", node, 0, "", 6, 123_904, -97.5, 4.25, False, 120
    )


def rss_kb() -> int:
    """Memory of this process now. [kB]"""
    for text in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if text.startswith("VmRSS"):
            return int(text.split()[1])
    return 0


def folder_bytes(folder: Path) -> int:
    """Size of the points below a folder; the engine's preallocated 34 MB of index are not."""
    return sum(path.stat().st_size for path in folder.rglob("*.tsm"))


def main(days: int) -> None:
    """Measure and write the result."""
    weather, source = stations()
    field = SinkField.of(replace(site_for(weather), epoch_s=EPOCH_S))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "gateway.sqlite"
        rows = fill(store, field, weather, days)
        figures: dict[str, Any] = {"values": source, "nodes": len(field.nodes), "days": days}
        figures["epoch_s"] = EPOCH_S
        figures |= {"rows": rows, "store_bytes": store.stat().st_size}
        with Database.open(store) as database:
            begun = time.perf_counter()
            made = by_measurement = 0
            counts: dict[str, int] = {}
            for stream in streams(database, field):
                after, head = 0, stream.head()
                while after < head:
                    chunk = stream.read(after, head, max(1, 5_000 // stream.points_per_row))
                    by_measurement += sum(len(line(p)) for p in chunk.points)
                    for p in chunk.points:
                        counts[p.measurement] = counts.get(p.measurement, 0) + 1
                    made += len(chunk.points)
                    after = chunk.reached
            figures["make_points_per_s"] = round(made / (time.perf_counter() - begun))
        figures |= {"points": made, "points_per_day": round(made / days), "per_measurement": counts}
        figures["line_bytes_per_point"] = round(by_measurement / made, 1)
        figures |= catch_up(folder, store, field, days)
    write("sinks", __doc__.strip().splitlines()[0], figures)


def catch_up(folder: Path, store: Path, field: SinkField, days: int) -> dict[str, Any]:
    """Deliver everything to a real engine; speed, memory, series and disk."""
    with influx(folder / "influx") as (engine, door):
        sink = InfluxSink(door.url, ORG, BUCKET, lambda: TOKEN, timeout_s=30.0)
        delivery = Delivery(sink, store, field, lambda: time.time_ns() // 1000)
        delivery.open()
        before_kb, begun, turns = rss_kb(), time.perf_counter(), 0
        most_kb = before_kb
        live_s = 0.0
        while delivery.turn():
            turns += 1
            live_s = live_s or time.perf_counter() - begun
            most_kb = max(most_kb, rss_kb())
        took_s = time.perf_counter() - begun
        figures: dict[str, Any] = {
            "catch_up_s": round(took_s, 1),
            "catch_up_points_per_s": round(delivery.written / took_s),
            "newest_delivered_after_s": round(live_s, 2),
            "turns": turns,
            "rss_before_mb": round(before_kb / 1024, 1),
            "rss_growth_mb": round((most_kb - before_kb) / 1024, 1),
            "rss_peak_of_process_mb": round(
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1
            ),
        }
        delivery.close()
        figures["series"] = sum(len(s["values"]) for s in engine.query("SHOW SERIES"))
        until = time.monotonic() + _SETTLE_S
        data, size = engine.folder / "data", -1
        while time.monotonic() < until:  # the engine compacts what is cold
            time.sleep(15)
            now = folder_bytes(data)
            if now == size > 0:
                break
            size = now
        figures["influxd_tsm_bytes"] = folder_bytes(data)
        figures["influxd_tsm_mb_per_year"] = round(folder_bytes(data) / days * 365.25 / 1e6)
        return figures


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DAYS)
