# SPDX-License-Identifier: Apache-2.0
"""The fire hour: when it ends, rain, fuel, climate, departure, regime (SPEC 5.5)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres.reference import (
    FireState,
    RefSite,
    State,
    commit,
    end_epoch,
    fire,
    fire_hour,
    hour_that_ends,
)
from qres.reference.fire_air import departures, drying_power, read_air
from qres.reference.fire_hour import GAINS_CLIMATE, GAINS_DEPARTURE, moved
from tests.vectors.cases_fire_runs import seasoned, settle
from tests.vectors.cases_fold import DAY, SITES
from tests.vectors.fields import Lcg, make_site, random_reports

ONE = 1 << 16
TWELVE = SITES["twelve"]


def fire_of(state: State) -> FireState:
    """The fire weather of a fire site's state."""
    assert state.fire is not None
    return state.fire


def at_the_end(name: str = "twelve", hour: int = 14, **weather: int) -> State:
    """A settled state of the last phase of an hour, before anything of its end is done."""
    site = SITES[name]
    state = settle(name, **weather)
    end = site.era_start(DAY) + (hour + 1) * 14_400 // site.epoch_s - 1
    state.last_report[:] = end - 3
    return state.copy(phase=end)


@pytest.mark.parametrize("epoch_s", [300, 480, 600, 900, 1200, 2400, 3456, 3600])
def test_every_hour_of_a_day_ends_once(epoch_s: int) -> None:
    """Whatever the epoch, 24 hours end in a day, in order, the last one at midnight."""
    site = make_site(2, epoch_s=epoch_s)
    epochs = range(DAY * site.epochs_per_day, (DAY + 1) * site.epochs_per_day)
    ended = {e: h for e in epochs if (h := hour_that_ends(site, e)) is not None}
    assert list(ended.values()) == list(range(24 * DAY, 24 * DAY + 24))
    assert max(ended) == epochs[-1]
    for e, h in ended.items():
        assert e * epoch_s < (h + 1) * 3600 <= (e + 1) * epoch_s


def test_only_the_end_of_an_hour_changes_the_fire_weather() -> None:
    """In epochs of 15 minutes three of four ends of epochs leave fuel, climate and marks alone."""
    site = SITES["epoch-900"]
    state = settle("epoch-900", at=0.5)
    changes = []
    for _ in range(32):
        after = commit(site, state, [])
        changes.append(fire_of(after).fuel.tolist() != fire_of(state).fuel.tolist())
        state = after
    ends = [i for i, changed in enumerate(changes) if changed]
    assert np.diff(ends).tolist() == [16] * (len(ends) - 1)
    assert len(ends) == 2


def test_fire_hour_refuses_other_states() -> None:
    """In the middle of an hour, or without roles, there is no fire hour."""
    with pytest.raises(ValueError, match="ending an hour"):
        fire_hour(SITES["epoch-900"], settle("epoch-900", at=0.5))
    tiny = SITES["tiny"]
    with pytest.raises(ValueError, match="must be a fire site's"):
        fire_hour(tiny, State.initial(tiny, 3))


# ---- rain and fuel


def test_rain_is_what_the_counter_rose_by() -> None:
    """2 mm more wet the fuel as `hour` says with 2 mm; a counter that fell is a reset: no rain."""
    state = at_the_end()
    before = fire_of(state).mark.tolist()
    state.value[0, 3] += 2 * ONE
    state.value[1, 3] -= 5 * ONE
    after = fire_hour(TWELVE, state)
    air = read_air(TWELVE, state)
    for i, rain in ((0, 2 * ONE), (1, 0), (2, 0)):
        v = fire.wind_km_h(air.wind[i])
        assert after.fuel[i] == fire.hour(12 * ONE, air.temp[i], air.rh[i], v, rain)
    assert after.mark.tolist() == state.value[:, 3].tolist()
    assert after.mark.tolist() != before


