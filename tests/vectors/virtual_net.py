# SPDX-License-Identifier: Apache-2.0
"""A field of reference replicas on the air: who hears what is up to the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qres.reference import Heard, RefSite, Replica
from tests.vectors.fields import KEY, Lcg

__all__ = ["Net", "Sent"]

GUARD_US = 200_000


@dataclass(frozen=True)
class Sent:
    """
    A frame that went on air.

    Attributes:
        phase: Phase in which it was sent.
        member: Index of the sender.
        kind: "report" or "common".
        rx_end_us: When a receiver has all of it. [us]
        frame: Its bytes.
    """

    phase: int
    member: int
    kind: str
    rx_end_us: int
    frame: bytes


class Net:
    """
    Members that measure a shared weather, and further replicas that only listen.

    Args:
        site: The field.
        first_phase: Where all begin.
        seed: Chance of the weather.
        hears: Whether replica number (N and above: listeners) receives a frame.

    Attributes:
        members: One replica per member, by index.
        listeners: Replicas without slot.
        sent: All frames so far.
        samples: The last samples of each member. [Q16.16]
    """

    def __init__(
        self,
        site: RefSite,
        first_phase: int,
        seed: int = 1,
        hears: Callable[[int, Sent], bool] = lambda _to, _sent: True,
    ) -> None:
        self.site = site
        self.hears = hears
        self.members = [
            Replica(site, KEY, i, first_phase=first_phase) for i in range(site.n_members)
        ]
        self.listeners: list[Replica] = []
        self.sent: list[Sent] = []
        self.heard: list[tuple[int, Sent, Heard]] = []
        self.samples: dict[int, list[int | None]] = {}
        self._p = first_phase
        self._lcg = Lcg(seed)
        self._k = [[80, 40, 12, 5] for _ in range(site.n_members)]

    def _measure(self, i: int) -> list[int | None]:
        """The next samples of a member: a walk in steps."""
        lo, hi = (-200, 0, 0, 0), (300, 79, 250, 30_000)
        for c in range(4):
            move = self._lcg.between(-6, 6) if c < 3 else self._lcg.below(4) // 3
            self._k[i][c] = max(lo[c], min(self._k[i][c] + move, hi[c]))
        channels = self.site.channels
        return [k * ch.step for k, ch in zip(self._k[i], channels, strict=True)]

    def _on_air(self, member: int, kind: str, slot: int, frame: bytes) -> None:
        start = self.site.slot_start_us(self._p, slot) + GUARD_US // 2
        end = start + self.site.airtime_us(len(frame))
        sent = Sent(self._p, member, kind, end, frame)
        self.sent.append(sent)
        for number, replica in enumerate([*self.members, *self.listeners]):
            if number != member and self.hears(number, sent):
                self.heard.append((number, sent, replica.hear(end, frame)))

    def step(self) -> None:
        """One phase: samples, reports in their slots, the common slot, commit."""
        for slot, i in sorted(self.site.by_slot[self._p % 4].items()):
            self.samples[i] = self._measure(i)
            frame = self.members[i].decide(self.samples[i])
            if frame is not None:
                self._on_air(i, "report", slot, frame)
        for i, member in enumerate(self.members):
            frame = member.common_frame()
            if frame is not None:
                self._on_air(i, "common", self.site.slots, frame)
        for replica in [*self.members, *self.listeners]:
            replica.advance_to(self._p)
        self._p += 1

    def run(self, n_phases: int) -> None:
        """So many phases."""
        for _ in range(n_phases):
            self.step()

    def digests(self) -> set[int]:
        """The digests of all replicas: one of them while they agree."""
        return {r.digest for r in [*self.members, *self.listeners]}
