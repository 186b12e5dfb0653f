# SPDX-License-Identifier: Apache-2.0
"""What a state says of the air: who counts, drying power, departures of members (SPEC 5.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import fire
from .channel import RH, TEMP, WIND
from .fire_state import FireState
from .fixed import clip, rdiv, rsh
from .site import RefSite
from .state import State

__all__ = ["Air", "Departure", "climate", "departures", "drying_power", "mean", "read_air"]

SURPRISE_MAX = 64 << 16
SPREAD_LEAST = 3_277
NEIGHBOURS_LEAST = 3


@dataclass(frozen=True)
class Air:
    """
    The air at each member, bounded, N entries each; Q16.

    Attributes:
        known: Temperature and humidity are present.
        counts: Known, and the member is not stale.
        temp: Temperature, where known. [degC]
        rh: Humidity, where known. [%]
        wind: Its own wind, or the field's. [m/s]
    """

    known: tuple[bool, ...]
    counts: tuple[bool, ...]
    temp: tuple[int, ...]
    rh: tuple[int, ...]
    wind: tuple[int, ...]

    def counting(self) -> list[int]:
        """Indices of the members that count, ascending."""
        return [i for i, on in enumerate(self.counts) if on]

    def isi(self, i: int, state: FireState) -> int:
        """Initial Spread Index at member *i*."""
        return fire.isi(int(state.fuel[i]), fire.wind_km_h(self.wind[i]))


@dataclass(frozen=True)
class Departure:
    """
    How far a member is from its neighbours, of temperature and of humidity.

    Attributes:
        x: The distances. [Q16.16]
        u: In units of the usual one. [Q16] within +-64
    """

    x: tuple[int, int]
    u: tuple[int, int]

    @property
    def size(self) -> int:
        """The statistic: the larger of the two."""
        return max(abs(self.u[0]), abs(self.u[1]))


def mean(numbers: list[int]) -> int:
    """The mean of one number or more, rounded half up."""
    return rdiv(sum(numbers), len(numbers))


def roles(site: RefSite) -> tuple[int, int]:
    """Numbers of the channels with temperature and humidity of a fire site."""
    found = {channel.role: c for c, channel in enumerate(site.channels)}
    return found[TEMP], found[RH]


def read_air(site: RefSite, state: State) -> Air:
    """The air as *state* has it, stale at its own phase."""
    t, h = roles(site)
    known = ~state.absent[:, t] & ~state.absent[:, h]
    fresh = ~state.stale(site, state.phase)
    winds = [0] * site.n_members
    w = site.channel_of(WIND)
    if w is not None:
        has = ~state.absent[:, w]
        heard = state.value[has & fresh, w].tolist()
        elsewhere = mean(heard) if heard else 0
        own = zip(has.tolist(), state.value[:, w].tolist(), strict=True)
        winds = [value if on else elsewhere for on, value in own]
    return Air(
        known=tuple(known.tolist()),
        counts=tuple((known & fresh).tolist()),
        temp=tuple(fire.bounded_temp(x) for x in state.value[:, t].tolist()),
        rh=tuple(fire.bounded_rh(x) for x in state.value[:, h].tolist()),
        wind=tuple(fire.bounded_wind(x) for x in winds),
    )


def drying_power(air: Air) -> int | None:
    """X of step 3: mean drying power of the field; None if no member counts."""
    powers = [
        fire.lg2(fire.vpd(air.temp[i], air.rh[i]) + 6_554) + fire.lg2(air.wind[i] + 65_536)
        for i in air.counting()
    ]
    return mean(powers) if powers else None


def climate(state: FireState, power: int, hour_of_day: int) -> int:
    """Z of step 3: how unusual a drying power is for the hour. [Q16] within +-64"""
    b = hour_of_day // 3
    z = rdiv((power - state.usual[b]) * 65_536, max(state.spread[b], SPREAD_LEAST))
    return clip(z, -SURPRISE_MAX, SURPRISE_MAX)


def departures(
    site: RefSite, state: State, held: FireState, air: Air, hour_of_day: int
) -> list[Departure | None]:
    """Departure of each member, step 4; None for those that do not count or have too few near."""
    columns = roles(site)
    apart = [state.value[:, c] - state.slow[:, c] for c in columns]
    y = [np.clip(m, -(1 << 28), 1 << 28).tolist() for m in apart]
    found: list[Departure | None] = []
    for i, near in enumerate(site.neighbours):
        taking_part = [j for j in near if air.counts[j]]
        if not air.counts[i] or len(taking_part) < NEIGHBOURS_LEAST:
            found.append(None)
            continue
        x, u = [], []
        for row, c in enumerate(columns):
            x.append(y[row][i] - _median([y[row][j] for j in taking_part]))
            usual = max(held.apart[row][hour_of_day // 6], site.channels[c].step)
            u.append(clip(rdiv(x[row] * 65_536, usual), -SURPRISE_MAX, SURPRISE_MAX))
        found.append(Departure((x[0], x[1]), (u[0], u[1])))
    return found


def _median(numbers: list[int]) -> int:
    """The middle number, or the mean of the middle two rounded half up."""
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(numbers) % 2 else rsh(ordered[half - 1] + ordered[half], 1)
