# SPDX-License-Identifier: Apache-2.0
"""Does the gateway hold what the nodes hold? Phase by phase, by the 32-bit digest."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Proof"]


@dataclass(slots=True)
class Proof:
    """
    The digests of the gateway's replica against those of the nodes.

    Attributes:
        frames_accepted: Frames that the gateway accepted.
        refused: Frames that it refused, by reason.
        compared: Phases compared.
        equal: Phases in which the gateway's digest was that of the most nodes.
    """

    frames_accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    compared: int = 0
    equal: int = 0
    last_phase: int = 0
    _nodes: dict[int, int] = field(default_factory=dict)
    _gateway: dict[int, int] = field(default_factory=dict)

    def nodes_hold(self, phase: int, digests: tuple[int, ...]) -> None:
        """What the nodes held after *phase*: the commonest digest stands for them."""
        self._nodes[phase] = max(set(digests), key=digests.count)
        self._settle(phase)

    def gateway_holds(self, phase: int, digest: int) -> None:
        """What the gateway's replica held after *phase*."""
        self.last_phase = max(self.last_phase, phase)
        self._gateway[phase] = digest
        self._settle(phase)

    def _settle(self, phase: int) -> None:
        if phase in self._nodes and phase in self._gateway:
            self.compared += 1
            self.equal += self._nodes.pop(phase) == self._gateway.pop(phase)
