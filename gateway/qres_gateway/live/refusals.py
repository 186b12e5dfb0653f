# SPDX-License-Identifier: Apache-2.0
"""Refused frames as lines: one an hour at most, however many there are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from qres_gateway.console.view import Severity
from qres_gateway.live.journal import many

if TYPE_CHECKING:
    from qres_gateway.live.journal import Journal

EVERY_US: Final = 3_600_000_000
_HARMLESS: Final = frozenset({"length", "radio", "crc_bad", "duplicate", "pending"})
"""Noise, other people's traffic, second receivers, and frames that wait for a checkpoint."""


class Refusals:
    """Gathers refused frames and tells of them in one line."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: Counter[str] = Counter()
        self._told_us: int | None = None

    def add(self, reason: str) -> None:
        """One frame was refused."""
        self._waiting[reason] += 1

    def tell(self, time_us: int) -> None:
        """It is `time_us`: tell of what waits, if the line before is an hour old."""
        told = self._told_us
        if not self._waiting or (told is not None and told <= time_us < told + EVERY_US):
            return
        parts = [f"{reason} {n}" for reason, n in sorted(self._waiting.items())]
        text = f"{many(self._waiting.total(), 'frame')} since the last such line: "
        if told is None:
            text = f"{many(self._waiting.total(), 'frame')}: "
        severity: Severity = "info" if _HARMLESS.issuperset(self._waiting) else "notice"
        self._journal.add(time_us, "refused", severity, text + ", ".join(parts))
        self._told_us = time_us
        self._waiting.clear()
