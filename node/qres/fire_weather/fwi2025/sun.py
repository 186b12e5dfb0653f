# SPDX-License-Identifier: Apache-2.0
"""Sunrise, sunset and the solar radiation that FWI2025 estimates from humidity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SunTimes", "is_daylight", "radiation_kw_m2", "sun_times"]


@dataclass(frozen=True, slots=True, eq=False)
class SunTimes:
    """
    The sun of each time at each place, shape (times, ...).

    Attributes:
        sunrise_h: Local clock time of sunrise; may be below 0 where clocks are far from the sun.
            Equal to sunset in the polar night, 24 h before it in the polar day. [h]
        sunset_h: Local clock time of sunset; may be above 24. [h]
        declination_rad: Declination of the sun. [rad]
        clock_min: What to add to local clock time for true solar time. [min]
    """

    sunrise_h: NDArray[np.float64]
    sunset_h: NDArray[np.float64]
    declination_rad: NDArray[np.float64]
    clock_min: NDArray[np.float64]


def sun_times(
    date: NDArray[np.datetime64],
    lat_deg: NDArray[np.float64],
    lon_deg: NDArray[np.float64],
    utc_offset_h: float,
) -> SunTimes:
    """
    Sunrise and sunset of each date at each place.

    Args:
        date: Local dates, shape (times,), datetime64[D].
        lat_deg: Latitudes, shape (...). [deg north]
        lon_deg: Longitudes, shape (...). [deg east]
        utc_offset_h: Offset of local clock time from UTC. [h]

    Source:
        NOAA Global Monitoring Laboratory, "General solar position calculations", with the sun at
        noon of each day and a zenith of 90.833 degrees.
    """
    days, which = np.unique(date, return_inverse=True)
    year = days.astype("datetime64[Y]")
    day_of_year = (days - year.astype("datetime64[D]")).astype(np.float64)
    length = ((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(np.float64)
    g = (2.0 * np.pi * day_of_year / length).reshape((-1,) + (1,) * lat_deg.ndim)
    equation_min = 229.18 * (
        0.000075
        + 0.001868 * np.cos(g)
        - 0.032077 * np.sin(g)
        - 0.014615 * np.cos(2 * g)
        - 0.040849 * np.sin(2 * g)
    )
    declination = (
        0.006918
        - 0.399912 * np.cos(g)
        + 0.070257 * np.sin(g)
        - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g)
        - 0.002697 * np.cos(3 * g)
        + 0.00148 * np.sin(3 * g)
    )
    lat = np.radians(lat_deg)
    cos_half = np.cos(np.radians(90.833)) / (np.cos(lat) * np.cos(declination)) - np.tan(
        lat
    ) * np.tan(declination)
    half_deg = np.degrees(np.arccos(np.clip(cos_half, -1.0, 1.0)))
    noon_min = 720.0 - 4.0 * lon_deg - equation_min
    sunrise = (noon_min - 4.0 * half_deg) / 60.0 + utc_offset_h
    sunset = (noon_min + 4.0 * half_deg) / 60.0 + utc_offset_h
    clock_min = equation_min + 4.0 * lon_deg - 60.0 * utc_offset_h
    shape = half_deg.shape
    return SunTimes(
        sunrise[which],
        sunset[which],
        np.broadcast_to(declination, shape)[which],
        clock_min[which],
    )


def is_daylight(hour: NDArray[np.float64], sun: SunTimes) -> NDArray[np.bool_]:
    """Whether local hours, shape (times, 1...), are between sunrise and sunset, (times, ...)."""
    today = (sun.sunrise_h <= hour) & (hour <= sun.sunset_h)
    # A sunset after midnight, where clocks are far ahead of the sun, belongs to the day before.
    late = (hour < 6.0) & (sun.sunrise_h <= hour + 24.0) & (hour + 24.0 <= sun.sunset_h)
    return np.asarray(today | late)


def radiation_kw_m2(
    hour: NDArray[np.float64],
    sun: SunTimes,
    lat_deg: NDArray[np.float64],
    temp_degc: NDArray[np.float64],
    rh_pct: NDArray[np.float64],
) -> NDArray[np.float64]:
    """
    Solar radiation on flat ground, estimated: dry air stands for clear sky. [kW/m2] 0..0.92

    Args:
        hour: Local hours, shape (times, 1...). [h]
        sun: From `sun_times`.
        lat_deg: Latitudes, shape (...). [deg north]
        temp_degc: Air temperature, shape (times, ...). [degC] NaN stays NaN.
        rh_pct: Relative humidity, same shape. [%]

    Source:
        FWI2025: 0.92 cos(zenith) (1 - exp(-0.22 VPD)) with VPD in hPa; below 0.1 W/m2 it is 0.
    """
    angle = np.radians((hour * 60.0 + sun.clock_min) / 4.0 - 180.0)
    lat = np.radians(lat_deg)
    cos_zenith = np.sin(lat) * np.sin(sun.declination_rad) + np.cos(lat) * np.cos(
        sun.declination_rad
    ) * np.cos(angle)
    vpd_hpa = 6.11 * (1.0 - rh_pct / 100.0) * np.exp(17.29 * temp_degc / (temp_degc + 237.3))
    out = np.maximum(cos_zenith, 0.0) * 0.92 * -np.expm1(-0.22 * vpd_hpa)
    return np.asarray(np.where(out < 1e-4, 0.0, out))
