# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.firmware.drivers.chip import OnAir
from tests.firmware.drivers.radio_bench import Bench, payload_of
from tests.firmware.drivers.sx127x_chip import LORA, RX_CONTINUOUS, SLEEP, STANDBY, Chip127x


def started(**channel: int) -> tuple[Bench, Chip127x]:
    """A started SX1276."""
    chip = Chip127x()
    return Bench("sx127x", chip).tune(**channel), chip


def test_start_leaves_the_registers_as_the_data_sheet_wants_them() -> None:
    """LoRa standby, sync word 0x12, SF7/125 kHz/4:5 with CRC, explicit header, image calibrated."""
    _, chip = started()
    expected = {
        0x01: LORA | STANDBY, 0x39: 0x12, 0x1D: 0x72, 0x1E: 0x74, 0x26: 0x04, 0x20: 0, 0x21: 8,
        0x0C: 0x23, 0x0E: 0, 0x0F: 0, 0x33: 0x27, 0x3B: 0x1D,
    }  # fmt: skip
    assert {at: chip.registers[at] for at in expected} == expected
    assert chip.calibrated_until > 0
    assert chip.violations == []


@pytest.mark.parametrize(
    ("freq_hz", "steps"),
    [(868_000_000, 0xD90000), (915_000_000, 0xE4C000), (433_000_000, 0x6C4000)],
)
def test_frequency_in_steps(freq_hz: int, steps: int) -> None:
    """The well-known values of RegFrf for 868, 915 and 433 MHz (x * 2**19 / 32 MHz)."""
    _, chip = started(freq_hz=freq_hz)
    assert chip.registers[6] << 16 | chip.registers[7] << 8 | chip.registers[8] == steps


@pytest.mark.parametrize(
    ("bw_hz", "freq_hz", "registers"),
    [(500_000, 868_000_000, {0x36: 0x02, 0x3A: 0x64}),
     (500_000, 433_000_000, {0x36: 0x02, 0x3A: 0x7F}),
     (125_000, 868_000_000, {0x36: 0x03, 0x3A: 0x65, 0x2F: 0x40, 0x30: 0x00}),
     (250_000, 868_000_000, {0x2F: 0x40, 0x30: 0x00})],
)  # fmt: skip
def test_errata(bw_hz: int, freq_hz: int, registers: dict[int, int]) -> None:
    """Errata note 2.1 at 500 kHz by band, 2.3 elsewhere; bit 7 of 0x31 is 1 at 500 kHz only."""
    _, chip = started(bw_hz=bw_hz, freq_hz=freq_hz)
    assert {at: chip.registers[at] for at in registers} == registers
    assert chip.registers[0x31] == (0xC3 if bw_hz == 500_000 else 0x43)


def test_slow_symbols_need_optimisation() -> None:
    """Bit 3 of RegModemConfig3 is set at SF12 and 125 kHz."""
    _, chip = started(sf=12)
    assert chip.registers[0x26] == 0x0C


@pytest.mark.parametrize(
    ("boost", "dbm", "amplifier", "high", "limit"),
    [(1, 20, 0x8F, 0x87, 0x31), (1, 17, 0x8F, 0x84, 0x2B), (1, 2, 0x80, 0x84, 0x2B),
     (0, 14, 0x7E, 0x84, 0x2B), (0, 0, 0x70, 0x84, 0x2B)],
)  # fmt: skip
def test_power(boost: int, dbm: int, amplifier: int, high: int, limit: int) -> None:
    """RegPaConfig, RegPaDac and RegOcp for the powers of both outputs."""
    bench, chip = started(power_dbm=dbm)
    bench.board.pa_boost = boost
    assert bench.start() == 0
    assert bench.send(b"x") == 0
    assert [chip.sent[0].registers[at] for at in (0x09, 0x4D, 0x0B)] == [amplifier, high, limit]


@pytest.mark.parametrize(("boost", "dbm"), [(1, 18), (1, 19), (1, 21), (1, 1), (0, 15), (0, -1)])
def test_power_that_does_not_exist_is_refused(boost: int, dbm: int) -> None:
    """18 and 19 dBm do not exist; nothing is rounded and nothing is sent."""
    bench, chip = started(power_dbm=dbm)
    bench.board.pa_boost = boost
    assert bench.start() == 0
    assert bench.send(b"x") == "ARG"
    assert chip.sent == []


def test_a_frame_leaves_at_its_moment() -> None:
    """The transmission starts within 100 us of the moment, with all its bytes; then standby."""
    bench, chip = started()
    moment = chip.now + 200_000
    end = bench.ffi.new("uint64_t *")
    assert bench.call("send", bytes(range(51)), 51, moment, end) == 0
    assert 0 <= chip.sent[0].at_us - moment < 100
    assert chip.sent[0].payload == bytes(range(51))
    assert end[0] == pytest.approx(chip.sent[0].at_us + chip.airtime_us, abs=10)
    assert chip.mode == STANDBY
    assert chip.violations == []


@pytest.mark.parametrize(
    ("freq_hz", "rssi", "snr", "cdbm"),
    [
        (868_000_000, 60, 0xEC, -10_200),
        (433_000_000, 60, 0xEC, -10_900),
        (868_000_000, 60, 20, -9300),
    ],
)
def test_a_frame_is_received_with_its_figures(freq_hz: int, rssi: int, snr: int, cdbm: int) -> None:
    """RSSI by band and SNR as data sheet 5.5.5 has it; the frequency error as 4.1.5 has it."""
    bench, chip = started(freq_hz=freq_hz)
    end = chip.now + 100_000
    chip.air.append(OnAir(end, b"report", rssi=rssi, snr=snr, freq_error=1000))
    frame = bench.receive()
    assert payload_of(frame) == b"report"
    assert frame.end_us == end
    assert frame.rssi_cdbm == cdbm
    assert frame.freq_error_hz == 131  # 1000 * 2**24 / 32e6 / 4, towards zero
    assert chip.mode == RX_CONTINUOUS


def test_damaged_frames_are_counted_and_dropped() -> None:
    """Wrong CRC, no CRC, no payload: an error each, then the next good frame arrives."""
    bench, chip = started()
    start = chip.now + 100_000
    chip.air += [
        OnAir(start, b"wrong", crc_ok=False),
        OnAir(start + 100_000, b"unprotected", has_crc=False),
        OnAir(start + 200_000, b""),
        OnAir(start + 300_000, b"good"),
    ]
    assert [bench.receive() for _ in range(3)] == ["CRC", "CRC", "LENGTH"]
    assert payload_of(bench.receive()) == b"good"


def test_activity_detection_and_sleep() -> None:
    """CAD tells a busy channel from a free one; sleep is sleep, and a frame wakes it."""
    bench, chip = started()
    assert bench.call("cad") == 0
    chip.cad_busy = True
    assert bench.call("cad") == 1
    assert bench.call("sleep") == 0
    assert chip.mode == SLEEP
    assert bench.send(b"awake") == 0
    assert chip.violations == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("sf", 6), ("sf", 13), ("bw_hz", 41_670), ("cr", 5), ("preamble_symbols", 5),
     ("implicit_header", 1), ("freq_hz", 100_000_000)],
)  # fmt: skip
def test_what_the_chip_or_driver_lacks_is_refused(field: str, value: int) -> None:
    """SF5/6, narrow bandwidths and implicit headers are refused before anything is written."""
    bench = Bench("sx127x")
    bench.set(field, value)
    assert bench.start() == "ARG"
    assert bench.chip.transfers == 0