def test_who_has_no_gauge_has_the_rain_of_those_who_do() -> None:
    """The mean over gauges that are not stale; of a stale gauge only its own member hears."""
    state = at_the_end()
    for i, rain_mm in ((0, 3), (1, 4), (2, 50)):
        state.value[i, 3] += rain_mm * ONE
    state.absent[3:, 3] = True
    state.value[3:, 3] = state.last[3:, 3] = 0
    state.last_report[2] = state.phase - TWELVE.stale_after - 1
    after, air = fire_hour(TWELVE, state), read_air(TWELVE, state)
    for i, rain in ((2, 50 * ONE), (3, 7 * ONE // 2), (11, 7 * ONE // 2)):
        v = fire.wind_km_h(air.wind[i])
        assert after.fuel[i] == fire.hour(12 * ONE, air.temp[i], air.rh[i], v, rain)


def test_no_gauge_at_all_is_no_rain() -> None:
    """Without a single gauge the fuel dries as in dry weather."""
    state = at_the_end()
    state.absent[:, 3] = True
    air, after = read_air(TWELVE, state), fire_hour(TWELVE, state)
    v = fire.wind_km_h(air.wind[5])
    assert after.fuel[5] == fire.hour(12 * ONE, air.temp[5], air.rh[5], v, 0)


def test_a_gauge_that_comes_starts_its_count() -> None:
    """The first rain that is told is no rain yet; a gauge given up has mark 0."""
    state = seasoned(State.initial(TWELVE, DAY * 96 - 1))
    reports = random_reports(TWELVE, state, Lcg(1), lose=10**6)
    state = commit(TWELVE, state, reports)
    for r in reports:
        assert fire_of(state).mark[r.member] == state.value[r.member, 3] > 0
    gone = [replace(r, included=7, absent=8, k=r.k[:3]) for r in reports]
    again = commit(TWELVE, state.copy(phase=state.phase + 3), gone)
    assert fire_of(again).mark[[r.member for r in reports]].tolist() == [0] * len(reports)


def test_fuel_moves_where_temperature_and_humidity_are_known() -> None:
    """Stale or not; where one of them is absent it stays."""
    state = at_the_end()
    state.absent[0, 0] = state.absent[1, 1] = state.absent[2, 2] = True
    state.last_report[3] = 0
    after = fire_hour(TWELVE, state)
    assert (after.fuel != 12 * ONE).tolist() == [False, False, *[True] * 10]


def test_wind_of_others_stands_in() -> None:
    """A member without anemometer has the mean of those that are not stale; else calm air."""
    state = at_the_end()
    state.absent[0, 2] = True
    state.last_report[1] = 0
    state.value[1, 2] = 60 * ONE
    air = read_air(TWELVE, state)
    assert air.wind[1] == 60 * ONE
    others = state.value[2:, 2]
    assert air.wind[0] == int(others.sum() * 2 + 10) // 20
    state.absent[:, 2] = True
    assert read_air(TWELVE, state).wind == (0,) * 12


# ---- climate


def test_the_first_day_is_usual() -> None:
    """On day 0 the usual drying power is the last one seen, and the spread stays at start."""
    state = replace(at_the_end(), fire=FireState.initial(TWELVE))
    power = drying_power(read_air(TWELVE, state))
    after = fire_hour(TWELVE, state)
    assert after.usual == (0, 0, 0, 0, power, 0, 0, 0)
    assert after.spread == (32_768,) * 8
    assert after.rare[0] == FireState.initial(TWELVE).rare[0]


@pytest.mark.parametrize(("days", "gain"), [(1, 4), (7, 22), (21, 64), (255, 64)])
def test_later_days_weigh_less(days: int, gain: int) -> None:
    """The usual moves by a share 1/(1 + 3 days) of the difference, at least 1/64."""
    state = seasoned(at_the_end(), days)
    power = drying_power(read_air(TWELVE, state))
    assert power is not None
    old, new = fire_of(state), fire_hour(TWELVE, state)
    d = power - old.usual[4]
    assert new.usual[4] - old.usual[4] == pytest.approx(d / gain, abs=0.5)
    kept = min(abs(d), 6 * old.spread[4]) - old.spread[4]
    assert new.spread[4] - old.spread[4] == pytest.approx(kept / gain, abs=0.5)
    assert (new.rare[0] == old.rare[0]) == (days < 7)


def test_nothing_is_learned_where_nobody_counts() -> None:
    """All stale: climate, departures and regime stay."""
    state = at_the_end()
    state.last_report[:] = 0
    state = replace(state, fire=replace(fire_of(state), regime=2, lull=3))
    old, new = fire_of(state), fire_hour(TWELVE, state)
    for name in ("usual", "spread", "apart", "rare", "regime", "lull"):
        assert getattr(new, name) == getattr(old, name)


def test_levels_find_the_hours_that_exceed_them() -> None:
    """
    Of an exponential statistic the levels settle where it is above once in 10, 100, 1000 hours.

    At the natural logarithm of these: 2.3, 4.6, 6.9, within a fifth, on average over 20000 hours.
    """
    rng = np.random.default_rng(5)
    for gains, n in ((GAINS_CLIMATE, 1), (GAINS_DEPARTURE, 20)):
        rare: tuple[int, ...] = (98_304, 196_608, 294_912)
        seen = np.empty((12_000, 3))
        for hour, s in enumerate(rng.exponential(ONE, (12_000, n)).astype(int).tolist()):
            rare = moved(rare, s, gains)
            seen[hour] = rare
        average = seen[4_000:].mean(axis=0) / ONE
        assert average == pytest.approx(np.log([10, 100, 1000]), rel=0.2)


@given(
    st.lists(st.integers(-64 * ONE, 64 * ONE), min_size=1, max_size=128),
    st.lists(st.integers(0, 2**22), min_size=3, max_size=3),
)
def test_levels_stay_apart_and_bounded(s: list[int], rare: list[int]) -> None:
    """The first is 0.5..8, each further one 0.25 or more above the one before, up to 16 and 32."""
    a, b, c = moved(tuple(rare), s, GAINS_DEPARTURE)
    assert 32_768 <= a <= 524_288
    assert a + 16_384 <= b <= 1_048_576
    assert b + 16_384 <= c <= 2_097_152


# ---- departure


def test_departure_is_from_the_median_of_neighbours() -> None:
    """With six neighbours the mean of the middle two, worked out by sorting; of value - slow."""
    state = at_the_end()
    air = read_air(TWELVE, state)
    found = departures(TWELVE, state, fire_of(state), air, 14)
    for i, departure in enumerate(found):
        assert departure is not None
        near = sorted(range(12), key=lambda j: (TWELVE.distance_m[i, j], j))
        near.remove(i)
        y = state.value - state.slow
        for c in (0, 1):
            exact = y[i, c] - np.median(y[near[:6], c])
            assert departure.x[c] == pytest.approx(exact, abs=0.5)
            assert departure.u[c] == pytest.approx(
                ONE * exact / max(fire_of(state).apart[c][2], TWELVE.channels[c].step), abs=2
            )


def test_departure_needs_three_neighbours_that_count() -> None:
    """Of four members one stale leaves two neighbours: too few; a stale one has none itself."""
    site = SITES["follow"]
    state = at_the_end("follow")
    both = [departures(site, state, fire_of(state), read_air(site, state), 14)]
    state.last_report[3] = 0
    both.append(departures(site, state, fire_of(state), read_air(site, state), 14))
    assert [[d is not None for d in found] for found in both] == [[True] * 4, [False] * 4]
    after = fire_hour(site, state)
    assert (after.apart, after.rare[1]) == (fire_of(state).apart, fire_of(state).rare[1])


def test_distances_that_are_usual_are_learned() -> None:
    """One 64th of the way to the mean distance of the hour, at most 6 usual distances of each."""
    state = at_the_end()
    state.value[4, 0] += 40 * ONE
    found = departures(TWELVE, state, fire_of(state), read_air(TWELVE, state), 14)
    old, new = fire_of(state).apart, fire_hour(TWELVE, state).apart
    for c in (0, 1):
        distances = [min(abs(d.x[c]), 6 * old[c][2]) for d in found if d]
        assert new[c][2] - old[c][2] == pytest.approx((np.mean(distances) - old[c][2]) / 64, abs=1)
        assert (*new[c][:2], new[c][3]) == (*old[c][:2], old[c][3])


# ---- regime


def test_regime_rises_at_once_and_falls_after_six_hours() -> None:
    """Red in the first hour of danger; each step down takes six calm hours, danger starts anew."""
    site = SITES["follow"]
    seen = []
    state = at_the_end("follow")
    for danger in [1, *[0] * 7, 1, *[0] * 14]:
        weather = at_the_end("follow", fuel_pct=3 if danger else 60)
        weather.value[:, 2] = (14 if danger else 1) * ONE
        carried = replace(fire_of(weather), regime=fire_of(state).regime, lull=fire_of(state).lull)
        state = replace(weather, fire=carried)
        state = replace(state, fire=fire_hour(site, state))
        seen.append((fire_of(state).regime, fire_of(state).lull))
    assert seen[0] == (2, 0)
    assert seen[1:8] == [(2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (1, 0), (1, 1)]
    assert seen[8] == (2, 0)
    assert [regime for regime, _ in seen[9:]] == [2] * 5 + [1] * 6 + [0] * 3


def test_watch_begins_at_4_and_red_at_10() -> None:
    """The mean Initial Spread Index decides, to the last bit of 4 and of 10."""
    site = SITES["bare"]
    levels = set()
    for fuel in range(4 * ONE, 14 * ONE, 997):
        state = at_the_end("bare", temp_degc=20, rh_pct=45)
        fire_of(state).fuel[:] = fuel
        after = fire_hour(site, state)
        mean_isi = sum(2 * fire.isi(int(m), 0) for m in after.fuel)
        danger = (mean_isi + site.n_members) // (2 * site.n_members)
        level = 2 if danger >= 10 * ONE else 1 if danger >= 4 * ONE else 0
        assert after.regime == level
        levels.add(level)
    assert levels == {0, 1, 2}


# ---- whatever comes


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_values_that_no_sensor_means_stay_inside_their_types(seed: int) -> None:
    """Any int32 as values: all numbers of the fire weather stay in their ranges, for a day."""
    site: RefSite = SITES["bare"]
    rng = np.random.default_rng(seed)
    state = at_the_end("bare", hour=0)
    for hour in range(24):
        state = state.copy(phase=site.era_start(DAY) + 4 * hour + 3)
        state.value[:] = rng.choice([-(2**31), -ONE, 0, 30 * ONE, 2**31 - 1], state.value.shape)
        state = end_epoch(site, replace(state, fire=fire_hour(site, state)))
        held = fire_of(state)
        assert ((held.fuel >= 4096) & (held.fuel <= 250 * ONE)).all()
        assert max(map(abs, held.usual)) < 32 * ONE
        assert all(1 <= x < 2**31 for row in (held.spread, *held.apart) for x in row)
