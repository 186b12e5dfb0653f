# SPDX-License-Identifier: Apache-2.0
"""Whether a replica still agrees with the others (SPEC 8, Health)."""

from __future__ import annotations

from collections import deque

__all__ = ["Health"]

COMPARED = 16
SUSPECT_LIMIT = 4


class Health:
    """
    Verdict from digest bits and beacons, SPEC 8.

    Attributes:
        diverged: This replica holds other values than the rest of the field.
    """

    def __init__(self) -> None:
        self.diverged = False
        self._mismatches: deque[bool] = deque(maxlen=COMPARED)

    @property
    def suspect(self) -> int:
        """Mismatching bits among the newest 16 that were compared."""
        return sum(self._mismatches)

    def compare_bit(self, theirs: int, own_digest: int) -> None:
        """Take a REPORT's digest bit into account."""
        self._mismatches.append(theirs != own_digest & 1)
        if self.suspect >= SUSPECT_LIMIT:
            self.diverged = True
        elif self.suspect == 0 and len(self._mismatches) == COMPARED:
            self.diverged = False

    def compare_beacon(self, theirs: int, own_digest: int) -> None:
        """Take a BEACON's digest into account; a match also clears the bits compared so far."""
        self.diverged = theirs != own_digest
        if not self.diverged:
            self._mismatches.clear()
