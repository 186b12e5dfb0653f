# SPDX-License-Identifier: Apache-2.0
"""
ISI, BUI, FWI and DSR: from moisture codes to fire behaviour, one step, without memory.

BUI, FWI and DSR are the same equations in 1987 and in 2025; the ISI of 2025 has another wind
function above 40 km/h (`qres.fire_weather.fwi2025.forest`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.fire_weather.ff_scale import FfScale

__all__ = ["bui", "dsr", "fuel_function", "fwi", "isi_1987"]


def fuel_function(moisture_pct: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    f(F) of the ISI from the moisture of litter [%], eq. 25.

    Source:
        Van Wagner & Pickett (1985), eq. 25.
    """
    m = moisture_pct
    return np.asarray(91.9 * np.exp(-0.1386 * m) * (1.0 + m**5.31 / 4.93e7))


def isi_1987(
    wind_km_h: NDArray[np.float64], ffmc: NDArray[np.float64], scale: FfScale
) -> NDArray[np.float64]:
    """
    Initial Spread Index. [1] 0 or more; rises with wind and with FFMC.

    Args:
        wind_km_h: Wind at 10 m, any shape. [km/h]
        ffmc: FFMC, 0..101; shapes broadcast.
        scale: The constant with which the FFMC was made.

    Source:
        Van Wagner & Pickett (1985), eqs 24 to 26.
    """
    return np.asarray(0.208 * np.exp(0.05039 * wind_km_h) * fuel_function(scale.moisture_pct(ffmc)))


def bui(dmc: NDArray[np.float64], dc: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Buildup Index. [1] 0 or more; 0 if both codes are 0. NaN where an input is NaN.

    Source:
        Van Wagner & Pickett (1985), eqs 27a and 27b.
    """
    total = dmc + 0.4 * dc
    share = np.divide(0.8 * dc, total, out=np.zeros_like(total), where=total != 0.0)
    light = dmc <= 0.4 * dc
    heavy = dmc - (1.0 - share) * (0.92 + (0.0114 * dmc) ** 1.7)
    return np.asarray(np.where(light, share * dmc, np.maximum(heavy, 0.0)))


def fwi(isi: NDArray[np.float64], bui: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Fire Weather Index. [1] 0 or more; rises with ISI, and with BUI but for a fall of 0.02 % at 80.

    Source:
        Van Wagner & Pickett (1985), eqs 28a to 30b.
    """
    duff = np.where(
        bui <= 80.0, 0.626 * bui**0.809 + 2.0, 1000.0 / (25.0 + 108.64 * np.exp(-0.023 * bui))
    )
    b = 0.1 * isi * duff
    log_b = np.log(np.maximum(b, 1.0))
    return np.asarray(np.where(b <= 1.0, b, np.exp(2.72 * (0.434 * log_b) ** 0.647)))


def dsr(fwi: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Daily Severity Rating. [1] May be averaged over days and stations, as the FWI may not.

    Source:
        Van Wagner & Pickett (1985), eq. 31.
    """
    return np.asarray(0.0272 * fwi**1.77)
