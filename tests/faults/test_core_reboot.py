# SPDX-License-Identifier: Apache-2.0
"""Nodes that restart and clocks that jump: no nonce twice, nothing sent out of its slot."""

from __future__ import annotations

import random

import pytest

from qres._core import ffi, lib
from qres.channels import Q16_MISSING
from qres.core import Action, Do, Node
from tests.core.machine_state import assert_sound
from tests.core.talking_field import KEY, Sent, TalkingField, nobody, site_of, start_of_day

SITE = site_of(8)
FIRST = start_of_day(SITE)
DAY = 96
MINUTE_US = 60_000_000


def reboot(field: TalkingField, row: int, *, sends_from: int) -> Node:
    """A node loses its memory, but not the number of the first phase it never sent in."""
    node = Node(field.field, KEY, row, first_phase=field.phase, tx_not_before=sends_from)
    field.nodes[row] = node
    return node


def assert_no_nonce_twice(sent: list[Sent]) -> None:
    """A nonce is phase, sender and kind (SPEC 6): each occurs once."""
    nonces = [(s.phase, s.sender, s.kind) for s in sent]
    assert len(nonces) > 100
    assert len(set(nonces)) == len(nonces)


def assert_in_slots(field: TalkingField, sent: list[Sent]) -> None:
    """Every frame began half a guard time after its slot did, by the sender's clock."""
    c = field.field.c
    for s in sent:
        slot = c.site.member[s.sender].slot if s.kind == "report" else c.slots
        due_us = s.phase * c.phase_us + c.lead_us + c.guard_us // 2 + slot * c.slot_us
        assert abs(s.start_us - due_us) <= c.guard_us // 2, s


@pytest.mark.parametrize("seed", range(4))
def test_no_nonce_is_used_twice_across_reboots(seed: int) -> None:
    """Over four lossy days with reboots, every other run with echo, no nonce occurs twice."""
    dice = random.Random(seed)
    field = TalkingField(site_of(8, echo=seed % 2 == 1), FIRST, seed=seed, lively=1.5)
    every: list[Sent] = []
    reboots = 0
    for _ in range(4 * DAY):
        for row in range(len(SITE.nodes)):
            if dice.random() < 0.02:
                reboot(field, row, sends_from=field.phase)
                reboots += 1
        sent = field.run_phase(lambda _sent, _receiver: dice.random() < 0.8)
        assert_in_slots(field, sent)
        every += sent
    assert reboots > 30
    assert_no_nonce_twice(every)


def test_reboot_amid_a_phase_does_not_send_again_in_it() -> None:
    """A node that restarts in the phase in which it has just sent stays silent until the next."""
    field = TalkingField(SITE, FIRST, seed=1)
    field.run_phase()
    row = next(i for i in range(8) if field.field.c.site.member[i].phase == field.phase % 4)
    samples = field.weather()[row]
    before: list[Action] = []
    after: list[Action] = []
    for again in (False, True):
        if again:
            node = reboot(field, row, sends_from=field.phase + 1)
        else:
            old = field.nodes[row]
            assert old is not None
            node = old
        frames = after if again else before
        while (a := node.next(field.now_us)).do in {Do.SAMPLE, Do.TRANSMIT}:
            if a.do == Do.SAMPLE:
                node.sample(samples)
            else:
                frames.append(a)
    assert [a.frame_kind for a in before] == ["report"]
    assert after == []


