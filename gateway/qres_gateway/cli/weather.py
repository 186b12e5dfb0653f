# SPDX-License-Identifier: Apache-2.0
"""
`qres weather`: fire weather indices of a file of weather.

The file is a table in a Canadian layout (`qres.fire_weather.tables`), recorded weather
(`qres.weather_file`), or the store of a gateway (`qres_gateway.store_weather`). Exit codes: 0 done;
1 the file cannot be read or does not suffice, or a file could not be written; 2 wrong usage.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from qres import weather_file
from qres.atomic_file import write_atomic
from qres.errors import RangeError, WeatherFileError
from qres.fire_weather import report
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.fw13 import fw13_lines
from qres.fire_weather.fw21 import fw21_lines
from qres.fire_weather.fwi2025.hourly import State2025
from qres.fire_weather.fwi2025.sun import radiation_kw_m2, sun_times
from qres.fire_weather.noon import local_calendar, standard_offset_h
from qres.fire_weather.series import HourlyWeather, NoonWeather, hourly, noons
from qres.fire_weather.startup import StartUp
from qres.fire_weather.systems import System
from qres.fire_weather.tables import read_table
from qres.site import load_site
from qres_gateway.cli.output import print_json, stderr
from qres_gateway.store_weather import SUFFIXES, weather_of_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from qres.fire_weather.report import IndexTable

__all__ = ["register"]

_ROWS_ON_SCREEN = 400
_CANADA_LAT_DEG = 46.0


class Scale(StrEnum):
    """The constants of the FF scale, as choices of an option."""

    PRINTED_1985 = "147.2"
    EXACT = "147.27723"


_SCALES = {Scale.PRINTED_1985: FfScale.PRINTED_1985, Scale.EXACT: FfScale.EXACT}


@dataclass(frozen=True, slots=True)
class _Place:
    """What stands in for what the file does not say."""

    lat_deg: float | None
    lon_deg: float | None


def register(parent: typer.Typer) -> None:
    """Add `weather` to the `qres` command."""
    parent.command("weather")(weather)


def weather(
    file: Annotated[
        Path,
        typer.Argument(
            help="Weather: .csv, .csv.gz, .npz, or a gateway's store (.sqlite) with --site.",
            show_default=False,
        ),
    ],
    site: Annotated[
        Path | None, typer.Option(readable=False, help="Site file of the store.")
    ] = None,
    system: Annotated[System, typer.Option(help="Which fire weather system.")] = System.FWI1987,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print every row as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every row as JSON.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Write a plot, a .html that needs no network.")
    ] = None,
    daily: Annotated[
        bool, typer.Option("--daily", help="FWI2025: one row a day, at its peak.")
    ] = False,
    lat: Annotated[float | None, typer.Option(help="Latitude, if the file has none (deg).")] = None,
    lon: Annotated[
        float | None, typer.Option(help="Longitude, if the file has none (deg).")
    ] = None,
    utc_offset: Annotated[
        float | None, typer.Option(help="Local standard time; default by longitude (h).")
    ] = None,
    wind_height: Annotated[
        float | None,
        typer.Option(
            help="Height of the anemometers (m): a store's is in its site file, others' is 10."
        ),
    ] = None,
    scale: Annotated[
        Scale, typer.Option(help="Constant of the daily FFMC: of 1985, or of CFFDRS for R.")
    ] = Scale.PRINTED_1985,
    ffmc: Annotated[float, typer.Option(help="FFMC before the first row.")] = 85.0,
    dmc: Annotated[float, typer.Option(help="DMC before the first row.")] = 6.0,
    dc: Annotated[float, typer.Option(help="DC before the first row.")] = 15.0,
    cured: Annotated[
        float | None, typer.Option(help="FWI2025: curing of grass; default by the calendar (%).")
    ] = None,
    fw13: Annotated[
        Path | None, typer.Option(help="Write hourly observations for FireFamilyPlus, FW13.")
    ] = None,
    fw21: Annotated[
        Path | None, typer.Option(help="Write hourly observations for NFDRS4, FW21.")
    ] = None,
    station_number: Annotated[
        int, typer.Option(help="FW13: number of the first station; the next ones follow.")
    ] = 900001,
    estimate_solar: Annotated[
        bool,
        typer.Option("--estimate-solar", help="FW13, FW21: fill in estimated solar radiation."),
    ] = False,
) -> None:
    """
    Fire weather indices of a file of weather: print, plot or export them.

    Without --csv or --json a table for people is printed. Not an alarm: indices say how fire would
    behave, not that there is one.
    """
    if as_csv and as_json:
        raise typer.BadParameter("--csv and --json: must be one of them", param_hint="--json")
    if daily and system is not System.FWI2025:
        limit = f"--daily with --system {system}: must be with --system fwi2025"
        raise typer.BadParameter(limit, param_hint="--daily")
    if plot is not None and plot.suffix.lower() not in {".html", ".htm"}:
        raise typer.BadParameter(f"{plot}: must end in .html", param_hint="--plot")
    place = _Place(lat, lon)
    given = _read(file, site, wind_height, utc_offset)
    start = StartUp(ffmc, dmc, dc)
    if system is System.FWI1987:
        noon = given if isinstance(given, NoonWeather) else noons(given, utc_offset_h=utc_offset)
        table = report.table_1987(noon, _latitude(noon, place), start, _SCALES[scale])
    elif system is System.HOURLY:
        hours = _hourly_only(file, given, f"--system {system}")
        table = report.table_hourly(hours, lat, start, _SCALES[scale])
    else:
        hours = _hourly_only(file, given, f"--system {system}")
        state = State2025.from_codes(ffmc, dmc, dc)
        table, series = report.table_2025(hours, (lat, lon), state, cured)
        table = report.table_2025_daily(hours, series) if daily else table
    if fw13 is not None or fw21 is not None:
        hours = _standard_time(_hourly_only(file, given, "--fw13 and --fw21"), utc_offset)
        solar = _solar(hours, place) if estimate_solar else None
        _export(hours, fw13, fw21, station_number, solar)
    if plot is not None:
        from qres.fire_weather.plot import plot_html  # noqa: PLC0415  plotly takes a while

        write_atomic(plot, plot_html(table, file.name).encode(), replace=True)
        stderr.print(f"wrote {plot}")
    if as_json:
        print_json(table.as_dict())
    elif as_csv:
        sys.stdout.writelines(f"{line}\n" for line in table.csv_lines())
    else:
        _print(table)


def _read(
    file: Path, site: Path | None, wind_height_m: float | None, utc_offset_h: float | None
) -> NoonWeather | HourlyWeather:
    if file.suffix in SUFFIXES:
        if site is None:
            raise typer.BadParameter(f"{file}: a store needs its site file", param_hint="--site")
        return weather_of_store(
            file, load_site(site), wind_height_m=wind_height_m, utc_offset_h=utc_offset_h
        )
    if site is not None:
        raise typer.BadParameter(f"{file}: only a store has a site", param_hint="--site")
    table = read_table(file)
    if table is not None:
        if wind_height_m not in (None, 10.0):
            raise RangeError("--wind-height", wind_height_m, "must be 10 for a table in km/h")
        return table
    recorded = weather_file.load(file).with_mean_wind()
    height_m = 10.0 if wind_height_m is None else wind_height_m
    return hourly(recorded, wind_height_m=height_m, utc_offset_h=utc_offset_h)


def _latitude(noon: NoonWeather, place: _Place) -> float | None:
    """Latitude for stations without one: given, or that of the tables of 1985, saying so."""
    if place.lat_deg is None and np.isnan(noon.lat_deg).any():
        stderr.print(
            f"no latitude in the file: day length of {_CANADA_LAT_DEG:g} N, as the tables of 1985;"
            " give --lat for another",
            soft_wrap=True,
        )
        return _CANADA_LAT_DEG
    return place.lat_deg


def _hourly_only(file: Path, given: NoonWeather | HourlyWeather, what: str) -> HourlyWeather:
    if isinstance(given, NoonWeather):
        raise WeatherFileError(f"{file}: has one record a day: must have one an hour for {what}")
    return given


def _standard_time(hours: HourlyWeather, utc_offset_h: float | None) -> HourlyWeather:
    """The same, told in standard time, as the exports ask for; a file may be in summer time."""
    if utc_offset_h is None and not np.isnan(hours.lon_deg).any():
        utc_offset_h = float(standard_offset_h(hours.lon_deg.mean()))
    return hours if utc_offset_h is None else replace(hours, utc_offset_h=utc_offset_h)


def _solar(hours: HourlyWeather, place: _Place) -> NDArray[np.float64]:
    """Solar radiation as FWI2025 estimates it. [W/m2]"""
    lat = np.where(np.isnan(hours.lat_deg), place.lat_deg or np.nan, hours.lat_deg)
    lon = np.where(np.isnan(hours.lon_deg), place.lon_deg or np.nan, hours.lon_deg)
    if np.isnan(lat).any() or np.isnan(lon).any():
        raise RangeError("--lat, --lon", "nan", "must be given to estimate solar radiation")
    date, _, hour = local_calendar(hours.time_s, hours.utc_offset_h)
    sun = sun_times(date, lat, lon, hours.utc_offset_h)
    return 1000.0 * radiation_kw_m2(hour[:, None], sun, lat, hours.temp_degc, hours.rh_pct)


def _export(
    hours: HourlyWeather,
    fw13: Path | None,
    fw21: Path | None,
    station_number: int,
    solar_w_m2: NDArray[np.float64] | None,
) -> None:
    if solar_w_m2 is None:
        stderr.print("solar radiation is left blank; NFDRS4 needs it: see --estimate-solar")
    else:
        stderr.print("solar radiation is estimated from sun and humidity, not measured")
    if fw13 is not None:
        numbers = [station_number + i for i in range(len(hours.station_id))]
        _write(fw13, fw13_lines(hours, numbers, solar_w_m2=solar_w_m2), "\r\n")
    if fw21 is not None:
        _write(fw21, fw21_lines(hours, solar_w_m2=solar_w_m2), "\n")


def _write(path: Path, lines: Iterable[str], end: str) -> None:
    written = [line + end for line in lines]
    write_atomic(path, "".join(written).encode(), replace=True)
    stderr.print(f"wrote {path}: {len(written)} lines")


def _print(table: IndexTable) -> None:
    """The table for people: every row, or of a long one the last and the worst of each station."""
    long = table.n_rows > _ROWS_ON_SCREEN
    title = f"{table.system}" + (", last row and worst of each station" if long else "")
    out = Table(title=title)
    for name in ("", *table.columns[:-1]) if long else table.columns[:-1]:
        right = name in table.values
        out.add_column(name, justify="right" if right else "left")
    if long:
        _add_summary(out, table)
    else:
        for row in table.rows():
            out.add_row(*_cells(row, table))
    # stdout is looked up when it is used; a pipe gets a table as wide as it needs.
    console = Console() if sys.stdout.isatty() else Console(width=40 + 14 * len(table.columns))
    console.print(out)
    if long:
        stderr.print(f"{table.n_rows} rows; --csv or --json prints them all")


def _add_summary(out: Table, table: IndexTable) -> None:
    rows = list(table.rows())
    n_times = table.status.shape[0]
    ranked = "fwi" if "fwi" in table.values else "isi"
    for s in range(len(table.station_id)):
        own = rows[s * n_times : (s + 1) * n_times]
        known = [row for row in own if row[ranked] is not None]
        if not known:
            out.add_row("no value", *_cells(own[-1], table))
            continue
        out.add_row("last", *_cells(known[-1], table))
        worst = max(known, key=lambda row: float(row[ranked]))
        out.add_row(f"highest {ranked}", *_cells(worst, table))


def _cells(row: dict[str, object], table: IndexTable) -> list[str]:
    return [_text(row[name]) for name in table.columns[:-1]]


def _text(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
