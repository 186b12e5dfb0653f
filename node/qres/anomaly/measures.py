# SPDX-License-Identifier: Apache-2.0
"""Recall, delay and false alarms of a series of scores; thresholds at equal false alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qres.anomaly.events import Event

__all__ = ["MONTH_H", "QUIET_H", "Found", "alarms", "false_alarms", "find", "threshold"]

MONTH_H: Final = 730.5
QUIET_H: Final = 24
"""A score above its threshold is a new alarm after so many hours without one. [h]"""

_BISECTIONS: Final = 25


@dataclass(frozen=True, slots=True)
class Found:
    """
    What became of the events of one kind.

    Attributes:
        events: How many there were.
        recall: Share that was found while it lasted. 0..1
        by_chance: Share that the same threshold would have found without the event. 0..1;
            None if that was not run.
        delay_h: Median time from the beginning to the first score above, of those found. [h]
        cause: Share of those found by cause at the first score above: none, weather, heat, sensor.
    """

    events: int
    recall: float
    by_chance: float | None
    delay_h: float | None
    cause: tuple[float, float, float, float] | None


def alarms(above: NDArray[np.bool_], quiet: int) -> int:
    """Number of alarms in columns of (times, nodes), *quiet* times without ending one."""
    count = 0
    for column in above.T:
        at = np.flatnonzero(column)
        if at.size:
            count += 1 + int((np.diff(at) > quiet).sum())
    return count


def false_alarms(
    score: NDArray[np.float64],
    limit: float,
    judged: NDArray[np.bool_],
    steps_per_hour: float,
    quiet_h: float = QUIET_H,
) -> float:
    """Alarms per node-month where *judged*, both of shape (times, nodes)."""
    months = float(judged.sum()) / steps_per_hour / MONTH_H
    return alarms((score > limit) & judged, round(quiet_h * steps_per_hour)) / max(months, 1e-9)


def threshold(
    score: NDArray[np.float64],
    judged: NDArray[np.bool_],
    steps_per_hour: float,
    rate: float,
    quiet_h: float = QUIET_H,
) -> float:
    """
    Least threshold down to which there are at most *rate* false alarms per node-month.

    Further down there may be fewer again, when alarms run into one another; that does not count.
    """

    def too_many(limit: float) -> bool:
        return false_alarms(score, limit, judged, steps_per_hour, quiet_h) > rate

    values = np.sort(score[judged & ~np.isnan(score)])
    if values.size == 0:
        return 0.0
    share = 1.0 / values.size
    high = float(values[-1])
    low = 0.0
    while share < 1.0:
        low = float(values[-1 - int(share * (values.size - 1))])
        if too_many(low):
            break
        high, low = low, 0.0
        share *= 1.3
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if too_many(middle) else (low, middle)
    return high


def find(
    score: NDArray[np.float64],
    quiet_score: NDArray[np.float64] | None,
    limit: float,
    events: Sequence[Event],
    time_s: NDArray[np.int64],
    cause: NDArray[np.uint8] | None = None,
) -> Found:
    """
    Look for *events* in *score*.

    Args:
        score: Shape (times, nodes), of the weather with events.
        quiet_score: The same of the weather without, for what chance would find.
        limit: An event is found by the first score above it, while it lasts.
        events: Of one kind.
        time_s: When each score was there, shape (times,). [s]
        cause: Likely causes, shape (times, nodes).
    """
    delays, lucky, causes = [], 0, np.zeros(4)
    for e in events:
        at = slice(*np.searchsorted(time_s, (e.from_s, e.until_s)).tolist())
        hits = np.flatnonzero(score[at, e.node] > limit)
        if quiet_score is not None:
            lucky += bool((quiet_score[at, e.node] > limit).any())
        if hits.size:
            first = at.start + int(hits[0])
            delays.append((int(time_s[first]) - e.from_s) / 3600.0)
            if cause is not None:
                causes[cause[first, e.node]] += 1
    n, found = max(len(events), 1), len(delays)
    shares = tuple((causes / max(found, 1)).round(3).tolist())
    return Found(
        events=len(events),
        recall=found / n,
        by_chance=None if quiet_score is None else lucky / n,
        delay_h=float(np.median(delays)) if delays else None,
        cause=shares if cause is not None and found else None,
    )
