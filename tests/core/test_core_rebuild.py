# SPDX-License-Identifier: Apache-2.0
"""A rebuild begins where it must: late news is cheap, and gives what a rebuild from base gives."""

from __future__ import annotations

import random
from typing import Any

import pytest

from qres._core import ffi, lib
from qres.core import Do, Node
from tests.core.machine_state import assert_sound
from tests.core.talking_field import KEY, Sent, TalkingField, everybody, site_of, start_of_day

SITE = site_of(16, epoch_s=900, echo=True)
FIRST = start_of_day(SITE)
DAY = 384

LAG = 16
"""Phases that an echo can be late, SPEC 6.5: a waypoint stays behind them."""

AGE = 32
"""Phases after which an idle node moves its waypoint, WAYPOINT_AGE of replica.c."""


def seen_state(node: Any) -> tuple[bytes, ...]:
    """State, what was judged, remembered digests: all that a rebuild makes."""
    parts = ("live", "judged", "recent_phase", "recent_digest")
    return tuple(bytes(ffi.buffer(ffi.addressof(node, p))) for p in parts)


def from_base(node: Node) -> tuple[bytes, ...]:
    """The same after a rebuild of the whole day; *node* is left as it is."""
    copy = ffi.new("qres_node *")
    ffi.memmove(copy, node.c, ffi.sizeof("qres_node"))
    copy.dirty = 1
    lib.qres_settle(copy)
    return seen_state(copy)


def assert_rebuilt(node: Node) -> int:
    """The state is the whole day's; returns how many phases a rebuild would replay."""
    node.settle()
    assert seen_state(node.c) == from_base(node)
    start = max(int(node.c.waypoint.phase), int(node.c.base.phase))
    assert node.c.waypoint.phase == 0 or node.c.waypoint.phase % 4 == 3
    return int(node.c.live.phase) - start


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_late_news_is_folded_in_from_a_waypoint(loss: float) -> None:
    """
    Over a day with echo, each state is bit for bit what base and log give, waypoint or not.

    After the first hours no rebuild replays more than 32 phases, whether echoes come or none.
    """
    dice = random.Random(1)
    field = TalkingField(SITE, FIRST, seed=2, lively=1.0)
    back = []
    for _ in range(DAY - 1):
        field.run_phase(lambda _sent, _receiver: dice.random() >= loss)
        node = field.nodes[field.phase % 16]
        assert node is not None
        back.append(assert_rebuilt(node))
    restored = sum(node.counters["restored"] for node in field.present)
    assert (restored > 100) == (loss > 0)
    assert max(back[AGE:]) <= AGE
    assert min(back[2 * AGE :]) >= LAG


def nobody_to_5(_sent: Sent, receiver: int) -> bool:
    """Node 5 is deaf."""
    return receiver != 5


def test_news_from_before_the_waypoint_rebuilds_the_day() -> None:
    """A report that is accepted hours late makes the waypoint void, and the state is right."""
    field = TalkingField(SITE, FIRST, seed=3, lively=1.5)
    node = field.nodes[5]
    assert node is not None
    kept = []
    for i in range(DAY // 2):
        sent = field.run_phase(nobody_to_5 if i == 40 else everybody)
        kept += [s for s in sent if i == 40 and s.kind == "report" and s.sender != 5]
    assert kept
    assert node.c.waypoint.phase > kept[0].phase
    before = seen_state(node.c)
    assert 0 in [node.heard(s.frame, s.end_us) for s in kept]
    assert_rebuilt(node)
    assert seen_state(node.c) != before
    assert_sound(node)


def test_waypoint_does_not_outlive_its_base() -> None:
    """After a midnight, and after adopting a checkpoint, a rebuild begins at the new base."""
    field = TalkingField(SITE, FIRST, seed=4, lively=1.0)
    for _ in range(DAY // 2):
        field.run_phase()
    field.nodes[3] = node = Node(field.field, KEY, 3, first_phase=field.phase)
    while field.phase % DAY != 0:
        field.run_phase()
    assert node.c.base.phase == field.phase - 1 >= node.c.waypoint.phase
    adopted = False
    for _ in range(DAY // 2):
        field.run_phase()
        assert_rebuilt(node)
        if node.counters["adopted"] and not adopted:
            adopted = True
            assert len(field.digests) == 1
    assert adopted


def test_idle_node_moves_its_waypoint_before_the_next_phase() -> None:
    """A waypoint is moved when the node is told to sleep, not while frames may come."""
    field = TalkingField(SITE, FIRST, seed=5, lively=1.0)
    while field.phase < FIRST + AGE:
        field.run_phase()
    node = field.nodes[0]
    assert node is not None
    node.c.waypoint.phase = 0
    assert node.next(field.now_us).do != Do.SLEEP
    assert node.c.waypoint.phase == 0
    rebuilds = node.counters["rebuilds"]
    assert node.next(field.now_us - 1_000_000).do == Do.SLEEP
    assert LAG <= node.c.live.phase - node.c.waypoint.phase < LAG + 4
    assert node.counters["rebuilds"] == rebuilds, "that is no news"
