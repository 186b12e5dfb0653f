# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import pytest

from qres.anomaly import drift, spells
from qres.anomaly.neighbours import nearest
from qres.anomaly.records import Record, identical, never_identical
from qres.core import Field
from qres.errors import RangeError
from qres.virtual.sites import site_for
from tests.anomaly.made import DAY_S, weather

RING = np.array([[(i + k) % 7 for k in range(1, 7)] for i in range(7)])


def watch_days(values: np.ndarray, watch: drift.DriftWatch) -> list[drift.DriftDay]:
    """Judgements of days of 24 moments."""
    days = []
    for first in range(0, len(values), 24):
        watch.add(values[first : first + 24])
        days.append(watch.end_day())
    return days


def noisy(days: int, seed: int = 1) -> np.ndarray:
    """Values of seven nodes that differ by noise, shape (hours, 7, 2)."""
    rng = np.random.default_rng(seed)
    return np.asarray(20.0 + rng.normal(0.0, [0.5, 2.5], (24 * days, 7, 2)))


def test_a_drifting_node_is_suspect_and_no_other() -> None:
    """Half a degree a day is found within a week; the neighbours, whose median holds, are not."""
    values = noisy(80)
    ramp = np.maximum(np.arange(len(values)) / 24.0 - 50.0, 0.0) * 0.5
    values[:, 3, 0] += ramp
    days = watch_days(values, drift.DriftWatch(RING))
    suspect = np.array([day.is_suspect for day in days])
    assert not suspect[:51].any()
    assert suspect[51:57, 3].any()
    assert suspect[60:, 3].all()
    assert not np.delete(suspect, 3, axis=1).any()
    assert days[-1].change[3, 0] > 3.0


def test_a_constant_offset_is_not_drift() -> None:
    """A node that is always 3 degC warmer than its neighbours is where it is."""
    values = noisy(60)
    values[:, 2, 0] += 3.0
    days = watch_days(values, drift.DriftWatch(RING))
    assert not any(day.is_suspect.any() for day in days)


def test_nothing_is_judged_before_it_is_learned() -> None:
    """Nor of a node without values, nor on a day with too few of them."""
    values = noisy(40)
    values[:, 5] = np.nan
    values[39 * 24 + 6 :] = np.nan
    days = watch_days(values, drift.DriftWatch(RING))
    assert all(np.isnan(day.statistic).all() for day in days[: drift.LEARN_DAYS])
    assert not np.isnan(np.delete(days[drift.LEARN_DAYS].statistic, 5, axis=0)).any()
    assert all(np.isnan(day.statistic[5]).all() for day in days)
    assert np.isnan(days[39].statistic).all()


def test_moments_one_by_one_or_together() -> None:
    """A day given as 24 moments is the same as 24 calls."""
    values = noisy(34)
    together = watch_days(values, drift.DriftWatch(RING))[-1]
    watch = drift.DriftWatch(RING)
    days = []
    for hour, moment in enumerate(values):
        watch.add(moment)
        if hour % 24 == 23:
            days.append(watch.end_day())
    assert days[-1].statistic == pytest.approx(together.statistic)


def test_wrong_shapes_are_refused() -> None:
    """The error names the argument and its limit."""
    with pytest.raises(RangeError, match="neighbours = 9"):
        drift.DriftWatch(np.array([[9]]))
    with pytest.raises(RangeError, match=r"must be \(7, 2\)"):
        drift.DriftWatch(RING).add(np.zeros((3, 2)))


def test_neighbours_are_the_cores() -> None:
    """The nearest others, nearest first, and none twice; -1 where the field is small."""
    made = weather(2, 4)
    near = nearest(Field(site_for(made)))
    assert near.shape == (4, 6)
    assert [sorted(row[:3].tolist()) for row in near] == [
        [1, 2, 3],
        [0, 2, 3],
        [0, 1, 3],
        [0, 1, 2],
    ]
    assert (near[:, 3:] == -1).all()


def test_a_dry_spell_is_labelled_from_the_record() -> None:
    """Five days without rain, then two that are drier than the month: those two are the spell."""
    made = weather(31)
    made.rain_mm[:] = (np.arange(31 * 24) // 24)[:, None] * 1.0  # 1 mm at each day's beginning
    made.rain_mm[10 * 24 : 20 * 24] = 10.0
    made.rain_mm[20 * 24 :] += 1.0
    made.rh_pct[16 * 24 : 18 * 24] -= 25.0
    made.wind_m_s[17 * 24 + 12] = 15.0
    record = Record("made", made)
    assert record.offset_h == 0
    labels = spells.label(record)
    begin = int(made.time_s[0])
    assert labels.spells == ((begin + 16 * DAY_S, begin + 18 * DAY_S),)
    assert labels.worst[17 * 24 + 12]
    assert labels.worst.sum() <= 0.011 * len(made.time_s)


def test_stations_that_are_one_are_left_out() -> None:
    """Of stations with the same values for part of the time only one stays."""
    made = weather(10, 5, noise=1.0)
    for copy in (2, 4):
        made.temp_degc[:100, copy] = made.temp_degc[:100, 0]
        made.rh_pct[:100, copy] = made.rh_pct[:100, 0]
    assert {(a, b) for a, b, _ in identical(made)} == {("s0", "s2"), ("s0", "s4"), ("s2", "s4")}
    kept, out = never_identical(made)
    assert len(out) == 2
    assert identical(kept) == []
    assert {"s1", "s3"} < {*kept.station_id}
