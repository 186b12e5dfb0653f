# SPDX-License-Identifier: Apache-2.0
"""How wrong is this host's clock? The field has no Internet; a receiver with GNSS knows the time.

A frame with GNSS time arrives a little after its reception. Arrival by the host's clock minus
reception by GNSS is the host's error plus that delay.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from qres_gateway.sources.base import RawFrame

_KEPT: Final = 15
_NEEDED: Final = 3
IGNORED_US: Final = 500_000
"""Smaller differences are taken for delay on the way, not for an error of the clock."""
STEP_US: Final = 500_000
"""The wall clock moved this much against the monotonic one: it was set, not steered."""


class HostClock:
    """Estimates the host's error from frames with GNSS time, and corrects by it."""

    def __init__(self) -> None:
        self._differences: deque[int] = deque(maxlen=_KEPT)
        self._error_us = 0

    @property
    def error_us(self) -> int:
        """Host minus true time; 0 while unknown or too small to tell from delay. [us]"""
        return self._error_us

    def observe(self, frame: RawFrame) -> None:
        """Learn from a frame; only those with GNSS time and an arrival time teach anything."""
        if frame.rx_time_source != "gps" or frame.host_us is None:
            return
        self._differences.append(frame.host_us - frame.rx_us)
        self._estimate()

    def stepped(self, step_us: int) -> None:
        """The clock was set: what is known of its error moves with it."""
        self._differences = deque((d + step_us for d in self._differences), maxlen=_KEPT)
        self._estimate()

    def true_us(self, host_us: int) -> int:
        """A time read from the host's clock, corrected."""
        return host_us - self._error_us

    def rx_us(self, frame: RawFrame) -> int:
        """End of reception, corrected where the host's clock is in it."""
        return frame.rx_us if frame.rx_time_source == "gps" else frame.rx_us - self._error_us

    def _estimate(self) -> None:
        if len(self._differences) < _NEEDED:
            return
        # The lower quartile: little delay in it, and a single wrong GNSS time cannot set it.
        estimate = sorted(self._differences)[len(self._differences) // 4]
        self._error_us = estimate if abs(estimate) > IGNORED_US else 0