def test_rebooted_node_is_equal_again_within_a_day_of_the_next_midnight() -> None:
    """A restarted node knows nobody; with the next era's checkpoint it holds the field's state."""
    field = TalkingField(SITE, FIRST, seed=3)
    for _ in range(DAY // 2):
        field.run_phase()
    node = reboot(field, 5, sends_from=field.phase)
    for _ in range(DAY // 2):
        field.run_phase()
    for _ in range(DAY):
        field.run_phase()
        assert_sound(node)
    assert node.counters["adopted"] >= 1
    assert len(field.digests) == 1


# ---- clocks


def test_small_clock_error_is_followed() -> None:
    """A clock that jumps by 80 ms is with the others again in 40 phases; no frame is lost."""
    field = TalkingField(SITE, FIRST, seed=4, lively=2.0)
    for _ in range(8):
        field.run_phase()
    field.offset_us[2] += 80_000
    for _ in range(40):
        field.run_phase()
        assert len(field.digests) == 1
    field_us = [n.clock_correction_us + field.offset_us[n.index] for n in field.present]
    assert max(field_us) - min(field_us) < 2_000


def test_one_late_frame_hardly_moves_the_rate() -> None:
    """A node that is 0.2 s late moves what others take for their own rate by 4 ppm at most."""
    field = TalkingField(SITE, FIRST, seed=4, lively=2.0)
    for _ in range(8):
        field.run_phase()
    field.offset_us[2] -= 195_000
    moved = []
    for _ in range(8):
        before = [int(node.c.clock_rate_ppb) for node in field.present]
        field.run_phase()
        moved += [
            abs(int(node.c.clock_rate_ppb) - rate + round(rate / 64))
            for node, rate in zip(field.present, before, strict=True)
        ]
    assert 3_999 <= max(moved) <= 4_001


@pytest.mark.parametrize("jump_us", [-600 * MINUTE_US, -7 * MINUTE_US, 7 * MINUTE_US])
def test_node_survives_a_clock_that_jumps_and_returns(jump_us: int) -> None:
    """A node whose clock is wrong for a while repeats no nonce, and is equal again in time."""
    field = TalkingField(SITE, FIRST, seed=5)
    every = [s for _ in range(10) for s in field.run_phase()]
    node = field.nodes[3]
    assert node is not None
    field.offset_us[3] += jump_us
    for _ in range(6):
        every += field.run_phase()
        assert_sound(node)
    field.offset_us[3] -= jump_us
    for _ in range(2 * DAY):
        every += field.run_phase()
    assert_sound(node)
    assert_no_nonce_twice(every)
    assert len(field.digests) == 1


@pytest.mark.parametrize(
    "error_us",
    [
        -3_000_000,
        1_000_000,
        2_000_000,  # commit is 1.3 s after a phase's start here: all frames are late to it
    ],
)
def test_clock_error_of_some_seconds_is_mended_within_two_days(error_us: int) -> None:
    """Beacons bring back a node whose clock is off by many slots, early or late."""
    field = TalkingField(SITE, FIRST, seed=4)
    for _ in range(8):
        field.run_phase()
    field.offset_us[2] += error_us
    for _ in range(2 * DAY):
        field.run_phase()
    field_us = [n.clock_correction_us + field.offset_us[n.index] for n in field.present]
    assert max(field_us) - min(field_us) < 10_000


def test_clock_far_ahead_waits_for_the_others() -> None:
    """A node that ran ahead sleeps when its clock is set back, until that time has come."""
    field = TalkingField(SITE, FIRST, seed=6)
    field.run_phase()
    node = field.nodes[0]
    assert node is not None
    ahead_us = (FIRST + 200) * SITE.phase_us
    while node.next(ahead_us).do == Do.COMMITTED:
        pass
    phase = node.phase
    a = node.next(field.now_us)
    assert (a.do, a.until_us) == (Do.SLEEP, (phase + 1) * SITE.phase_us)
    assert phase >= FIRST + 199


# ---- the driver's own rules


def node_with_report(now_after_slot_us: int | None = None) -> tuple[TalkingField, Node]:
    """A node that has sampled and has a report to send; asked again that long after its slot."""
    field = TalkingField(SITE, FIRST, seed=7)
    row = next(i for i in range(8) if field.field.c.site.member[i].phase == field.phase % 4)
    node = field.nodes[row]
    assert node is not None
    assert node.next(field.now_us).do == Do.SAMPLE
    node.sample(field.weather()[row])
    if now_after_slot_us is not None:
        c = field.field.c
        slot_us = c.lead_us + c.guard_us // 2 + c.site.member[row].slot * c.slot_us
        assert node.next(field.now_us + slot_us + now_after_slot_us).do in {
            Do.TRANSMIT, Do.LISTEN,
        }  # fmt: skip
    return field, node


def test_report_is_not_given_after_its_slot() -> None:
    """Asked only when half a guard time has passed, a node keeps its report and defers it."""
    _, in_time = node_with_report(100_000)
    _, too_late = node_with_report(100_001)
    assert (in_time.counters["deferred"], int(in_time.c.n_log)) == (0, 1)
    assert (too_late.counters["deferred"], int(too_late.c.n_log)) == (1, 0)


def test_second_sample_of_a_phase_is_ignored() -> None:
    """A port that answers DO_SAMPLE twice does not make the core seal two reports of one phase."""
    field, node = node_with_report()
    first = node.next(field.now_us)
    node.sample([0, 0, 0, 0])
    assert first.do == Do.TRANSMIT
    assert node.next(field.now_us).do == Do.LISTEN


def test_sample_of_a_replica_without_slot_is_ignored() -> None:
    """qres_sample on a replica that only listens does nothing."""
    field = TalkingField(SITE, FIRST)
    machine = ffi.new("qres_node *")
    config = ffi.new("qres_config *", {"self": lib.QRES_NO_SLOT, "first_phase": FIRST})
    assert lib.qres_init(machine, field.field.c, KEY, config) == 0
    lib.qres_sample(machine, [Q16_MISSING] * 6)
    assert machine.n_log == machine.tx_len == 0


def test_deferred_report_leaves_no_trace() -> None:
    """What was not sent is not in the sender's state either: all agree, and it reports later."""
    field = TalkingField(SITE, FIRST, seed=8)
    for _ in range(8):
        field.run_phase()
    row = next(i for i in range(8) if field.field.c.site.member[i].phase == field.phase % 4)
    node = field.nodes[row]
    assert node is not None
    assert node.next(field.now_us).do == Do.SAMPLE
    node.sample([60 << 16, 10 << 16, 30 << 16, 0])
    assert node.next(field.now_us).do == Do.TRANSMIT
    node.not_sent()
    field.run_phase(nobody)
    assert len(field.digests) == 1
    assert node.counters["deferred"] == 1
