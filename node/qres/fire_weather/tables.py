# SPDX-License-Identifier: Apache-2.0
"""
Tables in the layouts of the Canadian programs: one line a day at noon, or one line an hour.

Daily: `month, day, temp_c, rh_pct, wind_kmh, rain_mm`, as the table of 1985, or `mon, day, temp,
rh, ws, prec` as CFFDRS for R has it; optional `yr`, `lat`, `id`. Hourly, as cffdrs-ng has it: `yr,
mon, day, hr, temp, rh, ws, prec, lat, long`; optional `timezone`, `id`. Wind is in km/h at 10 m.
Further columns are ignored. Days or hours that are left out are missing, not dry.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import WeatherFileError
from qres.fire_weather import provenance
from qres.fire_weather.noon import HOUR_S, standard_offset_h
from qres.fire_weather.series import HourlyWeather, NoonWeather

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_table"]

_NAMES: Final = {
    "year": ("year", "yr"),
    "month": ("month", "mon"),
    "day": ("day",),
    "hour": ("hour", "hr"),
    "temp_degc": ("temp_c", "temp_degc", "temp"),
    "rh_pct": ("rh_pct", "rh"),
    "wind_km_h": ("wind_kmh", "wind_km_h", "ws"),
    "rain_mm": ("rain_mm", "prec", "rain"),
    "lat": ("lat",),
    "lon": ("long", "lon"),
    "timezone": ("timezone", "utc_offset_h"),
    "id": ("id", "station"),
}
_WEATHER: Final = ("temp_degc", "rh_pct", "wind_km_h", "rain_mm")
_LIMITS: Final = {
    "year": (1800, 2200),
    "month": (1, 12),
    "day": (1, 31),
    "hour": (0, 23),
    "temp_degc": (-60, 85),
    "rh_pct": (0, 100),
    "wind_km_h": (0, 300),
    "rain_mm": (0, 2000),
    "lat": (-90, 90),
    "lon": (-180, 180),
    "timezone": (-12, 14),
}
_MISSING: Final = {"", "na", "nan", "null", "none", "-"}
_LEAP_YEAR: Final = 2000  # stands for the year where a table has none
_STEPS_MAX: Final = 1_000_000  # 114 years of hours


@dataclass(frozen=True, slots=True)
class _Row:
    path: Path
    line: int
    cells: dict[str, str]

    def number(self, name: str, default: float = np.nan) -> float:
        """The cell *name*, or *default* where the table has no such column; NaN if empty."""
        text = self.cells.get(name)
        if text is None:
            return default
        if text.lower() in _MISSING:
            return np.nan
        low, high = _LIMITS[name]
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not low <= value <= high:
            limit = f"must be a number, {low}..{high}"
            raise WeatherFileError(f"{self.path}:{self.line}: {name} = {text}: {limit}")
        return value

    def step(self, *, is_hourly: bool, year_if_none: int) -> int:
        """Number of the row's day since 1970, or of its local hour."""
        year = self.number("year", year_if_none)
        parts = [year, self.number("month"), self.number("day")]
        parts.append(self.number("hour") if is_hourly else 0.0)
        if any(np.isnan(p) or p != int(p) for p in parts):
            text = ", ".join(f"{p:g}" for p in parts)
            raise WeatherFileError(f"{self.path}:{self.line}: date = {text}: must be whole numbers")
        y, month, day, hour = (int(p) for p in parts)
        try:
            date = np.datetime64(f"{y:04d}-{month:02d}-{day:02d}", "D")
        except ValueError as e:
            raise WeatherFileError(f"{self.path}:{self.line}: date = {y}-{month}-{day}: {e}") from e
        days = int(date.astype(np.int64))
        return 24 * days + hour if is_hourly else days


def read_table(path: Path) -> NoonWeather | HourlyWeather | None:
    """
    The table *path*, or None if it has another layout (then `weather_file.load` may know it).

    Raises:
        WeatherFileError: It has one of these layouts, but a cell is not what it must be; the text
            names file, line, column, value and limit.
    """
    if not path.name.lower().endswith((".csv", ".csv.gz")) or not path.is_file():
        return None
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = [cell.strip().lower() for cell in next(rows, [])]
            columns = _columns(header)
            needed = {"month", "day", *_WEATHER}
            if not needed <= columns.keys():
                return None
            table = [
                _Row(path, rows.line_num, _cells(path, rows.line_num, header, columns, cells))
                for cells in rows
                if any(cell.strip() for cell in cells)
            ]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as e:
        raise WeatherFileError(f"{path}: cannot be read as a table in UTF-8: {e}") from e
    if not table:
        raise WeatherFileError(f"{path}: has no records: must have a header line and lines below")
    return _hourly(path, table) if "hour" in columns else _daily(path, table)


