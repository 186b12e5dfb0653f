# SPDX-License-Identifier: Apache-2.0
"""The daily system of 1987 against the table that came with it."""

from __future__ import annotations

import numpy as np
import pytest

from qres.fire_weather.behaviour import bui, dsr, fwi, isi_1987
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.fwi1987 import Fwi1987, dc_wetted, dmc_wetted, fwi1987
from qres.fire_weather.startup import STANDARD, StartUp
from tests.fire_weather.tables import Published, Weather

TABLE = "fwi_vanwagner_pickett_1985.csv"
CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")


def weather(table: Published) -> Weather:
    """The weather of the table."""
    return Weather(*(table[name] for name in ("temp_c", "rh_pct", "wind_kmh", "rain_mm")))


def run(table: Published, days: slice = slice(None), start: StartUp = STANDARD) -> Fwi1987:
    """The system for days of the table."""
    months = table["month"].astype(int)[days]
    return fwi1987(*weather(table).part(days), months, 46.0, start=start)


@pytest.mark.parametrize("code", CODES)
def test_every_printed_digit(code: str) -> None:
    """All 49 days of the table of 1985 print the same, to the digit: 294 cells in six codes."""
    table = Published(TABLE)
    computed = [f"{value:.1f}" for value in getattr(run(table), code)]
    assert len(computed) == 49
    assert computed == table.texts(code)


@pytest.mark.parametrize("code", CODES)
def test_every_exact_digit(code: str) -> None:
    """The four decimals that the unrounded program gives are the same."""
    table = Published(TABLE)
    assert np.abs(getattr(run(table), code) - table[f"{code}_exact"]).max() <= 0.5001e-4


def test_severity_rating() -> None:
    """The DSR of each day is the printed one, to its two decimals."""
    table = Published(TABLE)
    assert np.abs(run(table).dsr.round(2) - table["dsr"]).max() < 1e-9


def test_many_nodes_at_once_are_the_same_as_one() -> None:
    """A field is computed column by column: a node gets what it would get alone."""
    table = Published(TABLE)
    alone = run(table)
    temp, rh, wind, rain = (table[n] for n in ("temp_c", "rh_pct", "wind_kmh", "rain_mm"))
    colder = np.stack([temp, temp - 5.0], axis=1)
    both = fwi1987(
        colder, rh[:, None], wind[:, None], rain[:, None], table["month"].astype(int), [46.0, 50.0]
    )
    assert both.fwi.shape == (49, 2)
    for code in (*CODES, "dsr"):
        assert np.array_equal(getattr(both, code)[:, 0], getattr(alone, code))
        assert (getattr(both, code)[:, 1] <= getattr(alone, code)).all()


def test_a_season_in_two_parts() -> None:
    """A series that goes on from the end of another is the same as the whole."""
    table = Published(TABLE)
    whole, first = run(table), run(table, slice(20))
    second = run(table, slice(20, None), first.end)
    for code in CODES:
        parts = np.concatenate([getattr(first, code), getattr(second, code)])
        assert np.array_equal(parts, getattr(whole, code))


def test_rounding_codes_from_day_to_day_breaks_the_table() -> None:
    """Codes must be carried unrounded: rounded to 0.1 daily, 106 of the 294 cells differ."""
    table = Published(TABLE)
    start, wrong = STANDARD, 0
    for day in range(49):
        one = run(table, slice(day, day + 1), start)
        ends = [np.round(np.asarray(e), 1) for e in (one.end.ffmc, one.end.dmc, one.end.dc)]
        start = StartUp(*ends)
        # As an observer would: the indices, too, come from the rounded codes.
        wind = table["wind_kmh"][day]
        isi = isi_1987(wind, ends[0], FfScale.PRINTED_1985).round(1)
        built = bui(ends[1], ends[2]).round(1)
        row = dict(zip(CODES, [*ends, isi, built, fwi(isi, built)], strict=True))
        wrong += sum(f"{float(row[code]):.1f}" != table.texts(code)[day] for code in CODES)
    assert wrong == 106


def test_the_two_constants_differ_as_stated() -> None:
    """147.2 and 147.27723 are both there; on the table FFMC is up to 0.12 apart, nothing else."""
    table = Published(TABLE)
    exact = fwi1987(*weather(table), table["month"].astype(int), 46.0, scale=FfScale.EXACT)
    printed = run(table)
    apart = np.abs(exact.ffmc - printed.ffmc).max()
    assert round(float(apart), 2) == 0.12
    assert np.array_equal(exact.dmc, printed.dmc)
    assert np.array_equal(exact.dc, printed.dc)
    assert FfScale.PRINTED_1985.value == 147.2
    assert round(FfScale.EXACT.value, 5) == 147.27723


def test_only_the_exact_constant_is_its_own_inverse() -> None:
    """A code goes to moisture and back unchanged with 147.27723, and by up to 0.05 with 147.2."""
    codes = np.linspace(0.0, 101.0, 500)
    exact, printed = FfScale.EXACT, FfScale.PRINTED_1985
    assert np.abs(exact.code(exact.moisture_pct(codes)) - codes).max() < 1e-12
    assert 0.02 < np.abs(printed.code(printed.moisture_pct(codes)) - codes).max() < 0.06


def test_light_rain_wets_nothing() -> None:
    """Rain up to 0.5, 1.5 and 2.8 mm leaves FFMC, DMC and DC as on a dry day; more does not.

    The distribution cffdrs-fire 0.3.0 is wrong here: it wets FFMC with 0 < rain <= 0.5 mm.
    """

    def day(rain_mm: float) -> Fwi1987:
        return fwi1987([20.0], [45.0], [10.0], [rain_mm], [7], 46.0)

    dry = day(0.0)
    assert day(0.5).ffmc == dry.ffmc
    assert day(0.6).ffmc < dry.ffmc
    assert day(1.5).dmc == dry.dmc
    assert day(1.6).dmc < dry.dmc
    assert day(2.8).dc == dry.dc
    assert day(2.9).dc < dry.dc


def test_soaking_rain_brings_codes_to_zero() -> None:
    """Codes never fall below 0, however much it rains; one day of it leaves FFMC below 10."""
    rain = np.array([2000.0])
    dmc = np.array([6.0])
    for _ in range(5):
        dmc = dmc_wetted(dmc, rain)
        assert dmc >= 0.0
    assert dmc < 0.1
    assert dc_wetted(np.array([15.0]), rain) == 0.0
    assert 0.0 <= fwi1987([0.0], [100.0], [0.0], rain, [1], 46.0).ffmc < 10.0


def test_indices_of_nothing_are_nothing() -> None:
    """BUI of 0 and 0 is 0, not a division by zero; so are FWI and DSR of ISI 0."""
    zero = np.zeros(1)
    assert bui(zero, zero) == 0.0
    assert fwi(zero, zero) == 0.0
    assert dsr(zero) == 0.0
