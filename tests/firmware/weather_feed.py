# SPDX-License-Identifier: Apache-2.0
"""Recorded weather as sensors see it: values at a moment, pulses of wind and rain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import Q16_MISSING, V1, to_q16
from tests.firmware.link import Raw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.weather_file import WeatherFile

__all__ = ["WeatherFeed"]

_PULSE_M: Final = 0.1
"""Wind run per pulse, `fitted` of link.c. [m]"""

_TIP_MM: Final = 0.2
"""Rain per tip, likewise. [mm]"""

_BATTERY_V: Final = 3.9


class WeatherFeed:
    """
    *weather* for all its stations.

    Args:
        weather: Recorded weather. A moment sees the latest record not older than the cadence.

    Attributes:
        battery_v: Voltage of a station's battery if it is not full. [V]
        bare: Stations whose firmware has neither anemometer nor rain gauge.
    """

    def __init__(self, weather: WeatherFile, *, has_battery: bool = False) -> None:
        self._has_battery = has_battery
        self.battery_v: dict[int, float] = {}
        self.bare: set[int] = set()
        self._time_us = weather.time_s * 1_000_000
        self._cadence_us = weather.cadence_s * 1_000_000
        self._q16 = np.stack([to_q16(getattr(weather, c.name), c) for c in V1], axis=2)
        wind = np.nan_to_num(weather.wind_m_s)
        run_m = np.cumsum(wind * weather.cadence_s, axis=0)
        self._run_m = np.vstack([np.zeros(wind.shape[1]), run_m])
        self._wind_m_s = wind
        self._tips = np.round(np.nan_to_num(weather.rain_mm) / _TIP_MM).astype(np.int64)

    def values_q16(self, station: int, time_us: int) -> NDArray[np.int32]:
        """All channels of a station as a virtual node samples them. [Q16.16]"""
        at = self._at(time_us)
        if at < 0 or time_us - int(self._time_us[at]) > self._cadence_us:
            weather = np.full(len(V1), Q16_MISSING, dtype=np.int32)
        else:
            weather = np.asarray(self._q16[at, station])
        if not self._has_battery:
            return weather
        mv_q16 = int(self.volts(station) * 65536) * 1000
        return np.append(weather, np.int32(mv_q16))

    def volts(self, station: int) -> float:
        """Voltage of a station's battery. [V]"""
        return self.battery_v.get(station, _BATTERY_V)

    def raw(self, station: int, time_us: int) -> Raw:
        """What a station's sensors say."""
        temp, rh = (int(v) for v in self.values_q16(station, time_us)[:2])
        at = min(max(self._at(time_us), 0), len(self._time_us) - 1)
        part_s = max(0.0, (time_us - int(self._time_us[at])) / 1e6)
        run_m = self._run_m[at, station] + self._wind_m_s[at, station] * part_s
        none = Q16_MISSING
        battery_q16 = int(self.volts(station) * 65536)
        q16 = (temp, rh, none, none, battery_q16, none)
        counts = int(run_m / _PULSE_M), int(self._tips[at, station])
        return Raw(q16, *counts, has_gauges=station not in self.bare)

    def _at(self, time_us: int) -> int:
        return int(np.searchsorted(self._time_us, time_us, side="right")) - 1
