# SPDX-License-Identifier: Apache-2.0
"""Images built once, fields that leave no process behind, and what is missing in words."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.firmware import machines
from tests.firmware.field_rig import Rig

_PACKAGES = {
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "clang": "clang",
    "ld.lld": "lld",
}


def need(*programs: str) -> None:
    """Skip the test, with the package named, if a program is missing."""
    for program in programs:
        if shutil.which(program) is None:
            package = _PACKAGES.get(program, program)
            pytest.skip(f"{program} is missing; Debian has it in {package}")


@pytest.fixture(scope="session")
def posix_image() -> None:
    """The node as a process of this host."""
    need("make")
    machines.make("posix")


@pytest.fixture(scope="session")
def rv32_image() -> None:
    """The node for QEMU's RV32 machine."""
    need("make", "riscv64-unknown-elf-gcc", "qemu-system-riscv32")
    machines.make("rv32")


@pytest.fixture
def new_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes a `Rig`; its machines end with the test."""
    made: list[Rig] = []

    def make(n_nodes: int, **options: float) -> Rig:
        made.append(Rig(tmp_path, n_nodes, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for rig in made:
        rig.kill()
