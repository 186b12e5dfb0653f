# SPDX-License-Identifier: Apache-2.0
"""
The field key: 128 bits, shared by all nodes of a field, in a file of its own.

The file holds 32 hexadecimal digits and a line feed, mode 0600. Nothing here prints a key or puts
any part of one into an error.
"""

from __future__ import annotations

import os
import stat
import string
from typing import TYPE_CHECKING, Final

from qres.atomic_file import write_atomic
from qres.errors import KeyFileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["KEY_BYTES", "loose_permissions", "new_key", "read_key_file", "write_key_file"]

KEY_BYTES: Final = 16
"""Length of a field key. [bytes]"""

_DIGITS = 2 * KEY_BYTES
_LIMIT = f"must be {_DIGITS} hexadecimal digits ({8 * KEY_BYTES} bits)"
_READ_MAX = 4096


def new_key(random_bytes: Callable[[int], bytes] = os.urandom) -> bytes:
    """A fresh key of `KEY_BYTES` bytes from the operating system's generator."""
    return random_bytes(KEY_BYTES)


def write_key_file(path: Path, key: bytes, *, replace: bool = False) -> None:
    """
    Write *key* to *path*, readable by its owner only, whole or not at all.

    Raises:
        KeyFileError: *key* is not `KEY_BYTES` long, or *path* exists and *replace* is false.
        OSError: The folder cannot be written.
    """
    if len(key) != KEY_BYTES:
        raise KeyFileError(path, f"a key of {len(key)} bytes: must be {KEY_BYTES}")
    try:
        write_atomic(path, key.hex().encode("ascii") + b"\n", mode=0o600, replace=replace)
    except FileExistsError as e:
        raise KeyFileError(
            path, "exists already; nodes that hold its key would no longer be understood"
        ) from e


def read_key_file(path: Path) -> bytes:
    """
    The key in the file *path*.

    Returns:
        `KEY_BYTES` bytes.

    Raises:
        KeyFileError: The file is absent, unreadable, too short or long, not hexadecimal, or
            holds a key of equal bytes, which no generator makes.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_READ_MAX)
    except FileNotFoundError as e:
        raise KeyFileError(
            path, "not found; copy the field's key there, or make a new field with `qres site new`"
        ) from e
    except OSError as e:
        raise KeyFileError(path, f"cannot be read: {e.strerror}") from e
    digits = raw.strip()
    allowed = string.hexdigits.encode("ascii")
    place = next((i for i, b in enumerate(digits) if b not in allowed), None)
    if place is not None:
        raise KeyFileError(path, f"character {place + 1} is no digit: {_LIMIT}")
    if len(digits) != _DIGITS:
        raise KeyFileError(path, f"has {len(digits)} digits: {_LIMIT}")
    key = bytes.fromhex(digits.decode("ascii"))
    if len(set(key)) == 1:
        raise KeyFileError(path, "all bytes are equal: must be a random key")
    return key


def loose_permissions(path: Path) -> int | None:
    """Permission bits of *path* if others than its owner may read or write it, else None."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return mode if mode & (stat.S_IRWXG | stat.S_IRWXO) else None
