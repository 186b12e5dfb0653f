# SPDX-License-Identifier: Apache-2.0
"""
SIMULATED battery voltages: no weather record has any.

One Li-ion cell a node behind a small panel: it rises from sunrise to the afternoon, stays until
sunset and falls through the night; overcast days lift it less; over a month it declines and over
the next it recovers, as in a dull and a sunny month. One node in eight is weak: a worn cell or a
shaded panel makes its swings and its decline larger. All figures are design, in the range of what
such nodes do; nothing is measured. It gives the radio something real in kind to carry.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import BATTERY, to_q16

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.site import Site

__all__ = ["FULL_MV", "SimulatedBattery"]

FULL_MV: Final = 4200.0
"""A Li-ion charger's end of charge; no reading is above it. [mV]"""

_EMPTY_MV: Final = 3000.0
_LEVEL_MV: Final = (3950.0, 4060.0)
_SWING_MV: Final = (40.0, 120.0)
_DECLINE_MV: Final = (30.0, 120.0)
_WEAK_SHARE: Final = 0.125
_WEAK_SWING: Final = 2.0
_WEAK_DECLINE: Final = 5.0
_SUN: Final = (0.3, 1.0)
_NOISE_MV: Final = 5.0  # of a 12-bit converter behind a divider of two, averaged
_DAY_US: Final = 86_400_000_000
_MONTH_US: Final = 30 * _DAY_US
_SUNRISE_H, _TOP_H, _SUNSET_H = 6.0, 15.0, 18.0


class SimulatedBattery:
    """
    Voltages of every node at any time; the same arguments give the same ones.

    Args:
        site: The field; the sun rises by its mean longitude.
        start_us: Beginning of the decline. [us since the Unix epoch]
        seed: Cells and days follow from it.
    """

    def __init__(self, site: Site, *, start_us: int, seed: int) -> None:
        n = len(site.nodes)
        self._seed = seed
        self._start_us = start_us
        lon_deg = float(np.mean([node.lon_deg for node in site.nodes]))
        self._solar_us = round(lon_deg / 360.0 * _DAY_US)
        rng = np.random.default_rng([seed, 0xBA77])
        self._level_mv = rng.uniform(*_LEVEL_MV, n)
        self._swing_mv = rng.uniform(*_SWING_MV, n)
        self._decline_mv = rng.uniform(*_DECLINE_MV, n)
        self.is_weak = rng.random(n) < _WEAK_SHARE
        self._swing_mv[self.is_weak] *= _WEAK_SWING
        self._decline_mv[self.is_weak] *= _WEAK_DECLINE

    def mv(self, time_us: int) -> NDArray[np.float64]:
        """Voltage of every node as it would read it at *time_us*, whole, shape (nodes,). [mV]"""
        # A night belongs to the day before it: days are counted from sunrise.
        since_sunrise_us = time_us + self._solar_us - round(_SUNRISE_H / 24 * _DAY_US)
        day, into_us = divmod(since_sunrise_us, _DAY_US)
        # Seeds are not negative: days before 1970 do not occur.
        sun = float(np.random.default_rng([self._seed, 0x50A, max(day, 0)]).uniform(*_SUN))
        months = (time_us - self._start_us) / _MONTH_US
        declined = (1.0 - math.cos(math.pi * months)) / 2.0
        noise = np.random.default_rng([self._seed, 0xADC, time_us // 1_000_000]).normal(
            0.0, _NOISE_MV, self._level_mv.size
        )
        volts = self._level_mv + self._swing_mv * sun * _charged(into_us / _DAY_US * 24)
        volts += noise - self._decline_mv * declined
        return np.asarray(np.rint(np.clip(volts, _EMPTY_MV, FULL_MV)))

    def q16(self, time_us: int) -> NDArray[np.int32]:
        """`mv` as Q16.16, shape (nodes,)."""
        return to_q16(self.mv(time_us), BATTERY)


def _charged(hours: float) -> float:
    """What of the day's swing is there *hours* after sunrise. 0..1"""
    top, sunset = _TOP_H - _SUNRISE_H, _SUNSET_H - _SUNRISE_H
    if hours < top:
        return math.sin(math.pi / 2 * hours / top)
    return 1.0 if hours < sunset else (24.0 - hours) / (24.0 - sunset)
