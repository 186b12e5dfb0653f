# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, not part of a package
"""
What the firmware costs on RV32IMC, the instruction set of ESP32-C3 and C6, run by QEMU.

    python -m bench.firmware [--hours N]

Instructions are counted by the emulated machine (-icount), the same run after run; stack is taken
from the compiler's call graph and, as it was used, from the painted stack. Nothing here was
measured on hardware. Needs the packages that `make test-firmware` needs. Writes
bench/results/firmware.json.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench._common import write
from qres._core import lib
from tests.firmware import machines
from tests.firmware.field_rig import Rig
from tests.firmware.figures import image_bytes, phase_instructions, stack_graph

ENTRIES: Final = ("app_run", "app_start", "qres_next", "qres_heard", "qres_sample", "qres_init")

NODE: Final = 3
"""Whose figures these are."""

FIELDS: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "30 nodes": (30, {}),
    "128 nodes": (128, {}),
    "128 nodes, a relay": (128, {"relays": [NODE]}),
}
"""The fields measured."""

DAYS: Final = {
    "no loss": {},
    "5 % loss": {"loss": 0.05},
    "5 % loss, echo": {"loss": 0.05, "echo": True},
}
"""Fields of 128 whose node lives through a day from midnight to midnight."""

START_H: Final = 22.0
"""Of the record's first day: the run crosses a midnight. [h]"""

EVENING_H: Final = 0.1
"""After midnight, when a day's count begins: the snapshot is written. [h]"""


def field_figures(nodes: int, options: dict[str, Any], hours: float) -> dict[str, Any]:
    """One firmware node among *nodes* for *hours*, over a midnight until its checkpoint came."""
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), nodes, start_h=START_H, **options)
        try:
            node = rig.firmware_node(NODE, machines.qemu)
            rig.begin()
            began_s = time.monotonic()
            rig.run_h(hours)
            took_s = time.monotonic() - began_s
            figures = phase_instructions(rig, node)
            dearest = max(rig.committed()[1:], key=lambda p: node.instructions.get(p, 0))
            rig.quit()
        finally:
            rig.kill()
    per_day = int(rig.field.c.phases_per_day)
    return figures | {
        "dearest_phase_of_day": dearest % per_day,
        "relays_sent": sum(kind.startswith("relay") for _, kind in rig.sent_by(NODE).elements()),
        "phases_equal": figures["phases"] + 1 - len(rig.unequal()),
        "stack_used_bytes": node.link.stack_bytes,
        "hours": hours,
        "wall_s": round(took_s, 1),
    }


def day_figures(options: dict[str, Any]) -> dict[str, Any]:
    """Instructions of a day of one among 128 nodes, and what the state was built anew for."""
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), 128, start_h=START_H, **options)
        try:
            node = rig.firmware_node(NODE, machines.qemu)
            mirror = rig.mirror(NODE)
            rig.begin()
            rig.run_h(24.0 - START_H + EVENING_H)
            before, begun = mirror.node.counters, node.link.instructions
            node.longest = 0
            rig.run_h(24.0)
            after = mirror.node.counters
            million = (node.link.instructions - begun) / 1e6
            rig.quit()
        finally:
            rig.kill()
    counted = ("accepted", "restored", "rebuilds", "adopted", "verified")
    return {
        "million_instructions": round(million),
        "seconds_at_160_mhz": round(million / 160, 1),
        "longest_step": node.longest,
        "longest_step_s_at_160_mhz": round(node.longest / 160e6, 2),
        "unequal_to_the_host": len(mirror.unequal),
        **{name: after[name] - before[name] for name in counted},
    }


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--hours", type=float, default=14.0)
    hours = parser.parse_args().hours
    machines.make("rv32")
    graph = stack_graph()
    write(
        "firmware",
        "the application on emulated RV32IMC (gcc -Os), one node of a simulated field;"
        " instructions a phase exclude the flash model",
        {
            "memory_bytes": {
                "qres_field": int(lib.qres_sizeof_field()),
                "qres_node": int(lib.qres_sizeof_node()),
                **image_bytes(),
            },
            "stack_bytes": {name: graph.deepest(name)[0] for name in ENTRIES},
            "stack_path": graph.deepest("app_run")[1],
            "phase_instructions": {name: field_figures(*f, hours) for name, f in FIELDS.items()},
            "day_of_128_nodes": {name: day_figures(o) for name, o in DAYS.items()},
        },
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
