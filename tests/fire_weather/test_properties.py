# SPDX-License-Identifier: Apache-2.0
"""What holds for any weather: bounds, no NaN from valid input, and the direction of each input."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qres.fire_weather import angstrom, chandler, fosberg, hdw, kbdi, vpd
from qres.fire_weather.behaviour import bui, fwi, isi_1987
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.fwi1987 import fwi1987
from qres.fire_weather.fwi2025.forest import isi_2025
from qres.fire_weather.fwi2025.hourly import State2025, fwi2025
from qres.fire_weather.hourly_ffmc import hourly_ffmc
from qres.fire_weather.startup import StartUp
from tests.fire_weather.tables import Weather

Values = NDArray[np.float64]

TEMP: Final = st.floats(-60.0, 85.0)
# Above 45 degC the equilibrium of litter falls with humidity below 5 %: the equations were fitted
# to Canadian weather. There the direction of humidity is not promised.
MILD: Final = st.floats(-40.0, 45.0)
RH: Final = st.floats(0.0, 100.0)
WIND: Final = st.floats(0.0, 300.0)
RAIN: Final = st.floats(0.0, 300.0)
FFMC: Final = st.floats(0.0, 101.0)
MONTH: Final = st.integers(1, 12)
LAT: Final = st.floats(-90.0, 90.0)
SLACK: Final = 1e-9
HOURS: Final = 3600 * np.arange(4, dtype=np.int64) + 1_750_000_000 // 3600 * 3600


def falls(values: Values) -> bool:
    """Whether values never rise along their last axis."""
    return bool((np.diff(values) <= SLACK).all())


def rises(values: Values) -> bool:
    """Whether values never fall along their last axis."""
    return falls(-values)


def codes_1987(
    temp: float,
    rh: Values,
    wind: Values,
    rain: Values,
    month: int = 7,
    lat: float = 46.0,
    start: StartUp = StartUp(),  # noqa: B008  frozen
) -> dict[str, Values]:
    """Codes and indices of one day, one column for each of the broadcast values."""
    out = fwi1987(
        np.full((1, 1), temp), rh[None], wind[None], rain[None], [month], lat, start=start
    )
    return {n: getattr(out, n)[0] for n in ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr")}


def one(value: float) -> Values:
    """A value as an array of one."""
    return np.array([value])


@given(TEMP, RH, WIND, RAIN, FFMC, st.floats(0.0, 500.0), st.floats(0.0, 1500.0), MONTH, LAT)
def test_daily_codes_are_bounded_and_known(
    temp: float,
    rh: float,
    wind: float,
    rain: float,
    ffmc: float,
    dmc: float,
    dc: float,
    month: int,
    lat: float,
) -> None:
    """From any valid weather, codes, month and latitude come finite codes in their ranges."""
    start = StartUp(ffmc, dmc, dc)
    out = codes_1987(temp, one(rh), one(wind), one(rain), month, lat, start)
    assert all(np.isfinite(v).all() and (v >= 0.0).all() for v in out.values())
    assert out["ffmc"] <= 101.0


@given(TEMP, RH, WIND, RAIN, FFMC, LAT, st.floats(-180.0, 180.0), st.floats(0.0, 100.0))
def test_hourly_codes_are_bounded_and_known(
    temp: float,
    rh: float,
    wind: float,
    rain: float,
    ffmc: float,
    lat: float,
    lon: float,
    cured: float,
) -> None:
    """From any valid weather come finite hourly codes of 1977 and of 2025 in their ranges."""
    weather = Weather(*(np.full(4, v) for v in (temp, rh, wind, rain)))
    old = hourly_ffmc(*weather, ffmc)
    state = State2025.from_codes(ffmc, 6.0, 15.0)
    new = fwi2025(HOURS, *weather, lat, lon, 0.0, start=state, cured_pct=cured)
    names = ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr", "gfmc", "gsi", "gfwi")
    series = [old.ffmc, old.isi, *(getattr(new, n) for n in names)]
    assert all(np.isfinite(v).all() and (v >= -SLACK).all() for v in series)
    assert all((v <= 101.0).all() for v in (old.ffmc, new.ffmc, new.gfmc))


@given(MILD, st.tuples(RH, RH), WIND, FFMC)
def test_moister_air_is_never_more_dangerous(
    temp: float, rh: tuple[float, float], wind: float, ffmc: float
) -> None:
    """FFMC, DMC, ISI and FWI fall with humidity, daily and hourly, and so does VPD."""
    air, blow, dry = np.array(sorted(rh)), np.array([wind, wind]), np.zeros(2)
    out = codes_1987(temp, air, blow, dry, start=StartUp(ffmc, 30.0, 200.0))
    assert all(falls(out[n]) for n in ("ffmc", "dmc", "isi", "bui", "fwi", "dsr"))
    hour = hourly_ffmc(np.full((1, 2), temp), air[None], blow[None], dry[None], ffmc)
    assert falls(hour.ffmc[0])
    assert falls(vpd.vpd_kpa(temp, air))
    assert falls(hdw.surface_hdw(temp, air, 5.0))
    assert falls(chandler.chandler(temp, air))
    assert rises(angstrom.angstrom(temp, air))  # the lower, the more dangerous


@given(MILD, RH, WIND, FFMC, st.tuples(RAIN, RAIN))
def test_more_rain_is_never_more_dangerous(
    temp: float, rh: float, wind: float, ffmc: float, rain: tuple[float, float]
) -> None:
    """All daily codes, FFMC of the hour and KBDI fall with rain."""
    fallen = np.array(sorted(rain))
    air, blow = np.array([rh, rh]), np.array([wind, wind])
    out = codes_1987(temp, air, blow, fallen, start=StartUp(ffmc, 40.0, 300.0))
    assert all(falls(out[n]) for n in ("ffmc", "dmc", "dc", "isi", "fwi"))
    hour = hourly_ffmc(np.full((1, 2), temp), air[None], blow[None], fallen[None], ffmc)
    assert falls(hour.ffmc[0])
    assert falls(kbdi.kbdi(np.full((1, 2), temp), fallen[None], 800.0, 90.0).deficit_mm[0])


@given(MILD, RH, FFMC, st.tuples(RAIN, RAIN))
def test_more_rain_is_never_more_dangerous_in_2025(
    temp: float, rh: float, ffmc: float, rain: tuple[float, float]
) -> None:
    """FFMC, DMC, DC and GSI of FWI2025 fall with the rain of the hour."""
    fallen = np.zeros((4, 2))
    fallen[1] = sorted(rain)
    air, blow = np.full((4, 2), rh), np.full((4, 2), 10.0)
    weather = Weather(np.full((4, 2), temp), air, blow, fallen)
    state = State2025.from_codes(ffmc, 40.0, 300.0)
    out = fwi2025(HOURS, *weather, 46.0, -77.0, -5.0, start=state, cured_pct=80.0)
    assert all(falls(getattr(out, n)) for n in ("ffmc", "dmc", "dc", "gsi"))


@given(FFMC, st.tuples(WIND, WIND))
def test_more_wind_is_never_less_dangerous(ffmc: float, wind: tuple[float, float]) -> None:
    """At the same FFMC, ISI and FWI of 1987 rise with wind; so do Fosberg's and the surface HDW."""
    blow = np.array(sorted(wind))
    isi = isi_1987(blow, np.array([ffmc, ffmc]), FfScale.PRINTED_1985)
    assert rises(isi / isi.max())
    assert rises(fwi(isi, np.array([60.0, 60.0])) / (1.0 + isi.max()))
    assert rises(fosberg.fosberg_ffwi(25.0, 30.0, blow / 3.6))
    assert rises(hdw.surface_hdw(25.0, 30.0, blow / 3.6))


