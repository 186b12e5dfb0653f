# SPDX-License-Identifier: Apache-2.0
"""The time over the console: how a field of brand-new boards begins."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from qres_gateway.flash.node_time import set_time, time_line
from tests.firmware import machines
from tests.firmware.console import Cable, cable
from tests.firmware.field_rig import HOUR_US, Rig
from tests.firmware.participants import FirmwareNode

pytestmark = pytest.mark.usefixtures("posix_image")

CLOCK_LOST = 0
STEP_US = 20_000
BOOT_US = 1_000_000
MADE_DAYS = 7
"""Age of the records that `Rig.flash` makes."""

OK, FORMAT, CRC, EARLY, CLOSED = 0, -1, -2, -3, -4


@pytest.fixture
def wire() -> Iterator[Cable]:
    """A cable, pulled when the test ends."""
    with cable() as made:
        yield made


def new_board(rig: Rig, index: int, console: str = "", reset: int = 0) -> FirmwareNode:
    """A board that was just switched on: its clock counts from there."""
    rig.clocks[index].step_us = BOOT_US - rig.start_us
    start = partial(machines.posix, console=console)
    return rig.firmware_node(index, start, clock_state=CLOCK_LOST, reset=reset)


def wait_for(rig: Rig, done: Callable[[], bool]) -> None:
    """Let time pass at the speed of the wall's clock, for what happens outside of the world."""
    for _ in range(2000):
        if done():
            return
        rig.world.run_until(rig.world.now_us + STEP_US)
        time.sleep(STEP_US / 1e6)
    raise AssertionError("it did not happen")


def answers(node: FirmwareNode) -> list[tuple[int, int]]:
    """What the node answered: result and time. [s]"""
    return [(e.a, e.b % 2**32) for e in node.logged if e.word == "time"]


def test_a_field_of_new_boards_begins(new_rig: Callable[..., Rig], wire: Cable) -> None:
    """
    One board gets the time by `set_time`, the other hears it over the air; both run.

    Neither had a clock, and nobody else is there.
    """
    rig = new_rig(2)
    first, second = new_board(rig, 0, wire.node), new_board(rig, 1)
    rig.world.add([first])
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(set_time, wire.computer, lambda: rig.world.now_us)
        wait_for(rig, told.done)
    assert abs(told.result() * 1_000_000 - rig.world.now_us) < 3_000_000
    assert abs(first.clock.reads(rig.world.now_us) - rig.world.now_us) < 500_000
    # The computer repeats its line until it has read the answer: what is left over is refused.
    taken, *repeated = answers(first)
    assert taken == (OK, told.result())
    assert {code for code, _ in repeated} <= {CLOSED}
    rig.run_h(0.5)
    assert first.words()["commit"] >= 10
    rig.world.add([second])
    rig.run_h(3)
    assert second.words()["found"] == 1
    assert rig.committed()[-1] in second.commits
    assert {key[1] for key in rig.sent_by(0)} >= {"report", "beacon"}
    assert rig.sent_by(1)
    assert rig.quit() == [0, 0]


