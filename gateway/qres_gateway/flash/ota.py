# SPDX-License-Identifier: Apache-2.0
"""
Which application slot a board starts, and how to make it start another one without risk.

Source:
    ESP-IDF 6.0: esp_flash_partitions.h (an entry of 32 bytes at the start of each of two sectors:
    u32 sequence, 20 bytes label, u32 state, u32 CRC-32 of the sequence alone; the states),
    bootloader_common_loader.c and bootloader_utility.c (which entry counts, in which order slots
    are tried), with CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE as sdkconfig.defaults sets it.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "ENTRY_BYTES",
    "ERASED_SECTOR",
    "OTADATA_BYTES",
    "SECTOR_BYTES",
    "Entry",
    "Plan",
    "State",
    "entry_sector",
    "parse_entry",
    "plan_update",
    "start_order",
]

ENTRY_BYTES: Final = 32
SECTOR_BYTES: Final = 4096
OTADATA_BYTES: Final = 2 * SECTOR_BYTES
"""Length of the partition otadata: two sectors, an entry in each. [bytes]"""

ERASED_SECTOR: Final = b"\xff" * SECTOR_BYTES

_ENTRY: Final = struct.Struct("<I20sII")
_NONE: Final = 2**32 - 1


class State(IntEnum):
    """What is known of the application that an entry selects."""

    NEW = 0
    """Never started. The bootloader starts it once, as PENDING."""
    PENDING = 1
    """Started, not confirmed. Met at the next start, it becomes ABORTED."""
    VALID = 2
    """It has confirmed itself."""
    INVALID = 3
    """It has called itself unfit."""
    ABORTED = 4
    """It ended before it confirmed itself."""
    UNDEFINED = 2**32 - 1
    """Nobody watches whether it confirms itself."""


_OUT: Final = (State.INVALID, State.ABORTED)


class Entry(NamedTuple):
    """
    One of the two entries of otadata.

    Attributes:
        sequence: The entry with the higher one counts; it selects slot (sequence - 1) modulo the
            number of slots.
        state: One of `State`, or what a torn entry holds.
        is_whole: The checksum fits, and the sequence is not that of erased flash.
    """

    sequence: int
    state: int
    is_whole: bool

    @property
    def counts(self) -> bool:
        """Whether the bootloader goes by it at the next start: PENDING is over then."""
        return self.is_whole and self.state not in (*_OUT, State.PENDING)

    def slot(self, slots: int) -> int:
        """The slot that it selects, of *slots*."""
        return (self.sequence - 1) % 2**32 % slots


class Plan(NamedTuple):
    """
    How to bring a new application into a slot.

    At each moment of it the board starts slot `keep`; from `after` on, slot `target`.

    Attributes:
        keep: The slot whose application goes on until the new one is whole.
        target: The slot that the new one goes to.
        before: Sectors of otadata (0 or 1) and their content, to be written first, in this order.
        after: Sector and content, to be written when the application is in its slot.
    """

    keep: int
    target: int
    before: tuple[tuple[int, bytes], ...]
    after: tuple[int, bytes]


def parse_entry(data: bytes) -> Entry:
    """The entry in the first `ENTRY_BYTES` of *data*."""
    sequence, _label, state, crc = _ENTRY.unpack(data[:ENTRY_BYTES])
    return Entry(sequence, state, sequence != _NONE and crc == _crc(sequence))


def entry_sector(sequence: int, state: State) -> bytes:
    """A sector of otadata with that entry."""
    entry = _ENTRY.pack(sequence, b"\xff" * 20, state, _crc(sequence))
    return entry.ljust(SECTOR_BYTES, b"\xff")


def start_order(entries: Sequence[Entry], slots: int) -> tuple[int, ...]:
    """
    The slots in the order in which the bootloader tries them: it starts the first whole one.

    Args:
        entries: The two of otadata.
        slots: How many application slots there are, at least 1; no factory application.
    """
    counting = [e for e in entries if e.counts]
    if not counting:
        return tuple(range(slots))
    first = max(counting, key=lambda e: e.sequence).slot(slots)
    return (*range(first, -1, -1), *range(first + 1, slots))


def plan_update(
    entries: Sequence[Entry], slots: int, is_whole: Callable[[int], bool]
) -> Plan | None:
    """
    How to update a board.

    Kept is a slot whose application has proved itself, before one that never ran.

    Args:
        entries: The two of otadata.
        slots: How many application slots there are, at least 2.
        is_whole: Whether a slot holds a whole application.

    Returns:
        None if no slot does: then there is nothing to keep.
    """
    now = list(entries)
    before: list[tuple[int, bytes]] = []

    def put(index: int, sector: bytes) -> None:
        before.append((index, sector))
        now[index] = parse_entry(sector)

    candidates = sorted(
        (i for i in range(2) if now[i].counts),
        key=lambda i: (now[i].state == State.NEW, -now[i].sequence),
    )
    held = next((i for i in candidates if is_whole(now[i].slot(slots))), None)
    if held is None:
        keep = next((s for s in start_order(now, slots) if is_whole(s)), None)
        if keep is None:
            return None
        held = min(range(2), key=lambda i: (now[i].counts, now[i].sequence))
        put(held, entry_sector(_next_sequence(now, keep, slots), State.VALID))
    keep = now[held].slot(slots)
    other = 1 - held
    if now[other].is_whole and now[other].state not in _OUT:
        put(other, ERASED_SECTOR)
    target = (keep + 1) % slots
    after = entry_sector(_next_sequence(now, target, slots), State.NEW)
    return Plan(keep, target, tuple(before), (other, after))


def _next_sequence(entries: Sequence[Entry], slot: int, slots: int) -> int:
    """The least sequence that counts more than *entries* and selects *slot*."""
    top = max((e.sequence for e in entries if e.is_whole), default=0)
    return next(n for n in range(top + 1, top + 1 + slots) if (n - 1) % slots == slot)


def _crc(sequence: int) -> int:
    return zlib.crc32(sequence.to_bytes(4, "little"), 0xFFFFFFFF)
