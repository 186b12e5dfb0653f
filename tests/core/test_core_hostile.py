# SPDX-License-Identifier: Apache-2.0
"""No frame and no clock makes a replica crash, believe a forgery, or leave its invariants."""

from __future__ import annotations

import random
import subprocess
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres.channels import Q16_MISSING, V1
from qres.core import Do, Field, Node, Replica
from tests.core.machine_state import assert_sound, logged, refusals
from tests.core.talking_field import KEY, Sent, TalkingField, site_of, start_of_day
from tests.test_core_build import alone, build

SITE = site_of(9)
FIRST = start_of_day(SITE) - 20
PHASES = 60


@cache
def recorded() -> tuple[list[Sent], dict[int, int], int]:
    """Frames of a field over midnight, digest after each phase, and where the field left off."""
    field = TalkingField(SITE, FIRST, seed=5)
    sent: list[Sent] = []
    digests = {}
    for _ in range(PHASES):
        sent += field.run_phase()
        (digests[field.phase - 1],) = field.digests
    return sent, digests, field.phase


@pytest.mark.slow
def test_million_hostile_frames() -> None:
    """A million hostile frames change nothing: hostile_frames.c at length, under sanitizers."""
    with alone("c-sanitized") as folder:
        build(folder, "-DQRES_TESTS=ON", "-DQRES_SANITIZE=ON")
    command = [str(folder / "hostile_frames"), "1000000", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr


def bent(frame: bytes, dice: random.Random) -> bytes:
    """A genuine frame that was shortened, lengthened or lost some bits, or bytes of any length."""
    way = dice.randrange(4)
    if way == 0:
        return frame[: dice.randrange(len(frame))]
    if way == 1:
        return frame + dice.randbytes(dice.randrange(1, 30))
    if way == 2:
        bit = dice.randrange(8 * len(frame))
        return (int.from_bytes(frame) ^ 1 << bit).to_bytes(len(frame))
    return dice.randbytes(dice.randrange(256))


def test_replica_that_searches_refuses_forgeries() -> None:
    """Among 4000 forgeries the gateway's replica takes only genuine frames, and counts each."""
    sent, digests, _ = recorded()
    genuine = {s.frame for s in sent}
    dice = random.Random(11)
    replica = Replica(SITE, KEY, FIRST * Field(SITE).phase_us)
    offered = 0
    for s in sent:
        replica.advance(s.end_us)
        everybody_is_known = s.phase >= FIRST + 8  # before, forgeries may wait as "pending"
        for _ in range(5000 // len(sent) if everybody_is_known else 0):
            frame = bent(s.frame, dice)
            before = replica.digest, logged(replica), refusals(replica)
            heard = replica.hear(frame, s.end_us + dice.randrange(-200_000, 200_000))
            offered += 1
            assert heard.reason or frame in genuine
            assert not heard.reason or before[:2] == (replica.digest, logged(replica))
            assert refusals(replica) - before[2] == bool(heard.reason)
        assert replica.hear(s.frame, s.end_us).reason in {"", "duplicate"}
        offered += 1
        replica.advance(s.end_us)
        assert replica.digest == digests.get(replica.phase, replica.digest)
    assert refusals(replica) + replica.counters["accepted"] == offered > 4000


def test_other_key_and_other_site_are_refused_as_what_they_are() -> None:
    """Reports of another key or site fail by tag; beacons of another site say so: "site"."""
    sent, _, end = recorded()
    start_us = FIRST * Field(SITE).phase_us
    strangers = {
        "key": Replica(SITE, bytes(16), start_us),
        "field": Replica(site_of(9, field_id=7), KEY, start_us),
        "edition": Replica(site_of(9, tolerance="coarse"), KEY, start_us),
    }
    reasons: dict[str, dict[str, set[str]]] = {}
    for name, replica in strangers.items():
        for s in sent:
            replica.advance(s.end_us)
            heard = replica.hear(s.frame, s.end_us)
            reasons.setdefault(name, {}).setdefault(s.kind, set()).add(heard.reason)
        assert replica.counters["accepted"] == 0
        assert not replica.present.any()
    replica.advance(end * replica.field.phase_us)
    assert reasons["key"]["beacon"] == reasons["key"]["checkpoint"] == {"tag"}
    assert reasons["field"]["beacon"] == reasons["edition"]["beacon"] == {"site"}
    for by_kind in reasons.values():
        assert by_kind["report"] <= {"tag", "pending"}
        assert by_kind["checkpoint"] == {"tag"}


# ---- random histories

MINUTES = st.integers(-3000, 3000)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), MINUTES),
        st.tuples(st.just("genuine"), st.integers(0, 10_000)),
        st.tuples(st.just("mistimed"), st.integers(0, 10_000)),
        st.tuples(st.just("bent"), st.integers(0, 10_000)),
        st.tuples(st.just("bytes"), st.binary(max_size=60)),
    ),
    max_size=60,
)


def sample(choice: random.Random) -> list[int]:
    """Samples in the physical range, or misses."""
    return [
        Q16_MISSING if choice.random() < 0.1 else round(choice.uniform(c.lower, c.upper) * 65536)
        for c in V1
    ]


def poll(machine: Node | Replica, now_us: int, choice: random.Random) -> None:
    """Do what a node asks for until it only listens or sleeps, or commit what is due."""
    if isinstance(machine, Replica):
        machine.advance(now_us)
        return
    for _ in range(2000):
        do = machine.next(now_us).do
        if do == Do.SAMPLE:
            machine.sample(sample(choice))
        elif do == Do.TRANSMIT and choice.random() < 0.2:
            machine.not_sent()
        elif do in {Do.LISTEN, Do.SLEEP}:
            return
    raise AssertionError(f"still busy at {now_us} us")


@settings(max_examples=300)
@given(EVENTS, st.sampled_from(["listener", "node"]), st.integers(0, 40), st.integers(0, 2**16))
def test_any_history_keeps_the_invariants(
    events: list[tuple[str, int | bytes]], kind: str, joins: int, seed: int
) -> None:
    """Clocks jump, frames come at any time, samples fail: nothing breaks, log and state agree."""
    sent, _, _ = recorded()
    field = Field(SITE)
    choice = random.Random(seed)
    first = FIRST + joins
    machine: Node | Replica = Replica(SITE, KEY, first * field.phase_us)
    if kind == "node":
        machine = Node(field, KEY, seed % 9, first_phase=first)
    now_us = first * field.phase_us
    for what, argument in events:
        if what == "wait":
            now_us = max(0, now_us + int(argument) * 60_000_000)
        elif what == "bytes":
            machine.heard(bytes(argument), now_us)
        else:
            s = sent[int(argument) % len(sent)]
            frame = bent(s.frame, choice) if what == "bent" else s.frame
            machine.heard(frame, now_us if what == "mistimed" else s.end_us)
        poll(machine, now_us, choice)
        entries = logged(machine)
        assert entries == sorted(set(entries))
    assert_sound(machine)


def test_clock_at_zero_commits_nothing() -> None:
    """A clock that fell back to 1970, with a correction below 0, leaves the state where it is."""
    field = Field(SITE)
    node = Node(field, KEY, 0, first_phase=FIRST)
    node.c.clock_corr_us = -5_000_000
    assert node.next(0).do == Do.SLEEP
    assert node.heard(bytes(6), 0) < 0
    assert node.phase == FIRST - 1
