# SPDX-License-Identifier: Apache-2.0
"""Litter moisture in integers over years of weather: it does not drift away from the float."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from qres.fire_weather.hourly_ffmc import hourly_ffmc
from qres.reference import fire

from .recorded import recorded

ONE = 1 << 16
HOURS = 8760

Series = NDArray[np.float64]


def q16(series: Series) -> list[int]:
    """A series in Q16, rounded half up."""
    return [int(x) for x in np.floor(series * ONE + 0.5)]


def largest_difference(temp: Series, rh: Series, wind_m_s: Series, rain: Series) -> float:
    """
    How far FFMC in integers gets from floating point in any hour of a run, points.

    Both are given the same Q16 weather. Hours with something missing are left out of the run.
    """
    known = ~np.isnan(temp + rh + wind_m_s + rain)
    t, h, w, r = (q16(x[known]) for x in (temp, rh, wind_m_s, rain))
    v = [fire.wind_km_h(x) for x in w]
    air, wind, water = (np.array(x)[:, None] / ONE for x in (t, v, r))
    exact = hourly_ffmc(air, np.array(h)[:, None] / ONE, wind, water, 85.0).ffmc[:, 0]
    fuel, got = 1_068_729, np.empty(len(t))
    for n, weather in enumerate(zip(t, h, v, r, strict=True)):
        fuel = fire.hour(fuel, *weather)
        got[n] = fire.ffmc(fuel) / ONE
    return float(np.abs(got - exact).max())


def random_year(seed: int) -> tuple[Series, Series, Series, Series]:
    """Every hour anything from end to end; spells of drought, and bursts of rain up to 100 mm."""
    rng = np.random.default_rng(seed)
    wet = (rng.random(HOURS) < 0.1) & (np.arange(HOURS) // 500 % 3 > 0)
    return (
        rng.uniform(-60, 85, HOURS),
        rng.choice([0.0, 0.5, 100.0, np.nan], HOURS, p=[0.05, 0.05, 0.1, 0.8]),
        np.where(rng.random(HOURS) < 0.3, 0.0, rng.uniform(0, 75, HOURS)),
        np.where(wet, np.exp(rng.uniform(np.log(0.01), np.log(100), HOURS)), 0.0),
    )


def plausible_year(seed: int) -> tuple[Series, Series, Series, Series]:
    """Days and nights, seasons, storms: temperature and humidity go against each other."""
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS)
    day, season = np.sin(2 * np.pi * hour / 24), np.sin(2 * np.pi * hour / HOURS)
    temp = 14 + 8 * day + 12 * season + rng.normal(0, 2, HOURS)
    rh = np.clip(60 - 25 * day - 15 * season + rng.normal(0, 8, HOURS), 2, 100)
    rain = np.where(rng.random(HOURS) < 0.04, rng.gamma(0.5, 4.0, HOURS), 0.0)
    return temp, rh, rng.gamma(2.0, 1.5, HOURS), rain


@pytest.mark.parametrize("seed", [1, 2])
def test_a_year_of_anything_stays_close(seed: int) -> None:
    """A year of weather from one end to the other in each hour: FFMC within 0.3 points."""
    temp, rh, wind, rain = random_year(seed)
    rng = np.random.default_rng(seed + 100)
    rh = np.where(np.isnan(rh), rng.uniform(0, 100, HOURS), rh)
    assert largest_difference(temp, rh, wind, rain) < 0.3


def test_a_plausible_year_stays_closer() -> None:
    """A year of days, seasons and storms: FFMC within 0.05 points in every hour."""
    assert largest_difference(*plausible_year(3)) < 0.05


def test_error_of_a_start_is_forgotten() -> None:
    """
    From the two ends of moisture both runs come to the same fuel, within 2^-9 %.

    So a rounding error does not live for ever: 20 days of 15 degC, 70 % and 3 m/s.
    """
    wet, dry = 250 * ONE, 4_096
    v = fire.wind_km_h(3 * ONE)
    for _ in range(480):
        wet = fire.hour(wet, 15 * ONE, 70 * ONE, v, 0)
        dry = fire.hour(dry, 15 * ONE, 70 * ONE, v, 0)
    upper, lower = fire.equilibria(15 * ONE, 70 * ONE)
    assert abs(wet - upper) <= 128
    assert abs(dry - lower) <= 128


def beijing(station: int, hours: slice) -> tuple[Series, Series, Series, Series]:
    """Recorded hourly weather of a station."""
    with np.load(recorded("beijing_prsa_hourly.npz"), allow_pickle=False) as file:
        names = [str(x) for x in file["variables"]]
        data = file["data"][hours, station].astype(np.float64)
    t, h, w, r = (data[:, names.index(name)] for name in ("t", "rh", "ws", "rain"))
    return t, np.clip(h, 0.0, 100.0), w, r


def test_a_year_of_beijing_stays_close() -> None:
    """Recorded hours of a year: FFMC within 0.15 points in every hour."""
    assert largest_difference(*beijing(0, slice(HOURS))) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("station", range(12))
def test_four_years_of_beijing_stay_close(station: int) -> None:
    """Recorded hours of four years at each station: FFMC within 0.15 points in every hour."""
    assert largest_difference(*beijing(station, slice(None))) < 0.15
