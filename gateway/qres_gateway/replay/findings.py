# SPDX-License-Identifier: Apache-2.0
"""What was found in captures: counts, radio, checkpoints, and the field as it stood at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.core import Status
from qres_gateway.events import FrameHeard, PhaseCommitted, ReplicaRebuilt
from qres_gateway.ledger import HOUR_US, Sum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from qres.site import Site
    from qres_gateway.events import Event

__all__ = ["Findings"]

CHECKPOINTS: Final = ("verified", "adopted", "missed_checkpoints")


@dataclass(slots=True)
class Findings:
    """
    Sums over the events of some frames and their time; feed them in order with `add`.

    Attributes:
        site: The field.
        ids: Rows of the frame log; others are left out.
        first_us: Reception of the first of them. Phases that ended before are left out. [us]
        last_us: Phases that began after this are left out. [us]
        radio: What was accepted, by kind of frame.
        refused: Frames refused, by reason; a transmission counts once.
        copies: Deliveries of what another receiver had delivered.
        phases: Phases committed.
        checkpoints: By outcome, see `CHECKPOINTS`.
        last: The newest committed phase, None before the first.
        last_report_us: Reception of each node's newest report, by id. [us]
    """

    site: Site
    ids: AbstractSet[int]
    first_us: int
    last_us: int
    radio: dict[str, Sum] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    copies: int = 0
    phases: int = 0
    checkpoints: Counter[str] = field(default_factory=Counter)
    last: PhaseCommitted | None = None
    last_report_us: dict[int, int] = field(default_factory=dict)
    _health: Mapping[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Transmissions of the field."""
        return sum(part.frames for part in self.radio.values())

    @property
    def hours(self) -> float:
        """From the first frame to the last, a phase at least. [h]"""
        return max(self.last_us - self.first_us, self.site.phase_us) / HOUR_US

    def covers(self, commit: PhaseCommitted) -> bool:
        """Whether the phase lies in the time of the frames."""
        return self.first_us - self.site.phase_us < commit.time_us <= self.last_us

    def add(self, event: Event) -> None:
        """Count one event."""
        if isinstance(event, ReplicaRebuilt):
            self._health = {}
        elif isinstance(event, FrameHeard):
            if event.frame_id in self.ids:
                self._heard(event)
        elif isinstance(event, PhaseCommitted):
            before, self._health = self._health, event.health
            if self.covers(event):
                self.phases += 1
                self.last = event
                for name in CHECKPOINTS:
                    self.checkpoints[name] += event.health.get(name, 0) - before.get(name, 0)

    def _heard(self, event: FrameHeard) -> None:
        if event.reason == "copy":
            self.copies += 1
        elif event.reason:
            self.refused[event.reason] += 1
        else:
            self.radio.setdefault(event.kind, Sum()).add(1, event.n_bytes, event.airtime_us)
            if event.kind == "report" and event.node is not None:
                self.last_report_us[event.node] = event.rx_us

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON. Rates are per hour of the whole field; None stands for unknown."""
        total = Sum()
        for part in self.radio.values():
            total.add(part.frames, part.bytes, part.airtime_us)
        return {
            "first_us": self.first_us,
            "last_us": self.last_us,
            "hours": round(self.hours, 3),
            "decoded": {kind: part.frames for kind, part in sorted(self.radio.items())},
            "refused": dict(sorted(self.refused.items())),
            "copies": self.copies,
            "phases_committed": self.phases,
            "rf_bytes": total.bytes,
            "rf_bytes_per_hour": round(total.bytes / self.hours, 2),
            "airtime_us": total.airtime_us,
            "airtime_ms_per_hour": round(total.airtime_us / 1000 / self.hours, 1),
            "checkpoints": {name: self.checkpoints[name] for name in CHECKPOINTS},
            "last_phase": None if self.last is None else self.last.phase,
            "digest": None if self.last is None else f"{self.last.digest:08x}",
            "nodes": self._nodes(),
        }

    def _nodes(self) -> list[dict[str, Any]]:
        last = self.last
        if last is None:
            return []
        values = last.held
        return [
            {
                "id": node.id,
                "name": node.name,
                **{
                    c.name: None if np.isnan(x) else round(float(x), 4)
                    for c, x in zip(self.site.channels, row, strict=True)
                },
                "provenance": Status(int(status)).name.lower(),
                "last_report_us": self.last_report_us.get(node.id),
            }
            for node, row, status in zip(self.site.nodes, values, last.status, strict=True)
        ]
