# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.drivers.i2c_bus import Bus, new_raw
from tests.firmware.drivers.rig import sensor_library

VECTORS = json.loads(Path(__file__).with_name("bme280_vectors.json").read_text(encoding="utf-8"))
MISSED = -(2**31)
BUS, CRC, CHIP, NOT_READY = -1, -2, -3, -4


def q16(value: int) -> float:
    """A Q16.16 number."""
    return value / 65536


def crc8(data: bytes) -> int:
    """CRC-8, polynomial 0x31, initial 0xFF, written as a remainder of long division."""
    number = int.from_bytes(data, "big") ^ (0xFF << 8 * (len(data) - 1))
    number <<= 8
    for bit in range(8 * len(data) - 1, -1, -1):
        if number >> (bit + 8) & 1:
            number ^= 0x131 << bit
    return number


def sht_answer(temp: int, rh: int) -> bytes:
    """What an SHT4x answers."""
    words = [temp.to_bytes(2, "big"), rh.to_bytes(2, "big")]
    return b"".join(word + bytes([crc8(word)]) for word in words)


def read_sht(answer: bytes | None) -> tuple[int, Any]:
    """The result of sht4x_read for an answer of the part."""
    library = sensor_library()
    written: list[bytes] = []

    def on_write(_address: int, data: bytes) -> bool:
        written.append(data)
        return True

    bus = Bus(library, on_write, lambda _a, _n: answer)
    part = library.ffi.new("sht4x *", {"bus": bus.io, "address": 0x44})
    raw = new_raw(library)
    assert library.lib.sht4x_start(part) == 0
    assert written == [b"\xfd"]
    return library.lib.sht4x_read(part, raw), raw


@pytest.mark.parametrize(("data", "crc"), [(b"\xbe\xef", 0x92), (b"\x00", 0xAC), (b"", 0xFF)])
def test_sht4x_crc(data: bytes, crc: int) -> None:
    """CRC of 0xBEEF is 0x92 (data sheet 4.4); of 0x00 0xAC (Sensirion SHT3x application note)."""
    assert sensor_library().lib.sht4x_crc(data, len(data)) == crc


@given(st.binary(min_size=1, max_size=8))
def test_sht4x_crc_is_the_remainder(data: bytes) -> None:
    """The table-free CRC equals the remainder of the polynomial division."""
    assert sensor_library().lib.sht4x_crc(data, len(data)) == crc8(data)


@pytest.mark.parametrize(
    ("raw_t", "raw_rh", "temp", "rh"),
    [(0, 0, -45, 0), (65535, 65535, 130, 100), (26214, 29360, 25.0, 50.0), (16852, 24117, 0, 40.0)],
)
def test_sht4x_formulas(raw_t: int, raw_rh: int, temp: float, rh: float) -> None:
    """-45 + 175 x/65535 degC and -6 + 125 x/65535 %, cropped to 0..100 (data sheet 4.6)."""
    code, raw = read_sht(sht_answer(raw_t, raw_rh))
    assert code == 0
    assert q16(raw.temp_degc) == pytest.approx(temp, abs=0.002)
    assert q16(raw.rh_pct) == pytest.approx(rh, abs=0.002)


@given(raw_t=st.integers(0, 65535), raw_rh=st.integers(0, 65535))
def test_sht4x_is_the_formula_everywhere(raw_t: int, raw_rh: int) -> None:
    """All counts give the formula's value, rounded to the nearest of Q16.16."""
    lib = sensor_library().lib
    assert q16(lib.sht4x_temp_degc(raw_t)) == pytest.approx(-45 + 175 * raw_t / 65535, abs=1e-5)
    expected = min(100.0, max(0.0, -6 + 125 * raw_rh / 65535))
    assert q16(lib.sht4x_rh_pct(raw_rh)) == pytest.approx(expected, abs=1e-5)


