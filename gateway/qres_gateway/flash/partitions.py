# SPDX-License-Identifier: Apache-2.0
"""
The partition table of ESP-IDF, as far as flashing needs it.

Source:
    ESP-IDF, "Partition Tables"; components/partition_table/gen_esp32part.py: entries of 32 bytes,
    magic 0xAA 0x50, then type u8, subtype u8, offset u32, size u32, name 16 bytes, flags u32,
    little-endian; a table of at most 0xC00 bytes ends with an MD5 entry (0xEB 0xEB) or 0xFF.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from qres.provisioning import PARTITION

__all__ = [
    "TABLE_BYTES",
    "TABLE_OFFSET",
    "Partition",
    "app_slots",
    "named",
    "ota_data",
    "parse_table",
    "provisioning_partition",
]

TABLE_OFFSET: Final = 0x8000
"""Where ESP-IDF puts the table unless it is told otherwise."""

TABLE_BYTES: Final = 0xC00
"""Longest table. [bytes]"""

TYPE_APP: Final = 0
TYPE_DATA: Final = 1

_ENTRY: Final = struct.Struct("<2sBBII16sI")
_MAGIC: Final = b"\xaa\x50"
_SECTOR: Final = 4096
_SUBTYPE_OTA: Final = 0x10
_SUBTYPE_OTA_DATA: Final = 0


class Partition(NamedTuple):
    """One partition. Offset and size in bytes."""

    name: str
    type: int
    subtype: int
    offset: int
    size: int


def parse_table(data: bytes) -> tuple[Partition, ...]:
    """The partitions that a table names; none if *data* does not begin with a table."""
    found = []
    for at in range(0, min(len(data), TABLE_BYTES) - _ENTRY.size + 1, _ENTRY.size):
        magic, kind, subtype, offset, size, name, _ = _ENTRY.unpack_from(data, at)
        if magic != _MAGIC:
            break
        text = name.rstrip(b"\0").decode("utf-8", errors="replace")
        found.append(Partition(text, kind, subtype, offset, size))
    return tuple(found)


def provisioning_partition(partitions: tuple[Partition, ...]) -> Partition | None:
    """The partition of the provisioning record, if there is one that can hold it."""
    for p in partitions:
        aligned = p.offset % _SECTOR == 0 and p.size >= _SECTOR
        if p.name == PARTITION and p.type == TYPE_DATA and aligned:
            return p
    return None


def named(partitions: tuple[Partition, ...], name: str) -> Partition | None:
    """The data partition of that name, if it is one of whole sectors."""
    for p in partitions:
        if p.name == name and p.type == TYPE_DATA:
            return p if p.size and not (p.offset | p.size) % _SECTOR else None
    return None


def ota_data(partitions: tuple[Partition, ...]) -> Partition | None:
    """The partition that says which slot is started, if it has room for its two sectors."""
    for p in partitions:
        if (p.type, p.subtype) == (TYPE_DATA, _SUBTYPE_OTA_DATA) and p.size >= 2 * _SECTOR:
            return p
    return None


def app_slots(partitions: tuple[Partition, ...]) -> tuple[Partition, ...]:
    """
    The application slots ota_0, ota_1 and so on.

    None if their numbers leave one out, or there is a factory application beside them: that is no
    node's layout.
    """
    apps = sorted((p for p in partitions if p.type == TYPE_APP), key=lambda p: p.subtype)
    numbers = [p.subtype - _SUBTYPE_OTA for p in apps]
    return tuple(apps) if numbers == list(range(len(apps))) else ()
