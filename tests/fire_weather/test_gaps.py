# SPDX-License-Identifier: Apache-2.0
"""Provenance through codes, and rain over gaps: missing is neither zero nor forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.errors import RangeError
from qres.fire_weather.fwi1987 import fwi1987
from qres.fire_weather.fwi2025.hourly import fwi2025
from qres.fire_weather.hourly_ffmc import hourly_ffmc
from qres.fire_weather.provenance import Status, remembered, worst
from qres.fire_weather.rain import from_counter, from_steps, late_rain
from tests.fire_weather.tables import Weather

R, H, S, D, U = Status.REPORTED, Status.HELD, Status.STALE, Status.DIVERGED, Status.UNKNOWN
WORSE = [R, H, S, D, U]


@given(st.lists(st.sampled_from(WORSE), min_size=1, max_size=6))
def test_an_index_inherits_the_worst(statuses: list[Status]) -> None:
    """Of reported, held, stale, diverged and unknown inputs the worst decides, in any order."""
    arrays = [np.array([s], dtype=np.uint8) for s in statuses]
    assert worst(*arrays)[0] == max(statuses, key=WORSE.index)
    assert worst(*reversed(arrays))[0] == worst(*arrays)[0]


def test_a_code_remembers_as_long_as_its_fuel() -> None:
    """One held day taints FFMC for 2, DMC for 36, DC for 156 days, and what rests on them."""
    n = 200
    status = np.full(n, R, dtype=np.uint8)
    status[10] = H
    out = fwi1987(*Weather.dry(n), [7] * n, 46.0, status=status)
    for code, memory in (("ffmc", 2), ("isi", 2), ("dmc", 36), ("dc", 156), ("bui", 156)):
        tainted = np.flatnonzero(out.status[code] == H)
        assert (tainted[0], tainted[-1]) == (10, 10 + memory), code
        assert tainted.size == memory + 1
    assert np.array_equal(out.status["fwi"], out.status["bui"])


def test_memory_of_hourly_codes_is_in_hours() -> None:
    """Hourly, the same memories are 48 h, 864 h and 3744 h; half-hour steps have twice as many."""
    n = 4000
    status = np.full(n, R, dtype=np.uint8)
    status[0] = S
    weather = Weather.dry(n)
    hours = 3600 * np.arange(n, dtype=np.int64)
    new = fwi2025(hours, *weather, 46.0, -77.0, -5.0, status=status)
    last = {name: int(np.flatnonzero(s == S)[-1]) for name, s in new.status.items()}
    assert (last["ffmc"], last["dmc"], last["dc"], last["fwi"]) == (48, 864, 3744, 3744)
    assert last["gfwi"] == 48
    for step_h, steps in ((1.0, 48), (0.5, 96)):
        old = hourly_ffmc(*weather, status=status, step_h=step_h)
        assert np.flatnonzero(old.status == S)[-1] == steps


def test_a_missing_day_leaves_codes_as_they_were_and_says_so() -> None:
    """A day without rain reading neither wets nor dries; what follows is stale, not reported."""
    gap, short = Weather.dry(4), Weather.dry(3)
    gap[3][1] = np.nan
    out, without = fwi1987(*gap, [7] * 4, 46.0), fwi1987(*short, [7] * 3, 46.0)
    assert np.isnan(out.fwi[1])
    assert out.dc[2] == without.dc[1]
    assert [Status(s) for s in out.status["ffmc"]] == [R, U, S, S]
    assert [Status(s) for s in out.status["fwi"]] == [R, U, S, S]


def test_missing_rain_is_not_zero_rain() -> None:
    """Codes after an unknown day differ from those after a dry day, which has dried fuel."""
    gap, dry = Weather.dry(3), Weather.dry(3)
    gap[3][1] = np.nan
    unknown, zero = fwi1987(*gap, [7] * 3, 46.0), fwi1987(*dry, [7] * 3, 46.0)
    assert unknown.dc[2] < zero.dc[2]
    assert unknown.status["dc"][2] != zero.status["dc"][2]


def test_nodes_do_not_taint_each_other() -> None:
    """A node with a gap is unknown and stale by itself."""
    weather = Weather.dry(5, nodes=2)
    weather[0][2, 0] = np.nan
    out = fwi1987(*weather, [7] * 5, [46.0, 46.0])
    assert out.status["ffmc"][:, 1].tolist() == [R] * 5
    assert out.status["ffmc"][:, 0].tolist() == [R, R, U, S, S]
    assert not np.isnan(out.fwi[:, 1]).any()


def test_a_gap_does_not_end_a_rain_event() -> None:
    """In FWI2025, unknown hours are neither rain nor of the five dry ones that end an event."""
    n = 10
    weather = Weather.dry(n)
    weather[3][0] = 0.4
    weather[3][1:7] = np.nan
    hours = 3600 * np.arange(n, dtype=np.int64)
    out = fwi2025(hours, *weather, 46.0, -77.0, -5.0)
    assert out.event_mm[6:].tolist() == [0.4] * 4
    assert out.event_dry_h.tolist() == [0.0] * 7 + [1.0, 2.0, 3.0]


def test_status_outside_the_table_is_refused() -> None:
    """A code that is no status, or a negative memory, is an error and not taken for reported."""
    with pytest.raises(RangeError, match=r"status = 9: must be 0\.\.4"):
        worst(np.array([9], dtype=np.uint8))
    with pytest.raises(RangeError, match=r"memory_steps = -1"):
        remembered(np.array([1], dtype=np.uint8), -1)


def test_counter_knows_the_rain_of_a_gap() -> None:
    """Readings at both ends give the total, whatever was lost between; without an end, at least."""
    total = np.array([1.0, 1.2, np.nan, np.nan, 3.0, np.nan])
    out = from_counter(total, np.array([0, 0]), np.array([4, 5]))
    assert out.rain_mm[0] == 2.0
    assert np.isnan(out.rain_mm[1])
    assert out.at_least_mm.tolist() == [2.0, 2.0]
    assert out.coverage.tolist() == [0.5, 0.4]


def test_counter_wraps_and_resets() -> None:
    """A counter that wraps at 6500 mm goes on; one that never wraps and falls was reset."""
    wraps = np.array([6499.8, 0.4])
    assert late_rain(wraps, 6500.0).rain_mm.round(6)[1] == 0.6
    assert late_rain(wraps).rain_mm[1] == 0.4
    with pytest.raises(RangeError, match=r"wraps_at_mm = 0"):
        late_rain(wraps, 0.0)


def test_steps_with_a_hole_have_no_total() -> None:
    """One missing step of rain makes the period unknown; what was heard is at least that."""
    steps = np.array([[0.2, 0.2], [np.nan, 0.0], [0.4, 0.4]])
    out = from_steps(steps, np.array([-1]), np.array([2]))
    assert np.isnan(out.rain_mm[0, 0])
    assert out.rain_mm[0, 1] == 0.6
    assert out.at_least_mm[0].tolist() == [0.6, 0.6]
    with pytest.raises(RangeError, match=r"last = 3: must be -1\.\.2"):
        from_steps(steps, np.array([0]), np.array([3]))
    with pytest.raises(RangeError, match=r"last = 0: must not be before 1"):
        from_steps(steps, np.array([1]), np.array([0]))


def test_sums_of_tenths_do_not_pass_thresholds_by_rounding() -> None:
    """Fifteen steps of 0.1 mm are 1.5 mm, which does not wet the DMC, and not a hair more."""
    out = from_steps(np.full(40, 0.1), np.array([19]), np.array([34]))
    assert out.rain_mm[0] == 1.5


@given(st.lists(st.floats(0.0, 20.0), min_size=2, max_size=30), st.data())
def test_late_rain_adds_up(fallen: list[float], data: st.DataObject) -> None:
    """Whatever readings are lost, rain between the first and the last known one is all there."""
    total = np.cumsum(fallen)
    lost = data.draw(st.lists(st.booleans(), min_size=len(fallen), max_size=len(fallen)))
    heard = np.where(lost, np.nan, total)
    late = late_rain(heard)
    known = np.flatnonzero(~np.isnan(heard))
    if known.size:
        assert np.nansum(late.rain_mm) == pytest.approx(total[known[-1]] - total[known[0]])
        assert late.over_steps.sum() == known[-1] - known[0]