def test_what_is_not_the_time_is_refused(new_rig: Callable[..., Rig], wire: Cable) -> None:
    """A wrong CRC, a cut line and a time before the provisioning leave the clock as it was."""
    rig = new_rig(2)
    node = new_board(rig, 0, wire.node)
    rig.world.add([node])
    wait_for(rig, lambda: node.words()["console"] == 1)
    made_us = (rig.start_us // 1_000_000 - MADE_DAYS * 86_400) * 1_000_000
    now_us = rig.world.now_us
    good = time_line(now_us)
    port = os.open(wire.computer, os.O_RDWR | os.O_NOCTTY)
    for line, result in (
        (good.replace(b"time 1", b"time 2"), CRC),
        (good[:-7] + b"\n", FORMAT),
        (time_line(made_us - 1), EARLY),
        (b"what time is it?\n" + time_line(0), EARLY),
    ):
        before = len(answers(node))
        os.write(port, line)
        wait_for(rig, lambda before=before: len(answers(node)) > before)  # type: ignore[misc]
        assert [code for code, _ in answers(node)[before:]] == [result]
    assert node.clock.step_us == BOOT_US - rig.start_us
    assert not node.words()["commit"]
    os.write(port, time_line(made_us))
    wait_for(rig, lambda: len(answers(node)) == 5)
    assert answers(node)[4] == (OK, made_us // 1_000_000)
    os.write(port, time_line(now_us))
    time.sleep(0.3)  # over the cable
    rig.run_h(0.1)
    assert len(answers(node)) == 6
    assert answers(node)[5][0] == CLOSED
    os.close(port)
    assert node.clock.reads(rig.world.now_us) < made_us + HOUR_US
    assert rig.quit() == [0]


def test_a_time_that_lay_in_a_buffer_is_not_believed(
    new_rig: Callable[..., Rig], wire: Cable
) -> None:
    """What came before the window opens is thrown away; what comes after it is answered only."""
    rig = new_rig(2)
    port = os.open(wire.computer, os.O_RDWR | os.O_NOCTTY)
    node = new_board(rig, 0, wire.node)
    os.write(port, time_line(rig.start_us))
    time.sleep(0.3)  # over the cable
    rig.world.add([node])
    wait_for(rig, lambda: node.words()["console"] == 1)
    rig.run_h(0.02)
    assert answers(node) == []
    os.write(port, time_line(rig.world.now_us))
    wait_for(rig, lambda: bool(answers(node)))
    os.close(port)
    assert [code for code, _ in answers(node)] == [CLOSED]
    assert not node.words()["commit"]
    assert rig.quit() == [0]


def test_a_node_does_not_go_back_behind_what_it_has_lived_through(
    new_rig: Callable[..., Rig], wire: Cable
) -> None:
    """After a reset a time before the last record of the node's state is refused."""
    rig = new_rig(2)
    rig.firmware_node(0, machines.posix)
    rig.begin()
    rig.run_h(7)
    rig.world.remove(0)
    rig.firmware[0].machine.kill()
    lived_us = max(f.start_us for f in rig.world.sent if f.sender == 0)
    rig.clocks[0].step_us = BOOT_US - rig.world.now_us
    start = partial(machines.posix, console=wire.node)
    flash = rig.folder / "0.flash"
    node = rig.firmware_node(0, start, flash=flash, clock_state=CLOCK_LOST)
    rig.world.add([node])
    wait_for(rig, lambda: node.words()["console"] == 1)
    port = os.open(wire.computer, os.O_RDWR | os.O_NOCTTY)
    os.write(port, time_line(lived_us - 60_000_000))
    wait_for(rig, lambda: bool(answers(node)))
    os.write(port, time_line(rig.world.now_us))
    wait_for(rig, lambda: len(answers(node)) == 2)
    os.close(port)
    assert [code for code, _ in answers(node)] == [EARLY, OK]
    rig.run_h(2)
    assert max(rig.sent_by(0).values()) == 1
    assert rig.quit() == [0]


def test_hibernation_opens_no_window(new_rig: Callable[..., Rig], wire: Cable) -> None:
    """Awake from deep sleep, with nobody there, a node does not wait for a time."""
    rig = new_rig(2)
    node = new_board(rig, 0, wire.node, reset=4)
    rig.world.add([node])
    rig.run_h(0.01)
    assert node.words()["search"] == 1
    assert not node.words()["console"]
    assert rig.quit() == [0]


def test_without_gauges_a_field_holds_no_wind_and_no_rain(new_rig: Callable[..., Rig]) -> None:
    """A node without anemometer and rain gauge is unknown in both, elsewhere too; never 0."""
    rig = new_rig(3)
    rig.feed.bare.add(1)
    rig.firmware_node(1, machines.posix)
    rig.begin()
    rig.run_h(2)
    present = rig.core(0).present
    assert present[1].tolist()[:4] == [True, True, False, False]
    assert present[0].tolist()[:4] == [True, True, True, True]
    assert rig.quit() == [0]
