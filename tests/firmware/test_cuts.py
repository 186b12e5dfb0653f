# SPDX-License-Identifier: Apache-2.0
"""Flash that loses power at every step: the stores keep what they promised."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.firmware.machines import core_folder
from tests.sources import ROOT

FIRMWARE = ROOT / "firmware"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cuts.c with the stores, under sanitizers."""
    core = core_folder()
    made = tmp_path_factory.mktemp("cuts") / "cuts"
    sources = [
        ROOT / "tests/firmware/cuts.c",
        FIRMWARE / "ports/link/ram_flash.c",
        *(FIRMWARE / f"app/{name}.c" for name in ("store", "ring", "snapshot", "crc32")),
        *sorted((core / "src").glob("*.c")),
    ]
    include = (FIRMWARE / "include", FIRMWARE / "app", FIRMWARE / "ports/link", core / "include")
    flags = ("-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O1", "-g", "-Wall", "-Wextra", "-Werror")
    sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    subprocess.run(
        ["cc", *flags, *sanitize, *(f"-I{i}" for i in include), *sources, "-o", made], check=True
    )
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "rounds", "cuts"),
    [
        ("store", 20_000, 5_000),
        ("ring", 5_000, 1_000),
        ("snapshot", 3_000, 1_500),
    ],
)
def test_every_cut_leaves_a_valid_state(program: Path, what: str, rounds: int, cuts: int) -> None:
    """
    Thousands of cuts, inside heads, data, checksums, erasures and copies, lose nothing.

    A record is the acknowledged one or the one being written; samples stay in order; a replica
    comes back with the digest that it had; no bit is programmed from 0 to 1.
    """
    done = subprocess.run([program, what, str(rounds)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > cuts
