# SPDX-License-Identifier: Apache-2.0
"""Angstrom index: ignition danger from temperature and humidity alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qres.fire_weather import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["angstrom"]


def angstrom(temp_degc: ArrayLike, rh_pct: ArrayLike) -> NDArray[np.float64]:
    """
    Angstrom index. [1] The *lower*, the more dangerous.

    Args:
        temp_degc: Air temperature at 13:00 local time, any shape, -60..85. [degC]
        rh_pct: Relative humidity then, 0..100; shapes broadcast. [%]

    Returns:
        -5.8..13.7; above 4 ignition is unlikely, below 2.5 likely, below 2 very likely. NaN where
        an input is NaN.

    Raises:
        RangeError: An input is outside its range.

    Source:
        Angstrom (1949), Skogen 36; in English: Chandler et al. (1983), Fire in Forestry 1.

    >>> float(angstrom(27.0, 40.0))
    2.0
    """
    t = checks.temperature(temp_degc)
    return np.asarray(checks.relative_humidity(rh_pct) / 20.0 + (27.0 - t) / 10.0)
