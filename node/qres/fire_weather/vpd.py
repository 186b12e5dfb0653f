# SPDX-License-Identifier: Apache-2.0
"""Vapour pressure deficit: how much more water the air would take up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qres.fire_weather import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["saturation_kpa", "vpd_kpa"]


def saturation_kpa(temp_degc: ArrayLike) -> NDArray[np.float64]:
    """
    Saturation vapour pressure over water. [kPa]

    Args:
        temp_degc: Air temperature, any shape, -60..85. [degC] NaN stays NaN.

    Returns:
        Same shape, 0.0018 (-60 degC) .. 58.1 (85 degC).

    Raises:
        RangeError: A temperature is outside its range.

    Source:
        Tetens (1930) in the form of Murray (1967), J. Appl. Meteorol. 6, 203-204:
        0.6107 * 10^(7.5 T / (237.3 + T)).

    >>> float(saturation_kpa(20.0).round(3))
    2.338
    """
    t = checks.temperature(temp_degc)
    return np.asarray(0.6107 * 10.0 ** (7.5 * t / (237.3 + t)))


def vpd_kpa(temp_degc: ArrayLike, rh_pct: ArrayLike) -> NDArray[np.float64]:
    """
    Vapour pressure deficit. [kPa]

    Args:
        temp_degc: Air temperature, any shape, -60..85. [degC]
        rh_pct: Relative humidity over water, 0..100; shapes broadcast. [%]

    Returns:
        0 (saturated) or more; at most the saturation pressure. NaN where an input is NaN.

    Raises:
        RangeError: An input is outside its range.

    Notes:
        Falls with humidity, rises with temperature, over the whole range.

    Source:
        (1 - RH/100) times the saturation pressure, as `saturation_kpa`.

    >>> float(vpd_kpa(30.0, 20.0).round(3))
    3.394
    """
    return np.asarray((1.0 - checks.relative_humidity(rh_pct) / 100.0) * saturation_kpa(temp_degc))
