# SPDX-License-Identifier: Apache-2.0
"""What a node does when it may not, or cannot, go on as usual."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest

from tests.firmware import machines
from tests.firmware.field_rig import HOUR_US, Rig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("posix_image")]

STATE_AT = 8192
"""Where link.c has the state partition."""

MUTE_US = 4_800_000_000
"""A governor that knows nothing grants nothing for 4800 s (qres_radio.h). [us]"""


def test_a_lost_airtime_record_means_silence(new_rig: Callable[..., Rig]) -> None:
    """
    A node whose store was damaged sends nothing for 80 min, and is like the others all the time.

    What it does not send it takes back, so its replica does not run ahead of theirs.
    """
    rig = new_rig(8)
    flash = rig.flash(2)
    image = bytearray(flash.read_bytes())
    head = b"QST1" + struct.pack("<I", 5)
    image[STATE_AT : STATE_AT + 12] = head + struct.pack("<I", zlib.crc32(head))
    flash.write_bytes(image)
    node = rig.firmware_node(2, machines.posix, flash=flash)
    rig.begin()
    rig.run_h(6)
    sent_us = [f.start_us for f in rig.world.sent if f.sender == 2]
    assert node.words()["airtime"] >= 3
    assert min(sent_us) >= rig.start_us + MUTE_US
    assert rig.unequal() == []
    assert rig.quit() == [0]


def test_a_low_battery_means_sleep(new_rig: Callable[..., Rig]) -> None:
    """Below its battery's limit a node neither sends nor listens, and comes back above it."""
    rig = new_rig(6)
    node = rig.firmware_node(2, machines.posix)
    rig.begin()
    rig.run_h(3)
    rig.feed.battery_v[2] = 3.1
    rig.run_h(2)
    low_us = rig.world.now_us
    heard = len(node.commits)
    rig.run_h(6)
    assert node.words()["hibernate"] >= 4
    assert len(node.commits) == heard
    rig.feed.battery_v[2] = 3.4  # not yet: 0.2 V above the limit of 3.3 V are wanted
    rig.run_h(2)
    assert len(node.commits) == heard
    rig.feed.battery_v[2] = 3.7
    rig.run_h(2)
    sent_us = [f.start_us for f in rig.world.sent if f.sender == 2]
    assert not [t for t in sent_us if low_us <= t < low_us + 8 * HOUR_US]
    assert rig.committed()[-1] in node.commits
    rig.run_h(30)
    assert all(len(rig.digests(p)) == 1 for p in rig.committed()[-20:])
    assert max(rig.sent_by(2).values()) == 1
    assert rig.quit() == [0]


def test_a_board_without_record_is_no_node(new_rig: Callable[..., Rig]) -> None:
    """A board that was never provisioned says so and ends; it sends nothing."""
    rig = new_rig(5)
    flash = rig.folder / "empty.flash"
    flash.write_bytes(machines.flash_image(b""))
    node = rig.firmware_node(0, machines.posix, flash=flash)
    with pytest.raises(ConnectionError):
        rig.world.add([node])
    assert node.words()["provision"] == 1
    assert node.machine.stop() == 1
