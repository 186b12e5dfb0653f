# SPDX-License-Identifier: Apache-2.0
"""Indices of a file of weather as one table: what `qres weather` prints and plots."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import checks, fosberg, fwi1987, hdw, hourly_ffmc, provenance, vpd
from qres.fire_weather.fwi2025 import daily, grass, hourly
from qres.fire_weather.noon import DAY_S, HOUR_S, standard_offset_h
from qres.fire_weather.series import HourlyWeather, NoonWeather, noons
from qres.fire_weather.systems import System

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from qres.fire_weather.ff_scale import FfScale
    from qres.fire_weather.startup import StartUp

__all__ = ["IndexTable", "table_1987", "table_2025", "table_2025_daily", "table_hourly"]

_DECIMALS: Final = 6
_CODES_1987: Final = ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr")
_CODES_2025: Final = (*_CODES_1987, "gfmc", "gsi", "gfwi")


@dataclass(frozen=True, slots=True, eq=False)
class IndexTable:
    """
    Indices of some stations through time.

    Attributes:
        system: System to which the codes belong; it is in every row, so that rows of different
            systems cannot be taken for each other.
        labels: Columns that say when, each with one text a time, e.g. `time`, or `month`, `day`.
        axis: The same as dates for a plot, shape (times,).
        station_id: Names, shape (stations,).
        values: Each index, shape (times, stations); NaN where unknown.
        status: Provenance of the row, codes of `qres.core.Status`, shape (times, stations).
    """

    system: System
    labels: dict[str, Sequence[str | int]]
    axis: NDArray[np.datetime64]
    station_id: tuple[str, ...]
    values: dict[str, NDArray[np.float64]]
    status: NDArray[np.uint8]

    @property
    def columns(self) -> list[str]:
        """Names of the columns of `rows`."""
        return [*self.labels, "station", *self.values, "status", "system"]

    @property
    def n_rows(self) -> int:
        """Number of rows: times by stations."""
        return self.status.size

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows, station by station; an unknown value is None."""
        for s, station in enumerate(self.station_id):
            for t in range(self.status.shape[0]):
                row: dict[str, Any] = {name: texts[t] for name, texts in self.labels.items()}
                row["station"] = station
                for name, values in self.values.items():
                    value = float(values[t, s])
                    row[name] = None if np.isnan(value) else round(value, _DECIMALS)
                row["status"] = provenance.Status(int(self.status[t, s])).name.lower()
                row["system"] = str(self.system)
                yield row

    def csv_lines(self) -> Iterator[str]:
        """The table as CSV, header first, without line ends; an unknown value is empty."""
        yield ",".join(self.columns)
        for row in self.rows():
            text = io.StringIO()
            cells = ("" if v is None else v for v in row.values())
            csv.writer(text, lineterminator="").writerow(cells)
            yield text.getvalue()

    def as_dict(self) -> dict[str, Any]:
        """The table for JSON: `system`, `columns` and `rows`; an unknown value is null."""
        return {"system": str(self.system), "columns": self.columns, "rows": list(self.rows())}


def table_1987(
    noon: NoonWeather, lat_deg: float | None, start: StartUp, scale: FfScale
) -> IndexTable:
    """
    The daily system of 1987.

    Args:
        noon: Weather at noon.
        lat_deg: Latitude for stations that have none, and only for them.
        start: Codes of the day before the first.
        scale: Constant of the FF scale.

    Raises:
        RangeError: A latitude is neither in the file nor given.
    """
    lat = _known(noon.lat_deg, lat_deg, "lat_deg")
    out = fwi1987.fwi1987(
        noon.temp_degc,
        noon.rh_pct,
        noon.wind_km_h,
        noon.rain_mm,
        noon.month,
        lat,
        start=start,
        scale=scale,
        status=noon.status,
    )
    dates = [str(d) for d in noon.date]
    labels: dict[str, Sequence[str | int]] = {"date": dates}
    if not noon.has_year:
        labels = {
            "month": [int(d[5:7]) for d in dates],
            "day": [int(d[8:10]) for d in dates],
        }
    return IndexTable(
        system=System.FWI1987,
        labels=labels,
        axis=noon.date.astype("datetime64[s]"),
        station_id=noon.station_id,
        values={name: getattr(out, name) for name in _CODES_1987},
        status=out.status["fwi"],
    )


