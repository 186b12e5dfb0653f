# SPDX-License-Identifier: Apache-2.0
"""Bit fields, packed LSB first (SPEC 1)."""

from __future__ import annotations

__all__ = ["BitReader", "BitWriter", "signed"]


def signed(raw: int, width: int) -> int:
    """The two's complement number in the *width* low bits of *raw*."""
    return raw - (1 << width) if raw >> (width - 1) & 1 else raw


class BitWriter:
    """Collects fields; the first one occupies the lowest bits of the first byte."""

    def __init__(self) -> None:
        self._bits = 0
        self.length = 0

    def put(self, value: int, width: int) -> None:
        """Append the *width* low bits of *value*."""
        self._bits |= (value & ((1 << width) - 1)) << self.length
        self.length += width

    def to_bytes(self, n: int | None = None) -> bytes:
        """All fields, padded with zero bits to *n* bytes, or to full bytes."""
        return self._bits.to_bytes(-(-self.length // 8) if n is None else n, "little")


class BitReader:
    """Takes fields back in the same order."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")
        self.left = 8 * len(data)

    def take(self, width: int) -> int:
        """
        The next *width* bits.

        Raises:
            EOFError: Fewer bits than that are left.
        """
        if width > self.left:
            raise EOFError(f"width = {width}: only {self.left} bits are left")
        value = self._bits & ((1 << width) - 1)
        self._bits >>= width
        self.left -= width
        return value

    def take_signed(self, width: int) -> int:
        """The next *width* bits as two's complement."""
        return signed(self.take(width), width)

    def rest_is_zero(self) -> bool:
        """Whether every bit that is left is 0."""
        return self._bits == 0
