# SPDX-License-Identifier: Apache-2.0
"""What a tolerance costs on air, and what it costs the fire weather that replicas compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.channels import V1
from qres.fire_weather.behaviour import fwi, isi_1987
from qres.fire_weather.ff_scale import FfScale
from qres.fire_weather.hourly_ffmc import hourly_ffmc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.anomaly.trace import Trace

__all__ = ["BUI", "Truth", "cost"]

BUI: Final = 60.0
"""
Buildup Index for the FWI of an hour: a dry summer's. It is kept fixed because the kit's nodes do
not compute it; all the error of the FWI is then that of the ISI.
"""

_KM_H: Final = 3.6
_SKIP_DAYS: Final = 2  # fuel forgets where it began


HELD_EPOCHS: Final = 2
"""A value that is missed so often is taken to go on; with the third miss it is absent, SPEC 6.2."""


class Truth:
    """
    Hourly FFMC of 1977 and ISI in float, from what the nodes measured at each hour's end.

    Args:
        trace: Any run of the record: its samples do not depend on the tolerance.
    """

    def __init__(self, trace: Trace) -> None:
        per = trace.epochs_per_hour
        at = np.arange(per - 1, trace.epochs, per)
        measured = [_held(trace.measured[:, :, c.index], HELD_EPOCHS) for c in V1]
        column = {c.name: x[at] for c, x in zip(V1, measured, strict=True)}
        rain = _held(trace.measured[:, :, 3], len(trace.measured))
        step = np.diff(rain[at], axis=0, prepend=rain[:1])
        step = np.where(step < 0.0, step + 6500.0, step)  # the counter wraps
        wind = column["wind_m_s"] * _KM_H
        hourly = hourly_ffmc(column["temp_degc"], column["rh_pct"], wind, step)
        self.ffmc: NDArray[np.float64] = hourly.ffmc
        self.isi: NDArray[np.float64] = hourly.isi
        self.at = at
        self.day = (trace.time_s[at] + 3599) // 86400


def cost(trace: Trace, truth: Truth) -> dict[str, Any]:
    """
    Bytes on air and errors of fire weather of one run.

    Returns:
        report_bytes_per_hour, bytes_per_hour (with beacons and checkpoints),
        reports_per_node_hour; ffmc_rmse and ffmc_max of the hourly FFMC of all nodes;
        peak_isi_rmse, peak_isi_mean_abs and peak_fwi_rmse, peak_fwi_mean_abs of each node's
        greatest of the day; the same `_dry` for days whose true peak ISI is 5 or more.
    """
    nodes = trace.measured.shape[1]
    ffmc = trace.at_end("ffmc")[truth.at]
    wind = trace.held[truth.at][:, :, 2] * _KM_H
    isi = isi_1987(wind, np.nan_to_num(ffmc), FfScale.EXACT)
    known = ~np.isnan(truth.ffmc) & ~np.isnan(ffmc)
    known &= (truth.day >= truth.day[0] + _SKIP_DAYS)[:, None]
    error = np.where(known, ffmc - truth.ffmc, np.nan)
    peak, true_peak = _peaks(isi, known, truth.day), _peaks(truth.isi, known, truth.day)
    figures: dict[str, Any] = {
        "report_bytes_per_hour": float(trace.report_bytes.sum()) / trace.hours,
        "bytes_per_hour": (float(trace.report_bytes.sum()) + trace.fixed_bytes) / trace.hours,
        "reports_per_node_hour": float(trace.reports.sum()) / trace.hours / nodes,
        "ffmc_rmse": float(np.sqrt(np.nanmean(error**2))),
        "ffmc_max": float(np.nanmax(np.abs(error))),
    }
    for name, mine, true in (
        ("isi", peak, true_peak),
        ("fwi", _fwi(peak), _fwi(true_peak)),
    ):
        for suffix, where in (("", true_peak >= 0.0), ("_dry", true_peak >= 5.0)):
            off = (mine - true)[where]
            size = max(off.size, 1)
            figures[f"peak_{name}_rmse{suffix}"] = float(np.sqrt((off**2).sum() / size))
            figures[f"peak_{name}_mean_abs{suffix}"] = float(np.abs(off).sum() / size)
    return {key: round(value, 4) for key, value in figures.items()}


def _fwi(isi: NDArray[np.float64]) -> NDArray[np.float64]:
    return fwi(isi, np.full_like(isi, BUI))


def _held(values: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """*values* (times, nodes) with missing ones as at most *most* times before."""
    rows = np.arange(len(values))[:, None]
    latest = np.maximum.accumulate(np.where(np.isnan(values), -1, rows), axis=0)
    filled = np.take_along_axis(values, np.maximum(latest, 0), axis=0)
    return np.where((latest >= 0) & (rows - latest <= most), filled, np.nan)


def _peaks(
    isi: NDArray[np.float64], known: NDArray[np.bool_], day: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Greatest of each node and day of which 18 hours or more are known, flat."""
    _, first = np.unique(day, return_index=True)
    most = np.maximum.reduceat(np.where(known, isi, -1.0), first, axis=0)
    hours = np.add.reduceat(known.astype(np.intp), first, axis=0)
    enough = hours >= 18
    return np.asarray(most[enough])
