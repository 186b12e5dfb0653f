# SPDX-License-Identifier: Apache-2.0
"""
Export for FireFamilyPlus: hourly observations as W13 records (.fw13).

One line of 75 columns an hour and station, in US units, with the rain of the hour (measurement
type 3). What the kit does not measure stays blank: state of the weather, wind direction (0: none),
gusts, extremes, solar radiation unless given. An hour whose rain is unknown has no line, for a
blank amount means no rain there. Hours that were reported are type R; hours that the field holds
by prediction are no observations and are type X; stale and diverged ones are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import checks, wind_height
from qres.fire_weather.noon import HOUR_S
from qres.fire_weather.provenance import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from qres.fire_weather.series import HourlyWeather

__all__ = ["fw13_lines"]

_TYPES: Final = {Status.REPORTED: "R", Status.HELD: "X"}
_SOLAR_MAX_W_M2: Final = 1400.0


def fw13_lines(
    hours: HourlyWeather,
    station_numbers: Sequence[int],
    *,
    solar_w_m2: NDArray[np.float64] | None = None,
    snow: NDArray[np.bool_] | None = None,
) -> Iterator[str]:
    """
    W13 records of hourly weather, station by station, without line ends.

    Args:
        hours: Hourly weather; its local time must be standard time.
        station_numbers: NWS or WIMS number of each station, 1..999999.
        solar_w_m2: Solar radiation, shape (times, stations), 0..1400; None to leave it blank, and
            then FireFamilyPlus computes no Nelson fuel moisture. [W/m2]
        snow: Whether the ground is covered with snow, shape (times, stations); None for no snow.

    Yields:
        Lines of 75 columns.

    Raises:
        RangeError: A station number is outside its range or missing, or radiation is.

    Source:
        Weather Observation Data Transfer Format, 2013 (WxObs 13), items 1 to 28; columns 63 and
        65 to 75 also as the FireWxConverter of NFDRS4 reads them.
    """
    if len(station_numbers) != len(hours.station_id):
        limit = f"must be {len(hours.station_id)}, one for each station"
        raise RangeError("number of station_numbers", len(station_numbers), limit)
    for number in station_numbers:
        if not 1 <= number <= 999_999:
            raise RangeError("station_number", number, "must be 1..999999")
    if solar_w_m2 is not None:
        checks.bounded("solar_w_m2", solar_w_m2, 0.0, _SOLAR_MAX_W_M2, "W/m2")
    local = (hours.time_s + round(hours.utc_offset_h * HOUR_S)).astype("datetime64[s]")
    stamps = [str(t)[:16].translate({ord(c): None for c in "-T:"}) for t in local]
    temp_f = np.rint(checks.fahrenheit(hours.temp_degc))
    wind_mph = np.rint(
        wind_height.at_20_feet(hours.wind_km_h / checks.KM_H_PER_M_S) * checks.MPH_PER_M_S
    )
    rain = np.rint(hours.rain_mm / checks.MM_PER_INCH * 1000.0)  # inches, three implied decimals
    rh = np.rint(hours.rh_pct)
    for s, number in enumerate(station_numbers):
        for t, stamp in enumerate(stamps):
            kind = _TYPES.get(Status(int(hours.status[t, s])))
            if kind is None:
                continue
            solar = "" if solar_w_m2 is None else f"{np.rint(solar_w_m2[t, s]):.0f}"
            covered = snow is not None and bool(snow[t, s])
            yield (
                f"W13{number:06d}{stamp}{kind} "
                f"{temp_f[t, s]:3.0f}{rh[t, s]:3.0f}{0:3d}{wind_mph[t, s]:3.0f}"
                f"{'':16s}{rain[t, s]:05.0f}{'':5s}23 {solar:>4s}{'':6s}{'Y' if covered else 'N'}"
            )
