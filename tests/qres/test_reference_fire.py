# SPDX-License-Identifier: Apache-2.0
"""Fire weather in integers: how close to floating point, what rises with what, how large."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise, product
from math import exp, log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.fire_weather import behaviour, fine_fuel
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.hourly_ffmc import hourly_ffmc
from qres.fire_weather.vpd import vpd_kpa
from qres.reference import fire, isqrt

ONE = 1 << 16
FUEL_MIN = 4_096

temps = st.integers(-60 * ONE, 85 * ONE)
humidities = st.integers(0, 100 * ONE)
winds = st.integers(0, 75 * ONE)
fuels = st.integers(FUEL_MIN, 250 * ONE)
rains = st.integers(0, 100 * ONE)


def moisture_steps(n: int) -> list[int]:
    """Moistures of litter from least to most, evenly in their logarithm."""
    return [int(m) for m in np.geomspace(FUEL_MIN, 250 * ONE, n)]


# ---- powers and logarithms


def test_tables_and_constants_are_their_formulas() -> None:
    """Every constant of SPEC 5.5 is its decimal number in Q16 or Q24, and L is a logarithm."""
    assert [fire.lg2((32 + i) * ONE) - 5 * ONE for i in range(32)] == [
        round(ONE * log2(1 + i / 32)) for i in range(32)
    ]
    assert fire.wind_km_h(ONE) == round(3.6 * ONE)
    assert fire.ffmc(0) == 101 * ONE
    assert fire.ffmc(250 * ONE) == 0


@given(st.integers(1, 2**40))
def test_logarithm_is_close(x: int) -> None:
    """Lg2 is within 0.0002 of log2: half the bend of a 32nd of an octave is 0.00017."""
    assert abs(fire.lg2(x) / ONE - log2(x / ONE)) < 2e-4


@given(st.integers(-31 * ONE, 12 * ONE))
def test_power_is_close(y: int) -> None:
    """Ex2 is within 0.0001 of 2^y, relative, or half a unit."""
    exact = 2.0 ** (y / ONE)
    assert abs(fire.ex2(y) / ONE - exact) <= 1e-4 * exact + 1.5 / ONE


@given(st.integers(-40 * ONE, 12 * ONE))
def test_power_never_falls(y: int) -> None:
    """Ex2 rises or stays from one number to the next."""
    assert fire.ex2(y) <= fire.ex2(y + 1)


def test_powers_at_their_ends() -> None:
    """30 octaves down rounds to 0 and 17 to half a unit; further down is 0 as well."""
    assert [fire.ex2(-n * ONE) for n in (16, 17, 18, 30, 31, 40_000)] == [1, 1, 0, 0, 0, 0]
    assert fire.ex2(7 * ONE) == 128 * ONE


# ---- against floating point


def test_vpd_is_within_2_hundredths_kpa() -> None:
    """Every half degree and every half percent: within 0.005 kPa (0.001 up to 50 degC)."""
    rh = np.arange(201) / 2
    for half_degrees in range(-120, 171):
        temp = half_degrees * ONE // 2
        got = np.array([fire.vpd(temp, int(h * ONE)) for h in rh]) / ONE
        limit = 0.001 if half_degrees <= 100 else 0.005
        assert np.abs(got - vpd_kpa(half_degrees / 2, rh)).max() < limit


def test_ffmc_of_moisture_is_the_scale() -> None:
    """The code of a moisture is the scale's, within 2^-15."""
    moisture = np.array(moisture_steps(3000))
    got = np.array([fire.ffmc(int(m)) for m in moisture]) / ONE
    assert np.abs(got - FfScale.EXACT.code(moisture / ONE)).max() < 2.0**-15


def test_isi_is_within_a_thousandth() -> None:
    """From 0 to 100 km/h: within 0.1 % of the float, or 0.001 points."""
    moisture = np.array(moisture_steps(150))
    for v in range(0, 101, 5):
        code = FfScale.EXACT.code(moisture / ONE)
        exact = behaviour.isi_1987(np.full(len(moisture), float(v)), code, FfScale.EXACT)
        got = np.array([fire.isi(int(m), v * ONE) for m in moisture]) / ONE
        assert (np.abs(got - exact) <= 1e-3 * np.maximum(exact, 1.0)).all()


def test_wind_above_100_km_h_spreads_no_faster() -> None:
    """The ISI takes wind of 270 km/h for 100."""
    assert fire.isi(5 * ONE, 270 * ONE) == fire.isi(5 * ONE, 100 * ONE)


