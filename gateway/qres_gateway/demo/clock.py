# SPDX-License-Identifier: Apache-2.0
"""The field's time as the gateway's clock: a demo runs faster than the wall."""

from __future__ import annotations

from qres_gateway.sources.base import Instant

__all__ = ["FieldClock"]


class FieldClock:
    """Stands still until it is set; both clocks of the simulated host show the same."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now(self) -> Instant:
        """The field's time on both clocks."""
        return Instant(self._now_us, self._now_us)

    def set(self, now_us: int) -> None:
        """Move on to *now_us*; it never goes back."""
        self._now_us = max(self._now_us, now_us)
