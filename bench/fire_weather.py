# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, not part of a package
"""
How long all fire weather indices of a large field take: 100 nodes, 1 year, hourly, one core.

    python bench/fire_weather.py [--nodes N] [--repeat N] [--out FILE]

Writes bench/results/fire_weather.json. The weather is made up (seeded): the time does not depend
on its values, but for how many hours have rain, here about one in ten at each node.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from qres.fire_weather import angstrom, chandler, fosberg, fwi1987, hdw, hourly_ffmc, kbdi, vpd
from qres.fire_weather.fwi2025 import daily, hourly
from qres.fire_weather.noon import HOUR_S
from qres.fire_weather.series import HourlyWeather, noons

LIMIT_S: Final = 5.0
"""What the whole year may take (issue 3)."""

Field = NDArray[np.float64]


def make_weather(nodes: int, hours: int, seed: int) -> HourlyWeather:
    """A year of hourly weather with seasons, days and rain, shape (hours, nodes)."""
    rng = np.random.default_rng(seed)
    time_s = 1_735_689_600 + HOUR_S * np.arange(hours, dtype=np.int64)  # from 2025-01-01 UTC
    t = np.arange(hours)[:, None]
    season = np.cos(2 * np.pi * (t / 8766.0 - 0.55))
    day = np.cos(2 * np.pi * (t / 24.0 - 0.62))
    noise = rng.normal(size=(hours, nodes))
    temp = 12.0 + 12.0 * season + 6.0 * day + 2.0 * noise
    rh = np.clip(62.0 - 10.0 * season - 22.0 * day + 10.0 * noise, 5.0, 100.0)
    wind = np.clip(10.0 + 5.0 * day + 4.0 * rng.normal(size=(hours, nodes)), 0.0, None)
    rain = np.where(rng.random((hours, nodes)) < 0.1, rng.exponential(1.0, (hours, nodes)), 0.0)
    return HourlyWeather(
        station_id=tuple(f"n{i}" for i in range(nodes)),
        lat_deg=np.linspace(44.0, 46.0, nodes),
        lon_deg=np.linspace(-78.0, -76.0, nodes),
        time_s=time_s,
        utc_offset_h=-5.0,
        temp_degc=temp,
        rh_pct=rh,
        wind_km_h=wind,
        rain_mm=rain.round(1),
        status=np.ones((hours, nodes), dtype=np.uint8),
    )


def measure(weather: HourlyWeather) -> dict[str, float]:
    """Seconds of each part, CPU time of this process."""
    spent: dict[str, float] = {}

    def timed(name: str, run: Callable[[], Any]) -> Any:
        begin = time.process_time()
        result = run()
        spent[name] = time.process_time() - begin
        return result

    w = weather
    wind_m_s = w.wind_km_h / 3.6
    inputs = (w.temp_degc, w.rh_pct, w.wind_km_h, w.rain_mm)
    timed("vpd", lambda: vpd.vpd_kpa(w.temp_degc, w.rh_pct))
    timed("surface_hdw", lambda: hdw.surface_hdw(w.temp_degc, w.rh_pct, wind_m_s))
    timed("fosberg", lambda: fosberg.fosberg_ffwi(w.temp_degc, w.rh_pct, wind_m_s))
    timed("angstrom", lambda: angstrom.angstrom(w.temp_degc, w.rh_pct))
    timed("chandler", lambda: chandler.chandler(w.temp_degc, w.rh_pct))
    noon = timed("noon weather", lambda: noons(w))

    def daily_codes() -> fwi1987.Fwi1987:
        return fwi1987.fwi1987(
            noon.temp_degc,
            noon.rh_pct,
            noon.wind_km_h,
            noon.rain_mm,
            noon.month,
            w.lat_deg,
            status=noon.status,
        )

    timed("fwi1987, daily", daily_codes)
    timed("kbdi, daily", lambda: kbdi.kbdi(noon.temp_degc, noon.rain_mm, 800.0))
    timed("hourly ffmc and isi", lambda: hourly_ffmc.hourly_ffmc(*inputs, status=w.status))
    place = (w.lat_deg, w.lon_deg, w.utc_offset_h)
    full = timed(
        "fwi2025, hourly with grass",
        lambda: hourly.fwi2025(w.time_s, *inputs, *place, status=w.status),
    )
    timed("fwi2025, daily summaries", lambda: daily.daily_summary(full))
    return spent


def stay_on_one_core() -> None:
    """Bind this process to one of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def processor() -> str:
    """Name of the processor, as Linux tells it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main() -> int:
    """Measure, print, write; exit code 1 if the year takes longer than `LIMIT_S`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--hours", type=int, default=8760)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    default = Path(__file__).parent / "results" / "fire_weather.json"
    parser.add_argument("--out", type=Path, default=default)
    args = parser.parse_args()
    stay_on_one_core()
    weather = make_weather(args.nodes, args.hours, args.seed)
    runs = [measure(weather) for _ in range(args.repeat)]
    totals = [sum(run.values()) for run in runs]
    median = sorted(totals)[len(totals) // 2]
    parts = runs[totals.index(median)]
    result = {
        "what": "all fire weather indices, CPU seconds on one core, median of the runs",
        "command": f"python bench/fire_weather.py --nodes {args.nodes} --hours {args.hours}"
        f" --repeat {args.repeat} --seed {args.seed}",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": {
            "processor": processor(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "nodes": args.nodes,
        "hours": args.hours,
        "total_s": round(median, 3),
        "runs_total_s": [round(total, 3) for total in totals],
        "limit_s": LIMIT_S,
        "parts_s": {name: round(seconds, 3) for name, seconds in parts.items()},
    }
    text = json.dumps(result, indent=2)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0 if median < LIMIT_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
