# SPDX-License-Identifier: Apache-2.0
"""The fragments of one era's checkpoint, as they come in (SPEC 6.4 and 8)."""

from __future__ import annotations

from .blob import blob_decode
from .fragments import fragment_shape, join
from .reasons import Reason, RefusedError
from .site import RefSite
from .state import State

__all__ = ["Collector"]


class Collector:
    """
    Fragments of one era, from one scribe.

    It is the first one heard, until one earlier in the order of trial is heard; then collecting
    begins anew with that one. SPEC 8.

    Args:
        site: The site.
        era: The era.
        own_rank: Place of the receiver itself in the order of trial, if it is a scribe of the
            era: it listens only to earlier ones.

    Attributes:
        era: The era.
    """

    def __init__(self, site: RefSite, era: int, own_rank: int | None = None) -> None:
        self.era = era
        self._site = site
        self._rank = own_rank
        self._blob_bytes = 0
        self._fragments: dict[int, bytes] = {}
        self._whole = False

    @property
    def is_whole(self) -> bool:
        """Whether K fragments of the sender came together, valid or not."""
        return self._whole

    def passes_over(self, rank: int) -> bool:
        """Whether fragments of the sender at place *rank* have no effect: an earlier is heard."""
        return self._rank is not None and rank > self._rank

    def add(self, rank: int, number: int, blob_bytes: int, data: bytes) -> State | None:
        """
        Add an authentic fragment.

        Args:
            rank: Place of its sender in the order of trial.
            number: Its number j.
            blob_bytes: Length of the whole blob. [B]
            data: The fragment.

        Returns:
            The decoded state, once: with the K-th different fragment. None otherwise, also for
            fragments without effect: of other senders, or after the blob is whole.

        Raises:
            RefusedError: DUPLICATE, or BLOB: the fragment does not fit, or the whole blob is not
                valid, after which nothing more is collected.
        """
        k, r, d = fragment_shape(blob_bytes)
        misfit = RefusedError(Reason.BLOB, f"fragment {number} of {blob_bytes} B: does not fit")
        if number >= k + r or len(data) != d:
            raise misfit
        if self.passes_over(rank):
            return None
        if self._rank is None or rank < self._rank:
            self._rank, self._blob_bytes = rank, blob_bytes
            self._fragments, self._whole = {}, False
        if blob_bytes != self._blob_bytes:
            raise misfit
        if number in self._fragments:
            raise RefusedError(Reason.DUPLICATE, f"fragment {number}")
        self._fragments[number] = data
        if self._whole or len(self._fragments) < k:
            return None
        self._whole = True
        return blob_decode(self._site, join(blob_bytes, self._fragments), self.era)
