# SPDX-License-Identifier: Apache-2.0
"""
The simulated air: one channel.

Simulated: airtime, collisions (two frames that overlap in time destroy each other at every
receiver that could hear both; no capture), half-duplex senders, and loss on each link, alike or
link by link, independent or in bursts. Not simulated: other users of the band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qres.errors import RangeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Air", "Reception", "Transmission"]


class Transmission(NamedTuple):
    """
    One frame on air, in true time.

    Attributes:
        sender: Row of the sending node.
        start_us: Beginning of the preamble. [us since the Unix epoch]
        end_us: End of the frame. [us]
        kind: "report", "beacon", "checkpoint" or "relay".
        phase: Phase in which it is sent.
        frame: PHY payload.
    """

    sender: int
    start_us: int
    end_us: int
    kind: str
    phase: int
    frame: bytes


class Reception(NamedTuple):
    """A transmission and who received it: bool per receiver, shape (receivers,)."""

    sent: Transmission
    heard_by: NDArray[np.bool_]


@dataclass(slots=True)
class Air:
    """
    Loss and collisions for a number of receivers.

    Args:
        n_receivers: How many there are. A sender is receiver number `sender`; further receivers
            (a gateway) come after the nodes.
        loss: Share of frames lost on a link, 0..1: one number for all, or shape (senders,
            receivers), with 1 between those that do not hear each other.
        seed: The same seed gives the same losses.
        burst: Mean length of a run of lost frames on a link; 1 for independent losses.

    Raises:
        RangeError: *loss* is outside 0..1 or of another shape; *burst* is below 1, or above it
            though each link has a loss of its own.
    """

    n_receivers: int
    loss: float | NDArray[np.float64] = 0.0
    seed: int = 1
    burst: float = 1.0
    collisions: int = 0
    _rng: np.random.Generator = None  # type: ignore[assignment]  # made in __post_init__
    _is_bad: NDArray[np.bool_] = None  # type: ignore[assignment]  # likewise

    def __post_init__(self) -> None:
        loss = np.asarray(self.loss)
        if not (loss >= 0.0).all() or not (loss <= 1.0).all():
            worst = loss.flat[np.argmin((loss >= 0.0) & (loss <= 1.0))]
            raise RangeError("loss", float(worst), "must be 0..1")
        if loss.ndim and (loss.ndim != 2 or loss.shape[1] != self.n_receivers):
            text = f"must have {self.n_receivers} columns, one for each receiver"
            raise RangeError("loss of shape", loss.shape, text)
        if not self.burst >= 1.0:
            raise RangeError("burst", self.burst, "must be 1 or more")
        self._rng = np.random.default_rng(self.seed)
        if loss.ndim and self.burst > 1.0:
            raise RangeError("burst", self.burst, "must be 1 if each link has a loss of its own")
        self._is_bad = self._rng.random(self.n_receivers) < (0.0 if loss.ndim else self.loss)

    def carry(self, transmissions: Sequence[Transmission]) -> list[Reception]:
        """Who receives which of the frames of one phase; in order of their ends."""
        ordered = sorted(transmissions, key=lambda t: (t.end_us, t.sender))
        return [Reception(t, self._heard_by(t, ordered)) for t in ordered]

    def _heard_by(self, sent: Transmission, others: Sequence[Transmission]) -> NDArray[np.bool_]:
        overlapping = [
            o
            for o in others
            if o is not sent and o.start_us < sent.end_us and sent.start_us < o.end_us
        ]
        heard = ~self._lost(sent.sender)
        heard[sent.sender] = False
        if overlapping:
            self.collisions += 1
            for other in overlapping:
                heard &= ~self._audible(other.sender)
        return heard

    def _audible(self, sender: int) -> NDArray[np.bool_]:
        """Per receiver, whether it ever hears that sender; a node hears itself best."""
        if not isinstance(self.loss, np.ndarray):
            return np.full(self.n_receivers, fill_value=True)
        audible = np.asarray(self.loss[sender] < 1.0)
        audible[sender] = True
        return audible

    def _lost(self, sender: int) -> NDArray[np.bool_]:
        """Per receiver, whether its link loses the next frame (Gilbert's two-state model)."""
        if isinstance(self.loss, np.ndarray):
            return np.asarray(self._rng.random(self.n_receivers) < self.loss[sender])
        if self.loss in (0.0, 1.0):
            return np.full(self.n_receivers, self.loss == 1.0)
        draw = self._rng.random(self.n_receivers)
        if self.burst == 1.0:
            return draw < self.loss
        leave_bad = 1.0 / self.burst
        enter_bad = min(1.0, leave_bad * self.loss / (1.0 - self.loss))
        self._is_bad = np.where(self._is_bad, draw >= leave_bad, draw < enter_bad)
        return self._is_bad.copy()
