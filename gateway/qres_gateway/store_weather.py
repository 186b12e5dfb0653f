# SPDX-License-Identifier: Apache-2.0
"""
The weather that a gateway has reconstructed, hour by hour with its provenance, from its store.

What a node measured is known within tolerance, and where each value comes from is kept: reported,
held by prediction, stale or diverged. Nothing is interpolated and no rain is made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import V1, channel
from qres.core import Status
from qres.errors import WeatherFileError
from qres.fire_weather import provenance, wind_height
from qres.fire_weather.checks import KM_H_PER_M_S
from qres.fire_weather.noon import HOUR_S, standard_offset_h
from qres.fire_weather.series import HourlyWeather
from qres_gateway.database import Database
from qres_gateway.outbox import Outbox

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from qres.site import Site

__all__ = ["SUFFIXES", "weather_of_store"]

SUFFIXES: Final = (".sqlite", ".db")
"""How the names of stores end."""

_COMMITS_AT_A_TIME: Final = 4096


def weather_of_store(
    path: Path,
    site: Site,
    *,
    wind_height_m: float | None = None,
    utc_offset_h: float | None = None,
) -> HourlyWeather:
    """
    Reconstructed weather at whole local hours.

    Args:
        path: A gateway's store; read beside a running gateway without disturbing it.
        site: Its field.
        wind_height_m: Height of the anemometers, 1..30; brought to 10 m by the log profile; None
            for the site file's. [m]
        utc_offset_h: Offset of local time; None for standard time at the field's mean longitude.

    Returns:
        At each hour what was held for each node's latest sample. Values are NaN where none was
        known, or no phase was committed in the epoch before; rain also where the counter ran
        backwards (a node restarted) or either end of the hour is unknown.

    Raises:
        FrameLogError: The store cannot be read.
        WeatherFileError: It holds less than two hours, or another field's values.
    """
    time_us, held, status = _committed(path, site)
    lon_deg = np.array([n.lon_deg for n in site.nodes])
    offset_h = float(standard_offset_h(lon_deg.mean())) if utc_offset_h is None else utc_offset_h
    shift = round(offset_h * HOUR_S)
    commit_s = time_us // 1_000_000
    begin = -((-int(commit_s[0]) - shift) // HOUR_S)
    end = (int(commit_s[-1]) + shift) // HOUR_S
    if end <= begin:
        raise WeatherFileError(f"{path}: holds less than two whole hours")
    hours_s = np.arange(begin, end + 1, dtype=np.int64) * HOUR_S - shift
    at = np.searchsorted(commit_s, hours_s, side="right") - 1
    fresh = (at >= 0) & (hours_s - commit_s[np.maximum(at, 0)] <= site.epoch_s)
    values = np.where(fresh[:, None, None], held[np.maximum(at, 0)], np.nan)
    given = np.where(fresh[:, None], status[np.maximum(at, 0)], Status.UNKNOWN).astype(np.uint8)
    temp, rh, wind, counter = np.moveaxis(values, 2, 0)
    rain = _rain_of_hours(counter)
    height_m = site.wind_height_m if wind_height_m is None else wind_height_m
    merged, _ = provenance.of_inputs(given, temp, rh, wind, rain)
    return HourlyWeather(
        station_id=tuple(n.name for n in site.nodes),
        lat_deg=np.array([n.lat_deg for n in site.nodes]),
        lon_deg=lon_deg,
        time_s=hours_s[1:],
        utc_offset_h=offset_h,
        temp_degc=temp[1:],
        rh_pct=rh[1:],
        wind_km_h=wind_height.at_10_m(wind, height_m)[1:] * KM_H_PER_M_S,
        rain_mm=rain[1:],
        status=merged[1:],
    )


def _rain_of_hours(counter_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rain of the hour before each, from the accumulated counter, shape (hours, nodes). [mm]"""
    before = np.roll(counter_mm, 1, axis=0)
    before[0] = np.nan
    fallen = channel("rain_mm").difference(counter_mm, before)
    return np.where(fallen >= 0, fallen, np.nan)


def _committed(
    path: Path, site: Site
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]:
    """Times, held values (commits, nodes, channels) and status (commits, nodes), by time."""
    times: list[int] = []
    values: list[NDArray[np.float32]] = []
    status: list[NDArray[np.uint8]] = []
    shape = (len(site.nodes), len(V1))
    with Database.open(path, read_only=True) as database:
        outbox, seq = Outbox(database), 0
        while commits := outbox.commits_after(seq, _COMMITS_AT_A_TIME):
            for commit in commits:
                held = commit.held(len(V1))
                if held.shape != shape:
                    raise WeatherFileError(f"{path}: has {held.shape} values: must be {shape}")
                times.append(commit.time_us)
                values.append(held)
                status.append(commit.status)
            seq = commits[-1].seq
    if not times:
        raise WeatherFileError(f"{path}: no phase was committed yet")
    order = np.argsort(np.array(times), kind="stable")
    return (
        np.array(times, dtype=np.int64)[order],
        np.stack(values)[order].astype(np.float64),
        np.stack(status)[order],
    )
