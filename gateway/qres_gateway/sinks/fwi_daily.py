# SPDX-License-Identifier: Apache-2.0
"""
`fwi_daily`: the Canadian system of 1987 from what the store holds of each noon.

Noon is that of local standard time at the field's mean longitude. A day's weather is each node's
last sample before it, which is at most one epoch old; its rain is the rise of the node's counter
since the last noon known. The codes go from day to day from the first noon in the store, where
they start at the standard values: the same store gives the same codes, however often it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import channel
from qres.core import Status
from qres.fire_weather.checks import KM_H_PER_M_S
from qres.fire_weather.fwi1987 import fwi1987
from qres.fire_weather.noon import DAY_S, local_calendar, standard_offset_h
from qres.fire_weather.provenance import worst
from qres.fire_weather.wind_height import at_10_m
from qres_gateway.sinks.point import point
from qres_gateway.sinks.points import held

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres_gateway.outbox import Outbox, StoredCommit
    from qres_gateway.sinks.field import SinkField
    from qres_gateway.sinks.point import Point

__all__ = ["FwiDaily", "rain_since"]

LATE_US: Final = 3_600_000_000
"""A noon without any commit in the hour before it is a day without weather. [us]"""

_TEMP, _RH, _WIND, _RAIN = (
    channel(n).index for n in ("temp_degc", "rh_pct", "wind_m_s", "rain_mm")
)
_WRAP_MM: Final = channel("rain_mm").upper
_RAIN_DECIMALS: Final = 3  # the store's float32 must not pass a threshold of the codes
_NAMES: Final = ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr")
_DAY_US: Final = DAY_S * 1_000_000

_Day = tuple["NDArray[np.float64]", "NDArray[np.uint8]"]


class FwiDaily:
    """
    Points of `fwi_daily`, one a node and day.

    Args:
        field: The field.
        outbox: The store's commits. Days once read are kept: 1.7 kB a day with 100 nodes.
    """

    def __init__(self, field: SinkField, outbox: Outbox) -> None:
        self._field = field
        self._outbox = outbox
        nodes = field.site.nodes
        self._offset_h = float(standard_offset_h(np.mean([n.lon_deg for n in nodes])))
        self._lat_deg = np.array([n.lat_deg for n in nodes])
        self._shift_us = round((12.0 - self._offset_h) * 3.6e9)
        self._days: dict[int, _Day | None] = {}

    def noon_in(self, commit: StoredCommit) -> int | None:
        """The noon by which the commit's phase is the last one begun, if it is. [us]"""
        end_us = commit.time_us + self._field.phase_us
        noon_us = (end_us - self._shift_us) // _DAY_US * _DAY_US + self._shift_us
        return noon_us if noon_us > commit.time_us else None

    def points(self, commit: StoredCommit) -> list[Point]:
        """The day's points if the commit is that of a noon; none otherwise, and on the first."""
        noon_us = self.noon_in(commit)
        if noon_us is None:
            return []
        first_us = self._outbox.first_commit_us
        if first_us is None:
            return []
        last = (noon_us - self._shift_us) // _DAY_US
        first = -((self._shift_us - first_us) // _DAY_US)  # first noon not before it
        if last <= first:
            return []
        self._days = {d: v for d, v in self._days.items() if first <= d < last}
        days = [self._day(d) for d in range(first, last + 1)]
        return self._of(days, noon_us, first, last)

    def _day(self, day: int) -> _Day | None:
        if day not in self._days:
            noon_us = day * _DAY_US + self._shift_us
            commit = self._outbox.commit_at(noon_us - LATE_US, noon_us)
            self._days[day] = None if commit is None else (held(commit), commit.status.copy())
        return self._days[day]

    def _of(self, days: list[_Day | None], noon_us: int, first: int, last: int) -> list[Point]:
        n, n_channels = len(self._field.nodes), _RAIN + 1
        values = np.full((len(days), n, n_channels), np.nan)
        status = np.full((len(days), n), Status.UNKNOWN, dtype=np.uint8)
        for i, day in enumerate(days):
            if day is not None:
                values[i], status[i] = day[0][:, :n_channels], day[1]
        tolerance_mm = self._field.site.tolerance["rain_mm"]
        rain_mm, status = rain_since(values[:, :, _RAIN], status, 2.0 * tolerance_mm)
        noons_s = np.arange(first, last + 1) * DAY_S + self._shift_us // 1_000_000
        _, month, _ = local_calendar(noons_s, self._offset_h)
        out = fwi1987(
            values[:, :, _TEMP],
            values[:, :, _RH],
            at_10_m(values[:, :, _WIND], self._field.site.wind_height_m) * KM_H_PER_M_S,
            rain_mm,
            month,
            self._lat_deg,
            status=status,
        )
        made = (
            point(
                "fwi_daily",
                (self._field.name, node),
                noon_us,
                {name: getattr(out, name)[-1, i] for name in _NAMES}
                | {"status": out.status["fwi"][-1, i]},
            )
            for i, node in enumerate(self._field.nodes)
        )
        return [p for p in made if p is not None]


def rain_since(
    counter_mm: NDArray[np.float64], status: NDArray[np.uint8], fall_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """
    Rain of each day as a live listener learns it, and what it makes of the day's provenance.

    Args:
        counter_mm: Rain counter at each noon, shape (days, nodes); NaN missing. [mm]
        status: Provenance of each noon's weather, same shape.
        fall_mm: How much a counter may fall without having been started anew, for replicas
            correct what they hold. [mm]

    Returns:
        Rain since the last known noon; NaN on the first, where the counter is missing, and where
        it was started anew: missing rain is not zero rain. Provenance is the worse of both noons,
        and stale at best if there was none the day before. Shapes as given.

    >>> rain, _ = rain_since(np.array([[1.0], [3.5], [3.0], [0.0]]), np.ones((4, 1), np.uint8), 1.0)
    >>> rain[:, 0].tolist()
    [nan, 2.5, 0.0, nan]
    """
    rain = np.full(counter_mm.shape, np.nan)
    out = status.copy()
    n = counter_mm.shape[1]
    last_mm, last_status = np.full(n, np.nan), np.full(n, Status.UNKNOWN, dtype=np.uint8)
    last_day = np.full(n, -1)
    for day, now_mm in enumerate(counter_mm):
        known = ~np.isnan(now_mm)
        fell = np.mod(now_mm - last_mm + _WRAP_MM / 2, _WRAP_MM) - _WRAP_MM / 2
        rose = np.round(np.clip(fell, 0.0, 2000.0), _RAIN_DECIMALS)
        rain[day] = np.where(fell < -fall_mm, np.nan, rose)
        both = worst(status[day], np.where(last_day < 0, status[day], last_status))
        gap = known & (last_day >= 0) & (last_day < day - 1)
        out[day] = np.where(gap, worst(both, np.full(n, Status.STALE, dtype=np.uint8)), both)
        last_mm = np.where(known, now_mm, last_mm)
        last_status = np.where(known, status[day], last_status)
        last_day = np.where(known, day, last_day)
    return rain, out
