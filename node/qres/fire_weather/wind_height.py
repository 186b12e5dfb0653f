# SPDX-License-Identifier: Apache-2.0
"""
Wind at the height that a system asks for.

The Canadian system is made for wind at 10 m over open ground, that of the USA for 20 feet. A mast
of 2 m sees about three quarters of the wind at 10 m over short grass, and far less between trees:
no factor mends a sheltered site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "OPEN_ROUGHNESS_M",
    "TEN_METRES_PER_TWENTY_FEET",
    "TWO_METRES_PER_TEN",
    "at_10_m",
    "at_20_feet",
]

TWO_METRES_PER_TEN: Final = 0.75
"""Wind at 2 m over that at 10 m in the open, as FWI2025 takes it for grass."""

TEN_METRES_PER_TWENTY_FEET: Final = 1.15
"""Wind at 10 m over that at 20 feet (Turner & Lawson 1978), as FireFamilyPlus takes it."""

OPEN_ROUGHNESS_M: Final = float(
    np.exp((np.log(2.0) - TWO_METRES_PER_TEN * np.log(10.0)) / (1.0 - TWO_METRES_PER_TEN))
)
"""Roughness of the log profile that has the ratio of 0.75 between 2 m and 10 m: 0.016 m."""


def at_10_m(
    wind_m_s: ArrayLike, height_m: float, roughness_m: float = OPEN_ROUGHNESS_M
) -> NDArray[np.float64]:
    """
    Wind at 10 m from wind at *height_m* in the open, by the logarithmic profile. [m/s]

    Args:
        wind_m_s: Wind, any shape, 0..83.3. [m/s] NaN stays NaN.
        height_m: Height of the anemometer over the ground, 1..30. [m]
        roughness_m: Roughness of the ground, 0.0001..0.5: 0.03 is WMO's open country, the default
            of 0.016 is short grass and gives 1 / 0.75 at 2 m. [m]

    Raises:
        RangeError: An argument is outside its range.

    Source:
        WMO-No. 8 (2021), part I, 5.9.3 (profile); FWI2025, June 2025 (0.75).

    >>> at_10_m(3.0, 2.0).round(6).item(), at_10_m(3.0, 10.0).item()
    (4.0, 3.0)
    """
    if not 1.0 <= height_m <= 30.0:
        raise RangeError("height_m", height_m, "must be 1..30 m")
    if not 0.0001 <= roughness_m <= 0.5:
        raise RangeError("roughness_m", roughness_m, "must be 0.0001..0.5 m")
    factor = np.log(10.0 / roughness_m) / np.log(height_m / roughness_m)
    return np.asarray(checks.wind_m_s(wind_m_s) * factor)


def at_20_feet(wind_10_m_m_s: ArrayLike) -> NDArray[np.float64]:
    """
    Wind at 20 feet (6.1 m) from wind at 10 m, for systems of the USA. [m/s]

    Source:
        Turner & Lawson (1978), Weather in the Canadian Forest Fire Danger Rating System: 1.15.
    """
    return np.asarray(checks.wind_m_s(wind_10_m_m_s) / TEN_METRES_PER_TWENTY_FEET)
