# SPDX-License-Identifier: Apache-2.0
"""What was on air: bytes, airtime and frames by type, node and hour."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qres.virtual.air import Transmission

__all__ = ["Traffic"]

_HOUR_US = 3_600_000_000


@dataclass(slots=True)
class Traffic:
    """
    A running total of transmissions, every frame of every node: headers and tags included.

    Attributes:
        n_bytes: PHY payload by frame type. [bytes]
        airtime_us: Time on air by frame type. [us]
        frames: Number by frame type.
        report_sizes: Number of reports by frame length [bytes].
        hour_bytes: PHY payload by hour number since the Unix epoch. [bytes]
        node_airtime_us: Time on air by (row of the sender, hour). [us]
    """

    n_bytes: Counter[str] = field(default_factory=Counter)
    airtime_us: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    report_sizes: Counter[int] = field(default_factory=Counter)
    hour_bytes: Counter[int] = field(default_factory=Counter)
    node_airtime_us: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, transmissions: Iterable[Transmission]) -> None:
        """Count *transmissions*."""
        for t in transmissions:
            size, airtime_us, hour = len(t.frame), t.end_us - t.start_us, t.start_us // _HOUR_US
            self.n_bytes[t.kind] += size
            self.airtime_us[t.kind] += airtime_us
            self.frames[t.kind] += 1
            self.hour_bytes[hour] += size
            self.node_airtime_us[t.sender, hour] += airtime_us
            if t.kind == "report":
                self.report_sizes[size] += 1

    @property
    def total_bytes(self) -> int:
        """PHY payload of all frames. [bytes]"""
        return sum(self.n_bytes.values())

    @property
    def total_frames(self) -> int:
        """Number of frames."""
        return sum(self.frames.values())

    @property
    def total_airtime_us(self) -> int:
        """Time on air of all frames. [us]"""
        return sum(self.airtime_us.values())

    @property
    def busiest_hour_bytes(self) -> int:
        """PHY payload of the busiest clock hour. [bytes]"""
        return max(self.hour_bytes.values(), default=0)

    @property
    def worst_duty_cycle(self) -> float:
        """Greatest share of a clock hour that one node was on air. 0..1"""
        return max(self.node_airtime_us.values(), default=0) / _HOUR_US
