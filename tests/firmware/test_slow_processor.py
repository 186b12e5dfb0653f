# SPDX-License-Identifier: Apache-2.0
"""A processor that needs longer for a rebuild than there is until the next phase."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.firmware import machines
from tests.firmware.field_rig import HOUR_US, Rig
from tests.firmware.link import Kind
from tests.firmware.mirror import base_digest

pytestmark = pytest.mark.slow

NODE = 3
MIPS = 1
"""An ESP32-C3 executes 160 instructions in a microsecond."""

START_H, DEAF_H, HEARS_H, LAST_H = 22.5, 23.0, 23.9, 33.0


@pytest.mark.usefixtures("rv32_image")
def test_a_rebuild_that_outlasts_a_phase_is_survived(new_rig: Callable[..., Rig]) -> None:
    """
    One of 128 nodes computes for more than a whole phase when it adopts the day's checkpoint.

    It misses what is said meanwhile, sends nothing late and nothing twice, disturbs nobody, commits
    the phases one after the other as soon as it can, and is what the frames that it heard say.
    """
    rig = new_rig(128, start_h=START_H)
    node = rig.firmware_node(NODE, machines.qemu, mips=MIPS)
    mirror = rig.mirror(NODE)
    rig.world.deaf[NODE] = (
        rig.start_us + round((DEAF_H - START_H) * HOUR_US),
        rig.start_us + round((HEARS_H - START_H) * HOUR_US),
    )
    rig.begin()
    rig.run_h(LAST_H - START_H)
    assert mirror.node.counters["adopted"] == 1
    assert node.longest > rig.field.phase_us * MIPS
    assert mirror.unequal == []
    assert max(node.commits) >= rig.committed()[-1] - 1
    assert set(rig.committed()[:-1]) <= set(node.commits)
    assert mirror.base_digest == base_digest(rig.core(0))
    assert rig.world.collisions == 0
    assert max(rig.sent_by(NODE).values()) == 1
    assert node.words()["sent"] == node.asked[Kind.TX] - node.words()["unsent"]
    phases = [f.start_us // rig.field.phase_us for f in rig.world.sent if f.sender == NODE]
    assert phases[-1] > rig.committed()[-1] - 288, "it went on"
    assert rig.quit() == [0]
