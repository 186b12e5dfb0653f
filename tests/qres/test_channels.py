# SPDX-License-Identifier: Apache-2.0
"""The channel table, Q16.16, and tolerances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.channels import CHANNELS, Q16_MISSING, TOLERANCE_CLASSES, V1, channel, from_q16, to_q16
from qres.errors import RangeError
from qres.reference import fire_channels
from qres.tolerance import Tolerance

# source: SPEC 2.1, temperature [degC], humidity [%], wind [m/s], rain [mm]
CLASSES = {
    "strict": (0.6, 3.0, 0.5, 0.5),
    "standard": (1.0, 5.0, 1.0, 1.0),
    "coarse": (2.0, 10.0, 2.0, 2.0),
}


def test_numbers_on_air_are_places_in_the_table() -> None:
    """A channel's index is its place; names are unique; version 1 has the first four."""
    assert [c.index for c in CHANNELS] == list(range(len(CHANNELS)))
    assert len({c.name for c in CHANNELS}) == len(CHANNELS) <= 6
    assert [c.name for c in V1] == ["temp_degc", "rh_pct", "wind_m_s", "rain_mm"]


def test_database_fields_carry_their_unit() -> None:
    """The field name in the database is the channel's own name, which ends in its unit."""
    units = ("_degc", "_pct", "_m_s", "_mm", "_deg", "_mv")
    assert all(c.influx_field == c.name and c.name.endswith(units) for c in CHANNELS)


@pytest.mark.parametrize("name", TOLERANCE_CLASSES)
def test_tolerance_classes(name: str) -> None:
    """The classes have the promised tolerances."""
    assert Tolerance.of(name).values == CLASSES[name]
    assert Tolerance.of(name).overrides == {}


@pytest.mark.parametrize("name", TOLERANCE_CLASSES)
def test_table_is_that_of_the_specification(name: str) -> None:
    """Tolerance, step, range, rho, flags and weights equal the reference's, which reads SPEC."""
    tolerance = Tolerance.of(name)
    for c, ref in zip(V1, fire_channels(name), strict=True):
        ours = (
            int(tolerance.values_q16()[c.index]),
            int(tolerance.steps_q16()[c.index]),
            int(to_q16(c.lower)),
            int(to_q16(c.upper)),
            math.floor(c.rho * 2**16 + 0.5),
            c.is_linear | c.is_primary << 1 | c.role << 2,
            tuple(math.floor(w * 2**24 + 0.5) for w in c.w0),
        )
        assert ours == (ref.tol, ref.step, ref.lo, ref.hi, ref.rho, ref.flags, ref.w0)


def test_a_value_on_air_fits_16_bits() -> None:
    """Whatever the tolerance, from the least allowed on, every value is a 16-bit step count."""
    for c in V1:
        step = c.step_q16(int(to_q16(c.tolerance_least)))
        assert 1 <= step <= int(to_q16(c.tolerance_least)) // 2
        assert max(-int(to_q16(c.lower)), int(to_q16(c.upper))) // step <= 32768


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (0.0, 0),
        (1.0, 65536),
        (-1.0, -65536),
        (0.2, 13107),  # source: SPEC 2.1, the step of rain
        (0.6, 39322),  # source: SPEC 2.1, 39321.6 rounded
        (0.5 / 65536, 1),  # half up
        (-0.5 / 65536, 0),  # half up also below zero
        (-1.5 / 65536, -1),
        (float("nan"), Q16_MISSING),
    ],
)
def test_q16_rounds_half_up(value: float, raw: int) -> None:
    """Physical values become Q16.16 by rounding half up; NaN becomes the missing value."""
    assert to_q16(value).item() == raw


@given(st.integers(-(2**31) + 1, 2**31 - 1))
def test_q16_round_trip(raw: int) -> None:
    """Every Q16.16 number survives the way to float and back."""
    assert to_q16(from_q16(raw)).item() == raw


@given(st.floats(-32767, 32767))
def test_q16_error_is_half_a_step(value: float) -> None:
    """Conversion is wrong by at most half of 1/65536."""
    assert abs(from_q16(to_q16(value)).item() - value) <= 0.5 / 65536


