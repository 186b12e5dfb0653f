# SPDX-License-Identifier: Apache-2.0
"""What the radio law of a region allows; the table is that of the C core."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from qres._core import ffi, lib
from qres.airtime import time_on_air_us

__all__ = ["DIPOLE_DBI", "Region", "SubBand", "check_channel", "region", "regions"]

DIPOLE_DBI: float = lib.QRES_DIPOLE_CDBI / 100
"""Gain of a half-wave dipole [dBi], as the boards come with."""

_POWER_REF = {
    lib.QRES_POWER_CONDUCTED: "conducted",
    lib.QRES_POWER_ERP: "ERP",
    lib.QRES_POWER_EIRP: "EIRP",
}


@dataclass(frozen=True, slots=True)
class SubBand:
    """
    One sub-band for a single-channel LoRa transmitter without listen-before-talk.

    Attributes:
        name: As the standard calls it, "P".
        lo_hz: Lower edge [Hz].
        hi_hz: Upper edge [Hz].
        bw_min_hz: Least bandwidth [Hz]; 0 where there is no rule.
        dwell_us: Longest frame [us]; 0 where there is no rule.
        duty_cycle: Share of any hour, 0..1, one transmitter's; 1 where there is
            no rule, 0 where sending is forbidden.
        airtime_per_hour_us: The same as airtime [us]; None where there is no rule.
        frame_max_us: Longest frame that the governor grants [us]; 0 if forbidden.
        power_max_dbm: Power limit [dBm].
        power_ref: What it is measured against: "conducted", "ERP" or "EIRP".
    """

    name: str
    lo_hz: int
    hi_hz: int
    bw_min_hz: int
    dwell_us: int
    duty_cycle: float
    airtime_per_hour_us: int | None
    frame_max_us: int
    power_max_dbm: float
    power_ref: str


@dataclass(frozen=True, slots=True)
class Region:
    """
    A region of the radio world.

    Attributes:
        name: "EU868".
        index: Its number in the core (`qres_region`).
        unsupported: Why nothing is allowed there; "" if the region is supported.
        sub_bands: In order of frequency, the forbidden ones among them.
    """

    name: str
    index: int
    unsupported: str
    sub_bands: tuple[SubBand, ...]


@functools.cache
def regions() -> tuple[Region, ...]:
    """Every region that the core knows, the unsupported ones too."""
    return tuple(_read_region(index) for index in range(lib.QRES_REGION_COUNT))


def region(name: str) -> Region:
    """
    The region of that name.

    Raises:
        ValueError: There is none; the message names those there are.
    """
    for candidate in regions():
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in regions())
    raise ValueError(f"region: {name!r} is not known; there are {known}")


def check_channel(
    region_name: str,
    freq_hz: int,
    bw_hz: int,
    sf: int,
    tx_power_dbm: int,
    payload_bytes: int,
    antenna_dbi: float = DIPOLE_DBI,
) -> list[str]:
    """
    What is wrong with a site's radio channel, in words.

    Args:
        region_name: "EU868", ...
        freq_hz: Centre frequency [Hz].
        bw_hz: Bandwidth [Hz].
        sf: Spreading factor.
        tx_power_dbm: Power at the antenna connector [dBm].
        payload_bytes: Longest PHY payload that is ever sent [bytes].
        antenna_dbi: Antenna gain less the loss of its cable [dBi].

    Returns:
        One sentence for each problem, with argument, value and limit; empty if
        the channel is legal.
    """
    try:
        where = region(region_name)
    except ValueError as error:
        return [str(error)]
    if where.unsupported:
        return [f"region: {where.name} is not supported: {where.unsupported}"]
    problems = _carrier_problems(where, freq_hz, bw_hz, tx_power_dbm, antenna_dbi)
    try:
        airtime_us = time_on_air_us(sf, bw_hz, payload_bytes)
    except ValueError as error:
        problems.append(str(error))
    else:
        index = int(lib.qres_region_band_at(where.index, freq_hz))
        if index >= 0 and 0 < where.sub_bands[index].frame_max_us < airtime_us:
            problems.append(
                f"payload_bytes: {payload_bytes} last {airtime_us} us at SF{sf}/{bw_hz} Hz, "
                f"the limit is {where.sub_bands[index].frame_max_us} us "
                f"({_frame_rule(where.sub_bands[index])})"
            )
    return problems


def _carrier_problems(
    where: Region, freq_hz: int, bw_hz: int, tx_power_dbm: int, antenna_dbi: float
) -> list[str]:
    """The findings of the core on frequency, bandwidth and power, in words."""
    carrier = ffi.new(
        "qres_carrier *",
        {
            "freq_hz": freq_hz,
            "bw_hz": bw_hz,
            "tx_power_dbm": tx_power_dbm,
            "antenna_cdbi": round(antenna_dbi * 100),
        },
    )
    found = int(lib.qres_region_find(where.index, carrier))
    bits = -found if found < 0 else 0
    legal = ", ".join(_span(band) for band in where.sub_bands if band.duty_cycle > 0)
    if bits & lib.QRES_CARRIER_OUTSIDE:
        return [f"freq_hz: {freq_hz} is outside {where.name}, which allows {legal}"]
    index = int(lib.qres_region_band_at(where.index, freq_hz))
    band = where.sub_bands[index]
    if bits & lib.QRES_CARRIER_FORBIDDEN:
        gap = f"the forbidden gap {_span(band)} of {where.name}"
        return [f"freq_hz: {freq_hz} is in {gap}, which allows {legal}"]
    problems = []
    if bits & lib.QRES_CARRIER_EDGE:
        problems.append(
            f"bw_hz: {bw_hz} around freq_hz {freq_hz} reaches over the edge of "
            f"sub-band {_span(band)}"
        )
    if bits & lib.QRES_CARRIER_BANDWIDTH:
        problems.append(
            f"bw_hz: {bw_hz} is below {band.bw_min_hz}, the least for a single channel "
            f"in sub-band {_span(band)}"
        )
    if bits & lib.QRES_CARRIER_POWER:
        limit_cdbm = lib.qres_band_power_max_cdbm(
            lib.qres_region_band(where.index, index), carrier.antenna_cdbi
        )
        problems.append(
            f"tx_power_dbm: {tx_power_dbm} is above {limit_cdbm / 100:g}, which a "
            f"{antenna_dbi:g} dBi antenna leaves of the {band.power_max_dbm:g} dBm "
            f"{band.power_ref} of sub-band {_span(band)}"
        )
    return problems


def _read_region(index: int) -> Region:
    """One region out of the core's table."""
    unsupported = lib.qres_region_unsupported(index)
    sub_bands: list[SubBand] = []
    while (band := lib.qres_region_band(index, len(sub_bands))) != ffi.NULL:
        sub_bands.append(_read_band(band))
    return Region(
        name=ffi.string(lib.qres_region_name(index)).decode(),
        index=index,
        unsupported="" if unsupported == ffi.NULL else ffi.string(unsupported).decode(),
        sub_bands=tuple(sub_bands),
    )


