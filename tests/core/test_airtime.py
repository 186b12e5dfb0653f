# SPDX-License-Identifier: Apache-2.0
"""LoRa time on air against calculators and against the formula in exact fractions."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres._core import ffi, lib
from qres.airtime import bandwidths_hz, ldro, time_on_air_us

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "airtime.json").read_text())
AIRTIME = VECTORS["airtime"]
PARAMETERS = (
    *("sf", "bw_hz", "cr", "preamble_symbols"),
    *("crc", "implicit_header", "payload_bytes"),
)


def by_the_data_sheet(
    sf: int, bw_hz: int, payload_bytes: int, preamble: int, cr: int, crc: bool, implicit: bool
) -> Fraction:
    """
    Time on air [us] in exact fractions, as SX126x data sheet 6.1.4 writes it.

    One formula for SF5 and SF6, another for the others, and a third where low
    data rate optimisation is on, which is wherever a symbol lasts 16.38 ms.
    """
    symbol_us = Fraction(2**sf * 1_000_000, bw_hz)
    header = 0 if implicit else 20
    crc_bits = 16 if crc else 0
    if sf in (5, 6):
        sync = Fraction(25, 4)
        blocks = Fraction(max(8 * payload_bytes + crc_bits - 4 * sf + header, 0), 4 * sf)
    elif symbol_us >= 16_380:
        sync = Fraction(17, 4)
        bits = max(8 * payload_bytes + crc_bits - 4 * sf + 8 + header, 0)
        blocks = Fraction(bits, 4 * (sf - 2))
    else:
        sync = Fraction(17, 4)
        blocks = Fraction(max(8 * payload_bytes + crc_bits - 4 * sf + 8 + header, 0), 4 * sf)
    return (preamble + sync + 8 + math.ceil(blocks) * (cr + 4)) * symbol_us


@pytest.mark.parametrize("case", AIRTIME, ids=[case["id"] for case in AIRTIME])
def test_airtime_vector(case: dict[str, Any]) -> None:
    """The core agrees with the published calculators."""
    airtime_us = time_on_air_us(**{name: case[name] for name in PARAMETERS})
    assert abs(airtime_us - case["airtime_us"]) <= case.get("tolerance_us", 0)


def test_table_at_125_khz() -> None:
    """The planning table of 36 frames at 125 kHz holds to its one decimal."""
    table = VECTORS["table_125khz_ms"]
    for payload, row in table["rows"].items():
        for sf, expected_ms in zip(table["sf"], row, strict=True):
            airtime_ms = time_on_air_us(sf, 125_000, int(payload)) / 1000
            assert airtime_ms == pytest.approx(expected_ms, abs=0.05 + 1e-9), (sf, payload)


@pytest.mark.parametrize("bw_hz", bandwidths_hz())
def test_whole_grid_agrees_with_the_formula(bw_hz: int) -> None:
    """Every SF, coding rate and header form, at payloads round each step: the exact value, up."""
    grid = itertools.product(range(5, 13), range(1, 5), (False, True), (False, True))
    for sf, cr, crc, implicit in grid:
        for payload in (*range(14), 16, 20, 51, 52, 254, 255):
            exact = by_the_data_sheet(sf, bw_hz, payload, 8, cr, crc, implicit)
            found = time_on_air_us(sf, bw_hz, payload, 8, cr, crc, implicit)
            assert found == math.ceil(exact), (sf, cr, crc, implicit, payload)


@given(
    sf=st.integers(5, 12),
    bw_hz=st.sampled_from(bandwidths_hz()),
    payload=st.integers(0, 255),
    preamble=st.integers(1, 6000),
    cr=st.integers(1, 4),
    crc=st.booleans(),
    implicit=st.booleans(),
)
def test_any_frame_agrees_with_the_formula(
    sf: int, bw_hz: int, payload: int, preamble: int, cr: int, crc: bool, implicit: bool
) -> None:
    """Any modulation and preamble: the exact value, rounded up to a microsecond."""
    exact = by_the_data_sheet(sf, bw_hz, payload, preamble, cr, crc, implicit)
    assert time_on_air_us(sf, bw_hz, payload, preamble, cr, crc, implicit) == math.ceil(exact)


def test_low_data_rate_optimisation_where_the_vendor_has_it() -> None:
    """On at SF11 and SF12 of 125 kHz and SF12 of 250 kHz, as AN1200.13 and the data sheet say."""
    on = {
        (bw_hz, sf)
        for bw_hz in (125_000, 250_000, 500_000)
        for sf in range(5, 13)
        if ldro(sf, bw_hz)
    }
    assert on == {(125_000, 11), (125_000, 12), (250_000, 12)}


def test_bandwidths_are_those_of_the_radio() -> None:
    """The ten LoRa bandwidths of SX126x data sheet table 13-47, in hertz."""
    assert bandwidths_hz() == (
        *(7_810, 10_420, 15_630, 20_830, 31_250),
        *(41_670, 62_500, 125_000, 250_000, 500_000),
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sf": 4}, "sf: 4 is outside 5..12"),
        ({"sf": 13}, "sf: 13 is outside 5..12"),
        ({"bw_hz": 125}, "bw_hz: 125 is no bandwidth of the radio"),
        ({"payload_bytes": 256}, "payload_bytes: 256 is outside 0..255"),
        ({"payload_bytes": -1}, "payload_bytes: -1 is outside 0..255"),
        ({"preamble_symbols": 0}, "preamble_symbols: 0 is outside 1..65535"),
        ({"cr": 0}, "cr: 0 is outside 1..4"),
        ({"cr": 5}, "cr: 5 is outside 1..4"),
        ({"sf": 12, "bw_hz": 7810, "preamble_symbols": 65535}, "preamble_symbols: 65535 at SF12"),
    ],
)
def test_what_is_out_of_range_is_named(changed: dict[str, int], message: str) -> None:
    """A bad argument is refused with its name, its value and its limit."""
    arguments: dict[str, Any] = {"sf": 9, "bw_hz": 125_000, "payload_bytes": 6} | changed
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        time_on_air_us(**arguments)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("sf", 0), ("sf", 4), ("sf", 13), ("bw_hz", 0), ("bw_hz", 124_999), ("cr", 0)],
        *[("cr", 5), ("preamble_symbols", 0), ("crc", 2), ("implicit_header", 2)],
    ],
)
def test_the_core_answers_zero_to_nonsense(field: str, value: int) -> None:
    """The C function has no exception: an impossible modulation lasts 0, which nothing lasts."""
    modulation = ffi.new("qres_lora *")
    modulation.sf, modulation.bw_hz, modulation.cr, modulation.preamble_symbols = 9, 125_000, 1, 8
    assert lib.qres_airtime_us(modulation, 255) > 0
    assert lib.qres_airtime_us(modulation, 256) == 0
    setattr(modulation, field, value)
    assert lib.qres_airtime_us(modulation, 6) == 0
    assert lib.qres_airtime_us(ffi.NULL, 6) == 0


def test_a_report_costs_one_step_up_to_eight_bytes() -> None:
    """At SF9 and SF10 of 125 kHz a frame of 5 to 8 bytes costs the same, as the protocol uses."""
    assert {time_on_air_us(9, 125_000, n) for n in range(5, 9)} == {123_904}
    assert {time_on_air_us(10, 125_000, n) for n in range(5, 9)} == {247_808}
