# SPDX-License-Identifier: Apache-2.0
"""The member's own side: its samples, their misses, its first reports (SPEC 6.2)."""

from __future__ import annotations

from collections.abc import Sequence

from .fold import Report
from .report import choose_report
from .site import RefSite
from .state import State

__all__ = ["Origin"]

INTRODUCTIONS = 2
"""Own phases after a start in which a member reports in form X whatever it measures."""

MISSED_MAX = 255


class Origin:
    """What a member remembers from one own phase to the next, SPEC 6.2."""

    def __init__(self, site: RefSite) -> None:
        self._missed = [0] * site.n_channels
        self._introductions = INTRODUCTIONS

    def choose(
        self, site: RefSite, state: State, member: int, samples: Sequence[int | None]
    ) -> tuple[str, Report] | None:
        """Form and report for the samples of an own phase, as `report.choose_report`."""
        self._missed = [
            0 if x is not None else min(MISSED_MAX, n + 1)
            for x, n in zip(samples, self._missed, strict=True)
        ]
        introduce = self._introductions > 0
        self._introductions -= introduce
        return choose_report(site, state, member, samples, self._missed, introduce=introduce)