def table_hourly(
    hours: HourlyWeather, lat_deg: float | None, start: StartUp, scale: FfScale
) -> IndexTable:
    """
    Hourly FFMC of 1977 with ISI, FWI with the BUI of the latest noon, and indices without memory.

    Args:
        hours: Hourly weather.
        lat_deg: Latitude for stations that have none, for the daily BUI.
        start: FFMC of the hour before the first; DMC and DC of the day before the first noon.
        scale: Constant of the FF scale of the daily codes; the hourly ones have the exact one.

    Raises:
        RangeError: A latitude is neither in the file nor given.
    """
    out = hourly_ffmc.hourly_ffmc(
        hours.temp_degc,
        hours.rh_pct,
        hours.wind_km_h,
        hours.rain_mm,
        start.ffmc,
        status=hours.status,
    )
    values = {"ffmc": out.ffmc, "isi": out.isi}
    if hours.time_s.size > 2 * 24:
        noon = noons(hours)
        by_day = fwi1987.fwi1987(
            noon.temp_degc,
            noon.rh_pct,
            noon.wind_km_h,
            noon.rain_mm,
            noon.month,
            _known(noon.lat_deg, lat_deg, "lat_deg"),
            start=start,
            scale=scale,
            status=noon.status,
        )
        day = (hours.time_s - _first_noon_s(hours, noon)) // DAY_S
        fwi = hourly_ffmc.hourly_fwi(out, by_day, np.maximum(day, -1))
        values |= {"bui": fwi.bui, "fwi": fwi.fwi, "dsr": fwi.dsr}
    wind_m_s = hours.wind_km_h / checks.KM_H_PER_M_S
    values |= {
        "vpd_kpa": vpd.vpd_kpa(hours.temp_degc, hours.rh_pct),
        "surface_hdw": hdw.surface_hdw(hours.temp_degc, hours.rh_pct, wind_m_s),
        "fosberg_ffwi": fosberg.fosberg_ffwi(hours.temp_degc, hours.rh_pct, wind_m_s),
    }
    return _hourly_table(System.HOURLY, hours, values, out.status)


def table_2025(
    hours: HourlyWeather,
    place: tuple[float | None, float | None],
    start: hourly.State2025,
    cured_pct: float | None = None,
    load_kg_m2: float = grass.DEFAULT_LOAD_KG_M2,
) -> tuple[IndexTable, hourly.Fwi2025]:
    """
    FWI2025, hourly, and the series itself for `table_2025_daily`.

    Args:
        hours: Hourly weather.
        place: Latitude and longitude for stations that have none, and only for them.
        start: State before the first hour.
        cured_pct: Curing of grass, 0..100; None for the calendar's. [%]
        load_kg_m2: Fuel load of grass. [kg/m2]

    Raises:
        RangeError: A position is neither in the file nor given.
    """
    out = hourly.fwi2025(
        hours.time_s,
        hours.temp_degc,
        hours.rh_pct,
        hours.wind_km_h,
        hours.rain_mm,
        _known(hours.lat_deg, place[0], "lat_deg"),
        _known(hours.lon_deg, place[1], "lon_deg"),
        hours.utc_offset_h,
        start=start,
        load_kg_m2=load_kg_m2,
        cured_pct=cured_pct,
        status=hours.status,
    )
    values = {name: getattr(out, name) for name in _CODES_2025}
    return _hourly_table(System.FWI2025, hours, values, out.status["fwi"]), out


def table_2025_daily(hours: HourlyWeather, series: hourly.Fwi2025) -> IndexTable:
    """Daily summaries of FWI2025 at the hour of their peak."""
    out = daily.daily_summary(series)
    peak = np.where(out.peak_hour < 0, np.nan, out.peak_hour)
    return IndexTable(
        system=System.FWI2025,
        labels={"date": [str(d) for d in out.date]},
        axis=out.date.astype("datetime64[s]"),
        station_id=hours.station_id,
        values=out.codes
        | {
            "peak_hour": peak,
            "duration_h": out.duration_h.astype(np.float64),
            "wind_smooth_km_h": out.wind_smooth_km_h,
            "isi_smooth": out.isi_smooth,
            "gsi_smooth": out.gsi_smooth,
        },
        status=out.status,
    )


def _hourly_table(
    system: System,
    hours: HourlyWeather,
    values: dict[str, NDArray[np.float64]],
    status: NDArray[np.uint8],
) -> IndexTable:
    shift = round(hours.utc_offset_h * HOUR_S)
    local = (hours.time_s + shift).astype("datetime64[s]")
    minutes = abs(shift) // 60
    zone = f"{'-' if shift < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
    return IndexTable(
        system=system,
        labels={"time": [f"{t}{zone}" for t in local]},
        axis=local,
        station_id=hours.station_id,
        values=values,
        status=status,
    )


def _first_noon_s(hours: HourlyWeather, noon: NoonWeather) -> int:
    offset_h = hours.utc_offset_h
    if not np.isnan(hours.lon_deg).any():
        offset_h = float(standard_offset_h(hours.lon_deg.mean()))
    day = int(noon.date[0].astype(np.int64))
    return day * DAY_S + 12 * HOUR_S - round(offset_h * HOUR_S)


def _known(of_file: NDArray[np.float64], given: float | None, argument: str) -> NDArray[np.float64]:
    missing = np.isnan(of_file)
    if missing.any() and given is None:
        raise RangeError(argument, "nan", "is not in the file; it must be given (--lat, --lon)")
    return np.where(missing, np.nan if given is None else given, of_file)
