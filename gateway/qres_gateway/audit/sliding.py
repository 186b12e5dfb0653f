# SPDX-License-Identifier: Apache-2.0
"""
The fullest 60 minutes, at whatever minute they begin.

A window holds the frames whose reception ended in (t - 1 h, t], each whole. Windows that end with
a frame are enough: any other holds no more than one of them. Against time on air to the
microsecond this errs by less than one frame, upwards: the first frame counts whole, too.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from qres_gateway.ledger import HOUR_US

__all__ = ["Peak", "SlidingHour"]


@dataclass(slots=True)
class Peak:
    """The greatest sum, and the end of the first window that reached it. [us]"""

    value: int = 0
    end_us: int | None = None

    def see(self, value: int, end_us: int) -> None:
        """Keep it if it is greater."""
        if value > self.value:
            self.value, self.end_us = value, end_us


@dataclass(slots=True)
class SlidingHour:
    """
    Bytes and airtime of the last 60 minutes, and the most there have been.

    Attributes:
        n_bytes, airtime_us: Of the window that ends with the last frame.
        most_bytes, most_airtime_us: The greatest so far.
    """

    n_bytes: int = 0
    airtime_us: int = 0
    most_bytes: Peak = field(default_factory=Peak)
    most_airtime_us: Peak = field(default_factory=Peak)
    _frames: deque[tuple[int, int, int]] = field(default_factory=deque)

    def add(self, at_us: int, n_bytes: int, airtime_us: int) -> None:
        """One frame whose reception ended at `at_us`; times never fall."""
        frames = self._frames
        frames.append((at_us, n_bytes, airtime_us))
        self.n_bytes += n_bytes
        self.airtime_us += airtime_us
        oldest_us = at_us - HOUR_US
        while frames[0][0] <= oldest_us:
            _, old_bytes, old_us = frames.popleft()
            self.n_bytes -= old_bytes
            self.airtime_us -= old_us
        if self.n_bytes > self.most_bytes.value:
            self.most_bytes.see(self.n_bytes, at_us)
        if self.airtime_us > self.most_airtime_us.value:
            self.most_airtime_us.see(self.airtime_us, at_us)
