# SPDX-License-Identifier: Apache-2.0
"""
Litter between rain and air: what the daily, the hourly and the FWI2025 fine fuel codes share.

Fuel above the equilibrium for drying dries towards it, fuel below that for wetting takes up water
towards it, and between the two nothing happens. All the air does is in a `Drift`, which does not
depend on the fuel and so is computed for all times at once; `advance` then walks through time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from qres.fire_weather.ff_scale import MOISTURE_MAX_PCT

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RATE_1977", "RATE_1987", "RATE_2025", "Drift", "advance", "drift", "step", "wetted"]

_TRACE_MM: Final = 1e-9  # below it 6.93 / rain overflows, and nothing gets wet

RATE_1987: Final = 0.581
"""Drying in a day (Van Wagner & Pickett 1985, eqs 6b and 7b)."""

RATE_1977: Final = 0.0579
"""Drying in an hour (Van Wagner 1977, eqs 3b and 4b)."""

RATE_2025: Final = 0.1158
"""Drying in an hour in FWI2025: twice that of 1977."""


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """
    What the air does to fuel in each step, shape (times, ...).

    Attributes:
        dry_to: Equilibrium moisture for drying. [%]
        wet_to: Equilibrium moisture for wetting, never above `dry_to`. [%]
        dry_left: Share of the distance to `dry_to` that is left after the step. 0..1
        wet_left: Share of the distance to `wet_to` that is left after the step. 0..1
    """

    dry_to: NDArray[np.float64]
    wet_to: NDArray[np.float64]
    dry_left: NDArray[np.float64]
    wet_left: NDArray[np.float64]


class _Wet(Protocol):
    def __call__(
        self, moisture_pct: NDArray[np.float64], rain_mm: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...


def drift(
    temp_degc: NDArray[np.float64],
    rh_pct: NDArray[np.float64],
    wind_km_h: NDArray[np.float64],
    rate: float,
    hours: float = 1.0,
) -> Drift:
    """
    Equilibria and drying rates of pine litter.

    Args:
        temp_degc: Air temperature, shape (times, ...). [degC]
        rh_pct: Relative humidity, same shape, 0..100. [%]
        wind_km_h: Wind at 10 m, same shape. [km/h]
        rate: `RATE_1987`, `RATE_1977` or `RATE_2025`.
        hours: Length of a step, in units of what *rate* is for.

    Source:
        Van Wagner & Pickett (1985), eqs 4 to 7; Van Wagner (1977), eqs 2 to 4.
    """
    bend = np.exp((rh_pct - 100.0) / 10.0)
    warmth = 0.18 * (21.1 - temp_degc) * (1.0 - np.exp(-0.115 * rh_pct))
    speed = np.exp(0.0365 * temp_degc) * (-np.log(10.0) * rate * hours)
    gust = 0.0694 * np.sqrt(wind_km_h)
    return Drift(
        dry_to=0.942 * rh_pct**0.679 + 11.0 * bend + warmth,
        wet_to=0.618 * rh_pct**0.753 + 10.0 * bend + warmth,
        dry_left=np.exp(speed * _log_rate(rh_pct / 100.0, gust)),
        wet_left=np.exp(speed * _log_rate((100.0 - rh_pct) / 100.0, gust)),
    )


def wetted(moisture_pct: NDArray[np.float64], rain_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Moisture of pine litter after rain. [%]

    Args:
        moisture_pct: Moisture before, 0..250. [%]
        rain_mm: Effective rain, same shape; 0 changes nothing. [mm]

    Source:
        Van Wagner & Pickett (1985), eqs 3a and 3b.
    """
    falls = rain_mm > _TRACE_MM
    r = np.where(falls, rain_mm, 1.0)
    gain = 42.5 * r * np.exp(-100.0 / (251.0 - moisture_pct)) * -np.expm1(-6.93 / r)
    soaked = np.maximum(moisture_pct - 150.0, 0.0)
    gain += 0.0015 * soaked * soaked * np.sqrt(r)
    return np.asarray(
        np.where(falls, np.minimum(moisture_pct + gain, MOISTURE_MAX_PCT), moisture_pct)
    )


def step(moisture_pct: NDArray[np.float64], drift: Drift, at: int) -> NDArray[np.float64]:
    """Moisture [%] after the step *at* of *drift*, rain apart; never below 0."""
    dry_to, wet_to = drift.dry_to[at], drift.wet_to[at]
    dries = moisture_pct > dry_to
    goal = np.where(dries, dry_to, np.where(moisture_pct < wet_to, wet_to, moisture_pct))
    left = np.where(dries, drift.dry_left[at], drift.wet_left[at])
    return np.asarray(np.maximum(goal + (moisture_pct - goal) * left, 0.0))


def advance(
    start_pct: NDArray[np.float64],
    rain_mm: NDArray[np.float64],
    known: NDArray[np.bool_],
    drift: Drift,
    wet: _Wet = wetted,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Moisture through time.

    Args:
        start_pct: Moisture before the first step, shape (...). [%]
        rain_mm: Effective rain of each step, shape (times, ...). [mm]
        known: False where an input of the step is missing: it is skipped, shape (times, ...).
        drift: What the air does.
        wet: What rain does.

    Returns:
        Moisture after each step, NaN where it was skipped, shape (times, ...); and the moisture
        at the end, shape (...). [%]
    """
    n_times = rain_mm.shape[0]
    history = np.empty(rain_mm.shape)
    rains = np.asarray((rain_mm > 0.0).reshape(n_times, -1).any(axis=1))
    whole = np.asarray(known.reshape(n_times, -1).all(axis=1))
    moisture = np.broadcast_to(start_pct, rain_mm.shape[1:])
    for at in range(n_times):
        before = moisture
        if rains[at]:
            moisture = wet(moisture, rain_mm[at])
        moisture = step(moisture, drift, at)
        if whole[at]:
            history[at] = moisture
        else:
            history[at] = np.where(known[at], moisture, np.nan)
            moisture = np.where(known[at], moisture, before)
    return history, np.asarray(moisture)


def _log_rate(share: NDArray[np.float64], gust: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log drying rate at 21.1 degC: eqs 6a (share = RH/100) and 7a (share = 1 - RH/100)."""
    eighth = np.square(np.square(np.square(share)))
    return np.asarray(0.424 * (1.0 - share**1.7) + gust * (1.0 - eighth))
