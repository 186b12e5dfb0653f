# SPDX-License-Identifier: Apache-2.0
"""What the core takes from a node: memory, stack, names; and what it must not do: recur, float."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from qres._core import lib
from tests.core.call_graph import CORE, RV32, CallGraph, call_graph
from tests.test_core_build import alone, build

RAM_BYTES = 96 * 1024
"""What a node's 320 KB of SRAM leave the core beside the radio stack; 128 nodes, 6 channels."""

STACK_BYTES = 4096
"""Half of the 8 KB that a FreeRTOS task of the firmware gets."""

# Integer arithmetic that RISC-V without 64-bit registers takes from libgcc (GCC internals, 4.1),
# and what a freestanding compiler may call on its own account.
RV32_MAY_CALL = re.compile(r"__(u?div|u?mod|mul|ash[lr]|lshr|cmp|ucmp)di[23]|mem(cpy|move|set|cmp)")


def have(compiler: str) -> str:
    """*compiler*, if it is there and a GCC that writes call graphs."""
    package = "gcc" if compiler == "gcc" else "gcc-riscv64-unknown-elf"
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing; Debian has it in {package}")
    with tempfile.TemporaryDirectory() as folder:
        command = [compiler, "-fcallgraph-info=su", "-x", "c", "-c", "-", "-o", f"{folder}/x.o"]
        if subprocess.run(command, input=b"", capture_output=True, check=False).returncode != 0:
            pytest.skip(f"{compiler} has no -fcallgraph-info; GCC 10 or later has")
    return compiler


@cache
def graph(*compiler: str) -> CallGraph:
    """The call graph, once for each compiler."""
    return call_graph(compiler)


def test_memory_of_the_largest_field_fits_a_node() -> None:
    """Site, kernel, state, log and assembly for 128 nodes of 6 channels stay below 96 KB."""
    assert lib.qres_sizeof_field() + lib.qres_sizeof_node() <= RAM_BYTES


def test_no_function_recurs() -> None:
    """No function can be entered again from itself, as written, before the optimiser."""
    calls = graph(have("gcc"), "-O0")
    assert len(calls.frame_bytes) > 100
    assert [name for name in calls.frame_bytes if name in calls.reachable(name)] == []


@pytest.mark.parametrize("level", ["-O2", "-Os"])
def test_stack_is_bounded(level: str) -> None:
    """No public function takes more than 4 KB of stack on this machine; no frame is variable."""
    calls = graph(have("gcc"), level)
    assert all(calls.bounded.values())
    assert max(calls.deepest(n)[0] for n in calls.frame_bytes if n.startswith("qres_")) <= (
        STACK_BYTES
    )


def test_stack_is_bounded_on_risc_v() -> None:
    """The same for the instruction set of an ESP32-C3, as its build optimises: for size."""
    calls = graph(have(RV32[0]), *RV32[1:], "-Os")
    assert all(calls.bounded.values())
    assert max(calls.deepest(n)[0] for n in calls.frame_bytes if n.startswith("qres_")) <= (
        STACK_BYTES
    )


def test_no_floating_point_on_risc_v() -> None:
    """rv32imc has no float registers: any floating-point operation would call the library."""
    compiler = have(RV32[0])
    needed: set[str] = set()
    defined: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        sources = [str(path) for path in sorted((CORE / "src").glob("*.c"))]
        flags = [*RV32[1:], "-std=c99", "-Os", "-DNDEBUG", "-ffreestanding"]
        subprocess.run(
            [compiler, *flags, f"-I{CORE / 'include'}", "-c", *sources], check=True, cwd=folder
        )
        objects = sorted(Path(folder).glob("*.o"))
        listing = subprocess.run(
            ["riscv64-unknown-elf-nm", *objects], capture_output=True, text=True, check=True
        ).stdout
    for kind, name in re.findall(r"(?m)^[0-9a-f ]{8} ([A-Za-z]) (\S+)$", listing):
        (needed if kind == "U" else defined).add(name)
    assert len(defined) > 100
    assert [name for name in needed - defined if not RV32_MAY_CALL.fullmatch(name)] == []


def test_external_names_have_the_prefix() -> None:
    """Whatever the linker sees of the core is named qres_ (public) or qresi_ (internal)."""
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("nm is missing; it is in Debian's package binutils")
    with alone("c-sanitized") as folder:
        build(folder, "-DQRES_TESTS=ON", "-DQRES_SANITIZE=ON")
        listing = subprocess.run(
            [nm, "--extern-only", "--defined-only", folder / "libqres.a"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    names = re.findall(r"(?m)^[0-9a-f]+ [A-Z] (\S+)$", listing)
    ours = [name for name in names if not name.startswith("__odr_asan")]
    assert len(ours) > 50
    assert [name for name in ours if not name.startswith(("qres_", "qresi_"))] == []
