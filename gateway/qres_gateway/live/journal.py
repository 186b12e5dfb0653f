# SPDX-License-Identifier: Apache-2.0
"""The event log of the page: the newest lines, numbered once and for all."""

from __future__ import annotations

from collections import deque
from typing import Final

from qres_gateway.console.view import Event, EventKind, Severity

KEPT: Final = 200
"""Most lines kept; the console's schema says no more than that."""


class Journal:
    """The newest `KEPT` lines. Ids begin at 1, rise by one and are never used twice."""

    def __init__(self) -> None:
        self._lines: deque[Event] = deque(maxlen=KEPT)
        self._last_id = 0
        self._told: tuple[Event, ...] | None = ()

    def add(
        self,
        time_us: int,
        kind: EventKind,
        severity: Severity,
        text: str,
        node: int | None = None,
    ) -> None:
        """Add a line. `node` is the id of the node that it is about."""
        self._last_id += 1
        line = Event(
            id=self._last_id, time_us=time_us, kind=kind, severity=severity, text=text, node=node
        )
        self._lines.append(line)
        self._told = None

    @property
    def events(self) -> tuple[Event, ...]:
        """The lines, oldest first."""
        if self._told is None:
            self._told = tuple(self._lines)
        return self._told


def many(count: int, singular: str, plural: str = "") -> str:
    """
    A number with its noun.

    >>> many(1, "frame"), many(2, "frame"), many(0, "reply", "replies")
    ('1 frame', '2 frames', '0 replies')
    """
    return f"{count} {singular if count == 1 else plural or singular + 's'}"
