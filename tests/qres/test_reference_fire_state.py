# SPDX-License-Identifier: Apache-2.0
"""Fire weather in site, digest, snapshot, blob and tolerance (SPEC 2, 4, 5.3, 6.2, 7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres.reference import (
    FireState,
    RefSite,
    State,
    blob_decode,
    blob_encode,
    choose_report,
    digest,
    fire,
    fire_channels,
    snap,
    tolerance,
)
from tests.vectors.cases_fire_runs import seasoned, settle
from tests.vectors.cases_fold import DAY, SITES
from tests.vectors.fields import make_site, tiny_site

ONE = 1 << 16
BARE = SITES["bare"]
TWELVE = SITES["twelve"]


def fire_of(state: State) -> FireState:
    """The fire weather of a fire site's state."""
    assert state.fire is not None
    return state.fire


# ---- site


def with_flags(*flags: int, follow: bool = False) -> RefSite:
    """A site of the fire-weather channels with other flags."""
    table = zip(fire_channels(), flags, strict=False)
    return make_site(4, channels=tuple(replace(c, flags=f) for c, f in table), follow=follow)


def test_a_fire_site_has_temperature_and_humidity() -> None:
    """Roles 1 and 2 make one, in any order of channels and without the others."""
    assert with_flags(7, 11).fire
    assert with_flags(3, 11, 7).fire
    assert not with_flags(7, 3, 15, 16).fire
    assert not tiny_site().fire
    assert State.initial(tiny_site(), 3).fire is None


def test_roles_that_a_site_refuses() -> None:
    """A role given twice, a role above 4, flags above 31, and a tolerance that follows nothing."""
    with pytest.raises(ValueError, match=r"roles = \[1, 1\]"):
        with_flags(7, 7)
    with pytest.raises(ValueError, match=r"role = 5: must be 0\.\.4"):
        with_flags(7, 11, 3 | 5 << 2)
    with pytest.raises(ValueError, match="flags = 32"):
        with_flags(7, 11, 32)
    with pytest.raises(ValueError, match="follow = True: must be False"):
        with_flags(7, 3, follow=True)
    assert with_flags(7, 11, follow=True).follow


def test_roles_and_follow_are_part_of_the_site_hash() -> None:
    """Sites that differ in a role or in follow do not understand each other."""
    sites = [with_flags(7, 11), with_flags(11, 7), with_flags(3, 3),
             with_flags(7, 11, follow=True)]  # fmt: skip
    assert len({s.site_hash for s in sites}) == 4


# ---- digest


@pytest.mark.parametrize(
    "change",
    [
        {"days": 10},
        {"regime": 1},
        {"lull": 1},
        {"usual": (0,) * 7 + (1,)},
        {"spread": (32_768,) * 7 + (1,)},
        {"apart": ((1, 2, 3, 4), (5, 6, 7, 9))},
        {"rare": ((98_304, 196_608, 294_912), (163_840, 393_216, 655_361))},
        {"fuel": np.full(5, 7)},
        {"mark": np.full(5, 7)},
    ],
)
def test_digest_covers_all_of_the_fire_weather(change: dict[str, Any]) -> None:
    """A change of any item changes the digest."""
    state = State.initial(BARE, 3)
    other = replace(state, fire=replace(fire_of(state), **change))
    assert digest(other) != digest(state)


def test_a_state_starts_as_the_spec_says() -> None:
    """
    FFMC 84.96 everywhere, spread 0.5, regime calm, and for distances the tolerances 1 and 5.

    5 is code 165 of a checkpoint: 2^(37/16) = 4.9675, in Q16 by the table 325544.
    """
    held = FireState.initial(TWELVE)
    assert held.fuel.tolist() == [1_071_552] * 12
    assert fire.ffmc(1_071_552) / ONE == pytest.approx(84.96, abs=0.005)
    assert held.apart == ((ONE,) * 4, (fire.unpack(165),) * 4)
    assert fire.unpack(165) / ONE == pytest.approx(2 ** (37 / 16), rel=1e-4)
    assert held.rare == ((98_304, 196_608, 294_912), (163_840, 393_216, 655_360))
    assert (held.days, held.regime, held.lull) == (0, 0, 0)


# ---- snap and blob


@st.composite
def fires(draw: st.DrawFn) -> FireState:
    """Any fire weather that the site "bare" can hold."""

    def row(n: int, lo: int, hi: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(lo, hi), min_size=n, max_size=n)))

    return FireState(
        days=draw(st.integers(0, 255)),
        regime=draw(st.integers(0, 2)),
        lull=draw(st.integers(0, 5)),
        usual=row(8, -40 * ONE, 40 * ONE),
        spread=row(8, 1, 40 * ONE),
        apart=(row(4, 1, 2**28), row(4, 1, 2**28)),
        rare=(row(3, 32_768, 2_113_536), row(3, 32_768, 2_113_536)),
        fuel=np.array(row(5, 4_096, 250 * ONE), dtype=np.int64),
        mark=np.zeros(5, dtype=np.int64),
    )


