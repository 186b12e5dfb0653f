# SPDX-License-Identifier: Apache-2.0
"""How well the field's score finds dry spells and the worst hours, and what simpler things find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.anomaly import baselines, measures, spells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from qres.anomaly.records import Record
    from qres.anomaly.trace import Trace

__all__ = ["RATES", "evaluate_field"]

RATES: Final = (1.0, 0.2)
"""False alarms per month."""

_VPD_LEAST_KPA: Final = 0.05
_NEAR_H: Final = 24


def evaluate_field(record: Record, runs: Mapping[str, Trace], learn_h: int) -> dict[str, Any]:
    """
    Compare the field's score with its parts and with a z-score of the field's VPD.

    Args:
        record: An hourly record with seasons.
        runs: Runs without injected events, by tolerance; "standard" among them.
        learn_h: What is left out at the beginning. [h]

    Returns:
        Numbers of labels, and for each method and rate of `RATES`: recall of spells, median
        hours from the first alarm in a spell to its worst hour, and recall of worst hours.
    """
    labels = spells.label(record)
    trace = runs["standard"]
    time_s = record.weather.time_s[: trace.epochs]
    known = labels.vpd_kpa[: trace.epochs]
    z = baselines.usual_departure(known[:, None], 24, _VPD_LEAST_KPA)[:, 0]
    methods = {f"score, {name}": run.of_field("anomaly") for name, run in runs.items()}
    methods |= {
        "climate alone": trace.of_field("climate"),
        "ISI alone": trace.of_field("isi"),
        "z-score of VPD": np.nan_to_num(z),
        "VPD": np.nan_to_num(known),
    }
    usable = [s for s in labels.spells if learn_h * 3600 + time_s[0] <= s[0] < time_s[-1]]
    return {
        "spells": len(usable),
        "spell_days": round(sum(b - a for a, b in usable) / spells.DAY_S, 1),
        "worst_hours": int(labels.worst[learn_h : trace.epochs].sum()),
        "methods": [
            {
                "method": name,
                "at": [_at(score, rate, usable, labels, time_s, learn_h) for rate in RATES],
            }
            for name, score in methods.items()
        ],
    }


def _at(
    score: NDArray[np.float64],
    rate: float,
    usable: list[tuple[int, int]],
    labels: spells.Labels,
    time_s: NDArray[np.int64],
    learn_h: int,
) -> dict[str, Any]:
    column = score[:, None]
    outside = np.ones(column.shape, dtype=np.bool_)
    outside[:learn_h] = False
    for a, b in labels.spells:
        outside[(time_s >= a - spells.DAY_S) & (time_s < b + spells.DAY_S)] = False
    limit = measures.threshold(column, outside, 1, rate)
    found, lead = 0, []
    for a, b in usable:
        inside = np.flatnonzero((time_s >= a) & (time_s < b))
        above = inside[score[inside] > limit]
        if above.size:
            found += 1
            lead.append(int(inside[np.argmax(labels.drying[inside])]) - int(above[0]))
    worst = labels.worst[: len(time_s)].copy()
    near = np.convolve(worst, np.ones(2 * _NEAR_H + 1), mode="same") > 0.5
    calm = ~near[:, None]
    calm[:learn_h] = False
    hour_limit = measures.threshold(column, calm, 1, rate)
    worst[:learn_h] = False
    return {
        "rate": rate,
        "threshold": round(limit, 3),
        "spell_recall": round(found / max(len(usable), 1), 3),
        "lead_h": float(np.median(lead)) if lead else None,
        "worst_hour_recall": round(float((score[worst] > hour_limit).mean()), 3),
    }
