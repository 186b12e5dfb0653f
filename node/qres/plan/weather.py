# SPDX-License-Identifier: Apache-2.0
"""
Years of cloud, smoke and cold for planning: stochastic, seeded, and simple on purpose.

Sky: each day has one clear-sky index (irradiance over that of a clear sky), Beta-distributed about
the mean of its season, with days that resemble each other (a Gaussian AR(1) behind it, after
Graham, Hollands & Brunger 1988, Solar Energy 40(2) 83-92). Within a day it does not change.
Smoke: one spell a year in the fire season, whose days keep 44 to 96 % of their sun, 70 % on
average: US Energy Information Administration, "Smoke from California wildfires decreases solar
generation in CAISO", 30 September 2020 (mean of two weeks -30 %; worst day 50 of 113 GWh).
Air: a yearly and a daily wave, and warm and cold spells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betaincinv, ndtr

from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Climate", "air_temperature_degc", "clear_sky_index"]

_INDEX_MIN: Final = 0.08  # [unverified] under the thickest cloud
_CONCENTRATION: Final = 2.5  # [unverified] of the Beta distribution: nearly any day is possible
_SMOKE_RANGE: Final = (0.44, 0.96)
_FIRE_SEASON: Final = (182, 288)  # [unverified] northern days of the year, July to mid-October
_COLDEST_DAY: Final = 20  # northern day of the year
_SPELL_LAG1: Final = 0.7  # [unverified] of daily mean temperature
_WARMEST_HOUR: Final = 15.0  # local solar time


@dataclass(frozen=True, slots=True)
class Climate:
    """
    The weather of a place, as far as planning needs it.

    Attributes:
        clear_winter: Mean clear-sky index in the darkest season. [1]
        clear_summer: The same in the brightest season. [1]
        lag1: How much a day resembles the one before. 0.29 by Graham et al.; more is more prudent,
            for it is a long dull spell that empties a battery. [1] 0..0.95
        smoke_weeks: Length of a year's smoke. [weeks] 0..15
        cold_degc: Mean of the coldest month. [degC]
        warm_degc: Mean of the warmest month. [degC]
        daily_k: From a day's mean to its warmest hour. [K]
        spell_k: Standard deviation of daily means about the season. [K]
    """

    clear_winter: float = 0.5
    clear_summer: float = 0.75
    lag1: float = 0.5
    smoke_weeks: float = 2.0
    cold_degc: float = 0.0
    warm_degc: float = 20.0
    daily_k: float = 5.0
    spell_k: float = 4.0

    def __post_init__(self) -> None:
        """Refuse what is no climate."""
        for name, low, high in (
            ("clear_winter", 0.1, 0.98),
            ("clear_summer", 0.1, 0.98),
            ("lag1", 0.0, 0.95),
            ("smoke_weeks", 0.0, 15.0),
            ("cold_degc", -60.0, 40.0),
            ("warm_degc", -60.0, 50.0),
            ("daily_k", 0.0, 20.0),
            ("spell_k", 0.0, 15.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise RangeError(name, value, f"must be {low:g}..{high:g}")
        if self.cold_degc > self.warm_degc:
            raise RangeError("cold_degc", self.cold_degc, f"must be at most {self.warm_degc}")


def clear_sky_index(
    climate: Climate, day_of_year: NDArray[np.int64], years: int, lat_deg: float, seed: int
) -> NDArray[np.float64]:
    """
    One index a day, held through its 24 hours; smoke included.

    Args:
        climate: The weather.
        day_of_year: Of each hour, shape (hours,), hours a multiple of 24.
        years: How many to draw.
        lat_deg: Says which half of the year is winter. [deg]
        seed: The same seed draws the same years.

    Returns:
        Shape (hours, years), 0..1.
    """
    rng = np.random.default_rng([seed, 1])
    day = day_of_year[::24]
    z = _lag1_series(rng, day.size, years, climate.lag1)
    winter = _winter(day, lat_deg)
    mean = climate.clear_summer + (climate.clear_winter - climate.clear_summer) * winter
    share = np.clip((mean - _INDEX_MIN) / (1 - _INDEX_MIN), 0.02, 0.98)[:, None]
    drawn = betaincinv(share * _CONCENTRATION, (1 - share) * _CONCENTRATION, ndtr(z))
    index = _INDEX_MIN + (1 - _INDEX_MIN) * drawn
    return np.repeat(index * _smoke(rng, climate, day, years, lat_deg), 24, axis=0)


def air_temperature_degc(
    climate: Climate, day_of_year: NDArray[np.int64], years: int, lat_deg: float, seed: int
) -> NDArray[np.float64]:
    """Air temperature, shape (hours, years); arguments as `clear_sky_index`. [degC]"""
    rng = np.random.default_rng([seed, 2])
    day = day_of_year[::24]
    season = climate.warm_degc + (climate.cold_degc - climate.warm_degc) * _winter(day, lat_deg)
    spells = climate.spell_k * _lag1_series(rng, day.size, years, _SPELL_LAG1)
    hour = np.arange(day_of_year.size) % 24 + 0.5
    wave = climate.daily_k * np.cos(2 * np.pi * (hour - _WARMEST_HOUR) / 24)
    return np.repeat(season[:, None] + spells, 24, axis=0) + wave[:, None]


def _winter(day: NDArray[np.int64], lat_deg: float) -> NDArray[np.float64]:
    """1 on the coldest day of the year, 0 half a year later, shape as *day*."""
    shift = 0 if lat_deg >= 0 else 182
    wave = np.cos(2 * np.pi * (day - _COLDEST_DAY - shift) / 365)
    return np.asarray((1 + wave) / 2, dtype=np.float64)


def _lag1_series(
    rng: np.random.Generator, days: int, years: int, lag1: float
) -> NDArray[np.float64]:
    """Standard normal numbers, shape (days, years), each row correlated with the one before."""
    fresh = rng.standard_normal((days, years))
    out = np.empty_like(fresh)
    out[0] = fresh[0]
    for i in range(1, days):
        out[i] = lag1 * out[i - 1] + np.sqrt(1 - lag1**2) * fresh[i]
    return out


def _smoke(
    rng: np.random.Generator,
    climate: Climate,
    day: NDArray[np.int64],
    years: int,
    lat_deg: float,
) -> NDArray[np.float64]:
    """What smoke leaves of each day's sun, shape (days, years)."""
    length = round(7 * climate.smoke_weeks)
    first, last = _FIRE_SEASON
    start = rng.integers(first, max(first + 1, last - length), years)
    thickness = rng.uniform(*_SMOKE_RANGE, (day.size, years))
    northern = day if lat_deg >= 0 else (day + 181) % 365 + 1
    since = northern[:, None] - start[None, :]
    return np.where((since >= 0) & (since < length), thickness, 1.0)
