# SPDX-License-Identifier: Apache-2.0
"""Every node's samples of the last week, held and measured, in memory of a fixed size.

A node samples once per epoch, at the start of its own phase, so row = epoch and a node's place in
the epoch follow from the phase number alone. What a replica held for a sample is its *judged*
value: at the node's own phase, after the commit. A late report or a checkpoint revises it; the
newest sample of each node is therefore written anew with every commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qres.channels import Q16_MISSING, Q16_ONE, from_q16
from qres.errors import RangeError
from qres.site import N_PHASES, phases
from qres_gateway.live.track import RAIN, Track

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qres.site import Site

KEPT_H: Final = 168
RAIN_H: Final = 24


class NodeSeries(NamedTuple):
    """
    One node and channel, oldest first; all arrays have the same length.

    `held` and `measured` are physical, NaN where absent; rain is that of the 24 hours before, or
    since the series began where that is less. `measured` is None where nobody knows it.
    """

    time_us: NDArray[np.int64]
    held: NDArray[np.float64]
    measured: NDArray[np.float64] | None
    reported: NDArray[np.bool_]


class SeriesStore:
    """
    Samples of a site's nodes for `KEPT_H` hours, and the rain of 24 h before the oldest.

    Args:
        site: The field.
        keeps_truth: Whether what the nodes measured will be told.
    """

    def __init__(self, site: Site, *, keeps_truth: bool) -> None:
        n = len(site.nodes)
        self._phase_us = site.phase_us
        self._phase_of = phases(site).astype(np.int64)
        self._kept = KEPT_H * 3600 // site.epoch_s
        self._rain_epochs = RAIN_H * 3600 // site.epoch_s
        self._rows = self._kept + self._rain_epochs
        fall_q16 = 2 * int(site.tolerance.values_q16()[RAIN])
        self._epoch_of_row = np.full(self._rows, -1, dtype=np.int64)
        self._n_channels = len(site.channels)
        shape = (self._rows, n, site.epoch_s, fall_q16, self._n_channels)
        self._held = Track(*shape)
        self._true = Track(*shape) if keeps_truth else None
        self._reported = np.zeros((self._rows, n), dtype=np.bool_)
        self._report_ahead = np.full(n, -1, dtype=np.int64)  # phase of a report not committed yet
        self._own = np.full(n, -1, dtype=np.int64)  # each node's newest committed own phase
        self._first_phase = -1
        self._from_phase = -1  # what lies before is not written again
        self._last_phase = -1

    def own_phase(self, phase: int) -> NDArray[np.int64]:
        """The newest phase up to `phase` in which each node samples, shape (nodes,)."""
        return phase - (phase - self._phase_of) % N_PHASES

    @property
    def n_bytes(self) -> int:
        """Memory of the rings; it never changes. [bytes]"""
        tracks = [self._held] if self._true is None else [self._held, self._true]
        return self._reported.nbytes + sum(t.value_q16.nbytes + t.rain_q16.nbytes for t in tracks)

    def commit(
        self,
        phase: int,
        value_q16: NDArray[np.int32],
        reported: NDArray[np.bool_],
        *,
        members_only: bool,
    ) -> None:
        """
        Take what the replica holds after the commit of `phase`.

        Args:
            phase: Its number. If it is not above the last one, time went back: what was kept of
                its epoch and after is forgotten.
            value_q16: Values, shape (nodes, channels). [Q16.16]
            reported: Whose newest sample was reported, shape (nodes,).
            members_only: True if only the values of the phase's own members are meant.
        """
        if phase <= self._last_phase:
            self._go_back(phase)
        if self._first_phase < 0:
            self._first_phase = self._from_phase = phase
        self._last_phase = phase
        own = self.own_phase(phase)
        meant = own == phase if members_only else own >= self._from_phase
        nodes = np.flatnonzero(meant)
        self._own[nodes] = own[nodes]
        epochs = own[nodes] // N_PHASES
        for epoch in (phase // N_PHASES - 1, phase // N_PHASES):
            self._open_row(epoch)
        self._held.write(nodes, epochs, value_q16[nodes])
        ahead = self._report_ahead[nodes] == own[nodes]
        self._reported[epochs % self._rows, nodes] |= reported[nodes] | ahead

    def report_heard(self, node: int, phase: int) -> None:
        """Mark the sample of `phase` of the node in row `node` as reported."""
        if phase > self._last_phase:
            self._report_ahead[node] = phase
            return
        row = phase // N_PHASES % self._rows
        if self._epoch_of_row[row] == phase // N_PHASES:
            self._reported[row, node] = True

    def truth(self, phase: int, members: NDArray[np.intp], measured_q16: ArrayLike) -> None:
        """
        Take what the members of `phase` measured, before or after its commit.

        Args:
            phase: Its number.
            members: Rows of the nodes, shape (members,).
            measured_q16: Samples, shape (members, channels), `Q16_MISSING` for none. [Q16.16]

        Raises:
            RangeError: Nobody said that the truth would be told, or the shape is another one.
        """
        if self._true is None:
            raise RangeError("truth", "given", "is known only in a demo")
        samples = np.asarray(measured_q16, dtype=np.int32)
        wanted = (len(members), self._n_channels)
        if samples.shape != wanted:
            raise RangeError("measured_q16", f"shape {samples.shape}", f"must have {wanted}")
        epoch = phase // N_PHASES
        if self._open_row(epoch):
            self._true.write(members, np.full(len(members), epoch), samples)

    def rain_24h_mm(self) -> NDArray[np.float64]:
        """
        Rain of the 24 hours up to each node's newest sample, shape (nodes,). [mm]

        Since the series began where that is less.
        """
        own_epoch = self._own // N_PHASES
        newest = int(own_epoch.max(initial=-1))
        at = self._epoch_of_row
        inside = (at > newest - self._rain_epochs) & (at <= newest)
        total = self._held.rain_q16[inside].sum(axis=0, dtype=np.int64)
        edge = newest - self._rain_epochs  # inside for nodes that have not sampled in `newest`
        row = edge % self._rows
        if edge >= 0 and at[row] == edge:
            total += np.where(own_epoch < newest, self._held.rain_q16[row], 0)
        return np.asarray(np.maximum(total, 0) / Q16_ONE, dtype=np.float64)

    def series(self, node: int, channel: int) -> NodeSeries:
        """
        The newest `KEPT_H` hours of the node in row `node`.

        Where phases were not committed there is no sample, but for one without a value at the
        beginning of the gap.
        """
        last = int(self._own[node]) // N_PHASES
        epochs = np.arange(last - self._rows + 1, last + 1)
        rows = epochs % self._rows
        phase = epochs * N_PHASES + self._phase_of[node]
        kept = (self._epoch_of_row[rows] == epochs) & (phase >= self._first_phase)
        shown = kept.copy()
        shown[1:] |= kept[:-1]
        shown[: -self._kept] = False
        shown &= self._own[node] >= 0

        def of(track: Track) -> NDArray[np.float64]:
            value_q16 = np.where(kept, track.value_q16[rows, node, channel], Q16_MISSING)
            if channel != RAIN:
                return from_q16(value_q16[shown])
            fell = np.cumsum(np.where(kept, track.rain_q16[rows, node], 0), dtype=np.int64)
            fell[self._rain_epochs :] -= fell[: -self._rain_epochs].copy()
            rain = np.where(value_q16 == Q16_MISSING, np.nan, np.maximum(fell, 0) / Q16_ONE)
            return np.asarray(rain[shown])

        return NodeSeries(
            phase[shown] * self._phase_us,
            of(self._held),
            None if self._true is None else of(self._true),
            (kept & self._reported[rows, node])[shown],
        )

    def _open_row(self, epoch: int) -> bool:
        """Have a row for `epoch`; False if the ring has moved on past it."""
        row = epoch % self._rows
        if epoch < 0 or self._epoch_of_row[row] > epoch:
            return False
        if self._epoch_of_row[row] < epoch:
            self._epoch_of_row[row] = epoch
            self._clear(row)
        return True

    def _clear(self, row: int) -> None:
        self._held.clear_row(row)
        if self._true is not None:
            self._true.clear_row(row)
        self._reported[row] = False

    def _go_back(self, phase: int) -> None:
        """Forget the epoch of `phase` and all after it."""
        for row in np.flatnonzero(self._epoch_of_row >= phase // N_PHASES):
            self._epoch_of_row[row] = -1
            self._clear(int(row))
        self._held.forget_counters()
        if self._true is not None:
            self._true.forget_counters()
        self._report_ahead[self._report_ahead > phase] = -1
        self._first_phase = min(self._first_phase, phase)
        self._from_phase = phase
        before = phase // N_PHASES * N_PHASES - N_PHASES + self._phase_of
        self._own = np.minimum(self._own, np.where(before >= self._first_phase, before, -1))
