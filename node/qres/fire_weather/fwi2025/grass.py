# SPDX-License-Identifier: Apache-2.0
"""
Grass in FWI2025: moisture of matted and of standing grass, GFMC, GSI and GFWI.

Old grass pressed down by snow (matted) is warmed by the sun and soaked by rain; standing grass
dries in the wind and hardly catches rain. FWI2025 goes from one to the other on 1 July; south of
the equator this package does so half a year later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.fire_weather.ff_scale import MOISTURE_MAX_PCT, FfScale
from qres.fire_weather.fine_fuel import Drift
from qres.fire_weather.wind_height import TWO_METRES_PER_TEN

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DEFAULT_LOAD_KG_M2",
    "STANDING_CATCHES",
    "GrassRain",
    "curing_factor",
    "gfmc",
    "gfwi",
    "grass_drift",
    "gsi",
]

DEFAULT_LOAD_KG_M2: Final = 0.35
"""Fuel load of grass where nobody has measured it. [kg/m2]"""

STANDING_CATCHES: Final = 0.06
"""Share of the rain that wets standing grass."""

_WIND_FROM_KM_H: Final = 9.5  # 10 km/h, rounded to 1


class GrassRain:
    """What rain does to grass: all of it is held, up to 250 % of the load. For `advance`."""

    def __init__(self, load_kg_m2: NDArray[np.float64]) -> None:
        self._gain_pct_mm = 100.0 / load_kg_m2

    def __call__(
        self, moisture_pct: NDArray[np.float64], rain_mm: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Moisture [%] after *rain_mm* [mm]."""
        wet = np.minimum(moisture_pct + rain_mm * self._gain_pct_mm, MOISTURE_MAX_PCT)
        return np.asarray(np.where(rain_mm > 0.0, wet, moisture_pct))


def grass_drift(
    temp_degc: NDArray[np.float64],
    rh_pct: NDArray[np.float64],
    wind_km_h: NDArray[np.float64],
    solar_kw_m2: NDArray[np.float64] | float,
) -> Drift:
    """
    Equilibria and drying rates of grass in each hour.

    Args:
        temp_degc: Air temperature, shape (times, ...). [degC]
        rh_pct: Relative humidity, same shape. [%]
        wind_km_h: Wind at 10 m, same shape. [km/h]
        solar_kw_m2: Solar radiation on the grass; 0 for standing grass. [kW/m2]

    Source:
        Wotton (2009), Int. J. Wildland Fire 18, 1-14, as changed for FWI2025.
    """
    t = temp_degc + 17.9 * solar_kw_m2 * np.exp(-0.034 * wind_km_h)
    air, fuel = temp_degc / (temp_degc + 237.0), t / (t + 237.0)
    h = rh_pct * 10.0 ** (7.5 * (air - fuel))
    warmth = 0.27 * (26.7 - t) * (1.0 - np.exp(-0.115 * h))
    speed = -np.log(10.0) * 0.389633 * np.exp(0.0365 * t)
    gust = 0.0694 * np.sqrt(wind_km_h)
    dry, wet = h / 100.0, np.maximum(100.0 - h, 0.0) / 100.0
    return Drift(
        dry_to=1.62 * h**0.532 + 13.7 * np.exp((h - 100.0) / 13.0) + warmth,
        wet_to=1.42 * h**0.512 + 12.0 * np.exp((h - 100.0) / 18.0) + warmth,
        dry_left=np.exp(speed * _log_rate(dry, gust)),
        wet_left=np.exp(speed * _log_rate(wet, gust)),
    )


def curing_factor(cured_pct: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    How curing limits spread, 0..1 from 0 to 100 % cured; 0 below 20 %.

    Source:
        Cruz et al. (2015), Int. J. Wildland Fire 24, 838-848.
    """
    cured = 1.036 / (1.0 + 103.989 * np.exp(-0.0996 * (cured_pct - 20.0)))
    return np.asarray(np.where(cured_pct < 20.0, 0.0, cured))


def gfmc(
    moisture_pct: NDArray[np.float64],
    cured_pct: NDArray[np.float64],
    wind_km_h: NDArray[np.float64],
) -> NDArray[np.float64]:
    """
    Grass Fuel Moisture Code, 0..101: moisture, curing and wind as one code of ignition.

    Where grass is not fully cured the code *falls* with wind: flames at their likeliest are limited
    by the curing, which in a wind stands for more moisture. So it is published.

    Source:
        FWI2025: sustained flaming (1.49 - 0.11 m + 0.075 u at 2 m) times the curing factor, back
        to the moisture that would give it in cured grass, on the FF scale.
    """
    gust = 1.49 + 0.075 * TWO_METRES_PER_TEN * wind_km_h
    flames = curing_factor(cured_pct) / (1.0 + np.exp(0.11 * moisture_pct - gust))
    likely = np.where(flames == 0.0, 0.5, flames)  # never 1: the curing factor ends at 0.99998
    effective = (gust - np.log(likely / (1.0 - likely))) / 0.11
    effective = np.where(flames == 0.0, MOISTURE_MAX_PCT, effective)
    return FfScale.EXACT.code(np.clip(effective, 0.0, MOISTURE_MAX_PCT))


def gsi(
    wind_km_h: NDArray[np.float64],
    moisture_pct: NDArray[np.float64],
    cured_pct: NDArray[np.float64],
    is_standing: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """
    Grass Spread Index. [1] 0 or more; 1.11 times the rate of spread in m/min.

    Source:
        Cheney, Gould & Catchpole (1998), Int. J. Wildland Fire 8, 1-13, cut grass for matted.
    """
    w, m = wind_km_h, moisture_pct
    above = np.maximum(w - 5.0, 0.0) ** 0.844
    low = 0.054 + np.where(is_standing, 0.269, 0.209) * w
    high = np.where(is_standing, 1.4 + 0.838 * above, 1.1 + 0.715 * above)
    push = 16.67 * np.where(w < 5.0, low, high)
    moist = np.where(
        w < _WIND_FROM_KM_H,
        np.where(m >= 20.0, 0.0, 0.6838 - 0.0342 * m),
        np.where(m >= 23.9, 0.0, 0.547 - 0.0228 * m),
    )
    damp = np.where(m < 12.0, np.exp(-0.108 * m), np.maximum(moist, 0.0))
    return np.asarray(1.11 * push * damp * curing_factor(cured_pct))


def gfwi(gsi: NDArray[np.float64], load_kg_m2: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Grass Fire Weather Index. [1] 0 or more.

    The two branches of FWI2025 do not meet: at an intensity of 100 kW/m it falls from 4.0 to 3.6.

    Source:
        FWI2025: intensity 300 * load * spread; a logarithm above 100 kW/m, linear below.
    """
    intensity = 300.0 * load_kg_m2 * gsi / 1.11
    high = np.log(np.maximum(intensity, 100.0) / 60.0) / 0.14
    return np.asarray(np.where(intensity > 100.0, high, intensity / 25.0))


def _log_rate(share: NDArray[np.float64], gust: NDArray[np.float64]) -> NDArray[np.float64]:
    eighth = np.square(np.square(np.square(share)))
    return np.asarray(0.424 * (1.0 - share**1.7) + gust * (1.0 - eighth))
