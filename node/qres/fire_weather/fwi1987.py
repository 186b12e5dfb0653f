# SPDX-License-Identifier: Apache-2.0
"""
Canadian Forest Fire Weather Index System of 1987: one value a day, from the weather at noon.

    FFMC (litter, 16 hours)  --+-- ISI --+
                        wind --+         +-- FWI -- DSR
    DMC (duff, 12 days) -------+-- BUI --+
    DC (soil, 52 days) --------+
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import behaviour, checks, fine_fuel, provenance
from qres.fire_weather.day_length import dc_day_length_factor, dmc_day_length_h
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.startup import STANDARD, StartUp
from qres.fire_weather.systems import System, SystemMixError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Fwi1987", "dc_wetted", "dmc_wetted", "fwi1987"]


@dataclass(frozen=True, slots=True, eq=False)
class Fwi1987:
    """
    Codes and indices of 1987, all of shape (days, ...), NaN where the day's weather is missing.

    Attributes:
        ffmc: Fine Fuel Moisture Code, 0..101: ease of ignition.
        dmc: Duff Moisture Code, 0 or more.
        dc: Drought Code, 0 or more.
        isi: Initial Spread Index, 0 or more.
        bui: Buildup Index, 0 or more: fuel available.
        fwi: Fire Weather Index, 0 or more: fire intensity.
        dsr: Daily Severity Rating, 0 or more: effort of control.
        status: For each of these names the provenance, codes of `qres.core.Status`.
        end: Codes after the last day whose weather was known, to go on from.
        scale: The constant of the FF scale that was used.
    """

    system: ClassVar[System] = System.FWI1987
    ffmc: NDArray[np.float64]
    dmc: NDArray[np.float64]
    dc: NDArray[np.float64]
    isi: NDArray[np.float64]
    bui: NDArray[np.float64]
    fwi: NDArray[np.float64]
    dsr: NDArray[np.float64]
    status: Mapping[str, NDArray[np.uint8]]
    end: StartUp
    scale: FfScale


def fwi1987(
    temp_degc: ArrayLike,
    rh_pct: ArrayLike,
    wind_km_h: ArrayLike,
    rain_mm: ArrayLike,
    month: ArrayLike,
    lat_deg: ArrayLike,
    *,
    start: StartUp = STANDARD,
    scale: FfScale = FfScale.PRINTED_1985,
    status: NDArray[np.uint8] | None = None,
) -> Fwi1987:
    """
    The FWI System of 1987 for consecutive days.

    Args:
        temp_degc: Temperature at noon local standard time, shape (days, ...), -60..85. [degC]
        rh_pct: Relative humidity at noon, 0..100; shapes broadcast. [%]
        wind_km_h: Wind at noon, 10-minute mean at 10 m in the open, 0..300. [km/h]
        rain_mm: Rain of the 24 hours before noon, 0..2000. [mm] NaN is unknown, not 0.
        month: Month of each day, 1..12, shape (days,).
        lat_deg: Latitude, scalar or shape (...): picks the day length. [deg north]
        start: Codes of the day before the first.
        scale: Constant of the FF scale: that of 1985, or that of CFFDRS for R.
        status: Worst provenance of the day's inputs, shape (days, ...); None if measured.

    Returns:
        All codes and indices; codes are carried unrounded. A day with a NaN input is NaN and
        unknown, and leaves the codes as they were: the day neither wets nor dries. What follows
        is stale as long as a code remembers (2, 36 and 156 days).

    Raises:
        RangeError: An input is outside its range, or shapes do not fit.
        SystemMixError: *start* is of another system.

    Source:
        Van Wagner & Pickett (1985), Can. For. Serv. For. Tech. Rep. 33; Van Wagner (1987), For.
        Tech. Rep. 35.

    >>> day = fwi1987([17.0], [42.0], [25.0], [0.0], [4], 46.0)
    >>> [round(float(getattr(day, k)[0]), 1) for k in ("ffmc", "dmc", "dc", "isi", "bui", "fwi")]
    [87.7, 8.5, 19.0, 10.9, 8.5, 10.1]
    """
    t, h, w, r = checks.same_shape(
        temp_degc=checks.temperature(temp_degc),
        rh_pct=checks.relative_humidity(rh_pct),
        wind_km_h=checks.wind_km_h(wind_km_h),
        rain_mm=checks.rain(rain_mm),
    )
    months = np.asarray(month, dtype=np.int64)
    if months.shape != t.shape[:1]:
        raise RangeError("month", months.shape, f"must have one value a day, shape {t.shape[:1]}")
    months = months.reshape((-1,) + (1,) * (t.ndim - 1))
    lat = checks.latitude(lat_deg)
    if not isinstance(start, StartUp):
        raise SystemMixError(f"start = {type(start).__name__}: must be codes of fwi1987 (StartUp)")
    day_status, known = provenance.of_inputs(status, t, h, w, r)
    ffmc0, dmc0, dc0 = (np.broadcast_to(code, t.shape[1:]) for code in start.checked())

    ffmc, ffmc_end = _ffmc_days(ffmc0, t, h, w, r, known, scale)
    drying = 1.894e-6 * np.maximum(t + 1.1, 0.0) * (100.0 - h) * dmc_day_length_h(months, lat)
    dmc, dmc_end = _duff_days(dmc0, r, known, drying)
    evaporation = 0.36 * np.maximum(t + 2.8, 0.0) + dc_day_length_factor(months, lat)
    dc, dc_end = _soil_days(dc0, r, known, np.maximum(0.5 * evaporation, 0.0))

    isi = behaviour.isi_1987(w, ffmc, scale)
    bui = behaviour.bui(dmc, dc)
    fwi = behaviour.fwi(isi, bui)
    return Fwi1987(
        ffmc=ffmc,
        dmc=dmc,
        dc=dc,
        isi=isi,
        bui=bui,
        fwi=fwi,
        dsr=behaviour.dsr(fwi),
        status=inherited(day_status, steps_per_day=1),
        end=StartUp(ffmc_end, dmc_end, dc_end),
        scale=scale,
    )


def inherited(status: NDArray[np.uint8], steps_per_day: int) -> dict[str, NDArray[np.uint8]]:
    """
    Provenance of each code and index from that of the weather of each step.

    Args:
        status: Provenance of the inputs of each step, shape (times, ...).
        steps_per_day: 1 or 24.
    """
    of = {
        code: provenance.remembered(status, days * steps_per_day)
        for code, days in provenance.MEMORY_DAYS.items()
    }
    of["isi"] = of["ffmc"]
    of["bui"] = provenance.worst(of["dmc"], of["dc"])
    of["fwi"] = provenance.worst(of["isi"], of["bui"])
    of["dsr"] = of["fwi"]
    return of


def dmc_wetted(dmc: NDArray[np.float64], rain_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    DMC after a day's rain; rain of 1.5 mm or less changes nothing.

    Source:
        Van Wagner & Pickett (1985), eqs 11 to 15; eqs 12 and 15 as the program of 1985, its printed
        results and CFFDRS for R have them, which differs from the printed equations by up to 0.1.
    """
    net = 0.92 * np.maximum(rain_mm, 1.5) - 1.27
    before = 20.0 + 280.0 * np.exp(-0.023 * dmc)
    log_dmc = np.log(np.maximum(dmc, 1.0))
    slope = np.where(
        dmc <= 33.0,
        100.0 / (0.5 + 0.3 * dmc),
        np.where(dmc <= 65.0, 14.0 - 1.3 * log_dmc, 6.2 * log_dmc - 17.2),
    )
    after = before + 1000.0 * net / (48.77 + slope * net)
    wet = np.maximum(43.43 * (5.6348 - np.log(after - 20.0)), 0.0)
    return np.asarray(np.where(rain_mm > 1.5, wet, dmc))


