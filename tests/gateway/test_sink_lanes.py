# SPDX-License-Identifier: Apache-2.0
"""Lanes: whatever happens, every row is delivered, the newest first, and three numbers suffice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qres_gateway.sinks.backoff import Backoff
from qres_gateway.sinks.lanes import Lanes

STEP = st.sampled_from(["new", "outage", "live", "backlog", "crash"])


@given(steps=st.lists(st.tuples(STEP, st.integers(1, 400)), max_size=60), tail=st.integers(1, 50))
def test_every_row_is_delivered(steps: list[tuple[str, int]], tail: int) -> None:
    """After any sequence of outages, turns and crashes, working on to the end misses no row."""
    lanes, head = Lanes(), 0
    got: set[int] = set()
    for what, size in steps:
        if what in {"new", "outage"}:
            head += size if what == "outage" else 1
            continue
        if what == "crash":
            lanes = Lanes.of(lanes.done, lanes.live_from, lanes.live_to)
            continue
        lanes = lanes.split(head, tail)
        assert 0 <= lanes.done <= lanes.live_from <= lanes.live_to <= max(head, lanes.live_to)
        if what == "live":
            reached = min(head, lanes.live_to + size)
            got.update(range(lanes.live_to + 1, reached + 1))
            lanes = lanes.live(max(reached, lanes.live_to))
        elif lanes.has_backlog:
            reached = min(lanes.live_from, lanes.done + size)
            got.update(range(lanes.done + 1, reached + 1))
            lanes = lanes.backlog(reached)
        told = set(range(1, lanes.done + 1)) | set(range(lanes.live_from + 1, lanes.live_to + 1))
        assert told <= got, "says delivered what is not"
        assert lanes.missing(head) >= len(set(range(1, head + 1)) - got - told)
    while lanes.missing(head):
        lanes = lanes.split(head, tail)
        if lanes.live_to < head:
            got.update(range(lanes.live_to + 1, head + 1))
            lanes = lanes.live(head)
        elif lanes.has_backlog:
            got.update(range(lanes.done + 1, lanes.live_from + 1))
            lanes = lanes.backlog(lanes.live_from)
    assert got == set(range(1, head + 1))
    assert lanes == Lanes(head, head, head)


def test_the_newest_come_first() -> None:
    """After an outage the live lane begins a little before the head, however long it was."""
    lanes = Lanes(10, 10, 10).split(1_000_000, 16)
    assert lanes.live_to == 1_000_000 - 16
    assert lanes.missing(1_000_000) == 1_000_000 - 10
    assert lanes.oldest_missing_after() == 10


def test_crossed_cursors_deliver_again() -> None:
    """Numbers that do not fit together, as after a replay, never skip a row."""
    assert Lanes.of(50, 20, 20) == Lanes(50, 50, 50)
    assert Lanes.of(5, 9, 7) == Lanes(5, 9, 9)


@given(drawn=st.lists(st.floats(0, 1), min_size=1, max_size=50), asked=st.floats(0, 1000))
def test_pauses_are_bounded(drawn: list[float], asked: float) -> None:
    """No pause is above the cap or below half of the first, whatever the server asks."""
    numbers = iter(drawn)
    pauses = Backoff(1.0, 60.0, lambda: next(numbers))
    found = [pauses.next_s(asked) for _ in drawn]
    assert all(0.5 <= pause <= 60.0 for pause in found)
    assert all(pause >= min(asked, 60.0) for pause in found)
