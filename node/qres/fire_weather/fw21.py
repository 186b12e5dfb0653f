# SPDX-License-Identifier: Apache-2.0
"""
Export for NFDRS4 and FireFamilyPlus 5: hourly observations as FW21, a CSV with units in its names.

Metric, local standard time. Wind is at 10 m, as the format has it for km/h. Wind direction is not
measured and blank. The column Status, which readers pass over, says where each hour comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.fire_weather import checks
from qres.fire_weather.noon import HOUR_S
from qres.fire_weather.provenance import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qres.fire_weather.series import HourlyWeather

__all__ = ["FW21_COLUMNS", "fw21_lines"]

FW21_COLUMNS: Final = (
    "StationID",
    "DateTime",
    "Temperature(C)",
    "RelativeHumidity(%)",
    "Precipitation(mm)",
    "WindSpeed(kph)",
    "WindAzimuth(degrees)",
    "SolarRadiation(W/m2)",
    "SnowFlag",
    "Status",
)
"""Names of the columns, as the format recognises them, and one of our own."""

_USABLE: Final = (Status.REPORTED, Status.HELD)


def fw21_lines(
    hours: HourlyWeather,
    *,
    solar_w_m2: NDArray[np.float64] | None = None,
    snow: NDArray[np.bool_] | None = None,
) -> Iterator[str]:
    """
    FW21 of hourly weather, header first, station by station, without line ends.

    Args:
        hours: Hourly weather; its local time must be standard time.
        solar_w_m2: Solar radiation, shape (times, stations), 0..1400; None to leave it blank:
            NFDRS4 then passes over the record. [W/m2]
        snow: Whether the ground is covered with snow, shape (times, stations); None for no snow.

    Yields:
        The header, and a line for each hour that is reported or held. Hours with a value missing,
        rain among them, have no line.

    Raises:
        RangeError: Radiation is outside its range.

    Source:
        FW21 Fire Weather Format, US Forest Service, Missoula Fire Sciences Laboratory, 2024.
    """
    if solar_w_m2 is not None:
        checks.bounded("solar_w_m2", solar_w_m2, 0.0, 1400.0, "W/m2")
    shift = round(hours.utc_offset_h * HOUR_S)
    local = (hours.time_s + shift).astype("datetime64[s]")
    sign, minutes = "-" if shift < 0 else "+", abs(shift) // 60
    zone = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    yield ",".join(FW21_COLUMNS)
    for s, station in enumerate(hours.station_id):
        name = station.replace(",", " ")
        for t, stamp in enumerate(local):
            status = Status(int(hours.status[t, s]))
            if status not in _USABLE:
                continue
            solar = "" if solar_w_m2 is None else f"{solar_w_m2[t, s]:.1f}"
            covered = int(snow is not None and bool(snow[t, s]))
            # The format's reader takes humidity of 0 for missing; 1 % is what it makes of it.
            humidity = max(float(hours.rh_pct[t, s]), 1.0)
            yield (
                f"{name},{stamp}{zone},{hours.temp_degc[t, s]:.2f},{humidity:.1f},"
                f"{hours.rain_mm[t, s]:.2f},{hours.wind_km_h[t, s]:.1f},,{solar},{covered},"
                f"{status.name.lower()}"
            )
