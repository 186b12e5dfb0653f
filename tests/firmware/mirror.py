# SPDX-License-Identifier: Apache-2.0
"""The core of this host beside a node that runs the firmware: same frames, same times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qres._core import ffi, lib
from qres.core import Do, Node

if TYPE_CHECKING:
    from qres.core import Field

__all__ = ["Mirror", "base_digest"]

_WAKES = 8  # of a phase, before its commit


class Mirror:
    """
    A replica that is told what a firmware node heard and said, and nothing else.

    It never samples: the node's own reports reach it as frames. Its clock is the node's.

    Args:
        node: A new node with the index of the one that it follows.
        field: The field.
    """

    def __init__(self, node: Node, field: Field) -> None:
        self.node = node
        self.field = field
        self.unequal: list[int] = []
        self.commits = 0

    def hear(self, frame: bytes, end_us: int) -> None:
        """A frame whose reception ended at *end_us* of the node's clock. [us]"""
        self._keep_time()
        self.node.heard(frame, end_us)

    def sent(self, frame: bytes, end_us: int) -> None:
        """The node has sent a frame. Its REPORTs tell the mirror what it measured."""
        c = self.field.c
        if end_us % self.field.phase_us < c.lead_us + c.slots * c.slot_us:
            self.hear(frame, end_us)

    def committed(self, phase: int, digest: int) -> None:
        """
        The node has committed a phase, and says so with its digest.

        A node that starts anew goes over the day's phases again: the last of them is compared.
        """
        if phase <= self.node.phase:
            if phase == self.node.phase and self.node.digest != digest:
                self.unequal.append(phase)
            return
        commit_us = phase * self.field.phase_us + self.field.commit_us
        for _ in range(_WAKES):
            self._keep_time()
            action = self.node.next(commit_us)
            if action.do == Do.COMMITTED and action.phase == phase:
                break
        else:
            raise RuntimeError(f"phase {phase}: the mirror is at {self.node.phase}")
        self.commits += 1
        if self.node.digest != digest:
            self.unequal.append(phase)

    @property
    def base_digest(self) -> int:
        """Digest of the state from which the day is built."""
        return base_digest(self.node)

    def _keep_time(self) -> None:
        """The node's clock is corrected already: nothing is to be learned of it here."""
        self.node.c.clock_corr_us = self.node.c.clock_rate_ppb = self.node.c.n_offsets = 0


def base_digest(node: Node) -> int:
    """Digest of a node's base state."""
    return int(lib.qres_state_digest(node.field.c, ffi.addressof(node.c, "base")))
