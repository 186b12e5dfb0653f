# SPDX-License-Identifier: Apache-2.0
"""The core's vectors on other instruction sets: the same integers everywhere."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.firmware.machines import core_folder
from tests.firmware.vector_source import vector_source
from tests.sources import ROOT

pytestmark = pytest.mark.slow

ISA: Final = ROOT / "tests/firmware/isa"
RV32_PORT: Final = ROOT / "firmware/ports/rv32virt"
BARE: Final = ("-ffreestanding", "-fno-tree-loop-distribute-patterns", "-Os")
QUIET: Final = ("-display", "none", "-serial", "none", "-monitor", "none")
PATIENCE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Target:
    """
    How to compile for a machine and how to run on it.

    Attributes:
        compile: Compiler and flags.
        link: Flags for linking.
        extra: Sources beside the vectors and the core.
        run: Command; the program's path is added.
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
        run=("qemu-system-arm", "-M", board, *QUIET, "-semihosting", "-kernel"),
        packages={"arm-none-eabi-gcc": "gcc-arm-none-eabi", "qemu-system-arm": "qemu-system-arm"},
    )


_RV32 = ("-march=rv32imc", "-mabi=ilp32")
_RV32_GCC = ("riscv64-unknown-elf-gcc", *_RV32, "-misa-spec=2.2")
_RV32_RUN = ("qemu-system-riscv32", "-M", "virt", "-m", "4M", "-bios", "none", *QUIET, "-kernel")
_RV32_PACKAGES = {
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
}
_RV32_LINK = ("-nostdlib", "-T", str(RV32_PORT / "virt.ld"))
_RV32_EXTRA = (RV32_PORT / "start.S", RV32_PORT / "mem.c")

TARGETS: Final = {
    "x86-64": Target(("cc", "-O2"), (), {"cc": "gcc"}),
    "i386": Target(
        ("i686-linux-gnu-gcc", "-O2"),
        ("qemu-i386",),
        {"i686-linux-gnu-gcc": "gcc-i686-linux-gnu libc6-dev-i386-cross", "qemu-i386": "qemu-user"},
        link=("-static",),
    ),
    "powerpc, big-endian": Target(
        ("powerpc-linux-gnu-gcc", "-O2"),
        ("qemu-ppc",),
        {
            "powerpc-linux-gnu-gcc": "gcc-powerpc-linux-gnu libc6-dev-powerpc-cross",
            "qemu-ppc": "qemu-user",
        },
        link=("-static",),
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
        ("qemu-system-xtensa", "-M", "sim", "-cpu", "lx106", *QUIET, "-semihosting", "-kernel"),
        {"xtensa-lx106-elf-gcc": "gcc-xtensa-lx106", "qemu-system-xtensa": "qemu-system-misc"},
        link=("-nostdlib", "-T", str(ISA / "xtensa.ld"), "-lgcc", "-Wl,--no-warn-rwx-segments"),
        extra=(ISA / "xtensa.S", ISA / "int64.c", RV32_PORT / "mem.c"),
    ),
}  # fmt: skip


@dataclass(slots=True)
class Vectors:
    """Both versions of the generated file, and how many vectors they have."""

    folder: Path
    count: int = 0
    names: dict[bool, Path] = field(default_factory=dict)

    def write(self) -> None:
        """Write vectors.c and, with one wrong expectation, broken.c."""
        for broken, name in ((False, "vectors.c"), (True, "broken.c")):
            text, self.count = vector_source(broken=broken)
            self.names[broken] = self.folder / name
            self.names[broken].write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Vectors:
    """The generated sources."""
    made = Vectors(tmp_path_factory.mktemp("vectors"))
    made.write()
    return made


def build(target: Target, vectors: Vectors, folder: Path) -> dict[bool, Path]:
    """Both programs; all but the vectors is compiled once."""
    include = [f"-I{ISA}", f"-I{core_folder() / 'include'}"]
    sources = [ISA / "run.c", *target.extra, *sorted((core_folder() / "src").glob("*.c"))]
    flags = [*target.compile, "-std=c99", "-DNDEBUG", *include]
    both = sorted(vectors.names.values())
    subprocess.run([*flags, "-c", *sources, *both], cwd=folder, check=True)
    objects = [o for o in sorted(folder.glob("*.o")) if o.stem not in {"vectors", "broken"}]
    link = [_libgcc() if x == "LIBGCC" else x for x in target.link]
    programs = {}
    for broken, source in vectors.names.items():
        programs[broken] = folder / f"{source.stem}.elf"
        main = folder / f"{source.stem}.o"
        subprocess.run([*target.compile, *objects, main, *link, "-o", programs[broken]], check=True)
    return programs


def _libgcc() -> str:
    done = subprocess.run(
        [*_RV32_GCC, "-print-libgcc-file-name"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", TARGETS)
def test_vectors_are_true_on(name: str, vectors: Vectors, tmp_path: Path) -> None:
    """Every vector is true there; with one expectation changed, the run says so."""
    target = TARGETS[name]
    for program, package in target.packages.items():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing; Debian has it in {package}")
    programs = build(target, vectors, tmp_path)
    codes = {
        broken: subprocess.run(
            [*target.run, path], timeout=PATIENCE_S, stdin=subprocess.DEVNULL, check=False
        ).returncode
        for broken, path in programs.items()
    }
    assert vectors.count > 150
    assert codes[False] == 0, f"vector {codes[False]} of {vectors.count}, in the order of run.c"
    assert codes[True] not in {0, 254}
