# SPDX-License-Identifier: Apache-2.0
"""
A raw frame as a receiver publishes it over MQTT: bytes in, values out; no I/O and no clock.

`docs/mqtt.md`, "Raw frames", is the format. One message is one frame.
"""

from __future__ import annotations

import binascii
import re
from typing import Final, Literal

import msgspec

from qres_gateway.sources.base import PAYLOAD_MAX_BYTES
from qres_gateway.sources.gwmp import EARLIEST_UTC_US, Packet

__all__ = ["MESSAGE_MAX_BYTES", "REASONS", "parse", "receiver_of"]

MESSAGE_MAX_BYTES: Final = 4_096
REASONS: Final = (
    "topic", "retained", "size", "json", "base64", "length", "crc_bad", "crc_none",
    "modulation", "frequency", "queue_full",
)  # fmt: skip
"""Every reason for which a message is refused."""

_RECEIVER: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_FREQ_HZ: Final = range(137_000_000, 1_020_000_001)  # Source: SX1276 datasheet rev. 7, title
_BW_HZ: Final = frozenset(
    {7_800, 10_400, 15_600, 20_800, 31_250, 41_700, 62_500, 125_000, 250_000, 500_000}
)
"""Source: Semtech SX1276 datasheet rev. 7, register RegModemConfig1, field Bw."""
_TIME_LIMIT_US: Final = 1 << 60


class _Raw(msgspec.Struct):
    data: str
    freq_hz: int
    sf: int
    bw_hz: int
    crc: Literal["ok", "bad", "none"]
    rssi_dbm: float | None = None
    snr_db: float | None = None
    rx_us: int | None = None
    rx_time: Literal["gps", "utc"] = "utc"
    tmst_us: int | None = None


_decoder = msgspec.json.Decoder(_Raw)


def receiver_of(topic: str) -> str | None:
    """The receiver's name, which is the last level of its topic; None if it is not a fit name."""
    name = topic.rpartition("/")[2]
    return name if _RECEIVER.fullmatch(name) else None


def parse(message: bytes) -> Packet | str:
    """
    The packet that a message is, or why it is none (one of `REASONS`).

    A time before 2020 is that of a clock that was never set, and is left out.
    """
    if len(message) > MESSAGE_MAX_BYTES:
        return "size"
    try:
        raw = _decoder.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return "json"
    if raw.crc != "ok":
        return f"crc_{raw.crc}"
    if raw.freq_hz not in _FREQ_HZ:
        return "frequency"
    if raw.bw_hz not in _BW_HZ or not 5 <= raw.sf <= 12:
        return "modulation"
    try:
        payload = binascii.a2b_base64(raw.data.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        return "base64"
    if not 1 <= len(payload) <= PAYLOAD_MAX_BYTES:
        return "length"
    told = raw.rx_us
    rx_us = told if told is not None and EARLIEST_UTC_US <= told < _TIME_LIMIT_US else None
    return Packet(
        payload=payload,
        gps_us=rx_us if raw.rx_time == "gps" else None,
        utc_us=rx_us if raw.rx_time == "utc" else None,
        tmst_us=None if raw.tmst_us is None else raw.tmst_us % (1 << 32),
        freq_hz=raw.freq_hz,
        sf=raw.sf,
        bw_hz=raw.bw_hz,
        rssi_dbm=raw.rssi_dbm,
        snr_db=raw.snr_db,
    )
