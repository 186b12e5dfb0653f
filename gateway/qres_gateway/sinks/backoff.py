# SPDX-License-Identifier: Apache-2.0
"""How long to leave a failing server alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff"]


@dataclass(slots=True)
class Backoff:
    """
    Doubling pauses with jitter.

    Attributes:
        first_s: First pause. [s]
        most_s: Longest pause. [s]
        random: Draws from 0..1. Jitter keeps many gateways from returning in step.

    >>> pauses = Backoff(1.0, 60.0, lambda: 1.0)
    >>> [pauses.next_s() for _ in range(8)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    """

    first_s: float
    most_s: float
    random: Callable[[], float]
    _failures: int = 0

    def next_s(self, at_least_s: float = 0.0) -> float:
        """The next pause: half of it certain, half drawn; what the server asks for, up to most."""
        pause = min(self.most_s, self.first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return max(pause * (0.5 + 0.5 * self.random()), min(at_least_s, self.most_s))

    def reset(self) -> None:
        """It works again."""
        self._failures = 0
