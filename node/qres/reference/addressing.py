# SPDX-License-Identifier: Apache-2.0
"""Whose REPORT a frame may be, from its time of arrival (SPEC 8, Trial addressing)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .fixed import clip
from .heard import Heard
from .site import GUARD_US, RefSite

__all__ = ["addresses", "due_us", "slot_of"]


def slot_of(site: RefSite, start_us: int) -> tuple[int, int]:
    """Phase in which a frame starts, and the slot due nearest to it; slot M has no member."""
    p = site.phase_at(start_us)
    late_us = start_us - site.slot_start_us(p, 0) - GUARD_US // 2
    return p, clip((late_us + site.slot_us // 2) // site.slot_us, 0, site.slots)


def addresses(
    site: RefSite, start_us: int, accepts: Callable[[int], bool], *, search: bool
) -> Iterator[tuple[int, int, bool]]:
    """
    Phase, member and whether to try all windows, in order of trial, SPEC 8.

    Args:
        site: The site.
        start_us: Start of the frame. [us] since 1970
        accepts: Whether reports of a phase are accepted; neighbouring phases that are not are
            left out.
        search: Go on to every member of this, the previous and the next phase, in order of slot.
    """
    p, slot = slot_of(site, start_us)
    here = site.by_slot[p % 4]
    near = [s for s in (slot, slot - 1, slot + 1) if s in here]
    for s in near:
        yield p, here[s], s == slot
    if search:
        for q in (p, p - 1, p + 1):
            if accepts(q):
                for s, member in sorted(site.by_slot[q % 4].items()):
                    if q != p or s not in near:
                        yield q, member, False


def due_us(site: RefSite, heard: Heard) -> int:
    """When an accepted frame was due to start, SPEC 3. [us] since 1970"""
    if heard.phase is None:
        raise ValueError("phase = None: must be that of an accepted frame")
    if heard.relay_slot is not None:
        return site.relay_slot_start_us(heard.phase, heard.relay_slot) + GUARD_US // 2
    slot = site.slots
    if heard.kind == "report":
        slot = next(m.slot for m in site.members if m.id == heard.node)
    return site.slot_start_us(heard.phase, slot) + GUARD_US // 2
