# SPDX-License-Identifier: Apache-2.0
"""Sun, clouds, smoke and cold."""

from __future__ import annotations

import importlib
from types import ModuleType

import numpy as np
import pytest

from qres.errors import RangeError
from qres.plan.weather import Climate, air_temperature_degc, clear_sky_index

HOURS = 8760
DAYS = np.repeat((181 + np.arange(365)) % 365 + 1, 24)


@pytest.fixture(scope="module")
def sun_module() -> ModuleType:
    """The module on pvlib, which takes a while to import: not when tests are only collected."""
    return importlib.import_module("qres.plan.sun")


@pytest.fixture(scope="module")
def pvlib() -> ModuleType:
    """The package itself."""
    return importlib.import_module("pvlib")


def test_golden_solar_position(pvlib: ModuleType) -> None:
    """The worked example of the algorithm's authors comes out: NREL/TP-560-34302, table A5.1."""
    at = pvlib.solarposition.spa_python(
        *(
            importlib.import_module("pandas").DatetimeIndex(["2003-10-17 12:30:30-07:00"]),
            39.742476,
            -105.1786,
        ),
        *(1830.14, 82_000, 11),
        delta_t=67,
    )
    assert float(at["apparent_zenith"].iloc[0]) == pytest.approx(50.11162, abs=5e-5)
    assert float(at["azimuth"].iloc[0]) == pytest.approx(194.34024, abs=5e-5)


def test_diffuse_share_by_hand(pvlib: ModuleType) -> None:
    """At a clearness of 0.1 the diffuse share is 1 - 0.09 * 0.1: Erbs et al. 1982, eq. 1."""
    extra = float(pvlib.irradiance.get_extra_radiation(100))
    out = pvlib.irradiance.erbs(0.1 * extra * 0.5, 60.0, 100)
    assert float(out["dhi"]) / (0.1 * extra * 0.5) == pytest.approx(0.991, rel=1e-6)


def test_year_has_its_shape(sun_module: ModuleType) -> None:
    """Noon is at local solar noon, summer at both ends and winter in the middle, on both sides."""
    for lat in (45.0, -33.0):
        sun = sun_module.sun_year(lat, 150.0, 300.0)
        by_day = sun.ghi_clear_w_m2.reshape(-1, 24)
        assert by_day.shape == (365, 24)
        assert set(by_day.argmax(axis=1)) <= {11, 12}
        daily = by_day.sum(axis=1)
        assert 170 <= int(daily.argmin()) <= 190
        assert 4000 < daily.max() < 9500
        assert (sun.day_of_year[0], sun.day_of_year[-1]) == ((182, 181) if lat > 0 else (1, 365))


def test_polar_night_gives_nothing(sun_module: ModuleType) -> None:
    """At 80 degrees north no panel gives anything for weeks, and in summer it does at midnight."""
    sun = sun_module.sun_year(80.0, 15.0, 10.0)
    ones = np.ones((HOURS, 1))
    daily = sun_module.panel_w_per_wp(sun, ones, 0 * ones, 80.0, 180.0).reshape(365, 24)
    assert (daily[140:210].sum(axis=1) == 0).all()
    assert (daily[:20] > 0).all()


def test_panel_in_full_sun(sun_module: ModuleType) -> None:
    """A panel square to a clear noon gives nearly its rating; at night nothing; units are W/Wp."""
    sun = sun_module.sun_year(44.0, -120.0, 1000.0)
    ones = np.ones((HOURS, 1))
    out = sun_module.panel_w_per_wp(sun, ones, 10 * ones, 44.0, 180.0)
    assert 0.9 < out.max() < 1.15
    assert (out >= 0).all()
    assert (out[sun.zenith_deg > 95] == 0).all()
    north = sun_module.panel_w_per_wp(sun, ones, 10 * ones, 60.0, 0.0)
    assert north.sum() < 0.6 * out.sum()
    colder = sun_module.panel_w_per_wp(sun, ones, -10 * ones, 44.0, 180.0)
    assert colder.sum() == pytest.approx(out.sum() * 1.08, rel=0.02)  # 0.4 % a kelvin
    with pytest.raises(RangeError, match=r"tilt_deg = 91: must be 0..90"):
        sun_module.panel_w_per_wp(sun, ones, ones, 91, 180.0)
    with pytest.raises(RangeError, match="lat_deg = 91"):
        sun_module.sun_year(91, 0, 0)


