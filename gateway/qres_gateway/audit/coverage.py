# SPDX-License-Identifier: Apache-2.0
"""
When was the gateway listening? Between frames of the field that are not far apart.

A gateway logs frames, not that it listens. But the protocol bounds silence: once in H phases, an
hour at most, some node sends a BEACON (SPEC 6.3). Where two beacons in a row and everything else
are missing, the log does not show that anybody listened, and that time counts as a gap. Only
accepted frames are evidence: their time is authenticated by the phase in their nonce.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from qres.site import Site

__all__ = ["BEACONS_MISSING", "Coverage", "Gap", "beacon_phases", "silence_us"]

BEACONS_MISSING: Final = 2
_HOUR_US: Final = 3_600_000_000


class Gap(NamedTuple):
    """Time in which nothing shows that the gateway was listening. [us]"""

    from_us: int
    to_us: int


def beacon_phases(site: Site) -> int:
    """Every how many phases there is a BEACON, H of SPEC 6.3."""
    return _HOUR_US // site.phase_us


def silence_us(site: Site) -> int:
    """Longest time between two frames in which the gateway still counts as listening. [us]"""
    return (BEACONS_MISSING * beacon_phases(site) + 1) * site.phase_us


class Coverage:
    """
    The times from `from_us` to `to_us` in which the gateway was listening.

    Args:
        from_us: Beginning. [us]
        to_us: End, not included. [us]
        longest_us: Longest time between two frames that is no gap. [us]

    Attributes:
        gaps: So far, in order of time.
    """

    def __init__(self, from_us: int, to_us: int, longest_us: int) -> None:
        self.from_us = from_us
        self.to_us = to_us
        self.longest_us = longest_us
        self.gaps: list[Gap] = []
        self._last_us = from_us
        self._starts: list[int] = []

    def heard(self, at_us: int) -> None:
        """A frame of the field was received; times never fall."""
        if at_us - self._last_us > self.longest_us:
            self.gaps.append(Gap(self._last_us, at_us))
            self._starts.append(self._last_us)
        self._last_us = at_us

    def finish(self) -> None:
        """Nothing more was heard."""
        self.heard(self.to_us)

    @property
    def gap_us(self) -> int:
        """Length of all gaps so far. [us]"""
        return sum(gap.to_us - gap.from_us for gap in self.gaps)

    @property
    def covered_us(self) -> int:
        """The whole time less the gaps. [us]"""
        return max(self.to_us - self.from_us, 0) - self.gap_us

    @property
    def share(self) -> float:
        """Covered share of the whole time; 0 if that is empty. 0..1"""
        whole_us = self.to_us - self.from_us
        return self.covered_us / whole_us if whole_us > 0 else 0.0

    def covered_between(self, from_us: int, to_us: int) -> int:
        """Covered part of from_us..to_us. [us]"""
        low, high = max(from_us, self.from_us), min(to_us, self.to_us)
        if high <= low:
            return 0
        covered = high - low
        at = max(bisect_left(self._starts, low) - 1, 0)
        for gap in self.gaps[at:]:
            if gap.from_us >= high:
                break
            covered -= max(0, min(gap.to_us, high) - max(gap.from_us, low))
        return covered

    def is_covered(self, at_us: int) -> bool:
        """Whether the gateway was listening at a moment."""
        return self.covered_between(at_us, at_us + 1) == 1
