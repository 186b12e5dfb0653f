# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.firmware.drivers.chip import OnAir
from tests.firmware.drivers.radio_bench import Bench, payload_of
from tests.firmware.drivers.sx126x_chip import RX, SLEEP, STBY_RC, Chip


def started(**channel: int) -> tuple[Bench, Chip]:
    """A started SX1262 on a board with TCXO."""
    chip = Chip()
    chip.tcxo = True
    return Bench("sx126x", chip).tune(**channel), chip


def test_start_leaves_the_chip_as_the_data_sheet_wants_it() -> None:
    """Sync word, SF7/125 kHz/4:5, DC-DC, DIO2 switch, TCXO at 1.8 V, EU image."""
    bench, chip = started()
    assert (chip.registers[0x0740], chip.registers[0x0741]) == (0x14, 0x24)
    expected = {
        0x8A: "01", 0x8B: "07040100", 0x8C: "000800ff0100", 0x96: "01", 0x9D: "01",
        0x97: "02000140", 0x98: "d7db", 0x89: "7f", 0x8F: "0000", 0x93: "20",
    }  # fmt: skip
    assert {opcode: chip.settings[opcode].hex() for opcode in expected} == expected
    assert chip.mode == STBY_RC
    assert chip.violations == []
    assert bench.radio.counters.restarts == 1


@pytest.mark.parametrize(
    ("freq_hz", "steps"),
    [(868_000_000, "36400000"), (915_000_000, "39300000"), (433_000_000, "1b100000")],
)
def test_frequency_in_steps(freq_hz: int, steps: str) -> None:
    """868, 915 and 433 MHz are the step counts of the data sheet's formula (x * 2**25 / 32 MHz)."""
    _, chip = started(freq_hz=freq_hz)
    assert chip.settings[0x86].hex() == steps


@pytest.mark.parametrize(
    ("freq_hz", "image"),
    [(433_920_000, "6b6f"), (490_000_000, "7581"), (780_000_000, "c1c5"),
     (863_100_000, "d7db"), (915_000_000, "e1e9"), (600_000_000, None)],
)  # fmt: skip
def test_image_calibration_by_band(freq_hz: int, image: str | None) -> None:
    """The image is calibrated for the band in use, data sheet table 9-2; else left as it is."""
    _, chip = started(freq_hz=freq_hz)
    assert chip.settings[0x98].hex() == image if image else 0x98 not in chip.settings


@pytest.mark.parametrize(
    ("bw_hz", "sf", "modulation"),
    [(125_000, 12, "0c040101"), (250_000, 12, "0c050101"), (500_000, 12, "0c060100"),
     (62_500, 7, "07030100"), (7810, 5, "05000100"), (10420, 6, "06080100"),
     (125_000, 11, "0b040101"), (125_000, 10, "0a040100")],
)  # fmt: skip
def test_modulation_codes(bw_hz: int, sf: int, modulation: str) -> None:
    """Bandwidth codes of table 13-47, and low data rate optimisation from 16.38 ms a symbol on."""
    _, chip = started(bw_hz=bw_hz, sf=sf)
    assert chip.settings[0x8B].hex() == modulation


@pytest.mark.parametrize(("invert", "bit"), [(0, 4), (1, 0)])
def test_limitation_15_4_inverted_iq(invert: int, bit: int) -> None:
    """After SetPacketParams bit 2 of 0x0736 is 1 for standard IQ and 0 for inverted IQ."""
    _, chip = started(invert_iq=invert)
    assert chip.registers[0x0736] & 4 == bit
    assert chip.registers[0x0736] & ~4 == 0x09


@pytest.mark.parametrize(("bw_hz", "bit"), [(125_000, 4), (250_000, 4), (500_000, 0)])
def test_limitations_15_1_and_15_2_hold_when_sending(bw_hz: int, bit: int) -> None:
    """Bit 2 of 0x0889 is 0 at 500 kHz only; the amplifier's clamp (0x08D8) has bits 4:1 set."""
    bench, chip = started(bw_hz=bw_hz)
    assert bench.send(b"frame") == 0
    assert chip.sent[0].registers[0x0889] == 0x01 | bit
    assert chip.sent[0].registers[0x08D8] == 0xC8 | 0x1E


