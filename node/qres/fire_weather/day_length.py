# SPDX-License-Identifier: Apache-2.0
"""
Day length by month and latitude, as the DMC and the DC take it.

The bands are those of the CFFDRS: the tables of 1985 hold for Canada; for other latitudes those of
Lawson & Armitage (2008). xclim and the global fire weather database use other limits (15 in place
of 10 degrees for the DMC and of 20 for the DC, and 1.39 for 1.4): there the codes differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CANADA_LAT_DEG", "dc_day_length_factor", "dmc_day_length_h"]

CANADA_LAT_DEG: Final = 46.0
"""Latitude for which the tables of 1985 were made. [deg]"""

_DMC_EDGES_DEG: Final = np.array([-30.0, -10.0, 10.0, 30.0])  # a band includes its northern edge
_DMC_HOURS: Final = np.array(
    [
        [11.5, 10.5, 9.2, 7.9, 6.8, 6.2, 6.5, 7.4, 8.7, 10.0, 11.2, 11.8],  # 40 S
        [10.1, 9.6, 9.1, 8.5, 8.1, 7.8, 7.9, 8.3, 8.9, 9.4, 9.9, 10.2],  # 20 S
        [9.0] * 12,
        [7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8],  # 20 N
        [6.5, 7.5, 9.0, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8.0, 7.0, 6.0],  # 46 N
    ]
)
_DC_EDGES_DEG: Final = np.array([-20.0, 20.0])
_DC_FACTORS: Final = np.array(
    [
        [6.4, 5.0, 2.4, 0.4, -1.6, -1.6, -1.6, -1.6, -1.6, 0.9, 3.8, 5.8],
        [1.4] * 12,
        [-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5.0, 2.4, 0.4, -1.6, -1.6],
    ]
)


def dmc_day_length_h(month: ArrayLike, lat_deg: ArrayLike) -> NDArray[np.float64]:
    """
    Effective day length for the DMC. [h]

    Args:
        month: Month, 1..12, any shape.
        lat_deg: Latitude; shapes broadcast. [deg north]

    Raises:
        RangeError: A month is outside 1..12.

    Source:
        Van Wagner & Pickett (1985), table 1; Lawson & Armitage (2008), appendix.

    >>> dmc_day_length_h(7, [46.0, 0.0, -35.0]).tolist()
    [12.4, 9.0, 6.5]
    """
    band = np.searchsorted(_DMC_EDGES_DEG, np.asarray(lat_deg, dtype=np.float64), side="left")
    return np.asarray(_DMC_HOURS[band, _month_index(month)])


def dc_day_length_factor(month: ArrayLike, lat_deg: ArrayLike) -> NDArray[np.float64]:
    """
    Day length factor Lf for the DC. [1]

    Args:
        month: Month, 1..12, any shape.
        lat_deg: Latitude; shapes broadcast. [deg north]

    Raises:
        RangeError: A month is outside 1..12.

    Source:
        Van Wagner & Pickett (1985), table 2; Lawson & Armitage (2008), appendix.

    >>> dc_day_length_factor(7, [46.0, 0.0, -35.0]).tolist()
    [6.4, 1.4, -1.6]
    """
    band = np.searchsorted(_DC_EDGES_DEG, np.asarray(lat_deg, dtype=np.float64), side="left")
    return np.asarray(_DC_FACTORS[band, _month_index(month)])


def _month_index(month: ArrayLike) -> NDArray[np.int64]:
    m = np.asarray(month, dtype=np.int64)
    bad = (m < 1) | (m > 12)
    if bad.any():
        raise RangeError("month", int(m[bad].flat[0]), "must be 1..12")
    return np.asarray(m - 1)
