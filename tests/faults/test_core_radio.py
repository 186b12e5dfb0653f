# SPDX-License-Identifier: Apache-2.0
"""The air loses, repeats, bends, delays and shuffles frames: what replicas then hold."""

from __future__ import annotations

import random

import numpy as np
import pytest

from qres.core import Replica
from qres.site import Site
from tests.core.machine_state import assert_sound
from tests.core.talking_field import KEY, Sent, TalkingField, site_of, start_of_day

SITE = site_of(12)
WITH_ECHO = site_of(12, echo=True)
BOTH = pytest.mark.parametrize("site", [SITE, WITH_ECHO], ids=["plain", "echo"])
FIRST = start_of_day(SITE)
DAY = 96  # phases of a day at an epoch of an hour


def in_order(site: Site, sent: list[Sent], last_phase: int) -> Replica:
    """A replica that hears everything in time and commits *last_phase*."""
    replica = Replica(site, KEY, FIRST * SITE.phase_us)
    for s in sent:
        replica.advance(s.end_us)
        assert replica.hear(s.frame, s.end_us).reason == ""
    replica.advance((last_phase + 1) * SITE.phase_us)
    return replica


@BOTH
def test_shuffled_repeated_and_bent_frames_of_a_phase_change_nothing(site: Site) -> None:
    """Within a phase, order, repetitions and corrupted copies have no effect on the digest."""
    field = TalkingField(site, FIRST, seed=2)
    dice = random.Random(2)
    replica = Replica(site, KEY, field.now_us)
    repeated = 0
    for _ in range(60):
        sent = field.run_phase()
        replica.advance(field.now_us - field.field.phase_us)
        copies = sent + [s for s in sent if dice.random() < 0.5]
        repeated += len(copies) - len(sent)
        dice.shuffle(copies)
        for s in copies:
            bit = dice.randrange(8 * len(s.frame))
            bent = (int.from_bytes(s.frame) ^ 1 << bit).to_bytes(len(s.frame))
            assert replica.hear(bent, s.end_us).reason in {
                "tag",
                "site",
                "version",
                "window",
                "pending",
                "length",
            }
            assert replica.hear(s.frame, s.end_us).reason in {"", "duplicate"}
        replica.advance(field.now_us)
        assert {replica.digest} == field.digests
    assert replica.counters["refused_duplicate"] == repeated > 30


@BOTH
@pytest.mark.parametrize("seed", range(6))
def test_late_frames_in_any_order_give_the_same_state(site: Site, seed: int) -> None:
    """
    Frames that come up to 50 phases late, in random order, give the state of timely ones.

    Weather moves by a third of a tolerance in an hour, so that an S report that comes 12 hours
    late is still within the neighbouring windows of SPEC 6.1.
    """
    field = TalkingField(site, FIRST, seed=seed, lively=0.3)
    sent = [s for _ in range(DAY - 1) for s in field.run_phase()]
    timely = in_order(site, sent, field.phase - 1)
    dice = random.Random(seed)
    replica = Replica(site, KEY, FIRST * SITE.phase_us)
    delay = [dice.randrange(1, 51) if s.phase > FIRST + 8 else 0 for s in sent]
    end = FIRST + DAY - 1  # at midnight the day is closed: later ones are refused
    arrivals = [(min(s.phase + d, end), dice.random(), s) for s, d in zip(sent, delay, strict=True)]
    for phase, _, s in sorted(arrivals):
        replica.advance(phase * SITE.phase_us)
        heard = replica.hear(s.frame, s.end_us)
        assert heard.reason == "", (s, phase)
        assert heard.is_late == (phase > s.phase)
    replica.advance(field.phase * SITE.phase_us)
    replica.settle()
    assert replica.counters["late"] > 20
    assert_sound(replica)
    assert replica.digest == timely.digest == field.digests.pop()


def test_late_reports_count_for_each_other_at_once() -> None:
    """A late first report makes the next, equally late one readable, without a commit between."""
    field = TalkingField(SITE, FIRST, seed=3)
    sent = [s for _ in range(12) for s in field.run_phase()]
    row = next(s.sender for s in sent if s.kind == "report" and len(s.frame) == 6)
    replica = Replica(SITE, KEY, FIRST * SITE.phase_us)
    replica.advance(field.now_us)
    for s in sent:
        if s.kind == "report" and s.sender == row:
            assert replica.hear(s.frame, s.end_us).reason == ""


@BOTH
@pytest.mark.parametrize("burst", [1.0, 4.0])
def test_checkpoints_make_replicas_that_lost_frames_equal(site: Site, burst: float) -> None:
    """With a tenth of the frames lost, singly or in bursts, all agree again on the day's start."""
    dice = np.random.default_rng(7)
    bad = np.zeros(len(site.nodes), dtype=bool)
    loss, leave = 0.1, 1.0 / burst

    def hears(_sent: Sent, receiver: int) -> bool:
        draw = dice.random()
        if burst == 1.0:
            return bool(draw >= loss)
        enter = leave * loss / (1 - loss)
        bad[receiver] = draw >= leave if bad[receiver] else draw < enter
        return not bad[receiver]

    field = TalkingField(site, FIRST, seed=4)
    for _ in range(DAY):
        field.run_phase(hears)
    apart = len(field.digests)
    for _ in range(DAY - 8):
        field.run_phase(hears)
    snapshots = {int(node.c.snap_digest) for node in field.present}
    assert apart > 1
    assert len(snapshots) == 1
    assert sum(node.counters["adopted"] for node in field.present) > 0
    for node in field.present:
        assert_sound(node)


def test_field_without_any_reception_stays_itself() -> None:
    """Nodes that hear nobody go on: each knows itself alone, and none sends a checkpoint."""
    field = TalkingField(SITE, FIRST, seed=6)
    for _ in range(20):
        for s in field.run_phase(lambda _sent, _receiver: False):
            assert s.kind != "checkpoint"
    assert all(int(node.present.any(axis=1).sum()) == 1 for node in field.present)