@given(position=st.integers(0, 47))
def test_sht4x_refuses_any_flipped_bit(position: int) -> None:
    """One wrong bit anywhere in the answer is SENSOR_ERR_CRC, and the reading stays missed."""
    answer = bytearray(sht_answer(26214, 29360))
    answer[position // 8] ^= 1 << position % 8
    code, raw = read_sht(bytes(answer))
    assert (code, raw.temp_degc, raw.rh_pct) == (CRC, MISSED, MISSED)


def test_sht4x_that_does_not_answer() -> None:
    """A missing part is SENSOR_ERR_BUS, and the reading stays missed."""
    code, raw = read_sht(None)
    assert (code, raw.temp_degc) == (BUS, MISSED)


def trim_bytes(trim: dict[str, list[int]]) -> dict[int, int]:
    """The registers of a BME280 with these trimming values, data sheet table 16."""
    registers: dict[int, int] = {0xD0: 0x60, 0xF3: 0}
    words = [*trim["t"], *trim["p"]]
    for i, word in enumerate(words):
        low = (word & 0xFFFF).to_bytes(2, "little")
        registers[0x88 + 2 * i], registers[0x89 + 2 * i] = low
    h1, h2, h3, h4, h5, h6 = trim["h"]
    registers |= {0xA1: h1, 0xE1: h2 & 0xFF, 0xE2: h2 >> 8 & 0xFF, 0xE3: h3}
    registers |= {0xE4: h4 >> 4 & 0xFF, 0xE5: h4 & 0xF | (h5 & 0xF) << 4, 0xE6: h5 >> 4 & 0xFF}
    registers[0xE7] = h6 & 0xFF
    return registers


class Part:
    """A BME280: registers, a pointer, and what was ordered."""

    def __init__(self, trim: dict[str, list[int]], t: int, p: int, h: int) -> None:
        self.registers = trim_bytes(trim)
        for at, value in ((0xF7, p), (0xFA, t)):
            self.registers |= {
                at: value >> 12,
                at + 1: value >> 4 & 0xFF,
                at + 2: (value & 0xF) << 4,
            }
        self.registers |= {0xFD: h >> 8, 0xFE: h & 0xFF}
        self.pointer = 0
        self.writes: list[tuple[int, int]] = []
        self.there = True

    def on_write(self, address: int, data: bytes) -> bool:
        """Point, or write one register."""
        self.pointer = data[0]
        if len(data) == 2:
            self.writes.append((data[0], data[1]))
        return self.there and address == 0x76

    def on_read(self, address: int, n: int) -> bytes | None:
        """Read on from the pointer."""
        return (
            bytes(self.registers.get(self.pointer + i, 0) for i in range(n)) if self.there else None
        )

    def measure(self) -> tuple[int, Any]:
        """Start, then read: the result, and the reading."""
        library = sensor_library()
        bus = Bus(library, self.on_write, self.on_read)
        driver = library.ffi.new("bme280 *", {"bus": bus.io, "address": 0x76})
        raw = new_raw(library)
        code = library.lib.bme280_start(driver)
        return (code or library.lib.bme280_read(driver, raw)), raw


@pytest.mark.parametrize("row", VECTORS["rows"], ids=str)
def test_bme280_agrees_with_the_vendors_code(row: list[float]) -> None:
    """Temperature, pressure and humidity equal Bosch's own floating-point code to the tolerance."""
    trim, t, p, h = VECTORS["trims"][int(row[0])], int(row[1]), int(row[2]), int(row[3])
    part = Part(trim, t, p, h)
    code, raw = part.measure()
    assert code == 0
    assert part.writes == [(0xF2, 0x01), (0xF4, 0x25)]
    tolerance = VECTORS["tolerance"]
    assert q16(raw.temp_degc) == pytest.approx(row[4], abs=tolerance["temp_degc"])
    assert q16(raw.pressure_hpa) * 100 == pytest.approx(row[5], abs=tolerance["pressure_pa"])
    assert q16(raw.rh_pct) == pytest.approx(row[6], abs=tolerance["rh_pct"])


def test_bme280_example_of_the_data_sheet() -> None:
    """
    25.08 degC and 100653.27 Pa: the worked example of the BMP280 data sheet (3.12), same formulas.

    The example's pressure is the floating-point one; the integer formula truncates 0.02 Pa away.
    """
    library = sensor_library()
    trim = library.ffi.new("bme280_trim *")
    values = VECTORS["trims"][0]
    trim.t1, trim.t2, trim.t3 = values["t"]
    for i, value in enumerate(values["p"], 1):
        setattr(trim, f"p{i}", value)
    fine = library.ffi.new("int32_t *")
    assert library.lib.bme280_temp_cdegc(trim, 519888, fine) == 2508
    assert fine[0] == 128422
    assert library.lib.bme280_pressure(trim, 415148, fine[0]) / 256 == pytest.approx(
        100653.27, abs=0.03
    )


def test_bme280_negative_humidity_trims() -> None:
    """H4 and H5 are 12-bit signed and share a byte; H6 is signed."""
    library = sensor_library()
    registers = trim_bytes(
        {"t": [1, -2, 3], "p": list(range(-4, 5)), "h": [9, -300, 7, -5, -2048, -100]}
    )
    low = bytes(registers.get(0x88 + i, 0) for i in range(26))
    high = bytes(registers[0xE1 + i] for i in range(7))
    trim = library.ffi.new("bme280_trim *")
    library.lib.bme280_trim_from(trim, low, high)
    assert (trim.t1, trim.t2, trim.t3, trim.p2, trim.p9) == (1, -2, 3, -3, 4)
    assert (trim.h1, trim.h2, trim.h3, trim.h4, trim.h5, trim.h6) == (9, -300, 7, -5, -2048, -100)


def test_bme280_faults() -> None:
    """No part, a BMP280 in its place, still measuring, supply lost: an error each, nothing read."""
    trim = VECTORS["trims"][0]
    for change, expected in (
        ({}, BUS),
        ({0xD0: 0x58}, CHIP),
        ({0xF3: 0x08}, NOT_READY),
        ({0xF7: 0x80, 0xF8: 0, 0xF9: 0}, NOT_READY),
    ):
        part = Part(trim, 519888, 415148, 30000)
        part.there = bool(change)
        part.registers |= change
        code, raw = part.measure()
        assert (code, raw.temp_degc, raw.pressure_hpa) == (expected, MISSED, MISSED)


@given(
    low=st.binary(min_size=26, max_size=26),
    high=st.binary(min_size=7, max_size=7),
    adc=st.tuples(st.integers(0, 2**20 - 1), st.integers(0, 2**20 - 1), st.integers(0, 2**16 - 1)),
)
def test_bme280_no_trim_overflows(low: bytes, high: bytes, adc: tuple[int, int, int]) -> None:
    """No trimming values and counts overflow (the build traps), and RH is 0..100."""
    library = sensor_library()
    trim = library.ffi.new("bme280_trim *")
    library.lib.bme280_trim_from(trim, low, high)
    fine = library.ffi.new("int32_t *")
    library.lib.bme280_temp_cdegc(trim, adc[0], fine)
    library.lib.bme280_pressure(trim, adc[1], fine[0])
    assert 0 <= library.lib.bme280_humidity(trim, adc[2], fine[0]) <= 100 * 1024
