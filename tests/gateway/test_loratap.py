# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres_gateway.sources import loratap
from qres_gateway.sources.base import RawFrame
from tests.gateway.fake_field import DAY_US, raw_frame

# Source: written by hand from the structures in README.md of eriknl/LoRaTap.
V0_HEX = (
    "00 00 000f"  # version, padding, header length 15
    "33c134e0 01 09"  # 868.3 MHz, 1 x 125 kHz, SF9
    "2a ff ff 16 12"  # RSSI -139 + 42 = -97 dBm, unknown, unknown, SNR 22/4 = 5.5 dB, private
)
V1_HEX = (
    "01 00 0023"  # version, padding, header length 35
    "33c134e0 01 09 2a ff ff 16 12"  # as version 0
    "aa555a0000000101 000003e8 08 05 0000 00 00 0000"  # EUI, counter 1000, CRC ok, 4/5
)
FREQ_HZ = 868_300_000
PAYLOAD = b"\x01\x02\x03\x04\x05\x06"


def decode(packet: bytes) -> RawFrame | loratap.Refusal:
    """With the arguments that do not matter here."""
    return loratap.decode(packet, DAY_US, receiver="file", rx_time_source="host")


def frame(**changes: object) -> RawFrame:
    """The frame that the golden headers describe (version 1)."""
    golden = raw_frame(PAYLOAD, tmst_us=1000, freq_hz=FREQ_HZ)
    return dataclasses.replace(golden, **changes)  # type: ignore[arg-type]


def test_golden_version_0() -> None:
    """Version 0 holds channel, RSSI and SNR; its receiver is named by the caller."""
    packet = bytes.fromhex(V0_HEX) + PAYLOAD
    assert decode(packet) == frame(receiver="file", tmst_us=None)
    assert loratap.encode(frame(), version=0) == packet


def test_golden_version_1() -> None:
    """Version 1 adds receiver, counter and CRC state."""
    packet = bytes.fromhex(V1_HEX) + PAYLOAD
    assert decode(packet) == frame()
    assert loratap.encode(frame()) == packet


def test_rssi_below_the_noise_has_quarter_steps() -> None:
    """Under a negative SNR the RSSI code counts quarters: -139 + 84/4 = -118 dBm."""
    # Source: the formula beside packet_rssi in the same README.
    packet = bytearray(bytes.fromhex(V0_HEX) + PAYLOAD)
    packet[10], packet[13] = 84, 256 - 50  # SNR -12.5 dB
    found = decode(bytes(packet))
    assert isinstance(found, RawFrame)
    assert (found.rssi_dbm, found.snr_db) == (-118.0, -12.5)


def test_unknown_rssi() -> None:
    """255 stands for no RSSI, both ways; so does one that the format cannot hold."""
    for rssi_dbm, snr_db in ((None, 5.5), (-140.0, 5.5), (-60.0, -1.0), (120.0, 5.5)):
        packet = loratap.encode(frame(rssi_dbm=rssi_dbm, snr_db=snr_db))
        assert packet[10] == 255
        found = decode(packet)
        assert isinstance(found, RawFrame)
        assert found.rssi_dbm is None


def test_a_longer_header_still_gives_the_payload() -> None:
    """Fields that a later revision appends are skipped by the header's own length."""
    packet = bytearray(bytes.fromhex(V1_HEX) + b"new" + PAYLOAD)
    packet[3] += 3
    assert decode(bytes(packet)) == frame()


def patched(at: int, value: int) -> bytes:
    """The golden version 1 packet with one byte changed."""
    packet = bytearray(bytes.fromhex(V1_HEX) + PAYLOAD)
    packet[at] = value
    return bytes(packet)


REFUSED = [
    (b"", "short"),
    (bytes.fromhex(V0_HEX)[:-1], "short"),
    (bytes.fromhex(V1_HEX)[:-1], "short"),
    (patched(3, 34), "short"),
    (patched(3, 255), "short"),
    (patched(0, 2), "version"),
    (patched(27, 0x01), "modulation"),
    (patched(27, 0x10), "crc_bad"),
    (patched(27, 0x20), "crc_none"),
    (patched(27, 0x00), "crc_none"),
    (patched(8, 0), "bandwidth"),
    (patched(9, 4), "sf"),
    (patched(9, 13), "sf"),
    (bytes.fromhex(V1_HEX), "length"),
    (bytes.fromhex(V1_HEX) + bytes(256), "length"),
]


@pytest.mark.parametrize(("packet", "reason"), REFUSED)
def test_refused(packet: bytes, reason: str) -> None:
    """What is no LoRa frame with a right CRC is refused with its reason."""
    assert decode(packet) == loratap.Refusal(reason)


def test_every_reason_has_a_case() -> None:
    """The published list of reasons is exactly what these tests can provoke."""
    assert {reason for _, reason in REFUSED} == set(loratap.REASONS)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(bytes.fromhex(V1_HEX)[:4].__add__))
def test_any_bytes_decode_or_are_refused(packet: bytes) -> None:
    """The decoder never raises, and what it accepts is within the ranges of a frame."""
    found = decode(packet)
    if isinstance(found, loratap.Refusal):
        assert found.reason in loratap.REASONS
    else:
        assert 1 <= len(found.payload) <= 255
        assert 5 <= found.sf <= 12


@given(
    payload=st.binary(min_size=1, max_size=255),
    freq_hz=st.integers(0, 0xFFFFFFFF),
    sf=st.integers(5, 12),
    steps=st.integers(1, 255),
    quarter_db=st.integers(-128, 127),
    rssi_code=st.none() | st.integers(0, 254),
    eui=st.integers(1, (1 << 64) - 1),
    tmst_us=st.integers(0, (1 << 32) - 1),
)
def test_round_trip(
    payload: bytes,
    freq_hz: int,
    sf: int,
    steps: int,
    quarter_db: int,
    rssi_code: int | None,
    eui: int,
    tmst_us: int,
) -> None:
    """Whatever version 1 can express comes back the same."""
    scale = 1.0 if quarter_db >= 0 else 0.25
    rssi_dbm = None if rssi_code is None else -139 + rssi_code * scale
    original = frame(
        payload=payload,
        freq_hz=freq_hz,
        sf=sf,
        bw_hz=steps * 125_000,
        snr_db=quarter_db / 4,
        rssi_dbm=rssi_dbm,
        receiver=f"{eui:016x}",
        tmst_us=tmst_us,
    )
    assert decode(loratap.encode(original)) == original


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("bw_hz", 62_500, "bw_hz must be a multiple of 125000 .* got 62500"),
        ("bw_hz", 0, "bw_hz must be"),
        ("snr_db", 32.0, "snr_db must be -32..31.75 for LoRaTap, got 32.0"),
        ("freq_hz", 1 << 32, "freq_hz must be 0..4294967295 for LoRaTap, got 4294967296"),
        ("sf", -1, "sf must be 0..255 for LoRaTap, got -1"),
    ],
)
def test_what_the_format_cannot_say_is_refused(field: str, value: float, text: str) -> None:
    """Encoding names the field, the limit and the value."""
    with pytest.raises(ValueError, match=re.compile(text)):
        loratap.encode(frame(**{field: value}))
