# SPDX-License-Identifier: Apache-2.0
"""Fosberg Fire Weather Index: fine fuel moisture and wind, without memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qres.fire_weather import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["equilibrium_moisture_pct", "fosberg_ffwi"]


def equilibrium_moisture_pct(temp_degc: ArrayLike, rh_pct: ArrayLike) -> NDArray[np.float64]:
    """
    Equilibrium moisture content of fine dead fuel. [%]

    Args:
        temp_degc: Air temperature, any shape, -60..85. [degC] NaN stays NaN.
        rh_pct: Relative humidity, 0..100; shapes broadcast. [%]

    Returns:
        0.03..31. The three branches do not quite meet: there is a step of up to 0.7 at 10 % and
        at 50 %, which above 43 degC goes the wrong way at 10 %.

    Source:
        Simard (1968) as used by Fosberg (1978); coefficients as given by the University of
        Washington's definition of the index and in GEMPAK.
    """
    t = checks.fahrenheit(checks.temperature(temp_degc))
    h = checks.relative_humidity(rh_pct)
    dry = 0.03229 + 0.281073 * h - 0.000578 * h * t
    middle = 2.22749 + 0.160107 * h - 0.01478 * t
    moist = 21.0606 + 0.005565 * h * h - 0.00035 * h * t - 0.483199 * h
    return np.asarray(np.where(h < 10.0, dry, np.where(h <= 50.0, middle, moist)))


def fosberg_ffwi(
    temp_degc: ArrayLike, rh_pct: ArrayLike, wind_m_s: ArrayLike
) -> NDArray[np.float64]:
    """
    Fosberg Fire Weather Index. [1]

    Args:
        temp_degc: Air temperature, any shape, -60..85. [degC]
        rh_pct: Relative humidity, 0..100; shapes broadcast. [%]
        wind_m_s: Wind speed, 10-minute mean, 0..83.3. [m/s]

    Returns:
        0..100; 100 stands for bone-dry fuel in a wind of 30 mph, and for anything beyond. NaN
        where an input is NaN.

    Raises:
        RangeError: An input is outside its range.

    Source:
        Fosberg (1978), Proc. Conf. on Sierra Nevada Meteorology, 1-4; Goodrick (2002), Int. J.
        Wildland Fire 11, 205-211, eqs 1-3.

    >>> float(fosberg_ffwi(30.0, 20.0, 8.0).round(1))
    44.8
    """
    m = equilibrium_moisture_pct(temp_degc, rh_pct) / 30.0
    damping = np.clip(1.0 - 2.0 * m + 1.5 * m**2 - 0.5 * m**3, 0.0, 1.0)
    u = checks.wind_m_s(wind_m_s) * checks.MPH_PER_M_S
    return np.asarray(np.minimum(100.0, damping * np.sqrt(1.0 + u**2) / 0.3002))
