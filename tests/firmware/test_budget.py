# SPDX-License-Identifier: Apache-2.0
"""What a node with 128 neighbours has to give: memory, stack, instructions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qres._core import lib
from tests.firmware import machines
from tests.firmware.field_rig import Rig
from tests.firmware.figures import image_bytes, phase_instructions, stack_graph

pytestmark = pytest.mark.slow

PROTOCOL_BYTES = 96 * 1024
"""For qres_field and qres_node: a third of the 320 KB of SRAM of an ESP32-C3 or S3."""

APP_BYTES = 104 * 1024
"""All static memory of the image: the two, the application's own 6 KB, the emulated board's."""

STACK_BYTES = 4096
"""Half of the 8 KB that a FreeRTOS task of the firmware gets."""

PHASE_INSTRUCTIONS = 3_000_000
"""20 ms of an ESP32-C3 at 160 MHz, one instruction a cycle."""


@pytest.mark.usefixtures("rv32_image")
def test_memory_of_the_application_fits() -> None:
    """Protocol state stays below 96 KB, all static memory of the image below 104 KB."""
    assert lib.qres_sizeof_field() + lib.qres_sizeof_node() <= PROTOCOL_BYTES
    assert image_bytes()["ram_bytes"] <= APP_BYTES


@pytest.mark.usefixtures("rv32_image")
def test_stack_of_the_application_is_bounded() -> None:
    """The deepest path from the application's loop, port included, takes at most 4 KB."""
    graph = stack_graph()
    assert all(graph.bounded.values())
    assert graph.deepest("app_run")[0] <= STACK_BYTES


@pytest.mark.usefixtures("rv32_image")
def test_instructions_of_a_phase_are_bounded(new_rig: Callable[..., Rig]) -> None:
    """
    In a field of 128, over a midnight, no phase takes more than 3 million instructions.

    Two things do take more, and are not in these hours: a start (the kernel of 8128 pairs), and
    what rebuilds the state from the day's log: a late report, or a checkpoint that is whole.
    bench/firmware.py measures them.
    """
    rig = new_rig(128, start_h=22.5)
    node = rig.firmware_node(3, machines.qemu)
    rig.begin()
    rig.run_h(2.5)
    figures = phase_instructions(rig, node)
    assert figures["phases"] > 50
    assert figures["most"] <= PHASE_INSTRUCTIONS
    assert rig.unequal() == []
    assert rig.quit() == [0]
    assert node.link.stack_bytes is not None
    assert 512 < node.link.stack_bytes <= STACK_BYTES
