# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres_gateway.sources.sniffer import (
    RECORD_MAX_BYTES,
    Configuration,
    Decoder,
    Frame,
    Status,
    cobs_decode,
    parse,
)
from tests.gateway.sniffer_line import RECEIVER, cobs, configuration, frame, line, status


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        ("", "01"),
        ("00", "0101"),
        ("0000", "010101"),
        ("11220033", "0311220233"),
        ("11223344", "0511223344"),
        ("11000000", "0211010101"),
    ],
)
def test_cobs_examples(data: str, encoded: str) -> None:
    """The examples of Cheshire & Baker (1999), as listed in Wikipedia's article, both ways."""
    assert cobs(bytes.fromhex(data)).hex() == encoded
    assert cobs_decode(bytes.fromhex(encoded)) == bytes.fromhex(data)


@pytest.mark.parametrize("count", [253, 254, 255, 256, 508, 509])
def test_cobs_long_runs(count: int) -> None:
    """Runs of 254 bytes without zero take a code of 255 and no implied zero."""
    data = bytes(1 + i % 255 for i in range(count))
    encoded = cobs(data)
    assert 0 not in encoded
    assert cobs_decode(encoded) == data


@given(st.binary(max_size=700))
def test_cobs_round_trip(data: bytes) -> None:
    """Any bytes come back, and no zero is in the encoding."""
    encoded = cobs(data)
    assert 0 not in encoded
    assert cobs_decode(encoded) == data


def test_a_frame_is_read() -> None:
    """Every field of a frame record, in its unit."""
    [record] = Decoder().feed(frame(5, 123_456_789, b"\x00\x01report\x00", flags=1))
    assert isinstance(record, Frame)
    assert record.head.receiver == RECEIVER.hex()
    assert (record.head.seq, record.head.time_us) == (5, 123_456_789)
    assert record.payload == b"\x00\x01report\x00"
    assert (record.freq_hz, record.bw_hz, record.sf) == (869_525_000, 125_000, 7)
    assert (record.rssi_dbm, record.snr_db, record.freq_error_hz) == (-98.5, -7.25, 310)
    assert record.end_uncertain


def test_configuration_and_status_are_read() -> None:
    """The other two kinds."""
    first, second = Decoder().feed(configuration(0, 1) + status(1, 2, radio_error=-2))
    assert isinstance(first, Configuration)
    assert (first.boot, first.freq_hz, first.preamble_symbols) == (7, 869_525_000, 8)
    assert (first.sync_word, first.version) == (0x12, "0.1.0")
    assert isinstance(second, Status)
    assert (second.frames, second.crc_errors, second.dropped, second.radio_error) == (1, 2, 7, -2)


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (line(1, 0, 0, b"", version=2), "version"),
        (line(9, 0, 0, b"12345678"), "kind"),
        (line(3, 0, 0, b"short"), "length"),
        (frame(0, 0, b""), "length"),
        (frame(0, 0, b"x", sf=13), "value"),
        (b"\0\x05abc\0", "cobs"),
        (b"\0" + b"\x01" * 400 + b"\0", "overlong"),
        (b"\0\x02a\0", "length"),
        (b"ESP-ROM:esp32s3-20210327\r\n\0", "cobs"),
    ],
)
def test_what_is_no_record_is_counted_by_reason(piece: bytes, reason: str) -> None:
    """Each way of being no record has its counter, and the next record is read."""
    decoder = Decoder()
    [record] = decoder.feed(piece + frame(1, 1, b"good"))
    assert isinstance(record, Frame)
    assert dict(decoder.refused) == {reason: 1}


@given(st.lists(st.binary(min_size=1, max_size=255), max_size=12), st.integers(0, 2**32))
def test_any_cut_of_the_stream_gives_the_same_records(payloads: list[bytes], seed: int) -> None:
    """However the bytes are divided among reads, each frame arrives once and in order."""
    stream = b"".join(frame(i, 1000 * i, payload) for i, payload in enumerate(payloads))
    chance, decoder, found, at = random.Random(seed), Decoder(), [], 0
    while at < len(stream):
        step = chance.randrange(1, 40)
        found += decoder.feed(stream[at : at + step])
        at += step
    assert [record.payload for record in found if isinstance(record, Frame)] == payloads
    assert decoder.lost == 0
    assert not decoder.refused


@given(st.binary(max_size=2000))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    """No bytes crash the decoder, and a good record after them is read."""
    decoder = Decoder()
    decoder.feed(data)
    records = decoder.feed(frame(0, 0, b"after"))
    assert isinstance(records[-1], Frame)
    assert records[-1].payload == b"after"
    assert len(decoder._piece) == 0


@given(st.binary(max_size=RECORD_MAX_BYTES + 2))
def test_parse_never_crashes(record: bytes) -> None:
    """Any bytes are a record or a reason."""
    assert parse(record)


@given(bit=st.integers(0, 8 * 60 - 1))
def test_a_flipped_bit_never_becomes_another_frame(bit: int) -> None:
    """One wrong bit in a frame's line: it is refused, and its neighbours arrive."""
    middle = bytearray(frame(1, 1000, b"sixteen bytes..."))
    middle[bit // 8 % len(middle)] ^= 1 << bit % 8
    decoder = Decoder()
    stream = frame(0, 0, b"before") + bytes(middle) + frame(2, 2000, b"after")
    payloads = [r.payload for r in decoder.feed(stream) if isinstance(r, Frame)]
    assert payloads in ([b"before", b"after"], [b"before", b"sixteen bytes...", b"after"])
    if len(payloads) == 2:
        assert decoder.lost == 1


@given(st.sets(st.integers(1, 38), max_size=20))
def test_lost_records_are_counted(missing: set[int]) -> None:
    """Sequence numbers tell how many records between the first and the last are missing."""
    decoder = Decoder()
    for i in range(40):
        if i not in missing:
            decoder.feed(frame(65_520 + i, 1000 * i, b"x"))
    assert decoder.lost == len(missing)


def test_a_new_start_is_no_loss() -> None:
    """After a reset the sniffer counts from 0: seen as a start, not as lost records."""
    decoder = Decoder()
    decoder.feed(configuration(0, 0, boot=1) + frame(1, 10, b"a"))
    decoder.feed(configuration(0, 0, boot=2) + frame(1, 10, b"b"))
    assert (decoder.starts, decoder.lost) == (1, 0)
    decoder.feed(frame(9000, 10**9, b"c"))
    lost = decoder.lost
    decoder.feed(frame(3, 10, b"first of a start whose configuration was lost"))
    assert decoder.lost == lost


def test_a_stream_without_zeros_keeps_memory_bounded() -> None:
    """A line that never ends a record holds one record's length, however long it goes on."""
    decoder = Decoder()
    for _ in range(100):
        assert decoder.feed(b"x" * 10_000) == []
    assert len(decoder._piece) <= 300
    assert isinstance(decoder.feed(b"\0" + frame(0, 0, b"y"))[0], Frame)
