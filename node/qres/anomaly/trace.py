# SPDX-License-Identifier: Apache-2.0
"""What a field said and knew through time, and how its score is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres._core import ffi, lib
from qres.channels import Q16_ONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.core import Field

__all__ = ["MEMBER", "WHOLE", "Judge", "Trace"]

MEMBER: Final = np.dtype(
    [
        *((name, np.int32) for name in ("fuel_pct", "ffmc", "vpd_kpa", "isi")),
        *((name, np.int32) for name in ("anomaly", "weather", "local")),
        *((name, np.uint8) for name in ("cause", "known", "_0", "_1")),
    ]
)
WHOLE: Final = np.dtype(
    [
        *((name, np.int32) for name in ("vpd_kpa", "ffmc", "isi", "isi_max", "climate", "anomaly")),
        *((name, np.uint8) for name in ("regime", "days", "nodes", "_0")),
    ]
)


class Judge:
    """
    `qres.fire_state.judge` without its conversions, for states by the hundred thousand.

    Attributes:
        node: Fire weather of the nodes of the state judged last, structured, shape (nodes,).
        whole: The field's, shape (1,).
    """

    def __init__(self, field: Field) -> None:
        self._field = field.c
        self._members: Any = ffi.new("qres_fire_member[]", len(field.ids))
        self._whole: Any = ffi.new("qres_fire_field *")
        self.node: NDArray[Any] = np.frombuffer(ffi.buffer(self._members), dtype=MEMBER)
        self.whole: NDArray[Any] = np.frombuffer(ffi.buffer(self._whole), dtype=WHOLE)

    def look(self, state: Any) -> None:
        """Judge *state*, a pointer to a `qres_state`."""
        lib.qres_judge(self._field, state, self._members, self._whole)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """
    What was said and what every replica made of it, after each of P consecutive commits.

    Attributes:
        first_phase: Number of the first phase; the first of an epoch.
        epoch_s: Length of an epoch. [s]
        position: Phase of the epoch in which each node samples, 0..3, shape (nodes,).
        node: Fire weather of the nodes, structured array of shape (P, nodes), Q16.16 numbers.
        whole: The field's, shape (P,).
        measured: Samples of each node in each epoch, shape (P/4, nodes, channels); NaN missed.
        held: What every replica held of them after the commit, same shape; 0 while absent.
        reports: Number of reports in each phase, shape (P,).
        report_bytes: Their length on air, tags included, shape (P,). [bytes]
        fixed_bytes: Beacons and checkpoints over all phases. [bytes]
    """

    first_phase: int
    epoch_s: int
    position: NDArray[Any]
    node: NDArray[Any]
    whole: NDArray[Any]
    measured: NDArray[np.float64]
    held: NDArray[np.float64]
    reports: NDArray[np.int64]
    report_bytes: NDArray[np.int64]
    fixed_bytes: int

    @property
    def hours(self) -> float:
        """How long it is. [h]"""
        return len(self.whole) * self.epoch_s / 4 / 3600

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return len(self.measured)

    @property
    def epochs_per_hour(self) -> int:
        """Epochs in an hour."""
        return 3600 // self.epoch_s

    @property
    def time_s(self) -> NDArray[np.int64]:
        """Unix time at which each epoch begins, shape (epochs,). [s]"""
        return (self.first_phase // 4 + np.arange(self.epochs, dtype=np.int64)) * self.epoch_s

    def own(self, name: str) -> NDArray[np.float64]:
        """
        A number of each node, read right after the commit of its own sample.

        Args:
            name: A field of `qres_fire_member`: "anomaly", "weather", "local", "ffmc" ...

        Returns:
            Shape (epochs, nodes); NaN where not known.
        """
        by_epoch = self.node.reshape(self.epochs, 4, -1)
        rows = np.arange(by_epoch.shape[2])
        mine = by_epoch[:, self.position, rows]
        return np.where(mine["known"] == 1, mine[name] / Q16_ONE, np.nan)

    def cause(self) -> NDArray[np.uint8]:
        """Cause of each node, read likewise, shape (epochs, nodes)."""
        by_epoch = self.node["cause"].reshape(self.epochs, 4, -1)
        return np.asarray(by_epoch[:, self.position, np.arange(by_epoch.shape[2])])

    def at_end(self, name: str) -> NDArray[np.float64]:
        """A number of the nodes after the last commit of each epoch, shape (epochs, nodes)."""
        last = self.node[3::4]
        return np.where(last["known"] == 1, last[name] / Q16_ONE, np.nan)

    def of_field(self, name: str) -> NDArray[np.float64]:
        """
        A number of the field, read when three quarters of the nodes have sampled.

        Args:
            name: A field of `qres_fire_field`: "anomaly", "climate", "isi" ...

        Returns:
            Shape (epochs,).
        """
        return np.asarray(self.whole[name][2::4] / Q16_ONE)
