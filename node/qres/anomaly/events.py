# SPDX-License-Identifier: Apache-2.0
"""Events put into recorded weather, each at one node: what a score should find, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.fire_weather.vpd import saturation_kpa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qres.weather_file import WeatherFile

__all__ = ["DRIFTS", "FAST", "HEAT", "KINDS", "Event", "inject", "marked"]

HOUR_S: Final = 3600

FAST: Final = ("heat +8", "heat +4", "stuck")
"""Kinds of events that a node's score is meant to find."""

HEAT: Final = ("heat +8", "heat +4")
"""Those of them that are like a fire near the node."""

DRIFTS: Final = ("drift T", "drift RH")
"""Kinds that are too slow for it."""

KINDS: Final = {
    "heat +8": (1, 3),
    "heat +4": (1, 3),
    "stuck": (48, 48),
    "drift T": (480, 480),
    "drift RH": (480, 480),
}
"""Least and greatest length of each kind of event. [h]"""

DRIFT_DEGC_DAY: Final = 0.5
DRIFT_PCT_DAY: Final = 1.0
_TRIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Event:
    """
    Something that happened to the sensors of one node.

    Attributes:
        kind: A key of `KINDS`.
        node: Row of the node.
        from_s: Unix time of the first record that it touches. [s]
        hours: How long it lasts. [h]
    """

    kind: str
    node: int
    from_s: int
    hours: int

    @property
    def until_s(self) -> int:
        """Unix time of the first record after it. [s]"""
        return self.from_s + self.hours * HOUR_S


def inject(
    weather: WeatherFile,
    kinds: Sequence[str],
    count: int,
    *,
    seed: int,
    learn_h: int,
    apart_h: int = 72,
) -> tuple[WeatherFile, list[Event]]:
    """
    Put events into *weather*.

    A heat pulse adds 8 or 4 degC for 1 to 3 h while the vapour pressure stays, so that the
    relative humidity falls. A stuck sensor repeats its temperature and humidity for 48 h. A drift
    adds 0.5 degC or 1 % a day for 20 days.

    Args:
        weather: The record.
        kinds: Kinds, in turn.
        count: How many in all; fewer if there is no room left.
        seed: Places, times and lengths follow from it.
        learn_h: Nothing happens in the first so many hours.
        apart_h: Least time between two events of one node. At the same time, give or take 6 h,
            there are events at a quarter of the nodes at most.

    Returns:
        The weather with the events, and the events by time.
    """
    rng = np.random.default_rng([seed, 0xE7E47])
    hours = int(weather.time_s[-1] - weather.time_s[0]) // HOUR_S
    together = max(1, weather.n_stations // 4)
    busy = np.zeros((hours + 1, weather.n_stations), dtype=np.bool_)
    events: list[Event] = []
    for _ in range(_TRIES):
        if len(events) == count:
            break
        kind = kinds[len(events) % len(kinds)]
        low, high = KINDS[kind]
        length = int(rng.integers(low, high, endpoint=True))
        if learn_h >= hours - length - 1:
            break
        start = int(rng.integers(learn_h, hours - length - 1))
        node = int(rng.integers(weather.n_stations))
        near = slice(max(0, start - 6), start + length + 6)
        if busy[max(0, start - apart_h) : start + length + apart_h, node].any():
            continue
        if busy[near].any(axis=0).sum() >= together:
            continue
        busy[start : start + length, node] = True
        events.append(Event(kind, node, int(weather.time_s[0]) + start * HOUR_S, length))
    events.sort(key=lambda e: e.from_s)
    return _changed(weather, events), events


def _changed(weather: WeatherFile, events: Sequence[Event]) -> WeatherFile:
    temp, rh = weather.temp_degc.copy(), weather.rh_pct.copy()
    for e in events:
        at = slice(*np.searchsorted(weather.time_s, (e.from_s, e.until_s)).tolist())
        i = e.node
        day = np.arange(at.stop - at.start) * weather.cadence_s / 86400.0
        if e.kind in HEAT:
            before = saturation_kpa(temp[at, i])
            temp[at, i] += float(e.kind.split("+")[1])
            rh[at, i] *= before / saturation_kpa(temp[at, i])
        elif e.kind == "stuck":
            temp[at, i], rh[at, i] = temp[at.start, i], rh[at.start, i]
        elif e.kind == "drift T":
            temp[at, i] += DRIFT_DEGC_DAY * day
        else:
            rh[at, i] = np.minimum(rh[at, i] + DRIFT_PCT_DAY * day, 100.0)
    return replace(weather, temp_degc=temp, rh_pct=rh)


def marked(
    events: Sequence[Event], time_s: NDArray[np.int64], nodes: int, after_h: int
) -> NDArray[np.bool_]:
    """Where an event is, or was less than *after_h* ago, shape (times, nodes)."""
    out = np.zeros((len(time_s), nodes), dtype=np.bool_)
    for e in events:
        ends = (e.from_s, e.until_s + after_h * HOUR_S)
        out[slice(*np.searchsorted(time_s, ends).tolist()), e.node] = True
    return out
