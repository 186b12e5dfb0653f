# SPDX-License-Identifier: Apache-2.0
"""Semtech UDP packet forwarder protocol, version 2: upstream only, pure.

Bytes in, values out; no I/O and no clock. The gateway is receive-only and this module is where
that is decided: the only function that makes bytes is `acknowledge`, and all it can make is
nothing or one of the two four-byte acknowledgements listed in `_ACK_OF`.

Source: packet_forwarder/PROTOCOL.md in Lora-net/sx1302_hal, sections 3 to 5.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from qres_gateway.sources.base import PAYLOAD_MAX_BYTES

PROTOCOL_VERSION: Final = 2
HEADER_BYTES: Final = 12
PUSH_DATA: Final = 0x00
PULL_DATA: Final = 0x02
_ACK_OF: Final = MappingProxyType({PUSH_DATA: 0x01, PULL_DATA: 0x04})

GPS_EPOCH_S: Final = 315_964_800
"""1980-01-06T00:00:00Z. Source: IS-GPS-200, section 3.3.4."""
GPS_UTC_LEAP_S: Final = 18
"""GPS minus UTC since 2017-01-01. Source: IERS Bulletin C 52 (2016)."""
EARLIEST_UTC_US: Final = 1_577_836_800_000_000
"""2020-01-01T00:00:00Z. A receiver that tells an earlier time has no set clock."""
_GPS_AGREE_US: Final = 2_000  # `tmms` is cut to whole milliseconds

REASONS: Final = (
    "short", "version", "identifier", "json",  # the whole datagram
    "field", "no_data", "base64", "size", "length", "crc_bad", "crc_none", "crc_unknown",
    "modulation", "datarate", "frequency",  # one packet of a datagram
)  # fmt: skip
"""Every reason for which this parser refuses something."""

_DATARATE = re.compile(r"SF(5|6|7|8|9|10|11|12)BW([0-9]{1,4}(?:\.[0-9]{1,3})?)")
_BANDWIDTH_HZ: Final = MappingProxyType(
    {"7.8": 7_800, "10.4": 10_400, "15.6": 15_600, "20.8": 20_800, "31.25": 31_250,
     "41.7": 41_700, "62.5": 62_500, "125": 125_000, "250": 250_000, "500": 500_000}
)  # fmt: skip
"""Source: Semtech SX1276 datasheet rev. 7, register RegModemConfig1, field Bw."""
_FREQ_MIN_HZ: Final = 137_000_000
_FREQ_MAX_HZ: Final = 1_020_000_000  # Source: SX1276 datasheet rev. 7, title (137 to 1020 MHz)
_CRC_REASON: Final = MappingProxyType[int | None, str]({-1: "crc_bad", 0: "crc_none"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Packet:
    """One received LoRa packet. Times are as the receiver told them, not yet judged.

    gps_us: UTC from the receiver's GNSS. utc_us: UTC from its own clock. Each may be None.
    """

    payload: bytes
    gps_us: int | None
    utc_us: int | None
    tmst_us: int | None
    freq_hz: int
    sf: int
    bw_hz: int
    rssi_dbm: float | None
    snr_db: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """The forwarder's own counters, since its last status. None where it does not say.

    rxnb, rxok, rxfw: packets received, with right CRC, forwarded. ackr_pct: acknowledged share.
    """

    rxnb: int | None
    rxok: int | None
    rxfw: int | None
    ackr_pct: float | None
    temp_degc: float | None


@dataclass(frozen=True, slots=True)
class Datagram:
    """One understood datagram. `refused` has one reason per packet that was left out."""

    kind: Literal["push_data", "pull_data"]
    token: bytes
    gateway_eui: str
    packets: tuple[Packet, ...] = ()
    status: Status | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One datagram that is not understood, and why (one of `REASONS`)."""

    reason: str


class _RxPk(msgspec.Struct):
    time: str | None = None
    tmms: int | None = None
    tmst: int | None = None
    freq: float | None = None
    stat: int | None = None
    modu: str | None = None
    datr: str | int | None = None
    rssi: float | None = None
    lsnr: float | None = None
    size: int | None = None
    data: str | None = None


class _Stat(msgspec.Struct):
    rxnb: int | None = None
    rxok: int | None = None
    rxfw: int | None = None
    ackr: float | None = None
    temp: float | None = None


class _Push(msgspec.Struct):
    rxpk: list[msgspec.Raw] | None = None
    stat: msgspec.Raw = msgspec.Raw(b"null")


_push_decoder = msgspec.json.Decoder(_Push)
_rxpk_decoder = msgspec.json.Decoder(_RxPk)
_stat_decoder = msgspec.json.Decoder(_Stat)
# What the decoder raises on hostile input: bad syntax or type, bad UTF-8, nesting, huge integers.
_BAD_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


