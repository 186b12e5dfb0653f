# SPDX-License-Identifier: Apache-2.0
"""The whole evaluation, record by record: figures for `qres bench anomaly` and its plot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.anomaly import calibration, cost, drift, events, field_part, measures, methods
from qres.anomaly.lossy import run_lossy
from qres.anomaly.methods import Series, compare, site_of
from qres.anomaly.neighbours import nearest
from qres.anomaly.shared import run
from qres.core import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from qres.anomaly.records import Record
    from qres.anomaly.trace import Trace
    from qres.weather_file import WeatherFile

__all__ = ["evaluate", "steps"]

LOSSES: Final = (0.0, 0.05, 0.2)
_LOSS_DAYS: Final = 365
_DRIFT_QUIET_H: Final = 168.0
_DAY_H: Final = 24


def steps(records: Sequence[Record], *, quick: bool) -> int:
    """How many parts `evaluate` reports to *progress*."""
    return sum(_parts(record, quick=quick) for record in records)


def _parts(record: Record, *, quick: bool) -> int:
    runs = 2 * len(_tolerances(quick=quick)) + 2
    return runs + (2 + len(LOSSES) if record.is_long and not quick else 0)


def _tolerances(*, quick: bool) -> tuple[str, ...]:
    return ("standard",) if quick else methods.TOLERANCES


def evaluate(
    records: Sequence[Record],
    *,
    quick: bool = False,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """
    Evaluate the anomaly score on recorded weather with injected events and labelled spells.

    Args:
        records: The records; those of `Record.is_long` get all parts.
        quick: Only the first year of long ones, one tolerance, no loss, no drift.
        seed: Events, clocks and losses follow from it. The same gives the same figures.
        progress: Called after each part with the number of parts done.

    Returns:
        Figures, ready for JSON: `records`, one entry each.
    """
    done = 0

    def part() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done)

    return {
        "bench": "anomaly",
        "radio": "simulated: no loss, but where a loss is named",
        "seed": seed,
        "quick": quick,
        "records": [_record(r, quick, seed, part) for r in records],
    }


def _record(record: Record, quick: bool, seed: int, part: Callable[[], None]) -> dict[str, Any]:
    weather = record.weather
    is_long = record.is_long
    learn_h = (60 if is_long else 5) * _DAY_H
    after_h = (3 if is_long else 1) * _DAY_H
    epochs = 366 * _DAY_H if quick and is_long else None
    if epochs is not None:
        weather = _first(weather, epochs)
    names = _tolerances(quick=quick)
    count = (75 if quick else 300) if is_long else 3 * weather.n_stations
    changed, injected = events.inject(
        weather, events.FAST, count, seed=seed, learn_h=learn_h, apart_h=after_h
    )
    quiet: dict[str, Trace] = {}
    noisy: dict[str, Trace] = {}
    for name in names:
        site = site_of(weather, name)
        field = Field(site)
        quiet[name] = run(site, weather, field=field)
        part()
        noisy[name] = run(site, changed, field=field)
        part()
    standard = quiet["standard"]
    everything = run(site_of(weather, methods.ALL_SAID), weather)
    part()
    near = nearest(Field(site_of(weather, "standard")))
    series = [*methods.baseline_series(noisy["standard"], standard)]
    series += methods.ideal_series(noisy["standard"], standard, near)
    part()
    for name in names:
        series += methods.score_series(name, noisy[name], quiet[name])
    per_hour = standard.epochs_per_hour
    found = [compare(s, injected, standard.time_s, per_hour, learn_h, after_h) for s in series]
    truth = cost.Truth(standard)
    out: dict[str, Any] = {
        "name": record.name,
        "source": weather.source,
        "stations": list(weather.station_id),
        "left_out_as_identical": list(record.left_out),
        "days": round(standard.hours / _DAY_H, 1),
        "node_months": round(standard.hours * weather.n_stations / measures.MONTH_H, 1),
        "events": len(injected),
        "methods": found,
        "calibration": calibration.calibrate(standard, learn_h // _DAY_H if not is_long else 14),
        "cost": {
            name: cost.cost(trace, truth)
            for name, trace in {**quiet, methods.ALL_SAID: everything}.items()
        },
    }
    if is_long:
        out["field"] = field_part.evaluate_field(record, quiet, learn_h)
    if is_long and not quick:
        out["drift"] = _drift(weather, standard, seed, learn_h, part)
        out["loss"] = _loss(weather, seed, learn_h, part)
    return out


def _first(weather: WeatherFile, records: int) -> WeatherFile:
    names = ("time_s", "temp_degc", "rh_pct", "wind_m_s", "rain_mm")
    return replace(weather, **{n: getattr(weather, n)[:records] for n in names})


def _drift(
    weather: WeatherFile, quiet: Trace, seed: int, learn_h: int, part: Callable[[], None]
) -> dict[str, Any]:
    """What finds slow drift: the score, a z-score, the detector of `qres.anomaly.drift`."""
    after_h = 40 * _DAY_H
    changed, injected = events.inject(
        weather, events.DRIFTS, 60, seed=seed, learn_h=learn_h, apart_h=after_h
    )
    site = site_of(weather, "standard")
    trace = run(site, changed)
    part()
    # Days are of UTC; the statistic of a day is known at its end.
    watched = [_watch(t, nearest(Field(site))) for t in (trace, quiet)]
    part()
    z, z_quiet = (next(methods.baseline_series(t, t)).score for t in (trace, quiet))
    score, score_quiet = (np.nan_to_num(t.own("local")) for t in (trace, quiet))
    rows = [
        ("drift detector", watched[0], watched[1], _DAY_H),
        ("score, standard", score, score_quiet, 1),
        ("z-score", z, z_quiet, 1),
    ]
    out: list[dict[str, Any]] = []
    for name, with_events, without, hours in rows:
        time_s = trace.time_s[hours - 1 :: hours]
        judged = np.ones(without.shape, dtype=np.bool_)
        judged[: learn_h // hours] = False
        at = []
        for rate in methods.RATES:
            limit = measures.threshold(without, judged, 1.0 / hours, rate, _DRIFT_QUIET_H)
            kinds = {
                kind: methods.as_figures(
                    measures.find(
                        with_events, without, limit, [e for e in injected if e.kind == kind], time_s
                    )
                )
                for kind in events.DRIFTS
            }
            at.append({"rate": rate, "threshold": round(limit, 3), "kinds": kinds})
        out.append({"method": name, "at": at})
    return {"events": len(injected), "methods": out}


def _watch(trace: Trace, neighbours: NDArray[np.intp]) -> NDArray[np.float64]:
    """Greatest statistic of each node and day, from the values that replicas hold."""
    watch = drift.DriftWatch(neighbours)
    per_day = _DAY_H * trace.epochs_per_hour
    days = []
    for first in range(0, trace.epochs - per_day + 1, per_day):
        watch.add(trace.held[first : first + per_day, :, :2])
        days.append(np.nan_to_num(np.abs(watch.end_day().statistic)).max(axis=1))
    return np.array(days)


def _loss(
    weather: WeatherFile, seed: int, learn_h: int, part: Callable[[], None]
) -> list[dict[str, Any]]:
    """The score at the gateway's replica and at the nodes', where frames are lost."""
    epochs = min(_LOSS_DAYS * _DAY_H, len(weather.time_s))
    span = _first(weather, epochs)
    changed, injected = events.inject(
        span, events.FAST, 120, seed=seed, learn_h=learn_h, apart_h=3 * _DAY_H
    )
    site = site_of(span, "standard")
    out = []
    for loss in LOSSES:
        trace = run_lossy(site, changed, epochs, loss, seed=seed)
        part()
        gateway = trace.local[:, -1]
        heat = np.where(trace.cause[:, -1] == 2, gateway, 0.0)
        rows = [
            Series("score, at the gateway", gateway, None, trace.cause[:, -1]),
            Series("heat alarm, at the gateway", heat, None),
            Series("score, at the first node", trace.local[:, 0], None, trace.cause[:, 0]),
        ]
        out.append(
            {
                "loss": loss,
                "commits_with_all_replicas_equal": round(trace.equal, 4),
                "mean_difference_of_nodes_from_gateway": round(
                    float(np.abs(trace.local[:, :-1] - gateway[:, None]).mean()), 3
                ),
                "methods": [
                    compare(s, injected, trace.time_s, 1, learn_h, 3 * _DAY_H) for s in rows
                ],
            }
        )
    return out
