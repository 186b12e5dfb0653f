# SPDX-License-Identifier: Apache-2.0
"""The field's clock: a receiver follows the arrivals of authenticated frames (SPEC 3.1)."""

from __future__ import annotations

from .fixed import clip, rdiv

__all__ = ["FieldClock"]

OFFSETS_MAX = 32
ERROR_MAX_US = 200_000
RATE_MAX = 100_000
RATE_STEP_MAX = 4_000


class FieldClock:
    """
    Correction of a receiver's own clock, SPEC 3.1; not replicated state.

    Attributes:
        corr_us: What to add to the own clock. [us]
        rate: What the own clock loses. [1e-9]
    """

    def __init__(self) -> None:
        self.corr_us = 0
        self.rate = 0
        self._offsets_us: list[int] = []

    def take(self, offset_us: int) -> None:
        """Note how much later than due an authentic frame started, by field time. [us]"""
        if len(self._offsets_us) < OFFSETS_MAX:
            self._offsets_us.append(offset_us)

    def commit(self, phase_us: int) -> None:
        """Follow the offsets of the phase that is committed, and the rate found so far."""
        if self._offsets_us:
            median = sorted(self._offsets_us)[len(self._offsets_us) // 2]
            e = clip(median, -ERROR_MAX_US, ERROR_MAX_US)
            self.corr_us -= rdiv(e, 4)
            step = clip(rdiv(e * 31_250_000, phase_us), -RATE_STEP_MAX, RATE_STEP_MAX)
            rate = self.rate - step - rdiv(self.rate, 64)
            self.rate = clip(rate, -RATE_MAX, RATE_MAX)
            self._offsets_us.clear()
        self.corr_us += rdiv(self.rate * phase_us, 1_000_000_000)
