# SPDX-License-Identifier: Apache-2.0
"""What a sniffer writes to its serial line, and how to read it: bytes in, records out.

No I/O here. firmware/sniffer/FORMAT.md has the layout. The line may begin anywhere, lose bytes,
flip bits and carry boot messages: a record is believed only with its CRC, and each zero byte is a
new chance.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

VERSION: Final = 1
RECORD_MAX_BYTES: Final = 298
COBS_MAX_BYTES: Final = 300
RSSI_DBM: Final = (-200.0, 50.0)
_HEAD: Final = struct.Struct("<BBH8sQ")
_FRAME: Final = struct.Struct("<IIihhBBB")
_CONFIGURATION: Final = struct.Struct("<IIIIHBBBB12s")
_STATUS: Final = struct.Struct("<7Ii")
_UNKNOWN_HZ: Final = -(2**31)
_KIND_FRAME, _KIND_CONFIGURATION, _KIND_STATUS = 1, 2, 3
OUT_OF_ORDER_US: Final = 60_000_000
"""A frame's time is its end of reception, the others' is that of writing: times may go back a
little. By a minute they do so after a new start only, whose first record was lost."""


@dataclass(frozen=True, slots=True)
class Head:
    """What every record begins with.

    receiver: 16 lower case hex digits. time_us: since the sniffer's start; of a frame, the end
    of its reception. seq: 0..65535, one more for each record.
    """

    seq: int
    receiver: str
    time_us: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A LoRa frame that the sniffer heard, its PHY CRC right.

    freq_error_hz: sender minus receiver; None if not known. end_uncertain: `head.time_us` is
    when the frame was noticed.
    """

    head: Head
    payload: bytes
    freq_hz: int
    bw_hz: int
    sf: int
    freq_error_hz: int | None
    rssi_dbm: float
    snr_db: float
    end_uncertain: bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """Who the sniffer is and what it listens to. boot: random, new at each of its starts."""

    head: Head
    boot: int
    freq_hz: int
    bw_hz: int
    board: int
    preamble_symbols: int
    sf: int
    cr: int
    sync_word: int
    reset: int
    version: str


@dataclass(frozen=True, slots=True)
class Status:
    """The sniffer's own counters since its start; they wrap at 2**32.

    dropped: records that nobody read. radio_error: the last one, 0 none (drivers/radio/radio.h).
    """

    head: Head
    frames: int
    crc_errors: int
    header_errors: int
    empty: int
    irq_missed: int
    radio_starts: int
    dropped: int
    radio_error: int


Record = Frame | Configuration | Status


def cobs_decode(data: bytes) -> bytes | None:
    """The bytes that COBS made *data* of, both without zeros at the ends; None if it is none."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        run = data[at + 1 : at + code]
        if code == 0 or len(run) != code - 1 or 0 in run:
            return None
        out += run
        at += code
        if code < 0xFF and at < len(data):
            out.append(0)
    return bytes(out)


def parse(record: bytes) -> Record | str:
    """
    One record, framing removed.

    Returns:
        The record, or in one word why it is none: "length", "crc", "version", "kind", "value".
    """
    if not _HEAD.size + 4 <= len(record) <= RECORD_MAX_BYTES:
        return "length"
    content, crc = record[:-4], int.from_bytes(record[-4:], "little")
    if zlib.crc32(content) != crc:
        return "crc"
    version, kind, seq, receiver, time_us = _HEAD.unpack_from(content)
    if version != VERSION:
        return "version"
    head = Head(seq, receiver.hex(), time_us)
    body = content[_HEAD.size :]
    if kind == _KIND_FRAME:
        return _frame(head, body)
    if kind == _KIND_CONFIGURATION:
        return _configuration(head, body)
    if kind == _KIND_STATUS:
        return Status(head, *_STATUS.unpack(body)) if len(body) == _STATUS.size else "length"
    return "kind"


def _frame(head: Head, body: bytes) -> Frame | str:
    if len(body) < _FRAME.size:
        return "length"
    freq_hz, bw_hz, error_hz, rssi, snr, sf, flags, length = _FRAME.unpack_from(body)
    payload = body[_FRAME.size :]
    if length == 0 or len(payload) != length:
        return "length"
    if not 5 <= sf <= 12 or not bw_hz or not RSSI_DBM[0] <= rssi / 100 <= RSSI_DBM[1]:
        return "value"
    return Frame(
        head,
        payload,
        freq_hz,
        bw_hz,
        sf,
        None if error_hz == _UNKNOWN_HZ else error_hz,
        rssi / 100,
        snr / 100,
        bool(flags & 1),
    )


def _configuration(head: Head, body: bytes) -> Configuration | str:
    if len(body) != _CONFIGURATION.size:
        return "length"
    boot, freq_hz, bw_hz, board, preamble, sf, cr, sync_word, reset, version = (
        _CONFIGURATION.unpack(body)
    )
    text = version.rstrip(b"\0")
    if not text.isascii() or not text.decode("ascii").isprintable():
        return "value"
    return Configuration(
        head,
        boot,
        freq_hz,
        bw_hz,
        board,
        preamble,
        sf,
        cr,
        sync_word,
        reset,
        text.decode("ascii"),
    )


@dataclass(slots=True)
class Decoder:
    """Cuts a stream of bytes into records. Memory is bounded by one record.

    refused: Pieces that are no records, by reason: those of `parse`, "cobs", "overlong".
    lost: Records that the sequence numbers show to be missing.
    starts: How often a sniffer was seen to have started anew.
    """

    refused: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    starts: int = 0
    _piece: bytearray = field(default_factory=bytearray)
    _overlong: bool = False
    _last: Head | None = None
    _boot: int | None = None

    def feed(self, data: bytes) -> list[Record]:
        """The records that *data* completes, in order. Any bytes are accepted."""
        records: list[Record] = []
        *ended, rest = data.split(b"\0")
        for part in ended:
            self._add(part)
            record = self._end()
            if record is not None:
                records.append(record)
        self._add(rest)
        return records

    def cut(self) -> None:
        """The line was interrupted: what has come of a record will never be completed."""
        if self._piece or self._overlong:
            self.refused["cut"] += 1
        self._piece.clear()
        self._overlong = False

    def _add(self, part: bytes) -> None:
        room = COBS_MAX_BYTES - len(self._piece)
        if len(part) > room:
            self._overlong = True
        self._piece += part[:room]

    def _end(self) -> Record | None:
        piece, overlong = bytes(self._piece), self._overlong
        self._piece.clear()
        self._overlong = False
        if not piece:
            return None
        if overlong:
            self.refused["overlong"] += 1
            return None
        decoded = cobs_decode(piece)
        record = "cobs" if decoded is None else parse(decoded)
        if isinstance(record, str):
            self.refused[record] += 1
            return None
        self._follow(record)
        return record

    def _follow(self, record: Record) -> None:
        last, self._last = self._last, record.head
        if isinstance(record, Configuration) and record.boot != self._boot:
            self.starts += self._boot is not None
            self._boot = record.boot
            return
        if last is None or last.receiver != record.head.receiver:
            return
        if record.head.time_us + OUT_OF_ORDER_US >= last.time_us:
            self.lost += (record.head.seq - last.seq - 1) % 65536