def weather(n: int, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Fuel, temperature, humidity, wind [m/s], rain over their whole ranges, shape (5, n)."""
    rng = np.random.default_rng(seed)
    fuel = np.exp(rng.uniform(np.log(FUEL_MIN), np.log(250 * ONE), n))
    rain = np.where(rng.random(n) < 0.5, np.exp(rng.uniform(0, np.log(100 * ONE), n)), 0)
    rh = np.where(rng.random(n) < 0.1, rng.choice([0, 1, ONE, 100 * ONE], n),
                  rng.integers(0, 100 * ONE + 1, n))  # fmt: skip
    wind = np.where(rng.random(n) < 0.2, 0, rng.integers(0, 75 * ONE + 1, n))
    temp = rng.integers(-60 * ONE, 85 * ONE + 1, n)
    return np.array([fuel, temp, rh, wind, rain]).astype(np.int64)


def after_an_hour(given: np.ndarray[Any, np.dtype[np.int64]]) -> list[int]:
    """Moisture after an hour of each weather."""
    return [fire.hour(m, t, h, fire.wind_km_h(w), r) for m, t, h, w, r in given.T.tolist()]


def test_an_hour_is_within_a_tenth_of_a_point() -> None:
    """One hour from any fuel in any weather: FFMC within 0.1 of hourly FFMC in floating point."""
    given_ = weather(8000, 1)
    code = np.array([fire.ffmc(m) for m in after_an_hour(given_)]) / ONE
    m, t, h, w, r = given_ / ONE
    exact = hourly_ffmc(t[None], h[None], 3.6 * w[None], r[None], FfScale.EXACT.code(m))
    assert np.abs(code - exact.ffmc[0]).max() < 0.1


# ---- what rises with what


@given(temps, temps, humidities, humidities)
def test_vpd_rises_with_warmth_and_falls_with_humidity(t: int, u: int, h: int, j: int) -> None:
    """Without exception, down to the last bit."""
    (cold, warm), (dry, wet) = sorted((t, u)), sorted((h, j))
    assert 0 <= fire.vpd(cold, wet) <= fire.vpd(warm, wet) <= fire.vpd(warm, dry)
    assert fire.vpd(warm, 100 * ONE) == 0


@given(fuels, fuels)
def test_ffmc_falls_with_moisture(a: int, b: int) -> None:
    """Without exception; 0..101."""
    assert 0 <= fire.ffmc(max(a, b)) <= fire.ffmc(min(a, b)) <= 101 * ONE


@given(fuels, st.integers(0, 270 * ONE), st.integers(0, 270 * ONE))
def test_isi_rises_with_wind(fuel: int, v: int, w: int) -> None:
    """Without exception."""
    assert 0 <= fire.isi(fuel, min(v, w)) <= fire.isi(fuel, max(v, w))


@given(st.integers(0, 100 * ONE))
def test_isi_falls_with_moisture(v: int) -> None:
    """From each of 60 moistures to the next, 15 % up; it may wobble by rounding in between."""
    index = [fire.isi(m, v) for m in moisture_steps(60)]
    assert all(drier >= wetter for drier, wetter in pairwise(index))


@given(fuels, temps, humidities, st.integers(0, 270 * ONE), rains, rains)
def test_rain_wets(fuel: int, t: int, h: int, v: int, r: int, s: int) -> None:
    """
    More rain leaves fuel wetter, up to 0.066 % of moisture in a rain of 100 mm.

    The share that is not held back is rounded to 2^-16 and multiplied with 42.5 times 100 mm.
    """
    less, more = (fire.hour(fuel, t, h, v, x) for x in sorted((r, s)))
    assert more >= less - 4_300


@given(fuels, temps, humidities, st.integers(0, 270 * ONE), st.integers(0, 99))
def test_rain_as_gauges_count_it_wets(fuel: int, t: int, h: int, v: int, tips: int) -> None:
    """A tip of 0.2 mm more, up to 20 mm, never leaves fuel drier."""
    assert fire.hour(fuel, t, h, v, 13_107 * (tips + 1)) >= fire.hour(fuel, t, h, v, 13_107 * tips)


@given(fuels, fuels, temps, humidities, st.integers(0, 270 * ONE))
def test_wetter_fuel_stays_wetter(m: int, n: int, t: int, h: int, v: int) -> None:
    """Without rain the order of two fuels does not change within an hour."""
    assert fire.hour(min(m, n), t, h, v, 0) <= fire.hour(max(m, n), t, h, v, 0)


def test_equilibria_rise_with_humidity_where_the_float_does() -> None:
    """Percent by percent, where the float rises by 0.001 or more; wetting is never above drying."""
    rh = np.arange(101)
    for temp in range(-60, 86):
        air = fine_fuel.drift(np.full(101, float(temp)), rh.astype(float), np.zeros(101), 0.0579)
        got = np.array([fire.equilibria(temp * ONE, int(h) * ONE) for h in rh])
        for exact, mine in ((air.dry_to, got[:, 0]),
                            (np.minimum(air.dry_to, air.wet_to), got[:, 1])):  # fmt: skip
            assert np.abs(mine / ONE - exact).max() < 0.005
            assert (np.diff(mine)[np.diff(exact) > 0.001] > 0).all()
        assert (got[:, 1] <= got[:, 0]).all()


# ---- bounds and sizes


@given(fuels, temps, humidities, winds, rains)
def test_fuel_stays_between_its_ends(m: int, t: int, h: int, w: int, r: int) -> None:
    """Any hour leaves 0.0625..250 %."""
    assert FUEL_MIN <= fire.hour(m, t, h, fire.wind_km_h(w), r) <= 250 * ONE


def test_inputs_are_bounded() -> None:
    """What no sensor means is bounded: -60..85 degC, 0..100 %, 0..75 m/s."""
    far = 2**31 - 1
    assert (fire.bounded_temp(-far), fire.bounded_temp(far)) == (-60 * ONE, 85 * ONE)
    assert (fire.bounded_rh(-far), fire.bounded_rh(far)) == (0, 100 * ONE)
    assert (fire.bounded_wind(-far), fire.bounded_wind(far)) == (0, 75 * ONE)


@given(st.integers(1, 255), st.integers(0, 766))
def test_codes_of_a_checkpoint_come_back(code: int, fuel: int) -> None:
    """Unpacked numbers pack to the code that they came from; code 766 of fuel is 250 %."""
    assert fire.pack(fire.unpack(code)) == code
    assert fire.fuel_code(fire.fuel_of(fuel)) == fuel


@given(fuels, st.integers(300, 2**24 - 1))
def test_codes_of_a_checkpoint_are_close(fuel: int, x: int) -> None:
    """Fuel within 0.6 % of itself, other numbers within 2.3 % from 0.0046 to 246."""
    assert fire.fuel_of(fire.fuel_code(fuel)) == pytest.approx(fuel, rel=0.006)
    limited = min(x, int(exp(log2(246) * 0.693147) * ONE))
    assert fire.unpack(fire.pack(limited)) == pytest.approx(limited, rel=0.023, abs=1)


class Traced(int):
    """An integer that remembers the largest result of any operation, its own or another's."""

    largest = 0

    @classmethod
    def seen(cls, value: Any) -> Any:
        """Note a result; it is traced as well."""
        if not isinstance(value, int):
            return NotImplemented
        cls.largest = max(cls.largest, abs(value))
        return cls(value)


def _traced(name: str) -> Callable[..., Any]:
    """The operation of int, traced."""
    plain = getattr(int, name)
    return lambda a, *b: Traced.seen(plain(a, *b))


for _name in (
    "add", "radd", "sub", "rsub", "mul", "rmul", "floordiv", "rfloordiv", "rshift", "rrshift",
    "lshift", "rlshift", "neg", "abs", "and",
):  # fmt: skip
    setattr(Traced, f"__{_name}__", _traced(f"__{_name}__"))


def corners() -> Iterable[tuple[int, int, int, int, int]]:
    """Fuel, temperature, humidity, wind, rain at their ends and where formulas turn."""
    return product(
        (FUEL_MIN, 16 * ONE, 150 * ONE, 150 * ONE + 1, 250 * ONE),
        (-60 * ONE, 0, 1_382_810, 85 * ONE),
        (0, 1, 50 * ONE, 100 * ONE - 1, 100 * ONE),
        (0, 1, 75 * ONE),
        (0, 1, ONE // 5, 10 * ONE, 100 * ONE),
    )


def test_no_intermediate_needs_more_than_49_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the ends of all ranges and at random nothing in a formula exceeds 2^49 (int64: 2^63)."""
    monkeypatch.setattr("qres.reference.fire.isqrt", lambda x: Traced.seen(isqrt(x)))
    Traced.largest = 0
    for m, t, h, w, r in [*corners(), *weather(500, 2).T.tolist()]:
        fuel, temp, rh, rain = Traced(m), Traced(t), Traced(h), Traced(r)
        v = fire.wind_km_h(Traced(w))
        fire.hour(fuel, temp, rh, v, rain)
        fire.isi(fuel, v)
        fire.ffmc(fuel)
        pressure = fire.vpd(temp, rh)
        fire.lg2(Traced(pressure + 6554))
        fire.lg2(Traced(w + ONE))
    assert 2**48 < Traced.largest < 2**49
