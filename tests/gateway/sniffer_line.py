# SPDX-License-Identifier: Apache-2.0
"""Records of a sniffer, written from firmware/sniffer/FORMAT.md for tests: not by the C encoder."""

from __future__ import annotations

import struct
import zlib

RECEIVER = bytes.fromhex("34851800abcd0001")


def cobs(data: bytes) -> bytes:
    """COBS, from the definition: runs of up to 254 bytes that are not zero, each with a code."""
    out = bytearray()
    blocks = data.split(b"\0")
    for n, block in enumerate(blocks):
        rest = block
        while len(rest) >= 254:
            out += b"\xff" + rest[:254]
            rest = rest[254:]
            if not rest and n == len(blocks) - 1:
                return bytes(out)
        out += bytes([len(rest) + 1]) + rest
    return bytes(out)


def line(kind: int, seq: int, time_us: int, body: bytes, *, version: int = 1) -> bytes:
    """A framed record."""
    record = struct.pack("<BBH8sQ", version, kind, seq % 65536, RECEIVER, time_us) + body
    return b"\0" + cobs(record + struct.pack("<I", zlib.crc32(record))) + b"\0"


def frame(seq: int, time_us: int, payload: bytes, *, sf: int = 7, flags: int = 0) -> bytes:
    """A frame record: 869.525 MHz, 125 kHz, -98.5 dBm, -7.25 dB, 310 Hz off."""
    head = struct.pack("<IIihhBBB", 869_525_000, 125_000, 310, -9850, -725, sf, flags, len(payload))
    return line(1, seq, time_us, head + payload)


def configuration(seq: int, time_us: int, boot: int = 7) -> bytes:
    """A configuration record."""
    body = struct.pack("<IIIIHBBBB12s", boot, 869_525_000, 125_000, 5, 8, 7, 1, 0x12, 0, b"0.1.0")
    return line(2, seq, time_us, body)


def status(seq: int, time_us: int, radio_error: int = 0) -> bytes:
    """A status record with the counters 1..7."""
    return line(3, seq, time_us, struct.pack("<7Ii", 1, 2, 3, 4, 5, 6, 7, radio_error))