def _columns(header: list[str]) -> dict[str, int]:
    found = {}
    for name, spellings in _NAMES.items():
        at = next((header.index(s) for s in spellings if s in header), None)
        if at is not None:
            found[name] = at
    return found


def _cells(
    path: Path, line: int, header: list[str], columns: dict[str, int], cells: list[str]
) -> dict[str, str]:
    if len(cells) != len(header):
        limit = f"must be {len(header)}, as the header has"
        raise WeatherFileError(f"{path}:{line}: has {len(cells)} cells: {limit}")
    return {name: cells[at].strip() for name, at in columns.items()}


def _daily(path: Path, table: list[_Row]) -> NoonWeather:
    has_year = "year" in table[0].cells
    stations, steps, fields = _grid(path, table, is_hourly=False, has_year=has_year)
    status, _ = provenance.of_inputs(None, *fields.values())
    return NoonWeather(
        station_id=stations,
        lat_deg=_of_station(table, stations, "lat"),
        date=steps.astype("datetime64[D]"),
        has_year=has_year,
        status=status,
        **fields,
    )


def _hourly(path: Path, table: list[_Row]) -> HourlyWeather:
    if "year" not in table[0].cells:
        raise WeatherFileError(f"{path}:1: has no column yr: hourly weather must have it")
    stations, steps, fields = _grid(path, table, is_hourly=True, has_year=True)
    status, _ = provenance.of_inputs(None, *fields.values())
    lon = _of_station(table, stations, "lon")
    zones = {row.number("timezone") for row in table} if "timezone" in table[0].cells else set()
    if len(zones) > 1 or any(np.isnan(z) for z in zones):
        text = ", ".join(f"{z:g}" for z in sorted(zones))
        raise WeatherFileError(f"{path}: timezone = {text}: must be one number for the file")
    if zones:
        offset_h = zones.pop()
    elif not np.isnan(lon).any():
        offset_h = float(standard_offset_h(lon.mean()))
    else:
        raise WeatherFileError(f"{path}:1: has neither timezone nor long: must have one of them")
    return HourlyWeather(
        station_id=stations,
        lat_deg=_of_station(table, stations, "lat"),
        lon_deg=lon,
        time_s=steps * HOUR_S - round(offset_h * HOUR_S),
        utc_offset_h=offset_h,
        status=status,
        **fields,
    )


def _grid(
    path: Path, table: list[_Row], *, is_hourly: bool, has_year: bool
) -> tuple[tuple[str, ...], NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Stations, consecutive steps, and the weather on their grid; NaN where there is no row."""
    names = [row.cells.get("id") or "1" for row in table]
    stations = tuple(dict.fromkeys(names))
    leap = any(row.number("month") == 2 and row.number("day") == 29 for row in table)
    year = _LEAP_YEAR if leap else _LEAP_YEAR + 1
    steps = [row.step(is_hourly=is_hourly, year_if_none=year) for row in table]
    if not has_year:
        _refuse_new_year(table, steps, names)
    first, count = min(steps), max(steps) - min(steps) + 1
    if count > _STEPS_MAX:
        raise WeatherFileError(f"{path}: spans {count} steps: must be at most {_STEPS_MAX}")
    fields = {name: np.full((count, len(stations)), np.nan) for name in _WEATHER}
    seen: set[tuple[int, str]] = set()
    for row, step, station in zip(table, steps, names, strict=True):
        if (step, station) in seen:
            raise WeatherFileError(
                f"{path}:{row.line}: station {station} has a record of this time already"
            )
        seen.add((step, station))
        for name, values in fields.items():
            values[step - first, stations.index(station)] = row.number(name)
    return stations, np.arange(first, first + count, dtype=np.int64), fields


def _refuse_new_year(table: list[_Row], steps: list[int], names: list[str]) -> None:
    """Without years, days that go back may be a new year or a mistake: ask for the column."""
    last: dict[str, int] = {}
    for row, step, name in zip(table, steps, names, strict=True):
        if step < last.get(name, step):
            text = f"{row.cells['month']}-{row.cells['day']}"
            raise WeatherFileError(
                f"{row.path}:{row.line}: month-day = {text}: must not be before the line above;"
                " for a season that goes over the new year add a column yr"
            )
        last[name] = step


def _of_station(table: list[_Row], stations: tuple[str, ...], name: str) -> NDArray[np.float64]:
    """A property of each station; NaN where the table has no such column."""
    found: dict[str, float] = {}
    for row in table:
        value = row.number(name)
        station = row.cells.get("id") or "1"
        if not np.array_equal(found.setdefault(station, value), value, equal_nan=True):
            text = f"{name} = {value:g}: station {station} has {found[station]:g} before"
            raise WeatherFileError(f"{row.path}:{row.line}: {text}: must not move")
    return np.array([found[s] for s in stations])
