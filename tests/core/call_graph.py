# SPDX-License-Identifier: Apache-2.0
"""
Who calls whom in the core, and how deep the stack gets, from what GCC writes beside its objects.

    python tests/core/call_graph.py [CC [FLAGS...]]      e.g. gcc -O2

prints the deepest path of every public function. Calls by pointer are resolved by `BY_POINTER`,
which names all of them; one that it does not know is an error.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
CORE: Final = ROOT / "node/core"

RV32: Final = ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32")
"""Compiler of the ESP32-C3's instruction set."""

BY_POINTER: Final = {
    # qres_cipher.encrypt: the portable one; a port with AES hardware brings its own
    "ccm.c": ("aes128.c:encrypt_block",),
    # member_number of the checkpoint's blocks
    "blob.c": ("blob.c:value_k", "blob.c:slow_delta"),
}
"""Functions that a file of the core calls by pointer."""

OUTSIDE_BYTES: Final = 64
"""Allowed for a leaf that the compiler supplies (memcpy, 64-bit division). [bytes]"""

_NODE = re.compile(r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \((\w[\w,]*)\)"')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_INDIRECT = "__indirect_call"


@dataclass(slots=True)
class CallGraph:
    """
    Functions of the core by name; static ones as "file.c:name".

    Attributes:
        frame_bytes: Stack of each function alone. [bytes]
        calls: Whom it calls.
        bounded: False for a function whose frame has no limit (alloca, arrays sized at run time).
    """

    frame_bytes: dict[str, int] = field(default_factory=dict)
    calls: dict[str, set[str]] = field(default_factory=dict)
    bounded: dict[str, bool] = field(default_factory=dict)

    def reachable(self, start: str) -> set[str]:
        """Functions that a call of *start* may enter, *start* itself only if it recurs."""
        seen: set[str] = set()
        todo = list(self.calls.get(start, ()))
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += self.calls.get(name, ())
        return seen

    def deepest(self, start: str) -> tuple[int, list[str]]:
        """
        Most stack that a call of *start* takes, and the path. [bytes]

        Raises:
            RecursionError: Some path has no end.
        """
        memo: dict[str, tuple[int, list[str]]] = {}

        def depth(name: str, path: tuple[str, ...]) -> tuple[int, list[str]]:
            if name in path:
                raise RecursionError(" -> ".join((*path, name)))
            if name not in memo:
                below = [depth(callee, (*path, name)) for callee in self.calls.get(name, ())]
                most, way = max(below, key=lambda b: b[0], default=(0, []))
                own = self.frame_bytes.get(name, OUTSIDE_BYTES)
                memo[name] = own + most, [name, *way]
            return memo[name]

        return depth(start, ())


def call_graph(compiler: Sequence[str]) -> CallGraph:
    """The core's call graph as *compiler* (name and flags, GCC 10 or later) makes it."""
    graph = CallGraph()
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted((CORE / "src").glob("*.c")):
            target = Path(folder) / f"{source.stem}.o"
            command = [
                *compiler, "-std=c99", "-DNDEBUG", "-ffreestanding", "-fcallgraph-info=su",
                f"-I{CORE / 'include'}", "-c", str(source), "-o", str(target),
            ]  # fmt: skip
            subprocess.run(command, check=True)
            _read(graph, target.with_suffix(".ci").read_text(), source.name)
    return graph


def _read(graph: CallGraph, text: str, file: str) -> None:
    def short(title: str) -> str:
        path, _, name = title.rpartition(":")
        return f"{Path(path).name}:{name}" if path else name

    for title, size, kind in _NODE.findall(text):
        graph.frame_bytes[short(title)] = int(size)
        graph.bounded[short(title)] = kind != "dynamic"
    for source, target in _EDGE.findall(text):
        called = graph.calls.setdefault(short(source), set())
        if target != _INDIRECT:
            called.add(short(target))
        elif file in BY_POINTER:
            called.update(BY_POINTER[file])
        else:
            raise ValueError(f"{short(source)}: calls by a pointer that BY_POINTER does not know")


def main(compiler: Sequence[str]) -> None:
    """Print the deepest path of every function that a port calls."""
    graph = call_graph(compiler)
    for name in sorted(n for n in graph.frame_bytes if n.startswith("qres_")):
        total, path = graph.deepest(name)
        print(f"{total:6} B  {' > '.join(path)}")


if __name__ == "__main__":
    main(sys.argv[1:] or ("gcc", "-O2"))
