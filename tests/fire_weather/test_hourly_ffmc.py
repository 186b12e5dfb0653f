# SPDX-License-Identifier: Apache-2.0
"""Hourly FFMC of 1977 against the function table of CFFDRS for R, and on its own."""

from __future__ import annotations

import numpy as np
import pytest

from qres.errors import RangeError
from qres.fire_weather.fwi1987 import fwi1987
from qres.fire_weather.hourly_ffmc import hourly_ffmc, hourly_fwi
from qres.fire_weather.provenance import Status
from tests.fire_weather.tables import Column, Published, Weather

TABLE = "hffmc_cffdrs_r_function_table.csv.gz"


def computed_and_printed() -> tuple[Column, Column]:
    """Ours and theirs for each row of the table whose inputs are possible weather."""
    table = Published(TABLE)
    possible = (table["rh"] >= 0) & (table["rh"] <= 100) & (table["prec"] >= 0)
    ours = np.full(possible.shape, np.nan)
    for step_h in np.unique(table["time.step"]):
        rows = possible & (table["time.step"] == step_h)
        # One hour each: a row is a node, so that all start from their own code.
        weather = Weather(*(table[name][rows][None] for name in ("temp", "rh", "ws", "prec")))
        start = table["ffmc_old"][rows]
        ours[rows] = hourly_ffmc(*weather, start, step_h=float(step_h)).ffmc[0]
    assert possible.sum() == 2070
    return ours[possible], table["HourlyFineFuelMoistureCode"][possible]


def test_function_table() -> None:
    """All 2,070 rows of possible weather agree to the four digits that are printed.

    The other 1,083 rows have humidity below 0 or above 100 % or negative rain: here an error.
    Fuel drier than dry (7 rows above 57 degC, up to 101.19) ends at 101.
    """
    ours, theirs = computed_and_printed()
    assert (theirs > 101.0).sum() == 7
    last_digit = 10.0 ** (np.floor(np.log10(np.maximum(theirs, 1e-3))) - 3)
    apart = np.abs(ours - np.minimum(theirs, 101.0))
    assert (apart <= 0.5001 * last_digit).all(), apart.max()


def test_impossible_weather_is_refused() -> None:
    """What the table has for humidity of -10 or 106.64 % or negative rain is an error here."""
    for rh, rain in ((-10.0, 0.0), (106.64, 0.0), (50.0, -10.0)):
        with pytest.raises(RangeError, match=r"rh_pct = |rain_mm = "):
            hourly_ffmc([20.0], [rh], [5.0], [rain])


def test_goes_on_where_it_ended() -> None:
    """Two halves of a series are the same as the whole, to rounding."""
    rng = np.random.default_rng(3)
    n = 200
    weather = Weather(
        rng.uniform(5, 35, (n, 4)),
        rng.uniform(10, 100, (n, 4)),
        rng.uniform(0, 40, (n, 4)),
        np.where(rng.random((n, 4)) < 0.2, rng.exponential(2.0, (n, 4)), 0.0),
    )
    whole = hourly_ffmc(*weather)
    first = hourly_ffmc(*weather.part(slice(90)))
    second = hourly_ffmc(*weather.part(slice(90, None)), first.end)
    assert np.allclose(np.concatenate([first.ffmc, second.ffmc]), whole.ffmc, atol=1e-9)


def test_two_half_hours_are_an_hour() -> None:
    """In constant dry weather, two steps of half an hour come to one of an hour."""
    hour = hourly_ffmc([25.0], [30.0], [15.0], [0.0], 70.0)
    halves = hourly_ffmc([25.0] * 2, [30.0] * 2, [15.0] * 2, [0.0] * 2, 70.0, step_h=0.5)
    assert np.allclose(hour.ffmc[-1], halves.ffmc[-1], atol=1e-12)


def test_fwi_of_the_hour_has_the_bui_of_the_latest_noon() -> None:
    """Before the first noon there is no BUI and no FWI; from it on, the day's."""
    daily = fwi1987([25.0] * 2, [30.0] * 2, [10.0] * 2, [0.0, 0.0], [7, 7], 46.0)
    hours = hourly_ffmc([25.0] * 4, [30.0] * 4, [15.0] * 4, [0.0] * 4)
    out = hourly_fwi(hours, daily, np.array([-1, 0, 0, 1]))
    assert np.isnan(out.bui[0])
    assert np.isnan(out.fwi[0])
    assert out.status.tolist() == [Status.UNKNOWN, *[Status.REPORTED] * 3]
    assert out.bui[1:].tolist() == [daily.bui[0], daily.bui[0], daily.bui[1]]
    with pytest.raises(RangeError, match=r"day = 2: must be -1\.\.1"):
        hourly_fwi(hours, daily, np.array([-1, 0, 0, 2]))


def test_step_outside_a_day_is_refused() -> None:
    """A step of more than 24 h or below 0 is refused: weather is not constant that long."""
    with pytest.raises(RangeError, match=r"step_h = 25"):
        hourly_ffmc([20.0], [50.0], [5.0], [0.0], step_h=25.0)
