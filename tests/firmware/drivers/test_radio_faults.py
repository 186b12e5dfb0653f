# SPDX-License-Identifier: Apache-2.0
"""What the radio drivers do when chip, wires or clock fail: they say so, and never hang."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware.drivers.chip import Faults, OnAir
from tests.firmware.drivers.radio_bench import Bench, payload_of

FAMILIES = ("sx126x", "sx127x")
CALLS: dict[str, Callable[[Bench], Any]] = {
    "start": Bench.start,
    "send": lambda bench: bench.send(b"frame"),
    "receive": Bench.receive,
    "cad": lambda bench: bench.call("cad"),
    "sleep": lambda bench: bench.call("sleep"),
    "standby": lambda bench: bench.call("standby"),
}
MOST_TRANSFERS = 1200
MOST_POLLS = 5000
LONGEST_US = 2_500_000
"""No call may take longer on the chip's clock: 1 s ahead of a frame, 1 s of listening, margins."""


def running(family: str) -> Bench:
    """A started radio."""
    bench = Bench(family)
    assert bench.start() == 0
    return bench


def bounded(bench: Bench, call: str) -> Any:
    """Call, and check that it ended within bounds."""
    chip = bench.chip
    before = (chip.transfers, chip.polls, chip.now)
    result = CALLS[call](bench)
    assert chip.transfers - before[0] <= MOST_TRANSFERS
    assert chip.polls - before[1] <= MOST_POLLS
    assert chip.now - before[2] <= LONGEST_US
    return result


@pytest.mark.parametrize("call", CALLS)
def test_busy_stuck_ends_in_busy(call: str) -> None:
    """A BUSY line that stays high is reported within 100 ms by every call, and nothing is sent."""
    bench = running("sx126x")
    bench.chip.faults.busy_stuck = True
    start = bench.chip.now
    assert bounded(bench, call) == "BUSY"
    assert bench.chip.now - start < 100_000
    assert bench.chip.sent == []


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("call", CALLS)
def test_a_dead_bus_is_reported(family: str, call: str) -> None:
    """When the SPI transfer itself fails, every call says so."""
    bench = running(family)
    bench.chip.faults.bus_fails = True
    assert bounded(bench, call) == "SPI"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", [0x00, 0xFF, 0x22, 0xA2])
def test_nobody_on_the_bus_is_no_chip(family: str, level: int) -> None:
    """A stuck MISO, and another part that repeats a plausible status, are no chip at the start."""
    bench = Bench(family)
    bench.chip.faults.miso = level
    assert bounded(bench, "start") == "CHIP"


@pytest.mark.parametrize("level", [0x00, 0xFF])
@pytest.mark.parametrize("call", ["send", "receive", "standby"])
def test_a_wire_that_breaks_later_is_noticed(level: int, call: str) -> None:
    """A chip that no longer answers is no frame and no success, whatever the line's level."""
    bench = running("sx126x")
    bench.chip.faults.miso = level
    assert bounded(bench, call) == "CHIP"


@pytest.mark.parametrize("family", FAMILIES)
def test_late_interrupt_line(family: str) -> None:
    """An edge 400 us late only shifts the time; the frame is there."""
    bench = running(family)
    bench.chip.faults.irq_late_us = 400
    end = bench.chip.now + 100_000
    bench.chip.air.append(OnAir(end, b"late"))
    frame = bench.receive()
    assert payload_of(frame) == b"late"
    assert frame.end_us == end + 400
    assert bench.send(b"x") == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_dead_interrupt_line(family: str) -> None:
    """Without an edge the frame is found at the window's end, marked uncertain and counted."""
    bench = running(family)
    bench.chip.faults.irq_dead = True
    bench.chip.air.append(OnAir(bench.chip.now + 100_000, b"silent line"))
    frame = bench.receive(wait_us=300_000)
    assert payload_of(frame) == b"silent line"
    assert frame.end_uncertain == 1
    assert bench.send(b"sent") == 0
    assert bench.radio.counters.irq_missed == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_an_interrupt_line_that_is_always_high(family: str) -> None:
    """A line that is high without an interrupt is an error, not a loop."""
    bench = running(family)
    bench.chip.faults.irq_stuck_high = True
    assert bounded(bench, "receive") == "CHIP"


