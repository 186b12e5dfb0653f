# SPDX-License-Identifier: Apache-2.0
"""LoRa time on air, by the integer arithmetic of the C core."""

from __future__ import annotations

from qres._core import ffi, lib

__all__ = ["bandwidths_hz", "ldro", "time_on_air_us"]


def bandwidths_hz() -> tuple[int, ...]:
    """The bandwidths a SX126x radio has [Hz], narrowest first."""
    found: list[int] = []
    while bw_hz := int(lib.qres_lora_bw_hz(len(found))):
        found.append(bw_hz)
    return tuple(found)


def ldro(sf: int, bw_hz: int) -> bool:
    """
    Whether low data rate optimisation is on: the symbol lasts 16.38 ms or more.

    Args:
        sf: Spreading factor, 5..12.
        bw_hz: Bandwidth [Hz], one of `bandwidths_hz()`.

    Raises:
        ValueError: An argument is outside its range.

    >>> ldro(11, 125_000), ldro(11, 250_000)
    (True, False)
    """
    _check_range("sf", sf, lib.QRES_SF_MIN, lib.QRES_SF_MAX)
    _check_bandwidth(bw_hz)
    return bool(lib.qres_lora_ldro(bw_hz, sf))


def time_on_air_us(
    sf: int,
    bw_hz: int,
    payload_bytes: int,
    preamble_symbols: int = 8,
    cr: int = 1,
    crc: bool = True,
    implicit_header: bool = False,
) -> int:
    """
    Time on air of one LoRa frame, rounded up [us].

    Args:
        sf: Spreading factor, 5..12.
        bw_hz: Bandwidth [Hz], one of `bandwidths_hz()`.
        payload_bytes: PHY payload [bytes], 0..255.
        preamble_symbols: 1..65535; the radio adds 4.25 symbols (6.25 at SF5 and
            SF6).
        cr: 1..4 for coding rate 4/5..4/8.
        crc: Whether the payload CRC is on.
        implicit_header: Whether the PHY header is left out.

    Raises:
        ValueError: An argument is outside its range, or the frame would last
            more than 71 minutes.

    Source:
        SX126x data sheet, 6.1.4; Semtech AN1200.13.

    >>> time_on_air_us(sf=7, bw_hz=125_000, payload_bytes=13)
    46336
    """
    _check_range("sf", sf, lib.QRES_SF_MIN, lib.QRES_SF_MAX)
    _check_bandwidth(bw_hz)
    _check_range("payload_bytes", payload_bytes, 0, lib.QRES_PHY_PAYLOAD_MAX)
    _check_range("preamble_symbols", preamble_symbols, 1, 0xFFFF)
    _check_range("cr", cr, 1, lib.QRES_CR_MAX)
    modulation = ffi.new(
        "qres_lora *",
        {
            "sf": sf,
            "bw_hz": bw_hz,
            "cr": cr,
            "preamble_symbols": preamble_symbols,
            "crc": int(crc),
            "implicit_header": int(implicit_header),
        },
    )
    airtime_us = int(lib.qres_airtime_us(modulation, payload_bytes))
    if airtime_us == 0:
        raise ValueError(
            f"preamble_symbols: {preamble_symbols} at SF{sf}/{bw_hz} Hz make a frame "
            f"of more than 4294.967295 s, the longest that can be told"
        )
    return airtime_us


def _check_range(name: str, value: int, low: int, high: int) -> None:
    """Raise ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{name}: {value} is outside {low}..{high}")


def _check_bandwidth(bw_hz: int) -> None:
    """Raise ValueError unless the radio has this bandwidth."""
    if bw_hz not in bandwidths_hz():
        raise ValueError(
            f"bw_hz: {bw_hz} is no bandwidth of the radio; it has "
            f"{', '.join(map(str, bandwidths_hz()))}"
        )
