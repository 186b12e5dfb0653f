# SPDX-License-Identifier: Apache-2.0
"""Virtual nodes in a chain whose ends do not hear each other, with relays and without."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from qres import weather_file
from qres.links import Terrain, choose_relays, link_loss
from qres.site import Site, slot_ranks
from qres.virtual.air import Transmission
from qres.virtual.field import PhaseResult, VirtualField
from qres.virtual.measure import Measurement
from qres.virtual.sites import DEMO_KEY, site_for

N = 7
CHAIN_RELAYS = (1, 3, 5)
WEATHER = weather_file.demo().with_mean_wind().subset(range(N))
PLAIN = site_for(WEATHER)
GUARD_US, LEAD_US = 200_000, 500_000  # source: SPEC 3
HOUR_PHASES = 24


def chain_loss() -> NDArray[np.float64]:
    """Rows 0, 2, 4, 6 hear only the relays 1, 3, 5 beside them; those hear each other in turn."""
    loss = np.ones((N, N)) - np.eye(N)
    for a, b in ((0, 1), (1, 2), (1, 3), (2, 3), (3, 4), (3, 5), (4, 5), (5, 6)):
        loss[a, b] = loss[b, a] = 0.0
    return loss


@dataclass
class Run:
    """A field after some hours."""

    site: Site
    virtual: VirtualField
    measured: Measurement
    results: list[PhaseResult]

    @property
    def sent(self) -> list[Transmission]:
        """Everything that was on air."""
        return [t for r in self.results for t in r.transmissions]


def run(site: Site, hours: float, *, seed: int = 2) -> Run:
    """A chain of seven for *hours*."""
    virtual = VirtualField(site, DEMO_KEY, WEATHER, loss=chain_loss(), seed=seed)
    measured, results = Measurement.of(virtual), []
    for _ in range(int(hours * HOUR_PHASES)):
        results.append(virtual.run_phase())
        measured.add(virtual, results[-1])
    measured.finish(virtual)
    return Run(site, virtual, measured, results)


@pytest.fixture(scope="module")
def relayed() -> Run:
    """Six hours with three relays."""
    return run(replace(PLAIN, relays=CHAIN_RELAYS), 6)


def test_the_chain_wants_these_relays() -> None:
    """The relays of these tests are those that the planner chooses, up to the direction."""
    assert choose_relays(chain_loss()) in {CHAIN_RELAYS, CHAIN_RELAYS[::-1]}


def test_without_relays_replicas_differ() -> None:
    """Nodes that do not hear each other hold different states, and are wrong about each other."""
    alone = run(PLAIN, 3)
    assert alone.measured.phases_equal == 0
    assert alone.measured.fidelity.outside_share > 0.2
    assert {t.kind for t in alone.sent} <= {"report", "beacon", "checkpoint"}


def test_with_relays_all_are_equal_and_within_tolerance(relayed: Run) -> None:
    """Not one phase differs on any replica, and no value is outside its tolerance."""
    assert relayed.measured.phases_equal == relayed.measured.phases == 6 * HOUR_PHASES
    assert relayed.measured.fidelity.outside_share == 0.0
    assert relayed.measured.counters["bits_wrong"] == 0
    assert relayed.measured.counters["beacons_wrong"] == 0
    refused = {k: n for k, n in relayed.measured.counters.items() if k.startswith("refused") and n}
    assert refused == {}


def test_order_of_the_relays_does_not_matter_for_a_chain() -> None:
    """There and back: a chain whose relays speak from the other end is as equal."""
    assert run(replace(PLAIN, relays=CHAIN_RELAYS[::-1]), 1).measured.phases_equal == HOUR_PHASES


def due_us(site: Site, t: Transmission) -> list[int]:
    """When a frame of that kind, sender and phase may start: by SPEC 3 and 6.6."""
    most, z = int(slot_ranks(site).max()) + 1, len(site.relays)
    origin_us = t.phase * site.phase_us + LEAD_US + GUARD_US // 2
    if t.kind == "report":
        return [origin_us + int(slot_ranks(site)[t.sender]) * site.slot_us]
    common_us = origin_us + most * site.slot_us
    if t.kind != "relay":
        return [common_us]
    at = [site.ids.index(i) for i in site.relays].index(t.sender)
    return [common_us + (1 + r) * site.common_us for r in (at, 2 * z - 1 - at)]


def turn(site: Site, t: Transmission) -> tuple[int, int]:
    """The turn that *t* is nearest to, 0 there and 1 back, and how late it is. [us]"""
    late = [t.start_us - due for due in due_us(site, t)]
    nearest = min(range(len(late)), key=lambda i: abs(late[i]))
    return nearest, late[nearest]


def test_relays_speak_in_their_slots(relayed: Run) -> None:
    """All frames of a phase, RELAYs too, are late by the same: what the field's clock is off."""
    for result in relayed.results:
        late_us = [turn(relayed.site, t)[1] for t in result.transmissions]
        assert all(abs(late) < 150_000 for late in late_us)  # six hours of 20 ppm are 432 ms
        assert max(late_us, default=0) - min(late_us, default=0) < GUARD_US // 4
        assert {t.phase for t in result.transmissions} <= {result.phase}


