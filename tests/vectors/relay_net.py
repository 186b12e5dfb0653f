# SPDX-License-Identifier: Apache-2.0
"""A field of reference replicas with relays on the air (SPEC 6.6)."""

from __future__ import annotations

from dataclasses import replace

from qres.reference import RefSite
from tests.vectors.fields import make_site
from tests.vectors.virtual_net import GUARD_US, Net, Sent

__all__ = ["RelayNet", "relay_site"]


def relay_site(n: int, relays: tuple[int, ...], *, echo: bool = False, seed: int = 1) -> RefSite:
    """A field of *n* members of which some are relays."""
    return replace(make_site(n, seed=seed, echo=echo), relays=relays)


class RelayNet(Net):
    """As `Net`, and after the common slot the relay slots; `Sent.kind` is "relay" for theirs."""

    def step(self) -> None:
        """One phase: samples, reports, the common slot, the relay slots, commit."""
        site, p = self.site, self._p
        for slot, i in sorted(site.by_slot[p % 4].items()):
            self.samples[i] = self._measure(i)
            self._say(
                i, "report", site.slot_start_us(p, slot), self.members[i].decide(self.samples[i])
            )
        for i, member in enumerate(self.members):
            self._say(i, "common", site.slot_start_us(p, site.slots), member.common_frame())
        for r in range(site.relay_slots):
            i = site.relay_of(r)
            self._say(i, "relay", site.relay_slot_start_us(p, r), self.members[i].relay_frame(r))
        for replica in [*self.members, *self.listeners]:
            replica.advance_to(p)
        self._p += 1

    def _say(self, member: int, kind: str, slot_start_us: int, frame: bytes | None) -> None:
        """Put a frame on the air, if there is one."""
        if frame is None:
            return
        end_us = slot_start_us + GUARD_US // 2 + self.site.airtime_us(len(frame))
        sent = Sent(self._p, member, kind, end_us, frame)
        self.sent.append(sent)
        for number, replica in enumerate([*self.members, *self.listeners]):
            if number != member and self.hears(number, sent):
                self.heard.append((number, sent, replica.hear(end_us, frame)))