@pytest.mark.parametrize(
    ("dbm", "amplifier", "power"),
    [(22, "04070001", 22), (20, "03050001", 22), (17, "02030001", 22), (14, "02020001", 22),
     (16, "04070001", 16), (0, "04070001", 0), (-9, "04070001", -9)],
)  # fmt: skip
def test_power_of_the_sx1262(dbm: int, amplifier: str, power: int) -> None:
    """The optimal settings of table 13-21 for its four powers; full range in between."""
    bench, chip = started(power_dbm=dbm)
    assert bench.send(b"x") == 0
    settings = chip.sent[0].settings
    assert settings[0x95].hex() == amplifier
    assert settings[0x8E] == bytes([power & 0xFF, 2])


@pytest.mark.parametrize(
    ("dbm", "amplifier", "power"),
    [(15, "06000101", 14), (14, "04000101", 14), (10, "01000101", 13), (-17, "04000101", -17)],
)
def test_power_of_the_sx1261(dbm: int, amplifier: str, power: int) -> None:
    """The low-power amplifier's settings, table 13-21."""
    bench, chip = started(power_dbm=dbm)
    bench.board.chip = 1
    assert bench.start() == 0
    assert bench.send(b"x") == 0
    assert chip.sent[0].settings[0x95].hex() == amplifier
    assert chip.sent[0].settings[0x8E] == bytes([power & 0xFF, 2])


@pytest.mark.parametrize("dbm", [23, -10, 30])
def test_power_out_of_range_is_refused(dbm: int) -> None:
    """A power that the chip does not have is refused, never clamped, and nothing is sent."""
    bench, chip = started(power_dbm=dbm)
    assert bench.send(b"x") == "ARG"
    assert chip.sent == []


def test_a_frame_leaves_at_its_moment() -> None:
    """The transmission starts within 100 us of the moment asked for, with length and content."""
    bench, chip = started()
    moment = chip.now + 200_000
    end = bench.ffi.new("uint64_t *")
    assert bench.call("send", b"\x01\x02\x03\x04\x05\x06", 6, moment, end) == 0
    sent = chip.sent[0]
    assert 0 <= sent.at_us - moment < 100
    assert sent.payload == b"\x01\x02\x03\x04\x05\x06"
    assert end[0] == sent.at_us + chip.airtime_us
    assert chip.mode == STBY_RC
    assert chip.switch[-3:] == [0, 2, 0]
    assert chip.violations == []


def test_a_moment_that_has_passed_sends_nothing() -> None:
    """More than 10 ms late: RADIO_ERR_LATE, and the antenna stays silent."""
    bench, chip = started()
    assert bench.send(b"x", in_us=-11_000) == "LATE"
    assert chip.sent == []


@pytest.mark.parametrize("payload", [b"", bytes(256)])
def test_length_is_checked(payload: bytes) -> None:
    """0 and 256 bytes are no frames."""
    bench, _ = started()
    assert bench.send(payload) == "ARG"


def test_sleep_keeps_the_configuration_and_wakes_by_itself() -> None:
    """After warm sleep a frame is sent and one received without a new start."""
    bench, chip = started()
    assert bench.call("sleep") == 0
    assert chip.mode == SLEEP
    assert bench.send(b"awake") == 0
    assert bench.call("sleep") == 0
    chip.air.append(OnAir(chip.now + 500_000, b"hello"))
    assert payload_of(bench.receive()) == b"hello"
    assert chip.violations == []


