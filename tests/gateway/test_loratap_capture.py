# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import dataclasses
import itertools
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres_gateway.errors import CaptureError
from qres_gateway.sources import loratap, pcap
from qres_gateway.sources.base import RawFrame
from qres_gateway.sources.capture import CaptureSource, write_capture
from tests.gateway.fake_field import DAY_US, node_frame, raw_frame

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [(1_700_000_000_123_456, b"one"), (1_700_000_001_000_000, b""), (0, bytes(300))]


def capture_file(order: str = "<", *, nanoseconds: bool = False, linktype: int = 270) -> bytes:
    """A file made from the draft's layout, independent of the module under test."""
    # Source: draft-ietf-opsawg-pcap sections 4 and 5.
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    data = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, linktype)
    for time_us, packet in RECORDS:
        seconds, fraction = divmod(time_us, 1_000_000)
        fraction *= 1000 if nanoseconds else 1
        data += struct.pack(f"{order}IIII", seconds, fraction, len(packet), len(packet)) + packet
    return data


def read_all(source: CaptureSource) -> list[RawFrame]:
    """Start, read to the end, close."""

    async def run() -> list[RawFrame]:
        await source.start()
        found: list[RawFrame] = []
        while frames := await source.read(100):
            found += frames
        return found

    return asyncio.run(run())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_all_four_kinds_of_file(order: str, *, nanoseconds: bool) -> None:
    """Either byte order, microseconds or nanoseconds: the same records."""
    reader = pcap.PcapReader(270)
    found = reader.feed(capture_file(order, nanoseconds=nanoseconds))
    assert [(record.time_us, record.data) for record in found] == RECORDS
    assert reader.leftover == 0


@given(st.lists(st.integers(0, 500), max_size=8))
def test_pieces_of_any_size(cuts: list[int]) -> None:
    """How the stream is cut into pieces makes no difference."""
    data = capture_file()
    borders = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    reader = pcap.PcapReader(270)
    found = [
        record
        for low, high in itertools.pairwise(borders)
        for record in reader.feed(data[low:high])
    ]
    assert [(record.time_us, record.data) for record in found] == RECORDS


@given(st.binary(max_size=100) | st.binary(max_size=100).map(capture_file().__add__))
def test_any_bytes_are_records_or_an_error(data: bytes) -> None:
    """A damaged file gives CaptureError or records, never another error."""
    reader = pcap.PcapReader(270)
    try:
        records = reader.feed(data)
    except CaptureError:
        return
    assert sum(16 + len(record.data) for record in records) + reader.leftover <= len(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (capture_file(linktype=1), "link type must be 270, the file has 1"),
        (bytes.fromhex("0a0d0d0a") + bytes(40), "pcapng, convert it"),
        (b"GIF89a", "not a classic pcap file: it begins with 47494638"),
        (
            pcap.file_header(270) + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30),
            "pcap record of 1073741824 bytes exceeds the limit of 262144",
        ),
    ],
)
def test_what_is_no_capture(data: bytes, text: str, tmp_path: Path) -> None:
    """The error names the file and what is wrong with it."""
    path = tmp_path / "x.pcap"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=text) as error:
        read_all(CaptureSource(path))
    assert str(path) in str(error.value)


def test_empty_and_missing_file(tmp_path: Path) -> None:
    """A file without even a header, or none at all, is an error and not an empty capture."""
    with pytest.raises(CaptureError, match="No such file"):
        read_all(CaptureSource(tmp_path / "none.pcap"))
    (tmp_path / "empty.pcap").touch()
    with pytest.raises(CaptureError, match="ends within its file header"):
        read_all(CaptureSource(tmp_path / "empty.pcap"))


def test_writing_and_reading_a_capture(tmp_path: Path) -> None:
    """Frames survive the way through a file; arrival and time source are the reader's."""
    path = tmp_path / "x.pcap"
    frames = [node_frame(node, 300, DAY_US + node) for node in range(5)]
    assert write_capture(path, frames) == 5
    assert read_all(CaptureSource(path)) == [
        dataclasses.replace(frame, host_us=None, tmst_us=0) for frame in frames
    ]
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.pcap"]


