# SPDX-License-Identifier: Apache-2.0
"""
The node's score of SPEC 5.5 if everybody knew everything: in float, from what was measured.

Tolerance, quantisation, prediction and the order of the phases have no part in it. What the
replicated score loses against this is what they cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.anomaly.neighbours import apart
from qres.fire_state import Cause
from qres.fire_weather.vpd import saturation_kpa

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["score"]

_FLOOR: Final = (0.25, 1.25)  # [degC, %] the step of the standard class
_START: Final = (1.0, 5.0)  # [degC, %] its tolerance
_SLOW: Final = 1.0 / 8.0
_ROBUST: Final = 6.0
_MEMORY_H: Final = 64
_OCTAVES: Final = 0.5


def score(
    measured: NDArray[np.float64],
    neighbours: NDArray[np.intp],
    hour_of_day: NDArray[np.intp],
    epochs_per_hour: int,
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """
    Departure from neighbours and its likely cause.

    Args:
        measured: Samples, shape (epochs, nodes, channels), temperature [degC] and relative
            humidity [%] first; NaN goes on as the value before.
        neighbours: As `qres.anomaly.neighbours.nearest` has them.
        hour_of_day: UTC hour of each epoch, 0..23, shape (epochs,).
        epochs_per_hour: The usual departure learns at the last of them.

    Returns:
        The statistic (the greater of both channels', in usual departures; 0 where there is none)
        and `Cause` (HEAT or SENSOR), shape (epochs, nodes). The grade of SPEC 5.5 is a rising
        function of the statistic that moves slowly, so it has about the same order.
    """
    x = np.stack([_departure(measured[:, :, c], neighbours) for c in range(2)])
    u = np.stack([_in_usual(x[c], c, hour_of_day // 6, epochs_per_hour) for c in range(2)])
    statistic = np.nan_to_num(np.abs(u)).max(axis=0)
    temp, rh = measured[:, :, 0], measured[:, :, 1]
    now = np.log2(saturation_kpa(temp) * np.maximum(rh, 1.0))
    expected = np.log2(
        saturation_kpa(np.clip(temp - x[0], -60.0, 85.0)) * np.maximum(rh - x[1], 1.0)
    )
    heat = (u[0] > 0.0) & (u[1] < 0.0) & (np.abs(now - expected) <= _OCTAVES)
    return statistic, np.where(heat, Cause.HEAT, Cause.SENSOR).astype(np.uint8)


def _departure(values: NDArray[np.float64], neighbours: NDArray[np.intp]) -> NDArray[np.float64]:
    slow = np.empty_like(values)
    level = values[0]
    for k, now in enumerate(values):
        level = np.where(np.isnan(level), now, level)
        slow[k] = level
        level = np.where(np.isnan(now), level, level + (now - level) * _SLOW)
    return apart(values - slow, neighbours)


def _in_usual(
    x: NDArray[np.float64], channel: int, quarter: NDArray[np.intp], epochs_per_hour: int
) -> NDArray[np.float64]:
    usual = np.full(4, _START[channel])
    out = np.empty_like(x)
    for k, now in enumerate(x):
        q = quarter[k]
        out[k] = now / max(usual[q], _FLOOR[channel])
        if (k + 1) % epochs_per_hour == 0:
            known = np.abs(now[~np.isnan(now)])
            if known.size:
                typical = np.minimum(known, _ROBUST * usual[q]).mean()
                usual[q] += (typical - usual[q]) / _MEMORY_H
    return out
