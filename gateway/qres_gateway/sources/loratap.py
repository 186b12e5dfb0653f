# SPDX-License-Identifier: Apache-2.0
"""LoRaTap: one LoRa frame with its radio metadata, as capture files keep it. Pure, both ways.

All numbers are big-endian. Version 0 is 15 bytes, version 1 appends 20. The payload follows at
the header's own length field, so a longer header of a later version still yields its payload.

What LoRaTap cannot say: bandwidths that are no multiple of 125 kHz, RSSI above about -75 dBm
under a negative SNR, and names of receivers other than 64-bit EUIs.

Source: README.md of eriknl/LoRaTap (structures of version 0 and 1); link type 270 of the
tcpdump registry.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final, Literal

from qres_gateway.sources.base import PAYLOAD_MAX_BYTES, RawFrame, RxTimeSource

LINKTYPE: Final = 270
SYNC_WORD_PRIVATE: Final = 0x12
SYNC_WORD_PUBLIC: Final = 0x34

REASONS: Final = (
    "short", "version", "length", "modulation", "bandwidth", "sf", "crc_bad", "crc_none",
)  # fmt: skip
"""Every reason for which `decode` refuses a packet."""

_V0: Final = struct.Struct(">BBHIBBBBBBB")
_V1: Final = struct.Struct(">QIBBHBBH")
_HEADER_BYTES: Final = {0: _V0.size, 1: _V0.size + _V1.size}
_BW_STEP_HZ: Final = 125_000
_RSSI_FLOOR_DBM: Final = -139
_UNKNOWN_RSSI: Final = 255
_FSK, _CRC_OK, _CRC_BAD, _NO_CRC = 0x01, 0x08, 0x10, 0x20
_EUI = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One packet that is not taken, and why (one of `REASONS`)."""

    reason: str


def decode(
    packet: bytes, rx_us: int, *, receiver: str, rx_time_source: RxTimeSource
) -> RawFrame | Refusal:
    """
    Understand one LoRaTap packet. Never raises, whatever the bytes.

    Args:
        packet: LoRaTap header and payload.
        rx_us: Time of the capture record. [us since the Unix epoch]
        receiver: Name to use where the header has none (version 0, or a zero EUI).
        rx_time_source: Who vouches for `rx_us`; the format does not say.

    Returns:
        The frame, or the reason why it is refused. Version 0 has no CRC state and is taken as
        right, which is what sniffers that write it keep.
    """
    if len(packet) < _V0.size:
        return Refusal("short")
    version, _, header_bytes, freq_hz, bw, sf, packet_rssi, _, _, snr, _ = _V0.unpack_from(packet)
    expected = _HEADER_BYTES.get(version)
    if expected is None:
        return Refusal("version")
    if header_bytes < expected or header_bytes > len(packet):
        return Refusal("short")
    payload = packet[header_bytes:]
    eui, tmst_us, flags = 0, None, _CRC_OK
    if version == 1:
        eui, tmst_us, flags, *_ = _V1.unpack_from(packet, _V0.size)
    reason = _objection(payload, bw, sf, flags)
    if reason:
        return Refusal(reason)
    snr_db = (snr - 256 if snr > 127 else snr) / 4
    return RawFrame(
        payload,
        rx_us,
        rx_time_source,
        f"{eui:016x}" if eui else receiver,
        freq_hz,
        sf,
        bw * _BW_STEP_HZ,
        _rssi_dbm(packet_rssi, snr_db),
        snr_db,
        crc_ok=True,
        tmst_us=tmst_us,
    )


def encode(
    frame: RawFrame, version: Literal[0, 1] = 1, sync_word: int = SYNC_WORD_PRIVATE
) -> bytes:
    """
    One frame as a LoRaTap packet.

    Args:
        frame: `freq_hz` 0..2**32 - 1, `sf` 0..255, `bw_hz` a multiple of 125 kHz up to
            31.875 MHz, `snr_db` -32..31.75. RSSI and SNR are rounded to what the format holds;
            an RSSI outside its range is written as unknown, an unknown SNR as 0.
        version: 1 also keeps receiver EUI, counter and CRC state.
        sync_word: 0..255.

    Raises:
        ValueError: A field does not fit; the text names it.
    """
    steps, rest = divmod(frame.bw_hz, _BW_STEP_HZ)
    if rest or not 1 <= steps <= 255:
        raise ValueError(
            f"bw_hz must be a multiple of 125000 from 125000 to 31875000 for LoRaTap,"
            f" got {frame.bw_hz}"
        )
    snr_db = 0.0 if frame.snr_db is None else frame.snr_db
    if not -32.0 <= snr_db <= 31.75:
        raise ValueError(f"snr_db must be -32..31.75 for LoRaTap, got {snr_db}")
    for field, value, limit in (
        ("freq_hz", frame.freq_hz, 0xFFFFFFFF),
        ("sf", frame.sf, 255),
        ("sync_word", sync_word, 255),
    ):
        if not 0 <= value <= limit:
            raise ValueError(f"{field} must be 0..{limit} for LoRaTap, got {value}")
    quarter_db = round(snr_db * 4)
    header = _V0.pack(
        version,
        0,
        _HEADER_BYTES[version],
        frame.freq_hz,
        steps,
        frame.sf,
        _rssi_code(frame.rssi_dbm, quarter_db),
        _UNKNOWN_RSSI,
        _UNKNOWN_RSSI,
        quarter_db & 0xFF,
        sync_word,
    )
    if version == 1:
        eui = int(frame.receiver, 16) if _EUI.fullmatch(frame.receiver) else 0
        flags = _CRC_OK if frame.crc_ok else _CRC_BAD
        header += _V1.pack(eui, (frame.tmst_us or 0) & 0xFFFFFFFF, flags, 5, 0, 0, 0, 0)
    return header + frame.payload


def _objection(payload: bytes, bw: int, sf: int, flags: int) -> str:
    if flags & _FSK:
        return "modulation"
    if flags & _CRC_BAD:
        return "crc_bad"
    if flags & _NO_CRC or not flags & _CRC_OK:
        return "crc_none"
    if bw == 0:
        return "bandwidth"
    if not 5 <= sf <= 12:
        return "sf"
    if not 1 <= len(payload) <= PAYLOAD_MAX_BYTES:
        return "length"
    return ""


def _rssi_dbm(code: int, snr_db: float) -> float | None:
    if code == _UNKNOWN_RSSI:
        return None
    return _RSSI_FLOOR_DBM + (code if snr_db >= 0 else code * 0.25)


def _rssi_code(rssi_dbm: float | None, quarter_db: int) -> int:
    if rssi_dbm is None:
        return _UNKNOWN_RSSI
    scaled = (rssi_dbm - _RSSI_FLOOR_DBM) * (1 if quarter_db >= 0 else 4)
    return round(scaled) if 0 <= scaled < _UNKNOWN_RSSI - 0.5 else _UNKNOWN_RSSI
