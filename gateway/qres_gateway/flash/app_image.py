# SPDX-License-Identifier: Apache-2.0
"""
Application images of ESP-IDF: how long they are, whether they are whole, what they call themselves.

Source:
    ESP-IDF 6.0, esp_app_format.h and esp_image_format.c: header of 24 bytes, segments of 8 bytes
    (address, length) and data, zeros, one byte of checksum (0xEF xor all data) at the end of a
    block of 16, then the SHA-256 of all before if the header's last byte is 1. esp_app_desc.h: the
    first segment begins with 256 bytes of description.
"""

from __future__ import annotations

import hashlib
import struct
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HEAD_BYTES", "Description", "chip_id", "describe", "image_length", "is_whole"]

HEAD_BYTES: Final = 24 + 8 + 256
"""Header, first segment's header and description. [bytes]"""

_HEADER: Final = struct.Struct("<BB10xH9xB")
_SEGMENT: Final = struct.Struct("<II")
_DESCRIPTION: Final = struct.Struct("<I12x32s32s16s16s32s")
_MAGIC: Final = 0xE9
_DESCRIPTION_MAGIC: Final = 0xABCD5432
_SEGMENTS_MAX: Final = 16
_CHECKSUM: Final = 0xEF
_SHA_BYTES: Final = 32


class Description(NamedTuple):
    """
    What an application says of itself.

    Attributes:
        project: Name of the project, "qres_node".
        version: Its version.
        built: Date and time of the build.
        idf: Version of ESP-IDF.
    """

    project: str
    version: str
    built: str
    idf: str


def chip_id(data: bytes) -> int | None:
    """The chip that an image is for, None if *data* does not begin with an image's header."""
    if len(data) < _HEADER.size or data[0] != _MAGIC:
        return None
    chip: int = _HEADER.unpack_from(data)[2]
    return chip


def image_length(read: Callable[[int, int], bytes], room: int) -> int | None:
    """
    Length of an image by its headers. [bytes]

    Args:
        read: Reads from the image: offset and length. [bytes]
        room: What there is to read. [bytes]

    Returns:
        None if there is no image, or one that does not end within *room*.
    """
    if room < _HEADER.size:
        return None
    magic, segments, _chip, has_sha = _HEADER.unpack(read(0, _HEADER.size))
    if magic != _MAGIC or not 1 <= segments <= _SEGMENTS_MAX or has_sha > 1:
        return None
    at = _HEADER.size
    for _ in range(segments):
        if at + _SEGMENT.size > room:
            return None
        at += _SEGMENT.size + _SEGMENT.unpack(read(at, _SEGMENT.size))[1]
    end: int = at // 16 * 16 + 16 + _SHA_BYTES * has_sha
    return end if end <= room else None


def is_whole(data: bytes) -> bool:
    """Whether *data* is one image with the right checksum and the right SHA-256."""
    if image_length(lambda at, n: data[at : at + n], len(data)) != len(data):
        return False
    _, segments, _, has_sha = _HEADER.unpack_from(data)
    at, checksum = _HEADER.size, _CHECKSUM
    for _ in range(segments):
        length = _SEGMENT.unpack_from(data, at)[1]
        at += _SEGMENT.size
        checksum ^= reduce(xor, data[at : at + length], 0)
        at += length
    body = len(data) - _SHA_BYTES * has_sha
    return data[body - 1] == checksum and (
        not has_sha or hashlib.sha256(data[:body]).digest() == data[body:]
    )


def describe(head: bytes) -> Description | None:
    """What the application says whose first `HEAD_BYTES` are *head*, None if it says nothing."""
    if len(head) < HEAD_BYTES or head[0] != _MAGIC:
        return None
    magic, version, project, time, date, idf = _DESCRIPTION.unpack_from(
        head, _HEADER.size + _SEGMENT.size
    )
    if magic != _DESCRIPTION_MAGIC:
        return None
    return Description(_text(project), _text(version), f"{_text(date)} {_text(time)}", _text(idf))


def _text(raw: bytes) -> str:
    """Text up to the first zero, without what a terminal would obey."""
    text = raw.split(b"\0")[0].decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() else "?" for c in text)
