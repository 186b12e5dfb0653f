# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tomllib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.drivers.rig import DRIVERS, sensor_library

GAUGES = tomllib.loads((DRIVERS / "sensors" / "gauges.toml").read_text(encoding="utf-8"))
MISSED = -(2**31)


def feed(levels: list[tuple[int, int]], debounce_us: int) -> Any:
    """A pulse counter after (moment, level) pairs."""
    library = sensor_library()
    counter = library.ffi.new("pulse *")
    for at_us, closed in levels:
        library.lib.pulse_level(counter, closed, at_us, debounce_us)
    return counter


def bouncing(at_us: int, closed_us: int) -> list[tuple[int, int]]:
    """One closure of a reed contact that bounces for 600 us at both ends."""
    end = at_us + closed_us
    offsets = [0, 100, 150, 300, 600]
    return [(at_us + off, (i + 1) % 2) for i, off in enumerate(offsets)] + [
        (end + off, i % 2) for i, off in enumerate(offsets)
    ]


@pytest.mark.parametrize("hz", [0.1, 1, 10, 60])
def test_a_bouncing_contact_counts_once(hz: float) -> None:
    """A contact that bounces at both ends gives one pulse a turn, up to 60 turns a second."""
    period = round(1e6 / hz)
    levels = [
        level for turn in range(20) for level in bouncing(1_000_000 + turn * period, period // 4)
    ]
    counter = feed(levels, GAUGES["anemometer"]["davis-6410"]["debounce_us"])
    assert counter.count == 20
    assert counter.bounces > 0


def test_repeated_looks_at_one_level_count_once() -> None:
    """Polling, wake-ups and interrupts may all report the same closed contact."""
    assert feed([(10_000_000 + i, 1) for i in range(500)], 100_000).count == 1


def test_a_clock_that_steps_back_loses_no_tip() -> None:
    """After the clock was set back by a day, the next tip of the bucket counts."""
    day = 86_400_000_000
    counter = feed([(2 * day, 1), (2 * day + 10**6, 0), (day, 1)], 100_000)
    assert counter.count == 2


@given(
    st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 1)), max_size=60),
    st.integers(0, 10**6),
)
def test_pulses_and_bounces_account_for_every_closure(
    levels: list[tuple[int, int]], debounce_us: int
) -> None:
    """Any sequence: counted and refused closures together are the changes from open to closed."""
    states = [0] + [closed for _, closed in levels]
    closures = sum(1 for a, b in pairwise(states) if (a, b) == (0, 1))
    counter = feed(levels, debounce_us)
    assert counter.count + counter.bounces == closures


def volts_of(ohm: int, pull_up: int = 10_000, supply_mv: int = 3300) -> int:
    """Millivolts of a resistor against a pull-up."""
    return round(supply_mv * ohm / (ohm + pull_up))


def test_vane_directions() -> None:
    """Each of the sixteen resistors of the data sheet gives its direction, 22.5 degrees apart."""
    lib = sensor_library().lib
    ohms = GAUGES["vane"]["sparkfun-sen-15901"]["ohm"]
    found = [lib.analog_vane_switched(volts_of(ohm), 3300, 10_000) / 65536 for ohm in ohms]
    assert found == [22.5 * i for i in range(16)]


@pytest.mark.parametrize("percent", [-3, 3])
def test_vane_with_a_tolerance(percent: int) -> None:
    """A pull-up 3 % off moves no direction by more than one position."""
    lib = sensor_library().lib
    ohms = GAUGES["vane"]["sparkfun-sen-15901"]["ohm"]
    pull_up = 10_000 * (100 + percent) // 100
    for i, ohm in enumerate(ohms):
        found = lib.analog_vane_switched(volts_of(ohm, pull_up), 3300, 10_000) / 65536
        assert min((found - 22.5 * i) % 360, (22.5 * i - found) % 360) <= 22.5


@pytest.mark.parametrize("pin_mv", [0, 100, 3300, 3200, 2350])
def test_a_broken_vane_cable_is_missed(pin_mv: int) -> None:
    """Shorted, open, or a voltage between two positions: no direction, not the nearest one."""
    assert sensor_library().lib.analog_vane_switched(pin_mv, 3300, 10_000) == MISSED


def test_potentiometer_vane() -> None:
    """0..supply is 0..360 degrees; full scale is north again; above the supply is missed."""
    lib = sensor_library().lib
    found = [lib.analog_vane_potentiometer(mv, 3300) for mv in (0, 825, 1650, 3300, 3301)]
    assert found == [0, 90 << 16, 180 << 16, 0, MISSED]
    assert lib.analog_vane_potentiometer(0, 0) == MISSED


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=15))
def test_median(samples: list[int]) -> None:
    """The middle of up to fifteen samples, the upper one of two."""
    library = sensor_library()
    assert library.lib.analog_median(samples, len(samples)) == sorted(samples)[len(samples) // 2]


@pytest.mark.parametrize(
    ("pin_mv", "scale", "volts"), [(800, 49_000, 3.92), (2000, 20_000, 4.0), (0, 20_000, 0)]
)
def test_battery_divider(pin_mv: int, scale: int, volts: float) -> None:
    """390 k over 100 k (Heltec V3) and 1:1 dividers, by Ohm's law."""
    found = sensor_library().lib.analog_volts(pin_mv, scale) / 65536
    assert found == pytest.approx(volts, abs=2e-5)


def test_every_gauge_has_two_sources_and_a_positive_factor() -> None:
    """gauges.toml: two sources an entry; factors and debounce in range of provision.h."""
    for kind in GAUGES.values():
        for gauge in kind.values():
            assert len(gauge["sources"]) == 2
            factors = [value for key, value in gauge.items() if "_um_per_" in key]
            assert all(0 < value < 2**32 for value in factors)
            assert gauge.get("debounce_us", 1) > 0


def test_vane_table_is_the_one_of_the_data_file() -> None:
    """The resistors in analog.c are those of gauges.toml."""
    text = (DRIVERS / "sensors" / "analog.c").read_text(encoding="utf-8")
    table = text.split("vane_ohm[16] = {")[1].split("}")[0]
    assert [int(ohm) for ohm in table.split(",")] == GAUGES["vane"]["sparkfun-sen-15901"]["ohm"]
