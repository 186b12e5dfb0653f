# SPDX-License-Identifier: Apache-2.0
"""The ESP-IDF port against fakes. What real headers and boards say is not tested here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.drivers.idf_rig import (
    BOARD_PARTS,
    NODE_PARTS,
    PORT,
    SNIFFER_PARTS,
    Node,
    flags,
    link,
)
from tests.firmware.drivers.test_boards import NAMES
from tests.firmware.drivers.test_sniffer import SENDING
from tests.sources import ROOT

DAY_US = 86_400_000_000
UNIX_US = 1_790_000_000_000_000
HELTEC_WIND, HELTEC_RAIN, HELTEC_IRQ = 5, 6, 14


@pytest.fixture
def node() -> Any:
    """A Heltec V3 that has just been switched on."""
    return Node("heltec-v3")


OLD, NEW = "5, 4, 4", "6, 0, 2"
ONE_A_TARGET = [("ht-ct62", NEW), ("t3-v1.6", NEW), ("heltec-v3", NEW), ("ht-ct62", OLD)]
OTHERS = [(name, idf) for name in NAMES for idf in (OLD, NEW) if (name, idf) not in ONE_A_TARGET]


@pytest.mark.parametrize(
    ("board", "idf"),
    [*ONE_A_TARGET, *(pytest.param(*case, marks=pytest.mark.slow) for case in OTHERS)],
)
def test_every_board_compiles(board: str, idf: str, tmp_path: Path) -> None:
    """Both images, for every board and for ESP-IDF 5.4 and 6.0, without a warning."""
    sources = [str(path) for path in (*BOARD_PARTS, *NODE_PARTS, *SNIFFER_PARTS)]
    subprocess.run(["gcc", *flags(board, tmp_path, idf), "-fsyntax-only", *sources], check=True)


@pytest.mark.slow
def test_the_sniffer_image_has_no_function_that_transmits(tmp_path: Path) -> None:
    """The whole sniffer image, linked, names no transmission of the radio."""
    own = {name for name in link("sniffer", "heltec-v3", tmp_path) if "uart" not in name}
    faked = set(
        re.findall(
            r"\b(\w+)\(", (ROOT / "tests/firmware/drivers/idf_fakes/idf.c").read_text("utf-8")
        )
    )
    assert "sniffer_step" in own
    assert [name for name in own - faked if SENDING.search(name)] == []


@pytest.mark.slow
def test_the_node_image_links(tmp_path: Path) -> None:
    """Port, drivers, application and core fit together."""
    assert {"sx126x_send", "app_step", "app_main"} <= link("node", "heltec-v3", tmp_path)


def test_the_esp_idf_project_links_no_transmission_into_the_sniffer() -> None:
    """No component that the sniffer requires has a sending source or qres_send."""
    open_ones = [PORT / "sniffer" / "main"]
    seen = set()
    while open_ones:
        folder = open_ones.pop()
        text = (folder / "CMakeLists.txt").read_text(encoding="utf-8")
        text = re.sub(r"#.*", "", text)
        assert "_tx.c" not in text
        assert "qres_send" not in text
        for name in re.findall(r"\bqres_\w+", text):
            component = PORT / "components" / name
            if component.is_dir() and name not in seen:
                seen.add(name)
                open_ones.append(component)
    assert {"qres_receive", "qres_board", "qres_sniffer"} <= seen


def test_partitions_do_not_overlap_and_fit_4_mb() -> None:
    """Ascending, aligned, within 4 MB; applications on 64 KB; what port.h asks for is there."""
    rows = [
        [cell.strip() for cell in line.split(",")]
        for line in (PORT / "partitions.csv").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    end = 0x9000
    sizes = {}
    for name, kind, _, offset, size in rows:
        start, length = int(offset, 0), int(size, 0)
        assert start == end, name
        assert start % (0x10000 if kind == "app" else 0x1000) == 0, name
        assert length % 0x1000 == 0, name
        end, sizes[name] = start + length, length
    assert end <= 4 << 20
    assert sizes["ota_0"] == sizes["ota_1"]
    assert sizes["qres_prov"] == 0x1000
    assert sizes["state"] >= 4 * 4096
    assert sizes["replica"] >= 8 * 4096
    assert sizes["raw_log"] >= 2 * 4096


def test_the_clock_runs_through_a_warm_reset_and_not_through_a_cold_one(node: Node) -> None:
    """Kept after watchdog, panic and short deep sleep; lost after power-on and long sleep."""
    lib = node.lib
    lost, kept = 0, 1
    assert lib.node_clock_at_start(lib.RESET_POWER_ON) == lost
    lib.node_set_clock(UNIX_US)
    assert lib.node_now_us() == UNIX_US
    assert lib.node_clock_at_start(lib.RESET_WATCHDOG) == kept
    lib.node_sleep_deep(UNIX_US + 600_000_000)
    node.fake.uptime_us += 600_000_000
    assert lib.node_clock_at_start(lib.RESET_DEEP_SLEEP) == kept
    node.fake.uptime_us += 3600_000_000
    assert lib.node_clock_at_start(lib.RESET_DEEP_SLEEP) == lost
    lib.node_set_clock(UNIX_US)
    assert lib.node_clock_at_start(lib.RESET_BROWN_OUT) == lost


def test_a_long_deep_sleep_stays_long_when_tips_interrupt_it(node: Node) -> None:
    """Twenty minutes in two pieces: the clock is lost as if nothing had happened in between."""
    lib = node.lib
    lib.node_set_clock(UNIX_US)
    lib.node_sleep_deep(UNIX_US + 1200_000_000)
    node.fake.uptime_us += 600_000_000
    lib.node_sleep_resume(lib.RESET_DEEP_SLEEP)  # a tip: the port sleeps on
    assert node.fake.deep_sleeps == 2
    node.fake.uptime_us += 600_000_000
    assert lib.node_clock_at_start(lib.RESET_DEEP_SLEEP) == 0


def test_light_sleep_counts_pulses_and_ends_at_its_time(node: Node) -> None:
    """A turn of the anemometer wakes the CPU and is counted once; sleep goes on when asked."""
    lib, fake = node.lib, node.fake
    lib.board_pulse_start(False)
    start = fake.uptime_us
    for turn in range(10):
        for offset, level in ((0, 0), (300, 1), (500, 0), (20_000, 1)):  # with a bounce
            lib.fake_plan(start + 100_000 * (turn + 1) + offset, HELTEC_WIND, level)
    end = lib.node_now_us() + 2_000_000
    for _ in range(200):
        if lib.node_now_us() >= end:
            break
        lib.node_sleep_light(end)
    assert end <= lib.node_now_us() < end + 5000
    assert lib.board_pulse_count(0) == 10
    assert fake.naps > 10


def test_pulses_are_counted_while_awake(node: Node) -> None:
    """Between sleeps edges come as interrupts; rain and wind have counters of their own."""
    lib = node.lib
    lib.board_pulse_start(False)
    for i in range(5):
        node.fake.uptime_us += 1_000_000
        lib.fake_set_pin(HELTEC_RAIN, i % 2)
    raw = node.ffi.new("sensor_raw *")
    lib.node_count(raw)
    assert (raw.rain_tips, raw.wind_pulses, raw.has_wind, raw.has_rain) == (3, 0, 1, 1)


def test_a_tip_in_deep_sleep_is_counted_without_starting_the_application(node: Node) -> None:
    """Woken by the rain gauge before its time, the port counts and sleeps on to the same moment."""
    lib, fake = node.lib, node.fake
    lib.board_pulse_start(False)
    lib.node_set_clock(UNIX_US)
    lib.node_sleep_deep(UNIX_US + 500_000_000)
    assert fake.deep_sleeps == 1
    assert fake.wake_mask == 1 << HELTEC_RAIN
    assert fake.wake_high == 0
    assert (fake.held, fake.mode[8], fake.level[8]) == (8, 2, 1)  # the radio's select: output, high
    fake.uptime_us += 100_000_000
    fake.level[HELTEC_RAIN] = 0
    lib.board_pulse_start(True)
    lib.node_sleep_resume(lib.RESET_DEEP_SLEEP)
    assert lib.board_pulse_count(1) == 1
    assert (fake.deep_sleeps, fake.released_by_sleep) == (2, 0)  # the select never floats
    assert fake.timer_us == pytest.approx(400_000_000, abs=1000)
    lib.fake_set_pin(HELTEC_RAIN, 1)
    fake.uptime_us += 1000
    fake.level[HELTEC_RAIN] = 0  # another tip; uptime begins anew at each wake-up
    lib.board_pulse_start(True)
    assert lib.board_pulse_count(1) == 2
    fake.uptime_us += 400_000_000
    lib.node_sleep_resume(lib.RESET_DEEP_SLEEP)
    assert fake.deep_sleeps == 2  # its time has come: the application starts
    assert (fake.held, fake.mode[8], fake.level[8]) == (-1, 2, 1)


def test_a_contact_that_rests_closed_wakes_when_it_opens(node: Node) -> None:
    """Deep sleep waits for the rain gauge's other level, and for DIO1 at none."""
    lib, fake = node.lib, node.fake
    fake.level[HELTEC_RAIN] = 0
    fake.level[HELTEC_IRQ] = 1
    lib.board_pulse_start(False)
    lib.node_set_clock(UNIX_US)
    lib.node_sleep_deep(UNIX_US + 500_000_000)
    assert (fake.deep_sleeps, fake.wake_mask, fake.wake_high) == (1, 1 << HELTEC_RAIN, 1)


