# SPDX-License-Identifier: Apache-2.0
"""
Noon local standard time: when the daily system takes its weather.

Standard time is that of the zone of 15 degrees in which the station lies, without daylight saving:
clocks that are put forward show 13:00. Agencies that keep another zone give their offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.fire_weather import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DAY_S", "HOUR_S", "local_calendar", "noons_s", "standard_offset_h"]

HOUR_S: Final = 3600
DAY_S: Final = 86_400


def standard_offset_h(lon_deg: ArrayLike) -> NDArray[np.float64]:
    """
    Offset of local standard time from UTC: whole hours, one for each 15 degrees of longitude. [h]

    Args:
        lon_deg: Longitude, any shape, -180..180. [deg east]

    Returns:
        -12..12.

    Raises:
        RangeError: A longitude is outside its range or NaN.

    >>> standard_offset_h([-77.4, 4.4, 149.1]).tolist()
    [-5.0, 0.0, 10.0]
    """
    return np.asarray(np.floor(checks.longitude(lon_deg) / 15.0 + 0.5))


def noons_s(first_s: int, last_s: int, utc_offset_h: float) -> NDArray[np.int64]:
    """
    Unix times of the local noons in `first_s..last_s`, ascending, shape (days,). [s]

    >>> noons_s(0, 2 * 86_400, -5.0).tolist()
    [61200, 147600]
    """
    shift = round(12 * HOUR_S - utc_offset_h * HOUR_S)
    first = -((shift - first_s) // DAY_S)  # first day whose noon is not before first_s
    last = (last_s - shift) // DAY_S
    return np.arange(first, last + 1, dtype=np.int64) * DAY_S + shift


def local_calendar(
    time_s: NDArray[np.int64], utc_offset_h: float
) -> tuple[NDArray[np.datetime64], NDArray[np.int64], NDArray[np.float64]]:
    """
    Local date, month and hour of Unix times.

    Args:
        time_s: Unix times, shape (times,). [s]
        utc_offset_h: Offset of local time, -12..14. [h]

    Returns:
        Date (datetime64[D]), month 1..12 and hour of the day 0..24 (exclusive), each (times,).
    """
    local_s = time_s + round(utc_offset_h * HOUR_S)
    date = (local_s // DAY_S).astype("datetime64[D]")
    month = date.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return date, month, (local_s % DAY_S) / HOUR_S
