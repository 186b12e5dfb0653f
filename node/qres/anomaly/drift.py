# SPDX-License-Identifier: Apache-2.0
"""
Slow drift of a sensor, which the anomaly score of SPEC 5.5 is blind to by design.

The score compares each value with a slow mean of itself, so it forgets what comes in weeks. Here
the daily mean of a node's departure from its neighbours is compared with its mean of the last
month, in usual changes of all nodes. It runs at the gateway, in float, on replicated values; it
is not replicated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.anomaly.neighbours import apart
from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CHANNELS", "LEARN_DAYS", "SUSPECT", "DriftDay", "DriftWatch"]

CHANNELS: Final = ("temp_degc", "rh_pct")
"""The channels that are watched, in the order of the last axis."""

MEMORY_DAYS: Final = 32
LEARN_DAYS: Final = 32
"""Nothing is judged before so many days."""

SUSPECT: Final = 5.0
"""
A statistic above it is suspected drift: one false alarm in five node-months on four years of
six stations 15 to 60 km apart; fewer where nodes are closer (docs/anomaly-score.md).
"""

SAMPLES_MIN: Final = 12
"""A day counts for a node with so many samples; fewer would show its diurnal course."""

_SPREAD_DAYS: Final = 16
_ROBUST: Final = 4.0
_LEAST: Final = (0.1, 0.5)  # [degC, %] a usual change is taken to be this at least


@dataclass(frozen=True, slots=True, eq=False)
class DriftDay:
    """
    One day's judgement; arrays of shape (nodes, 2) for `CHANNELS`, NaN where it is not known.

    Attributes:
        change: Mean departure from neighbours, less its mean of the last month. [degC, %]
        statistic: The same in usual changes, signed.
        is_suspect: Whether a channel of the node is above `SUSPECT`, shape (nodes,).
    """

    change: NDArray[np.float64]
    statistic: NDArray[np.float64]
    is_suspect: NDArray[np.bool_]


class DriftWatch:
    """
    Watches all nodes of a field.

    Args:
        neighbours: Rows of the nearest other nodes of each, shape (nodes, k); -1 for none.
        suspect: The statistic above which a node is suspect.

    Raises:
        RangeError: A row is not one of a node.
    """

    def __init__(self, neighbours: NDArray[np.intp], suspect: float = SUSPECT) -> None:
        n = len(neighbours)
        bad = (neighbours < -1) | (neighbours >= n)
        if bad.any():
            worst = int(neighbours[bad].flat[0])
            raise RangeError("neighbours", worst, f"must be -1..{n - 1}")
        self._neighbours = neighbours
        self._suspect = suspect
        self._sum = np.zeros((n, len(CHANNELS)))
        self._count = np.zeros((n, len(CHANNELS)), dtype=np.intp)
        self._usual = np.zeros((n, len(CHANNELS)))
        self._days = np.zeros((n, len(CHANNELS)), dtype=np.intp)
        self._spread = np.full(len(CHANNELS), np.nan)

    def add(self, values: NDArray[np.float64]) -> None:
        """
        Take replicated values, evenly spread over the day: 12 moments or more.

        Args:
            values: Shape (nodes, 2) for `CHANNELS`, or (moments, nodes, 2); NaN where not known.

        Raises:
            RangeError: The shape is another one.
        """
        if values.ndim not in {2, 3} or values.shape[-2:] != self._sum.shape:
            raise RangeError("values", f"shape {values.shape}", f"must be {self._sum.shape}")
        x = apart(np.swapaxes(values, -1, -2), self._neighbours)
        x = np.swapaxes(x, -1, -2).reshape(-1, *self._sum.shape)
        known = ~np.isnan(x)
        self._sum += np.where(known, x, 0.0).sum(axis=0)
        self._count += known.sum(axis=0)

    def end_day(self) -> DriftDay:
        """Judge the day that ends, then learn from it."""
        known = self._count >= SAMPLES_MIN
        mean = np.where(known, self._sum / np.maximum(self._count, 1), np.nan)
        self._sum[:], self._count[:] = 0.0, 0
        change = np.where(self._days > 0, mean - self._usual, np.nan)
        spread = np.fmax(self._spread, _LEAST)
        judged = self._days >= LEARN_DAYS
        statistic = np.where(judged, change / spread, np.nan)
        for c in range(len(CHANNELS)):
            size = np.abs(change[:, c])
            size = size[~np.isnan(size)]
            if size.size == 0:
                continue
            if np.isnan(self._spread[c]):
                self._spread[c] = size.mean()
            else:
                typical = np.minimum(size, _ROBUST * spread[c]).mean()
                self._spread[c] += (typical - self._spread[c]) / _SPREAD_DAYS
        self._days += known
        step = np.where(known, mean - self._usual, 0.0)
        self._usual += step / np.clip(self._days, 1, MEMORY_DAYS)
        with np.errstate(invalid="ignore"):
            is_suspect = (np.abs(statistic) > self._suspect).any(axis=1)
        return DriftDay(np.where(judged, change, np.nan), statistic, np.asarray(is_suspect))
