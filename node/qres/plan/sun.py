# SPDX-License-Identifier: Apache-2.0
"""
A year of sun at a place, by pvlib: clear sky, then clouds as a factor, on a tilted panel.

Source:
    pvlib (Anderson et al. 2023, J. Open Source Softw. 8(92), 5994): NREL's solar position
    algorithm, clear sky of Ineichen & Perez (2002), diffuse share of Erbs et al. (1982), isotropic
    sky on the tilted plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pvlib

from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HOURS", "SunYear", "panel_w_per_wp", "sun_year"]

HOURS: Final = 8760
"""Hours of the simulated year, 365 days of 24."""

_YEAR: Final = 2023  # any year without a leap day
_TEMPERATURE_FACTOR_PER_K: Final = -0.004  # [unverified] silicon cells
_NOCT_RISE_K: Final = 25.0  # [unverified] cell over air at 800 W/m2: 45 degC at 20 degC
_ALBEDO: Final = 0.2  # [unverified] soil and grass


@dataclass(frozen=True, slots=True, eq=False)
class SunYear:
    """
    The sun at the middle of each hour of a year that begins in the middle of summer.

    So that winter lies in the middle of it. Days are local solar days.

    Attributes:
        zenith_deg: Zenith angle, shape (hours,). [deg]
        azimuth_deg: Azimuth, clockwise from north, shape (hours,). [deg]
        ghi_clear_w_m2: Global horizontal irradiance under a clear sky, shape (hours,). [W/m2]
        day_of_year: 1..365 of each hour, shape (hours,).
    """

    zenith_deg: NDArray[np.float64]
    azimuth_deg: NDArray[np.float64]
    ghi_clear_w_m2: NDArray[np.float64]
    day_of_year: NDArray[np.int64]


def sun_year(lat_deg: float, lon_deg: float, elev_m: float) -> SunYear:
    """
    The sun at a place.

    Args:
        lat_deg: Latitude. [deg] -90..90
        lon_deg: Longitude. [deg] -180..180
        elev_m: Height above sea level. [m]

    Raises:
        RangeError: A position that is not on Earth.
    """
    if not -90 <= lat_deg <= 90:
        raise RangeError("lat_deg", lat_deg, "must be -90..90")
    if not -180 <= lon_deg <= 180:
        raise RangeError("lon_deg", lon_deg, "must be -180..180")
    first = pd.Timestamp(year=_YEAR, month=7 if lat_deg >= 0 else 1, day=1, hour=0, minute=30)
    solar_s = round(-lon_deg / 15 * 3600)  # noon is when the sun is in the south (or north)
    begin = first.tz_localize("UTC") + pd.Timedelta(seconds=solar_s)
    times = pd.date_range(begin, periods=HOURS, freq="h")
    place = pvlib.location.Location(lat_deg, lon_deg, altitude=elev_m)
    at = place.get_solarposition(times)
    clear = place.get_clearsky(times, solar_position=at)
    day = (first.day_of_year - 1 + np.arange(HOURS) // 24) % 365 + 1
    return SunYear(
        zenith_deg=at["apparent_zenith"].to_numpy(),
        azimuth_deg=at["azimuth"].to_numpy(),
        ghi_clear_w_m2=clear["ghi"].to_numpy(),
        day_of_year=day,
    )


def panel_w_per_wp(
    sun: SunYear,
    clear_index: NDArray[np.float64],
    air_degc: NDArray[np.float64],
    tilt_deg: float,
    azimuth_deg: float,
) -> NDArray[np.float64]:
    """
    What a panel gives for each watt of its rating.

    Args:
        sun: The sun.
        clear_index: Irradiance over that of a clear sky, shape (hours, years), 0..1.
        air_degc: Air temperature, same shape. [degC]
        tilt_deg: Tilt of the panel from horizontal. [deg] 0..90
        azimuth_deg: Where it looks, clockwise from north. [deg]

    Returns:
        Same shape. [W/Wp] 0 at night; about 1 in full sun at 25 degC.

    Raises:
        RangeError: A tilt outside 0..90 degrees.
    """
    if not 0 <= tilt_deg <= 90:
        raise RangeError("tilt_deg", tilt_deg, "must be 0..90")
    shape = clear_index.shape

    def wide(x: NDArray[Any]) -> NDArray[Any]:
        return np.broadcast_to(x[:, None], shape)

    zenith = wide(sun.zenith_deg)
    ghi = wide(sun.ghi_clear_w_m2) * clear_index
    parts = pvlib.irradiance.erbs(ghi, zenith, wide(sun.day_of_year))
    plane = pvlib.irradiance.get_total_irradiance(
        *(tilt_deg, azimuth_deg, zenith, wide(sun.azimuth_deg)),
        *(parts["dni"], ghi, parts["dhi"]),
        albedo=_ALBEDO,
        model="isotropic",
    )
    poa = np.nan_to_num(np.asarray(plane["poa_global"], dtype=np.float64))
    cell_degc = air_degc + poa / 800.0 * _NOCT_RISE_K
    return np.maximum(poa, 0.0) / 1000.0 * (1 + _TEMPERATURE_FACTOR_PER_K * (cell_degc - 25.0))
