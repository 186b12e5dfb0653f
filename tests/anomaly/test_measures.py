# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.anomaly import baselines, calibration, measures
from qres.anomaly.events import Event
from qres.anomaly.neighbours import apart
from qres.fire_state import Cause


def test_an_alarm_ends_after_quiet_hours() -> None:
    """Scores above, with gaps of up to the quiet time, are one alarm; nodes count apart."""
    above = np.zeros((100, 2), dtype=np.bool_)
    above[[5, 6, 29, 55], 0] = True
    above[[5], 1] = True
    assert measures.alarms(above, 24) == 3
    assert measures.alarms(above, 100) == 2
    assert measures.alarms(np.zeros((10, 2), dtype=np.bool_), 24) == 0


@given(seed=st.integers(0, 2**31), rate=st.sampled_from([0.2, 1.0, 4.0]))
def test_a_threshold_keeps_the_rate(seed: int, rate: float) -> None:
    """At the threshold there are at most so many false alarms, and just below it more."""
    score = np.random.default_rng(seed).gamma(1.0, 10.0, (24 * 90, 3))
    judged = np.ones(score.shape, dtype=np.bool_)
    limit = measures.threshold(score, judged, 1, rate)
    assert measures.false_alarms(score, limit, judged, 1) <= rate
    assert measures.false_alarms(score, limit - 0.01, judged, 1) > rate - 0.12


def test_events_found_in_time_count() -> None:
    """Recall, median delay, chance and causes of three events, by hand."""
    time_s = np.arange(0, 100 * 3600, 3600, dtype=np.int64)
    score, quiet = np.zeros((100, 2)), np.zeros((100, 2))
    cause = np.zeros((100, 2), dtype=np.uint8)
    events = [Event("stuck", 0, 10 * 3600, 5), Event("stuck", 1, 20 * 3600, 5)]
    events.append(Event("stuck", 0, 50 * 3600, 5))
    score[12, 0], cause[12, 0] = 9.0, Cause.SENSOR
    score[15, 0] = 9.0  # after the first event
    score[20, 1], cause[20, 1] = 9.0, Cause.HEAT
    quiet[53, 0] = 9.0
    found = measures.find(score, quiet, 5.0, events, time_s, cause)
    assert found.events == 3
    assert found.recall == pytest.approx(2 / 3)
    assert found.by_chance == pytest.approx(1 / 3)
    assert found.delay_h == 1.0
    assert found.cause == (0.0, 0.0, 0.5, 0.5)


def test_a_usual_day_has_no_departure() -> None:
    """After a first day, the same day again departs by nothing, and a jump by what it is."""
    day = 10.0 + np.arange(24.0)
    values = np.tile(day, 10)[:, None]
    values[9 * 24 + 5] += 3.0
    z = baselines.usual_departure(values, 24, least=0.5)
    assert np.isnan(z[:24]).all()
    assert np.nanmax(np.abs(z[24 : 9 * 24])) == pytest.approx(0.0)
    assert z[9 * 24 + 5, 0] == pytest.approx(3.0 / 0.5)


def test_departure_is_from_the_median_of_known_neighbours() -> None:
    """With fewer than three known neighbours there is none."""
    near = np.array([[1, 2, 3, 4]] + [[0, -1, -1, -1]] * 4)
    values = np.array([[5.0, 1.0, 2.0, 4.0, 9.0], [5.0, 1.0, 2.0, np.nan, 9.0]])
    out = apart(values, near)
    assert out[0, 0] == 5.0 - 3.0
    assert out[1, 0] == 5.0 - 2.0
    assert np.isnan(out[:, 1:]).all()
    out = apart(np.array([[5.0, 1.0, 2.0, np.nan, np.nan]]), near)
    assert np.isnan(out).all()


def test_a_score_stands_for_a_frequency() -> None:
    """25 points for each power of ten, as SPEC 5.5 has it."""
    assert [calibration.stated(s) for s in (25.0, 50.0, 75.0)] == pytest.approx([0.1, 0.01, 0.001])
