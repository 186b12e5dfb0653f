# SPDX-License-Identifier: Apache-2.0
"""
Labels for the field's score, taken from the record itself and not from any score.

- Dry spell: days on which no rain has fallen for five days and the least humidity of the day is in
  the lowest fifth of its calendar month over all years; days one apart are one spell.
- Worst hours: the top 1 % of VPD times wind of each season (three months) over all years.

Both are of the mean over the stations; days are of mean solar time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.fire_weather.vpd import vpd_kpa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.anomaly.records import Record

__all__ = ["Labels", "label"]

DRY_DAYS: Final = 5
RAIN_LEAST_MM: Final = 0.2
"""One tip of the gauge at one station is rain already. [mm]"""

HUMIDITY_SHARE: Final = 0.2
WORST_SHARE: Final = 0.01
DAY_S: Final = 86400


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """
    What the record says of the whole field.

    Attributes:
        spells: First and last second + 1 of each dry spell. [s]
        worst: Whether each record is one of the worst hours, shape (times,).
        vpd_kpa: Mean VPD of the stations, shape (times,). [kPa]
        drying: Mean of VPD times wind, shape (times,). [kPa m/s]
    """

    spells: tuple[tuple[int, int], ...]
    worst: NDArray[np.bool_]
    vpd_kpa: NDArray[np.float64]
    drying: NDArray[np.float64]


def label(record: Record) -> Labels:
    """Labels of a record of at least a year."""
    w = record.weather
    local_s = w.time_s + record.offset_h * 3600
    vpd = vpd_kpa(w.temp_degc, w.rh_pct)
    drying = np.nanmean(vpd * w.wind_m_s, axis=1)
    month = (local_s.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)) % 12
    season = (month + 1) % 12 // 3
    worst = np.zeros(len(local_s), dtype=np.bool_)
    for s in range(4):
        here = season == s
        if here.any():
            worst |= here & (drying > np.nanquantile(drying[here], 1.0 - WORST_SHARE))
    day = local_s // DAY_S
    days, first = np.unique(day, return_index=True)
    least_rh = np.minimum.reduceat(np.nanmean(w.rh_pct, axis=1), first)
    fallen = np.diff(np.nan_to_num(w.rain_mm), axis=0, prepend=w.rain_mm[:1])
    rain = np.add.reduceat(np.maximum(fallen, 0.0), first, axis=0).max(axis=1)
    dry = rain < RAIN_LEAST_MM - 1e-6
    long_dry = np.convolve(dry, np.ones(DRY_DAYS), mode="full")[: len(dry)] > DRY_DAYS - 0.5
    day_month = month[first]
    limit = np.array(
        [
            np.quantile(least_rh[day_month == m], HUMIDITY_SHARE) if (day_month == m).any() else 0.0
            for m in range(12)
        ]
    )
    labelled = np.flatnonzero(long_dry & (least_rh < limit[day_month]))
    runs = np.split(labelled, np.flatnonzero(np.diff(labelled) > 2) + 1)
    offset = record.offset_h * 3600
    spells = tuple(
        (int(days[r[0]]) * DAY_S - offset, int(days[r[-1]] + 1) * DAY_S - offset)
        for r in runs
        if r.size
    )
    return Labels(spells, worst, np.nanmean(vpd, axis=1), drying)
