# SPDX-License-Identifier: Apache-2.0
"""Channels, and the fire-weather table (SPEC 2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from .fixed import rdiv

__all__ = ["RAIN", "RH", "TEMP", "WIND", "RefChannel", "check", "fire_channels"]

TEMP, RH, WIND, RAIN = 1, 2, 3, 4
"""Roles of SPEC 2.1; 0 is none."""


def check(ok: bool, name: str, value: object, limit: str) -> None:
    """Refuse a site in the words of the project: argument, value, limit."""
    if not ok:
        raise ValueError(f"{name} = {value}: must be {limit}")


@dataclass(frozen=True)
class RefChannel:
    """
    One channel, SPEC 2.1.

    Attributes:
        tol: Tolerance. [Q16.16] above 0
        step: Quantisation step. [Q16.16] 1..tol/2
        lo: Least predicted value. [Q16.16]
        hi: Greatest predicted value. [Q16.16] above *lo*
        rho: Share of a surprise that neighbours have in common. [Q16] 0..65536
        flags: Bit 0 LINEAR, bit 1 PRIMARY, bits 2..4 role.
        w0: Weights at start. [Q24]
    """

    tol: int
    step: int
    lo: int
    hi: int
    rho: int
    flags: int
    w0: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        check(self.tol > 0, "tol", self.tol, "above 0")
        check(self.step >= 1 and 2 * self.step <= self.tol, "step", self.step, "1..tol/2")
        check(self.lo < self.hi, "lo", self.lo, f"below hi = {self.hi}")
        check(0 <= self.rho <= 65536, "rho", self.rho, "0..65536")
        check(0 <= self.flags <= 31, "flags", self.flags, "0..31")
        check(self.role <= RAIN, "role", self.role, "0..4")
        check(len(self.w0) == 4, "w0", self.w0, "four numbers")

    @property
    def linear(self) -> bool:
        """Learned prediction and conditioning; otherwise HOLD."""
        return bool(self.flags & 1)

    @property
    def primary(self) -> bool:
        """Part of every short report; otherwise a rider."""
        return bool(self.flags & 2)

    @property
    def role(self) -> int:
        """What the fire weather takes the channel for: 0, `TEMP`, `RH`, `WIND` or `RAIN`."""
        return self.flags >> 2


def _scaled(text: str, bits: int) -> int:
    """The decimal number *text* times 2^bits, rounded half up, SPEC 2.1."""
    exact = Decimal(text) * 2**bits + Decimal("0.5")
    return int(exact.to_integral_value(rounding=ROUND_FLOOR))


def fire_channels(tolerance_class: str = "standard") -> tuple[RefChannel, ...]:
    """
    The fire-weather table of SPEC 2.1.

    Args:
        tolerance_class: "strict", "standard" or "coarse".

    >>> fire_channels("strict")[0].tol
    39322
    """
    column = {"strict": 0, "standard": 1, "coarse": 2}[tolerance_class]
    rows = (
        (("0.6", "1", "2"), "-60", "85", "0.5", TEMP, ("0.6", "0", "0", "0")),
        (("3", "5", "10"), "0", "100", "0.5", RH, ("0.6", "0", "0", "0")),
        (("0.5", "1", "2"), "0", "75", "0.3", WIND, ("0", "0.2", "0", "0")),
        (("0.5", "1", "2"), "0", "6500", "0", RAIN, ("0", "0", "0", "0")),
    )
    table = []
    for tols, lo, hi, rho, role, w0 in rows:
        tol = _scaled(tols[column], 16)
        a, b, c, d = (_scaled(w, 24) for w in w0)
        step = _scaled("0.2", 16) if role == RAIN else rdiv(tol, 4)
        table.append(
            RefChannel(
                tol=tol,
                step=step,
                lo=_scaled(lo, 16),
                hi=_scaled(hi, 16),
                rho=_scaled(rho, 16),
                flags=role << 2 | (0 if role == RAIN else 3),
                w0=(a, b, c, d),
            )
        )
    return tuple(table)
