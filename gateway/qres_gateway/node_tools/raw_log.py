# SPDX-License-Identifier: Apache-2.0
"""
The raw log of a node: samples before any check, in a ring of flash sectors.

Source:
    firmware/app/ring.h and ring.c, the format's one definition. A sector: "QRG1", u32 sequence,
    u32 CRC-32 of both, erased bytes up to 32; then samples of 32 bytes, the last 4 a CRC-32.
    docs/raw-log.md has the table of `FIELDS`.
"""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from qres_gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "FIELDS",
    "PARTITION",
    "SAMPLE_BYTES",
    "SECTOR_BYTES",
    "FieldOf",
    "LogSpan",
    "RawLog",
    "RawLogError",
    "Sample",
    "decode",
    "log_span",
]

PARTITION: Final = "raw_log"
"""Name of the flash partition, type data, that holds the ring."""

SECTOR_BYTES: Final = 4096
"""What is erased at once. [bytes]"""

SAMPLE_BYTES: Final = 32
"""One place in a sector; the first one is the sector's head. [bytes]"""

SECTORS_MIN: Final = 2

_PLACES: Final = SECTOR_BYTES // SAMPLE_BYTES
_MAGIC: Final = b"QRG1"
_HEAD: Final = struct.Struct("<4sII")
_ERASED: Final = b"\xff" * SAMPLE_BYTES
_NO_I16: Final = -(2**15)
_NO_U16: Final = 2**16 - 1


class FieldOf(NamedTuple):
    """
    One number of a sample.

    Attributes:
        name: As in `Sample` and in `ring_sample` of ring.h.
        offset: Where it is. [bytes]
        type: "u8", "u16", "i16" or "u32"; little-endian.
        unit: What it counts.
        missing: The value that stands for none; None if there is no such value.
        column: Its column in a table.
        divisor: What it is divided by there.
    """

    name: str
    offset: int
    type: str
    unit: str
    missing: int | None
    column: str
    divisor: int


FIELDS: Final = (
    FieldOf("time_s", 0, "u32", "s since 1970", None, "time_utc", 1),
    FieldOf("rain_um", 4, "u32", "um since installation", None, "rain_sum_mm", 1000),
    FieldOf("wind_pulses", 8, "u16", "pulses", None, "wind_pulses", 1),
    FieldOf("wind_s", 10, "u16", "s", None, "wind_span_s", 1),
    FieldOf("temp_cdegc", 12, "i16", "0.01 degC", _NO_I16, "temp_degc", 100),
    FieldOf("rh_cpct", 14, "u16", "0.01 %", _NO_U16, "rh_pct", 100),
    FieldOf("pressure_dhpa", 16, "u16", "0.1 hPa", _NO_U16, "pressure_hpa", 10),
    FieldOf("wind_dir_deg", 18, "u16", "deg from north", _NO_U16, "wind_dir_deg", 1),
    FieldOf("battery_mv", 20, "u16", "mV", _NO_U16, "battery_v", 1000),
    FieldOf("panel_mv", 22, "u16", "mV", _NO_U16, "panel_v", 1000),
    FieldOf("faults", 24, "u8", "bits", None, "faults", 1),
    FieldOf("refused", 25, "u8", "bits", None, "refused", 1),
)
"""A sample, in the order of its bytes. Bytes 26 and 27 are 0, the CRC-32 is at 28."""

_CODES: Final = {"u8": "B", "u16": "H", "i16": "h", "u32": "I"}
_SAMPLE: Final = struct.Struct("<" + "".join(_CODES[f.type] for f in FIELDS) + "2xI")


class RawLogError(GatewayError):
    """Bytes are no raw log."""

    code: ClassVar[str] = "raw_log"


class Sample(NamedTuple):
    """
    One sample, as stored: see `FIELDS` for units and for values that stand for none.

    Attributes:
        sequence: Of its sector: counts sectors since the log was begun. From 1.
        place: In its sector. 1..127
    """

    sequence: int
    place: int
    time_s: int
    rain_um: int
    wind_pulses: int
    wind_s: int
    temp_cdegc: int
    rh_cpct: int
    pressure_dhpa: int
    wind_dir_deg: int
    battery_mv: int
    panel_mv: int
    faults: int
    refused: int


class RawLog(NamedTuple):
    """
    A decoded ring.

    Attributes:
        samples: Those whose checksum fits, oldest first, in the order in which they were written.
        sectors: Sectors with a valid head.
        torn: Places that were begun and hold no valid sample: power failed, or the flash did.
        lost_sectors: Sectors that should lie between the oldest and the newest, but have no head.
        backwards: How often a sample is older than the one before it: the clock was set back.
    """

    samples: tuple[Sample, ...]
    sectors: int
    torn: int
    lost_sectors: int
    backwards: int


