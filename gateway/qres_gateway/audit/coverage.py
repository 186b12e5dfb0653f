# SPDX-License-Identifier: Apache-2.0
"""
When was the gateway listening? In its own spans, and never where frames are too far apart.

A gateway keeps a record of when it listened (`qres_gateway.listening`); what is outside its spans
is a gap. But that the process ran does not show that a receiver heard anything, and older gateways
and captures have no record. So frames are asked, too: the protocol bounds silence, for once in H
phases, an hour at most, some node sends a BEACON (SPEC 6.3). Where two beacons in a row and
everything else are missing, the log does not show that anybody listened, and that time counts as a
gap. Only accepted frames are evidence: their time is authenticated by the phase in their nonce.

Without a record, time between two frames that are not too far apart is covered. That holds before
the first span, and for frames outside of spans (of a capture that was added): between two of them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qres.site import Site
    from qres_gateway.listening import Span

__all__ = ["BEACONS_MISSING", "Coverage", "Gap", "beacon_phases", "silence_us"]

BEACONS_MISSING: Final = 2
_HOUR_US: Final = 3_600_000_000
_EVER_US: Final = 1 << 62
_SEAM_US: Final = 1_000_000
"""No gap: a gateway's turns are so far apart, and its clock may be moved so far."""


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
        longest_us: Longest silence while listening that is no gap. [us]
        spans: When gateways say that they listened, in any order; empty if none says.

    Attributes:
        gaps: So far, in order of time.
        recorded_from_us: Since when there is a record of listening; None if there is none. [us]
        n_spans: How many spans touch the period.
    """

    def __init__(
        self, from_us: int, to_us: int, longest_us: int, spans: Iterable[Span] = ()
    ) -> None:
        self.from_us = from_us
        self.to_us = to_us
        self.longest_us = longest_us
        self.gaps: list[Gap] = []
        told = sorted((s.from_us, s.until_us) for s in spans)
        self.recorded_from_us = told[0][0] if told else None
        self.n_spans = sum(a < to_us and b > from_us for a, b in told)
        self._listened = _union([(-_EVER_US, told[0][0] if told else _EVER_US), *told])
        self._ends = [until_us for _, until_us in self._listened]
        self._last_us = from_us
        self._last_is_frame = False
        self._starts: list[int] = []

    def heard(self, at_us: int) -> None:
        """A frame of the field was received; times never fall."""
        self._pass(at_us, is_frame=True)

    def finish(self) -> None:
        """Nothing more was heard."""
        self._pass(self.to_us, is_frame=False)

    def _pass(self, at_us: int, *, is_frame: bool) -> None:
        """Judge the time since the last frame, in which nothing was heard."""
        last_us, was_frame = self._last_us, self._last_is_frame
        self._last_us, self._last_is_frame = at_us, is_frame
        listened = self._listened_between(last_us, at_us)
        without_us = self.longest_us if was_frame and is_frame else _SEAM_US
        if sum(b - a for a, b in listened) > self.longest_us:
            listened = []
        elif not listened and at_us - last_us <= without_us:
            return
        for until_us, from_us in [*listened, (at_us, at_us)]:
            if until_us > last_us:
                self.gaps.append(Gap(last_us, until_us))
                self._starts.append(last_us)
            last_us = from_us

    def _listened_between(self, from_us: int, to_us: int) -> list[tuple[int, int]]:
        found = []
        for at in range(bisect_left(self._ends, from_us), len(self._listened)):
            a, b = self._listened[at]
            if a >= to_us:
                break
            if min(b, to_us) > max(a, from_us):
                found.append((max(a, from_us), min(b, to_us)))
        return found

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


def _union(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order of their beginning, those that overlap or nearly touch made one."""
    found: list[tuple[int, int]] = []
    for a, b in spans:
        if found and a <= found[-1][1] + _SEAM_US:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        else:
            found.append((a, b))
    return found
