# SPDX-License-Identifier: Apache-2.0
"""The ways of scoring a node that are compared, and how well each finds injected events."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.anomaly import baselines, events, ideal, measures
from qres.fire_state import Cause
from qres.tolerance import Tolerance
from qres.virtual.sites import site_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from qres.anomaly.events import Event
    from qres.anomaly.trace import Trace
    from qres.site import Site
    from qres.weather_file import WeatherFile

__all__ = [
    "ALL_SAID",
    "RATES",
    "TOLERANCES",
    "Series",
    "as_figures",
    "baseline_series",
    "compare",
    "ideal_series",
    "score_series",
    "site_of",
]

RATES: Final = (1.0, 0.2)
"""False alarms per node-month at which methods are compared."""

TOLERANCES: Final = ("standard", "strict", "coarse", "follow")
"""Runs: tolerance classes, and standard with `follow`."""

ALL_SAID: Final = "all said"
"""A run whose tolerance is so small that every sample is reported."""

_TINY: Final = Tolerance("strict", (0.02, 0.02, 0.02, 0.4))


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """
    A score of each node through time.

    Attributes:
        name: Of the method.
        score: Shape (times, nodes); 0 where there is none.
        quiet: The same of the weather without events; None if it was not run.
        cause: `Cause` of each score; None if the method names none.
    """

    name: str
    score: NDArray[np.float64]
    quiet: NDArray[np.float64] | None
    cause: NDArray[np.uint8] | None = None


def site_of(weather: WeatherFile, tolerance: str) -> Site:
    """The field of *weather* at one of `TOLERANCES`, or `ALL_SAID`."""
    if tolerance == ALL_SAID:
        return replace(site_for(weather), tolerance=_TINY)
    if tolerance == "follow":
        return site_for(weather, follow=True)
    return site_for(weather, tolerance=tolerance)


def baseline_series(changed: Trace, quiet: Trace) -> Iterator[Series]:
    """Plain per-station z-scores of what was measured: both sides, and of warm and dry air only."""
    both, hot = [], []
    for trace in (changed, quiet):
        day = 24 * trace.epochs_per_hour
        t, h = trace.measured[:, :, 0], trace.measured[:, :, 1]
        both.append(np.nan_to_num(baselines.station_z(t, h, day)))
        warm = baselines.usual_departure(t, day, baselines.LEAST[0])
        dry = -baselines.usual_departure(h, day, baselines.LEAST[1])
        hot.append(np.maximum(np.nan_to_num(np.minimum(warm, dry)), 0.0))
    yield Series("z-score", both[0], both[1])
    yield Series("z-score, warm and dry", hot[0], hot[1])


def ideal_series(changed: Trace, quiet: Trace, near: NDArray[np.intp]) -> Iterator[Series]:
    """Our score fed with what was measured, in float: all causes, and only what is like heat."""
    seen = []
    for trace in (changed, quiet):
        hour = np.asarray(trace.time_s // 3600 % 24, dtype=np.intp)
        seen.append(ideal.score(trace.measured, near, hour, trace.epochs_per_hour))
    (score, cause), (before, cause_before) = seen
    yield Series("score, true data", score, before, cause)
    is_hot, was_hot = cause == Cause.HEAT, cause_before == Cause.HEAT
    yield Series("heat alarm, true data", np.where(is_hot, score, 0), np.where(was_hot, before, 0))


def score_series(tolerance: str, changed: Trace, quiet: Trace | None) -> Iterator[Series]:
    """The node's score as the C core computes it: all causes, and only what looks like heat."""
    local, cause = np.nan_to_num(changed.own("local")), changed.cause()
    before = None if quiet is None else np.nan_to_num(quiet.own("local"))
    yield Series(f"score, {tolerance}", local, before, cause)
    was_hot = None
    if quiet is not None and before is not None:
        was_hot = np.where(quiet.cause() == Cause.HEAT, before, 0.0)
    is_hot = np.where(cause == Cause.HEAT, local, 0.0)
    yield Series(f"heat alarm, {tolerance}", is_hot, was_hot)
    if tolerance == "standard":
        whole = np.nan_to_num(changed.own("anomaly"))
        quiet_whole = None if quiet is None else np.nan_to_num(quiet.own("anomaly"))
        yield Series("score with weather, standard", whole, quiet_whole, cause)


def compare(
    series: Series,
    injected: Sequence[Event],
    time_s: NDArray[np.int64],
    steps_per_hour: int,
    learn_h: int,
    after_h: int,
) -> dict[str, Any]:
    """
    Recall, delay and causes of a method at each of `RATES`.

    False alarms are counted where no event is and none ended less than *after_h* ago, after
    the first *learn_h*.
    """
    judged = ~events.marked(injected, time_s, series.score.shape[1], after_h)
    judged[: learn_h * steps_per_hour] = False
    out: dict[str, Any] = {"method": series.name, "at": []}
    kinds = [kind for kind in events.KINDS if any(e.kind == kind for e in injected)]
    for rate in RATES:
        limit = measures.threshold(series.score, judged, steps_per_hour, rate)
        actual = measures.false_alarms(series.score, limit, judged, steps_per_hour)
        found = {
            kind: measures.find(
                series.score,
                series.quiet,
                limit,
                [e for e in injected if e.kind == kind],
                time_s,
                series.cause,
            )
            for kind in kinds
        }
        row: dict[str, Any] = {
            "rate": rate,
            "threshold": round(limit, 3),
            "false_alarms_per_node_month": round(actual, 3),
            "kinds": {kind: as_figures(f) for kind, f in found.items()},
        }
        if series.cause is not None:
            row["cause"] = _precision(found)
        out["at"].append(row)
    return out


def as_figures(found: measures.Found) -> dict[str, Any]:
    """*found*, ready for JSON."""
    figures = asdict(found)
    if found.cause is not None:
        figures["cause"] = list(found.cause)
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}


def _precision(found: dict[str, measures.Found]) -> dict[str, float | None]:
    """How often the cause is right, over the events that were found."""
    said = {Cause.HEAT: [0.0, 0.0], Cause.SENSOR: [0.0, 0.0]}
    for kind, f in found.items():
        if f.cause is None:
            continue
        n = f.recall * f.events
        truth = Cause.HEAT if kind in events.HEAT else Cause.SENSOR
        for cause, counts in said.items():
            counts[0] += n * f.cause[cause] * (cause == truth)
            counts[1] += n * f.cause[cause]
    return {
        f"precision_{cause.name.lower()}": round(right / n, 3) if n > 0.0 else None
        for cause, (right, n) in said.items()
    }
