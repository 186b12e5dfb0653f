# SPDX-License-Identifier: Apache-2.0
"""What the firmware costs on RV32: instructions a phase, stack by call graph, RAM, flash."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.core import call_graph
from tests.core.call_graph import CallGraph
from tests.firmware import machines
from tests.firmware.link import Kind
from tests.sources import ROOT

if TYPE_CHECKING:
    from tests.firmware.field_rig import Rig
    from tests.firmware.participants import FirmwareNode

__all__ = ["image_bytes", "phase_instructions", "stack_graph"]

FIRMWARE: Final = ROOT / "firmware"
RV32: Final = ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2")

_FLASH: Final = tuple(f"ram_flash.c:{name}" for name in ("read_bytes", "prog", "erase"))
_PORT: Final = tuple(
    f"link.c:{name}"
    for name in (
        "now_us", "set_clock", "sleep", "delay_us", "radio_start", "radio_tx", "radio_rx",
        "radio_sleep", "sense", "count", "draw", "feed", "say",
    )
)  # fmt: skip
_PIPE: Final = (
    "virtio_write", "virtio_read", "main.c:instructions", "main.c:stack_used", "main.c:quit",
    "main.c:restart",
)  # fmt: skip

BY_POINTER: Final = {
    **call_graph.BY_POINTER,
    "store.c": _FLASH,
    "ring.c": _FLASH,
    "snapshot.c": _FLASH,
    "app.c": (*_PORT, *_FLASH),
    **{f"{name}.c": _PORT for name in ("console", "measure", "persist", "search", "send")},
    "link.c": _PIPE,
    "ram_flash.c": ("link.c:cut", "main.c:instructions"),
}
"""Functions that a file calls by pointer, on the emulated board."""


def stack_graph() -> CallGraph:
    """Call graph of application, core and emulated board, as the image is compiled."""
    core = machines.core_folder()
    sources = [
        *sorted((core / "src").glob("*.c")),
        *sorted((FIRMWARE / "app").glob("*.c")),
        *sorted((FIRMWARE / "ports/link").glob("*.c")),
        *sorted((FIRMWARE / "ports/rv32virt").glob("*.c")),
    ]
    parts = ("include", "app", "ports/link", "ports/rv32virt")
    include = [f"-I{core / 'include'}", *(f"-I{FIRMWARE / part}" for part in parts)]
    flags = ("-std=c99", "-Os", "-DNDEBUG", "-ffreestanding", "-fcallgraph-info=su")
    graph = CallGraph()
    kept = dict(call_graph.BY_POINTER)
    call_graph.BY_POINTER.update(BY_POINTER)
    try:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([*RV32, *flags, *include, "-c", *sources], cwd=folder, check=True)
            for source in sources:
                call_graph._read(
                    graph, (Path(folder) / f"{source.stem}.ci").read_text(), source.name
                )
    finally:
        call_graph.BY_POINTER.clear()
        call_graph.BY_POINTER.update(kept)
    return graph


def image_bytes(image: str = "node.elf") -> dict[str, int]:
    """Code and constants in flash, static RAM, the stack's reserve apart. [bytes]"""
    listing = subprocess.run(
        ["riscv64-unknown-elf-size", "-A", machines.IMAGES / image],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    sizes = {name: int(n) for name, n in re.findall(r"(?m)^(\.\w+)\s+(\d+)", listing)}
    return {
        "flash_bytes": sizes[".text"] + sizes[".rodata"],
        "ram_bytes": sizes[".bss"] + sizes.get(".data", 0),
    }


def phase_instructions(rig: Rig, node: FirmwareNode) -> dict[str, Any]:
    """Instructions of a node by phase, its first one (with the boot) apart."""
    counts = [node.instructions[p] for p in rig.committed()[1:] if p in node.instructions]
    ordered = sorted(counts)
    return {
        "phases": len(ordered),
        "median": ordered[len(ordered) // 2],
        "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        "most": ordered[-1],
        "above_3_million": sum(n > 3_000_000 for n in ordered),
        "boot_and_first_phase": node.instructions[min(node.instructions)],
        "wakes": node.asked[Kind.SLEEP],
    }
