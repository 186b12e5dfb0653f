# SPDX-License-Identifier: Apache-2.0
"""Where each node's values come from, since when, and the lines that tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.core import Status
from qres_gateway.console.view import Provenance
from qres_gateway.live.journal import many

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.site import Site
    from qres_gateway.live.journal import Journal

PROVENANCE: Final[dict[int, Provenance]] = {
    Status.UNKNOWN: "unknown",
    Status.REPORTED: "reported",
    Status.HELD: "held",
    Status.STALE: "stale",
    Status.DIVERGED: "diverged",
}
"""The console's word for each number of the core."""

_LINES_MOST: Final = 5
"""Nodes that change at once get a line each up to here, and one line together beyond."""
_NEVER: Final = -1


class Provenances:
    """
    `Status` of every node, and when it began.

    A report begins its own "reported", also after another one. What began before the view did, or
    has not begun, has no beginning.

    Attributes:
        reported_us: When each node last measured what it reported, by whatever way the replica
            came to know it: heard, relayed or echoed; shape (nodes,), -1 for never. [us]
    """

    def __init__(self, site: Site, journal: Journal) -> None:
        n = len(site.nodes)
        self._ids = site.ids
        self._journal = journal
        self._deadline = stale_after(site.epoch_s)
        self.status: NDArray[np.uint8] = np.full(n, Status.UNKNOWN, dtype=np.uint8)
        self._since_us = np.full(n, _NEVER, dtype=np.int64)
        self.reported_us = np.full(n, _NEVER, dtype=np.int64)
        self._is_silent = np.zeros(n, dtype=np.bool_)
        self._is_first = True

    def commit(self, status: NDArray[np.uint8], own_us: NDArray[np.int64], time_us: int) -> None:
        """
        Take the status of every node after a commit.

        Args:
            status: `qres.core.Status`, shape (nodes,).
            own_us: Start of each node's own newest phase: what is reported now was measured
                then. Shape (nodes,). [us]
            time_us: Start of the committed phase. [us]
        """
        changed = (status != self.status) & (not self._is_first)
        self._since_us[changed] = time_us
        is_reported = status == Status.REPORTED
        self._since_us[is_reported] = own_us[is_reported]
        self.reported_us[is_reported] = own_us[is_reported]
        self._tell_silence(status, time_us)
        self.status = status.copy()
        self._is_first = False

    def provenances(self) -> list[Provenance]:
        """In order of the nodes."""
        return [PROVENANCE[s] for s in self.status.tolist()]

    def since_us(self) -> list[int | None]:
        """In order of the nodes."""
        return [None if s == _NEVER else s for s in self._since_us.tolist()]

    def _tell_silence(self, status: NDArray[np.uint8], time_us: int) -> None:
        """A node is silent from "stale" until it is heard; "diverged" in between says nothing."""
        heard = (status == Status.REPORTED) | (status == Status.HELD)
        lost = np.flatnonzero((status == Status.STALE) & ~self._is_silent)
        back = np.flatnonzero(heard & self._is_silent)
        self._is_silent[lost], self._is_silent[back] = True, False
        self._tell(lost, time_us, f"no sign of life for {self._deadline}", is_lost=True)
        self._tell(back, time_us, "heard again", is_lost=False)

    def _tell(self, nodes: NDArray[np.intp], time_us: int, text: str, *, is_lost: bool) -> None:
        add = self._journal.add
        if len(nodes) > _LINES_MOST:
            text = f"{many(len(nodes), 'node')}: {text}"
        for node in [None] if len(nodes) > _LINES_MOST else nodes.tolist():
            about = None if node is None else self._ids[node]
            if is_lost:
                add(time_us, "stale", "notice", text, about)
            else:
                add(time_us, "info", "info", text, about)


def stale_after(epoch_s: int) -> str:
    """
    The silence after which a node is stale, in words: SPEC 4, six hours and two epochs.

    >>> stale_after(600), stale_after(3600), stale_after(300)
    ('6 h 20 min', '8 h', '6 h 10 min')
    """
    phase_us = epoch_s * 250_000
    hours, rest_us = divmod((21_600_000_000 // phase_us + 8) * phase_us, 3_600_000_000)
    minutes = rest_us // 60_000_000
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
