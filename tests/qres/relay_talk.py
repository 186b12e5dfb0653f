# SPDX-License-Identifier: Apache-2.0
"""Frames for the tests of relays, as they come out of the air (SPEC 6.6)."""

from __future__ import annotations

from qres.reference import (
    RefSite,
    Relay,
    RelayRecord,
    Replica,
    Report,
    cut,
    seal_fragment,
    seal_relay,
    seal_report,
)
from tests.vectors.fields import KEY
from tests.vectors.relay_net import relay_site

__all__ = [
    "BLOB",
    "ERA",
    "FIRST",
    "LOW",
    "MIDNIGHT",
    "SITE",
    "checkpoint",
    "full",
    "listener",
    "low",
    "on_air",
    "x_report",
]

SITE = relay_site(12, (4, 1))
ERA = 20_004  # first scribes: members 0, 1, 2
MIDNIGHT = SITE.era_start(ERA)
FIRST = MIDNIGHT + 4
LOW = RelayRecord(0, 1, (7, 8, 9))
BLOB = bytes(range(200))


def on_air(p: int, r: int, relay: Relay, site: RefSite = SITE) -> tuple[int, bytes]:
    """A RELAY in its slot: end of reception, and frame."""
    frame = seal_relay(site, KEY, p, r, relay)
    return site.relay_slot_start_us(p, r) + 100_000 + site.airtime_us(len(frame)), frame


def checkpoint(p: int, member: int, number: int, blob: bytes = BLOB) -> tuple[int, bytes]:
    """A CHECKPOINT in the common slot: end of reception, and frame."""
    frame = seal_fragment(SITE, KEY, p, member, number, len(blob), cut(blob)[number])
    start_us = SITE.slot_start_us(p, SITE.slots) + 100_000
    return start_us + SITE.airtime_us(len(frame)), frame


def full(age: int, member: int, k: int = 40) -> RelayRecord:
    """A full record of all four channels."""
    return RelayRecord(age, SITE.members[member].slot, None, 15, 0, (k,) * 4)


def low(age: int, member: int, bits: int = 7) -> RelayRecord:
    """A record of low bits."""
    return RelayRecord(age, SITE.members[member].slot, (bits,) * 3)


def x_report(p: int, member: int, k: int = 40) -> tuple[int, bytes]:
    """A complete REPORT: end of reception, and frame."""
    frame = seal_report(SITE, KEY, p, "X", Report(member, 15, 0, (k,) * 4), 0)
    start_us = SITE.slot_start_us(p, SITE.members[member].slot) + 100_000
    return start_us + SITE.airtime_us(len(frame)), frame


def listener(**how: int | bool) -> Replica:
    """A replica without slot, about to commit FIRST."""
    return Replica(SITE, KEY, first_phase=FIRST, **how)  # type: ignore[arg-type]
