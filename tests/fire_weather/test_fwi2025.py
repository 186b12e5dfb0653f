# SPDX-License-Identifier: Apache-2.0
"""FWI2025 against the hours and days that its authors publish."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from qres.errors import RangeError
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.fwi2025.curing import is_standing, seasonal_curing_pct
from qres.fire_weather.fwi2025.daily import daily_summary
from qres.fire_weather.fwi2025.grass import curing_factor, gfmc, gfwi, gsi
from qres.fire_weather.fwi2025.hourly import Fwi2025, State2025, fwi2025
from qres.fire_weather.fwi2025.sun import sun_times
from tests.fire_weather.tables import Column, Published, Weather

HOURLY, DAILY = "fwi2025_PRF2007_hourly.csv.gz", "fwi2025_PRF2007_daily.csv"
PLACE = (45.996, -77.427, -4.0)
COLUMNS = {
    "ffmc": "ffmc", "dmc": "dmc", "dc": "dc", "isi": "isi", "bui": "bui", "fwi": "fwi",
    "dsr": "dsr", "gfmc": "gfmc", "gsi": "gsi", "gfwi": "gfwi", "mcffmc": "litter_pct",
    "mcgfmc_matted": "matted_pct", "mcgfmc_standing": "standing_pct",
    "prec_cumulative": "event_mm", "canopy_drying": "event_dry_h", "sunrise": "sunrise_h",
    "sunset": "sunset_h", "solrad": "solar_kw_m2", "percent_cured": "cured_pct",
}  # fmt: skip


def times(table: Published) -> np.ndarray:
    """Unix times of the table's local hours."""
    local = [
        np.datetime64(f"{r['yr']}-{int(r['mon']):02d}-{int(r['day']):02d}T{int(r['hr']):02d}", "s")
        for r in table.rows
    ]
    return np.array(local).astype(np.int64) + 4 * 3600


def weather(table: Published) -> Weather:
    """The weather of the table."""
    return Weather(*(table[name] for name in ("temp", "rh", "ws", "prec")))


def run(table: Published) -> Fwi2025:
    """The whole table from weather, place and time alone."""
    return fwi2025(times(table), *weather(table), *PLACE)


@pytest.mark.parametrize("column", COLUMNS)
def test_published_hours(column: str) -> None:
    """All 2,623 hours agree in all four published decimals, in each of 19 columns."""
    table = Published(HOURLY)
    ours = getattr(run(table), COLUMNS[column])
    assert ours.shape == (2623,)
    assert np.abs(ours.round(4) - table[column]).max() < 1e-9


def as_published(series: Fwi2025) -> Fwi2025:
    """The series in the four decimals of the published hours, from which the days were made."""
    ffmc = series.ffmc.round(4)
    rounded = {
        name: getattr(series, name).round(4)
        for name in (*COLUMNS.values(), "sunrise_h", "sunset_h")
        if name != "litter_pct"
    }
    litter = FfScale.EXACT.moisture_pct(ffmc)
    return dataclasses.replace(series, **rounded, litter_pct=litter)


def digits(values: Column) -> list[float]:
    """Values in four decimals as Python prints them: exact halves, too, go where its round goes."""
    return [round(float(v), 4) for v in values]


def clock(hours: Column) -> list[str]:
    """Hours as `hh:mm`, cut off."""
    return [f"{int(h):02d}:{int(60 * (h - int(h))):02d}" for h in hours]


def test_published_days() -> None:
    """All 109 daily summaries agree in every published digit, made from the published hours."""
    table = Published(DAILY)
    days = daily_summary(as_published(run(Published(HOURLY))))
    assert [str(d) for d in days.date] == [
        f"{r['yr']}-{int(r['mon']):02d}-{int(r['day']):02d}" for r in table.rows
    ]
    smooth = {
        "ws_smooth": days.wind_smooth_km_h,
        "isi_smooth": days.isi_smooth,
        "gsi_smooth": days.gsi_smooth,
    }
    for name, ours in (days.codes | smooth).items():
        assert digits(ours) == table[name].tolist(), name
    assert days.peak_hour.tolist() == table["peak_hr"].tolist()
    assert days.duration_h.tolist() == table["duration"].tolist()
    assert clock(days.sunrise_h) == table.texts("sunrise")
    assert clock(days.sunset_h) == table.texts("sunset")


def test_days_from_unrounded_hours_differ_by_rounding_only() -> None:
    """Without the detour over four decimals, smoothed values differ by up to 0.0003."""
    table = Published(DAILY)
    days = daily_summary(run(Published(HOURLY)))
    assert days.peak_hour.tolist() == table["peak_hr"].tolist()
    assert np.abs(days.codes["fwi"].round(4) - table["fwi"]).max() < 1e-9
    assert np.abs(days.gsi_smooth - table["gsi_smooth"]).max() < 4e-4


def test_goes_on_where_it_ended() -> None:
    """Two parts of a series, rain event and all, are the same as the whole."""
    table = Published(HOURLY)
    whole, given, at = run(table), weather(table), times(table)
    begin, end = slice(1000), slice(1000, None)
    first = fwi2025(at[begin], *given.part(begin), *PLACE)
    second = fwi2025(at[end], *given.part(end), *PLACE, start=first.end)
    for name in COLUMNS.values():
        joined = np.concatenate([getattr(first, name), getattr(second, name)])
        assert np.array_equal(joined, getattr(whole, name)), name


