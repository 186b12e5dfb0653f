# SPDX-License-Identifier: Apache-2.0
"""How often scores are as high as they are, against how often they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.anomaly.trace import Trace

__all__ = ["GRADES", "LEVELS", "calibrate", "stated"]

GRADES: Final = (25.0, 50.0, 75.0)
"""Scores that are to be reached in one hour of 10, 100 and 1000."""

LEVELS: Final = tuple(float(s) for s in range(5, 100, 5))
YEAR_DAYS: Final = 365


def stated(score: float) -> float:
    """Share of hours that *score* stands for. Below 25 it is more than it says: 0 is no hour's."""
    return float(10.0 ** (-score / 25.0))


def calibrate(trace: Trace, learn_days: int) -> dict[str, Any]:
    """
    Observed frequencies of the node's score, the climate's and the field's.

    Args:
        trace: A run without injected events.
        learn_days: What is left out at the beginning.

    Returns:
        `periods`: shares at `GRADES` per year (or of all, if the record is shorter) of `local`
        (node-hours), `climate` and `field` (hours); `curve`: shares at `LEVELS` over all.
        The node's score is read after its own sample.
    """
    local, climate = trace.own("local"), trace.of_field("climate")
    whole = trace.of_field("anomaly")
    per_day = 24 * trace.epochs_per_hour
    first = learn_days * per_day
    year = YEAR_DAYS * per_day
    periods: list[dict[str, Any]] = []
    n_years = trace.epochs // year
    spans = [(y, slice(max(first, y * year), (y + 1) * year)) for y in range(n_years)]
    for number, span in spans or [(0, slice(first, None))]:
        periods.append(
            {
                "year": number + 1 if spans else None,
                "local": _shares(local[span], GRADES),
                "climate": _shares(climate[span], GRADES),
                "field": _shares(whole[span], GRADES),
            }
        )
    return {
        "grades": list(GRADES),
        "stated": [stated(s) for s in GRADES],
        "periods": periods,
        "curve": {
            "score": list(LEVELS),
            "stated": [stated(s) for s in LEVELS],
            "local": _shares(local[first:], LEVELS),
            "climate": _shares(climate[first:], LEVELS),
            "field": _shares(whole[first:], LEVELS),
        },
    }


def _shares(score: NDArray[np.float64], levels: tuple[float, ...]) -> list[float]:
    known = score[~np.isnan(score)]
    return [round(float((known >= s).mean()), 6) if known.size else 0.0 for s in levels]