def midnight(held: FireState) -> State:
    """A snapshot of the site "bare" with this fire weather."""
    return snap(BARE, replace(settle("bare").copy(phase=DAY * 96 - 1), fire=held))


@settings(max_examples=60)
@given(fires())
def test_a_snapshot_survives_its_blob(held: FireState) -> None:
    """What a checkpoint decodes to has the digest of the snapshot, and makes the same blob."""
    snapshot = midnight(held)
    blob = blob_encode(BARE, snapshot)
    decoded = blob_decode(BARE, blob, DAY)
    before, back = fire_of(snapshot), fire_of(decoded)
    assert back.shared_words() == before.shared_words()
    assert back.fuel.tolist() == before.fuel.tolist()
    assert blob_encode(BARE, decoded) == blob


@settings(max_examples=60)
@given(fires())
def test_snapping_moves_little(given_: FireState) -> None:
    """Fuel by up to 0.6 %, usual by 1/128, rare by 2^-11, spread in 0.005..200 by up to 2.3 %."""
    held = fire_of(midnight(given_))
    assert held.days == min(given_.days + 1, 255)
    assert (held.regime, held.lull) == (given_.regime, given_.lull)
    assert np.abs(held.fuel / given_.fuel - 1).max() < 0.006
    for new, old in zip(held.usual, given_.usual, strict=True):
        assert abs(new - max(-32 * ONE, min(old, 32 * ONE - 1024))) <= 512
    for rows in zip(held.rare, given_.rare, strict=True):
        assert all(abs(new - min(old, 2**21)) <= 32 for new, old in zip(*rows, strict=True))
    for new, old in zip(held.spread, given_.spread, strict=True):
        assert old < 328 or abs(new / old - 1) < 0.023


def test_a_day_on_which_nobody_spoke_does_not_count() -> None:
    """With all members stale the number of days stays; one that is not is enough."""
    state = settle("bare").copy(phase=DAY * 96 - 1)
    state.last_report[:] = 0
    assert fire_of(snap(BARE, state)).days == 9
    state.last_report[3] = state.phase
    assert fire_of(snap(BARE, state)).days == 10


def test_the_start_is_a_snapshot() -> None:
    """A replica that knows nothing can be written as a blob, and snapping leaves it as it is."""
    start = State.initial(TWELVE, DAY * 96 - 1)
    assert digest(snap(TWELVE, start)) == digest(start)
    assert digest(blob_decode(TWELVE, blob_encode(TWELVE, start), DAY)) == digest(start)


def test_rain_goes_on_from_the_snapshot() -> None:
    """Marks are not in the blob: they are the snapshot's rain, 0 without a gauge."""
    site = TWELVE
    state = seasoned(settle("twelve").copy(phase=DAY * 96 - 1))
    state.last_report[:] = state.phase - 1
    state.absent[4, 3] = True
    state.value[4, 3] = state.last[4, 3] = state.slow[4, 3] = 0
    snapshot = snap(site, state)
    decoded = blob_decode(site, blob_encode(site, snapshot), DAY)
    rain = snapshot.last[:, 3].tolist()
    assert fire_of(snapshot).mark.tolist() == fire_of(decoded).mark.tolist() == rain
    assert rain[4] == 0 < min(rain[:4])


def test_blob_refuses_what_is_no_snapshot() -> None:
    """Fire weather that was not rounded would not come back: it is not written."""
    snapshot = midnight(FireState.initial(BARE))
    held = fire_of(snapshot)
    for change in ({"usual": (1,) * 8}, {"spread": (32_769,) * 8}, {"fuel": held.fuel + 1}):
        with pytest.raises(ValueError, match="in a snapshot"):
            blob_encode(BARE, replace(snapshot, fire=replace(held, **change)))


# ---- SPEC 6.2


def test_tolerance_follows_the_danger() -> None:
    """Twice in calm weather, once in watch, 5/8 in red; riders and other sites keep theirs."""
    follow = SITES["follow"]
    for regime, tols in enumerate(([2, 10, 2, 1], [1, 5, 1, 1], [0.625, 3.125, 0.625, 1])):
        for site, expected in ((follow, tols), (TWELVE, [1, 5, 1, 1])):
            state = State.initial(site, 3)
            state = replace(state, fire=replace(fire_of(state), regime=regime))
            assert [tolerance(site, state, c) / ONE for c in range(4)] == expected


@given(st.integers(0, 2), st.integers(-3 * ONE, 3 * ONE))
def test_a_member_reports_beyond_that_tolerance(regime: int, off: int) -> None:
    """Silence up to tol', to the last bit; a report beyond."""
    site = SITES["follow"]
    state = settle("follow")
    state = replace(state, fire=replace(fire_of(state), regime=regime))
    samples: list[int | None] = [*map(int, state.value[0])]
    samples[0] = int(state.value[0, 0]) + off
    told = choose_report(site, state, 0, samples, [0] * 4)
    assert (told is not None) == (abs(off) > tolerance(site, state, 0))
