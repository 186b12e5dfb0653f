# SPDX-License-Identifier: Apache-2.0
"""What is fitted to a board: gauges, cell, antenna, from names to what the application gets."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.firmware.drivers.idf_rig import Node, board_header
from tests.firmware.drivers.rig import DRIVERS

HEADER = board_header()
GAUGES = tomllib.loads((DRIVERS / "sensors" / "gauges.toml").read_text(encoding="utf-8"))
WIND, RAIN = 5, 6
MISSED = -(2**31)
TEN_MINUTES_US = 600_000_000


def fresh_raw(node: Node) -> Any:
    """A reading as the application hands it over: nothing measured yet."""
    raw = node.ffi.new("sensor_raw *")
    for name in ("temp_degc", "rh_pct", "pressure_hpa", "wind_dir_deg", "battery_v", "panel_v"):
        setattr(raw, name, MISSED)
    return raw


def after_ten_minutes(kit: Any, turns: int, tips: int) -> tuple[int, Any, Any]:
    """Wind [Q16.16 m/s], the gauges and the last reading after closures at both pins."""
    node = Node("heltec-v3", kit)
    lib, fitted = node.lib, node.lib.node_fitted()
    lib.board_pulse_start(False)
    gauges, raw = node.ffi.new("gauges *"), fresh_raw(node)
    lib.gauges_init(gauges, 0)
    for end_us, pin_turns, pin_tips in ((1000, 0, 0), (TEN_MINUTES_US, turns, tips)):
        for pin, closures in ((WIND, pin_turns), (RAIN, pin_tips)):
            for _ in range(closures):
                node.fake.uptime_us += 200_000
                lib.fake_set_pin(pin, 0)
                node.fake.uptime_us += 200_000
                lib.fake_set_pin(pin, 1)
        node.fake.uptime_us = max(node.fake.uptime_us, end_us)
        raw = fresh_raw(node)
        lib.node_sense(raw)
        lib.gauges_look(gauges, node.fake.uptime_us, raw, fitted.rain_um_per_tip)
    pulses, span_s = node.ffi.new("uint32_t *"), node.ffi.new("uint32_t *")
    wind = lib.gauges_wind_q16(
        gauges, fitted.wind_um_per_pulse, fitted.wind_offset_um_s, pulses, span_s
    )
    return wind, gauges, raw


def test_without_gauges_wind_and_rain_are_missed() -> None:
    """By default no gauge is fitted: whatever the pins do, nothing is measured, not zero."""
    wind, gauges, raw = after_ten_minutes(HEADER.Kit(), 5, 5)
    assert (raw.has_wind, raw.has_rain) == (0, 0)
    assert wind == MISSED
    assert gauges.has_tips == 0


@pytest.mark.parametrize("name", sorted(GAUGES["anemometer"]))
def test_wind_of_an_anemometer(name: str) -> None:
    """600 turns in 10 minutes are the metres a turn of gauges.toml; rain stays missed."""
    wind, _, raw = after_ten_minutes(HEADER.Kit(anemometer=name), 600, 0)
    assert (raw.has_wind, raw.has_rain) == (1, 0)
    expected = GAUGES["anemometer"][name]["wind_um_per_pulse"] / 1e6
    assert wind / 65536 == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("name", sorted(GAUGES["rain"]))
def test_rain_of_a_rain_gauge(name: str) -> None:
    """Ten tips are ten times the millimetres of gauges.toml; wind stays missed."""
    wind, gauges, raw = after_ten_minutes(HEADER.Kit(rain_gauge=name), 0, 10)
    assert (raw.has_wind, raw.has_rain) == (0, 1)
    assert wind == MISSED
    assert gauges.rain_um == 10 * GAUGES["rain"][name]["rain_um_per_tip"]


@pytest.mark.parametrize(("cell", "low_mv"), [("li-ion", 3300), ("lifepo4", 2950), ("none", 0)])
def test_battery_limit_and_antenna_reach_the_application(cell: str, low_mv: int) -> None:
    """The cell's limit and the antenna's gain are what was asked for; a dipole by default."""
    fitted = Node("t3-s3", HEADER.Kit(cell=cell, antenna_cdbi=-300)).lib.node_fitted()
    assert (fitted.battery_low_mv, fitted.antenna_cdbi) == (low_mv, -300)
    assert HEADER.Kit().antenna_cdbi == 215


def test_gauge_pins_have_no_pull_up_of_the_chip() -> None:
    """The 100 kOhm outside is the only one: a closed contact costs 33 uA, not 100."""
    node = Node("heltec-v3")
    node.fake.pull_up[WIND] = node.fake.pull_up[RAIN] = 1
    node.lib.board_pulse_start(False)
    assert (node.fake.pull_up[WIND], node.fake.pull_up[RAIN]) == (0, 0)


@pytest.mark.parametrize(
    ("board", "options", "says"),
    [
        ("heltec-v3", {"anemometer": "davis"}, "no anemometer 'davis'; there are: none, davis-"),
        ("heltec-v3", {"rain_gauge": "bucket"}, "no rain 'bucket'"),
        ("heltec-v3", {"cell": "lead"}, "no cell 'lead'"),
        ("heltec-v3", {"antenna_cdbi": 2001}, "antenna_cdbi = 2001: must be -1000..2000"),
        ("ht-ct62", {"anemometer": "davis-6410"}, "no pin for anemometer 'davis-6410'"),
    ],
)
def test_a_kit_that_does_not_fit_is_refused(board: str, options: dict[str, Any], says: str) -> None:
    """An unknown part, or a gauge for which the board has no pin, stops the build."""
    with pytest.raises(HEADER.BoardError) as caught:
        HEADER.make(board, allow_disputed=False, kit=HEADER.Kit(**options))
    assert says in str(caught.value)


def test_no_kit_pin_is_a_usb_line() -> None:
    """A gauge on the chip's own USB, as GPIO 18 of an ESP32-C3, is refused."""
    board = HEADER.load("ht-ct62")
    assert "wind" not in board["kit"]
    board["kit"]["wind"] = 18
    assert HEADER.problems(board) == ["wind: GPIO 18 is a line of the chip's USB"]


@pytest.mark.parametrize("board", ["heltec-v3", "t-lora-c6"])
def test_the_console_is_read_without_waiting(board: str) -> None:
    """Serial line or USB: what has come, in pieces, then nothing."""
    node = Node(board)
    text = b"time 1790000000000000 31cd\n"
    node.ffi.buffer(node.fake.rx)[: len(text)] = text
    node.fake.rx_bytes = len(text)
    out = node.ffi.new("uint8_t[20]")
    before = node.fake.uptime_us
    assert node.lib.node_console_read(out, 20) == 20
    assert bytes(out) == text[:20]
    assert node.lib.node_console_read(out, 20) == len(text) - 20
    assert node.lib.node_console_read(out, 20) == 0
    assert node.fake.uptime_us == before
