# SPDX-License-Identifier: Apache-2.0
"""How checkpoints bring replicas back: when all of them hold an era's start alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qres.core import Field, Node

__all__ = ["EraRecovery", "Recovery"]


@dataclass(slots=True)
class EraRecovery:
    """
    One era's start, as the replicas hold it.

    Attributes:
        era: UTC day number.
        equal_at_start: Replicas that held the commonest state at first.
        equal: The same now.
        replicas: How many there are.
        hours: From the era's start until all were equal; None if they are not yet. [h]
    """

    era: int
    equal_at_start: int
    equal: int
    replicas: int
    hours: float | None


@dataclass(slots=True)
class Recovery:
    """
    Watches every replica's snapshot of the current era's start.

    Replicas that lost reports differ there; the scribe's checkpoint makes them equal again. An
    era in which nodes started counts only from its successor on.
    """

    eras: dict[int, EraRecovery] = field(default_factory=dict)

    def add(self, field_: Field, phase: int, nodes: Sequence[Node]) -> None:
        """Look at the replicas after the commit of *phase*."""
        found = [node.snapshot for node in nodes]
        if any(s is None for s in found):
            return
        held = Counter(s for s in found if s is not None)
        (era, _), equal = held.most_common(1)[0]
        if era != (phase + 1) // int(field_.c.phases_per_day):
            return
        hours = ((phase + 1) * field_.phase_us / 3.6e9) % 24.0
        record = self.eras.setdefault(era, EraRecovery(era, equal, equal, len(nodes), None))
        record.equal = equal
        if equal == len(nodes) and record.hours is None:
            record.hours = hours
