# SPDX-License-Identifier: Apache-2.0
"""A ring of samples, and the rain that fell between them.

Rain is measured as a counter that wraps (`qres.channels`). What fell between two samples of a node
is their difference, the short way round. A difference that no rain can be means that the counter
was changed or started anew: what fell before its first value is unknown and counts as 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import Q16_MISSING, Q16_ONE, channel

if TYPE_CHECKING:
    from numpy.typing import NDArray

RAIN: Final = channel("rain_mm").index
RAIN_MOST_MM_PER_H: Final = 305
"""
Most rain in an hour. [mm]

Source: World Meteorological Organization, archive of weather and climate extremes: 305 mm at
Holt, Missouri, on 1947-06-22 (Lott 1954, Monthly Weather Review 82(2), 50-59).
https://wmo.asu.edu/content/world-greatest-sixty-minute-one-hour-rainfall
"""
_WRAP_Q16: Final = round(channel("rain_mm").upper) * Q16_ONE
_HOUR_S: Final = 3600


class Track:
    """
    Samples of all nodes, one a node and epoch; the newest `rows` epochs.

    Args:
        rows: Epochs kept.
        n_nodes: Nodes.
        epoch_s: Length of an epoch. [s]
        fall_q16: How much a rain counter may fall between two samples without having been
            changed: replicas correct what they hold. [Q16.16 mm]
        n_channels: Channels of the site.
    """

    def __init__(
        self, rows: int, n_nodes: int, epoch_s: int, fall_q16: int, n_channels: int
    ) -> None:
        self.value_q16 = np.full((rows, n_nodes, n_channels), Q16_MISSING, dtype=np.int32)
        self.rain_q16 = np.zeros((rows, n_nodes), dtype=np.int32)
        self._rows = rows
        self._epoch_s = epoch_s
        self._fall_q16 = fall_q16
        self._epoch = np.full(n_nodes, -1, dtype=np.int64)  # of each node's newest sample
        self._counter = np.full(n_nodes, Q16_MISSING, dtype=np.int64)  # in that sample
        self._before = self._counter.copy()  # the last one that was present before that epoch
        self._before_epoch = self._epoch.copy()

    def clear_row(self, row: int) -> None:
        """Make room for another epoch."""
        self.value_q16[row] = Q16_MISSING
        self.rain_q16[row] = 0

    def forget_counters(self) -> None:
        """The next sample of each node is the first as far as rain is concerned."""
        self._epoch[:] = self._before_epoch[:] = -1
        self._counter[:] = self._before[:] = Q16_MISSING

    def write(
        self, nodes: NDArray[np.intp], epochs: NDArray[np.int64], value_q16: NDArray[np.int32]
    ) -> None:
        """
        Write samples; the newest one of a node may be written again.

        Args:
            nodes: Rows of the nodes, shape (k,), each at most once.
            epochs: Epoch of each sample, shape (k,); its row must have been cleared for it.
            value_q16: Samples, shape (k, channels), `Q16_MISSING` for none. [Q16.16]
        """
        rows = epochs % self._rows
        self.value_q16[rows, nodes] = value_q16
        is_new = epochs > self._epoch[nodes]
        moved = nodes[is_new]
        had = moved[self._counter[moved] != Q16_MISSING]
        self._before[had] = self._counter[had]
        self._before_epoch[had] = self._epoch[had]
        self._epoch[moved] = epochs[is_new]
        newest = epochs == self._epoch[nodes]
        nodes, epochs, rows = nodes[newest], epochs[newest], rows[newest]
        now = value_q16[newest, RAIN].astype(np.int64)
        self._counter[nodes] = now
        self.rain_q16[rows, nodes] = self._fell(nodes, epochs, now)

    def _fell(
        self, nodes: NDArray[np.intp], epochs: NDArray[np.int64], now: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Rain between each node's sample before and the one that reads `now`."""
        before = self._before[nodes]
        half = _WRAP_Q16 // 2
        fell = (now - before + half) % _WRAP_Q16 - half
        gap_s = np.maximum((epochs - self._before_epoch[nodes]) * self._epoch_s, _HOUR_S)
        most = RAIN_MOST_MM_PER_H * Q16_ONE * gap_s // _HOUR_S
        known = (now != Q16_MISSING) & (before != Q16_MISSING)
        return np.asarray(
            np.where(known & (fell >= -self._fall_q16) & (fell <= most), fell, 0), dtype=np.int64
        )
