# SPDX-License-Identifier: Apache-2.0
"""Integers of the protocol: the rounding rule, square root, saturation and hash (SPEC 1)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "I64",
    "INT16_MAX",
    "INT16_MIN",
    "clip",
    "clip16",
    "clip32",
    "hash32",
    "isqrt",
    "rdiv",
    "rsh",
]

I64 = NDArray[np.int64]
"""Array of integers. Nothing in it overflows while values stay inside their SPEC ranges."""

INT16_MIN = -(2**15)
INT16_MAX = 2**15 - 1
_INT32_MIN = -(2**31)
_INT32_MAX = 2**31 - 1
_U32 = 0xFFFFFFFF

Integers = TypeVar("Integers", int, I64)


def rsh(x: Integers, n: int) -> Integers:
    """
    *x* / 2^n rounded half up, SPEC 1; n = 0 returns *x*, SPEC 4.

    >>> rsh(3, 1), rsh(-3, 1), rsh(-1, 1)
    (2, -1, 0)
    """
    if n == 0:
        return x
    return (x + (1 << (n - 1))) >> n


def rdiv(a: Integers, b: int) -> Integers:
    """
    *a* / *b* rounded half up, for *b* > 0, SPEC 1.

    >>> rdiv(5, 2), rdiv(-5, 2), rdiv(-6, 4)
    (3, -2, -1)
    """
    if b <= 0:
        raise ValueError(f"b = {b}: must be above 0")
    return (2 * a + b) // (2 * b)


def clip(x: int, lo: int, hi: int) -> int:
    """*x* bounded to *lo*..*hi*, SPEC 1. Arrays use `numpy.clip`."""
    return max(lo, min(x, hi))


def clip16(x: int) -> int:
    """*x* bounded to int16, SPEC 5.3."""
    return clip(x, INT16_MIN, INT16_MAX)


def clip32(x: int) -> int:
    """*x* bounded to int32, the type of a value in SPEC 4."""
    return clip(x, _INT32_MIN, _INT32_MAX)


def isqrt(x: int) -> int:
    """Floor of the square root of *x* >= 0, SPEC 1."""
    return math.isqrt(x)


def hash32(words: Iterable[int]) -> int:
    """
    The 32-bit hash of *words*, SPEC 1.1.

    Args:
        words: Integers -2^31..2^32-1; a negative one enters as its two's complement.

    >>> hex(hash32([]))
    '0xbbe0a44b'
    """
    h = 0x51524553
    for word in words:
        h = ((h ^ (word & _U32)) * 0x9E3779B1) & _U32
        h ^= h >> 15
    h ^= h >> 13
    h = (h * 0x85EBCA6B) & _U32
    return h ^ (h >> 16)
