# SPDX-License-Identifier: Apache-2.0
"""
Hourly FFMC of 1977: litter through the day and night, and the FWI of the hour.

It belongs with the daily system of 1987: its ISI and FWI take the BUI of the day from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import behaviour, checks, fine_fuel, provenance
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.systems import System, require_1987

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qres.fire_weather.fwi1987 import Fwi1987

__all__ = ["HourlyFfmc", "HourlyFwi", "hourly_ffmc", "hourly_fwi"]

_MEMORY_H: Final = 24 * provenance.MEMORY_DAYS["ffmc"]


@dataclass(frozen=True, slots=True, eq=False)
class HourlyFfmc:
    """
    Hourly Fine Fuel Moisture Code of 1977.

    Attributes:
        ffmc: The code after each step, 0..101, shape (times, ...); NaN where weather is missing.
        isi: Initial Spread Index of the hour, 0 or more, same shape.
        status: Provenance, codes of `qres.core.Status`, same shape.
        end: The code after the last step whose weather was known, shape (...), to go on from.
    """

    system: ClassVar[System] = System.HOURLY
    ffmc: NDArray[np.float64]
    isi: NDArray[np.float64]
    status: NDArray[np.uint8]
    end: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class HourlyFwi:
    """
    FWI of each hour, from the hour's ISI and the day's BUI; all of shape (times, ...).

    Attributes:
        bui: Buildup Index of the latest noon; NaN before the first.
        fwi: Fire Weather Index, 0 or more.
        dsr: Severity rating, 0 or more.
        status: Provenance of `fwi`, codes of `qres.core.Status`.
    """

    system: ClassVar[System] = System.HOURLY
    bui: NDArray[np.float64]
    fwi: NDArray[np.float64]
    dsr: NDArray[np.float64]
    status: NDArray[np.uint8]


def hourly_ffmc(
    temp_degc: ArrayLike,
    rh_pct: ArrayLike,
    wind_km_h: ArrayLike,
    rain_mm: ArrayLike,
    start: ArrayLike = 85.0,
    *,
    step_h: float = 1.0,
    status: NDArray[np.uint8] | None = None,
) -> HourlyFfmc:
    """
    Hourly FFMC for consecutive, equal steps.

    Args:
        temp_degc: Air temperature of the step, shape (times, ...), -60..85. [degC]
        rh_pct: Relative humidity, 0..100; shapes broadcast. [%]
        wind_km_h: Wind, 10-minute mean at 10 m in the open, 0..300. [km/h]
        rain_mm: Rain that fell in the step, 0..2000. [mm] NaN is unknown, not 0.
        start: Code before the first step, 0..101; scalar or shape (...).
        step_h: Length of a step, 0..24; weather is taken to be constant within it. [h]
        status: Worst provenance of the step's inputs, shape (times, ...); None if measured.

    Returns:
        FFMC and ISI. There is no canopy in it: all rain wets. A step with a NaN input is NaN and
        unknown, and leaves the code as it was; the 48 h after it are stale.

    Raises:
        RangeError: An input is outside its range, or shapes do not fit.

    Notes:
        Fuel does not get drier than dry: FFMC ends at 101. CFFDRS for R goes up to 101.2, above
        57 degC and below 5 % only.

    Source:
        Van Wagner (1977), Petawawa For. Exp. Stn. Inf. Rep. PS-X-69, with the rain equations of
        Van Wagner & Pickett (1985) and the constant 147.27723, as in CFFDRS for R.

    >>> hourly_ffmc([25.0], [30.0], [15.0], [0.0]).ffmc.round(2).item()
    86.27
    """
    t, h, w, r = checks.same_shape(
        temp_degc=checks.temperature(temp_degc),
        rh_pct=checks.relative_humidity(rh_pct),
        wind_km_h=checks.wind_km_h(wind_km_h),
        rain_mm=checks.rain(rain_mm),
    )
    if not 0.0 <= step_h <= 24.0:
        raise RangeError("step_h", step_h, "must be 0..24 h")
    step_status, known = provenance.of_inputs(status, t, h, w, r)
    code = np.broadcast_to(checks.bounded("start", start, 0.0, 101.0, "(FFMC)"), t.shape[1:])
    scale = FfScale.EXACT
    air = fine_fuel.drift(t, h, w, fine_fuel.RATE_1977, step_h)
    history, end = fine_fuel.advance(scale.moisture_pct(code), r, known, air)
    ffmc = scale.code(history)
    memory = _MEMORY_H if step_h == 0.0 else int(np.ceil(_MEMORY_H / step_h))
    return HourlyFfmc(
        ffmc=ffmc,
        isi=behaviour.isi_1987(w, ffmc, scale),
        status=provenance.remembered(step_status, memory),
        end=scale.code(end),
    )


def hourly_fwi(hourly: HourlyFfmc, daily: Fwi1987, day: NDArray[np.int64]) -> HourlyFwi:
    """
    FWI of each hour, with the BUI of the latest noon.

    Args:
        hourly: Hourly FFMC of 1977, shape (times, ...).
        daily: Daily codes of 1987 of the same nodes, shape (days, ...).
        day: For each time the index of the day of its latest noon, shape (times,); -1 if none.

    Raises:
        SystemMixError: Codes of FWI2025 were given.
        RangeError: A day is outside *daily*.
    """
    require_1987(hourly, "hourly_fwi", System.HOURLY)
    require_1987(daily, "hourly_fwi")
    bad = (day < -1) | (day >= daily.bui.shape[0])
    if bad.any():
        limit = f"must be -1..{daily.bui.shape[0] - 1}"
        raise RangeError("day", int(day[bad].flat[0]), limit)
    none = (day < 0).reshape((-1,) + (1,) * (daily.bui.ndim - 1))
    bui = np.where(none, np.nan, daily.bui[day])
    bui_status = np.where(none, provenance.Status.UNKNOWN, daily.status["bui"][day])
    fwi = behaviour.fwi(hourly.isi, bui)
    status = provenance.worst(hourly.status, bui_status.astype(np.uint8))
    return HourlyFwi(bui=bui, fwi=fwi, dsr=behaviour.dsr(fwi), status=status)
