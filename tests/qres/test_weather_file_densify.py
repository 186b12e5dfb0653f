# SPDX-License-Identifier: Apache-2.0
"""Synthetic stations between recorded ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qres import weather_file
from qres.densify import densify
from qres.errors import RangeError
from qres.geo import distance_m
from qres.weather_file import WeatherFile


@pytest.fixture(scope="module")
def demo() -> WeatherFile:
    """Three days of the demo weather."""
    whole = weather_file.demo()
    cut = slice(0, 3 * 288)
    return replace(
        whole,
        time_s=whole.time_s[cut],
        temp_degc=whole.temp_degc[cut],
        rh_pct=whole.rh_pct[cut],
        wind_m_s=whole.wind_m_s[cut],
        rain_mm=whole.rain_mm[cut],
    )


def test_a_seed_is_a_field(demo: WeatherFile) -> None:
    """The same seed gives the same stations and values, another seed gives others."""
    one, same, other = densify(demo, 60, 1), densify(demo, 60, 1), densify(demo, 60, 2)
    assert np.array_equal(one.values(), same.values(), equal_nan=True)
    assert np.array_equal(one.lat_deg, same.lat_deg)
    assert not np.array_equal(one.lat_deg, other.lat_deg)
    assert not np.array_equal(one.temp_degc, other.temp_degc)


def test_real_stations_stay_as_they_are(demo: WeatherFile) -> None:
    """The recorded stations come first and are untouched; the others are marked synthetic."""
    field = densify(demo, 128, 7)
    n = demo.n_stations
    assert field.n_stations == len(set(field.station_id)) == 128
    assert field.is_synthetic.tolist() == [False] * n + [True] * (128 - n)
    assert np.array_equal(field.values()[:, :n], demo.values(), equal_nan=True)
    assert "100 synthetic stations, seed 7" in field.source


def test_synthetic_values_are_possible(demo: WeatherFile) -> None:
    """Nothing is missing or impossible; rain comes in tips and never falls."""
    field = densify(demo, 128, 3)
    new = field.values()[:, field.is_synthetic]
    assert not np.isnan(new[:, :, :3]).any()
    assert new[:, :, 0].min() > -60
    assert (new[:, :, 1].min() >= 0, new[:, :, 1].max() <= 100) == (True, True)
    assert new[:, :, 2].min() >= 0
    rain = new[:, :, 3]
    assert np.all(np.diff(rain, axis=0) >= 0)
    assert np.allclose(rain * 5, np.round(rain * 5))


def test_synthetic_stations_lie_inside_the_network(demo: WeatherFile) -> None:
    """No synthetic station is farther from a real one than real neighbours can be apart."""
    field = densify(demo, 128, 3)
    apart = distance_m(
        field.lat_deg[:, None], field.lon_deg[:, None], demo.lat_deg[None], demo.lon_deg[None]
    )[field.is_synthetic]
    assert demo.lat_deg.min() <= field.lat_deg.min() <= field.lat_deg.max() <= demo.lat_deg.max()
    assert apart.min(axis=1).max() < 40_000


def test_synthetic_weather_is_like_the_real() -> None:
    """Spread and step-to-step change of synthetic series are near those of the recorded ones."""
    field = densify(weather_file.demo(), 100, 1)
    for name in ("temp_degc", "rh_pct", "wind_m_s"):
        values = getattr(field, name)
        real, made = values[:, ~field.is_synthetic], values[:, field.is_synthetic]
        mean = np.nanmean(real, axis=1, keepdims=True)
        assert 0.6 < np.nanstd(made - mean) / np.nanstd(real - mean) < 1.2
        assert 0.6 < np.nanstd(np.diff(made, axis=0)) / np.nanstd(np.diff(real, axis=0)) < 1.4


def test_temperature_and_humidity_go_against_each_other(demo: WeatherFile) -> None:
    """The noise keeps the real anomalies' correlation: where it is warmer it is drier."""
    field = densify(demo, 100, 1)
    made = field.is_synthetic
    temp = field.temp_degc - np.nanmean(field.temp_degc, axis=1, keepdims=True)
    rh = field.rh_pct - np.nanmean(field.rh_pct, axis=1, keepdims=True)
    assert np.corrcoef(temp[:, made].ravel(), rh[:, made].ravel())[0, 1] < -0.3


def test_neighbours_are_alike(demo: WeatherFile) -> None:
    """Synthetic stations near each other agree better than those far apart."""
    field = densify(demo, 120, 5)
    new = field.is_synthetic
    lat, lon = field.lat_deg[new], field.lon_deg[new]
    apart = distance_m(lat[:, None], lon[:, None], lat[None], lon[None])
    anomaly = field.temp_degc[:, new] - field.temp_degc[:, new].mean(axis=1, keepdims=True)
    alike = np.corrcoef(anomaly.T)
    near = alike[(apart > 0) & (apart < 8_000)].mean()
    far = alike[apart > 60_000].mean()
    assert near > far + 0.3


def test_fewer_stations_cover_the_field(demo: WeatherFile) -> None:
    """Taking fewer keeps recorded stations only, each beginning within the next."""
    five, ten = densify(demo, 5, 0), densify(demo, 10, 99)
    assert ten.station_id[:5] == five.station_id
    assert set(ten.station_id) <= set(demo.station_id)
    assert not ten.is_synthetic.any()
    assert densify(demo, demo.n_stations, 0).n_stations == demo.n_stations


def test_hours_without_any_record_stay_missing(demo: WeatherFile) -> None:
    """When no real station reports, the synthetic ones have no value either."""
    gap = demo.temp_degc.copy()
    gap[10:20] = np.nan
    field = densify(replace(demo, temp_degc=gap), 40, 1)
    assert np.isnan(field.temp_degc[10:20]).all()
    assert not np.isnan(field.temp_degc[20:, field.is_synthetic]).any()


def test_across_the_date_line(demo: WeatherFile) -> None:
    """A network astride 180 degrees gets its synthetic stations there, not around the world."""
    lon = (demo.lon_deg + 176.0 + 180.0) % 360.0 - 180.0
    field = densify(replace(demo, lon_deg=lon), 100, 1)
    assert np.all(np.abs(field.lon_deg) > 178.0)
    assert np.all(np.abs(field.lon_deg) <= 180.0)


def test_what_cannot_be_made(demo: WeatherFile) -> None:
    """No stations at all, or more than recorded without positions, are refused."""
    with pytest.raises(RangeError, match="n_nodes = 0: must be 1 or more"):
        densify(demo, 0, 1)
    nowhere = replace(demo, lat_deg=np.full(demo.n_stations, np.nan))
    with pytest.raises(RangeError, match="n_nodes = 29: must be at most 28: needs 2 known"):
        densify(nowhere, 29, 1)
    assert densify(nowhere, 3, 1).station_id == demo.station_id[:3]
