# SPDX-License-Identifier: Apache-2.0
"""
Weather as the fire weather systems want it: every local hour, or every noon.

    recorded weather (any cadence up to an hour, m/s, gauge counter)
        -> `hourly`: whole local hours, km/h at 10 m, rain of the hour
        -> `noons`: noon local standard time, rain of the 24 hours before
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import provenance, rain, wind_height
from qres.fire_weather.checks import KM_H_PER_M_S
from qres.fire_weather.noon import HOUR_S, local_calendar, noons_s, standard_offset_h
from qres.fire_weather.provenance import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.weather_file import WeatherFile

__all__ = ["HourlyWeather", "NoonWeather", "hourly", "noons"]


@dataclass(frozen=True, slots=True, eq=False)
class HourlyWeather:
    """
    Weather of some stations at whole local hours; values of shape (times, stations), NaN missing.

    Attributes:
        station_id: Names, shape (stations,).
        lat_deg: Latitudes, shape (stations,); NaN if unknown. [deg north]
        lon_deg: Longitudes, shape (stations,); NaN if unknown. [deg east]
        time_s: Unix times, each 3600 s after the one before, shape (times,). [s]
        utc_offset_h: Offset of local clock time from UTC. [h]
        temp_degc: Air temperature at the hour. [degC]
        rh_pct: Relative humidity at the hour. [%]
        wind_km_h: 10-minute mean before the hour, at 10 m. [km/h]
        rain_mm: Rain of the hour before; NaN where any of it is unknown. [mm]
        status: Provenance, codes of `qres.core.Status`.
    """

    station_id: tuple[str, ...]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    time_s: NDArray[np.int64]
    utc_offset_h: float
    temp_degc: NDArray[np.float64]
    rh_pct: NDArray[np.float64]
    wind_km_h: NDArray[np.float64]
    rain_mm: NDArray[np.float64]
    status: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class NoonWeather:
    """
    Weather of some stations at noon local standard time; values of shape (days, stations).

    Attributes:
        station_id: Names, shape (stations,).
        lat_deg: Latitudes, shape (stations,); NaN if unknown. [deg north]
        date: Consecutive local dates, shape (days,), datetime64[D].
        has_year: False if the years in `date` are made up.
        temp_degc: Air temperature at noon. [degC]
        rh_pct: Relative humidity at noon. [%]
        wind_km_h: 10-minute mean before noon, at 10 m. [km/h]
        rain_mm: Rain of the 24 hours before; NaN where any of it is unknown. [mm]
        status: Provenance, codes of `qres.core.Status`.
    """

    station_id: tuple[str, ...]
    lat_deg: NDArray[np.float64]
    date: NDArray[np.datetime64]
    has_year: bool
    temp_degc: NDArray[np.float64]
    rh_pct: NDArray[np.float64]
    wind_km_h: NDArray[np.float64]
    rain_mm: NDArray[np.float64]
    status: NDArray[np.uint8]

    @property
    def month(self) -> NDArray[np.int64]:
        """Month of each day, 1..12, shape (days,)."""
        return self.date.astype("datetime64[M]").astype(np.int64) % 12 + 1


def hourly(
    weather: WeatherFile, *, wind_height_m: float = 10.0, utc_offset_h: float | None = None
) -> HourlyWeather:
    """
    Recorded weather at whole local hours.

    Args:
        weather: Recorded weather, every hour or more often; its wind already a 10-minute mean
            (`WeatherFile.with_mean_wind`).
        wind_height_m: Height of the anemometers, 1..30; brought to 10 m by the log profile. [m]
        utc_offset_h: Offset of local time; None for standard time at the mean longitude. [h]

    Returns:
        From the first local hour that has an hour of records before it. A value that is missing
        at the hour is held from the latest record within it. Rain of an hour in which a record is
        missing is unknown: `WeatherFile` cannot tell a gauge that counted on from one that lost
        rain, so none is made up.

    Raises:
        RangeError: Records are further apart than an hour, fewer than two hours, or the offset
            would have to come from a longitude that is not known.
    """
    if weather.cadence_s > HOUR_S:
        raise RangeError("cadence_s", weather.cadence_s, f"must be at most {HOUR_S} s")
    offset_h = _offset(weather.lon_deg) if utc_offset_h is None else utc_offset_h
    shift = round(offset_h * HOUR_S)
    first_s, last_s = int(weather.time_s[0]), int(weather.time_s[-1])
    begin = -((-first_s - shift) // HOUR_S) + 1
    end = (last_s + shift) // HOUR_S
    if end <= begin:
        text = f"{(last_s - first_s) / HOUR_S:.1f} h"
        raise RangeError("length of the weather", text, "must be 3 h or more")
    time_s = np.arange(begin, end + 1, dtype=np.int64) * HOUR_S - shift
    now = np.searchsorted(weather.time_s, time_s, side="right") - 1
    before = np.searchsorted(weather.time_s, time_s - HOUR_S, side="right") - 1
    back = max(1, HOUR_S // weather.cadence_s)
    temp, temp_old = _latest(weather.temp_degc, now, back)
    rh, rh_old = _latest(weather.rh_pct, now, back)
    wind, wind_old = _latest(weather.wind_m_s, now, back)
    fallen = np.diff(weather.rain_mm, axis=0, prepend=np.nan)
    rained = rain.from_steps(fallen, before, now).rain_mm
    held = temp_old | rh_old | wind_old
    given = np.where(held, Status.HELD, Status.REPORTED).astype(np.uint8)
    status, _ = provenance.of_inputs(given, temp, rh, wind, rained)
    return HourlyWeather(
        station_id=weather.station_id,
        lat_deg=weather.lat_deg,
        lon_deg=weather.lon_deg,
        time_s=time_s,
        utc_offset_h=offset_h,
        temp_degc=temp,
        rh_pct=rh,
        wind_km_h=wind_height.at_10_m(wind, wind_height_m) * KM_H_PER_M_S,
        rain_mm=rained,
        status=status,
    )


def noons(hours: HourlyWeather, *, utc_offset_h: float | None = None) -> NoonWeather:
    """
    Weather at noon local standard time, with the rain of the 24 hours before.

    Args:
        hours: Hourly weather.
        utc_offset_h: Offset of local *standard* time; None to take it from the mean longitude, or
            if that is unknown from *hours*. [h]

    Returns:
        From the first noon that has 24 hours before it. Rain of a day with a missing hour is
        unknown.

    Raises:
        RangeError: There is no such noon.
    """
    offset_h = utc_offset_h
    if offset_h is None:
        known = not np.isnan(hours.lon_deg).any()
        offset_h = _offset(hours.lon_deg) if known else hours.utc_offset_h
    day_before = int(hours.time_s[0]) + 23 * HOUR_S
    noon_s = noons_s(day_before, int(hours.time_s[-1]), offset_h)
    if noon_s.size == 0:
        text = f"{hours.time_s.size} h"
        raise RangeError("length of the weather", text, "must hold a noon with 24 h before it")
    at = np.searchsorted(hours.time_s, noon_s, side="right") - 1
    rained = rain.from_steps(hours.rain_mm, at - 24, at).rain_mm
    status, _ = provenance.of_inputs(
        hours.status[at],
        hours.temp_degc[at],
        hours.rh_pct[at],
        hours.wind_km_h[at],
        rained,
    )
    date, _, _ = local_calendar(noon_s, offset_h)
    return NoonWeather(
        station_id=hours.station_id,
        lat_deg=hours.lat_deg,
        date=date,
        has_year=True,
        temp_degc=hours.temp_degc[at],
        rh_pct=hours.rh_pct[at],
        wind_km_h=hours.wind_km_h[at],
        rain_mm=rained,
        status=status,
    )


def _latest(
    values: NDArray[np.float64], now: NDArray[np.int64], back: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Value at each time, or the latest of the *back* records up to it; and whether it is older."""
    out = values[now]
    old = np.zeros(out.shape, dtype=np.bool_)
    for steps in range(1, back):
        missing = np.isnan(out)
        if not missing.any():
            break
        earlier = values[now - steps]
        out = np.where(missing, earlier, out)
        old |= missing & ~np.isnan(earlier)
    return out, old


def _offset(lon_deg: NDArray[np.float64]) -> float:
    if np.isnan(lon_deg).any():
        raise RangeError("lon_deg", "nan", "must be known, or the UTC offset be given")
    return float(standard_offset_h(np.mean(lon_deg)))
