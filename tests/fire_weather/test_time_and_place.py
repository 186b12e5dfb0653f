# SPDX-License-Identifier: Apache-2.0
"""Noon, latitude, wind height, start-up and overwintering."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.errors import RangeError
from qres.fire_weather.day_length import dc_day_length_factor, dmc_day_length_h
from qres.fire_weather.fwi1987 import fwi1987
from qres.fire_weather.noon import local_calendar, noons_s, standard_offset_h
from qres.fire_weather.overwinter import CarryOver, Wetting, spring_dc, spring_start
from qres.fire_weather.season import in_season
from qres.fire_weather.startup import STANDARD, StartUp
from qres.fire_weather.wind_height import OPEN_ROUGHNESS_M, at_10_m, at_20_feet


@pytest.mark.parametrize(
    ("lon_deg", "offset_h"),
    [
        (-77.427, -5),
        (0.0, 0),
        (4.4, 0),
        (7.5, 1),
        (149.1, 10),
        (-7.5, 0),
        (180.0, 12),
        (-180.0, -12),
    ],
)
def test_standard_time_is_one_hour_each_15_degrees(lon_deg: float, offset_h: int) -> None:
    """Petawawa has -5 h (its summer clocks -4), Canberra +10 h."""
    assert standard_offset_h(lon_deg) == offset_h


@given(st.integers(0, 2**33), st.integers(0, 10 * 86_400), st.sampled_from([-12.0, -3.5, 0.0, 5.5]))
def test_noons_are_all_noons_between(first_s: int, length_s: int, offset_h: float) -> None:
    """Every local noon of a span is found, once, and nothing else is."""
    out = noons_s(first_s, first_s + length_s, offset_h)
    _, _, hour = local_calendar(out, offset_h)
    assert (hour == 12.0).all()
    assert ((out >= first_s) & (out <= first_s + length_s)).all()
    assert out.size in (length_s // 86_400, length_s // 86_400 + 1)
    if out.size:
        assert out[0] - 86_400 < first_s
        assert out[-1] + 86_400 > first_s + length_s


def test_local_calendar_on_the_date_line() -> None:
    """The same instant is another day and month at the other end of the world."""
    instant = np.array([np.datetime64("2025-06-30T20:30", "s").astype(np.int64)])
    west, east = local_calendar(instant, -10.0), local_calendar(instant, 12.0)
    assert (str(west[0][0]), west[1][0], west[2][0]) == ("2025-06-30", 6, 10.5)
    assert (str(east[0][0]), east[1][0], east[2][0]) == ("2025-07-01", 7, 8.5)


def test_hemispheres_are_half_a_year_apart() -> None:
    """The DC's factors of the south are those of the north six months later."""
    months = np.arange(1, 13)
    north, south = dc_day_length_factor(months, 45.0), dc_day_length_factor(months, -45.0)
    assert np.array_equal(south, np.roll(north, 6))
    assert dmc_day_length_h(1, -40.0) > dmc_day_length_h(7, -40.0)


def test_bands_of_latitude_hold_their_northern_edge() -> None:
    """At 30, 10, -10 and -30 (DMC), 20 and -20 (DC) degrees the band south of the edge holds."""
    assert dmc_day_length_h(7, [30.1, 30.0, 10.1, 10.0, -9.9, -10.0, -30.0]).tolist() == [
        *(12.4, 10.1, 10.1, 9.0, 9.0, 7.9, 6.5),
    ]
    assert dc_day_length_factor(7, [20.1, 20.0, -19.9, -20.0]).tolist() == [6.4, 1.4, 1.4, -1.6]


def test_january_is_summer_in_the_south() -> None:
    """The same hot dry day adds more to DMC and DC in January than in July at 35 S."""
    weather = ([30.0], [25.0], [15.0], [0.0])
    january, july = (fwi1987(*weather, [month], -35.0) for month in (1, 7))
    assert january.dmc > july.dmc
    assert january.dc > july.dc
    assert january.ffmc == july.ffmc


