# SPDX-License-Identifier: Apache-2.0
"""A relay that runs the firmware, between two groups of nodes that do not hear each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from tests.firmware import machines
from tests.firmware.field_rig import Rig
from tests.firmware.link import LATE
from tests.firmware.participants import CoreNode

pytestmark = pytest.mark.slow

RELAYS = (4, 6)
GROUPS = (range(5), range(4, 7), range(6, 10))
"""Between the first and the last group there are two relays."""

FRAME_RELAY = 4

CLOCK_US = 2
"""Rounding of a simulated clock. [us]"""


@pytest.fixture
def new_field(new_rig: Callable[..., Rig]) -> Callable[..., Rig]:
    """Makes a `Rig` of 10 nodes in three groups that two relays connect."""
    return partial(new_rig, 10, relays=RELAYS, groups=GROUPS)


def relayed(rig: Rig) -> Counter[str]:
    """RELAYs sent, there and back: each in its slot and when due, no second one of a nonce."""
    slots = {RELAYS[0]: {0, 3}, RELAYS[1]: {1, 2}}
    for frame in rig.world.sent:
        slot, late_us = rig.relay_place(frame)
        if slot >= 0:
            assert slot in slots[frame.sender]
            assert abs(late_us) <= CLOCK_US
    sent = rig.sent_by(RELAYS[0]) + rig.sent_by(RELAYS[1])
    assert all(max(rig.sent_by(i).values()) == 1 for i in RELAYS)
    return Counter(kind for _, kind in sent.elements() if kind.startswith("relay"))


def scribe(rig: Rig) -> int:
    """Who sent checkpoints."""
    (sender,) = {i for i in rig.everybody for _, kind in rig.sent_by(i) if kind == "checkpoint"}
    return sender


@pytest.mark.usefixtures("rv32_image")
def test_relays_make_one_field_of_three_groups(new_field: Callable[..., Rig]) -> None:
    """
    RV32 as relays and beyond them: equal digests after every phase of half a day.

    Over a midnight: those who do not hear the scribe verify its checkpoint, which the relays bring.
    The relays' mirrors, who are told the same and say nothing, hold the same.
    """
    rig = new_field(start_h=21.5)
    for index in (1, *RELAYS, 8):
        rig.firmware_node(index, machines.qemu)
    mirrors = [rig.mirror(index) for index in RELAYS]
    rig.begin()
    rig.run_h(12)
    assert len(rig.committed()) >= 287
    assert rig.unequal() == []
    for mirror in mirrors:
        assert mirror.unequal == []
        assert mirror.commits > len(rig.committed())
    assert min(relayed(rig)[kind] for kind in ("relay", "relay back")) > 20
    assert rig.world.collisions == 0
    cores = [w.node for w in rig.everybody.values() if isinstance(w, CoreNode)]
    assert {n.counters["verified"] for n in cores if n.index != scribe(rig)} == {1}
    for node in rig.firmware.values():
        words = node.words()
        assert {w for w, n in words.items() if n} <= {"reset", "sent", "commit", "checkpoint"}
    assert rig.quit() == [0] * 4


ERASE_US, PROG_US = 400_000, 3_000
"""Of a sector, of a page: the longest that data sheets have. [us]"""

SLOW_PROG_US = 115_000
"""A RELAY may be asked for 10 ms late, port.h. [us]"""


@pytest.mark.usefixtures("posix_image")
def test_no_relay_waits_for_its_flash_to_be_erased(new_field: Callable[..., Rig]) -> None:
    """
    Relays whose flash takes 0.4 s to erase a sector send every RELAY: they erase ahead of time.

    A RELAY is put together 0.1 s before it is due, and a record is written before each.
    """
    rig = new_field()
    for index in RELAYS:
        rig.firmware_node(index, machines.posix, flash_us=(ERASE_US, PROG_US))
    rig.begin()
    rig.run_h(10)
    assert rig.unequal() == []
    relayed(rig)
    for index in RELAYS:
        node = rig.firmware[index]
        assert node.link.busy_us > 3 * ERASE_US, "it never had to erase"
        words = node.words()
        assert {w for w, n in words.items() if n} <= {"reset", "sent", "commit", "checkpoint"}
    assert rig.quit() == [0] * 2


@pytest.mark.usefixtures("posix_image")
def test_a_relay_that_comes_too_late_is_given_up(new_field: Callable[..., Rig]) -> None:
    """
    Relays whose flash needs 0.115 s for a record send no RELAY and no other frame late.

    Their own reports, which are paid for earlier, go out, and what is not sent takes none of them
    back: the relays' mirrors hold the same. Each group goes on by itself.
    """
    rig = new_field()
    for index in RELAYS:
        rig.firmware_node(index, machines.posix, flash_us=(0, SLOW_PROG_US))
    mirrors = [rig.mirror(index) for index in RELAYS]
    rig.begin()
    rig.run_h(3)
    assert relayed(rig) == {}
    assert rig.world.collisions == 0
    for index in RELAYS:
        node = rig.firmware[index]
        late = [(e.a, e.b) for e in node.logged if e.word == "unsent"]
        assert len(late) >= 5
        assert set(late) == {(LATE, FRAME_RELAY)}
        assert node.words()["sent"] == rig.sent_by(index).total() > 0
    assert [mirror.unequal for mirror in mirrors] == [[], []]
    west = [rig.everybody[i] for i in GROUPS[0] if i not in RELAYS]
    for phase in rig.committed():
        assert len({who.commits[phase] for who in west}) == 1
    assert rig.quit() == [0] * 2


@pytest.mark.usefixtures("posix_image")
def test_a_relay_that_starts_anew_has_lost_nothing(new_rig: Callable[..., Rig]) -> None:
    """
    A relay that loses power between phases holds what the core holds that was told the same.

    Of what it was to hear 20 % was lost, and much of that made good by the other relay and by
    echoes, some of it about phases that were committed already: the flash has that, too.
    """
    relay = 12
    groups = (range(13), range(12, 19), range(18, 30))
    rig = new_rig(30, loss=0.2, echo=True, relays=(relay, 18), groups=groups)
    node = rig.firmware_node(relay, machines.posix)
    mirror = rig.mirror(relay)
    rig.begin()
    for hours in (9, 9, 9):
        rig.run_h(hours)
        rig.world.remove(relay)
        node.machine.kill()
        flash = rig.folder / f"{relay}.flash"
        node = rig.firmware_node(relay, machines.posix, flash=flash, reset=2)
        node.mirror = mirror
        rig.world.add([node])
        rig.run_h(1)
        assert node.words()["restored"] == 1
        assert mirror.unequal == []
    assert mirror.node.counters["rebuilds"] > 3
    assert max(rig.sent_by(relay).values()) == 1
    assert rig.quit() == [0]
