# SPDX-License-Identifier: Apache-2.0
"""FWI2025, hour by hour, with grass: the driver over the parts in this package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import behaviour, checks, fine_fuel, fwi1987, provenance
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.fwi2025 import canopy, curing, forest, grass, sun
from qres.fire_weather.noon import HOUR_S, local_calendar
from qres.fire_weather.systems import System

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["STANDARD_2025", "Fwi2025", "State2025", "fwi2025"]


def _zero() -> NDArray[np.float64]:
    return np.array(0.0)


@dataclass(frozen=True, slots=True, eq=False)
class State2025:
    """
    All that FWI2025 carries from hour to hour, scalars or shape (...).

    Attributes:
        litter_pct: Moisture of litter, 0..250. [%]
        duff_pct: Moisture of duff, 20..300. [%]
        soil_pct: Moisture of deep soil, above 0..400. [%]
        matted_pct: Moisture of matted grass, 0..250. [%]
        standing_pct: Moisture of standing grass, 0..250. [%]
        canopy: Rain event that is under way.
    """

    system: ClassVar[System] = System.FWI2025
    litter_pct: NDArray[np.float64]
    duff_pct: NDArray[np.float64]
    soil_pct: NDArray[np.float64]
    matted_pct: NDArray[np.float64]
    standing_pct: NDArray[np.float64]
    canopy: canopy.Canopy = field(default_factory=lambda: canopy.Canopy(_zero(), _zero()))

    @classmethod
    def from_codes(
        cls, ffmc: ArrayLike = 85.0, dmc: ArrayLike = 6.0, dc: ArrayLike = 15.0
    ) -> State2025:
        """
        State of codes on the scales of FWI2025, with grass as moist as litter and no rain event.

        Raises:
            RangeError: A code is outside its range.
        """
        litter = FfScale.EXACT.moisture_pct(checks.bounded("ffmc", ffmc, 0.0, 101.0, "(FFMC)"))
        return cls(
            litter_pct=litter,
            duff_pct=forest.dmc_moisture_pct(checks.bounded("dmc", dmc, 0.0, 2000.0, "(DMC)")),
            soil_pct=forest.dc_moisture_pct(checks.bounded("dc", dc, 0.0, 5000.0, "(DC)")),
            matted_pct=litter,
            standing_pct=litter,
        )


STANDARD_2025 = State2025.from_codes()
"""Start-up values of FWI2025: FFMC 85, DMC 6, DC 15, grass as litter."""


@dataclass(frozen=True, slots=True, eq=False)
class Fwi2025:
    """
    Codes and indices of FWI2025, all of shape (times, ...), NaN where the weather is missing.

    Attributes:
        ffmc: Fine Fuel Moisture Code, 0..101.
        dmc: Duff Moisture Code, 0 or more.
        dc: Drought Code, 0 or more.
        isi: Initial Spread Index, 0 or more.
        bui: Buildup Index, 0 or more.
        fwi: Fire Weather Index, 0 or more.
        dsr: Severity rating, 0 or more.
        gfmc: Grass Fuel Moisture Code, 0..101.
        gsi: Grass Spread Index, 0 or more.
        gfwi: Grass Fire Weather Index, 0 or more.
        litter_pct: Moisture of litter (mcffmc). [%]
        matted_pct: Moisture of matted grass (mcgfmc_matted). [%]
        standing_pct: Moisture of standing grass (mcgfmc_standing). [%]
        event_mm: Rain of the event under way (prec_cumulative). [mm]
        event_dry_h: Hours without rain within the event (canopy_drying). [h]
        sunrise_h: Local clock time of sunrise. [h]
        sunset_h: Local clock time of sunset. [h]
        solar_kw_m2: Solar radiation, given or estimated. [kW/m2]
        wind_km_h: The wind that went in. [km/h]
        cured_pct: The curing that went in. [%]
        is_standing: Whether grass stands.
        time_s: Unix times of the hours, shape (times,). [s]
        utc_offset_h: Offset of local time from UTC. [h]
        status: For each code and index the provenance, codes of `qres.core.Status`.
        end: State after the last hour.
    """

    system: ClassVar[System] = System.FWI2025
    ffmc: NDArray[np.float64]
    dmc: NDArray[np.float64]
    dc: NDArray[np.float64]
    isi: NDArray[np.float64]
    bui: NDArray[np.float64]
    fwi: NDArray[np.float64]
    dsr: NDArray[np.float64]
    gfmc: NDArray[np.float64]
    gsi: NDArray[np.float64]
    gfwi: NDArray[np.float64]
    litter_pct: NDArray[np.float64]
    matted_pct: NDArray[np.float64]
    standing_pct: NDArray[np.float64]
    event_mm: NDArray[np.float64]
    event_dry_h: NDArray[np.float64]
    sunrise_h: NDArray[np.float64]
    sunset_h: NDArray[np.float64]
    solar_kw_m2: NDArray[np.float64]
    wind_km_h: NDArray[np.float64]
    cured_pct: NDArray[np.float64]
    is_standing: NDArray[np.bool_]
    time_s: NDArray[np.int64]
    utc_offset_h: float
    status: Mapping[str, NDArray[np.uint8]]
    end: State2025


def fwi2025(
    time_s: NDArray[np.int64],
    temp_degc: ArrayLike,
    rh_pct: ArrayLike,
    wind_km_h: ArrayLike,
    rain_mm: ArrayLike,
    lat_deg: ArrayLike,
    lon_deg: ArrayLike,
    utc_offset_h: float,
    *,
    start: State2025 = STANDARD_2025,
    load_kg_m2: ArrayLike = grass.DEFAULT_LOAD_KG_M2,
    cured_pct: ArrayLike | None = None,
    solar_kw_m2: ArrayLike | None = None,
    status: NDArray[np.uint8] | None = None,
) -> Fwi2025:
    """
    FWI2025 for consecutive hours.

    Not for the Fire Behaviour Prediction System of 1992, nor for thresholds made for 1987.

    Args:
        time_s: Unix times, each 3600 s after the one before, shape (times,). [s]
        temp_degc: Air temperature, shape (times, ...), -60..85. [degC]
        rh_pct: Relative humidity, 0..100; shapes broadcast. [%]
        wind_km_h: Wind, 10-minute mean at 10 m in the open, 0..300. [km/h]
        rain_mm: Rain of the hour, 0..2000. [mm] NaN is unknown, not 0.
        lat_deg: Latitude, scalar or shape (...). [deg north]
        lon_deg: Longitude, scalar or shape (...). [deg east]
        utc_offset_h: Offset of local clock time from UTC, -12..14. [h]
        start: State before the first hour.
        load_kg_m2: Fuel load of grass, above 0..10, scalar or shape (...). [kg/m2]
        cured_pct: Curing of grass, 0..100, shapes broadcast; None for the calendar's. [%]
        solar_kw_m2: Solar radiation, 0..1.5, shapes broadcast; None to estimate it. [kW/m2]
        status: Worst provenance of the hour's inputs, shape (times, ...); None if measured.

    Returns:
        All codes and indices. An hour with a NaN input is NaN and unknown, and is skipped; what
        follows is stale as long as a code remembers (2, 36 and 156 days).

    Raises:
        RangeError: An input is outside its range, hours are not consecutive, or shapes do not fit.

    Notes:
        A series goes on over the new year; cffdrs-ng starts each calendar year anew by default.

    Source:
        FWI2025 of the Canadian Forest Service, as cffdrs-ng has it since 2026-08-13 (commit
        ed143d7); re-implemented from the equations.
    """
    t, h, w, r = checks.same_shape(
        temp_degc=checks.temperature(temp_degc),
        rh_pct=checks.relative_humidity(rh_pct),
        wind_km_h=checks.wind_km_h(wind_km_h),
        rain_mm=checks.rain(rain_mm),
    )
    shape = t.shape
    _check_hours(time_s, shape[0], utc_offset_h)
    place = np.broadcast_to
    lat = place(checks.latitude(lat_deg), shape[1:])
    lon = place(checks.longitude(lon_deg), shape[1:])
    load = _load(load_kg_m2)
    date, _, hour = local_calendar(time_s, utc_offset_h)
    hour = hour.reshape((-1,) + (1,) * (t.ndim - 1))
    if cured_pct is None:
        north, south = (curing.seasonal_curing_pct(date, up) for up in ((3, 12), (9, 12)))
        column = (-1,) + (1,) * (t.ndim - 1)
        cured = np.where(lat < 0.0, south.reshape(column), north.reshape(column))
    else:
        cured = checks.bounded("cured_pct", cured_pct, 0.0, 100.0, "%")
    cured = place(cured, shape)
    light = sun.sun_times(date, lat, lon, utc_offset_h)
    if solar_kw_m2 is None:
        solar = sun.radiation_kw_m2(hour, light, lat, t, h)
    else:
        solar = checks.bounded("solar_kw_m2", solar_kw_m2, 0.0, 1.5, "kW/m2")
    solar = place(solar, shape)
    hour_status, known = provenance.of_inputs(status, t, h, w, r, solar, cured)

    def blank(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values if known.all() else np.where(known, values, np.nan)

    rain = canopy.events(r, known, start.canopy)
    litter, litter_end = fine_fuel.advance(
        start.litter_pct,
        canopy.through(rain, canopy.FFMC),
        known,
        fine_fuel.drift(t, h, w, fine_fuel.RATE_2025),
    )
    by_day = sun.is_daylight(hour, light)
    duff = forest.duff(
        start.duff_pct, canopy.through(rain, canopy.DMC), forest.duff_left(t, h, by_day), known
    )
    soil = forest.soil(
        start.soil_pct, canopy.through(rain, canopy.DC), forest.soil_left(t, by_day), known
    )
    soaks = grass.GrassRain(load)
    matted, matted_end = fine_fuel.advance(
        start.matted_pct, r, known, grass.grass_drift(t, h, w, solar), soaks
    )
    standing, standing_end = fine_fuel.advance(
        start.standing_pct,
        r * grass.STANDING_CATCHES,
        known,
        grass.grass_drift(t, h, w, 0.0),
        soaks,
    )

    dmc = blank(forest.dmc_code(duff))
    dc = blank(forest.dc_code(soil))
    isi = forest.isi_2025(w, litter)
    bui = behaviour.bui(dmc, dc)
    fwi = behaviour.fwi(isi, bui)
    stands = curing.is_standing(date, lat)
    grass_pct = np.where(stands, standing, matted)
    gsi = grass.gsi(w, grass_pct, cured, stands)
    of = fwi1987.inherited(hour_status, steps_per_day=24)
    return Fwi2025(
        ffmc=FfScale.EXACT.code(litter),
        dmc=dmc,
        dc=dc,
        isi=isi,
        bui=bui,
        fwi=fwi,
        dsr=behaviour.dsr(fwi),
        gfmc=grass.gfmc(grass_pct, cured, w),
        gsi=gsi,
        gfwi=grass.gfwi(gsi, load),
        litter_pct=litter,
        matted_pct=matted,
        standing_pct=standing,
        event_mm=rain.after_mm,
        event_dry_h=rain.dry_h,
        sunrise_h=light.sunrise_h,
        sunset_h=light.sunset_h,
        solar_kw_m2=solar,
        wind_km_h=w,
        cured_pct=cured,
        is_standing=stands,
        time_s=time_s,
        utc_offset_h=utc_offset_h,
        status=of | dict.fromkeys(("gfmc", "gsi", "gfwi"), of["ffmc"]),
        end=State2025(litter_end, duff[-1], soil[-1], matted_end, standing_end, rain.end),
    )


def _check_hours(time_s: NDArray[np.int64], n_times: int, utc_offset_h: float) -> None:
    if time_s.shape != (n_times,) or n_times == 0:
        raise RangeError("time_s", time_s.shape, f"must have one time an hour, shape ({n_times},)")
    steps = np.diff(time_s)
    if (steps != HOUR_S).any():
        at = int(np.argmax(steps != HOUR_S))
        limit = f"must be {HOUR_S} s after time_s[{at}]; give NaN for missing hours"
        raise RangeError(f"time_s[{at + 1}]", int(time_s[at + 1]), limit)
    if not -12.0 <= utc_offset_h <= 14.0:
        raise RangeError("utc_offset_h", utc_offset_h, "must be -12..14 h")


def _load(load_kg_m2: ArrayLike) -> NDArray[np.float64]:
    load = checks.bounded("load_kg_m2", load_kg_m2, 0.0, 10.0, "kg/m2")
    if not (load > 0.0).all():
        raise RangeError("load_kg_m2", float(load.min()), "must be above 0 kg/m2, and known")
    return load
