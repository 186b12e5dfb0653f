# SPDX-License-Identifier: Apache-2.0
"""The self-test image, built once, and the model of the chip if unicorn is there."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.firmware import machines
from tests.firmware.conftest import need


@pytest.fixture(scope="session")
def image() -> bytes:
    """What is written to the flash."""
    need("make", "cc", "riscv64-unknown-elf-gcc", "riscv64-unknown-elf-objcopy")
    machines.make("c3-selftest")
    return path().read_bytes()


def path() -> Path:
    """The image's file."""
    return machines.IMAGES / "c3-selftest.bin"


def listing(program: str, *options: str) -> str:
    """What a program of Debian's binutils-riscv64-unknown-elf prints of the image."""
    elf = machines.IMAGES / "c3-selftest.elf"
    command = [f"riscv64-unknown-elf-{program}", *options, str(elf)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def model() -> Any:
    """Module tests.firmware.c3.model; skips without the package unicorn."""
    pytest.importorskip("unicorn", reason="the package unicorn is missing: pip install unicorn")
    from tests.firmware.c3 import model  # noqa: PLC0415  imports unicorn

    return model
