# SPDX-License-Identifier: Apache-2.0
"""The seam between the runner and what it writes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qres_gateway.sinks.point import Point

__all__ = ["Sink", "SinkStats"]


class Sink(Protocol):
    """
    Something that takes points. Called by one thread; every call ends within the sink's timeout.

    Attributes:
        name: Short: names its cursors and the tag `sink`. a-z and 0-9.
        address: Where it is, for people; no secret in it.
    """

    name: str
    address: str

    def open(self) -> None:
        """Connect, if that is needed. Raises SinkError."""
        ...

    def write(self, points: Sequence[Point]) -> int:
        """
        Deliver points, and wait until the server has confirmed them.

        Returns:
            How many of them the server will never take; it keeps all others.

        Raises:
            SinkError: Not confirmed; some may have been taken nevertheless.
        """
        ...

    def close(self) -> None:
        """Say goodbye and let go. Does not raise."""
        ...


@dataclass(frozen=True, slots=True)
class SinkStats:
    """
    How a sink is doing.

    Attributes:
        name: Of the sink.
        state: "starting", "ok", "catching up", or the code of what hinders it.
        text: What hinders it, in words; "" otherwise.
        backlog_rows: Rows of the store that it has not got.
        backlog_age_s: Age of the oldest of them; 0 without any. [s]
        written_points: Confirmed since the start.
        rejected_points: The server will never take them; the store has them still.
        failures: Failed deliveries since the start.
    """

    name: str
    state: str = "starting"
    text: str = ""
    backlog_rows: int = 0
    backlog_age_s: float = 0.0
    written_points: int = 0
    rejected_points: int = 0
    failures: int = 0