def test_sky_keeps_its_means() -> None:
    """The mean index of each season is the one that was asked for, without smoke, within 2 %."""
    climate = Climate(clear_winter=0.4, clear_summer=0.8, smoke_weeks=0)
    index = clear_sky_index(climate, DAYS, 400, 45.0, 1)
    assert index.shape == (HOURS, 400)
    assert 0.08 <= index.min() <= index.max() <= 1.0
    january = index[(DAYS >= 6) & (DAYS <= 34)].mean()
    july = index[(DAYS >= 188) & (DAYS <= 217)].mean()
    assert (january, july) == (pytest.approx(0.4, abs=0.02), pytest.approx(0.8, abs=0.02))
    daily = index[::24] - index[::24].mean(axis=1, keepdims=True)
    lag1 = (daily[1:] * daily[:-1]).mean() / (daily**2).mean()
    assert lag1 == pytest.approx(0.5, abs=0.05)


def test_smoke_takes_its_share_in_the_fire_season() -> None:
    """Four weeks of smoke a year take 30 % of the sun of 28 days, from July to October only."""
    clear = clear_sky_index(Climate(smoke_weeks=0), DAYS, 200, 45.0, 3)[::24]
    smoky = clear_sky_index(Climate(smoke_weeks=4), DAYS, 200, 45.0, 3)[::24]
    kept = smoky / clear
    hazy = kept < 1
    assert (hazy.sum(axis=0) == 28).all()
    assert kept[hazy].mean() == pytest.approx(0.7, abs=0.01)
    day = DAYS[::24]
    assert set(day[hazy.any(axis=1)]) <= set(range(182, 289))
    southern = clear_sky_index(Climate(smoke_weeks=4), DAYS, 50, -35.0, 3)[::24]
    without = clear_sky_index(Climate(smoke_weeks=0), DAYS, 50, -35.0, 3)[::24]
    season = day[(southern < without).any(axis=1)]
    assert set(season) <= {*range(1, 110), 364, 365, 363}


def test_same_seed_same_years() -> None:
    """Years follow from the seed alone."""
    one, two, other = (clear_sky_index(Climate(), DAYS, 5, 45.0, seed) for seed in (7, 7, 8))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_air_is_cold_in_winter_and_warm_after_noon() -> None:
    """Season, day and spells add up: extremes of the waves by hand."""
    still = Climate(cold_degc=-5, warm_degc=25, spell_k=0, daily_k=6)
    air = air_temperature_degc(still, DAYS, 2, 45.0, 1)
    by_day = air[:, 0].reshape(365, 24)
    assert by_day.mean(axis=1).min() == pytest.approx(-5, abs=0.01)
    assert by_day.mean(axis=1).max() == pytest.approx(25, abs=0.01)
    assert set(by_day.argmax(axis=1)) <= {14, 15}
    spells = air_temperature_degc(Climate(spell_k=4, daily_k=0), DAYS, 300, 45.0, 1)
    assert spells[::24].std(axis=1).mean() == pytest.approx(4, rel=0.05)


def test_impossible_climates_are_refused() -> None:
    """Each field of a climate has its limits."""
    for name, value in (
        ("clear_winter", 1.5),
        ("lag1", 1.0),
        ("smoke_weeks", 20),
        ("cold_degc", 30),
    ):
        with pytest.raises(RangeError, match=name):
            Climate(**{name: value})
