# SPDX-License-Identifier: Apache-2.0
"""
How much of the grass is dead, by the calendar, where nobody looks at it.

The default is the Boreal Plains of Canada, green-up from 12 March. South of the equator this
package shifts it, and the change from matted to standing grass, by half a year. Anybody who can
look at the grass should: curing matters more than the weather.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["is_standing", "seasonal_curing_pct"]

_EVERY_10_DAYS_PCT: Final = np.array(
    [
        *(96.0, 95.0, 93.0, 92.0, 90.5, 88.4, 84.4, 78.1, 68.7, 50.3, 32.9, 23.0, 22.0),
        *(21.0, 20.0, 25.7, 35.0, 43.0, 49.8, 60.0, 68.0, 72.0, 75.0, 78.9, 86.0, 96.0),
    ]
)


def seasonal_curing_pct(
    date: NDArray[np.datetime64], green_up: tuple[int, int] = (3, 12)
) -> NDArray[np.float64]:
    """
    Degree of curing by the calendar. [%] 20..96

    Args:
        date: Local dates, any shape, datetime64[D].
        green_up: Month and day on which grass begins to green; (9, 12) south of the equator.

    Raises:
        RangeError: *green_up* is no date of a common year.

    Source:
        FWI2025, `seasonal_curing`: one value each 10 days, interpolated.

    >>> seasonal_curing_pct(np.array(["2007-05-10", "2007-01-01"], "datetime64[D]")).tolist()
    [84.4, 96.0]
    """
    year = date.astype("datetime64[Y]")
    start = _calendar_day(year, green_up)
    start = np.where(date < start, _calendar_day(year - 1, green_up), start)
    days_in = (date - start).astype(np.int64) + 1
    decade = np.minimum(days_in // 10, _EVERY_10_DAYS_PCT.size - 2)
    share = (days_in - 10 * decade) / 10.0
    low, high = _EVERY_10_DAYS_PCT[decade], _EVERY_10_DAYS_PCT[decade + 1]
    winter = days_in >= 10 * (_EVERY_10_DAYS_PCT.size - 1)
    return np.asarray(np.where(winter, _EVERY_10_DAYS_PCT[-1], low + (high - low) * share))


def is_standing(date: NDArray[np.datetime64], lat_deg: NDArray[np.float64]) -> NDArray[np.bool_]:
    """
    Whether grass stands (second half of the year) or is matted, by the calendar.

    Args:
        date: Local dates, shape (times,), datetime64[D].
        lat_deg: Latitudes, shape (...): south of the equator the halves change places.

    Returns:
        Shape (times, ...).

    Notes:
        cffdrs-ng decides once for a series, by its first date: one that begins in August has
        matted grass until the next July there, standing grass until December here.
    """
    month = date.astype("datetime64[M]").astype(np.int64) % 12 + 1
    second_half = (month >= 7).reshape((-1,) + (1,) * lat_deg.ndim)
    return np.asarray(second_half ^ (lat_deg < 0.0))


def _calendar_day(
    year: NDArray[np.datetime64], month_day: tuple[int, int]
) -> NDArray[np.datetime64]:
    month, day = month_day
    first = year.astype("datetime64[M]") + (month - 1)
    out = first.astype("datetime64[D]") + (day - 1)
    if not 1 <= month <= 12 or (out.astype("datetime64[M]") != first).any() or day < 1:
        raise RangeError("green_up", month_day, "must be a month and a day of it")
    return np.asarray(out)
