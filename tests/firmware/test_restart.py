# SPDX-License-Identifier: Apache-2.0
"""Resets, lost clocks and failing power: a node comes back and never uses a nonce twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from qres._core import ffi
from tests.firmware import machines
from tests.firmware.field_rig import Rig
from tests.firmware.link import Kind

CLOCK_LOST = 0
PATIENCE_H = 3.0
"""Beacons come once an hour; the second may be the node's own turn."""


def digests_agree(rig: Rig, last: int) -> bool:
    """All replicas were equal after each of the last phases."""
    phases = rig.committed()[-last:]
    return all(len(rig.digests(p)) == 1 for p in phases)


@pytest.mark.slow
@pytest.mark.usefixtures("posix_image")
def test_a_node_without_clock_learns_it_from_a_beacon(new_rig: Callable[..., Rig]) -> None:
    """A node that starts days off the true time joins, without having sent anything before."""
    rig = new_rig(6)
    rig.clocks[3].step_us = -400_000_000_000
    node = rig.firmware_node(3, machines.posix, clock_state=CLOCK_LOST)
    rig.begin()
    rig.run_h(PATIENCE_H)
    assert node.words()["found"] == 1
    assert abs(node.clock.reads(rig.world.now_us) - rig.world.now_us) < 200_000
    assert all(frame.start_us > rig.start_us for frame in rig.world.sent)
    rig.run_h(27)
    assert digests_agree(rig, 20)
    assert max(rig.sent_by(3).values()) == 1
    assert rig.quit() == [0]


@pytest.mark.slow
@pytest.mark.usefixtures("posix_image")
def test_a_reset_between_phases_costs_nothing(new_rig: Callable[..., Rig]) -> None:
    """A node that is started anew between two phases holds what it held: its flash has it."""
    rig = new_rig(12)
    rig.firmware_node(4, machines.posix)
    rig.begin()
    rig.run_h(5)
    before = rig.world.remove(4)
    rig.firmware[4].machine.kill()
    node = rig.firmware_node(4, machines.posix, flash=rig.folder / "4.flash", reset=2)
    node.commits.update(before.commits)
    rig.world.add([node])
    rig.run_h(5)
    assert node.words()["restored"] == 1
    assert rig.unequal() == []
    assert max(rig.sent_by(4).values()) == 1
    assert rig.quit() == [0]


@pytest.mark.slow
@pytest.mark.usefixtures("posix_image")
def test_a_phase_that_comes_again_is_not_sent_in(new_rig: Callable[..., Rig]) -> None:
    """A node loses power right after its report and its clock falls back to before it: silence."""
    rig = new_rig(5)
    rig.firmware_node(3, machines.posix)
    rig.begin()
    rig.run_h(7)  # long enough for a record of the state that no transmission has written
    before = rig.sent_by(3)
    while not (new := [key for key in rig.sent_by(3) - before if key[1] == "report"]):
        rig.world.run_until(rig.world.now_us + 100_000)
    phase = new[0][0]
    sent = [f for f in rig.world.sent if f.sender == 3][-1]
    rig.world.run_until(sent.end_us + 1_000)
    rig.world.remove(3)
    rig.firmware[3].machine.kill()
    clock = rig.clocks[3]
    clock.step_us += phase * rig.field.phase_us + 100_000 - clock.reads(rig.world.now_us)
    node = rig.firmware_node(3, machines.posix, flash=rig.folder / "3.flash", reset=2)
    rig.world.add([node])
    rig.run_h(1)
    assert node.asked[Kind.SENSE] >= 6, "it did not sample in that phase again"
    assert rig.sent_by(3)[phase, "report"] == 1
    assert rig.sent_by(3).total() > before.total() + 1
    assert rig.quit() == [0]


