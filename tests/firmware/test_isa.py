# SPDX-License-Identifier: Apache-2.0
"""The core's vectors on other instruction sets: the same integers everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.firmware.machines import core_folder
from tests.firmware.vector_source import all_vectors, vector_source
from tests.sources import ROOT

ISA: Final = ROOT / "tests/firmware/isa"
VECTORS: Final = ROOT / "tests/vectors"
RV32_PORT: Final = ROOT / "firmware/ports/rv32virt"
BARE: Final = ("-ffreestanding", "-fno-tree-loop-distribute-patterns", "-Os")
QUIET: Final = ("-display", "none", "-monitor", "none")
NO_SERIAL: Final = ("-serial", "none")
PATIENCE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Target:
    """
    How to compile for a machine and how to run on it.

    Attributes:
        compile: Compiler and flags.
        link: Flags for linking.
        extra: Sources beside the vectors and the core.
        run: Command; the program's path is added. What the program says comes from it.
        packages: Debian packages by program.
    """

    compile: tuple[str, ...]
    run: tuple[str, ...]
    packages: dict[str, str]
    link: tuple[str, ...] = ()
    extra: tuple[Path, ...] = ()


def _arm(core: str, board: str) -> Target:
    return Target(
        compile=("arm-none-eabi-gcc", f"-mcpu={core}", "-mthumb", *BARE),
        link=("-nostdlib", "-T", str(ISA / "arm.ld"), "-lgcc", "-Wl,--no-warn-rwx-segments"),
        extra=(ISA / "arm.c", RV32_PORT / "mem.c"),
        run=("qemu-system-arm", "-M", board, *QUIET, *NO_SERIAL, "-semihosting", "-kernel"),
        packages={"arm-none-eabi-gcc": "gcc-arm-none-eabi", "qemu-system-arm": "qemu-system-arm"},
    )


_RV32 = ("-march=rv32imc", "-mabi=ilp32")
_RV32_GCC = ("riscv64-unknown-elf-gcc", *_RV32, "-misa-spec=2.2")
_RV32_RUN = (
    *("qemu-system-riscv32", "-M", "virt", "-m", "4M", "-bios", "none"),
    *(*QUIET, "-serial", "stdio", "-kernel"),
)
_RV32_PACKAGES = {
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
}
_RV32_LINK = ("-nostdlib", "-T", str(RV32_PORT / "virt.ld"))
_RV32_EXTRA = (ISA / "virt.c", RV32_PORT / "start.S", RV32_PORT / "mem.c")
_HOSTED = (ISA / "hosted.c",)

TARGETS: Final = {
    "x86-64": Target(("cc", "-O1"), (), {"cc": "gcc"}, extra=_HOSTED),
    "i386": Target(
        ("i686-linux-gnu-gcc", "-O2"),
        ("qemu-i386",),
        {"i686-linux-gnu-gcc": "gcc-i686-linux-gnu libc6-dev-i386-cross", "qemu-i386": "qemu-user"},
        link=("-static",),
        extra=_HOSTED,
    ),
    "powerpc, big-endian": Target(
        ("powerpc-linux-gnu-gcc", "-O1"),
        ("qemu-ppc",),
        {
            "powerpc-linux-gnu-gcc": "gcc-powerpc-linux-gnu libc6-dev-powerpc-cross",
            "qemu-ppc": "qemu-user",
        },
        link=("-static",),
        extra=_HOSTED,
    ),
    "rv32imc, gcc": Target(
        (*_RV32_GCC, *BARE),
        _RV32_RUN,
        _RV32_PACKAGES,
        link=(*_RV32_LINK, "-lgcc", "-Wl,--no-warn-rwx-segments"),
        extra=_RV32_EXTRA,
    ),
    "rv32imc, clang": Target(
        ("clang", "--target=riscv32-unknown-elf", *_RV32, "-mno-relax", *BARE[:1], "-fno-builtin",
         "-O2"),
        _RV32_RUN,
        _RV32_PACKAGES | {"clang": "clang", "ld.lld": "lld"},
        link=("-fuse-ld=lld", *_RV32_LINK, "LIBGCC"),
        extra=_RV32_EXTRA,
    ),
    "cortex-m0": _arm("cortex-m0", "mps2-an385"),
    "cortex-m4": _arm("cortex-m4", "mps2-an386"),
    "xtensa call0": Target(
        ("xtensa-lx106-elf-gcc", "-mlongcalls", *BARE),
        ("qemu-system-xtensa", "-M", "sim", "-cpu", "lx106", *QUIET, *NO_SERIAL,
         "-semihosting", "-kernel"),
        {"xtensa-lx106-elf-gcc": "gcc-xtensa-lx106", "qemu-system-xtensa": "qemu-system-misc"},
        link=("-nostdlib", "-T", str(ISA / "xtensa.ld"), "-lgcc", "-Wl,--no-warn-rwx-segments"),
        extra=(ISA / "xtensa.S", ISA / "simcall.c", ISA / "int64.c", RV32_PORT / "mem.c"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """A generated source, and kind and id of its vectors."""

    path: Path
    names: list[tuple[str, str]]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Made]:
    """The vectors, and, under True, their expectations one by one and wrong."""
    folder, made = tmp_path_factory.mktemp("vectors"), {}
    for broken, name in ((False, "vectors.c"), (True, "broken.c")):
        text, names = vector_source(broken=broken)
        made[broken] = Made(folder / name, names)
        made[broken].path.write_text(text, encoding="utf-8")
    return made


def build(target: Target, sources: dict[bool, Made], folder: Path) -> dict[bool, Path]:
    """A program of each source; all else is compiled once."""
    core = core_folder()
    include = [f"-I{ISA}", f"-I{core / 'include'}", f"-I{core / 'src'}"]
    rig = [ISA / "main.c", ISA / "rig.c", *sorted(ISA.glob("run*.c"))]
    common = [*rig, *target.extra, *sorted((core / "src").glob("*.c"))]
    given = [made.path for made in sources.values()]
    flags = [*target.compile, "-std=c99", "-DNDEBUG", *include]
    subprocess.run([*flags, "-c", *common, *given], cwd=folder, check=True)
    objects = [folder / f"{source.stem}.o" for source in common]
    link = [_libgcc() if x == "LIBGCC" else x for x in target.link]
    programs = {}
    for broken, made in sources.items():
        programs[broken] = folder / f"{made.path.stem}.elf"
        parts = [*objects, folder / f"{made.path.stem}.o"]
        subprocess.run([*target.compile, *parts, *link, "-o", programs[broken]], check=True)
    return programs


def _libgcc() -> str:
    done = subprocess.run(
        [*_RV32_GCC, "-print-libgcc-file-name"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def run(target: Target, program: Path) -> tuple[int, list[str]]:
    """Exit code, and what the program says."""
    done = subprocess.run(
        [*target.run, program],
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


NOT_SLOW: Final = "x86-64"
"""The one that `make test` runs too: it needs no other compiler and no QEMU."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == NOT_SLOW else pytest.mark.slow) for n in TARGETS]
)
def test_vectors_are_true_on(name: str, sources: dict[bool, Made], tmp_path: Path) -> None:
    """Every vector is true there, and no wrong expectation is: the run names each that fails."""
    target = TARGETS[name]
    for program, package in target.packages.items():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing; Debian has it in {package}")
    programs = build(target, sources, tmp_path)
    n = len(sources[False].names)
    code, said = run(target, programs[False])
    assert (code, said) == (0, [f"ran {n} wrong 0 first 0"]), "\n".join([f"exit {code}", *said])
    n = len(sources[True].names)
    every = [f"wrong {kind} {vector_id}" for kind, vector_id in sources[True].names]
    code, said = run(target, programs[True])
    assert said == [*every, f"ran {n} wrong {n} first 1"], f"held: {set(every) - set(said)}"
    assert code == 1