def test_every_relay_speaks_there_and_back(relayed: Run) -> None:
    """Both slots are used, but for the last one's second, before which it hears nothing new."""
    used = {(t.sender, turn(relayed.site, t)[0]) for t in relayed.sent if t.kind == "relay"}
    first, second, last = CHAIN_RELAYS
    assert used >= {(first, 0), (second, 0), (last, 0), (first, 1), (second, 1)}
    assert {sender for sender, _ in used} == set(CHAIN_RELAYS)


def test_the_commit_comes_after_the_last_relay_slot(relayed: Run) -> None:
    """A phase's frames end before its commit, which each relay makes later by two slots."""
    commit_us, common_us = relayed.site.commit_us, relayed.site.common_us
    assert commit_us == PLAIN.commit_us + 2 * len(CHAIN_RELAYS) * common_us
    assert all(t.end_us < t.phase * relayed.site.phase_us + commit_us for t in relayed.sent)


def test_at_most_one_frame_of_a_kind_in_a_phase(relayed: Run) -> None:
    """Nobody sends two frames of a kind in a phase; RELAYs there and back are two kinds."""
    count = Counter((t.sender, t.phase, t.kind, turn(relayed.site, t)[0]) for t in relayed.sent)
    assert set(count.values()) == {1}
    assert Counter(kind for _, _, kind, _ in count)["relay"] > 30


def test_no_frame_is_longer_than_51_bytes(relayed: Run) -> None:
    """RELAYs, like all frames, fit the slowest data rate; none is without content."""
    lengths = [len(t.frame) for t in relayed.sent if t.kind == "relay"]
    assert min(lengths) > 5
    assert max(lengths) <= 51
    assert all(len(t.frame) <= 51 for t in relayed.sent)


def test_nothing_overlaps(relayed: Run) -> None:
    """Frames of a phase follow one another with at least half a guard between them."""
    assert relayed.measured.collisions == 0
    for result in relayed.results:
        times = sorted((t.start_us, t.end_us) for t in result.transmissions)
        gaps = [b[0] - a[1] for a, b in pairwise(times)]
        assert all(gap >= GUARD_US // 2 for gap in gaps)


def test_a_field_with_relays_repeats_itself() -> None:
    """The same seed gives the same frames on air."""
    site = replace(PLAIN, relays=CHAIN_RELAYS)
    assert run(site, 0.5).sent == run(site, 0.5).sent


def test_relays_carry_the_checkpoint() -> None:
    """After midnight all but the scribe, the far end too, verify its checkpoint by relays."""
    measured = run(replace(PLAIN, relays=CHAIN_RELAYS), 40).measured
    assert measured.phases_equal == measured.phases
    assert measured.fidelity.outside_share == 0.0
    assert measured.counters["verified"] == N - 1
    assert measured.counters["missed_checkpoints"] == 0


@pytest.mark.slow
def test_relays_in_rough_terrain() -> None:
    """28 real stations of which many pairs never hear each other: relays mend most of it."""
    weather = weather_file.demo().with_mean_wind()
    site = site_for(weather)
    loss = link_loss(weather.lat_deg, weather.lon_deg, Terrain(80_000.0))
    outside = []
    for relays in ((), tuple(site.nodes[row].id for row in choose_relays(loss))):
        virtual = VirtualField(replace(site, relays=relays), DEMO_KEY, weather, loss=loss)
        measured = Measurement.of(virtual)
        for _ in range(12 * HOUR_PHASES):
            measured.add(virtual, virtual.run_phase())
        outside.append(measured.fidelity.outside_share)
    assert outside[0] > 0.1
    assert outside[1] < outside[0] / 20


@pytest.mark.parametrize("full", [False, True], ids=["plain", "every option"])
@pytest.mark.parametrize("n", [2, 3, 9])
def test_a_field_of_any_size_and_option(n: int, *, full: bool) -> None:
    """Where all hear all, relays change nothing: equal on every node, and nothing is refused."""
    weather = weather_file.demo().with_mean_wind().subset(range(n))
    site = site_for(weather, echo=full, follow=full, battery=full)
    site = replace(site, relays=tuple(range(min(n, 8)))[::-1])
    virtual = VirtualField(site, DEMO_KEY, weather)
    measured = Measurement.of(virtual)
    for _ in range(HOUR_PHASES):
        measured.add(virtual, virtual.run_phase())
    measured.finish(virtual)
    assert measured.phases_equal == measured.phases
    assert not [k for k, n in measured.counters.items() if k.startswith("refused") and n]
    assert measured.fidelity.outside_share == 0.0
