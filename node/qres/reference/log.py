# SPDX-License-Identifier: Apache-2.0
"""Entries of a replica's log, what echoes and relays take from them or put there (SPEC 6.5, 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .echo import ECHO_AGE_MAX, Echo, low_bits
from .fixed import clip16
from .fold import Report
from .report import nearest_k, predicted_k
from .site import ECHO_WIDTH, RefSite
from .state import State

__all__ = ["Entry", "Key", "choose_echo", "read_low"]

Key = tuple[int, int]
"""Phase and index of a member: what the log knows an entry by."""


@dataclass(frozen=True)
class Entry:
    """
    One entry of the log; exactly one of *report*, *frame* and *low* is given.

    Attributes:
        form: Form in which the report was sent: "S", "R", "M" or "X".
        report: An accepted report.
        frame: A frame kept undecoded.
        low: All that is known of a report that was heard of in an echo or from a relay.
        echoes: How often it was repeated, as far as this replica knows.
        relayed: Whether this replica has put it into a RELAY, SPEC 6.6.
    """

    form: str
    report: Report | None = None
    frame: bytes | None = None
    low: tuple[int, ...] | None = None
    echoes: int = 0
    relayed: bool = False

    def __post_init__(self) -> None:
        given = [x for x in (self.report, self.frame, self.low) if x is not None]
        if len(given) != 1:
            raise ValueError(f"given = {given}: must be one of report, frame and low")

    def told(self, site: RefSite) -> tuple[int, ...] | None:
        """The low bits that an echo or a relay repeats, SPEC 6.5; None if it is no S entry."""
        if self.low is not None:
            return self.low
        if self.form == "S" and self.report is not None:
            return low_bits(site, self.report)
        return None


def choose_echo(
    site: RefSite, log: Mapping[Key, Entry], p: int, own: int
) -> tuple[Key, Echo] | None:
    """
    What member *own* repeats in its REPORT of phase *p*, SPEC 6.5.

    Returns:
        Key of the entry and the echo; None if there is nothing to repeat.
    """
    candidates = {
        (q, m): low
        for (q, m), entry in log.items()
        if 1 <= p - q <= ECHO_AGE_MAX and m != own and (low := entry.told(site)) is not None
    }
    if not candidates:
        return None
    fewest = min(log[key].echoes for key in candidates)
    equals = sorted((key for key in candidates if log[key].echoes == fewest), reverse=True)
    q, m = key = equals[site.members[own].slot % len(equals)]
    return key, Echo(p - q, site.members[m].slot, candidates[key])


def read_low(site: RefSite, state: State, member: int, low: tuple[int, ...]) -> Report | None:
    """
    A report of which only the low bits are known, when its phase is folded, SPEC 6.5.

    Args:
        site: The site.
        state: State of the phase before that of the report.
        member: Index of its sender.
        low: One number 0..31 for each PRIMARY channel.

    Returns:
        The report; None if the member has no PRIMARY channel present.
    """
    absent = state.absent_mask(member)
    k = {
        c: clip16(nearest_k(predicted_k(site, state, member, c), bits, ECHO_WIDTH))
        for c, bits in zip(site.primaries, low, strict=True)
        if not absent >> c & 1
    }
    if not k:
        return None
    return Report(member, sum(1 << c for c in k), absent, tuple(k.values()))
