# SPDX-License-Identifier: Apache-2.0
"""
How far every replica is from what was measured, at the commit of each sample.

For every sample of every node and for every replica, the node's own among them: the value that
the replica holds right after the commit of the sample's phase, against the sensor's value. What
a late report or a checkpoint mends afterwards does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qres.channels import Q16_MISSING, V1, Channel

__all__ = ["Fidelity"]


@dataclass(slots=True)
class Fidelity:
    """
    Running errors over (replica, node, sample).

    Attributes:
        channels: The site's.
        samples: Triples (replica, node, sample) with at least one measured channel.
        outside: Those with a channel further off than its tolerance, or unknown to the replica.
        unknown: Those of `outside` in which the replica knew no value.
        max_error: Greatest error per channel where the replica knew a value. [unit]
        sum_sq: Sum of squared errors per channel. [unit^2]
        counts: Errors in `sum_sq`.
    """

    channels: tuple[Channel, ...] = V1
    samples: int = 0
    outside: int = 0
    unknown: int = 0
    max_error: NDArray[np.float64] = field(init=False)
    sum_sq: NDArray[np.float64] = field(init=False)
    counts: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.channels)
        self.max_error, self.sum_sq, self.counts = np.zeros(n), np.zeros(n), np.zeros(n)

    def add(
        self,
        measured_q16: NDArray[np.int32],
        held_q16: NDArray[np.int32],
        present: NDArray[np.bool_],
        tolerance_q16: NDArray[np.int64],
        n_replicas: int = 1,
    ) -> None:
        """
        Count the samples of one phase as seen by *n_replicas* equal replicas.

        Args:
            measured_q16: Sensor values, shape (members, channels), `Q16_MISSING` for none.
            held_q16: The replicas' values, same shape.
            present: Whether the replicas know them, same shape.
            tolerance_q16: What was tolerated at the time, same shape. [Q16.16]
            n_replicas: How many replicas hold exactly this.
        """
        taken = measured_q16 != Q16_MISSING
        error = np.abs(held_q16.astype(np.int64) - measured_q16)
        known = taken & present
        bad = known & (error > tolerance_q16)
        missing = taken & ~present
        self.samples += n_replicas * int(taken.any(axis=1).sum())
        self.outside += n_replicas * int((bad | missing).any(axis=1).sum())
        self.unknown += n_replicas * int(missing.any(axis=1).sum())
        physical = np.where(known, error, 0) / 65536.0
        np.maximum(self.max_error, physical.max(axis=0, initial=0.0), out=self.max_error)
        self.sum_sq += n_replicas * (physical**2).sum(axis=0)
        self.counts += n_replicas * known.sum(axis=0)

    @property
    def outside_share(self) -> float:
        """Share of triples outside tolerance. 0..1"""
        return self.outside / self.samples if self.samples else 0.0

    @property
    def rmse(self) -> NDArray[np.float64]:
        """Root mean square error per channel. [unit]"""
        return np.asarray(np.sqrt(self.sum_sq / np.maximum(self.counts, 1)))
