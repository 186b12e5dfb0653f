# SPDX-License-Identifier: Apache-2.0
"""The fire hour: rain, fuel, climate, departure, regime (SPEC 5.5)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import fire
from .channel import RAIN
from .fire_air import Air, Departure, climate, departures, drying_power, mean, read_air
from .fire_state import FireState
from .fixed import I64, clip, rdiv
from .site import RefSite
from .state import State

__all__ = ["fire_hour", "hour_that_ends", "moved"]

POWERS_OF_TEN = (10, 100, 1000)
GAINS_CLIMATE = (3_277, 13_107, 26_214)
GAINS_DEPARTURE = (6_554, 26_214, 104_858)
RARE_FLOOR, RARE_FIRST_MAX, RARE_GAP = 32_768, 524_288, 16_384
DAYS_TO_KNOW = 7
LEVELS = (262_144, 655_360)
LULL_HOURS = 6


def hour_that_ends(site: RefSite, epoch: int) -> int | None:
    """
    The hour since 1970 that ends with *epoch*, or None.

    An epoch that reaches over the end of an hour ends it.
    """
    h = epoch * site.epoch_s // 3600
    return h if (epoch + 1) * site.epoch_s // 3600 == h + 1 else None


def fire_hour(site: RefSite, state: State) -> FireState:
    """
    The fire weather after the hour that ends with the epoch of `state.phase`.

    Args:
        site: A fire site.
        state: State after the reports of the epoch's last phase, before `fold.end_epoch`.

    Raises:
        ValueError: It is not a fire site's state, or no hour ends.
    """
    h = hour_that_ends(site, state.phase // 4)
    if state.fire is None or h is None:
        raise ValueError(f"state = phase {state.phase}: must be a fire site's, ending an hour")
    hour_of_day = h % 24
    air = read_air(site, state)
    rain, mark = _rain(site, state, state.fire)
    new = replace(state.fire, fuel=_fuel(state.fire, air, rain), mark=mark)
    new = _climate(new, air, hour_of_day)
    new = _departure(site, state, new, air, hour_of_day)
    return _regime(new, air)


def _rain(site: RefSite, state: State, old: FireState) -> tuple[list[int], I64]:
    """Step 1: rain of the hour at each member, and the new marks."""
    n, c = site.n_members, site.channel_of(RAIN)
    if c is None:
        return [0] * n, old.mark.copy()
    has = ~state.absent[:, c]
    fallen = np.clip(state.value[:, c] - old.mark, 0, fire.RAIN_MAX)
    heard = fallen[has & ~state.stale(site, state.phase)].tolist()
    elsewhere = mean(heard) if heard else 0
    rain = np.where(has, fallen, elsewhere).tolist()
    return rain, np.where(has, state.value[:, c], old.mark)


def _fuel(old: FireState, air: Air, rain: list[int]) -> I64:
    """Step 2: moisture of litter after the hour."""
    fuel = old.fuel.copy()
    for i, m in enumerate(fuel.tolist()):
        if air.known[i]:
            v = fire.wind_km_h(air.wind[i])
            fuel[i] = fire.hour(m, air.temp[i], air.rh[i], v, rain[i])
    return fuel


def moved(rare: tuple[int, ...], numbers: list[int], gains: tuple[int, ...]) -> tuple[int, ...]:
    """
    Levels that are exceeded once in 10, 100, 1000 hours, one hour on.

    Args:
        rare: The three levels. [Q16]
        numbers: The statistic of one member or more. [Q16]
        gains: A of the three levels. [Q16]
    """
    n, new = len(numbers), []
    for level, p, gain in zip(rare, POWERS_OF_TEN, gains, strict=True):
        above = sum(s > level for s in numbers)
        new.append(level + rdiv(gain * (p * above - n), n * p))
    new[0] = clip(new[0], RARE_FLOOR, RARE_FIRST_MAX)
    for k in (1, 2):
        new[k] = clip(new[k], new[k - 1] + RARE_GAP, RARE_FIRST_MAX * 2**k)
    return tuple(new)


def _climate(state: FireState, air: Air, hour_of_day: int) -> FireState:
    """Step 3: what drying power is usual, how far it strays, and how rarely further."""
    power = drying_power(air)
    if power is None:
        return state
    rare, spread, usual = state.rare, list(state.spread), list(state.usual)
    if state.days >= DAYS_TO_KNOW:
        z = climate(state, power, hour_of_day)
        rare = (moved(rare[0], [z], GAINS_CLIMATE), rare[1])
    b, g = hour_of_day // 3, min(1 + 3 * state.days, 64)
    d = power - usual[b]
    if state.days > 0:
        step = rdiv(min(abs(d), 6 * spread[b]) - spread[b], g)
        spread[b] = max(1, spread[b] + step)
    usual[b] += rdiv(d, g)
    return replace(state, usual=tuple(usual), spread=tuple(spread), rare=rare)


def _departure(
    site: RefSite, state: State, new: FireState, air: Air, hour_of_day: int
) -> FireState:
    """Step 4: how far members are from their neighbours, and how rarely further."""
    found = departures(site, state, new, air, hour_of_day)
    given: list[Departure] = [d for d in found if d]
    if not given:
        return new
    apart = [list(new.apart[0]), list(new.apart[1])]
    q = hour_of_day // 6
    for c in (0, 1):
        old = apart[c][q]
        distance = mean([min(abs(d.x[c]), 6 * old) for d in given])
        apart[c][q] = max(1, old + rdiv(distance - old, 64))
    return replace(
        new,
        apart=(tuple(apart[0]), tuple(apart[1])),
        rare=(new.rare[0], moved(new.rare[1], [d.size for d in given], GAINS_DEPARTURE)),
    )


def _regime(state: FireState, air: Air) -> FireState:
    """Step 5: calm, watch or red."""
    indices = [air.isi(i, state) for i in air.counting()]
    if not indices:
        return state
    danger = mean(indices)
    level = sum(danger >= limit for limit in LEVELS)
    if level >= state.regime:
        return replace(state, regime=level, lull=0)
    if state.lull + 1 < LULL_HOURS:
        return replace(state, lull=state.lull + 1)
    return replace(state, regime=state.regime - 1, lull=0)
