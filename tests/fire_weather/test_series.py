# SPDX-License-Identifier: Apache-2.0
"""From recorded weather to whole hours and noons, without making anything up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qres import weather_file
from qres.errors import RangeError
from qres.fire_weather.provenance import Status
from qres.fire_weather.series import hourly, noons
from qres.weather_file import WeatherFile, from_arrays

START = np.datetime64("2025-07-01T00:00", "s").astype(np.int64)


def recorded(hours: float, cadence_s: int = 900, lon_deg: float = 30.0) -> WeatherFile:
    """Weather of one station: temperature counts records, 0.2 mm of rain in each."""
    n = int(hours * 3600 / cadence_s) + 1
    data = np.stack([np.arange(n) / 10.0, np.full(n, 40.0), np.full(n, 5.0), np.full(n, 0.2)])
    return from_arrays(
        "made up",
        {
            "data": data.T[:, None, :],
            "time": START + cadence_s * np.arange(n),
            "station_id": np.array(["a"]),
            "lat": np.array([45.0]),
            "lon": np.array([lon_deg]),
            "elev": np.array([100.0]),
            "variables": np.array(["t", "rh", "ws", "rain"]),
        },
    )


def test_hours_are_whole_local_hours() -> None:
    """Each hour has the record at it, the rain of the four quarters before, and km/h."""
    out = hourly(recorded(6))
    assert out.utc_offset_h == 2.0
    assert (np.diff(out.time_s) == 3600).all()
    assert out.time_s[0] == START + 3600
    assert out.temp_degc[:, 0].tolist() == [0.4, 0.8, 1.2, 1.6, 2.0, 2.4]
    assert out.rain_mm[:, 0].round(6).tolist() == [0.8] * 6
    assert out.wind_km_h[:, 0].round(9).tolist() == [18.0] * 6
    assert (out.status == Status.REPORTED).all()


def test_half_hour_zones_have_their_own_hours() -> None:
    """In a zone of 5.5 h, whole local hours are half past in UTC."""
    out = hourly(recorded(6), utc_offset_h=5.5)
    assert out.time_s[0] == START + 5400
    assert ((out.time_s + round(5.5 * 3600)) % 3600 == 0).all()


def test_a_value_missing_at_the_hour_is_held_from_within_it() -> None:
    """Temperature lost at the hour comes from a quarter before and is held; a lost hour is NaN."""
    weather = recorded(6)
    temp = weather.temp_degc.copy()
    temp[8] = np.nan  # at the second hour
    temp[9:13] = np.nan  # all of the third
    out = hourly(replace(weather, temp_degc=temp))
    assert out.temp_degc[1, 0] == 0.7
    assert np.isnan(out.temp_degc[2, 0])
    got = [Status(s) for s in out.status[:4, 0]]
    assert got == [Status.REPORTED, Status.HELD, Status.UNKNOWN, Status.REPORTED]


def test_rain_of_an_hour_with_a_hole_is_unknown() -> None:
    """A missing quarter of rain makes its hour unknown, and the next, which has no start."""
    weather = recorded(6)
    rain = weather.rain_mm.copy()
    rain[6] = np.nan
    out = hourly(replace(weather, rain_mm=rain))
    assert np.isnan(out.rain_mm[:, 0]).tolist() == [False, True, False, False, False, False]
    assert out.status[1, 0] == Status.UNKNOWN


def test_low_masts_are_brought_to_10_m() -> None:
    """5 m/s at 2 m are 24 km/h at 10 m."""
    out = hourly(recorded(6), wind_height_m=2.0)
    assert out.wind_km_h[0, 0] == pytest.approx(24.0)


def test_noons_have_a_day_of_rain() -> None:
    """Noon at 30 E is 10:00 UTC; the first one with 24 hours before it is the second."""
    out = noons(hourly(recorded(72)))
    assert [str(d) for d in out.date] == ["2025-07-02", "2025-07-03"]
    assert out.rain_mm[:, 0].round(6).tolist() == [19.2, 19.2]
    assert out.temp_degc[0, 0] == pytest.approx(13.6)  # record 34 h after the start
    assert out.month.tolist() == [7, 7]


def test_a_day_with_an_unknown_hour_of_rain_is_unknown() -> None:
    """One lost quarter makes the day's rain unknown: missing rain is not zero rain."""
    weather = recorded(96)
    rain = weather.rain_mm.copy()
    rain[150] = np.nan
    out = noons(hourly(replace(weather, rain_mm=rain)))
    assert np.isnan(out.rain_mm[:, 0]).tolist() == [False, True, False]
    assert out.status[:, 0].tolist() == [Status.REPORTED, Status.UNKNOWN, Status.REPORTED]


def test_errors_say_what_is_too_coarse_too_short_or_unknown() -> None:
    """Three-hourly records, an hour of weather, no noon, no longitude: each is said in words."""
    with pytest.raises(RangeError, match=r"cadence_s = 10800: must be at most 3600 s"):
        hourly(recorded(30, cadence_s=10_800))
    with pytest.raises(RangeError, match=r"length of the weather = 1\.0 h"):
        hourly(recorded(1))
    with pytest.raises(RangeError, match=r"length of the weather = 9 h: must hold a noon"):
        noons(hourly(recorded(9)))
    with pytest.raises(RangeError, match=r"lon_deg = nan: must be known"):
        hourly(recorded(6, lon_deg=np.nan))
    assert hourly(recorded(6, lon_deg=np.nan), utc_offset_h=1.0).utc_offset_h == 1.0


def test_the_weather_of_the_demo_gives_noons_of_every_station() -> None:
    """28 stations, 15 days of five-minute records: 14 noons, one unknown for 5 lost readings."""
    demo = weather_file.demo().with_mean_wind()
    out = noons(hourly(demo))
    assert out.temp_degc.shape == (14, 28)
    assert np.argwhere(np.isnan(out.rain_mm)).tolist() == [[9, 1]]
    noon = np.searchsorted(demo.time_s, demo.time_s[0] + 36 * 3600)
    fallen = demo.rain_mm[noon] - demo.rain_mm[noon - 288]
    assert np.abs(out.rain_mm[0] - fallen).max() < 1e-6
