# SPDX-License-Identifier: Apache-2.0
"""The C core by itself: sanitized tests, and what a bare-metal build needs of it."""

from __future__ import annotations

import fcntl
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sources import ROOT

CORE = ROOT / "node/core"
PROGRAMS = sorted(path.stem for path in (ROOT / "tests/core").glob("*.c"))

# What a freestanding C compiler may call on its own account (GCC manual, "Standards").
COMPILER_MAY_CALL = {"memcpy", "memmove", "memset", "memcmp"}


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """The build folder *name*, held by this process: several run the tests at once."""
    folder = ROOT / "build" / name
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cache = folder / "CMakeCache.txt"
        if cache.exists() and f"CMAKE_HOME_DIRECTORY:INTERNAL={CORE}\n" not in cache.read_text():
            shutil.rmtree(folder)  # the tree was moved or copied; cmake would refuse
        yield folder


def build(folder: Path, *options: str) -> None:
    """Configure and build the core in *folder* with the locked cmake and ninja."""
    scripts = Path(sys.executable).parent
    cmake, ninja = str(scripts / "cmake"), f"-DCMAKE_MAKE_PROGRAM={scripts / 'ninja'}"
    source = ["-S", str(CORE), "-B", str(folder)]
    steps = ([cmake, *source, "-G", "Ninja", ninja, *options], [cmake, "--build", str(folder)])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def sanitized() -> Path:
    """Folder of the C tests, built with ASan and UBSan and warnings as errors."""
    with alone("c-sanitized") as folder:
        build(folder, "-DQRES_TESTS=ON", "-DQRES_SANITIZE=ON")
        return folder


@pytest.mark.parametrize("program", PROGRAMS)
def test_c_program_passes_under_sanitizers(sanitized: Path, program: str) -> None:
    """Each tests/core/*.c exits with 0 and no report of ASan or UBSan."""
    done = subprocess.run(
        [sanitized / program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def symbols() -> list[tuple[str, str]]:
    """Kind and name of every symbol of the core, built freestanding and without float registers."""
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("nm is missing; it is in Debian's package binutils")
    flags = "-ffreestanding -fno-pie -fno-stack-protector"
    if platform.machine() in {"x86_64", "aarch64"}:
        flags += " -mgeneral-regs-only"  # any floating-point arithmetic is now an error
    with alone("c-freestanding") as folder:
        build(folder, f"-DCMAKE_C_FLAGS={flags}", "-DCMAKE_POSITION_INDEPENDENT_CODE=OFF")
        listing = subprocess.run(
            [nm, folder / "libqres.a"], capture_output=True, text=True, check=True
        )
    return re.findall(r"(?m)^[0-9a-f ]{16} ([A-Za-z]) (\S+)$", listing.stdout)


def test_core_calls_nothing_outside(symbols: list[tuple[str, str]]) -> None:
    """The core needs no library: what it calls is its own, or what the compiler supplies."""
    defined = {name for kind, name in symbols if kind != "U"}
    needed = {name for kind, name in symbols if kind == "U"}
    assert defined
    assert needed - defined <= COMPILER_MAY_CALL


def test_core_has_no_writable_globals(symbols: list[tuple[str, str]]) -> None:
    """All state is in the caller's context: the core has no data and no bss symbols."""
    assert [name for kind, name in symbols if kind.lower() in "dbcsg"] == []