def test_pulse_counters_start_at_zero_where_their_memory_is_not_theirs(node: Node) -> None:
    """A power-on under a new image is called an update: the memory is checked, not the name."""
    lib = node.lib
    lib.fake_lose_rtc()
    lib.board_pulse_start(True)
    assert [lib.board_pulse_count(gauge) for gauge in (0, 1)] == [0, 0]
    for level in (0, 1):
        node.fake.uptime_us += 1_000_000
        lib.fake_set_pin(HELTEC_RAIN, level)
    lib.board_pulse_start(True)  # a warm reset
    assert lib.board_pulse_count(1) == 1


def test_interrupts_are_handled_while_flash_is_written(node: Node) -> None:
    """The service is asked for in IRAM, and each handler (DIO1, two gauges) lies there."""
    lib, fake = node.lib, node.fake
    clock = node.ffi.callback("uint64_t(void)", lib.board_uptime_us)
    lib.board_pulse_start(False)
    assert lib.board_radio_io(clock, True) != node.ffi.NULL
    assert (fake.isr_flags, fake.handlers_in_iram) == (1 << 10, 3)


def test_what_the_handlers_call_is_placed_in_iram() -> None:
    """pulse_level by a linker fragment that its component names, gpio_get_level by the options."""
    sensors = PORT / "components" / "qres_sensors"
    fragment = (sensors / "pulse.lf").read_text(encoding="utf-8")
    assert re.search(r"archive: libqres_sensors\.a\nentries:\n    pulse \(noflash\)\n", fragment)
    assert "LDFRAGMENTS pulse.lf" in (sensors / "CMakeLists.txt").read_text(encoding="utf-8")
    options = (PORT / "sdkconfig.defaults").read_text(encoding="utf-8").splitlines()
    assert "CONFIG_GPIO_CTRL_FUNC_IN_IRAM=y" in options


