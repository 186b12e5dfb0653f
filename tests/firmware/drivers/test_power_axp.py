# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.firmware.drivers.i2c_bus import Bus
from tests.firmware.drivers.rig import sensor_library

BUS, CHIP = -1, -3


class Pmu:
    """A power manager's registers at 0x34."""

    def __init__(self, registers: dict[int, int]) -> None:
        self.registers = registers
        self.pointer = 0
        self.order: list[int] = []

    def on_write(self, address: int, data: bytes) -> bool:
        """Point, or write one register."""
        self.pointer = data[0]
        if len(data) == 2:
            self.registers[data[0]] = data[1]
            self.order.append(data[0])
        return address == 0x34 and bool(self.registers)

    def on_read(self, address: int, n: int) -> bytes:
        """Read on from the pointer."""
        return bytes(self.registers.get(self.pointer + i, 0) for i in range(n))

    def feed(self) -> int:
        """axp_feed_radio."""
        library = sensor_library()
        bus = Bus(library, self.on_write, self.on_read)
        return int(library.lib.axp_feed_radio(bus.io))

    def battery_mv(self) -> int:
        """axp_battery_mv."""
        library = sensor_library()
        bus = Bus(library, self.on_write, self.on_read)
        return int(library.lib.axp_battery_mv(bus.io))


def test_axp192_feeds_the_radio_and_not_the_gps() -> None:
    """LDO2 3.3 V and on, LDO3 off, the other rails untouched; voltage first."""
    pmu = Pmu({0x03: 0x03, 0x12: 0x5B, 0x28: 0xCF})
    assert pmu.feed() == 0
    assert (pmu.registers[0x12], pmu.registers[0x28]) == (0x57, 0xFF)
    assert pmu.order == [0x28, 0x12]


def test_axp2101_feeds_the_radio_and_not_the_gps() -> None:
    """ALDO2 3.3 V (500 mV + 28 x 100 mV) and on, ALDO3 off, the other rails untouched."""
    pmu = Pmu({0x03: 0x4A, 0x90: 0x95, 0x93: 0xE0})
    assert pmu.feed() == 0
    assert (pmu.registers[0x90], pmu.registers[0x93]) == (0x93, 0xFC)
    assert pmu.order == [0x93, 0x90]


@pytest.mark.parametrize(
    ("registers", "mv"),
    [({0x03: 0x03, 0x78: 0xE1, 0x79: 0x0A}, 3971), ({0x03: 0x4A, 0x34: 0x0F, 0x35: 0xA0}, 4000)],
)
def test_battery(registers: dict[int, int], mv: int) -> None:
    """AXP192: 12 bits of 1.1 mV (0xE1A = 3610); AXP2101: 14 bits of 1 mV; converter on."""
    pmu = Pmu(registers)
    assert pmu.battery_mv() == mv
    assert pmu.order == [0x82 if registers[0x03] == 0x03 else 0x30]


def test_another_part_and_no_part() -> None:
    """An unknown identity is SENSOR_ERR_CHIP and nothing is written; silence is SENSOR_ERR_BUS."""
    other = Pmu({0x03: 0x77})
    assert (other.feed(), other.battery_mv(), other.order) == (CHIP, CHIP, [])
    assert Pmu({}).feed() == BUS
