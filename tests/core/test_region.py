# SPDX-License-Identifier: Apache-2.0
"""The table of regions: sub-bands, gaps, power and bandwidth, and the sentences about them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres._core import ffi, lib
from qres.region import check_channel, region, regions

# EN 300 220-2 V3.2.1 annex B and ERC/REC 70-03 annexes 1 and 7:
# name, edges [kHz], ERP [dBm], duty cycle.
EU868 = [
    ("K", 863_000, 865_000, 14, 0.001),
    ("L", 865_000, 868_000, 14, 0.01),
    ("M", 868_000, 868_600, 14, 0.01),
    ("alarms", 868_600, 868_700, 0, 0),
    ("N", 868_700, 869_200, 14, 0.001),
    ("alarms", 869_200, 869_400, 0, 0),
    ("P", 869_400, 869_650, 27, 0.1),
    ("alarms", 869_650, 869_700, 0, 0),
    ("R", 869_700, 870_000, 14, 0.01),
]


def test_eu868_is_the_table_of_the_standard() -> None:
    """Edges, power and duty cycle of the sub-bands K to R, without hole or overlap."""
    found = [
        (b.name, b.lo_hz // 1000, b.hi_hz // 1000, b.power_max_dbm, b.duty_cycle)
        for b in region("EU868").sub_bands
    ]
    assert found == EU868
    edges = [(b.lo_hz, b.hi_hz) for b in region("EU868").sub_bands]
    assert all(this[1] == following[0] for this, following in itertools.pairwise(edges))


@pytest.mark.parametrize(
    ("sub_band", "seconds"), [("K", 3.6), ("L", 36), ("M", 36), ("N", 3.6), ("P", 360), ("R", 36)]
)
def test_airtime_per_hour(sub_band: str, seconds: float) -> None:
    """0.1 % of an hour is 3.6 s, 1 % is 36 s, 10 % is 360 s."""
    (band,) = (b for b in region("EU868").sub_bands if b.name == sub_band)
    assert band.airtime_per_hour_us == seconds * 1_000_000


@pytest.mark.parametrize(
    ("name", "mhz", "khz", "dbm", "sub_band"),
    [
        # LoRaWAN RP002 default channels and their EU868 neighbours
        *[("EU868", mhz, 125, 14, "M") for mhz in (868.1, 868.3, 868.5)],
        *[("EU868", mhz, 125, 14, "L") for mhz in (867.1, 867.3, 867.5, 867.7, 867.9)],
        ("EU868", 869.525, 125, 27, "P"),
        # the mesh networks' default: 250 kHz fill sub-band P from edge to edge
        ("EU868", 869.525, 250, 27, "P"),
        ("EU868", 869.85, 250, 14, "R"),
        ("EU868", 868.95, 500, 14, "N"),
        # LoRaWAN RP002: 500 kHz channels of US915 and AU915
        *[("US915", mhz, 500, 30, "DTS") for mhz in (903.0, 914.2, 923.3, 927.5)],
        *[("AU915", mhz, 500, 27, "LIPD") for mhz in (915.9, 927.1)],
    ],
)
def test_channels_in_use_are_legal(
    name: str, mhz: float, khz: int, dbm: int, sub_band: str
) -> None:
    """Channels that the world uses at these powers are found in their sub-band."""
    where = region(name)
    carrier = ffi.new("qres_carrier *", (round(mhz * 1e6), khz * 1000, dbm, 215))
    assert where.sub_bands[lib.qres_region_find(where.index, carrier)].name == sub_band
    assert check_channel(name, round(mhz * 1e6), khz * 1000, 7, dbm, 51) == []


@pytest.mark.parametrize(
    ("name", "mhz", "khz", "dbm", "words"),
    [
        ("EU868", 868.65, 125, 14, "freq_hz: 868650000 is in the forbidden gap alarms 868.6-868.7"),
        ("EU868", 869.3, 125, 14, "forbidden gap alarms 869.2-869.4 MHz"),
        ("EU868", 869.675, 125, 14, "forbidden gap alarms 869.65-869.7 MHz"),
        ("EU868", 862.9, 125, 14, "freq_hz: 862900000 is outside EU868"),
        ("EU868", 870.1, 125, 14, "is outside EU868"),
        ("EU868", 868.0, 125, 14, "bw_hz: 125000 around freq_hz 868000000 reaches over the edge"),
        ("EU868", 869.5, 250, 14, "edge of sub-band P 869.4-869.65 MHz"),
        ("EU868", 869.525, 500, 14, "edge of sub-band P 869.4-869.65 MHz"),
        ("EU868", 868.1, 125, 15, "tx_power_dbm: 15 is above 14"),
        ("EU868", 869.525, 125, 28, "tx_power_dbm: 28 is above 27"),
        ("US915", 915.0, 125, 14, "bw_hz: 125000 is below 500000"),
        ("US915", 915.0, 250, 22, "bw_hz: 250000 is below 500000"),
        ("US915", 902.2, 500, 22, "edge of sub-band DTS 902-928 MHz"),
        ("US915", 915.0, 500, 31, "tx_power_dbm: 31 is above 30"),
        ("AU915", 920.0, 500, 28, "tx_power_dbm: 28 is above 27.85"),
        ("AU915", 920.0, 125, 20, "bw_hz: 125000 is below 500000"),
    ],
)
def test_illegal_channels_are_named(name: str, mhz: float, khz: int, dbm: int, words: str) -> None:
    """A channel against the rules is refused, with argument, value and limit."""
    problems = check_channel(name, round(mhz * 1e6), khz * 1000, 7, dbm, 6)
    assert len(problems) == 1
    assert words in problems[0]


def test_several_problems_are_all_told() -> None:
    """Power, bandwidth, edge and frame length are judged independently."""
    problems = check_channel("US915", 902_050_000, 125_000, 12, 31, 51)
    starts = [sentence.split(":")[0] for sentence in problems]
    assert starts == ["bw_hz", "bw_hz", "tx_power_dbm", "payload_bytes"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        # 20.25 + 5 ceil((8*51+16-48+28)/48) = 65.25 symbols of 8.192 ms
        (
            ("US915", 915_000_000, 500_000, 12, 20, 51),
            "last 534528 us at SF12/500000 Hz, the limit",
        ),
        (("US915", 915_000_000, 500_000, 12, 20, 51), "400000 us (dwell time of sub-band DTS"),
        (("EU868", 864_000_000, 62_500, 12, 14, 51), "3600000 us (the whole hour's airtime"),
        (("EU868", 869_525_000, 7_810, 12, 14, 200), "20000000 us (the governor's longest frame)"),
        (("EU868", 868_100_000, 125_000, 13, 14, 51), "sf: 13 is outside 5..12"),
        (("EU868", 868_100_000, 125_001, 7, 14, 51), "bw_hz: 125001 is no bandwidth of the radio"),
        (("EU868", 868_100_000, 125_000, 7, 14, 256), "payload_bytes: 256 is outside 0..255"),
        (("MARS", 868_100_000, 125_000, 7, 14, 51), "region: 'MARS' is not known; there are EU868"),
        (("KR920", 922_100_000, 125_000, 7, 14, 51), "region: KR920 is not supported: "),
    ],
)
def test_frame_and_region_problems(
    arguments: tuple[str, int, int, int, int, int], words: str
) -> None:
    """What is wrong with the frame, the modulation or the region is told likewise."""
    problems = check_channel(*arguments)
    assert len(problems) == 1
    assert words in problems[0]


def test_a_better_antenna_costs_power() -> None:
    """Radiated limits count the antenna; 15.247(b)(4) takes off what exceeds 6 dBi."""
    eu, us = ("EU868", 869_525_000, 125_000, 9), ("US915", 915_000_000, 500_000, 9)
    assert check_channel(*eu, 27, 6) == []
    (sentence,) = check_channel(*eu, 27, 6, antenna_dbi=5.15)
    assert "tx_power_dbm: 27 is above 24, which a 5.15 dBi antenna leaves of the 27 dBm ERP" in (
        sentence
    )
    assert check_channel(*eu, 24, 6, antenna_dbi=5.15) == []
    assert check_channel(*us, 30, 6, antenna_dbi=6) == []
    assert "is above 28" in check_channel(*us, 30, 6, antenna_dbi=8)[0]


@pytest.mark.parametrize("name", ["AS923", "IN865", "KR920"])
def test_unsupported_regions_say_why_and_allow_nothing(name: str) -> None:
    """A region whose law could not be traced has no sub-band and a reason."""
    where = region(name)
    assert where.sub_bands == ()
    assert len(where.unsupported) > 40
    carrier = ffi.new("qres_carrier *", (922_100_000, 125_000, 0, 0))
    assert lib.qres_region_find(where.index, carrier) == -lib.QRES_CARRIER_REGION


def test_regions_are_numbered_for_ever() -> None:
    """Stored state and site files rely on the order of regions."""
    names = [where.name for where in regions()]
    assert names == ["EU868", "US915", "AU915", "AS923", "IN865", "KR920"]
    assert [where.index for where in regions()] == list(range(lib.QRES_REGION_COUNT))


@pytest.mark.parametrize("index", [-1, 6, 1000])
def test_a_number_that_is_no_region(index: int) -> None:
    """The core answers a wrong region number with nothing, and does not crash."""
    carrier = ffi.new("qres_carrier *", (868_100_000, 125_000, 14, 215))
    assert lib.qres_region_name(index) == ffi.NULL
    assert lib.qres_region_unsupported(index) != ffi.NULL
    assert lib.qres_region_band(index, 0) == ffi.NULL
    assert lib.qres_region_band_at(index, 868_100_000) == -1
    assert lib.qres_region_find(index, carrier) == -lib.QRES_CARRIER_REGION


@given(
    name=st.sampled_from(["EU868", "US915", "AU915"]),
    freq_hz=st.one_of(
        st.integers(862_000_000, 871_000_000),
        st.integers(901_000_000, 929_000_000),
        st.integers(0, 2**32 - 1),
    ),
    bw_hz=st.sampled_from([7_810, 41_670, 62_500, 125_000, 250_000, 500_000]),
    dbm=st.integers(-9, 33),
    antenna_cdbi=st.integers(-300, 1200),
)
def test_found_means_inside_every_limit(
    name: str, freq_hz: int, bw_hz: int, dbm: int, antenna_cdbi: int
) -> None:
    """A channel is accepted exactly if some sub-band holds it whole and allows its power."""
    where = region(name)
    carrier = ffi.new("qres_carrier *", (freq_hz, bw_hz, dbm, antenna_cdbi))
    found = lib.qres_region_find(where.index, carrier)

    def allows(index: int) -> bool:
        band = where.sub_bands[index]
        reference = {"ERP": antenna_cdbi - 215, "EIRP": antenna_cdbi}.get(
            band.power_ref, max(0, antenna_cdbi - 600)
        )
        return (
            band.duty_cycle > 0
            and 2 * band.lo_hz <= 2 * freq_hz - bw_hz
            and 2 * freq_hz + bw_hz <= 2 * band.hi_hz
            and bw_hz >= band.bw_min_hz
            and 100 * dbm + reference <= round(100 * band.power_max_dbm)
        )

    holders = [index for index in range(len(where.sub_bands)) if allows(index)]
    assert holders == ([found] if found >= 0 else [])
