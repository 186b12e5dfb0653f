# SPDX-License-Identifier: Apache-2.0
"""The anomaly score of the reference: points, who gets them, and why (SPEC 5.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.fire_weather.vpd import saturation_kpa
from qres.reference import State, digest, grade, judge
from qres.reference.judge import HEAT, NONE, SENSOR, WEATHER
from tests.vectors.cases_fire_runs import seasoned, settle
from tests.vectors.cases_fold import SITES

ONE = 1 << 16
TWELVE = SITES["twelve"]

levels = st.lists(st.integers(267, 2**24), min_size=3, max_size=3)


def unlike(d_temp: float, d_rh: float) -> State:
    """A calm field in which member 5 departs by so much."""
    state = settle("twelve")
    state.value[5, 0] += int(d_temp * ONE)
    state.value[5, 1] += int(d_rh * ONE)
    return state


def test_each_power_of_ten_is_25_points() -> None:
    """At the levels of once in 10, 100, 1000 hours 25, 50, 75; a gap further 100, and no more."""
    rare = (100_000, 200_000, 300_000)
    at = [grade(s, rare) / ONE for s in (0, 50_000, 100_000, 200_000, 250_000, 300_000, 400_000)]
    assert at == [0, 12.5, 25, 50, 62.5, 75, 100]
    assert grade(64 * ONE, rare) == 100 * ONE


@given(st.integers(-64 * ONE, 64 * ONE), levels)
def test_grade_is_bounded_for_any_levels(s: int, rare: list[int]) -> None:
    """0..100 even for levels that a checkpoint has out of order."""
    assert 0 <= grade(s, rare) <= 100 * ONE


@given(st.integers(-64 * ONE, 64 * ONE), st.integers(-64 * ONE, 64 * ONE), levels)
def test_grade_rises(s: int, t: int, rare: list[int]) -> None:
    """What is further out never has fewer points, for levels in order."""
    assert grade(min(s, t), sorted(rare)) <= grade(max(s, t), sorted(rare))


def test_judging_leaves_the_state_alone() -> None:
    """Scores are asked for, not stored: the digest stays."""
    state = unlike(9, -40)
    before = digest(state)
    judge(TWELVE, state)
    assert digest(state) == before


def test_weather_must_be_rare_and_dangerous() -> None:
    """As dry as never before: 100 over dry litter, less over wet, 0 before the climate is known."""
    hot = settle("twelve", temp_degc=38, rh_pct=8, wind_m_s=14, fuel_pct=3)
    assert judge(TWELVE, hot).anomaly == (100 * ONE,) * 12
    assert judge(TWELVE, hot).cause == (WEATHER,) * 12
    assert judge(TWELVE, hot).field_anomaly == 100 * ONE
    wet = hot.copy()
    assert wet.fire is not None
    wet.fire.fuel[:] = 90 * ONE
    got = judge(TWELVE, wet)
    assert max(got.weather) < 20 * ONE
    assert all(w == 5 * (isi or 0) for w, isi in zip(got.weather, got.isi, strict=True))
    young = judge(TWELVE, seasoned(hot, days=6))
    assert (young.field_anomaly, set(young.weather)) == (0, {0})
    usual = judge(TWELVE, settle("twelve"))
    assert set(usual.cause) == {NONE}
    assert max(usual.anomaly) < 25 * ONE


@pytest.mark.parametrize(
    ("d_temp", "d_rh", "cause"),
    [
        (9, -23, HEAT),
        (9, -40, SENSOR),
        (9, 0, SENSOR),
        (9, 40, SENSOR),
        (-9, -40, SENSOR),
        (0, -60, SENSOR),
        (0.1, -0.2, NONE),
    ],
)
def test_one_member_apart(d_temp: float, d_rh: float, cause: int) -> None:
    """Warmer and drier than the neighbours is heat; anything else that is rare is the sensor."""
    got = judge(TWELVE, unlike(d_temp, d_rh))
    assert got.cause[5] == cause
    assert {c for i, c in enumerate(got.cause) if i != 5} == {NONE}
    assert (got.anomaly[5] >= 50 * ONE) == (cause != NONE)
    assert got.anomaly[5] == max(got.weather[5], got.local[5])


@pytest.mark.parametrize(
    ("share", "cause"), [(1.0, HEAT), (1.39, HEAT), (0.72, HEAT), (1.45, SENSOR), (0.68, SENSOR)]
)
def test_heat_leaves_the_water_in_the_air(share: float, cause: int) -> None:
    """Warm air is heat while its vapour pressure is that of the neighbours to a factor of 1.41."""
    warmer = 12.0
    state = unlike(warmer, 0)
    dried = 55.0 * float(saturation_kpa(18.0) / saturation_kpa(18.0 + warmer))
    state.value[5, 1] = int(dried * share * ONE)
    assert judge(TWELVE, state).cause[5] == cause


def test_who_does_not_count_has_no_score() -> None:
    """Stale or without humidity: 0, no cause; its fuel is still told, its VPD if it is known."""
    state = unlike(9, -40)
    state.last_report[5] = 0
    state.absent[6, 1] = True
    got = judge(TWELVE, state)
    assert [got.anomaly[i] for i in (5, 6)] == [0, 0]
    assert [got.cause[i] for i in (5, 6)] == [NONE, NONE]
    assert got.vpd[5] is not None
    assert got.vpd[6] is got.isi[6] is None
    assert all(0 < code < 101 * ONE for code in got.ffmc)


def test_nobody_counts() -> None:
    """A field that has not said anything has no anomaly."""
    got = judge(TWELVE, State.initial(TWELVE, 7))
    assert (got.field_anomaly, got.regime) == (0, 0)
    assert set(got.anomaly) == set(got.cause) == {0}


def test_judge_needs_a_fire_site() -> None:
    """Without temperature and humidity there is nothing to judge."""
    tiny = SITES["tiny"]
    with pytest.raises(ValueError, match="must be a fire site's"):
        judge(tiny, State.initial(tiny, 3))


def test_the_hour_is_that_of_the_phase() -> None:
    """At 13:59 the usual of 12 to 15 o'clock is asked, at 15:00 that of 15 to 18."""
    state = settle("twelve", temp_degc=30, rh_pct=25)
    assert state.fire is not None
    noon = TWELVE.era_start(TWELVE.era_of(state.phase)) + 4 * 12
    for b, phases in ((4, (0, 7, 11)), (5, (12, 23))):
        for n in phases:
            now = state.copy(phase=noon + n)
            usual = tuple(-300_000 if i == b else 600_000 for i in range(8))
            assert now.fire is not None
            marked = replace(now, fire=replace(now.fire, usual=usual))
            assert judge(TWELVE, marked).field_anomaly > 0
            other = tuple(600_000 if i == b else -300_000 for i in range(8))
            assert judge(TWELVE, replace(now, fire=replace(now.fire, usual=other))
                         ).field_anomaly == 0  # fmt: skip
