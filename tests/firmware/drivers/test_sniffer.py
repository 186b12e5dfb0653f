# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres_gateway.sources.sniffer import Configuration, Decoder, Frame, Record, Status, cobs_decode
from tests.firmware.drivers.chip import Faults, OnAir
from tests.firmware.drivers.radio_bench import Bench
from tests.firmware.drivers.rig import INCLUDES, RECEIVE_ONLY, STRICT, sniffer_library
from tests.gateway import sniffer_line
from tests.sources import ROOT

SENDING = re.compile(r"(?i)(^|_)(tx|send|sent|transmit|fire|wait_until|amplifier|set_power)")
RECEIVER = bytes(range(1, 9))


def symbols(compiler: list[str], folder: Path) -> set[str]:
    """All symbols, local ones too, of the sniffer's objects."""
    found: set[str] = set()
    for source in RECEIVE_ONLY:
        target = folder / f"{source.stem}.o"
        subprocess.run(
            [*compiler, *STRICT, *INCLUDES, "-O1", "-c", source, "-o", target], check=True
        )
        prefix = compiler[0].removesuffix("gcc")
        out = subprocess.run([f"{prefix}nm", target], check=True, capture_output=True, text=True)
        found |= {line.split()[-1] for line in out.stdout.splitlines()}
    return found


COMPILERS = {
    "host": ["gcc"],
    "rv32": [
        "riscv64-unknown-elf-gcc",
        "--specs=picolibc.specs",
        "-march=rv32imc",
        "-mabi=ilp32",
        "-misa-spec=2.2",
    ],
}


@pytest.mark.parametrize("target", COMPILERS)
def test_no_function_that_transmits_is_linked(target: str, tmp_path: Path) -> None:
    """No symbol of what a sniffer is made of names a transmission, local ones included."""
    if shutil.which(COMPILERS[target][0]) is None:
        pytest.skip(f"{COMPILERS[target][0]} is missing; Debian: picolibc-riscv64-unknown-elf")
    found = symbols(COMPILERS[target], tmp_path)
    assert {"sx126x_receive", "sx127x_receive", "sniffer_step"} <= found
    assert [name for name in found if SENDING.search(name)] == []


def test_the_check_would_find_a_transmission(tmp_path: Path) -> None:
    """The same pattern finds the drivers' sending parts."""
    source = ROOT / "firmware/drivers/radio/sx126x_tx.c"
    target = tmp_path / "tx.o"
    subprocess.run(["gcc", *STRICT, *INCLUDES, "-O0", "-c", source, "-o", target], check=True)
    out = subprocess.run(["nm", target], check=True, capture_output=True, text=True).stdout
    names = [line.split()[-1] for line in out.splitlines()]
    assert {"sx126x_send", "set_power"} <= {name for name in names if SENDING.search(name)}


class Sniffer:
    """The compiled sniffer on a modelled chip; what it writes goes to the gateway's decoder."""

    def __init__(self, family: str) -> None:
        library = sniffer_library()
        ffi = library.ffi
        self.bench = Bench(family, library=library)
        self.chip = self.bench.chip
        self.decoder = Decoder()
        self.records: list[Record] = []
        self.reading = True
        self.port: Any = ffi.new("sniffer_port *")
        self._kept = self._callbacks()
        self.sniffer: Any = ffi.new("sniffer *")
        identity = ffi.new("record_identity *", {"boot": 99, "board": 5, "version": b"0.1.0"})
        library.lib.sniffer_init(self.sniffer, self.port, self.bench.channel, identity, RECEIVER)

    def _callbacks(self) -> list[Any]:
        bench, ffi, lib = self.bench, self.bench.ffi, self.bench.library.lib
        receive = getattr(lib, f"{bench.family}_receive")
        start = getattr(lib, f"{bench.family}_start")

        def write(_ctx: Any, line: Any, n: int) -> int:
            if self.reading:
                self.records += self.decoder.feed(bytes(ffi.buffer(line, n)))
            return int(self.reading)

        def pause(_ctx: Any, until_us: int) -> None:
            self.chip.now = max(self.chip.now, until_us)

        functions = {
            "now_us": lambda _ctx: self.chip.now_us(),
            "radio_start": lambda _ctx: start(bench.radio, bench.io, bench.board, bench.channel),
            "radio_receive": lambda _ctx, until, frame: receive(bench.radio, until, frame),
            "radio_counters_of": lambda _ctx: ffi.addressof(bench.radio, "counters"),
            "write": write,
            "pause": pause,
        }
        kept = []
        for name, function in functions.items():
            callback = ffi.callback(ffi.typeof(getattr(self.port, name)), function)
            setattr(self.port, name, callback)
            kept.append(callback)
        return kept

    def run(self, seconds: float) -> None:
        """Step until the chip's clock has gone on so far."""
        end = self.chip.now + round(seconds * 1e6)
        for _ in range(10_000):
            if self.chip.now >= end:
                return
            self.bench.library.lib.sniffer_step(self.sniffer)
        raise AssertionError("the sniffer spins")

    def frames(self) -> list[Frame]:
        """The frames written so far."""
        return [record for record in self.records if isinstance(record, Frame)]