class LogSpan(NamedTuple):
    """
    What a look at a ring's heads tells, without reading all of it.

    Attributes:
        places: Places that were written; torn ones count.
        first_s: Time of the oldest sample that was found, None if there is none. [s] since 1970
        last_s: Time of the newest. [s] since 1970
    """

    places: int
    first_s: int | None
    last_s: int | None


def decode(data: bytes) -> RawLog:
    """
    Read a whole ring.

    Args:
        data: The partition, a multiple of `SECTOR_BYTES`, at least two of them.

    Raises:
        RawLogError: The length is another, or it is neither erased nor a ring.
    """
    sectors = len(data) // SECTOR_BYTES
    if len(data) % SECTOR_BYTES or sectors < SECTORS_MIN:
        raise RawLogError(
            f"raw log: {len(data)} bytes: must be a multiple of {SECTOR_BYTES}, at least"
            f" {SECTORS_MIN * SECTOR_BYTES}"
        )
    found = _ordered(data[at * SECTOR_BYTES :][: _HEAD.size] for at in range(sectors))
    if not found and data.strip(b"\xff"):
        raise RawLogError("raw log: no sector has a valid head; this is no raw log of a node")
    samples: list[Sample] = []
    torn = 0
    for sequence, at in found:
        sector = data[at * SECTOR_BYTES : (at + 1) * SECTOR_BYTES]
        end = _end(sector) if (sequence, at) == found[-1] else _PLACES
        for place in range(1, end):
            sample = _sample(sequence, place, sector[place * SAMPLE_BYTES :][:SAMPLE_BYTES])
            if sample is None:
                torn += 1
            else:
                samples.append(sample)
    span = found[-1][0] - found[0][0] + 1 if found else 0
    back = sum(b.time_s < a.time_s for a, b in pairwise(samples))
    return RawLog(tuple(samples), len(found), torn, max(span - len(found), 0), back)


def log_span(read: Callable[[int, int], bytes], size: int) -> LogSpan:
    """
    Look at the heads of a ring, its oldest and its newest samples only.

    Args:
        read: Reads from the partition: offset and length. [bytes]
        size: Length of the partition. [bytes]
    """
    heads = (read(at, SAMPLE_BYTES)[: _HEAD.size] for at in range(0, size, SECTOR_BYTES))
    found = _ordered(heads)
    if not found:
        return LogSpan(0, None, None)
    newest = read(found[-1][1] * SECTOR_BYTES, SECTOR_BYTES)
    end = _end(newest)
    places = (len(found) - 1) * (_PLACES - 1) + end - 1
    oldest = newest if len(found) == 1 else read(found[0][1] * SECTOR_BYTES, SECTOR_BYTES)
    first = next(_times(oldest, range(1, _PLACES)), None)
    last = next(_times(newest, range(end - 1, 0, -1)), None)
    if last is None and len(found) > 1:  # the newest sector has just begun
        before = read(found[-2][1] * SECTOR_BYTES, SECTOR_BYTES)
        last = next(_times(before, range(_PLACES - 1, 0, -1)), None)
    return LogSpan(places, first, last)


def _ordered(heads: Iterator[bytes]) -> list[tuple[int, int]]:
    """(sequence, sector) of each head that is valid, ascending."""
    found = []
    for at, head in enumerate(heads):
        magic, sequence, crc = _HEAD.unpack(head)
        if magic == _MAGIC and sequence and crc == zlib.crc32(head[:8]):
            found.append((sequence, at))
    return sorted(found)


def _end(sector: bytes) -> int:
    """The place behind the last one of the newest sector that was begun."""
    end = _PLACES
    while end > 1 and sector[(end - 1) * SAMPLE_BYTES : end * SAMPLE_BYTES] == _ERASED:
        end -= 1
    return end


def _sample(sequence: int, place: int, data: bytes) -> Sample | None:
    """The sample in 32 bytes, None if the checksum does not fit."""
    *values, crc = _SAMPLE.unpack(data)
    if crc != zlib.crc32(data[:-4]):
        return None
    return Sample(sequence, place, *values)


def _times(sector: bytes, places: range) -> Iterator[int]:
    """Times of the valid samples in *places*. [s] since 1970"""
    for place in places:
        sample = _sample(0, place, sector[place * SAMPLE_BYTES :][:SAMPLE_BYTES])
        if sample is not None:
            yield sample.time_s