def test_a_capture_is_never_overwritten_nor_left_half(tmp_path: Path) -> None:
    """An existing file stays; a frame that does not fit leaves no file behind."""
    path = tmp_path / "x.pcap"
    path.write_bytes(b"precious")
    with pytest.raises(CaptureError, match="not overwritten"):
        write_capture(path, [])
    assert path.read_bytes() == b"precious"
    bad = dataclasses.replace(node_frame(1, 1, DAY_US), bw_hz=62_500)
    with pytest.raises(ValueError, match="bw_hz"):
        write_capture(tmp_path / "y.pcap", [node_frame(0, 1, DAY_US), bad])
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.pcap"]


def test_bad_records_are_counted_and_skipped(tmp_path: Path) -> None:
    """A cut record, one that is no LoRaTap, and a cut end cost themselves only."""
    good = pcap.record(DAY_US, loratap.encode(node_frame(1, 2, DAY_US)))
    cut = bytearray(good)
    cut[12:16] = struct.pack("<I", 1000)  # the original was longer
    path = tmp_path / "x.pcap"
    data = pcap.file_header(270) + good + bytes(cut) + pcap.record(0, b"rubbish") + good + good[:-1]
    path.write_bytes(data)
    source = CaptureSource(path)
    assert len(read_all(source)) == 2
    assert source.refused == {"cut": 1, "short": 1, "truncated": 1}
    assert source.stats() == {"records": 4}


def test_limits_of_a_record() -> None:
    """Times and sizes outside the format are refused by name and value."""
    with pytest.raises(ValueError, match=r"time_us must be 0.*got -1"):
        pcap.record(-1, b"")
    with pytest.raises(ValueError, match="data must be at most 65535 bytes, got 65536"):
        pcap.record(0, bytes(65_536))


TSHARK_FIELDS = (
    "frame.time_epoch",
    "loratap.version",
    "loratap.header_length",
    "loratap.channel.frequency",
    "loratap.channel.bandwidth",
    "loratap.channel.sf",
    "loratap.rssi.packet",
    "loratap.rssi.snr",
    "loratap.syncword",
)


@pytest.mark.slow
@pytest.mark.parametrize("version", [0, 1])
def test_tshark_reads_our_captures(version: int, tmp_path: Path) -> None:
    """Wireshark's dissector, written by others, finds the same values and payloads."""
    if shutil.which("tshark") is None:
        pytest.skip("needs tshark: apt-get install tshark")
    frames = [
        raw_frame(b"\x80abcdef", 1_800_000_000_123_456),
        raw_frame(b"\x81xyz", 1_800_000_001_000_001, freq_hz=869_525_000, sf=12),
        dataclasses.replace(raw_frame(b"\x82z", 1_800_000_002_000_000), snr_db=-7.5),
    ]
    path = tmp_path / "x.pcap"
    path.write_bytes(
        pcap.file_header(loratap.LINKTYPE)
        + b"".join(
            pcap.record(frame.rx_us, loratap.encode(frame, 1 if version else 0)) for frame in frames
        )
    )
    fields = [word for name in TSHARK_FIELDS for word in ("-e", name)]
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=,", *fields]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [line.split(",") for line in text.splitlines()]
    for frame, line in zip(frames, found, strict=True):
        seconds, micros = line[0].split(".")
        assert int(seconds) * 1_000_000 + int(micros[:6]) == frame.rx_us
        ours = loratap.encode(frame, 1 if version else 0)
        assert [int(text, 0) for text in line[1:]] == [
            version,
            35 if version else 15,
            frame.freq_hz,
            1,
            frame.sf,
            ours[10],
            ours[13],
            0x12,
        ]
    verbose = subprocess.run(
        ["tshark", "-r", str(path), "-V"], check=True, capture_output=True, text=True
    ).stdout
    assert "Malformed" not in verbose
    # Its own conversion of the RSSI code. Under a negative SNR it counts whole dB where the
    # README has quarters (seen in 4.0.17), so the third frame is compared by code alone.
    assert verbose.count("Packet: -97 dBm") == 2
    if version == 0:  # 4.0.17 starts the payload after 15 bytes, whatever the header length says
        assert [f"Data: {frame.payload.hex()}" in verbose for frame in frames] == [True] * 3