def count_of(content: dict[str, Any]) -> int:
    """How many vectors a file has: its sites, what it lists, and the cells of its tables."""
    n = 0
    for name, part in content.items():
        if name == "sites" or isinstance(part, list):
            n += len(part)
        elif isinstance(part, dict):
            n += sum(len(row) for row in part["rows"].values())
        else:
            assert name == "about", f"{name} is neither about the file nor a list of vectors"
    return n


def test_no_vector_is_left_out(sources: dict[bool, Made]) -> None:
    """What the machines run is every vector of every file, under names that differ."""
    files = {path.name: json.loads(path.read_text()) for path in VECTORS.glob("*.json")}
    taken = [file for file, _, _, _ in all_vectors()]
    assert {name: count_of(x) for name, x in files.items()} == {f: taken.count(f) for f in taken}
    names = sources[False].names
    assert sorted(names) == sorted((kind, vector_id) for _, kind, vector_id, _ in all_vectors())
    assert len(set(names)) == len(names)


def test_every_kind_can_fail(sources: dict[bool, Made]) -> None:
    """Of each kind of vector there are wrong ones, and they differ from the right ones."""
    assert {kind for kind, _ in sources[True].names} == {kind for kind, _ in sources[False].names}
    right = set(sources[False].path.read_text().splitlines())
    rows = [x for x in sources[True].path.read_text().splitlines() if x.startswith("    {.")]
    assert len(rows) == len(sources[True].names)
    assert not right.intersection(rows)