@given(FFMC, st.tuples(WIND, WIND))
def test_isi_of_2025_rises_with_wind(ffmc: float, wind: tuple[float, float]) -> None:
    """ISI of 2025 rises with wind over its switch at 39.5 km/h, and flattens above it."""
    blow = np.array(sorted(wind))
    isi = isi_2025(blow, FfScale.EXACT.moisture_pct(np.array([ffmc, ffmc])))
    assert rises(isi)
    ratio = isi / isi_1987(blow, np.array([ffmc, ffmc]), FfScale.EXACT)
    assert (ratio[blow < 39.5] > 1.0 - SLACK).all()
    assert (ratio[blow >= 39.5] < 1.001).all()


@given(st.tuples(st.floats(-60.0, 85.0), st.floats(-60.0, 85.0)), RH)
def test_warmer_air_is_never_less_dry(temp: tuple[float, float], rh: float) -> None:
    """VPD, Chandler and the DC rise with temperature, over the whole range."""
    t = np.array(sorted(temp))
    assert rises(vpd.vpd_kpa(t, rh))
    assert rises(chandler.chandler(t, rh))
    still = np.zeros((1, 2))
    assert rises(fwi1987(t[None], 50.0, still, still, [7], 46.0).dc[0])


@given(st.floats(0.0, 300.0), st.tuples(st.floats(0.0, 1500.0), st.floats(0.0, 1500.0)))
def test_more_drought_is_more_fuel(dmc: float, dc: tuple[float, float]) -> None:
    """BUI rises with the DC; FWI rises with BUI, but for 0.02 % where its branches meet at 80."""
    drought = np.array(sorted(dc))
    fuel = bui(np.array([dmc, dmc]), drought)
    assert rises(fuel)
    assert (fuel >= 0.0).all()
    out = fwi(np.array([10.0, 10.0]), fuel)
    assert out[1] >= out[0] * (1.0 - 2e-4)


