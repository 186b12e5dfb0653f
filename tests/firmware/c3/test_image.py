# SPDX-License-Identifier: Apache-2.0
"""The self-test image as a file: what the mask ROM wants, what the CPU has, what esptool writes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.firmware import machines
from tests.firmware.c3.conftest import listing, path
from tests.flash.mock_board import MockBoard, on_socket
from tests.sources import ROOT

pytestmark = pytest.mark.slow

MAGIC: Final = bytes.fromhex("1d04dbae1d04dbae")
FLASH_BYTES: Final = 4 << 20
CSRS: Final = {"mstatus", "mtvec", "mcause", "mepc", "mtval", "0x7e0", "0x7e1", "0x7e2"}
"""Of those that the C3 has, TRM 1.4; mie, for one, it has not."""


def test_the_image_begins_as_the_rom_wants_and_fits(image: bytes) -> None:
    """The first two words are the magic of direct boot; the file is below the 4 MB mapped."""
    assert image[:8] == MAGIC
    assert len(image) < FLASH_BYTES


def test_code_and_constants_are_where_the_rom_maps_them(image: bytes) -> None:
    """Entry is byte 8 of flash; an address in flash is its window plus its place in the file."""
    rows = {
        name: (int(size, 16), int(at, 16), int(load, 16))
        for name, size, at, load in re.findall(
            r"(?m)^ +\d+ (\.\w+) +(\w{8})  (\w{8})  (\w{8})", listing("objdump", "-h")
        )
    }
    assert re.search(r"(?m)^42000008 T _start$", listing("nm")) is not None
    text, constants, data, bss = (rows[n] for n in (".text", ".rodata", ".data", ".bss"))
    assert text[1:] == (0x4200_0000, 0)
    assert constants[1:] == (0x3C00_0000 + text[0], text[0])
    assert data[1:] == (0x3FC8_0000, text[0] + constants[0])
    assert len(image) == text[0] + constants[0] + data[0]
    assert bss[0] + data[0] < 320 << 10


@pytest.mark.usefixtures("image")
def test_only_what_the_cpu_has_is_used() -> None:
    """CSRs are those of the C3; there is no fence.i, no atomic, no floating-point instruction."""
    code = listing("objdump", "-d")
    used = {
        operand
        for name, operands in re.findall(r"\t(csr\w+)\t(\S+)", code)
        for operand in re.findall(r"[a-z]+\w*|0x\w+", operands)
        if operand in CSRS or re.fullmatch(r"m[a-z]+|0x\w+", operand)
    }
    assert used == CSRS
    assert re.findall(r"\t(fence\.i|amo\w+\S*|lr\.w\S*|sc\.w\S*|f[lms]w|fadd\S*)\t", code) == []


def test_the_linker_refuses_a_larger_image(image: bytes, tmp_path: Path) -> None:
    """With less flash than the image needs, make ends with a sentence and without an image."""
    shutil.copytree(machines.IMAGES / "c3", tmp_path / "c3", copy_function=shutil.copy2)
    folders = (f"OUT={tmp_path}", f"CORE={machines.core_folder()}", f"FLASH_BYTES={len(image) - 1}")
    done = subprocess.run(
        ["make", "-s", "-C", str(ROOT / "firmware"), *folders, "c3-selftest"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "the image is larger than the flash that the ROM maps" in done.stderr
    assert list(tmp_path.glob("*.bin")) == []


def esptool(port: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run esptool on the board at *port*."""
    command = [sys.executable, "-m", "esptool", "--chip", "esp32c3", "--port", port, "--no-stub"]
    return subprocess.run(
        [*command, "--after", "no-reset", *arguments], capture_output=True, text=True, check=False
    )


def test_esptool_writes_and_verifies_it(image: bytes, tmp_path: Path) -> None:
    """write-flash puts the file unchanged at 0, verify-flash agrees, and tells another file."""
    board = MockBoard("esp32c3")
    with on_socket(board) as port:
        written = esptool(port, "write-flash", "0x0", str(path()))
        assert written.returncode == 0, written.stdout + written.stderr
        assert bytes(board.flash.data[: len(image)]) == image
        assert esptool(port, "verify-flash", "0x0", str(path())).returncode == 0
        other = tmp_path / "other.bin"
        other.write_bytes(image[:-1] + bytes([image[-1] ^ 1]))
        assert esptool(port, "verify-flash", "0x0", str(other)).returncode != 0
