# SPDX-License-Identifier: Apache-2.0
"""The echo at the end of a REPORT: an older report of another member, repeated (SPEC 6.5)."""

from __future__ import annotations

from dataclasses import dataclass

from .bits import BitReader, BitWriter
from .fold import Report
from .site import ECHO_WIDTH, RefSite

__all__ = ["ECHO_AGE_MAX", "NO_ECHO", "Echo", "decode_echo", "encode_echo", "low_bits"]

AGE_BITS, SLOT_BITS = 4, 5
ECHO_AGE_MAX = 15
"""Phases that a repeated report may be old."""


@dataclass(frozen=True)
class Echo:
    """
    What a REPORT repeats, SPEC 6.5.

    Attributes:
        age: Phases since the repeated report. 1..15, or 0 for nothing repeated
        slot: Origin slot of its sender. 0..31
        low: The 5 low bits of k of each PRIMARY channel, ascending; empty if age is 0.
    """

    age: int
    slot: int
    low: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.age <= ECHO_AGE_MAX:
            raise ValueError(f"age = {self.age}: must be 0..{ECHO_AGE_MAX}")
        if not 0 <= self.slot < 1 << SLOT_BITS:
            raise ValueError(f"slot = {self.slot}: must be 0..31")
        if any(not 0 <= x < 1 << ECHO_WIDTH for x in self.low):
            raise ValueError(f"low = {self.low}: must be numbers 0..31")
        if self.age == 0 and (self.slot or self.low):
            raise ValueError(f"slot = {self.slot}, low = {self.low}: must be empty if age is 0")


NO_ECHO = Echo(0, 0, ())
"""Nothing is repeated."""


def low_bits(site: RefSite, report: Report) -> tuple[int, ...]:
    """What an echo says of a report: the low bits of each PRIMARY's k, 0 if it is not included."""
    k = report.by_channel()
    return tuple(k.get(c, 0) & ((1 << ECHO_WIDTH) - 1) for c in site.primaries)


def encode_echo(site: RefSite, echo: Echo) -> bytes:
    """
    The bytes that follow the payload of SPEC 6.1; none if the site has no echo.

    Raises:
        ValueError: The site cannot carry this echo.
    """
    if echo.age and not site.echo:
        raise ValueError(f"age = {echo.age}: must be 0 on a site without echo")
    if echo.age and len(echo.low) != len(site.primaries):
        raise ValueError(f"low = {echo.low}: must have {len(site.primaries)} numbers")
    out = BitWriter()
    out.put(echo.age, AGE_BITS)
    out.put(echo.slot, SLOT_BITS)
    for low in echo.low:
        out.put(low, ECHO_WIDTH)
    return out.to_bytes(site.echo_bytes) if site.echo else b""


def decode_echo(site: RefSite, data: bytes) -> tuple[Echo, str]:
    """
    The echo at the end of a payload.

    Args:
        site: The site.
        data: The last `site.echo_bytes` bytes of the payload.

    Returns:
        The echo, and the empty string or why the frame must be refused.
    """
    bits = BitReader(data)
    if not site.echo or bits.rest_is_zero():
        return NO_ECHO, ""
    age = bits.take(AGE_BITS)
    if age == 0:
        return NO_ECHO, "an echo of nothing has bits that are not 0"
    slot = bits.take(SLOT_BITS)
    low = tuple(bits.take(ECHO_WIDTH) for _ in site.primaries)
    return Echo(age, slot, low), "" if bits.rest_is_zero() else "unused bits of the echo are not 0"