def test_deep_sleep_leaves_the_gauges_pull_ups_alone() -> None:
    """ESP-IDF's own pull towards the level that does not wake (sleep_modes.c) is switched off."""
    options = (PORT / "sdkconfig.defaults").read_text(encoding="utf-8").splitlines()
    assert "CONFIG_ESP_SLEEP_GPIO_ENABLE_INTERNAL_RESISTORS=n" in options


@pytest.mark.parametrize("light_sleep", [False, True])
def test_waiting_for_the_radio(node: Node, light_sleep: bool) -> None:
    """The edge of DIO1 ends the wait, asleep or awake; without it the time is up."""
    lib, fake, ffi = node.lib, node.fake, node.ffi
    fake.level[HELTEC_IRQ] = 0
    clock = ffi.callback("uint64_t(void)", lib.board_uptime_us)
    io = lib.board_radio_io(clock, light_sleep)
    edge = ffi.new("uint64_t *")
    assert io.wait_irq(ffi.NULL, fake.uptime_us + 30_000_000, edge) == 0
    at = fake.uptime_us + 12_345_678
    lib.fake_plan(at, HELTEC_IRQ, 1)
    fed = fake.fed
    assert io.wait_irq(ffi.NULL, fake.uptime_us + 60_000_000, edge) == 1
    assert 0 <= edge[0] - at < 1000
    assert fake.fed > fed
    assert (fake.naps > 0) == light_sleep


