# SPDX-License-Identifier: Apache-2.0
"""The self-test image, run in a model of the ESP32-C3. Nothing here was measured on hardware."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from bench.c3_selftest import COSTS, Report, decode
from tests.firmware import machines
from tests.firmware.c3.conftest import listing
from tests.sources import ROOT

pytestmark = pytest.mark.slow

BEGIN: Final = b"qres c3 report"
KEYS: Final = {
    "RTC watchdog": (0x60008090, struct.pack("<3I", 0x600080A8, 0, 0x50D83AA1)),
    "super watchdog": (0x600080AC, struct.pack("<3I", 0x600080B0, 0, 0x8F1D312A)),
    "watchdog of timer group 0": (0x6001F048, struct.pack("<3I", 0x6001F064, 0, 0x50D83AA1)),
}
"""By watchdog: its register, and how the image's table says that it is unlocked."""

FIPS_197: Final = bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a")
"""Ciphertext of appendix C.1 of FIPS 197: one of the vectors."""


def with_change(image: bytes, at: int, new: bytes) -> bytes:
    """*image* with other bytes at one place."""
    return image[:at] + new + image[at + len(new) :]


def only_place(image: bytes, part: bytes) -> int:
    """Where *part* is in *image*, which has it once."""
    assert image.count(part) == 1
    return image.index(part)


@pytest.fixture(scope="module")
def board(model: ModuleType, image: bytes) -> Any:
    """A board that has sent two reports."""
    made = model.C3(image)
    made.run(2)
    return made


@pytest.fixture(scope="module")
def report(board: Any) -> Report:
    """Its second one."""
    return decode(bytes(board.uart[board.uart.rindex(BEGIN) :]))


def test_all_vectors_are_true(report: Report) -> None:
    """The core's vectors, and there are some hundreds, are true on the modelled chip."""
    assert report.vectors > 150
    assert (report.vectors_true, report.wrong) == (report.vectors, ())


def test_the_report_names_its_image(report: Report, image: bytes) -> None:
    """Length and CRC-32 are those of the file; .data was copied, so the report has number 2."""
    assert report.image_bytes == len(image)
    assert report.image_crc == f"{zlib.crc32(image):08x}"
    assert report.number == 2


def test_usb_says_the_same_as_the_uart(board: Any) -> None:
    """Both ports carry the same bytes."""
    assert board.usb == board.uart


def test_the_clock_is_the_crystal(report: Report) -> None:
    """The CPU runs at 40 MHz, as the image finds out with counter and timer."""
    assert report.clock_khz == pytest.approx(40_000, rel=1e-3)


def test_watchdogs_are_off_at_once(board: Any) -> None:
    """All three are off within 100 instructions, and no register was written while locked."""
    assert 0 < board.watchdogs_off_after < 100
    assert board.ignored == []


def test_costs_are_those_of_the_work(report: Report) -> None:
    """More nodes cost more, an epoch's end more than a phase, a day's end more than an epoch's."""
    cycles = {name: report.costs[name].cycles for name in COSTS}
    for n in (30, 128):
        assert cycles[f"commit_{n}"] < cycles[f"commit_epoch_{n}"] < cycles[f"commit_day_{n}"]
    for name in ("field", "commit", "commit_epoch", "commit_day", "checkpoint"):
        assert 2 * cycles[f"{name}_30"] < cycles[f"{name}_128"]
    assert cycles["nothing"] < 10
    assert 1000 < cycles["aes_block"] < cycles["commit_30"]


def test_budgets_of_the_model(report: Report) -> None:
    """Modelled: a commit of 128 nodes, a day's end too, is below 3 million instructions."""
    assert report.costs["commit_128"].instructions < 1_200_000
    assert report.costs["commit_day_128"].instructions < 3_000_000
    assert report.stack_bytes < 2048


