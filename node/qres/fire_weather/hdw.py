# SPDX-License-Identifier: Apache-2.0
"""Surface proxy of the Hot-Dry-Windy index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qres.fire_weather import checks
from qres.fire_weather.vpd import vpd_kpa

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["surface_hdw"]


def surface_hdw(
    temp_degc: ArrayLike, rh_pct: ArrayLike, wind_m_s: ArrayLike
) -> NDArray[np.float64]:
    """
    Wind times vapour pressure deficit at the station. [m/s hPa]

    This is *not* the Hot-Dry-Windy index, which takes the greatest wind and the greatest deficit
    in the lowest 500 m of a sounding or model. At the surface, in the afternoon, the two go
    together; at night, under an inversion, they do not. Its climatology is the station's own.

    Args:
        temp_degc: Air temperature, any shape, -60..85. [degC]
        rh_pct: Relative humidity, 0..100; shapes broadcast. [%]
        wind_m_s: Wind speed at the station, 10-minute mean, 0..83.3. [m/s]

    Returns:
        0 or more. NaN where an input is NaN.

    Raises:
        RangeError: An input is outside its range.

    Source:
        After Srock et al. (2018), Atmosphere 9(7), 279, https://doi.org/10.3390/atmos9070279

    >>> float(surface_hdw(30.0, 20.0, 10.0).round(1))
    339.4
    """
    return np.asarray(10.0 * vpd_kpa(temp_degc, rh_pct) * checks.wind_m_s(wind_m_s))
