# SPDX-License-Identifier: Apache-2.0
"""The anomaly score of members and field, and its cause, on demand from a state (SPEC 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import fire
from .channel import RH, TEMP
from .fire_air import Departure, climate, departures, drying_power, mean, read_air
from .fire_hour import DAYS_TO_KNOW
from .fixed import clip, rdiv
from .site import RefSite
from .state import State

__all__ = ["HEAT", "NONE", "SENSOR", "WEATHER", "Judgement", "grade", "judge"]

NONE, WEATHER, HEAT, SENSOR = range(4)
"""Causes."""

P = 25 << 16
"""Points for each power of ten."""

LEAST_GAP = 16_384
VAPOUR_SAME = 32_768


@dataclass(frozen=True)
class Judgement:
    """
    How unusual and how dangerous it is, one entry per member; Q16.

    Attributes:
        ffmc: Fine Fuel Moisture Code, 0..101.
        vpd: Vapour pressure deficit [kPa]; None where temperature or humidity is absent.
        isi: Initial Spread Index, 0 or more; None likewise.
        anomaly: Score, 0..100.
        weather: Part of it for weather that is rare and dangerous, 0..100.
        local: Part of it for being unlike the neighbours, 0..100.
        cause: `NONE`, `WEATHER`, `HEAT` or `SENSOR`.
        regime: 0 calm, 1 watch, 2 red.
        field_anomaly: Score of the field, 0..100.
    """

    ffmc: tuple[int, ...]
    vpd: tuple[int | None, ...]
    isi: tuple[int | None, ...]
    anomaly: tuple[int, ...]
    weather: tuple[int, ...]
    local: tuple[int, ...]
    cause: tuple[int, ...]
    regime: int
    field_anomaly: int


def grade(s: int, rare: Sequence[int]) -> int:
    """
    25 points for each power of ten that *s* is rare, 0..100. [Q16]

    Args:
        s: The statistic. [Q16]
        rare: Levels that it exceeds once in 10, 100, 1000 hours. [Q16]
    """
    a, b, c = rare
    if s <= 0:
        return 0
    if s < a:
        return rdiv(P * s, a)
    if s < b:
        return P + rdiv(P * (s - a), b - a)
    if s < c:
        return 2 * P + rdiv(P * (s - b), c - b)
    return min(4 * P, 3 * P + rdiv(P * (s - c), max(c - b, LEAST_GAP)))


def vapour(temp: int, rh: int) -> int:
    """W of SPEC 5.5: log2 of the vapour pressure, but for a constant. [Q16]"""
    t = fire.bounded_temp(temp)
    return fire.lg2(fire.vpd(t, 0) + 1) + fire.lg2(clip(rh, fire.ONE, fire.HUNDRED))


def _cause(
    anomaly: int, weather: int, local: int, departure: Departure | None, air: tuple[int, int]
) -> int:
    """Why a score is as high as it is; *air* is the member's temperature and humidity."""
    if anomaly < 2 * P:
        return NONE
    if weather >= local or departure is None:
        return WEATHER
    neighbours = (air[0] - departure.x[0], air[1] - departure.x[1])
    same_vapour = abs(vapour(*air) - vapour(*neighbours)) <= VAPOUR_SAME
    return HEAT if departure.u[0] > 0 > departure.u[1] and same_vapour else SENSOR


def judge(site: RefSite, state: State) -> Judgement:
    """
    The scores of a fire site's state as it is.

    Raises:
        ValueError: It is not a fire site's state.
    """
    held = state.fire
    if held is None:
        raise ValueError("state = without fire weather: must be a fire site's")
    hour_of_day = state.phase * site.epoch_s // 14_400 % 24
    air = read_air(site, state)
    power = drying_power(air)
    rarity = 0
    if power is not None and held.days >= DAYS_TO_KNOW:
        rarity = grade(climate(held, power, hour_of_day), held.rare[0])
    spread_index = [air.isi(i, held) for i in range(site.n_members)]
    danger = [min(4 * P, 5 * index) for index in spread_index]
    weather = [min(rarity, d) if on else 0 for d, on in zip(danger, air.counts, strict=True)]
    found = departures(site, state, held, air, hour_of_day)
    local = [grade(d.size, held.rare[1]) if d else 0 for d in found]
    columns = [channel for channel in map(site.channel_of, (TEMP, RH)) if channel is not None]
    values = [(int(row[columns[0]]), int(row[columns[1]])) for row in state.value]
    anomaly = [max(pair) for pair in zip(weather, local, strict=True)]
    counting = [spread_index[i] for i in air.counting()]
    return Judgement(
        ffmc=tuple(fire.ffmc(m) for m in held.fuel.tolist()),
        vpd=tuple(
            fire.vpd(t, h) if on else None
            for on, t, h in zip(air.known, air.temp, air.rh, strict=True)
        ),
        isi=tuple(index if on else None for on, index in zip(air.known, spread_index, strict=True)),
        anomaly=tuple(anomaly),
        weather=tuple(weather),
        local=tuple(local),
        cause=tuple(map(_cause, anomaly, weather, local, found, values)),
        regime=held.regime,
        field_anomaly=min(rarity, 4 * P, 5 * mean(counting)) if counting else 0,
    )