def _read_band(band: Any) -> SubBand:
    """One sub-band, with the limits that the governor derives from it."""
    governor = ffi.new("qres_governor *")
    allowed = lib.qres_governor_init(governor, band, 0, 0) == lib.QRES_OK
    limit_us = int(governor.limit_us) if allowed else 0
    return SubBand(
        name=ffi.string(band.name).decode(),
        lo_hz=int(band.lo_hz),
        hi_hz=int(band.hi_hz),
        bw_min_hz=int(band.bw_min_hz),
        dwell_us=int(band.dwell_us),
        duty_cycle=band.duty_1e4 / lib.QRES_DUTY_NONE,
        airtime_per_hour_us=None if limit_us == lib.QRES_AIRTIME_UNLIMITED else limit_us,
        frame_max_us=int(governor.frame_max_us) if allowed else 0,
        power_max_dbm=band.power_max_cdbm / 100,
        power_ref=_POWER_REF[band.power_ref],
    )


def _span(band: SubBand) -> str:
    """A sub-band by name and edges: "P 869.4-869.65 MHz"."""
    return f"{band.name} {band.lo_hz / 1e6:g}-{band.hi_hz / 1e6:g} MHz"


def _frame_rule(band: SubBand) -> str:
    """Which rule sets the longest frame of a sub-band."""
    if band.frame_max_us == band.dwell_us:
        return f"dwell time of sub-band {_span(band)}"
    if band.frame_max_us == band.airtime_per_hour_us:
        return f"the whole hour's airtime of sub-band {_span(band)}"
    return "the governor's longest frame"
