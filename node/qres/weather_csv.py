# SPDX-License-Identifier: Apache-2.0
"""
Recorded weather from a table, one line per station and time.

Columns, in any order, further ones ignored: `time` (ISO 8601, UTC unless it has an offset; or Unix
time in seconds), `station`, `lat`, `lon`, `temp_degc`, `rh_pct`, `wind_m_s`, and rain either as
`rain_mm` (fallen since the station's record before) or as `rain_total_mm` (a counter, which may be
reset). Optional: `name`, `elev_m`. Separated by comma, semicolon or tab. An empty cell, `NA` or
`NaN` is a missing value.

The grid's step is the commonest time between two records of a station. A record between two
instants of the grid counts at the later one, so nothing is known before it was measured.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.channels import channel
from qres.errors import WeatherFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read"]

_NEEDED: Final = ("time", "station", "lat", "lon", "temp_degc", "rh_pct", "wind_m_s")
_MISSING: Final = {"", "na", "nan", "null", "none", "-"}
_CELLS_MAX: Final = 100_000_000


@dataclass(slots=True)
class _Station:
    """What the file says about one station."""

    line: int
    name: str
    lat: float
    lon: float
    elev: float
    records: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)


def read(path: Path) -> dict[str, NDArray[Any]]:
    """
    The table *path* in the arrays of `weather_file.from_arrays`.

    Raises:
        WeatherFileError: A column is missing, or a cell is not what it must be; the text names
            file, line, column, value and limit.
    """
    stations: dict[str, _Station] = {}
    rain_column = ""
    for line, row in _rows(path):
        rain_column = rain_column or _rain_column(path, row)
        _take(_Row(path, line, row), rain_column, stations)
    if not stations:
        raise WeatherFileError(f"{path}: has no records: must have a header line and lines below")
    step = _step_s(path, stations)
    start = min(min(s.records) for s in stations.values())
    end = max(max(s.records) for s in stations.values())
    n = -(-(end - start) // step) + 1
    if n * len(stations) > _CELLS_MAX:
        raise WeatherFileError(
            f"{path}: {n} times of {step} s x {len(stations)} stations: must be at most"
            f" {_CELLS_MAX} cells; is one of the times wrong?"
        )
    data = np.full((n, len(stations), 4), np.nan)
    adds_up = rain_column == "rain_mm"
    for s, station in enumerate(stations.values()):
        for t in sorted(station.records):
            cell = data[-(-(t - start) // step), s]
            before = cell[3]
            cell[:] = station.records[t]
            if adds_up and not math.isnan(before):
                cell[3] = np.nansum([before, cell[3]])
    return {
        "data": data,
        "time": start + step * np.arange(n, dtype=np.int64),
        "station_id": np.array(list(stations)),
        "station_name": np.array([s.name for s in stations.values()]),
        "lat": np.array([s.lat for s in stations.values()]),
        "lon": np.array([s.lon for s in stations.values()]),
        "elev": np.array([s.elev for s in stations.values()]),
        "variables": np.array(["t", "rh", "ws", "rain" if adds_up else "rain_total"]),
    }


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the table, with errors that name it."""

    path: Path
    line: int
    cells: dict[str, str]

    def error(self, column: str, limit: str) -> WeatherFileError:
        value = self.cells.get(column, "")
        return WeatherFileError(f'{self.path}:{self.line}: {column} = "{value}": {limit}')

    def number(self, column: str, low: float, high: float, unit: str) -> float:
        """The number in *column*, `low..high`; NaN where the cell is empty."""
        text = self.cells.get(column, "")
        if text.lower() in _MISSING:
            return math.nan
        limit = f"must be a number {low:g}..{high:g} {unit}, or empty where it is missing"
        try:
            value = float(text)
        except ValueError as e:
            raise self.error(column, limit) from e
        if not low <= value <= high:
            raise self.error(column, limit)
        return value

    def time_s(self) -> int:
        text = self.cells.get("time", "")
        try:
            number = float(text)
        except ValueError:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError as e:
                limit = "must be like 2026-01-31T14:05:00Z, or Unix time in seconds"
                raise self.error("time", limit) from e
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            number = moment.timestamp()
        if not 0 <= number < 2**33:
            raise self.error("time", "must be Unix time in seconds, 0..8589934591")
        return math.ceil(number)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            if not header.strip():
                return
            delimiter = max(",;\t", key=header.count)
            names = [h.strip().strip('"').lower() for h in header.split(delimiter)]
            missing = [c for c in _NEEDED if c not in names]
            if missing:
                raise WeatherFileError(
                    f"{path}:1: has no column {', '.join(missing)}: must have"
                    f" {', '.join(_NEEDED)} and rain_mm or rain_total_mm"
                )
            rows = csv.reader(file, delimiter=delimiter, strict=True)
            for cells in rows:
                if any(c.strip() for c in cells):
                    if len(cells) != len(names):
                        raise WeatherFileError(
                            f"{path}:{rows.line_num + 1}: has {len(cells)} cells: must be"
                            f" {len(names)}, as the header has"
                        )
                    stripped = (c.strip() for c in cells)
                    yield rows.line_num + 1, dict(zip(names, stripped, strict=True))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as e:
        raise WeatherFileError(f"{path}: cannot be read as a table in UTF-8: {e}") from e


def _rain_column(path: Path, row: dict[str, str]) -> str:
    present = [c for c in ("rain_mm", "rain_total_mm") if c in row]
    if len(present) != 1:
        found = " and ".join(present) or "neither"
        raise WeatherFileError(f"{path}:1: has {found}: must have one of rain_mm, rain_total_mm")
    return present[0]


def _take(row: _Row, rain_column: str, stations: dict[str, _Station]) -> None:
    station_id = row.cells["station"]
    if not station_id:
        raise row.error("station", "must not be empty")
    lat = row.number("lat", -90, 90, "degrees north")
    lon = row.number("lon", -180, 180, "degrees east")
    elev = row.number("elev_m", -500, 9000, "m above sea level")
    name = row.cells.get("name", "") or station_id
    station = stations.setdefault(station_id, _Station(row.line, name, lat, lon, elev))
    if not np.array_equal([station.lat, station.lon], [lat, lon], equal_nan=True):
        raise row.error("lat", f"station {station_id} is elsewhere on line {station.line}")
    t = row.time_s()
    if t in station.records:
        raise row.error("time", f"station {station_id} has a record of this time already")
    temp, rh, wind = (channel(c) for c in ("temp_degc", "rh_pct", "wind_m_s"))
    station.records[t] = (
        row.number(temp.name, temp.lower, temp.upper, temp.unit),
        row.number(rh.name, rh.lower, rh.upper, rh.unit),
        row.number(wind.name, wind.lower, wind.upper, wind.unit),
        row.number(rain_column, 0, 100_000, "mm"),
    )


def _step_s(path: Path, stations: dict[str, _Station]) -> int:
    steps = Counter(b - a for s in stations.values() for a, b in pairwise(sorted(s.records)))
    if not steps:
        raise WeatherFileError(f"{path}: has one record per station: must have at least two")
    most = max(steps.values())
    return min(step for step, count in steps.items() if count == most)
