# SPDX-License-Identifier: Apache-2.0
"""Firmware on RV32 in a field that loses frames: the same integers as the core's on this host."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.firmware import machines
from tests.firmware.field_rig import HOUR_US, Rig
from tests.firmware.mirror import base_digest

pytestmark = pytest.mark.slow

LOSS = 0.05
MIDNIGHT_H = 24
START_H, DEAF_H, HEARS_H, LAST_H = 17, 19, 22, 34
"""Of the record. The checkpoint is whole 6 h after midnight. [h]"""

RV32 = range(0, 30, 3)
DEAF = 6


def lossy_rig(new_rig: Callable[..., Rig], *, echo: bool) -> Rig:
    """10 nodes on RV32 with their mirrors and 20 of the core; one of the 10 is deaf for 3 hours."""
    rig = new_rig(30, start_h=START_H, loss=LOSS, echo=echo)
    for index in RV32:
        rig.firmware_node(index, machines.qemu)
        rig.mirror(index)
    deaf_us = [rig.start_us + (h - START_H) * HOUR_US for h in (DEAF_H, HEARS_H)]
    rig.world.deaf[DEAF] = (deaf_us[0], deaf_us[1])
    rig.begin()
    return rig


def bases(rig: Rig) -> set[int]:
    """What the replicas hold of the day's start."""
    mirrors = [node.mirror.base_digest for node in rig.firmware.values() if node.mirror]
    cores = [base_digest(rig.core(i)) for i in rig.everybody if i not in rig.firmware]
    return {*mirrors, *cores}


def assert_mirrored(rig: Rig) -> None:
    """Every firmware node held what its mirror held, after every phase."""
    for node in rig.firmware.values():
        assert node.mirror is not None
        assert node.mirror.unequal == []
        assert node.mirror.commits == len(node.commits) > len(rig.committed())


@pytest.mark.usefixtures("rv32_image")
@pytest.mark.parametrize("echo", [False, True])
def test_a_field_that_loses_frames_is_one_field_again_next_day(
    new_rig: Callable[..., Rig], echo: bool
) -> None:
    """
    With 5 % loss on every link, RV32 nodes are the host's core with the same frames, bit for bit.

    Nobody uses a phase twice, and the checkpoint gives all 30 one start of the day, also the node
    that was deaf for three hours of the evening before.
    """
    rig = lossy_rig(new_rig, echo=echo)
    rig.run_h(MIDNIGHT_H - START_H)
    assert len(bases(rig)) > 1, "there is nothing to heal"
    rig.run_h(LAST_H - MIDNIGHT_H)
    assert_mirrored(rig)
    assert len(bases(rig)) == 1
    for index in rig.everybody:
        assert max(rig.sent_by(index).values()) == 1
    for node in rig.firmware.values():
        assert node.mirror is not None
        counters = node.mirror.node.counters
        assert counters["adopted"] + counters["verified"] == 1
        assert (counters["restored"] > 0) == echo
    deaf = rig.firmware[DEAF].mirror
    assert deaf is not None
    assert deaf.node.counters["adopted"] == 1
    assert rig.quit() == [0] * len(RV32)
