# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from qres.anomaly import events
from qres.fire_weather.vpd import saturation_kpa
from tests.anomaly.made import weather


def test_heat_keeps_the_vapour_pressure() -> None:
    """A pulse adds its degrees, and the humidity falls so that the vapour pressure stays."""
    made = weather(30, noise=0.5)
    changed, injected = events.inject(made, events.HEAT, 20, seed=3, learn_h=48, apart_h=24)
    assert {e.kind for e in injected} == set(events.HEAT)
    touched = np.zeros(made.temp_degc.shape, dtype=np.bool_)
    for e in injected:
        rise = 8.0 if e.kind == "heat +8" else 4.0
        at = (made.time_s >= e.from_s) & (made.time_s < e.until_s)
        assert at.sum() == e.hours
        touched[at, e.node] = True
        before = saturation_kpa(made.temp_degc[at, e.node]) * made.rh_pct[at, e.node]
        after = saturation_kpa(changed.temp_degc[at, e.node]) * changed.rh_pct[at, e.node]
        assert changed.temp_degc[at, e.node] - made.temp_degc[at, e.node] == pytest.approx(rise)
        assert after == pytest.approx(before)
    assert (changed.temp_degc[~touched] == made.temp_degc[~touched]).all()
    assert (changed.rh_pct[~touched] == made.rh_pct[~touched]).all()


def test_stuck_and_drift() -> None:
    """A stuck sensor repeats its first value; drifts end 10 degC or 20 % off, less one step."""
    made = weather(80, noise=0.5)
    changed, injected = events.inject(
        made, ("stuck", *events.DRIFTS), 6, seed=1, learn_h=24, apart_h=24
    )
    for e in injected:
        at = (made.time_s >= e.from_s) & (made.time_s < e.until_s)
        if e.kind == "stuck":
            assert len({*changed.temp_degc[at, e.node].tolist()}) == 1
            assert len({*changed.rh_pct[at, e.node].tolist()}) == 1
        elif e.kind == "drift T":
            shift = (changed.temp_degc - made.temp_degc)[at, e.node]
            assert shift[0] == 0.0
            assert shift[-1] == pytest.approx(10.0 - 0.5 / 24.0)
        else:
            shift = (changed.rh_pct - made.rh_pct)[at, e.node]
            limit = np.minimum(20.0 - 1.0 / 24.0, 100.0 - made.rh_pct[at, e.node][-1])
            assert shift[-1] == pytest.approx(limit)
    assert {e.kind for e in injected} == {"stuck", *events.DRIFTS}


def test_events_follow_from_the_seed_and_keep_apart() -> None:
    """The same seed gives the same events; those of one node are at least *apart_h* apart."""
    made = weather(60)
    first = events.inject(made, events.FAST, 30, seed=5, learn_h=48, apart_h=72)[1]
    again = events.inject(made, events.FAST, 30, seed=5, learn_h=48, apart_h=72)[1]
    other = events.inject(made, events.FAST, 30, seed=6, learn_h=48, apart_h=72)[1]
    assert first == again
    assert first != other
    for node in range(6):
        own = [e for e in first if e.node == node]
        gaps = [b.from_s - a.until_s for a, b in pairwise(own)]
        assert all(gap >= 72 * 3600 for gap in gaps)
    assert min(e.from_s for e in first) >= made.time_s[48]


def test_what_is_near_an_event_is_marked() -> None:
    """From its first record until *after_h* after its last, at its node only."""
    made = weather(3)
    event = events.Event("stuck", 2, int(made.time_s[10]), 5)
    marked = events.marked([event], made.time_s, 6, after_h=3)
    assert np.flatnonzero(marked[:, 2]).tolist() == list(range(10, 18))
    assert marked.sum() == 8
