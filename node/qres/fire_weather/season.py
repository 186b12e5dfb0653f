# SPDX-License-Identifier: Apache-2.0
"""When a fire season begins and ends, by temperature, where nobody watches the snow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["in_season"]


def in_season(
    temp_degc: ArrayLike,
    *,
    start_degc: float = 12.0,
    end_degc: float = 5.0,
    days: int = 3,
) -> NDArray[np.bool_]:
    """
    Whether a day belongs to the fire season.

    It begins the day after *days* consecutive days above *start_degc*, and ends the day after as
    many below *end_degc*. Works on either hemisphere, for it knows no calendar.

    Args:
        temp_degc: Temperature at noon or maximum of the day, shape (days, ...), -60..85. [degC]
        start_degc: Temperature above which days count for the beginning. [degC]
        end_degc: Temperature below which days count for the end. [degC]
        days: How many days in a row, 1 or more.

    Returns:
        Same shape. A NaN day counts for neither and so breaks a run.

    Raises:
        RangeError: An input is outside its range.

    Source:
        Wotton & Flannigan (1993), For. Chron. 69(2), 187-192.

    >>> in_season([13, 13, 13, 9, 4, 4, 4, 4]).astype(int).tolist()
    [0, 0, 0, 1, 1, 1, 1, 0]
    """
    t = checks.temperature(temp_degc)
    if days < 1:
        raise RangeError("days", days, "must be 1 or more")
    warm = np.zeros(t.shape[1:], dtype=np.int64)
    cold = np.zeros(t.shape[1:], dtype=np.int64)
    active = np.zeros(t.shape[1:], dtype=np.bool_)
    out = np.empty(t.shape, dtype=np.bool_)
    for day in range(t.shape[0]):
        active = (active | (warm >= days)) & ~(cold >= days)
        out[day] = active
        warm = np.where(t[day] > start_degc, warm + 1, 0)
        cold = np.where(t[day] < end_degc, cold + 1, 0)
    return out