@pytest.mark.slow
@pytest.mark.usefixtures("posix_image")
def test_a_relay_says_nothing_more_in_a_phase_that_it_has_used(new_rig: Callable[..., Rig]) -> None:
    """
    A relay loses power after each first RELAY of a phase, and its clock falls back to before it.

    Neither that frame nor the one on the way back is sent in this phase again; both are later on.
    """
    relay = 4
    rig = new_rig(10, relays=[relay, 6], groups=(range(5), range(4, 7), range(6, 10)))
    rig.firmware_node(relay, machines.posix)
    rig.begin()
    rig.run_h(1)
    used: list[int] = []
    while len(used) < 10:
        sent = rig.world.sent[-1]
        while sent.sender != relay or rig.relay_place(sent)[0] != 0:
            rig.world.run_until(rig.world.now_us + 100_000)
            sent = rig.world.sent[-1]
        used.append(sent.field_us // rig.field.phase_us)
        rig.world.run_until(sent.end_us + 1_000)
        rig.world.remove(relay)
        rig.firmware[relay].machine.kill()
        rig.clocks[relay].step_us += sent.start_us - 300_000 - rig.world.now_us
        flash = rig.folder / f"{relay}.flash"
        rig.world.add([rig.firmware_node(relay, machines.posix, flash=flash, reset=2)])
        rig.run_h(0.5)
    sent_by = rig.sent_by(relay)
    assert max(sent_by.values()) == 1
    assert not any(sent_by[phase, "relay back"] for phase in used)
    assert sum(kind == "relay back" for _, kind in sent_by) > 3
    assert rig.quit() == [0]


def cuts_of(rng: np.random.Generator, early: int, late: int) -> list[int]:
    """
    Flash steps between cuts: *early* ones inside the first snapshot, then *late* ones of a day.

    A step is 64 bytes erased or one written. A snapshot erases half a partition of 128 KB and
    writes a state; a record of the node's state, a sample or a report has 24 to 170 bytes.
    """
    snapshot = 65_536 // 64 + int(ffi.sizeof("qres_state"))
    first = rng.integers(1, snapshot, early).tolist()
    return [*first, snapshot + 2_000, *rng.integers(1, 300, late).tolist()]


def cut_and_check(rig: Rig, index: int, cuts: int) -> None:
    """Run a field whose node *index* loses power *cuts* times, then two days and a half without."""
    node = rig.firmware[index]
    rig.begin()
    for _ in range(11 * 24):
        rig.run_h(1)
        if node.starts > cuts:
            break
    assert node.starts == cuts + 1, f"{node.starts - 1} of {cuts} cuts"
    assert max(rig.sent_by(index).values()) == 1, "a phase was used twice"
    assert not {"provision", "store", "carrier"} & set(node.words())
    assert node.words()["restored"] > cuts // 20
    rig.run_h(60)
    assert digests_agree(rig, 40)
    assert max(rig.sent_by(index).values()) == 1
    assert rig.quit() == [0] * len(rig.firmware)


@pytest.mark.slow
@pytest.mark.usefixtures("rv32_image")
def test_power_fails_two_thousand_times_on_risc_v(new_rig: Callable[..., Rig]) -> None:
    """
    The RV32 image is cut at 2000 places of its flash writes and erasures, and comes back each time.

    No nonce is used twice, and once power holds, the node holds what the others hold.
    """
    rig = new_rig(5, epoch_s=300)
    cuts = cuts_of(np.random.default_rng(7), 1700, 300)
    rig.firmware_node(1, machines.qemu, cuts=cuts)
    cut_and_check(rig, 1, len(cuts))


@pytest.mark.slow
@pytest.mark.usefixtures("posix_image")
def test_power_fails_under_sanitizers(new_rig: Callable[..., Rig]) -> None:
    """
    The same on the host, where any access outside an array would end the node.

    It is a relay, and its clock loses up to 1.9 s each time, so that a phase in which it sent may
    come again.
    """
    rig = new_rig(5, epoch_s=300, relays=[1])
    rng = np.random.default_rng(8)
    cuts = cuts_of(rng, 60, 240)
    slow_us = rng.integers(0, 1_900_000, len(cuts)).tolist()
    rig.firmware_node(1, machines.posix, cuts=cuts, setbacks_us=slow_us)
    cut_and_check(rig, 1, len(cuts))
