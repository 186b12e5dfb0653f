# SPDX-License-Identifier: Apache-2.0
"""
How much of the rain gets through the canopy, hour by hour, in FWI2025.

What the canopy holds back is taken off once per rain event, not once per day as in 1987. An event
ends after 5 hours without rain. Thresholds compare rain rounded to 0.1 mm, written here as the
half step below: 0.55 mm stands for "above 0.5 mm, rounded".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DC", "DMC", "FFMC", "Canopy", "EventRain", "Interception", "events", "through"]

_RESET_AFTER_H: Final = 5
_RAINS_FROM_MM: Final = 0.05  # 0.1 mm, rounded


@dataclass(frozen=True, slots=True)
class Interception:
    """
    What a canopy and the layer's own surface keep from a layer of fuel.

    Attributes:
        above_mm: Rain of the event from which the layer gets wet (limit, rounded to 0.1). [mm]
        keeps_mm: What is then kept, once. [mm]
        share: Share of the rain that counts, 0..1.
    """

    above_mm: float
    keeps_mm: float
    share: float


FFMC: Final = Interception(0.55, 0.5, 1.0)
DMC: Final = Interception(1.55, 1.27, 0.92)
DC: Final = Interception(2.85, 1.27, 0.83)


@dataclass(frozen=True, slots=True, eq=False)
class Canopy:
    """
    State of the canopy between two hours, scalars or shape (...).

    Attributes:
        event_mm: Rain of the present event. [mm]
        dry_h: Hours since its last rain, 0..4. [h]
    """

    event_mm: NDArray[np.float64]
    dry_h: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class EventRain:
    """
    Rain with the event it belongs to, shape (times, ...).

    Attributes:
        rain_mm: Rain of the hour. [mm]
        before_mm: Rain of the event before the hour. [mm]
        after_mm: Rain of the event with it. [mm]
        dry_h: Hours without rain within the event. [h]
        end: State after the last hour.
    """

    rain_mm: NDArray[np.float64]
    before_mm: NDArray[np.float64]
    after_mm: NDArray[np.float64]
    dry_h: NDArray[np.float64]
    end: Canopy


def events(rain_mm: NDArray[np.float64], known: NDArray[np.bool_], start: Canopy) -> EventRain:
    """
    Sum the rain of each event.

    Args:
        rain_mm: Rain of each hour, shape (times, ...). [mm]
        known: False for hours that are skipped: they neither wet nor dry, shape (times, ...).
        start: State before the first hour.
    """
    before = np.empty(rain_mm.shape)
    after = np.empty(rain_mm.shape)
    dry = np.empty(rain_mm.shape)
    total = np.broadcast_to(start.event_mm, rain_mm.shape[1:])
    hours = np.broadcast_to(start.dry_h, rain_mm.shape[1:])
    wet = rain_mm >= _RAINS_FROM_MM
    rain = np.where(known, rain_mm, 0.0)
    for at in range(rain_mm.shape[0]):
        counted = np.where(wet[at] | (total == 0.0), 0.0, hours + known[at])
        ends = counted >= _RESET_AFTER_H
        hours = np.where(ends, 0.0, counted)
        before[at] = np.where(ends, 0.0, total)
        total = before[at] + rain[at]
        after[at] = total
        dry[at] = hours
    return EventRain(rain_mm, before, after, dry, Canopy(np.asarray(total), np.asarray(hours)))


def through(rain: EventRain, kept: Interception) -> NDArray[np.float64]:
    """
    Rain that reaches a layer of fuel in each hour, shape (times, ...). [mm]

    Source:
        cffdrs-ng 2026-08-13, `prec_effective`, re-implemented from its description.
    """
    total = rain.before_mm + rain.rain_mm
    just_now = total * kept.share - kept.keeps_mm
    wet = np.where(rain.before_mm >= kept.above_mm, rain.rain_mm * kept.share, just_now)
    return np.asarray(np.where(total < kept.above_mm, 0.0, wet))
