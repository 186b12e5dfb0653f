# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: who joins becomes equal, fragments get lost, scribes restart, logs overflow."""

from __future__ import annotations

import random

import pytest

from qres._core import lib
from qres.core import Node, Replica
from tests.core.machine_state import assert_sound
from tests.core.talking_field import KEY, Sent, TalkingField, site_of, start_of_day

SITE = site_of(12)
FIRST = start_of_day(SITE)
DAY = 96


def field_at_midnight(seed: int, *, lively: float = 0.6) -> TalkingField:
    """A field that has run for a day; the next phase is the first of an era."""
    field = TalkingField(SITE, FIRST, seed=seed, lively=lively)
    for _ in range(DAY):
        field.run_phase()
    return field


def joined_in_mid_era(field: TalkingField, *, silent: bool = False) -> Replica:
    """A listener that starts in the middle of the day that the field has reached."""
    while field.phase % DAY != DAY // 2:
        field.run_phase()
    replica = Replica(SITE, KEY, field.now_us)
    for _ in range(DAY // 2):
        field.run_phase(listeners=() if silent else (replica,))
    replica.advance(field.now_us)
    return replica


def fragments(field: TalkingField) -> tuple[int, int]:
    """K and R of the checkpoint that the field's scribe is about to send."""
    length = max(int(node.c.blob_len) for node in field.present)
    assert length > 0
    return int(lib.qres_fragment_sources(length)), int(lib.qres_fragment_parities(length))


@pytest.mark.parametrize("seed", range(3))
def test_replica_that_joined_is_equal_from_the_next_checkpoint_on(seed: int) -> None:
    """A listener that started in mid-era holds the field's state by noon of the next day."""
    field = field_at_midnight(seed)
    replica = joined_in_mid_era(field)
    assert {replica.digest} != field.digests
    for _ in range(DAY // 2 + 4):
        field.run_phase(listeners=(replica,))
    assert {replica.digest} == field.digests
    assert replica.is_synced
    assert replica.counters["adopted"] >= 1
    assert_sound(replica)


def test_replica_that_heard_only_silence_joins_by_checkpoint_alone() -> None:
    """In calm weather hardly anybody reports; fragments alone tell a listener the state."""
    field = TalkingField(SITE, FIRST, lively=0.0)
    for _ in range(DAY):
        field.run_phase()
    replica = Replica(SITE, KEY, field.now_us)
    for _ in range(DAY - 8):
        for s in field.run_phase():
            if s.kind == "checkpoint":
                replica.advance(s.end_us)
                assert replica.hear(s.frame, s.end_us).reason == ""
    replica.advance(field.now_us)
    assert replica.present.all()
    assert (replica.values_q16 == field.present[0].values_q16).all()


@pytest.mark.parametrize("seed", range(4))
def test_any_k_fragments_are_enough(seed: int) -> None:
    """R fragments lost, whichever, and the checkpoint is adopted; one more, and it is not."""
    dice = random.Random(seed)
    for more, adopted in ((0, 1), (1, 0)):
        field = field_at_midnight(seed)
        sources, parities = fragments(field)
        lost = set(dice.sample(range(sources + parities), parities + more))
        replica = Replica(SITE, KEY, field.now_us)
        seen = 0
        for _ in range(DAY - 1):
            for s in field.run_phase():
                replica.advance(s.end_us)
                if s.kind != "checkpoint" or s.frame[0] not in lost:
                    replica.hear(s.frame, s.end_us)
                seen += s.kind == "checkpoint"
        assert seen == sources + parities
        assert replica.counters["adopted"] == adopted
        if adopted:
            replica.advance(field.now_us)
            assert {replica.digest} == field.digests


def test_silent_scribe_is_replaced_next_day_and_nobody_suffers() -> None:
    """An era whose scribe is off has no checkpoint; states stay equal, the next era has one."""
    field = field_at_midnight(5)
    scribe = next(i for i, node in enumerate(field.present) if node.c.blob_len)
    field.nodes[scribe] = None
    first = [s for _ in range(DAY) for s in field.run_phase()]
    second = [s for _ in range(DAY) for s in field.run_phase()]
    assert not [s for s in first if s.kind == "checkpoint"]
    assert [s for s in second if s.kind == "checkpoint"]
    assert len(field.digests) == 1


def test_foreign_frame_in_the_slot_of_an_absent_node_stops_no_checkpoint() -> None:
    """Random bytes where a node that was never installed would report do no lasting harm."""
    field = TalkingField(SITE, FIRST, seed=6)
    field.nodes[5] = None
    c = field.field.c
    member = c.site.member[5]
    for _ in range(2 * DAY):
        if field.phase % 4 == member.phase:
            slot_us = c.lead_us + c.guard_us // 2 + member.slot * c.slot_us
            for i, node in enumerate(field.nodes):
                if node is not None:
                    node.heard(random.Random(i).randbytes(6), field.now_us + slot_us + 40_000)
        field.run_phase()
    frames = [s for _ in range(DAY) for s in field.run_phase()]
    assert sum(node.counters["refused_pending"] for node in field.present) > 100
    assert len([s for s in frames if s.kind == "checkpoint"]) == sum(fragments(field))
    assert len(field.digests) == 1


def restarted_before_midnight() -> tuple[TalkingField, int]:
    """A field in calm weather at midnight, and the row of a node that restarted 3 phases before."""
    field = TalkingField(SITE, FIRST, lively=0.0)
    for _ in range(DAY - 3):
        field.run_phase()
    row = next(i for i in range(12) if field.field.c.site.member[i].phase == field.phase % 4)
    field.nodes[row] = Node(
        field.field, KEY, row, first_phase=field.phase, tx_not_before=field.phase
    )
    for _ in range(3):
        field.run_phase()
    return field, row


def test_restarted_node_does_not_overrule_the_field() -> None:
    """A node that restarts shortly before midnight leaves the field its values."""
    field, row = restarted_before_midnight()
    true_scribe = next(i for i, n in enumerate(field.present) if n.c.blob_len and i != row)

    def hears(s: Sent, _receiver: int) -> bool:
        return s.kind != "checkpoint" or s.sender != true_scribe

    for _ in range(DAY - 8):
        field.run_phase(hears)
    others = [node for node in field.present if node.index != row]
    assert all(node.present.all() for node in others)
    assert [node.counters["adopted"] for node in others] == [0] * len(others)


def test_two_scribes_never_send_in_one_phase() -> None:
    """Checkpoints of two senders in one common slot would destroy each other."""
    field, _ = restarted_before_midnight()
    for _ in range(DAY):
        common = [s for s in field.run_phase() if s.kind != "report"]
        assert len(common) <= 1


def test_full_log_moves_its_base_and_stays_equal() -> None:
    """More reports in an era than the log holds: base moves on, replicas stay equal to a fold."""
    site = site_of(60)
    first = start_of_day(site)
    field = TalkingField(site, first, seed=8, lively=8.0)
    sent = [s for _ in range(DAY - 1) for s in field.run_phase()]
    reports = [s for s in sent if s.kind == "report"]
    assert len(reports) > lib.QRES_LOG_MAX
    assert len(field.digests) == 1
    node = field.present[0]
    assert node.c.slid
    assert int(node.c.n_log) <= lib.QRES_LOG_MAX
    assert node.c.base.phase > first
    assert_sound(node)
    replica = Replica(site, KEY, first * site.phase_us)
    for s in reports[50:]:
        replica.advance(s.end_us)
        replica.hear(s.frame, s.end_us)
    replica.advance(field.now_us)
    early = reports[0]
    assert early.phase <= replica.c.base.phase
    assert replica.hear(early.frame, early.end_us).reason == "window"
    assert_sound(replica)


def test_full_log_misses_the_checkpoint_and_loses_nothing() -> None:
    """Where base has moved past midnight, no checkpoint is adopted, and none is needed."""
    site = site_of(60)
    field = TalkingField(site, start_of_day(site) - 8, seed=9, lively=8.0)
    for _ in range(DAY):
        field.run_phase()
    verdicts = [
        (n.counters["verified"], n.counters["missed_checkpoints"], n.counters["adopted"])
        for n in field.present
    ]
    assert {v[2] for v in verdicts} == {0}
    assert sum(v[0] + v[1] for v in verdicts) == len(verdicts) - 1  # the scribe has its own
    assert len(field.digests) == 1