def test_many_nodes_at_once_are_the_same_as_one() -> None:
    """A node in a field gets what it would get alone; its neighbour's rain is its own."""
    table = Published(HOURLY)
    alone = run(table)
    two = Weather(*(np.stack([values, values], axis=1) for values in weather(table)))
    two.rain_mm[:, 1] = 0.0
    both = fwi2025(times(table), *two, *PLACE)
    assert np.array_equal(both.gfwi[:, 0], alone.gfwi)
    assert (both.dc[:, 1] >= both.dc[:, 0]).all()


def test_hours_must_be_consecutive() -> None:
    """A gap in the times is refused: missing hours are NaN, not left out."""
    at = np.array([0, 3600, 10800], dtype=np.int64)
    with pytest.raises(RangeError, match=r"time_s\[2\] = 10800: must be 3600 s after"):
        fwi2025(at, *Weather.dry(3), *PLACE)


def test_southern_hemisphere_is_half_a_year_later() -> None:
    """Grass stands from January and greens from 12 September south of the equator."""
    date = np.array(["2025-02-01", "2025-08-01"], dtype="datetime64[D]")
    assert is_standing(date, np.array([45.0, -35.0])).tolist() == [[False, True], [True, False]]
    north = seasonal_curing_pct(np.array(["2025-04-12"], dtype="datetime64[D]"))
    south = seasonal_curing_pct(np.array(["2025-10-13"], dtype="datetime64[D]"), (9, 12))
    assert north == south
    with pytest.raises(RangeError, match=r"green_up = \(2, 30\)"):
        seasonal_curing_pct(date, (2, 30))


def test_a_series_goes_on_over_the_new_year() -> None:
    """Codes do not start anew on 1 January, unlike the default of cffdrs-ng."""
    start = np.datetime64("2025-12-30T00", "s").astype(np.int64)
    at = start + 3600 * np.arange(96, dtype=np.int64)
    out = fwi2025(at, *Weather.dry(96), -35.0, 149.0, 10.0)
    assert (np.diff(out.dc) >= 0.0).all()
    assert out.dc[-1] > out.dc[40] > out.dc[0]


def test_polar_day_and_night() -> None:
    """North of the circle the sun is up all day in June and never in December; no NaN at a pole."""
    date = np.array(["2025-06-21", "2025-12-21"], dtype="datetime64[D]")
    sun = sun_times(date, np.array([75.0, 90.0, -90.0]), np.zeros(3), 0.0)
    length = sun.sunset_h - sun.sunrise_h
    assert length.round(6).tolist() == [[24.0, 24.0, 0.0], [0.0, 0.0, 24.0]]


def test_day_length_from_elsewhere() -> None:
    """Sun times at Greenwich agree with the almanac to 2 minutes.

    Source: HM Nautical Almanac Office, London, 21 June: sunrise 03:43, sunset 20:21 UTC; 21
    December: 08:04 and 15:53 UTC.
    """
    date = np.array(["2025-06-21", "2025-12-21"], dtype="datetime64[D]")
    sun = sun_times(date, np.array([51.5]), np.array([-0.1]), 0.0)
    rise, fall = 60 * sun.sunrise_h[:, 0], 60 * sun.sunset_h[:, 0]
    assert np.abs(rise - [3 * 60 + 43, 8 * 60 + 4]).max() < 2.0
    assert np.abs(fall - [20 * 60 + 21, 15 * 60 + 53]).max() < 2.0


def test_grass_code_has_a_value_everywhere() -> None:
    """GFMC is 0..101 for all moistures, curings and winds; 101 for bone-dry grass in calm air."""
    moisture, cured, wind = np.meshgrid([0.0, 12.0, 250.0], [0.0, 20.0, 100.0], [0.0, 40.0, 300.0])
    codes = gfmc(moisture, cured, wind)
    assert ((codes >= 0.0) & (codes <= 101.0)).all()
    assert round(float(gfmc(np.array(0.0), np.array(100.0), np.array(0.0))), 1) == 101.0
    assert gfmc(np.array(5.0), np.array(10.0), np.array(20.0)) == 0.0  # green grass: no code
    assert curing_factor(np.array([0.0, 19.9, 100.0])).round(2).tolist() == [0.0, 0.0, 1.0]


def test_gfwi_has_the_step_of_the_original() -> None:
    """At 100 kW/m GFWI falls from 4.0 to 3.6, as published, and rises on both sides of it."""
    load = np.array(1.0)
    below, above = gfwi(np.array([0.3699, 0.3701]), load)
    assert round(float(below), 2) == 4.0
    assert round(float(above), 2) == 3.65


def test_wet_grass_does_not_carry_fire() -> None:
    """GSI is 0 in grass of 24 % moisture and more, whatever the wind."""
    wind = np.linspace(0.0, 100.0, 11)
    for standing in (True, False):
        stands = np.array(standing)
        assert (gsi(wind, np.array(24.0), np.array(100.0), stands) == 0.0).all()
        assert (gsi(wind, np.array(8.0), np.array(100.0), stands) > 0.0).all()


def test_start_up_values() -> None:
    """The standard state is FFMC 85, DMC 6, DC 15, with grass as litter, and no rain event."""
    state = State2025.from_codes()
    assert round(float(state.litter_pct), 4) == 16.3075
    assert state.matted_pct == state.standing_pct == state.litter_pct
    assert state.canopy.event_mm == 0.0
    with pytest.raises(RangeError, match=r"ffmc = 102"):
        State2025.from_codes(ffmc=102.0)
