# SPDX-License-Identifier: Apache-2.0
"""A replica's checkpoints: its own to send, others' to collect, judge and repeat (SPEC 6.4, 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .collector import Collector
from .history import History
from .reasons import Reason, RefusedError
from .relay import RelayFragment
from .scribe import Scribe
from .site import RefSite
from .state import State, digest

__all__ = ["Checkpoints", "HeldFragment", "order_of_trial"]

SCRIBES = 3
"""How many members an era's checkpoint is expected from, SPEC 6.4."""


def order_of_trial(site: RefSite, era: int) -> list[int]:
    """Indices of the members that an era's CHECKPOINTs may come from, SPEC 6.4."""
    n = site.n_members
    likely = [(era + i) % n for i in range(min(SCRIBES, n))]
    return [*likely, *(i for i in range(n) if i not in likely)]


@dataclass(frozen=True)
class HeldFragment:
    """A fragment that a relay has yet to repeat, and the era that it is of, SPEC 6.6."""

    era: int
    fragment: RelayFragment


class Checkpoints:
    """
    What a replica does with checkpoints, SPEC 6.4 and 8.

    Args:
        site: The site.
        history: The replica's base and log.
        own: Index of the member that the replica is; None for a receiver without slot.
        settled: Called when a checkpoint is verified (False) or adopted (True).

    Attributes:
        events: How many checkpoints were "verified", "adopted", "missed".
        held: The fragment to repeat; None if there is none.
        scribe: What it has to send of its own.
    """

    def __init__(
        self, site: RefSite, history: History, own: int | None, settled: Callable[[bool], None]
    ) -> None:
        self.events: Counter[str] = Counter()
        self.held: HeldFragment | None = None
        self.scribe = Scribe(site)
        self._site = site
        self._history = history
        self._own = own
        self._settled = settled
        self._collector = Collector(site, -1)
        self._snapshot_era: int | None = None
        self._snapshot_digest = 0

    def take_snapshot(self, state: State, digest_: int) -> None:
        """Remember the snapshot of an era, and its fragments if this member is the scribe."""
        era = self._site.era_of(state.phase + 1)
        self._snapshot_era, self._snapshot_digest = era, digest_
        known = sum(not absent.all() for absent in state.absent)
        may_send = 2 * known >= self._site.n_members
        self.scribe.take_snapshot(state, era, self._own if may_send else None)

    def collect(self, era: int, rank: int, number: int, blob_bytes: int, data: bytes) -> Reason:
        """
        Judge an authentic fragment of the era under way; hold it if a relay would repeat it.

        Args:
            era: The era.
            rank: Place of its scribe in the order of trial.
            number: Its number.
            blob_bytes: Length of the whole blob. [B]
            data: The fragment.
        """
        if self._collector.era != era:
            self._collector = Collector(self._site, era, self._own_rank(era))
        passed_over = self._collector.passes_over(rank)
        try:
            decoded = self._collector.add(rank, number, blob_bytes, data)
        except RefusedError as refused:
            if self._collector.is_whole:
                self.scribe.forget()
            return refused.reason
        if not passed_over and rank < SCRIBES:
            self.held = HeldFragment(era, RelayFragment(rank, number, blob_bytes, data))
        if decoded is not None:
            self._conclude(era, decoded)
        return Reason.OK

    def _own_rank(self, era: int) -> int | None:
        """Place of this member in the order of trial if it sends a checkpoint in *era*."""
        if self._own is None or not self.scribe.sends_in(era):
            return None
        return order_of_trial(self._site, era).index(self._own)

    def _conclude(self, era: int, decoded: State) -> None:
        """Verify, adopt or miss a whole checkpoint, SPEC 8."""
        self.scribe.forget()
        if self._snapshot_era == era and digest(decoded) == self._snapshot_digest:
            self.events["verified"] += 1
            self._settled(False)
        elif self._history.moved:
            self.events["missed"] += 1
        else:
            self.events["adopted"] += 1
            self._snapshot_era, self._snapshot_digest = era, digest(decoded)
            self._history.adopt(decoded)
            self._settled(True)