def test_a_broken_vector_is_named_and_a_host_may_come_late(model: ModuleType, image: bytes) -> None:
    """
    One bit of an expectation changed in flash: the report says which vector.

    Without a host the board goes on, and one that is plugged in later gets a whole report.
    """
    broken = with_change(image, only_place(image, FIPS_197), b"\x68")
    board = model.C3(broken, has_host=False, has_counters=False)
    board.host_after_us = 1e6
    board.run(2)
    reports = [line for line in bytes(board.usb).split(b"\n") if line.startswith(BEGIN)]
    assert reports == [b"qres c3 report form 1 number 2"]
    lines = board.uart[board.uart.rindex(BEGIN) :].decode().splitlines()
    wrong = [line for line in lines if line.startswith("qres c3 wrong")]
    assert len(wrong) == 1
    assert wrong[0].startswith("qres c3 wrong block ")
    (said,) = (line.split() for line in lines if line.startswith("qres c3 vectors"))
    assert int(said[4]) == int(said[6]) - 1


@pytest.mark.parametrize("name", KEYS)
def test_a_watchdog_that_was_not_unlocked_bites(model: ModuleType, image: bytes, name: str) -> None:
    """With one bit of its key wrong the watchdog stays on, and resets the modelled chip."""
    register, row = KEYS[name]
    at = only_place(image, row) + 8
    board = model.C3(with_change(image, at, bytes([image[at] ^ 1])))
    with pytest.raises(model.Fault, match=f"^reset by {name} after"):
        board.run()
    assert board.ignored == [f"{register:#010x}"]


def test_an_exception_is_reported(model: ModuleType, image: bytes) -> None:
    """An illegal instruction in main comes out as a line with cause and place."""
    (main,) = (int(x.split()[0], 16) for x in listing("nm").splitlines() if x.endswith(" T main"))
    board = model.C3(with_change(image, main - model.IROM, b"\0\0\0\0"), has_counters=False)
    board.has_traps = True
    board.run(2, end=b"qres c3 trap ")
    assert (
        board.uart.decode().splitlines()
        == [f"qres c3 trap cause 2 at {main:08x} value 00000000"] * 2
    )


def test_stores_elsewhere_end_the_run(model: ModuleType, image: bytes) -> None:
    """A table row that writes to an unknown register, or to no memory at all, is a fault."""
    at = only_place(image, KEYS["RTC watchdog"][1])
    for address in (0x60008094, 0x600FE000):
        board = model.C3(with_change(image, at, struct.pack("<I", address)))
        with pytest.raises(model.Fault, match=r"unknown register|Write to|WRITE_UNMAPPED"):
            board.run()


def test_what_the_rom_would_not_start_is_refused(model: ModuleType, image: bytes) -> None:
    """Without the magic words, or larger than what the ROM maps, there is no start."""
    with pytest.raises(model.Fault, match="the ROM does not start it"):
        model.C3(with_change(image, 4, b"\0"))
    with pytest.raises(model.Fault, match="the ROM maps 4194304"):
        model.C3(image.ljust(model.FLASH_BYTES + 1, b"\xff"))


def test_blocks_are_counted_as_instructions_are(model: ModuleType, image: bytes) -> None:
    """From reset to main the counter has as many instructions as were executed one by one."""
    (main,) = (int(x.split()[0], 16) for x in listing("nm").splitlines() if x.endswith(" T main"))
    counted, stepped = model.C3(image), model.C3(image)
    counted.counter.switch(on=True)
    counted.uc.emu_start(model.IROM + 8, main)
    steps = [0]

    def step(*_: object) -> None:
        steps[0] += 1

    stepped.uc.hook_add(model.UNICORN.UC_HOOK_CODE, step)
    stepped.uc.emu_start(model.IROM + 8, main)
    assert counted.counter.instructions == steps[0] > 100_000


def test_states_are_those_of_the_host(report: Report, tmp_path: Path) -> None:
    """The states that were measured with are, bit for bit, those that the host computes."""
    port, core = ROOT / "firmware/ports/c3direct", machines.core_folder()
    sources = [Path(__file__).parent / "scenario_host.c", port / "scenario.c",
               *sorted((core / "src").glob("*.c"))]  # fmt: skip
    program = tmp_path / "scenario"
    include = [f"-I{port}", f"-I{core / 'include'}"]
    subprocess.run(["cc", "-std=c99", *include, *sources, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        name, digest, blob = line.split()
        assert report.digests[name].startswith(f"state {digest} blob {blob} ")
    assert len(done.stdout.splitlines()) == len(report.digests)
