# SPDX-License-Identifier: Apache-2.0
"""bench/c3_selftest.py: which reports are believed, and what is said of the others."""

from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bench.c3_selftest import COSTS, Report, ReportError, decode, first_good, main

CLOCK_KHZ = 40_000
IMAGE = b"an image"


def lines(**changed: str) -> list[str]:
    """Lines of a report; those named are other ones, or none if empty."""
    costs = {
        name: f"{name} cycles {4000 * i} us {100 * i} instructions {3000 * i} first {5000 * i}"
        for i, name in enumerate(COSTS, 1)
    }
    all_lines = {
        "report": "report form 1 number 7",
        "image": f"image bytes {len(IMAGE)} crc {zlib.crc32(IMAGE):08x}",
        "clock": f"clock khz {CLOCK_KHZ}",
        "vectors": "vectors true 498 of 498",
        "wrong": "",
        **costs,
        "digest_30": "digest_30 state 220c871a blob 199 crc 0938739f",
        "digest_128": "digest_128 state f1f85e01 blob 521 crc 43e8a6bf",
        "stack": "stack bytes 1252 of 16384",
    } | changed
    return [line for text in all_lines.values() for line in text.split("\n") if line]


def sealed(texts: list[str], ending: str = "\n") -> bytes:
    """These lines as the board sends them, with their CRC."""
    body = "".join(f"qres c3 {line}\n" for line in texts).encode()
    whole = body + f"qres c3 end crc {zlib.crc32(body):08x}\n".encode()
    return whole.replace(b"\n", ending.encode())


class Line:
    """A port from which *data* comes in pieces of *size*, then nothing."""

    def __init__(self, data: bytes, size: int = 50) -> None:
        self.data = data
        self.size = size

    def read(self, size: int = 1) -> bytes:
        """The next piece."""
        n = min(size, self.size)
        piece, self.data = self.data[:n], self.data[n:]
        return piece


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_whole_report_is_believed(ending: str) -> None:
    """Every figure of the text is in the report, whichever way lines end."""
    report = decode(sealed(lines(), ending))
    assert (report.number, report.vectors_true, report.vectors) == (7, 498, 498)
    assert (report.clock_khz, report.stack_bytes, report.stack_of) == (CLOCK_KHZ, 1252, 16384)
    cost = report.costs["aes_block"]
    assert (cost.cycles, cost.us, cost.instructions, cost.first) == (12000, 300, 9000, 15000)
    assert report.digests["digest_30"] == "state 220c871a blob 199 crc 0938739f"


def test_any_changed_byte_is_found() -> None:
    """No single changed byte of a report leaves another report that is believed."""
    good = sealed(lines())
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        with pytest.raises(ReportError):
            decode(changed)


def test_any_lost_part_is_found() -> None:
    """A report that lacks 63 bytes, a USB packet, anywhere is refused."""
    good = sealed(lines())
    for at in range(0, len(good), 7):
        with pytest.raises(ReportError):
            decode(good[:at] + good[at + 63 :])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("report", "report form 2 number 7", "form 2: this reader knows 1"),
        ("commit_128", "", "lines are missing: commit_128"),
        ("vectors", "", "lines are missing: vectors"),
        ("stack", "stack bytes 16384 of 16384", "stack of 16384 bytes was used up"),
        ("clock", "clock khz 0", "the cycle counter did not count"),
        ("clock", "clock khz 160000", "its timer says"),
        (
            "aes_block",
            "aes_block cycles 12000 us 300 instructions 12001 first 15000",
            "12001 instructions cannot take 12000 cycles",
        ),
        (
            "commit_30",
            "commit_30 cycles 20000 us 700 instructions 2 first 2",
            "20000 cycles at 40000 kHz are 500 us, its timer says 700",
        ),
        ("vectors", "vectors right 498 of 498", "a line vectors should have true, of"),
    ],
)
def test_what_contradicts_itself_is_refused(name: str, text: str, said: str) -> None:
    """Wrong content under a right CRC is named."""
    with pytest.raises(ReportError, match=said):
        decode(sealed(lines(**{name: text})))


def test_a_torn_report_is_told_and_the_next_taken() -> None:
    """Noise of the ROM and a report that began earlier are passed over, in words."""
    noise = b"ESP-ROM:esp32c3-api1-20210207\r\n\xff\x00qres c3 runs its self-test\n"
    torn = sealed(lines())
    said = list(first_good(Line(noise + torn[:200] + torn[300:] + torn), 5.0))
    assert len(said) == 2
    assert "bytes were lost or changed. Waiting for the next" in str(said[0])
    assert isinstance(said[1], Report)
    late = list(first_good(Line(torn[100:] + torn), 5.0))
    assert "part of it was lost" in str(late[0])


def test_silence_and_traps_are_told() -> None:
    """Nothing, something else, and an exception of the board end with a sentence each."""
    with pytest.raises(ReportError, match=r"nothing came within 0\.05 s"):
        list(first_good(Line(b""), 0.05))
    with pytest.raises(ReportError, match=r"no good report came within 0\.05 s"):
        list(first_good(Line(b"hello\n"), 0.05))
    trap = b"qres c3 trap cause 2 at 42001234 value 00000000\n"
    with pytest.raises(ReportError, match="stopped with exception 2 at 42001234"):
        list(first_good(Line(trap), 5.0))


@pytest.fixture
def board() -> Callable[[bytes], str]:
    """Makes a port that says some bytes again and again; pyserial drops what came before it."""

    def make(data: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))

        def talk() -> None:
            with listener, listener.accept()[0] as reader, suppress(OSError):  # until it hangs up
                while True:
                    reader.sendall(data)
                    time.sleep(0.02)

        threading.Thread(target=talk, daemon=True).start()
        return f"socket://127.0.0.1:{listener.getsockname()[1]}"

    return make


def test_the_command_prints_a_table_or_json(
    board: Callable[[bytes], str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """From a port: a table for people, one object with --json; another image is refused."""
    good = sealed(lines())
    assert main(["--patience", "10", "--port", board(good)]) == 0
    shown = capsys.readouterr().out
    assert "vectors: 498 of 498 true" in shown
    assert "us, 40.0 MHz" in shown
    assert main(["--patience", "10", "--port", board(good), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["costs"]["nothing"]["cycles"] == 4000
    file = tmp_path / "image.bin"
    file.write_bytes(IMAGE)
    assert main(["--patience", "10", "--port", board(good), "--image", str(file)]) == 0
    file.write_bytes(b"another image")
    assert main(["--patience", "10", "--port", board(good), "--image", str(file)]) == 1
    assert f"the board runs image {zlib.crc32(IMAGE):08x}" in capsys.readouterr().err


def test_vectors_that_are_not_true_fail_the_command(
    board: Callable[[bytes], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has their names, and the exit code is 1."""
    bad = sealed(lines(vectors="vectors true 497 of 498", wrong="wrong block FIPS-197"))
    assert main(["--patience", "10", "--port", board(bad)]) == 1
    said = capsys.readouterr()
    assert "not true: block FIPS-197" in said.out
    assert "vectors are not true" in said.err


def test_a_port_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong --port ends with a sentence, not with a traceback."""
    assert main(["--port", "/dev/no-such-port"]) == 1
    assert "c3_selftest: /dev/no-such-port cannot be opened" in capsys.readouterr().err
