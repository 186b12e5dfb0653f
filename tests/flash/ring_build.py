# SPDX-License-Identifier: Apache-2.0
"""Raw logs that the firmware's own code has written, with what it says is in them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.firmware.machines import core_folder
from tests.flash.provision_build import SANITIZE, WARNINGS
from tests.sources import ROOT

FIRST_S = 1_790_000_600
"""Time of the first sample of every log; the others follow by 600 s. [s] since 1970"""


class Ring(NamedTuple):
    """
    A log.

    Attributes:
        data: The flash.
        written: Samples that were acknowledged, in order.
        cuts: How many appends a power cut ended.
        read: What the C reader gives, in order.
        unread: Places in which it finds none.
    """

    data: bytes
    written: list[tuple[int, ...]]
    cuts: int
    read: list[tuple[int, ...]]
    unread: int


def build_ring_rig(folder: Path) -> Path:
    """ring_rig.c with the firmware's ring, in *folder*."""
    program = folder / "ring_rig"
    firmware = ROOT / "firmware"
    include = (firmware / "include", firmware / "app", firmware / "ports/link")
    sources = (
        ROOT / "tests/flash/ring_rig.c",
        firmware / "ports/link/ram_flash.c",
        firmware / "app/ring.c",
        firmware / "app/crc32.c",
    )
    flags = [f"-I{i}" for i in (*include, core_folder() / "include")]
    command = ["cc", "-std=c99", "-O1", *SANITIZE, *WARNINGS, *flags, *map(str, sources)]
    subprocess.run([*command, "-o", str(program)], check=True)
    return program


def make_ring(program: Path, sectors: int, samples: int, seed: int = 0) -> Ring:
    """A log in *sectors* sectors after *samples* appends; with power cuts if *seed* is not 0."""
    file = program.with_name("ring.bin")
    command = [str(program), *map(str, (sectors, samples, seed)), str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = {kind: [line.split()[1:] for line in lines if line[0] == kind] for kind in "wcrx"}
    return Ring(
        file.read_bytes(),
        [tuple(map(int, row)) for row in rows["w"]],
        len(rows["c"]),
        [tuple(map(int, row)) for row in rows["r"]],
        len(rows["x"]),
    )