def test_a_frame_is_received_with_its_figures() -> None:
    """End of reception is the edge of DIO1; RSSI -value/2 dBm, SNR value/4 dB, offset in Hz."""
    bench, chip = started()
    end = chip.now + 300_000
    chip.air.append(OnAir(end, bytes(range(51)), rssi=197, snr=0xD8, freq_error=-1000))
    frame = bench.receive()
    assert payload_of(frame) == bytes(range(51))
    assert frame.end_us == end
    assert frame.end_uncertain == 0
    assert (frame.rssi_cdbm, frame.snr_cdb) == (-9850, -1000)
    assert frame.freq_error_hz == -121  # -1000 * 1.55 * 125 / 1600, towards zero
    assert chip.mode == RX


def test_frames_follow_each_other_without_listening_anew() -> None:
    """The chip stays in reception: ten frames in a row arrive, across the buffer's end."""
    bench, chip = started()
    frames = [bytes([i] * 51) for i in range(10)]
    chip.air += [OnAir(chip.now + 100_000 * (i + 1), frame) for i, frame in enumerate(frames)]
    assert [payload_of(bench.receive()) for _ in frames] == frames
    assert bench.receive(1000) == 0
    assert bench.radio.counters.frames == 10


def test_damaged_frames_are_counted_and_dropped() -> None:
    """Wrong CRC, a frame without CRC, damaged header, no payload: an error each."""
    bench, chip = started()
    start = chip.now + 100_000
    chip.air += [
        OnAir(start, b"wrong", crc_ok=False),
        OnAir(start + 100_000, b"unprotected", has_crc=False),
        OnAir(start + 200_000, b"header", header_ok=False),
        OnAir(start + 300_000, b""),
        OnAir(start + 400_000, b"good"),
    ]
    assert [bench.receive() for _ in range(4)] == ["CRC", "CRC", "HEADER", "LENGTH"]
    assert payload_of(bench.receive()) == b"good"
    counters = bench.radio.counters
    assert (counters.crc_errors, counters.header_errors, counters.empty) == (2, 1, 1)


def test_activity_detection() -> None:
    """CAD over four symbols says whether somebody sends; peak 21 and minimum 10 at SF7."""
    bench, chip = started()
    assert bench.call("cad") == 0
    chip.cad_busy = True
    assert bench.call("cad") == 1
    assert chip.settings[0x88].hex() == "02150a00000000"
    assert chip.mode == STBY_RC


def test_limitation_15_3_stops_the_timer_of_implicit_headers() -> None:
    """After a reception with implicit header 0x0902 is 0 and bit 1 of 0x0944 is set."""
    bench, chip = started(implicit_header=1)
    chip.registers |= {0x0902: 5, 0x0944: 0x10}
    chip.air.append(OnAir(chip.now + 10_000, b"implicit"))
    assert payload_of(bench.receive()) == b"implicit"
    assert (chip.registers[0x0902], chip.registers[0x0944]) == (0, 0x12)


@pytest.mark.parametrize(
    ("field", "value"),
    [("sf", 4), ("sf", 13), ("cr", 0), ("cr", 5), ("bw_hz", 125_001), ("preamble_symbols", 0),
     ("freq_hz", 149_000_000), ("freq_hz", 2_400_000_000)],
)  # fmt: skip
def test_a_channel_that_does_not_exist_is_refused(field: str, value: int) -> None:
    """Arguments outside their range are refused before anything reaches the chip."""
    bench = Bench("sx126x")
    bench.set(field, value)
    assert bench.start() == "ARG"
    assert bench.chip.transfers == 0


def test_a_tcxo_voltage_that_the_chip_lacks_is_refused() -> None:
    """DIO3 gives eight voltages; 2000 mV is none of them."""
    bench = Bench("sx126x")
    bench.board.tcxo_mv = 2000
    assert bench.start() == "ARG"


def test_instant_rssi() -> None:
    """While it listens, the chip says how strong the channel is at the moment."""
    bench, _ = started()
    rssi = bench.ffi.new("int16_t *")
    assert bench.call("rssi", rssi) == "ARG"
    assert bench.call("listen") == 0
    assert bench.call("rssi", rssi) == 0
    assert rssi[0] == -10_000