@pytest.mark.parametrize("opcode", [0x80, 0x82, 0x83, 0xC5])
def test_a_refused_command_is_reported(opcode: int) -> None:
    """When the chip answers "failed to execute", the call fails and nothing counts as sent."""
    bench = running("sx126x")
    bench.chip.faults.refuse = {opcode}
    call = {0x80: "standby", 0x82: "receive", 0x83: "send", 0xC5: "cad"}[opcode]
    assert bounded(bench, call) in {"STATUS", "TIMEOUT"}
    bench.chip.faults.refuse = set()
    assert bench.start() == 0


def test_a_mode_that_is_not_taken_is_reported() -> None:
    """An SX127x that does not change its mode: RADIO_ERR_MODE from every call that needs it."""
    bench = running("sx127x")
    bench.chip.faults.refuse = {0x01}
    assert [bounded(bench, call) for call in ("send", "receive", "sleep")] == ["MODE"] * 3


@pytest.mark.parametrize("family", FAMILIES)
def test_a_chip_that_resets_itself_while_listening(family: str) -> None:
    """A supply dip leaves a deaf chip: the end of the window shows it, and a start repairs it."""
    bench = running(family)
    assert bench.receive(1000) == 0
    bench.chip.faults.reset_at_us = bench.chip.now + 100_000
    assert bounded(bench, "receive") == "MODE"
    assert bench.start() == 0
    bench.chip.air.append(OnAir(bench.chip.now + 100_000, b"again"))
    assert payload_of(bench.receive()) == b"again"


@pytest.mark.parametrize("family", FAMILIES)
def test_an_oscillator_that_does_not_start(family: str) -> None:
    """A dead TCXO or a calibration without end is RADIO_ERR_DEVICE at the start."""
    bench = Bench(family)
    bench.chip.faults.oscillator_dead = True
    assert bounded(bench, "start") == "DEVICE"
    if family == "sx126x":
        assert bench.radio.device_errors == 0x20


@pytest.mark.parametrize("family", FAMILIES)
def test_a_transmission_that_does_not_end(family: str) -> None:
    """RADIO_ERR_TIMEOUT soon after the airtime, and the chip is taken off the air."""
    bench = running(family)
    bench.chip.faults.never_sent = True
    start = bench.chip.now
    assert bounded(bench, "send") == "TIMEOUT"
    assert bench.chip.now - start < 50_000 + 28_000 + 30_000
    assert bench.chip.switch[-1] == 0


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("call", CALLS)
def test_a_clock_that_stands_still_is_no_endless_loop(family: str, call: str) -> None:
    """Waits are counted as well as timed: every call ends."""
    bench = running(family)
    bench.chip.faults.clock_stops = True
    bounded(bench, call)


FAULTS = st.builds(
    Faults,
    busy_stuck=st.booleans(),
    miso=st.none() | st.integers(0, 255),
    bus_fails=st.booleans(),
    irq_late_us=st.integers(0, 2_000_000),
    irq_dead=st.booleans(),
    irq_stuck_high=st.booleans(),
    refuse=st.sets(st.sampled_from([0x01, 0x80, 0x82, 0x83, 0x86, 0x8B, 0x97, 0xC5])),
    reset_at_us=st.none() | st.integers(1_000_000, 4_000_000),
    oscillator_dead=st.booleans(),
    never_sent=st.booleans(),
    clock_stops=st.booleans(),
)
STEPS = st.tuples(st.sampled_from(sorted(CALLS)), st.none() | FAULTS, st.integers(0, 255))


@settings(max_examples=60, deadline=None)
@given(family=st.sampled_from(FAMILIES), steps=st.lists(STEPS, min_size=1, max_size=6))
def test_any_faults_in_any_order(family: str, steps: list[tuple[str, Faults | None, int]]) -> None:
    """Whatever fails and heals, each call ends in bounds, and a healed radio starts and works."""
    bench = running(family)
    for call, faults, length in steps:
        bench.chip.faults = Faults() if faults is None else faults
        bench.chip.air = [OnAir(bench.chip.now + 100_000, bytes(length))]
        bounded(bench, call)
    bench.chip.faults = Faults()
    bench.chip.air = []
    assert bench.start() == 0
    assert bench.send(b"well") == 0
    assert bench.chip.sent[-1].payload == b"well"
    bench.chip.air = [OnAir(bench.chip.now + 100_000, b"heard")]
    assert payload_of(bench.receive()) == b"heard"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("call", [call for call in CALLS if call != "start"])
def test_a_radio_that_was_never_started_is_refused(family: str, call: str) -> None:
    """Before the first start every call is RADIO_ERR_ARG, and nothing reaches the bus."""
    bench = Bench(family)
    assert CALLS[call](bench) == "ARG"
    assert bench.chip.transfers == 0
