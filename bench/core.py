# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, not part of a package
"""
What the C core costs: time, instructions, memory and stack.

    python -m bench.core [--repeat N] [--rounds N]

Builds bench/core_speed.c with the host's `cc -O2` and runs it bound to one core; times are medians
of the runs. Instructions are counted by valgrind's callgrind; stack and code size for the
ESP32-C3's instruction set come from riscv64-unknown-elf-gcc. What is not installed is left out and
named in "missing". Writes bench/results/core.json.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench._common import ROOT, one_core, write
from qres._core import lib
from tests.core.call_graph import CORE, RV32, call_graph

COMMITS: Final = [
    (nodes, reports) for nodes, most in ((28, 7), (100, 25), (128, 32)) for reports in (0, 5, most)
]
"""Nodes of the field and reports in the phase; the last of each is every member of a phase."""

FRAMES: Final = {
    "accepted, as a node": ("accepted", 28, 0),
    "accepted, searching": ("accepted", 28, 1),
    "refused: 6 random bytes, as a node": ("refused", 28, 0),
    "refused: 6 random bytes, searching": ("refused", 28, 1),
    "refused: 6 random bytes, searching 128 nodes": ("refused", 128, 1),
    "refused: 23 random bytes (LoRaWAN's least)": ("foreign", 28, 1),
    "refused: 23 random bytes, 128 nodes": ("foreign", 128, 1),
    "refused: 60 bytes, no frame is so long": ("length", 28, 1),
}
"""What is heard, and the arguments of core_speed that say so."""

REBUILDS: Final = ((28, 95), (100, 95))
"""Nodes, and phases that a report comes late."""

ENTRIES: Final = ("qres_next", "qres_heard", "qres_sample", "qres_init", "qres_field_init")


class Speed:
    """bench/core_speed.c, compiled into *folder*."""

    def __init__(self, folder: Path, rounds: int, repeat: int) -> None:
        self.program = str(folder / "core_speed")
        self.rounds = rounds
        self.repeat = repeat
        sources = [ROOT / "bench/core_speed.c", *sorted((CORE / "src").glob("*.c"))]
        headers = [f"-I{CORE / 'include'}", f"-I{ROOT / 'tests/core'}"]
        flags = ["-std=c99", "-O2", "-DNDEBUG", "-g"]
        subprocess.run(["cc", *flags, *headers, *sources, "-o", self.program], check=True)  # noqa: S603, S607

    def ns(self, what: str, members: int, n: int, rounds: int | None = None) -> float:
        """Nanoseconds of one operation, median of the runs."""
        command = [self.program, what, str(members), str(n), str(rounds or self.rounds)]
        runs = [
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
            for _ in range(self.repeat)
        ]
        return round(median(float(run[0]) for run in runs))

    def instructions(self, function: str, what: str, members: int, n: int) -> int:
        """Instructions of one operation, counted inside *function* of core_speed.c."""
        command = [
            "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
            f"--toggle-collect={function}", self.program, what, str(members), str(n), "40",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        counted = re.search(r"Collected : (\d+)", done.stderr)
        if counted is None:
            raise ValueError(f"callgrind printed no count: {done.stderr[-200:]!r}")
        return round(int(counted[1]) / int(done.stdout.split()[1]))


def times(speed: Speed) -> dict[str, Any]:
    """Nanoseconds of everything."""
    return {
        "commit_ns": {f"{n} nodes, {r} reports": speed.ns("commit", n, r) for n, r in COMMITS},
        "commit_at_epoch_end_ns": {
            f"{n} nodes, {r} reports": speed.ns("epoch", n, r) for n, r in COMMITS
        },
        "heard_ns": {name: speed.ns(*arguments) for name, arguments in FRAMES.items()},
        "rebuild_ns": {
            f"{n} nodes, {p} phases back": speed.ns("rebuild", n, p, 50) for n, p in REBUILDS
        },
    }


def instructions(speed: Speed) -> dict[str, Any]:
    """Instructions of the same, on this processor."""
    return {
        "commit_instructions": {
            f"{n} nodes, {r} reports": speed.instructions("bench_commit", "commit", n, r)
            for n, r in COMMITS
        },
        "heard_instructions": {
            name: speed.instructions("bench_hear", *arguments) for name, arguments in FRAMES.items()
        },
        "rebuild_instructions": {
            f"{n} nodes, {p} phases back": speed.instructions("bench_settle", "rebuild", n, p)
            for n, p in REBUILDS
        },
    }


def stack(*compiler: str) -> dict[str, int]:
    """Deepest stack of what a port calls. [bytes]"""
    graph = call_graph(compiler)
    return {name: graph.deepest(name)[0] for name in ENTRIES}


def rv32_code_bytes() -> int:
    """Code and constants for rv32imc, -Os. [bytes]"""
    with tempfile.TemporaryDirectory() as folder:
        sources = [str(path) for path in sorted((CORE / "src").glob("*.c"))]
        command = [*RV32, "-std=c99", "-Os", "-DNDEBUG", "-ffreestanding", "-c", *sources]
        subprocess.run([*command, f"-I{CORE / 'include'}"], check=True, cwd=folder)  # noqa: S603
        size = RV32[0].replace("gcc", "size")
        listing = subprocess.run(  # noqa: S603
            [size, "--totals", *sorted(Path(folder).glob("*.o"))],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return int(listing.splitlines()[-1].split()[0])


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2000)
    arguments = parser.parse_args()
    one_core()
    figures: dict[str, Any] = {"missing": []}
    with tempfile.TemporaryDirectory() as folder:
        speed = Speed(Path(folder), arguments.rounds, arguments.repeat)
        figures |= times(speed)
        if shutil.which("valgrind"):
            figures |= instructions(speed)
        else:
            figures["missing"].append("valgrind")
    figures["memory_bytes"] = {
        "field, 128 nodes and 6 channels": int(lib.qres_sizeof_field()),
        "node, 128 nodes and 6 channels": int(lib.qres_sizeof_node()),
    }
    figures["stack_bytes"] = stack("gcc", "-O2")
    if shutil.which(RV32[0]):
        figures["stack_rv32imc_bytes"] = stack(*RV32, "-Os")
        figures["code_rv32imc_bytes"] = rv32_code_bytes()
    else:
        figures["missing"].append(RV32[0])
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    figures["compiler"] = compiler.stdout.splitlines()[0]
    write(
        "core", "the C core alone on one core of the host; times are medians of the runs", figures
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
