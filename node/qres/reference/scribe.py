# SPDX-License-Identifier: Apache-2.0
"""The member that sends an era's checkpoint (SPEC 6.4)."""

from __future__ import annotations

from .blob import blob_encode
from .fragments import BLOB_MAX, cut, fragment_number, scribe_of
from .frames import seal_fragment
from .site import RefSite
from .state import State

__all__ = ["Scribe"]


class Scribe:
    """What a member has to send of its snapshot, if it is its turn; empty otherwise."""

    def __init__(self, site: RefSite) -> None:
        self._site = site
        self._era = -1
        self._fragments: list[bytes] = []
        self._blob_bytes = 0

    def forget(self) -> None:
        """Send nothing more in this era."""
        self._fragments = []

    def sends_in(self, era: int) -> bool:
        """Whether it has something to send in *era*."""
        return bool(self._fragments) and self._era == era

    def take_snapshot(self, snapshot: State, era: int, member: int | None) -> None:
        """
        Fix the blob of *era* if *member* is its scribe.

        A blob that is longer than a checkpoint may be is not sent.
        """
        self._era = era
        self.forget()
        if member is not None and scribe_of(self._site, snapshot, era) == member:
            blob = blob_encode(self._site, snapshot)
            if len(blob) <= BLOB_MAX:
                self._fragments, self._blob_bytes = cut(blob), len(blob)

    def frame(self, key: bytes, p: int, member: int) -> bytes | None:
        """The CHECKPOINT that *member* sends in phase *p*, or None."""
        if not self._fragments or self._site.era_of(p) != self._era:
            return None
        j = fragment_number(self._site, p, len(self._fragments), member)
        if j is None:
            return None
        data = self._fragments[j]
        return seal_fragment(self._site, key, p, member, j, self._blob_bytes, data)