def test_latitude_must_be_known() -> None:
    """NaN, or a latitude beyond the pole, or a 13th month, is refused."""
    weather = ([30.0], [25.0], [15.0], [0.0])
    with pytest.raises(RangeError, match="lat_deg = nan: must be known"):
        fwi1987(*weather, [1], np.nan)
    with pytest.raises(RangeError, match=r"lat_deg = 91\.0"):
        fwi1987(*weather, [1], 91.0)
    with pytest.raises(RangeError, match=r"month = 13: must be 1\.\.12"):
        fwi1987(*weather, [13], 46.0)
    with pytest.raises(RangeError, match="month = "):
        fwi1987(*weather, [1, 2], 46.0)


def test_wind_of_a_low_mast_is_brought_to_10_m() -> None:
    """2 m in the open: 1 / 0.75; 10 m: as it is; above 10 m: less; the profile is continuous."""
    assert float(at_10_m(6.0, 2.0)) == pytest.approx(8.0)
    assert at_10_m(6.0, 10.0) == 6.0
    assert at_10_m(6.0, 20.0) < 6.0
    assert pytest.approx(0.016, abs=1e-4) == OPEN_ROUGHNESS_M
    heights = [float(at_10_m(1.0, h)) for h in np.linspace(1.0, 30.0, 50)]
    assert (np.diff(heights) < 0).all()


def test_wmo_roughness_gives_the_wmo_factor() -> None:
    """Over 0.03 m roughness wind at 2 m is 72 % of that at 10 m: ln(2/0.03) / ln(10/0.03)."""
    assert 1.0 / float(at_10_m(1.0, 2.0, roughness_m=0.03)) == pytest.approx(0.723, abs=5e-4)


def test_twenty_feet() -> None:
    """10 km/h at 10 m are 8.7 km/h at 20 feet, by the factor 1.15 of Turner & Lawson."""
    assert 3.6 * float(at_20_feet(10.0 / 3.6)) == pytest.approx(8.696, abs=1e-3)


@pytest.mark.parametrize(("height_m", "roughness_m"), [(0.5, 0.016), (31.0, 0.016), (2.0, 0.9)])
def test_heights_of_no_mast_are_refused(height_m: float, roughness_m: float) -> None:
    """Heights outside 1..30 m and roughness outside 0.0001..0.5 m are errors."""
    with pytest.raises(RangeError, match=r"height_m = |roughness_m = "):
        at_10_m(5.0, height_m, roughness_m)


def test_wet_winter_brings_the_standard_start() -> None:
    """200 mm and more refill the soil: DC 15. A dry one leaves a drought; unknown rain, NaN."""
    assert spring_dc(300.0, 250.0) == 15.0
    assert spring_dc(300.0, 20.0) > 200.0
    assert np.isnan(spring_dc(300.0, np.nan))
    assert spring_dc(500.0, 0.0, CarryOver.FULL) == pytest.approx(500.0)


def test_less_carried_over_is_drier() -> None:
    """Spring is the drier, the less of autumn's moisture is left and the less melt gets in."""
    carry = [float(spring_dc(300.0, 60.0, c)) for c in CarryOver]
    wet = [float(spring_dc(300.0, 60.0, wetting=w)) for w in Wetting]
    assert carry == sorted(carry)
    assert wet == sorted(wet)


def test_spring_starts_from_autumns_end() -> None:
    """The next season has standard FFMC and DMC, and the DC overwintered node by node."""
    autumn = fwi1987(np.full((60, 2), 25.0), 30.0, 10.0, np.zeros((60, 2)), [7] * 60, 46.0)
    start = spring_start(autumn, [20.0, 400.0])
    assert (start.ffmc, start.dmc) == (STANDARD.ffmc, STANDARD.dmc)
    dc = np.asarray(start.dc)
    assert dc[0] > 100.0
    assert dc[1] == 15.0


def test_start_up_values_are_checked() -> None:
    """Start-up codes outside their ranges are refused by name."""
    with pytest.raises(RangeError, match=r"dmc = -1\.0: must be 0"):
        StartUp(85.0, -1.0, 15.0).checked()


def test_a_season_ends_with_cold_and_a_gap_breaks_a_run() -> None:
    """Three days above 12 degC start it, three below 5 end it; NaN counts for neither."""
    warm = [13.0, 13.0, np.nan, 13.0, 13.0, 13.0, 10.0]
    assert in_season(warm).tolist() == [False] * 6 + [True]
    with pytest.raises(RangeError, match="days = 0"):
        in_season(warm, days=0)
