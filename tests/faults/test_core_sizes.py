# SPDX-License-Identifier: Apache-2.0
"""Fields of every size: one node, five (where learning begins), the most that fit."""

from __future__ import annotations

import numpy as np
import pytest

from qres._core import ffi, lib
from qres.channels import V1
from qres.core import Do, Field, Replica, Status
from tests.core.machine_state import assert_sound
from tests.core.talking_field import KEY, TalkingField, site_of, start_of_day


def learned(field: TalkingField) -> bool:
    """Whether some LINEAR channel's weights differ from those at start."""
    start = ffi.new("qres_state *")
    lib.qres_state_init(start, field.field.c, 0)
    live = field.present[0].c.live
    return any(
        list(live.q[c.index]) != list(start.q[c.index]) or live.e[c.index] != start.e[c.index]
        for c in V1
        if c.is_linear
    )


def test_field_of_one_node_works_through_midnight() -> None:
    """A single node reports, beacons, is its own scribe, and a listener follows it."""
    site = site_of(1)
    field = TalkingField(site, start_of_day(site) - 48, lively=2.0)
    replica = Replica(site, KEY, field.now_us)
    kinds = {s.kind for _ in range(96) for s in field.run_phase(listeners=(replica,))}
    assert kinds == {"report", "beacon", "checkpoint"}
    assert {replica.digest} == field.digests
    assert replica.counters["verified"] == 1
    assert not learned(field)


@pytest.mark.parametrize(("n", "learns"), [(4, False), (5, True)])
def test_learning_needs_five_nodes(n: int, learns: bool) -> None:
    """Weights move with five contributors, not with four (SPEC 5.2)."""
    site = site_of(n)
    field = TalkingField(site, start_of_day(site), lively=2.0)
    for _ in range(24):
        field.run_phase()
    assert learned(field) == learns
    assert len(field.digests) == 1


def test_field_of_128_nodes_and_4_channels_stays_equal_through_midnight() -> None:
    """The largest field: 32 slots in a phase, one digest, and a checkpoint under way."""
    site = site_of(128)
    field = TalkingField(site, start_of_day(site) - 8, lively=0.4)
    replica = Replica(site, KEY, field.now_us)
    sent = [s for _ in range(20) for s in field.run_phase(listeners=(replica,))]
    assert len(field.digests | {replica.digest}) == 1
    assert replica.present.all()
    assert len({s.sender for s in sent if s.kind == "report"}) == 128
    assert field.present[0].c.assembly.have > 1 or field.present[0].c.blob_len
    assert_sound(field.present[127])


def test_largest_checkpoint_fits_its_frames() -> None:
    """128 nodes with values all over the physical range still make a blob that can be sent."""
    field = Field(site_of(128))
    state = ffi.new("qres_state *")
    lib.qres_state_init(state, field.c, 4 * 24 * 20_000 - 1)
    rng = np.random.default_rng(1)
    for i in range(128):
        state.absent[i], state.last_report[i] = 0, state.phase + 1
        for c in V1:
            step = field.c.site.channel[c.index].step
            k = int(rng.integers(c.lower * 65536 // step, c.upper * 65536 // step))
            state.last[c.index][i] = k * step
            state.slow[c.index][i] = k // 4 * 4 * step
    blob = ffi.new("uint8_t[]", lib.QRES_BLOB_MAX)
    length = lib.qres_blob_encode(field.c, state, blob, lib.QRES_BLOB_MAX)
    assert 128 < length <= lib.QRES_BLOB_MAX
    fragments = lib.qres_fragment_sources(length) + lib.qres_fragment_parities(length)
    beacons_a_day = 24
    assert fragments <= 96 - beacons_a_day  # an epoch of an hour has the fewest common slots


def test_status_at_the_start_of_a_day() -> None:
    """The snap of midnight moves everybody's last report; nobody is stale for it."""
    site = site_of(8)
    field = TalkingField(site, start_of_day(site) - 12)
    replica = Replica(site, KEY, field.now_us)
    for _ in range(12):
        field.run_phase(listeners=(replica,))
    assert (replica.phase + 1) % 96 == 0
    assert set(replica.status.tolist()) <= {Status.HELD, Status.REPORTED}


def test_status_follows_a_node_that_falls_silent() -> None:
    """Reported, then held for six hours and two epochs, then stale; unknown is who never spoke."""
    site = site_of(8)
    field = TalkingField(site, start_of_day(site))
    field.nodes[7] = None
    replica = Replica(site, KEY, field.now_us)
    for _ in range(8):
        field.run_phase(listeners=(replica,))
    assert replica.status[7] == Status.UNKNOWN
    field.nodes[0] = None
    last = int(replica.c.live.last_report[0])
    seen = []
    while replica.phase < last + int(field.field.c.stale_phases) + 1:
        seen.append((replica.phase - last, int(replica.status[0])))
        field.run_phase(listeners=(replica,))
    assert {s for age, s in seen if age < 4} <= {Status.REPORTED}
    assert {s for age, s in seen if age >= 4} == {Status.HELD}
    assert replica.status[0] == Status.STALE


def test_long_absence_is_committed_phase_by_phase() -> None:
    """A listener that is asked again after three days commits every phase, once and in order."""
    site = site_of(8)
    field = TalkingField(site, start_of_day(site))
    replica = Replica(site, KEY, field.now_us)
    for _ in range(8):
        field.run_phase(listeners=(replica,))
    commits = replica.advance(field.now_us + 3 * 86_400_000_000)
    assert [c.phase for c in commits] == list(range(field.phase, field.phase + 3 * 96))
    assert set(replica.status.tolist()) == {Status.STALE}
    assert Do(replica._action.kind) in {Do.LISTEN, Do.SLEEP}
    assert_sound(replica)
