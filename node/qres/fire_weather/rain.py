# SPDX-License-Identifier: Apache-2.0
"""
Rain over gaps: missing rain is not zero rain.

A gauge that counts goes on counting while nobody hears it. So from a counter the rain between two
known readings is known, whatever was lost between them; only when it fell is not. From rain per
step there is no such help: one missing step and the total is unknown, and only "at least" is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LateRain", "RainTotals", "from_counter", "from_steps", "late_rain"]

_DECIMALS: Final = 6  # sums of tenths must not pass a threshold of the codes by rounding alone


@dataclass(frozen=True, slots=True, eq=False)
class RainTotals:
    """
    Rain of some periods, shape (periods, ...).

    Attributes:
        rain_mm: The total; NaN where it is unknown. [mm]
        at_least_mm: What is known to have fallen. [mm]
        coverage: Share of the period's steps that were heard, 0..1.
    """

    rain_mm: NDArray[np.float64]
    at_least_mm: NDArray[np.float64]
    coverage: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LateRain:
    """
    Rain of each step as a live listener learns it, shape (times, ...).

    Attributes:
        rain_mm: Rain since the last known reading; NaN where this reading is missing. [mm]
        over_steps: In how many steps it fell; 1 if the reading before was known, 0 where NaN.
    """

    rain_mm: NDArray[np.float64]
    over_steps: NDArray[np.int64]


def late_rain(total_mm: NDArray[np.float64], wraps_at_mm: float | None = None) -> LateRain:
    """
    Rain of each step from a counter; that of a gap arrives, whole, with the reading after it.

    Args:
        total_mm: Readings of a counter, shape (times, ...). [mm] NaN where missing.
        wraps_at_mm: Where the counter begins again at 0, above 0; None if it never does. A fall
            of a counter that never does is a reset: what it then shows has fallen since.

    Raises:
        RangeError: *wraps_at_mm* is not above 0.

    >>> late = late_rain(np.array([1.0, 1.4, np.nan, np.nan, 2.0]))
    >>> late.rain_mm.round(1).tolist(), late.over_steps.tolist()
    ([nan, 0.4, nan, nan, 0.6], [0, 1, 0, 0, 3])
    """
    _check_wrap(wraps_at_mm)
    index = np.arange(total_mm.shape[0]).reshape((-1,) + (1,) * (total_mm.ndim - 1))
    known = ~np.isnan(total_mm)
    last = np.maximum.accumulate(np.where(known, index, -1), axis=0)
    before = np.concatenate([np.full_like(last[:1], -1), last[:-1]])
    usable = known & (before >= 0)
    earlier = np.take_along_axis(total_mm, np.maximum(before, 0), axis=0)
    rain = np.where(usable, _rise(total_mm, earlier, wraps_at_mm), np.nan)
    return LateRain(rain, np.where(usable, index - before, 0))


def from_counter(
    total_mm: NDArray[np.float64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    wraps_at_mm: float | None = None,
) -> RainTotals:
    """
    Rain between two readings of a counter; gaps between them do no harm.

    Args:
        total_mm: Readings of a counter, shape (times, ...). [mm]
        first: Index of the reading at the beginning of each period, shape (periods,).
        last: Index of the reading at its end, shape (periods,); not before *first*.
        wraps_at_mm: As in `late_rain`.

    Returns:
        The total is unknown where either reading is missing; known parts count as "at least".

    Raises:
        RangeError: An index is outside the readings, or *wraps_at_mm* is not above 0.
    """
    steps = late_rain(total_mm, wraps_at_mm).rain_mm
    _check_periods(total_mm.shape[0], first, last)
    # A rise that began before the period is not of it: only those between readings inside count.
    ends_known = ~np.isnan(total_mm[first]) & ~np.isnan(total_mm[last])
    at_least = np.zeros((first.size, *total_mm.shape[1:]))
    for period, (begin, end) in enumerate(zip(first, last, strict=True)):
        inside = ~np.isnan(total_mm[begin : end + 1])
        started = np.cumsum(inside, axis=0) > 1
        at_least[period] = np.where(started & inside, steps[begin : end + 1], 0.0).sum(axis=0)
    at_least = np.asarray(np.round(at_least, _DECIMALS), dtype=np.float64)
    total = np.where(ends_known, at_least, np.nan)
    return RainTotals(total, at_least, _coverage(~np.isnan(total_mm), first, last))


def from_steps(
    rain_mm: NDArray[np.float64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> RainTotals:
    """
    Rain of periods from rain per step.

    Args:
        rain_mm: Rain of each step, shape (times, ...). [mm] NaN where missing.
        first: Index of the step before each period, shape (periods,); -1 for the beginning.
        last: Index of the last step of it, shape (periods,); not before *first*.

    Returns:
        The total is unknown where any step is missing.

    Raises:
        RangeError: An index is outside the steps.
    """
    _check_periods(rain_mm.shape[0], first + 1, last + 1, extra=1)
    known = ~np.isnan(rain_mm)
    fallen = _from_zero(np.where(known, rain_mm, 0.0))
    at_least = np.round(fallen[last + 1] - fallen[first + 1], _DECIMALS)
    coverage = _coverage(known, first, last)
    return RainTotals(np.where(coverage == 1.0, at_least, np.nan), at_least, coverage)


def _rise(
    now: NDArray[np.float64], before: NDArray[np.float64], wraps_at_mm: float | None
) -> NDArray[np.float64]:
    rise = now - before
    if wraps_at_mm is not None:
        return np.asarray(np.mod(rise, wraps_at_mm))
    return np.asarray(np.where(rise < 0.0, now, rise))


def _coverage(
    known: NDArray[np.bool_], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Share of the steps `first + 1 .. last` that are known; 1 for a period of no steps."""
    count = _from_zero(known.astype(np.float64))
    heard = count[last + 1] - count[first + 1]
    steps = (last - first).reshape((-1,) + (1,) * (known.ndim - 1))
    return np.asarray(np.where(steps > 0, heard / np.maximum(steps, 1), 1.0))


def _from_zero(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running sum with a leading 0, shape (times + 1, ...)."""
    return np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])


def _check_wrap(wraps_at_mm: float | None) -> None:
    if wraps_at_mm is not None and not wraps_at_mm > 0.0:
        raise RangeError("wraps_at_mm", wraps_at_mm, "must be above 0 mm, or None")


def _check_periods(
    n_times: int, first: NDArray[np.int64], last: NDArray[np.int64], extra: int = 0
) -> None:
    for name, index in (("first", first), ("last", last)):
        bad = (index < 0) | (index >= n_times + extra)
        if bad.any():
            limit = f"must be {-extra}..{n_times - 1}"
            raise RangeError(name, int(index[bad][0]) - extra, limit)
    if (last < first).any():
        at = int(np.argmax(last < first))
        raise RangeError("last", int(last[at]) - extra, f"must not be before {first[at] - extra}")
