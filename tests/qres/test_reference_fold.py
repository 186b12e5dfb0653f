# SPDX-License-Identifier: Apache-2.0
"""What the reference's fold promises: independence of order, bounds, agreement with algebra."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres.reference import (
    Report,
    State,
    begin_epoch,
    commit,
    digest,
    end_epoch,
    fire_channels,
    fire_hour,
    priors,
    snap,
    weights,
)
from tests.vectors.fields import Lcg, make_site, random_reports, run_field, tiny_site

SITE = make_site(12)
PPD = SITE.phases_per_day
MID_ERA = 20_000 * PPD + 8
NEAR_END = 20_001 * PPD - 13

seeds = st.integers(0, 2**32 - 1)


def grown(seed: int, n_phases: int = 12, start: int = MID_ERA) -> State:
    """A state with some history."""
    return run_field(SITE, State.initial(SITE, start - 1), n_phases, seed)[-1][1]


@settings(max_examples=30)
@given(seeds, st.randoms(use_true_random=False), st.integers(8, 15))
def test_order_of_arrival_plays_no_part(seed: int, chance: Random, n_phases: int) -> None:
    """Any order of the same reports gives the same digest."""
    state = grown(seed, n_phases)
    reports = random_reports(SITE, state, Lcg(seed + 1), talkative=9)
    shuffled = list(reports)
    chance.shuffle(shuffled)
    assert digest(commit(SITE, state, shuffled)) == digest(commit(SITE, state, reports))


@settings(max_examples=30)
@given(seeds, st.integers(8, 15))
def test_commit_leaves_its_input_alone(seed: int, n_phases: int) -> None:
    """A state is a value: a commit does not change the one that it starts from."""
    state = grown(seed, n_phases)
    before = digest(state)
    commit(SITE, state, random_reports(SITE, state, Lcg(seed)))
    assert digest(state) == before


@settings(max_examples=30)
@given(seeds, st.integers(8, 14))
def test_silent_members_keep_the_judged_value(seed: int, n_phases: int) -> None:
    """Who does not report in its own phase keeps the value that it compared its sample with."""
    state = grown(seed, n_phases)
    f = (state.phase + 1) % 4
    if f == 3:
        return  # the end of the epoch moves on to the next prediction
    reports = random_reports(SITE, state, Lcg(seed))
    after = commit(SITE, state, reports)
    silent = [i for i in SITE.of_phase(f) if i not in {r.member for r in reports}]
    assert after.value[silent].tolist() == state.value[silent].tolist()
    earlier = [i for g in range(f) for i in SITE.of_phase(g)]
    assert after.value[earlier].tolist() == state.value[earlier].tolist()


@settings(max_examples=30)
@given(seeds, st.integers(8, 14))
def test_reporters_have_what_they_said(seed: int, n_phases: int) -> None:
    """After its report a member has k * step, its mask, and this phase as that of its report."""
    state = grown(seed, n_phases)
    p = state.phase + 1
    reports = random_reports(SITE, state, Lcg(seed), lose=4)
    after = commit(SITE, state, reports)
    for report in reports:
        i = report.member
        for c, k in report.by_channel().items():
            assert not after.absent[i, c]
            if p % 4 < 3:
                assert after.value[i, c] == k * SITE.channels[c].step
            else:
                assert after.last[i, c] == k * SITE.channels[c].step
        for c in range(SITE.n_channels):
            if report.absent >> c & 1:
                assert after.absent[i, c]
                assert after.value[i, c] == after.last[i, c] == after.slow[i, c] == 0
        assert after.last_report[i] == p


@settings(max_examples=20)
@given(seeds)
def test_values_stay_inside_the_physical_range(seed: int) -> None:
    """Predicted and reported values stay within lo..hi, the deadline bits within their types."""
    for _, state in run_field(SITE, State.initial(SITE, NEAR_END - 1), 20, seed, talkative=8):
        for c, channel in enumerate(SITE.channels):
            here = state.value[~state.absent[:, c], c]
            # A snap rounds to whole steps; the next epoch's prediction is clipped again.
            slack = 0 if channel.linear else channel.step
            assert (here >= channel.lo - slack).all()
            assert (here <= channel.hi + slack).all()
            assert (np.abs(state.q) <= 32767).all()
            assert ((state.e >= 0) & (state.e <= 12)).all()


def test_weights_stay_inside_their_clips() -> None:
    """Under a steady trend for 40 epochs the weights stay in bounds, up to half a mantissa unit."""
    state = State.initial(SITE, MID_ERA - 1)
    for step in range(160):
        reports = [
            Report(i, 15, 0, (80 + step // 4 * 3, 40 + step // 4, 9, 7))
            for i in SITE.of_phase((state.phase + 1) % 4)
        ]
        state = commit(SITE, state, reports)
        for c in range(3):
            half = (1 << int(state.e[c])) // 2
            w = weights(state, c)
            assert -half <= min(w[:2])
            assert max(w[:2]) <= 15_938_355 + half
            assert max(abs(x) for x in w[2:]) <= 33_554_432 + half
    assert int(state.m[0]) == 3 * SITE.channels[0].step


def test_conditioning_is_the_conditional_mean() -> None:
    """
    A surprise moves later members by K A^-1 r of a Gaussian process, worked out in floating point.

    Tolerance 4 units of 2^-16: rounding of K and A to Q24 and of a to Q16.16.
    """
    state = grown(7, 12)
    assert state.phase % 4 == 3
    f0 = SITE.of_phase(0)
    reports = [
        Report(i, 15, 0, tuple(int(state.value[i, c]) // SITE.channels[c].step + 5 + i
                               for c in range(4)))
        for i in f0[:2]
    ]  # fmt: skip
    after = commit(SITE, state, reports)
    xyz = np.array([(m.x_m, m.y_m, 10 * m.z_m) for m in SITE.members], dtype=np.float64)
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=2)
    for c, channel in enumerate(SITE.channels[:3]):
        k = channel.rho / 65536 * np.exp(-distance / SITE.range_m)
        seen = [i for i in f0 if not state.absent[i, c]]
        told = {r.member: r.by_channel()[c] for r in reports}
        noise = [0.05 if i in told else 0.2 for i in seen]
        a = k[np.ix_(seen, seen)].copy()
        np.fill_diagonal(a, 1 + np.array(noise))
        limit = 8 * channel.tol
        r = [np.clip(told[i] * channel.step - state.value[i, c], -limit, limit) if i in told else 0
             for i in seen]  # fmt: skip
        for t in [i for i in range(12) if i % 4 and not state.absent[i, c]]:
            moved = state.value[t, c] + k[t, seen] @ np.linalg.solve(a, r)
            expected = np.clip(moved, channel.lo, channel.hi)
            # The kernel's own deviation from exp() is up to 6 of 65536 of the surprise.
            assert after.value[t, c] == pytest.approx(expected, abs=4 + 20 * limit / 65536)


def test_nothing_moves_without_a_surprise() -> None:
    """A report that says what was predicted moves nobody else."""
    state = State.initial(SITE, MID_ERA - 1)
    for _ in range(4):
        p = state.phase + 1
        state = commit(
            SITE, state, [Report(i, 15, 0, (80, 40, 8, 5)) for i in SITE.of_phase(p % 4)]
        )
    again = [
        Report(i, 8, 0, (5,)) for i in SITE.of_phase(0)
    ]  # only rain, which is not conditioned on
    after = commit(SITE, state, again)
    assert after.value.tolist() == state.value.tolist()
    assert set(after.last_report[list(SITE.of_phase(0))].tolist()) == {state.phase + 1}


def test_stale_members_neither_inform_nor_teach() -> None:
    """A member past its deadline is no observer, but is still informed by others."""
    site = tiny_site()
    start = 20_000 * PPD + 4
    state = State.initial(site, start - 1)
    for _ in range(4):
        i = (state.phase + 1) % 4
        state = commit(site, state, [Report(i, 1, 0, (80,))])
    silent_since = int(state.last_report[0])
    while state.phase < silent_since + site.stale_after - 4 or state.phase % 4 != 3:
        others = [Report(i, 1, 0, (80,)) for i in (1, 2, 3) if (state.phase + 1) % 4 == i]
        state = commit(site, state, others)
    fresh = state
    while fresh.phase + 1 - silent_since <= site.stale_after:
        fresh = commit(site, fresh, [])
    while fresh.phase % 4 != 3:
        fresh = commit(site, fresh, [])
    assert fresh.stale(site, fresh.phase + 1).tolist() == [True, False, False, False]
    loud = commit(site, fresh, [Report(0, 1, 0, (100,))])
    assert loud.value[1:].tolist() == fresh.value[1:].tolist()
    assert loud.value[0, 0] == 100 * 16384
    assert not loud.stale(site, loud.phase + 1)[0]


@settings(max_examples=25)
@given(seeds)
def test_snap_is_a_projection(seed: int) -> None:
    """Snapping moves no value by more than half a step, and a snapshot but for its days not."""
    state = grown(seed, 13, NEAR_END)
    assert (state.phase + 1) % PPD == 0
    once = snap(SITE, state)
    twice = snap(SITE, once)
    assert once.fire
    assert twice.fire
    assert twice.fire.days == once.fire.days + 1
    again = replace(twice, fire=replace(twice.fire, days=once.fire.days))
    assert digest(again) == digest(once)
    ended = end_epoch(SITE, run_field(SITE, State.initial(SITE, NEAR_END - 1), 12, seed)[-1][1])
    snapped = snap(SITE, ended)
    for c, channel in enumerate(SITE.channels):
        assert (2 * np.abs(snapped.last[:, c] - ended.last[:, c]) <= channel.step).all()
        if channel.linear:
            assert (np.abs(snapped.slow[:, c] - ended.slow[:, c]) <= 2 * channel.step).all()


def test_commit_of_the_last_phase_is_its_four_parts() -> None:
    """At the end of an era: fire hour, end of epoch, snap, begin epoch; last reports say B(E)."""
    state = grown(3, 12, NEAR_END)
    p = state.phase + 1
    assert p == 20_001 * PPD - 1
    by_parts = state.copy(phase=p)
    by_parts = replace(by_parts, fire=fire_hour(SITE, by_parts))
    by_parts = begin_epoch(SITE, snap(SITE, end_epoch(SITE, by_parts)), (p + 1) // 4)
    whole = commit(SITE, state, [])
    assert digest(whole) == digest(by_parts)
    assert set(whole.last_report.tolist()) == {p + 1}


def test_learning_follows_the_gradient() -> None:
    """
    The weights after one step from 0, worked out by hand.

    All members move by one tolerance in an epoch for which 0 was predicted: r = 65536. It is the
    fourth of 24 epochs of the day, x = 8192, so phi3 = 8192 * 24576 / 4096 = 49152, and phi4 =
    S(24576) is the same. 8 * 49152 = 393216; forgetting takes 393216 / 512 = 768 of that; the
    rest, 392448, is 24528 * 2^4 and needs no rounding. phi1 and phi2 are still 0.
    """
    channel = replace(fire_channels()[0], w0=(0, 0, 0, 0), rho=0)
    site = make_site(8, channels=(channel,))
    state = State.initial(site, MID_ERA - 1)
    for epoch in range(2):
        for _ in range(4):
            who = site.of_phase((state.phase + 1) % 4)
            state = commit(site, state, [Report(i, 1, 0, (40 + 4 * epoch,)) for i in who])
    assert state.phase // 4 % 24 == 3
    assert weights(state, 0) == [0, 0, 392_448, 392_448]
    assert int(state.m[0]) == channel.tol == 4 * channel.step


def test_few_members_do_not_learn() -> None:
    """With fewer than five contributors the weights stay as they were; the trend does not."""
    site = make_site(4)
    start = State.initial(site, MID_ERA - 1)
    steps = run_field(site, start, 24, 5, talkative=10, lose=1000)
    assert steps[-1][1].q.tolist() == start.q.tolist()
    assert any(a.m.tolist() != b.m.tolist() for (_, a), (_, b) in pairwise(steps))


def test_predictions_follow_the_formula() -> None:
    """
    A prediction is last + tol * (w . phi), clipped, in floating point.

    Tolerance: 2 roundings of half a unit and the tolerance's 2^-16 of the first of them.
    """
    state = grown(11, 16)
    epoch = state.phase // 4 + 1
    for c, channel in enumerate(SITE.channels[:3]):
        x = (epoch % 24) * 65536 // 24
        sine = [_parabola(x), _parabola((x + 16384) % 65536)]
        phi1 = np.clip(int(state.m[c]) / channel.tol, -2, 2)
        phi2 = np.clip((state.slow[:, c] - state.last[:, c]) / channel.tol, -2, 2)
        w = np.array(weights(state, c)) / 2**24
        move = w[0] * phi1 + w[1] * phi2 + w[2] * sine[0] + w[3] * sine[1]
        expected = np.clip(state.last[:, c] + channel.tol * move, channel.lo, channel.hi)
        got = priors(SITE, state, c, epoch)
        assert np.abs(got - expected).max() <= 1 + 4 * channel.tol / 65536


def _parabola(x: int) -> float:
    """S of SPEC 5.2 as a real function."""
    half = x % 32768 / 32768
    return 4 * half * (1 - half) * (1 if x < 32768 else -1)


def test_commit_refuses_foreign_reports() -> None:
    """A report of another phase's member, or two of one member, is a mistake of the caller."""
    state = State.initial(SITE, MID_ERA - 1)
    with pytest.raises(ValueError, match="must be different members of phase 0"):
        commit(SITE, state, [Report(1, 0, 0, ())])
    with pytest.raises(ValueError, match="must be different members of phase 0"):
        commit(SITE, state, [Report(0, 0, 0, ()), Report(0, 0, 0, ())])


def test_report_refuses_nonsense() -> None:
    """Overlapping masks, a wrong count of values and values outside int16 are refused."""
    with pytest.raises(ValueError, match="overlaps"):
        Report(0, 3, 1, (1, 2))
    with pytest.raises(ValueError, match="must have 1 numbers"):
        Report(0, 2, 0, ())
    with pytest.raises(ValueError, match="must fit int16"):
        Report(0, 1, 0, (32768,))