def dc_wetted(dc: NDArray[np.float64], rain_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    DC after a day's rain; rain of 2.8 mm or less changes nothing.

    Source:
        Van Wagner & Pickett (1985), eqs 18 to 21.
    """
    net = 0.83 * np.maximum(rain_mm, 2.8) - 1.27
    wet = dc - 400.0 * np.log(1.0 + 3.937 * net / (800.0 * np.exp(-dc / 400.0)))
    return np.asarray(np.where(rain_mm > 2.8, np.maximum(wet, 0.0), dc))


def _ffmc_days(
    ffmc: NDArray[np.float64],
    t: NDArray[np.float64],
    h: NDArray[np.float64],
    w: NDArray[np.float64],
    r: NDArray[np.float64],
    known: NDArray[np.bool_],
    scale: FfScale,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """FFMC of each day and at the end: by the code, not the moisture, for 147.2 is no inverse."""
    air = fine_fuel.drift(t, h, w, fine_fuel.RATE_1987)
    through = np.maximum(r - 0.5, 0.0)
    out = np.empty(t.shape)
    for day in range(t.shape[0]):
        moisture = fine_fuel.wetted(scale.moisture_pct(ffmc), through[day])
        after = scale.code(fine_fuel.step(moisture, air, day))
        ffmc = np.where(known[day], after, ffmc)
        out[day] = np.where(known[day], after, np.nan)
    return out, np.asarray(ffmc)


def _duff_days(
    dmc: NDArray[np.float64],
    rain_mm: NDArray[np.float64],
    known: NDArray[np.bool_],
    drying: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """DMC of each day and at the end, eqs 11 to 17."""
    out = np.empty(rain_mm.shape)
    for day in range(rain_mm.shape[0]):
        after = dmc_wetted(dmc, rain_mm[day]) + 100.0 * drying[day]
        dmc = np.where(known[day], after, dmc)
        out[day] = np.where(known[day], after, np.nan)
    return out, np.asarray(dmc)


def _soil_days(
    dc: NDArray[np.float64],
    rain_mm: NDArray[np.float64],
    known: NDArray[np.bool_],
    evaporation: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """DC of each day and at the end, eqs 18 to 23."""
    out = np.empty(rain_mm.shape)
    for day in range(rain_mm.shape[0]):
        after = dc_wetted(dc, rain_mm[day]) + evaporation[day]
        dc = np.where(known[day], after, dc)
        out[day] = np.where(known[day], after, np.nan)
    return out, np.asarray(dc)
