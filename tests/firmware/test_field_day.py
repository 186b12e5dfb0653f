# SPDX-License-Identifier: Apache-2.0
"""Firmware on RV32 in QEMU and the core in this process, in one field."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.firmware import machines
from tests.firmware.conftest import need
from tests.firmware.field_rig import Rig
from tests.firmware.link import Kind
from tests.firmware.participants import CoreNode

pytestmark = pytest.mark.slow

PHASES_A_DAY = 576

TEMP, RH, WIND, RAIN = range(4)
Q16_ROUNDING = 16
"""Of a tip of 0.2 mm. [1/65536 mm]"""

GUARD_US = 100_000
"""Half the guard time of a slot, SPEC 3: who is further off may be missed. [us]"""


@pytest.mark.usefixtures("rv32_image")
def test_thirty_nodes_hold_the_same_through_a_day(new_rig: Callable[..., Rig]) -> None:
    """
    10 nodes on bare RV32 and 20 of the core, over a midnight: equal digests after every phase.

    Of the 10 one is compiled by clang, one ends at undefined behaviour; 2 of the 30 stations are
    synthetic.
    """
    need("clang", "ld.lld")
    machines.make("rv32-clang", "rv32-ubsan")
    rig = new_rig(30)
    for index in range(0, 30, 3):
        image = {0: "node-clang.elf", 3: "node-ubsan.elf"}.get(index, "node.elf")
        rig.firmware_node(index, partial(machines.qemu, image=image))
    rig.begin()
    rig.run_h(24)
    assert len(rig.committed()) >= PHASES_A_DAY
    assert rig.unequal() == []
    assert len({rig.everybody[0].commits[p] for p in rig.committed()}) == len(rig.committed())
    for node in rig.firmware.values():
        words = node.words()
        assert words["sent"] == node.asked[Kind.TX] > 0
        assert {w for w, n in words.items() if n} <= {"reset", "sent", "commit", "checkpoint"}
        assert node.link.answered > 3 * PHASES_A_DAY
    assert rig.world.collisions == 0
    assert_weather_is_known(rig)
    assert rig.quit() == [0] * 10


def assert_weather_is_known(rig: Rig) -> None:
    """What a core node holds of each firmware node's last sample is the weather, in tolerance."""
    tolerance = rig.site.tolerance.values_q16()
    phase = rig.committed()[-1]
    observer = rig.everybody[1]
    assert isinstance(observer, CoreNode)
    for index in rig.firmware:
        last = next(p for p in range(phase, phase - 4, -1) if p % 4 == rig.phase_of(index))
        sampled_us = last * rig.field.phase_us
        expected = rig.feed.values_q16(index, sampled_us).copy()
        tips = (
            rig.feed.raw(index, sampled_us).rain_tips - rig.feed.raw(index, rig.start_us).rain_tips
        )
        expected[RAIN] = round(tips * 0.2 * 65536)
        held = observer.node.judged_q16[index]
        for channel in (TEMP, RH, RAIN):
            assert (
                abs(int(held[channel]) - int(expected[channel]))
                <= tolerance[channel] + Q16_ROUNDING
            )
        assert abs(int(held[WIND]) - int(expected[WIND])) <= 3 * 65536  # mean of 10 min, not of 5


@pytest.mark.usefixtures("rv32_image")
def test_a_node_sleeps_and_wakes_through_a_week(new_rig: Callable[..., Rig]) -> None:
    """A node sleeps after every phase for a week, stays in step, and sends what is its to send."""
    rig = new_rig(5)
    node = rig.firmware_node(2, machines.qemu)
    rig.begin()
    rig.run_h(7 * 24)
    phases = len(rig.committed())
    assert phases >= 7 * PHASES_A_DAY
    assert rig.unequal() == []
    assert phases <= node.asked[Kind.SLEEP] <= 1.3 * phases
    others = [w for w in rig.everybody.values() if isinstance(w, CoreNode)]
    now_us = rig.world.now_us
    for other in others:
        field_us = other.clock.reads(now_us) + other.node.clock_correction_us
        assert abs(node.clock.reads(now_us) - field_us) < GUARD_US
    assert node.words()["restored"] == 0
    assert max(rig.sent_by(2).values()) == 1
    assert rig.quit() == [0]