@given(TEMP, RH, st.floats(0.0, 83.0))
def test_indices_without_memory_are_bounded(temp: float, rh: float, wind: float) -> None:
    """VPD, surface HDW, Fosberg, Chandler and Angstrom stay in the ranges they state."""
    deficit = float(vpd.vpd_kpa(temp, rh))
    assert 0.0 <= deficit <= float(vpd.saturation_kpa(temp)) <= 58.1
    assert 0.0 <= float(hdw.surface_hdw(temp, rh, wind)) < 50_000.0
    assert 0.0 <= float(fosberg.fosberg_ffwi(temp, rh, wind)) <= 100.0
    assert 0.03 <= float(fosberg.equilibrium_moisture_pct(temp, rh)) <= 31.5
    assert 0.0 <= float(chandler.chandler(temp, rh)) <= 311.0
    assert -5.81 <= float(angstrom.angstrom(temp, rh)) <= 14.0


@given(st.floats(-20.0, 43.0), st.tuples(RH, RH))
def test_fosberg_falls_with_humidity(temp: float, rh: tuple[float, float]) -> None:
    """Up to 43 degC; above it the steps between its branches go the wrong way at 10 %."""
    assert falls(fosberg.fosberg_ffwi(temp, np.array(sorted(rh)), 8.0))


@pytest.mark.parametrize("missing", range(4))
def test_any_missing_input_makes_the_step_unknown(missing: int) -> None:
    """NaN in temperature, humidity, wind or rain: that step is NaN in every code, no other is."""
    weather = Weather.dry(4)
    weather[missing][1] = np.nan
    day = fwi1987(*weather, [7] * 4, 46.0)
    hour = hourly_ffmc(*weather)
    new = fwi2025(HOURS, *weather, 46.0, -77.0, -5.0)
    names = ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr")
    series = [hour.ffmc, hour.isi, *(getattr(o, n) for o in (day, new) for n in names)]
    series += [new.gfmc, new.gsi, new.gfwi]
    for values in series:
        assert np.isnan(values).tolist() == [False, True, False, False]
