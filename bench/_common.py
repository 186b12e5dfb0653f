# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  scripts, not a package
"""What benches share: the 100 stations, one core, and results with their circumstances."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from qres import weather_file
from qres.densify import densify
from qres.weather_file import WeatherFile

__all__ = ["RESULTS", "one_core", "stations", "write"]

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "bench" / "results"
RECORD: Final = "taiwan_dense100_hourly.npz"
NODES: Final = 100


def stations() -> tuple[WeatherFile, str]:
    """
    Weather of 100 stations, and in words where it comes from.

    It is `RECORD` in the folder that QRES_DATA names, or in ../shared/data. Where that file is
    absent it is the demo's record with synthetic stations added: good for speed, for nothing else.
    """
    path = Path(os.environ.get("QRES_DATA", ROOT.parent / "shared" / "data")) / RECORD
    if path.is_file():
        return weather_file.load(path).with_mean_wind(), f"{RECORD}, recorded, hourly"
    weather = densify(weather_file.demo(), NODES, seed=1).with_mean_wind()
    n = int(weather.is_synthetic.sum())
    return weather, f"demo record and {n} synthetic stations, for {RECORD} is absent"


def one_core() -> None:
    """Bind this process to one of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def write(name: str, what: str, figures: dict[str, Any]) -> None:
    """
    Write bench/results/<name>.json, and the same to stdout.

    Args:
        name: Of the bench, as `python -m bench.<name>` has it.
        what: One line on what was measured, and how.
        figures: The rest, ready for JSON; names end with their units.
    """
    result = {
        "what": what,
        "command": " ".join([f"python -m bench.{name}", *sys.argv[1:]]),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "sqlite": sqlite3.sqlite_version,
        },
        **figures,
    }
    text = json.dumps(result, indent=2)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
