# SPDX-License-Identifier: Apache-2.0
"""DMC, DC and ISI of FWI2025; its FFMC is `qres.fire_weather.fine_fuel` with `RATE_2025`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qres.fire_weather import behaviour

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "dc_code",
    "dc_moisture_pct",
    "dmc_code",
    "dmc_moisture_pct",
    "duff",
    "duff_left",
    "isi_2025",
    "soil",
    "soil_left",
]

_STRONG_FROM_KM_H = 39.5  # 40 km/h, rounded to 1
_FREEZING_DEGC = 0.05  # 0.1 degC, rounded to 0.1


def dmc_moisture_pct(dmc: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moisture of duff [%], 20..300, of a DMC."""
    return np.asarray(280.0 * np.exp(-dmc / 43.43) + 20.0)


def dmc_code(moisture_pct: NDArray[np.float64]) -> NDArray[np.float64]:
    """DMC, 0 or more, of the moisture of duff [%]."""
    return np.asarray(43.43 * np.log(280.0 / (moisture_pct - 20.0)))


def dc_moisture_pct(dc: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moisture of deep soil [%], 0..400, of a DC."""
    return np.asarray(400.0 * np.exp(-dc / 400.0))


def dc_code(moisture_pct: NDArray[np.float64]) -> NDArray[np.float64]:
    """DC, 0 or more, of the moisture of deep soil [%]."""
    return np.asarray(400.0 * np.log(400.0 / moisture_pct))


def duff_left(
    temp_degc: NDArray[np.float64], rh_pct: NDArray[np.float64], daylight: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """
    Share of the duff's free water that is left after an hour, 0..1; 1 at night.

    Source:
        FWI2025: 2.22e-4 T (100 - RH) / 43.43 per hour between sunrise and sunset.
    """
    warmth = np.where(temp_degc <= -_FREEZING_DEGC, 0.0, temp_degc)
    rate = 2.22e-4 * warmth * (100.0 - rh_pct) / 43.43
    return np.asarray(np.where(daylight, np.exp(-rate), 1.0))


def soil_left(temp_degc: NDArray[np.float64], daylight: NDArray[np.bool_]) -> NDArray[np.float64]:
    """
    Share of the deep soil's water that is left after an hour, 0..1; 1 at night.

    Source:
        FWI2025: (0.015 T + 3/16) / 400 per hour between sunrise and sunset, above freezing.
    """
    rate = np.where(temp_degc >= _FREEZING_DEGC, 1.5e-2 * temp_degc + 3.0 / 16.0, 0.0) / 400.0
    return np.asarray(np.where(daylight, np.exp(-rate), 1.0))


def duff(
    start_pct: NDArray[np.float64],
    through_mm: NDArray[np.float64],
    left: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """
    Moisture of duff after each hour, with no NaN: skipped hours repeat the hour before. [%]

    Args:
        start_pct: Moisture before, shape (...), 20..300. [%]
        through_mm: Rain that reaches the duff, shape (times, ...). [mm]
        left: From `duff_left`, same shape.
        known: False for hours that are skipped, same shape.
    """
    out = np.empty(left.shape)
    rain = np.where(known, through_mm, 0.0)
    share = np.where(known, left, 1.0)
    rains = np.asarray((rain > 0.0).reshape(rain.shape[0], -1).any(axis=1))
    moisture = np.broadcast_to(start_pct, left.shape[1:])
    for at in range(left.shape[0]):
        if rains[at]:
            moisture = _duff_wetted(moisture, rain[at])
        moisture = np.minimum((moisture - 20.0) * share[at] + 20.0, 300.0)
        out[at] = moisture
    return out


def soil(
    start_pct: NDArray[np.float64],
    through_mm: NDArray[np.float64],
    left: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """
    Moisture of deep soil after each hour, with no NaN: skipped hours repeat the hour before. [%]

    Args:
        start_pct: Moisture before, shape (...), 0..400. [%]
        through_mm: Rain that reaches the soil, shape (times, ...). [mm]
        left: From `soil_left`, same shape.
        known: False for hours that are skipped, same shape.
    """
    out = np.empty(left.shape)
    gain = np.where(known, 0.5 * 3.937 * through_mm, 0.0)
    share = np.where(known, left, 1.0)
    moisture = np.broadcast_to(start_pct, left.shape[1:])
    for at in range(left.shape[0]):
        moisture = np.minimum(moisture + gain[at], 400.0) * share[at]
        out[at] = moisture
    return out


def isi_2025(
    wind_km_h: NDArray[np.float64], moisture_pct: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Initial Spread Index of FWI2025. [1] 0 or more.

    Args:
        wind_km_h: Wind at 10 m, any shape. [km/h]
        moisture_pct: Moisture of litter, 0..250. [%]

    Source:
        FWI2025; above 40 km/h the wind function of FCFDG (1992), eq. 53a.
    """
    strong = 12.0 * (1.0 - np.exp(-0.0818 * (wind_km_h - 28.0)))
    light = np.exp(0.05039 * np.minimum(wind_km_h, 40.0))
    push = np.where(wind_km_h >= _STRONG_FROM_KM_H, strong, light)
    return np.asarray(0.208 * push * behaviour.fuel_function(moisture_pct))


def _duff_wetted(
    moisture_pct: NDArray[np.float64], through_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Moisture of duff after rain [%]: eqs 13 and 14 of 1985 with the hour's net rain."""
    dmc = dmc_code(moisture_pct)
    log_dmc = np.log(np.maximum(dmc, 1.0))
    slope = np.where(
        dmc <= 33.0,
        100.0 / (0.3 * dmc + 0.5),
        np.where(dmc <= 65.0, 14.0 - 1.3 * log_dmc, 6.2 * log_dmc - 17.2),
    )
    after = moisture_pct + 1000.0 * through_mm / (slope * through_mm + 48.77)
    return np.asarray(np.minimum(after, 300.0))
