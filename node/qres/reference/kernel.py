# SPDX-License-Identifier: Apache-2.0
"""Two formulas of the site: time on air and the kernel (SPEC 3 and 5.1)."""

from __future__ import annotations

from .fixed import rdiv, rsh

__all__ = ["airtime_us", "kernel_q16", "part_power"]

_POWERS = (
    65536, 64132, 62757, 61413, 60097, 58809, 57549, 56316, 55109, 53928, 52773, 51642, 50535,
    49452, 48393, 47356, 46341, 45348, 44376, 43425, 42495, 41584, 40693, 39821, 38968, 38133,
    37316, 36516, 35734, 34968, 34219, 33486, 32768,
)  # fmt: skip
"""T of SPEC 5.1: round(65536 * 2^(-i/32)), i = 0..32."""


def part_power(u: int) -> int:
    """
    2^(-u/65536) between the entries of T, SPEC 5.1 (t) and 5.5 (ti). [Q16]

    Args:
        u: 0..65535.

    >>> part_power(0), part_power(32768)
    (65536, 46341)
    """
    i, v = u >> 11, u & 0x7FF
    return _POWERS[i] - (((_POWERS[i] - _POWERS[i + 1]) * v + 1024) >> 11)


def airtime_us(payload_bytes: int, *, sf: int, bw_hz: int, cr: int, preamble_symbols: int) -> int:
    """
    Time on air of a LoRa frame, rounded half up. [us]

    Explicit header and PHY CRC, SPEC 3; low data rate optimisation from 16.38 ms a symbol on.

    Source:
        Semtech SX1261/2 data sheet, section 6.1.4, LoRa time-on-air, SF7 and above.
    """
    slow = (1 << sf) * 1_000_000 >= 16_380 * bw_hz
    bits = max(8 * payload_bytes + 16 - 4 * sf + 8 + 20, 0)
    per_block = 4 * (sf - 2 if slow else sf)
    quarter_symbols = 4 * preamble_symbols + 17 + 4 * 8 + 4 * -(-bits // per_block) * (cr + 4)
    return rdiv(quarter_symbols * (1 << sf) * 1_000_000, 4 * bw_hz)


def kernel_q16(d_m: int, range_m: int) -> int:
    """
    The kernel g at distance *d_m*: close to 65536 * exp(-d/range), SPEC 5.1. [Q16] 0..65535

    >>> kernel_q16(0, 20000), kernel_q16(20000, 20000)
    (65535, 24111)
    """
    y = d_m * 94_548 // range_m
    n, u = y >> 16, y & 0xFFFF
    t = part_power(u)
    return min(65535, t if n == 0 else 0 if n > 16 else rsh(t, n))
