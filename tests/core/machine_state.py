# SPDX-License-Identifier: Apache-2.0
"""What a replica of the core holds, seen from outside, and what must always be true of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from qres._core import ffi, lib
from qres.channels import V1
from qres.core import Node, Replica

__all__ = ["assert_sound", "logged", "rebuilt_digest", "refusals"]


def logged(machine: Node | Replica) -> list[tuple[int, int]]:
    """Phase and member of every entry of the log, in its order."""
    log: Any = machine.c.log
    return [(int(log[i].phase), int(log[i].member)) for i in range(machine.c.n_log)]


def rebuilt_digest(machine: Node | Replica) -> int:
    """Digest of the state that follows from base and log alone; *machine* is left as it is."""
    copy = ffi.new("qres_node *")
    ffi.memmove(copy, machine.c, ffi.sizeof("qres_node"))
    copy.dirty = 1
    lib.qres_settle(copy)
    return int(lib.qres_digest(copy))


def refusals(machine: Node | Replica) -> int:
    """How many frames were refused, whatever the reason."""
    return sum(n for name, n in machine.counters.items() if name.startswith("refused_"))


def assert_sound(machine: Node | Replica) -> None:
    """
    Check what holds after any sequence of events.

    The log is sorted, without repetitions and after base; the state is base folded over it; known
    values are inside the physical range, within the step to which a sample was rounded.
    """
    entries = logged(machine)
    assert entries == sorted(set(entries))
    assert not entries or entries[0][0] > machine.c.base.phase
    machine.settle()
    assert rebuilt_digest(machine) == int(lib.qres_digest(machine.c))
    assert rebuilt_digest(machine) == machine.digest
    steps = machine.field.site.tolerance.steps_q16()
    low = np.array([c.lower for c in V1]) * 65536 - steps
    high = np.array([c.upper for c in V1]) * 65536 + steps
    values = machine.values_q16
    assert np.all(~machine.present | ((values >= low) & (values <= high)))
