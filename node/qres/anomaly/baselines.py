# SPDX-License-Identifier: Apache-2.0
"""What anybody would try first: departures of one station from its own usual day."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["station_z", "usual_departure"]

MEMORY_DAYS: Final = 21
_ROBUST: Final = 6.0
LEAST: Final = (0.25, 1.25)
"""Usual departures of temperature [degC] and humidity [%] are taken to be this at least."""


def usual_departure(
    values: NDArray[np.float64],
    steps_per_day: int,
    least: float,
    memory_days: int = MEMORY_DAYS,
) -> NDArray[np.float64]:
    """
    Departure from the usual value of the hour, in usual departures of the hour.

    Args:
        values: Shape (times, ...), the first at the beginning of a day or not; NaN is skipped.
        steps_per_day: Times in a day, a multiple of 24.
        least: The usual departure is taken to be this at least.
        memory_days: Of the running means of value and absolute departure, by hour of the day.

    Returns:
        Same shape, from what was known before the day; NaN on the first day.

    Notes:
        A departure counts as at most six usual ones in the mean of departures.
    """
    per_hour = steps_per_day // 24
    days = -(-len(values) // steps_per_day)
    full = np.full((days * steps_per_day, *values.shape[1:]), np.nan)
    full[: len(values)] = values
    by_day = full.reshape(days, 24, per_hour, *values.shape[1:])
    out = np.full_like(by_day, np.nan)
    usual = np.full((24, *values.shape[1:]), np.nan)
    spread = np.full_like(usual, np.nan)
    for day in range(days):
        today = by_day[day]
        known = ~np.isnan(today)
        counts = np.maximum(known.sum(axis=1), 1)
        mean = np.where(known.any(axis=1), np.nansum(today, axis=1) / counts, np.nan)
        out[day] = (today - usual[:, None]) / np.maximum(spread, least)[:, None]
        share = 1.0 / min(day + 1, memory_days)
        far = np.abs(mean - usual)
        far = np.where(np.isnan(spread), far, np.minimum(far, _ROBUST * np.maximum(spread, least)))
        step = np.where(np.isnan(far), 0.0, far - np.where(np.isnan(spread), far, spread))
        spread = np.where(np.isnan(spread), far, spread + share * step)
        step = np.where(np.isnan(mean), 0.0, mean - np.where(np.isnan(usual), mean, usual))
        usual = np.where(np.isnan(usual), mean, usual + share * step)
    return np.asarray(out.reshape(full.shape)[: len(values)])


def station_z(
    temp_degc: NDArray[np.float64], rh_pct: NDArray[np.float64], steps_per_day: int
) -> NDArray[np.float64]:
    """
    The greater of both channels' absolute departures, shape (times, stations).

    A plain per-station z-score with a climatology by hour of the day: it sees no neighbours.
    """
    t = np.abs(usual_departure(temp_degc, steps_per_day, LEAST[0]))
    h = np.abs(usual_departure(rh_pct, steps_per_day, LEAST[1]))
    return np.asarray(np.fmax(t, h))
