# SPDX-License-Identifier: Apache-2.0
"""The published tables that the indices are compared with, as columns."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.qres.recorded import recorded

Column = NDArray[np.float64]


class Weather(NamedTuple):
    """The four inputs of the Canadian systems, in their order: `fwi1987(*weather, ...)`."""

    temp_degc: Column
    rh_pct: Column
    wind_km_h: Column
    rain_mm: Column

    def part(self, times: slice) -> Weather:
        """Only these times."""
        return Weather(*(values[times] for values in self))

    @classmethod
    def dry(cls, n: int, nodes: int | None = None) -> Weather:
        """The same warm, dry weather n times, at one node or some."""
        shape = (n,) if nodes is None else (n, nodes)
        return cls(*(np.full(shape, v) for v in (25.0, 30.0, 10.0, 0.0)))


class Published:
    """A published table: rows as they are printed, and columns as numbers."""

    def __init__(self, name: str) -> None:
        path = recorded(name)
        opened = gzip.open if name.endswith(".gz") else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))

    def __getitem__(self, name: str) -> Column:
        """The column *name*; empty cells are NaN."""
        return np.array([float(row[name] or "nan") for row in self.rows])

    def texts(self, name: str) -> list[str]:
        """The column *name* as printed."""
        return [row[name] for row in self.rows]


def xclim_vectors() -> dict[str, Any]:
    """What xclim computes for made-up weather; see make_xclim_vectors.py."""
    path = Path(__file__).with_name("xclim_vectors.json")
    vectors: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return vectors
