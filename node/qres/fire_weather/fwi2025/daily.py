# SPDX-License-Identifier: Apache-2.0
"""What a day of FWI2025 was like at its worst hour, and how long fires could run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from qres.errors import RangeError
from qres.fire_weather import provenance
from qres.fire_weather.fwi2025 import forest, grass
from qres.fire_weather.noon import HOUR_S, local_calendar
from qres.fire_weather.systems import System

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.fire_weather.fwi2025.hourly import Fwi2025

__all__ = ["Fwi2025Daily", "daily_summary", "smoothed"]

_CODES: Final = ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr", "gfmc", "gsi", "gfwi")
_LEAST_HOURS: Final = 13  # a day with fewer is left out
_NO_PEAK_BELOW_FFMC: Final = 85.0
_DEFAULT_PEAK: Final = 12  # hours into the day, where litter is too moist for a peak


@dataclass(frozen=True, slots=True, eq=False)
class Fwi2025Daily:
    """
    Daily summaries, all of shape (days, ...) but for `date`.

    Attributes:
        date: Local date on which each day begins, shape (days,), datetime64[D].
        sunrise_h: Local clock time of sunrise on that date. [h]
        sunset_h: Local clock time of sunset on that date. [h]
        peak_hour: Local hour of the peak, 0..23, -1 where unknown.
        duration_h: Hours from the first to the last with a smoothed ISI of the threshold or more.
        codes: ffmc, dmc, dc, isi, bui, fwi, dsr, gfmc, gsi, gfwi at the peak.
        wind_smooth_km_h: Smoothed wind at the peak. [km/h]
        isi_smooth: ISI at the peak with that wind.
        gsi_smooth: GSI at the peak with that wind.
        status: Worst provenance of the day's FWI, codes of `qres.core.Status`.
    """

    system: ClassVar[System] = System.FWI2025
    date: NDArray[np.datetime64]
    sunrise_h: NDArray[np.float64]
    sunset_h: NDArray[np.float64]
    peak_hour: NDArray[np.int64]
    duration_h: NDArray[np.int64]
    codes: dict[str, NDArray[np.float64]]
    wind_smooth_km_h: NDArray[np.float64]
    isi_smooth: NDArray[np.float64]
    gsi_smooth: NDArray[np.float64]
    status: NDArray[np.uint8]


def daily_summary(
    hours: Fwi2025, *, reset_hour: int = 5, burns_from_isi: float = 5.0
) -> Fwi2025Daily:
    """
    Daily summaries of hourly FWI2025.

    Args:
        hours: The hourly series.
        reset_hour: Local hour at which a day begins, 0..23.
        burns_from_isi: Smoothed ISI from which a fire runs.

    Returns:
        One row a day that has more than 12 hours. The peak is the hour of the greatest smoothed
        ISI, or hour 12 of the day where FFMC stays below 85. Missing hours are passed over; where
        none is known, values are NaN.

    Raises:
        RangeError: *reset_hour* is outside 0..23.

    Source:
        FWI2025, daily summaries, cffdrs-ng 2026-08-13.
    """
    if not 0 <= reset_hour <= 23:
        raise RangeError("reset_hour", reset_hour, "must be 0..23")
    shifted, _, _ = local_calendar(hours.time_s - reset_hour * HOUR_S, hours.utc_offset_h)
    date, _, clock_h = local_calendar(hours.time_s, hours.utc_offset_h)
    starts = np.flatnonzero(np.diff(shifted, prepend=shifted[:1] - 1).astype(np.int64))
    ends = np.append(starts[1:], shifted.size)
    days = [slice(a, b) for a, b in zip(starts, ends, strict=True) if b - a >= _LEAST_HOURS]
    rows = [_one_day(hours, day, clock_h, burns_from_isi) for day in days]
    first = np.array([day.start for day in days], dtype=np.int64)
    empty = (0, *hours.ffmc.shape[1:])

    def column(name: str, dtype: type = np.float64) -> NDArray[np.float64]:
        return np.array([row[name] for row in rows], dtype=dtype).reshape((len(rows), *empty[1:]))

    return Fwi2025Daily(
        date=date[first],
        sunrise_h=hours.sunrise_h[first],
        sunset_h=hours.sunset_h[first],
        peak_hour=column("peak_hour").astype(np.int64),
        duration_h=column("duration_h").astype(np.int64),
        codes={name: column(name) for name in _CODES},
        wind_smooth_km_h=column("wind_smooth_km_h"),
        isi_smooth=column("isi_smooth"),
        gsi_smooth=column("gsi_smooth"),
        status=column("status").astype(np.uint8),
    )


def smoothed(wind: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Binomial mean over five hours (1 4 6 4 1), over three next to the ends, none at the ends.

    Args:
        wind: Values of a day, shape (hours, ...). Where a neighbour is NaN the value stays as it
            is.

    >>> smoothed(np.array([0.0, 0.0, 16.0, 0.0, 0.0])).tolist()
    [0.0, 4.0, 6.0, 4.0, 0.0]
    """
    out = wind.copy()
    n = wind.shape[0]
    if n >= 5:
        out[2:-2] = (wind[4:] + 4 * wind[3:-1] + 6 * wind[2:-2] + 4 * wind[1:-3] + wind[:-4]) / 16
    if n >= 3:
        for at in {1, n - 2}:
            out[at] = (wind[at - 1] + 2 * wind[at] + wind[at + 1]) / 4
    return np.where(np.isnan(out), wind, out)


def _one_day(
    hours: Fwi2025, day: slice, clock_h: NDArray[np.float64], burns_from_isi: float
) -> dict[str, NDArray[np.float64]]:
    wind = smoothed(np.where(np.isnan(hours.ffmc[day]), np.nan, hours.wind_km_h[day]))
    isi = forest.isi_2025(wind, hours.litter_pct[day])
    known = ~np.isnan(isi)
    ranked = np.where(known, isi, -1.0)
    driest = np.where(known, hours.ffmc[day], -1.0).max(axis=0)
    peak = np.where(driest < _NO_PEAK_BELOW_FFMC, _DEFAULT_PEAK, ranked.argmax(axis=0))
    burns = ranked >= burns_from_isi
    n = burns.shape[0]
    span = n - burns[::-1].argmax(axis=0) - burns.argmax(axis=0)

    def at_peak(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.take_along_axis(values, peak[None], axis=0)[0])

    row = {name: at_peak(getattr(hours, name)[day]) for name in _CODES}
    row["wind_smooth_km_h"] = at_peak(wind)
    row["isi_smooth"] = at_peak(isi)
    stands = hours.is_standing[day][0]
    pick = np.where(stands, at_peak(hours.standing_pct[day]), at_peak(hours.matted_pct[day]))
    row["gsi_smooth"] = grass.gsi(
        row["wind_smooth_km_h"], pick, at_peak(hours.cured_pct[day]), stands
    )
    has_peak = ~np.isnan(row["ffmc"])
    row["peak_hour"] = np.where(has_peak, np.floor(clock_h[day][peak]), -1.0)
    row["duration_h"] = np.where(burns.any(axis=0), span, 0).astype(np.float64)
    statuses = hours.status["fwi"][day]
    whole = provenance.remembered(statuses, n)[-1]
    row["status"] = np.where(has_peak, whole, provenance.Status.UNKNOWN).astype(np.float64)
    return row