def acknowledge(datagram: bytes) -> bytes:
    """The answer owed to a datagram: PUSH_ACK, PULL_ACK, or nothing.

    Looks at the header alone, so that the answer can leave before anything is parsed, as the
    protocol asks. Returns b"" or exactly 4 bytes, the last of which is 1 or 4.
    """
    if len(datagram) < HEADER_BYTES or datagram[0] != PROTOCOL_VERSION:
        return b""
    identifier = _ACK_OF.get(datagram[3])
    return b"" if identifier is None else bytes((*datagram[:3], identifier))


def parse(datagram: bytes) -> Datagram | Refusal:
    """Understand one datagram from a packet forwarder. Never raises, whatever the bytes."""
    if len(datagram) < HEADER_BYTES:
        return Refusal("short")
    if datagram[0] != PROTOCOL_VERSION:
        return Refusal("version")
    token, eui = datagram[1:3], datagram[4:HEADER_BYTES].hex()
    if datagram[3] == PULL_DATA:
        return Datagram("pull_data", token, eui)
    if datagram[3] != PUSH_DATA:
        return Refusal("identifier")
    try:
        push = _push_decoder.decode(datagram[HEADER_BYTES:])
    except _BAD_JSON:
        return Refusal("json")
    packets: list[Packet] = []
    refused: list[str] = []
    for raw in push.rxpk or ():
        try:
            packets.append(_packet(raw))
        except _RefusedPacketError as refusal:
            refused.append(refusal.reason)
    status = None
    if bytes(push.stat) != b"null":
        status = _status(push.stat)
        if status is None:
            refused.append("field")
    return Datagram("push_data", token, eui, tuple(packets), status, tuple(refused))


class _RefusedPacketError(Exception):
    """One packet of a datagram is left out; carries the reason. Never leaves this module."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _packet(raw: msgspec.Raw) -> Packet:
    """One element of `rxpk`. Raises _RefusedPacketError."""
    try:
        rx = _rxpk_decoder.decode(raw)
    except _BAD_JSON:
        raise _RefusedPacketError("field") from None
    if rx.stat != 1:
        raise _RefusedPacketError(_CRC_REASON.get(rx.stat, "crc_unknown"))
    freq_hz, sf, bw_hz = _channel(rx)
    payload = _payload(rx)
    gps_us, utc_us = _times(rx.time, rx.tmms)
    tmst_us = rx.tmst if rx.tmst is not None and 0 <= rx.tmst < 1 << 32 else None
    return Packet(payload, gps_us, utc_us, tmst_us, freq_hz, sf, bw_hz, rx.rssi, rx.lsnr)


def _channel(rx: _RxPk) -> tuple[int, int, int]:
    """(freq_hz, sf, bw_hz)."""
    if rx.modu != "LORA":
        raise _RefusedPacketError("modulation")
    rate = _DATARATE.fullmatch(rx.datr) if isinstance(rx.datr, str) else None
    bw_hz = _BANDWIDTH_HZ.get(rate[2]) if rate else None
    if rate is None or bw_hz is None:
        raise _RefusedPacketError("datarate")
    if rx.freq is None or not _FREQ_MIN_HZ <= rx.freq * 1e6 <= _FREQ_MAX_HZ:
        raise _RefusedPacketError("frequency")
    return round(rx.freq * 1e6), int(rate[1]), bw_hz


def _payload(rx: _RxPk) -> bytes:
    """Base64 with or without its padding, and nothing else in it."""
    if not rx.data:
        raise _RefusedPacketError("no_data")
    try:
        bare = rx.data.rstrip("=").encode("ascii")
        payload = binascii.a2b_base64(bare + b"=" * (-len(bare) % 4), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _RefusedPacketError("base64") from None
    if rx.size is not None and rx.size != len(payload):
        raise _RefusedPacketError("size")
    if not 1 <= len(payload) <= PAYLOAD_MAX_BYTES:
        raise _RefusedPacketError("length")
    return payload


def _times(text: str | None, tmms: int | None) -> tuple[int | None, int | None]:
    """(gps_us, utc_us) from `time` and `tmms`.

    `tmms` exists only under GNSS lock. `time` has microseconds but may come from any clock, so
    it counts as GNSS time only if `tmms` confirms it.
    """
    utc_us = _utc_us(text) if text else None
    if tmms is None or not 0 <= tmms < 1 << 50:
        return None, utc_us
    gps_us = tmms * 1000 + (GPS_EPOCH_S - GPS_UTC_LEAP_S) * 1_000_000
    if gps_us < EARLIEST_UTC_US:
        return None, utc_us
    if utc_us is not None and abs(utc_us - gps_us) <= _GPS_AGREE_US:
        return utc_us, None
    return gps_us, None


def _utc_us(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    utc_us = (moment - _EPOCH) // _MICROSECOND
    return utc_us if utc_us >= EARLIEST_UTC_US else None


def _status(raw: msgspec.Raw) -> Status | None:
    try:
        stat = _stat_decoder.decode(raw)
    except _BAD_JSON:
        return None
    return Status(stat.rxnb, stat.rxok, stat.rxfw, stat.ackr, stat.temp)
