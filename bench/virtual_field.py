# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, not part of a package
"""
How fast a virtual field runs: 100 nodes, each with a replica of its own, for 14 days, on one core.

    python -m bench.virtual_field [--days N] [--repeat N]

Every node is a core instance that samples, decides, seals, hears every frame of every other node,
decrypts it and commits. Writes bench/results/virtual_field.json.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from statistics import median

from bench._common import one_core, stations, write
from qres.site import Site
from qres.virtual.field import VirtualField
from qres.virtual.sites import DEMO_KEY, site_for
from qres.weather_file import WeatherFile

EPOCH_S = 3600


def run(site: Site, weather: WeatherFile, phases: int) -> tuple[float, float, Counter[str]]:
    """Wall and CPU seconds of so many phases, and what was counted."""
    field = VirtualField(site, DEMO_KEY, weather)
    counted: Counter[str] = Counter()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for _ in range(phases):
        result = field.run_phase()
        counted["frames"] += len(result.receptions)
        counted["phases_equal"] += len(set(result.digests)) == 1
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    for node in field.nodes:
        counted.update({name: node.counters[name] for name in ("accepted", "commits")})
    return wall_s, cpu_s, counted


def main() -> int:
    """Measure, print, write; exit code 1 if replicas differed: the figure then means nothing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    one_core()
    weather, source = stations()
    site = site_for(weather, epoch_s=EPOCH_S)
    phases = arguments.days * 86_400_000_000 // site.phase_us
    runs = [run(site, weather, phases) for _ in range(arguments.repeat)]
    wall_s, cpu_s = median(r[0] for r in runs), median(r[1] for r in runs)
    counted = runs[0][2]
    write(
        "virtual_field",
        "a virtual field of 100 nodes with 100 replicas on one core, median of the runs",
        {
            "weather": source,
            "nodes": len(site.nodes),
            "synthetic_nodes": int(weather.is_synthetic.sum()),
            "epoch_s": EPOCH_S,
            "days": arguments.days,
            "phases": phases,
            "phases_with_all_replicas_equal": counted["phases_equal"],
            "frames_on_air": counted["frames"],
            "receptions": counted["accepted"],
            "commits": counted["commits"],
            "wall_s": round(wall_s, 2),
            "cpu_s": round(cpu_s, 2),
            "runs_wall_s": [round(r[0], 2) for r in runs],
            "times_real_time_by_wall": round(arguments.days * 86_400 / wall_s),
            "times_real_time_by_cpu": round(arguments.days * 86_400 / cpu_s),
        },
    )
    return 0 if counted["phases_equal"] == phases else 1


if __name__ == "__main__":
    raise SystemExit(main())