def test_the_watchdog_is_fed_through_an_hour_of_listening(node: Node) -> None:
    """However long the window, no more than 20 s pass between two feedings."""
    lib, fake, ffi = node.lib, node.fake, node.ffi
    fake.level[HELTEC_IRQ] = 0
    clock = ffi.callback("uint64_t(void)", lib.board_uptime_us)
    io = lib.board_radio_io(clock, True)
    before = fake.fed
    assert io.wait_irq(ffi.NULL, fake.uptime_us + 3600_000_000, ffi.new("uint64_t *")) == 0
    assert fake.fed - before >= 3600 // 20


def test_flash_ranges(node: Node) -> None:
    """Read, program and erase inside the partition; refused outside; no partition, no bytes."""
    lib, ffi = node.lib, node.ffi
    flash = lib.node_flash(b"state", True)
    assert (flash.bytes, flash.sector_bytes) == (16384, 4096)
    out = ffi.new("uint8_t[4]")
    assert flash.prog(flash.ctx, 8, b"\x0f\xf0\x55\xaa", 4) == 0
    assert flash.read(flash.ctx, 8, out, 4) == 0
    assert bytes(out) == b"\x0f\xf0\x55\xaa"
    assert flash.erase(flash.ctx, 0) == 0
    assert flash.read(flash.ctx, 8, out, 4) == 0
    assert bytes(out) == b"\xff" * 4
    assert flash.read(flash.ctx, 16382, out, 4) == -3
    assert flash.prog(flash.ctx, 20000, out, 4) == -3
    assert lib.node_flash(b"absent", True).bytes == 0
    assert lib.node_flash(b"state", False).prog == ffi.NULL


def test_sensors_that_do_not_answer_are_faults(node: Node) -> None:
    """Nobody on the bus: humidity fault, no value; battery by the divider's scale."""
    fake = node.fake
    fake.level[37] = 1  # the divider's switch rests high: connected when low
    fake.mv[1] = 800
    raw = node.ffi.new("sensor_raw *")
    for name in ("temp_degc", "rh_pct", "pressure_hpa", "battery_v"):
        setattr(raw, name, -(2**31))
    node.lib.node_sense(raw)
    assert raw.faults & 1
    assert raw.temp_degc == raw.pressure_hpa == -(2**31)
    assert raw.battery_v / 65536 == pytest.approx(3.92, abs=0.001)
    assert fake.level[37] == 1
    assert fake.level[36] == 1  # Vext off again


def test_a_new_image_is_confirmed_only_when_it_has_proven_itself(node: Node) -> None:
    """Pending after an update; not confirmed by time alone: the radio must work, too."""
    lib, fake = node.lib, node.fake
    fake.ota_pending = 1
    assert lib.node_update_is_new()
    fake.uptime_us = 700_000_000
    lib.node_update_look()
    assert (fake.confirmed, fake.ota_pending) == (0, 1)