@pytest.mark.parametrize("family", ["sx126x", "sx127x"])
def test_from_the_air_to_the_gateway(family: str) -> None:
    """Frames on the air come out of the gateway's decoder, with time and strength."""
    sniffer = Sniffer(family)
    start = sniffer.chip.now
    payloads = [bytes([i] * (i + 1)) for i in range(0, 255, 17)]
    sniffer.chip.air = [
        OnAir(start + 100_000 * (i + 1), payload, rssi=120, snr=0xD8, freq_error=-500)
        for i, payload in enumerate(payloads)
    ]
    sniffer.run(25)
    frames = sniffer.frames()
    assert [frame.payload for frame in frames] == payloads
    assert [frame.head.time_us - start for frame in frames] == [
        100_000 * (i + 1) for i in range(len(payloads))
    ]
    assert {frame.head.receiver for frame in frames} == {RECEIVER.hex()}
    assert {frame.snr_db for frame in frames} == {-10.0}
    assert all(frame.freq_error_hz is not None and frame.freq_error_hz < 0 for frame in frames)
    assert sniffer.chip.sent == []
    assert (sniffer.decoder.lost, dict(sniffer.decoder.refused)) == (0, {})


def test_it_says_who_and_how_it_is_every_ten_seconds() -> None:
    """A configuration and a status record at the start and every 10 s."""
    sniffer = Sniffer("sx126x")
    sniffer.chip.air = [OnAir(sniffer.chip.now + 200_000, b"bad", crc_ok=False)]
    sniffer.run(35)
    configurations = [r for r in sniffer.records if isinstance(r, Configuration)]
    statuses = [r for r in sniffer.records if isinstance(r, Status)]
    assert len(configurations) == len(statuses) == 4
    assert (configurations[0].boot, configurations[0].board) == (99, 5)
    assert (configurations[0].freq_hz, configurations[0].sync_word) == (869_525_000, 0x12)
    assert configurations[0].version == "0.1.0"
    assert (statuses[-1].crc_errors, statuses[-1].frames, statuses[-1].radio_error) == (1, 0, 0)


def test_a_radio_that_fails_is_started_again_and_again() -> None:
    """A dead bus is reported, tried with growing pauses, and frames flow when it heals."""
    sniffer = Sniffer("sx126x")
    sniffer.run(1)
    sniffer.chip.faults = Faults(bus_fails=True)
    sniffer.run(300)
    starts = sniffer.bench.radio.counters.restarts
    assert 8 <= starts <= 14
    sniffer.chip.faults = Faults()
    sniffer.run(61)
    sniffer.chip.air = [OnAir(sniffer.chip.now + 1_000_000, b"back")]
    sniffer.run(12)
    assert sniffer.frames()[-1].payload == b"back"
    last = [r for r in sniffer.records if isinstance(r, Status)][-1]
    assert last.radio_error == -3


def test_records_that_nobody_reads_are_counted() -> None:
    """While the host is away records are dropped, and the next status says how many."""
    sniffer = Sniffer("sx126x")
    sniffer.run(1)
    sniffer.reading = False
    sniffer.chip.air = [OnAir(sniffer.chip.now + 1000 * i + 1000, b"unread") for i in range(5)]
    sniffer.run(1)
    sniffer.reading = True
    sniffer.run(11)
    last = [r for r in sniffer.records if isinstance(r, Status)][-1]
    assert last.frames == 5
    assert last.dropped == sniffer.decoder.lost >= 5


@settings(max_examples=100)
@given(
    payload=st.binary(min_size=1, max_size=255),
    time_us=st.integers(0, 2**64 - 1),
    seq=st.integers(0, 65535),
)
def test_encoder_writes_the_format(payload: bytes, time_us: int, seq: int) -> None:
    """The C encoder's bytes are those of an encoder written from FORMAT.md."""
    library = sniffer_library()
    ffi = library.ffi
    writer = ffi.new("record_writer *", {"receiver": list(sniffer_line.RECEIVER), "seq": seq})
    channel = ffi.new("radio_channel *", {"freq_hz": 869_525_000})
    channel.lora.bw_hz, channel.lora.sf = 125_000, 7
    frame = ffi.new(
        "radio_frame *",
        {"end_us": time_us, "rssi_cdbm": -9850, "snr_cdb": -725, "freq_error_hz": 310},
    )
    frame.len = len(payload)
    frame.bytes[0 : len(payload)] = list(payload)
    line = ffi.new("uint8_t[]", 302)
    length = library.lib.record_frame(writer, channel, frame, line)
    assert bytes(line[0:length]) == sniffer_line.frame(seq, time_us, payload)


@pytest.mark.parametrize("length", [1, 252, 253, 254, 255, 256, 298])
def test_long_runs_without_a_zero(length: int) -> None:
    """COBS of up to 298 bytes without a zero: a code of 255 after 254 bytes, in a line's bounds."""
    library = sniffer_library()
    data = bytes(1 + i % 255 for i in range(length))
    line = library.ffi.new("uint8_t[]", library.lib.RECORD_LINE_MAX)
    written = library.lib.record_line(data, length, line)
    assert written <= library.lib.RECORD_LINE_MAX
    decoded = cobs_decode(bytes(line[1 : written - 1]))
    assert (line[0], line[written - 1], decoded) == (0, 0, data)
