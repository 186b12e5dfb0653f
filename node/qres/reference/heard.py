# SPDX-License-Identifier: Apache-2.0
"""What became of a received frame (SPEC 9)."""

from __future__ import annotations

from typing import NamedTuple

from .reasons import Reason

__all__ = ["Heard"]


class Heard(NamedTuple):
    """
    What became of a frame.

    Attributes:
        kind: "report", "beacon" or "checkpoint": what its length and first byte make it; "relay"
            if it is authentic as one, or was refused before it was tried as anything else; "" if
            no frame has this length.
        node: Id of the sender; None if it could not be told.
        phase: Phase in which it was sent; None if it could not be told.
        reason: "" if accepted, else a counted reason of SPEC 9.
        relay_slot: Relay slot that an accepted RELAY belongs to; None for other frames.
    """

    kind: str
    node: int | None
    phase: int | None
    reason: Reason
    relay_slot: int | None = None