@pytest.mark.parametrize("value", [32768.0, -32768.0, math.inf, -math.inf, 1e300])
def test_q16_refuses_what_does_not_fit(value: float) -> None:
    """A value outside Q16.16 is refused by name, not wrapped."""
    with pytest.raises(RangeError, match=r"value = .*: must be above -32768"):
        to_q16([1.0, value])


def test_missing_comes_back_as_nan() -> None:
    """Arrays keep their shape, and missing values stay missing."""
    values = np.array([[1.5, np.nan], [-2.0, 0.0]])
    assert np.array_equal(from_q16(to_q16(values)), values, equal_nan=True)


def test_rain_wraps() -> None:
    """The rain counter goes round at 6500 mm, and differences take the short way."""
    rain = channel("rain_mm")
    assert from_q16(to_q16([6500.0, 6501.5, 13000.25], rain)).tolist() == [0.0, 1.5, 0.25]
    assert rain.difference(0.5, 6499.5).item() == 1.0
    assert rain.difference(6499.5, 0.5).item() == -1.0
    assert not rain.out_of_range(7000.0)
    assert rain.out_of_range(-0.2)


def test_other_channels_do_not_wrap() -> None:
    """A difference of temperatures is a plain difference; NaN is never out of range."""
    temp = channel("temp_degc")
    assert temp.difference(-40.0, 80.0).item() == -120.0
    assert temp.out_of_range([-60.0, 85.0, 85.1, np.nan]).tolist() == [False, False, True, False]


def test_text_for_people() -> None:
    """Values are printed with their unit; a missing one is a dash."""
    assert channel("temp_degc").text(21.04) == "21.0 °C"
    assert channel("rh_pct").text(54.6) == "55 %"
    assert channel("wind_m_s").text(float("nan")) == "–"


def test_unknown_channel_lists_the_known() -> None:
    """Asking for a channel that there is not names those that there are."""
    with pytest.raises(RangeError, match="channel = humidity: must be one of temp_degc, rh_pct"):
        channel("humidity")


def test_override() -> None:
    """One channel may have its own tolerance; its step follows, the others keep theirs."""
    tolerance = Tolerance.of("coarse", {"rh_pct": 4.0})
    assert tolerance.values == (2.0, 4.0, 2.0, 2.0)
    assert tolerance["rh_pct"] == 4.0
    assert tolerance.steps[:3] == (0.5, 1.0, 0.5)
    assert tolerance.overrides == {"rh_pct": 4.0}


@pytest.mark.parametrize(
    ("name", "overrides", "text"),
    [
        ("tight", {}, "tolerance class = tight: must be one of strict, standard, coarse"),
        ("strict", {"rh_pct": 0.0}, "tolerance rh_pct = 0.0: must be finite and at least"),
        ("strict", {"rh_pct": math.nan}, "tolerance rh_pct = nan: must be finite and at least"),
        ("strict", {"rain_mm": 0.3}, "tolerance rain_mm = 0.3: must be finite and at least 0.4 mm"),
        ("strict", {"batt_mv": 50.0}, "tolerance of = batt_mv: this site does not send it"),
        ("strict", {"wind_dir_deg": 9.0}, "tolerance of = wind_dir_deg: this site does not send"),
    ],
)
def test_tolerances_that_cannot_be(name: str, overrides: dict[str, float], text: str) -> None:
    """Unknown classes and channels and impossible tolerances are refused with their limit."""
    with pytest.raises(RangeError) as error:
        Tolerance.of(name, overrides)
    assert str(error.value).startswith(text)


def test_exceeded() -> None:
    """Beyond the tolerance counts, on it does not; missing on one side only counts."""
    tolerance = Tolerance.of("standard")
    held = np.array([[20.0, 50.0, 3.0, 6499.8], [np.nan, 50.0, np.nan, 1.0]])
    measured = np.array([[21.0, 55.5, 3.0, 0.6], [20.0, 50.0, np.nan, 2.5]])
    expected = [[False, True, False, False], [True, False, False, True]]
    assert tolerance.exceeded(held, measured).tolist() == expected
