# SPDX-License-Identifier: Apache-2.0
"""Chandler Burning Index: temperature and humidity, without wind or memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qres.fire_weather import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["chandler"]


def chandler(temp_degc: ArrayLike, rh_pct: ArrayLike) -> NDArray[np.float64]:
    """
    Chandler Burning Index. [1]

    Made for monthly means of the afternoon; with single readings it is only a quick look.

    Args:
        temp_degc: Air temperature in the afternoon, any shape, -60..85. [degC]
        rh_pct: Relative humidity then, 0..100; shapes broadcast. [%]

    Returns:
        0 or more (negative results of the formula, in cold fog, are 0); below 50 low, 75 high,
        90 very high, 97.5 extreme. Not capped: 310 at 85 degC and 0 %. NaN where an input is NaN.

    Raises:
        RangeError: An input is outside its range.

    Source:
        Chandler et al. (1983), Fire in Forestry 1; coefficients as in the wide-spread form
        ((110 - 1.373 RH) - 0.54 (10.20 - T)) * 124 * 10^(-0.0142 RH) / 60.

    >>> float(chandler(26.4444, 23.1).round(1))
    84.5
    """
    t = checks.temperature(temp_degc)
    h = checks.relative_humidity(rh_pct)
    spread = 110.0 - 1.373 * h - 0.54 * (10.20 - t)
    return np.asarray(np.maximum(0.0, spread * 124.0 * 10.0 ** (-0.0142 * h) / 60.0))
