# SPDX-License-Identifier: Apache-2.0
"""What the node panel needs beside the raw series: VPD, a time window and the error in it."""

from __future__ import annotations

import msgspec

from qres_gateway.console.view import UNITS, Series, vpd_kpa

_HOUR_US = 3_600_000_000


class SeriesStats(msgspec.Struct, frozen=True, kw_only=True):
    """Reconstructed against true over the window; all None where the truth is not known."""

    error_now: float | None
    error_max: float | None
    error_rms: float | None
    outside_share: float | None


class SeriesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of /api/series."""

    series: Series
    stats: SeriesStats
    hours: float


def vpd_series(temp: Series, rh: Series) -> Series:
    """VPD at the times that both series have, with the tolerance that theirs imply for it."""
    if temp.node != rh.node:
        raise ValueError(f"rh must be of node {temp.node}, got node {rh.node}")
    index = {t: i for i, t in enumerate(rh.time_us)}
    pairs = [(i, index[t]) for i, t in enumerate(temp.time_us) if t in index]
    true: list[float | None] | None = None
    if temp.true is not None and rh.true is not None:
        true = [_vpd(temp.true[i], rh.true[j]) for i, j in pairs]
    return Series(
        node=temp.node,
        channel="vpd_kpa",
        unit=UNITS["vpd_kpa"],
        time_us=[temp.time_us[i] for i, _ in pairs],
        reconstructed=[_vpd(temp.reconstructed[i], rh.reconstructed[j]) for i, j in pairs],
        true=true,
        reported=[temp.reported[i] or rh.reported[j] for i, j in pairs],
        tolerance=_implied_tolerance(temp, rh, pairs),
    )


def _implied_tolerance(
    temp: Series, rh: Series, pairs: list[tuple[int, int]]
) -> list[float] | None:
    """The largest VPD error that errors within both tolerances can make, sample by sample.

    VPD rises with temperature and falls with humidity, so the corners of the box decide.
    """
    if temp.tolerance is None or rh.tolerance is None:
        return None
    limits = []
    for i, j in pairs:
        t, h = temp.reconstructed[i], rh.reconstructed[j]
        dt, dh = _tolerance_at(temp.tolerance, i), _tolerance_at(rh.tolerance, j)
        if t is None or h is None or dt is None or dh is None:
            limits.append(0.0)
            continue
        here = vpd_kpa(t, h)
        dry, damp = vpd_kpa(t + dt, max(0.0, h - dh)), vpd_kpa(t - dt, min(100.0, h + dh))
        limits.append(max(dry - here, here - damp))
    return limits


def newest(series: Series, hours: float) -> Series:
    """The last `hours` of a series."""
    if not series.time_us:
        return series
    start = series.time_us[-1] - round(hours * _HOUR_US)
    keep = [i for i, t in enumerate(series.time_us) if t >= start]
    tolerance = series.tolerance
    return msgspec.structs.replace(
        series,
        time_us=[series.time_us[i] for i in keep],
        reconstructed=[series.reconstructed[i] for i in keep],
        true=None if series.true is None else [series.true[i] for i in keep],
        reported=[series.reported[i] for i in keep],
        tolerance=[tolerance[i] for i in keep] if isinstance(tolerance, list) else tolerance,
    )


def series_stats(series: Series) -> SeriesStats:
    """Errors over the series; samples without a measurement or a value do not count."""
    if series.true is None:
        return SeriesStats(error_now=None, error_max=None, error_rms=None, outside_share=None)
    errors: list[tuple[float, float | None]] = []
    for i, (held, true) in enumerate(zip(series.reconstructed, series.true, strict=True)):
        if held is not None and true is not None:
            errors.append((abs(held - true), _tolerance_at(series.tolerance, i)))
    if not errors:
        return SeriesStats(error_now=None, error_max=None, error_rms=None, outside_share=None)
    judged = [error > limit for error, limit in errors if limit is not None]
    return SeriesStats(
        error_now=errors[-1][0],
        error_max=max(error for error, _ in errors),
        error_rms=(sum(error * error for error, _ in errors) / len(errors)) ** 0.5,
        outside_share=sum(judged) / len(judged) if judged else None,
    )


def _tolerance_at(tolerance: float | list[float] | None, i: int) -> float | None:
    return tolerance[i] if isinstance(tolerance, list) else tolerance


def _vpd(temp_degc: float | None, rh_pct: float | None) -> float | None:
    return None if temp_degc is None or rh_pct is None else vpd_kpa(temp_degc, rh_pct)
