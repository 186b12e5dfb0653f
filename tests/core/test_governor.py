# SPDX-License-Identifier: Apache-2.0
"""The airtime governor never lets a node break its duty cycle, whatever the clock does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres._core import lib
from tests.core.governor_rig import (
    BIN,
    DELAY,
    EU_K,
    EU_M,
    EU_P,
    FRAME,
    GAP,
    HOUR,
    LIMIT,
    SECOND,
    Node,
    worst_hour,
)

airtimes = st.integers(1, FRAME)
clock_readings = st.integers(0, 10 * HOUR)
moments = st.sampled_from([1, BIN - 40 * SECOND, BIN - 1, BIN, GAP, GAP + 1, HOUR - GAP, HOUR])
jumps = st.one_of(
    st.sampled_from([GAP, GAP + 1, GAP - SECOND, HOUR, 24 * HOUR, -1, -HOUR]),
    st.integers(-2 * GAP, 2 * GAP),
)
events = st.one_of(
    st.tuples(st.just("sleep"), st.one_of(moments, st.integers(0, 2 * BIN))),
    st.tuples(st.just("jump"), jumps),
    st.tuples(st.just("reset"), st.one_of(st.none(), clock_readings)),
    st.tuples(st.just("send"), st.tuples(airtimes, st.integers(0, DELAY), st.booleans())),
    st.tuples(st.just("send_all"), st.sampled_from([1_155_072, 3_600_000, FRAME])),
)


def test_the_judge_of_these_tests_sees_a_naive_bucket_fail() -> None:
    """A token bucket of an hour's airtime, refilled continuously, sends twice the limit."""
    limit = LIMIT["M"]
    frames, tokens = [], limit
    for now_us in range(0, 2 * HOUR, SECOND):
        if tokens >= SECOND:
            tokens -= SECOND
            frames.append((now_us, now_us + SECOND))
        tokens = min(limit, tokens + SECOND // 100)
    assert worst_hour(frames) > 1.9 * limit


@given(st.sampled_from("KMP"), clock_readings, st.lists(events, min_size=10, max_size=60))
def test_no_hour_of_real_time_exceeds_the_law(
    name: str, clock_us: int, script: list[tuple[str, Any]]
) -> None:
    """Sleeps, clock jumps both ways, resets at any moment: each real hour keeps the duty cycle."""
    node = Node({"K": EU_K, "M": EU_M, "P": EU_P}[name], clock_us)
    actions: dict[str, Callable[[Any], object]] = {
        "sleep": node.sleep,
        "jump": node.jump,
        "reset": node.reset,
        "send": lambda arguments: node.send(*arguments),
        "send_all": node.send_all,
    }
    for action, argument in script:
        actions[action](argument)
    node.send_all(SECOND)
    assert worst_hour(node.frames) <= LIMIT[name]


@pytest.mark.parametrize("jump_us", [GAP, GAP + 1, HOUR, 24 * HOUR, -1, -HOUR])
@pytest.mark.parametrize("phase_us", [0, BIN // 2, BIN - 40 * SECOND, BIN - 1])
@pytest.mark.parametrize("pause_us", [0, HOUR - GAP, 2700 * SECOND])
def test_a_jump_at_the_worst_moment_gains_nothing(
    jump_us: int, phase_us: int, pause_us: int
) -> None:
    """All airtime spent, later one undetected jump: no hour exceeds the limit."""
    node = Node(EU_M, 48 * HOUR)
    node.sleep(phase_us)
    node.send_all(SECOND)
    assert worst_hour(node.frames) == LIMIT["M"]
    until_us = node.real_us + pause_us
    while node.real_us < until_us:
        node.sleep(60 * SECOND)
    node.jump(jump_us)
    while node.real_us < 2 * HOUR:
        node.send_all(SECOND)
        node.sleep(10 * SECOND)
    assert worst_hour(node.frames) == LIMIT["M"]


def test_after_a_jump_back_time_counts_again() -> None:
    """A clock that was set back ten hours costs what has been waited for, not ten hours."""
    node = Node(EU_M, 48 * HOUR)
    node.send_all(SECOND)
    node.jump(-10 * HOUR)
    for _ in range(7):  # the first of them is the jump, and not believed
        node.sleep(900 * SECOND)
    assert lib.qres_governor_available_us(node.governor, node.now_us()) == LIMIT["M"]


def test_endless_far_jumps_earn_nothing() -> None:
    """A clock that leaps an hour ahead at every wake-up is never believed."""
    node = Node(EU_M, 0)
    node.send_all(SECOND)
    for _ in range(200):
        node.jump(HOUR)
        node.sleep(SECOND)
        node.send_all(SECOND)
    assert sum(end - start for start, end in node.frames) == LIMIT["M"]
    assert node.governor.disbelieved == 200


def test_a_loop_of_resets_earns_nothing() -> None:
    """Resets with a clock that starts at zero each time never refill the budget."""
    node = Node(EU_M, 0)
    for _ in range(300):
        node.send_all(SECOND)
        node.reset(0)
        node.sleep(5 * SECOND)
    assert worst_hour(node.frames) == LIMIT["M"]
    assert sum(end - start for start, end in node.frames) == LIMIT["M"]


def test_power_lost_between_charge_and_frame_counts_as_sent() -> None:
    """What was booked and saved stays booked, though nothing went on air."""
    node = Node(EU_M, 0)
    assert node.send(SECOND, 0, power_fails=True)
    assert lib.qres_governor_available_us(node.governor, 0) == LIMIT["M"] - SECOND


@pytest.mark.parametrize("tick_us", [SECOND, BIN, 900 * SECOND, GAP])
def test_a_greedy_node_gets_three_quarters_of_the_limit_for_ever(tick_us: int) -> None:
    """Sending whatever is granted for ten hours: never above the limit, above 0.75 of it."""
    node = Node(EU_M, 0)
    while node.real_us < 10 * HOUR:
        node.send_all(SECOND)
        node.sleep(tick_us)
    total = sum(end - start for start, end in node.frames)
    assert worst_hour(node.frames) == LIMIT["M"]
    assert total >= 0.75 * 10 * LIMIT["M"] - LIMIT["M"]
