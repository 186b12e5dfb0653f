# SPDX-License-Identifier: Apache-2.0
"""The replicated state, its block floating point weights and its digest (SPEC 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fire_state import FireState
from .fixed import I64, INT16_MAX, INT16_MIN, clip, hash32, rsh
from .site import RefSite

__all__ = ["State", "bfp", "digest", "weights"]


@dataclass(frozen=True, eq=False)
class State:
    """
    What every replica of a field holds, SPEC 4. Treated as a value: nothing here is changed.

    Attributes:
        phase: The last committed phase.
        m: Shared trend per epoch, shape (C,). [Q16.16]
        e: Exponent of the weights, shape (C,). 0..12
        q: Mantissas of the weights, shape (C, 4). int16
        absent: True where a member does not have a channel, shape (N, C).
        last_report: Phase of the last report, shape (N,); 0 for none.
        value: Values, shape (N, C). [Q16.16]
        last: Values at the end of the last epoch, shape (N, C). [Q16.16]
        slow: Slow means of the values, shape (N, C). [Q16.16]
        fire: Fire weather, SPEC 5.5; None if it is not a fire site.
    """

    phase: int
    m: I64
    e: I64
    q: I64
    absent: NDArray[np.bool_]
    last_report: I64
    value: I64
    last: I64
    slow: I64
    fire: FireState | None = None

    @classmethod
    def initial(cls, site: RefSite, phase: int) -> State:
        """The state at start, as if *phase* had just been committed, SPEC 4."""
        shape = (site.n_members, site.n_channels)
        blocks = [bfp(list(c.w0)) for c in site.channels]
        return cls(
            phase=phase,
            m=np.zeros(site.n_channels, dtype=np.int64),
            e=np.array([e for e, _ in blocks], dtype=np.int64),
            q=np.array([q for _, q in blocks], dtype=np.int64),
            absent=np.ones(shape, dtype=np.bool_),
            last_report=np.zeros(site.n_members, dtype=np.int64),
            value=np.zeros(shape, dtype=np.int64),
            last=np.zeros(shape, dtype=np.int64),
            slow=np.zeros(shape, dtype=np.int64),
            fire=FireState.initial(site) if site.fire else None,
        )

    def copy(self, phase: int | None = None) -> State:
        """An independent copy, with another phase number if one is given."""
        return State(
            phase=self.phase if phase is None else phase,
            m=self.m.copy(),
            e=self.e.copy(),
            q=self.q.copy(),
            absent=self.absent.copy(),
            last_report=self.last_report.copy(),
            value=self.value.copy(),
            last=self.last.copy(),
            slow=self.slow.copy(),
            fire=self.fire.copy() if self.fire else None,
        )

    def absent_mask(self, member: int) -> int:
        """The absent bits of a member as on air: bit c for channel c."""
        return sum(1 << c for c, gone in enumerate(self.absent[member].tolist()) if gone)

    def stale(self, site: RefSite, p: int) -> NDArray[np.bool_]:
        """Which members are stale at phase *p*, shape (N,), SPEC 4."""
        return np.asarray(p - self.last_report > site.stale_after)


def bfp(w: list[int]) -> tuple[int, list[int]]:
    """
    Four Q24 weights as exponent and mantissas, BFP-16 of SPEC 4.

    >>> bfp([10066330, 0, 0, -3])
    (9, [19661, 0, 0, 0])
    """
    for e in range(13):
        q = [rsh(x, e) for x in w]
        if all(abs(x) <= INT16_MAX for x in q):
            return e, q
    return 12, [clip(rsh(x, 12), INT16_MIN + 1, INT16_MAX) for x in w]


def weights(state: State, channel: int) -> list[int]:
    """The four weights of a channel as they are used. [Q24]"""
    e = int(state.e[channel])
    return [q << e for q in state.q[channel].tolist()]


def digest(state: State) -> int:
    """The 32-bit digest of a state, SPEC 4."""
    words = [state.phase]
    for m, e, q in zip(state.m.tolist(), state.e.tolist(), state.q.tolist(), strict=True):
        words += [m, e, *q]
    if state.fire:
        words += state.fire.shared_words()
    triples = np.stack([state.value, state.last, state.slow], axis=2)
    columns = [triples.reshape(len(triples), -1)]
    if state.fire:
        columns += [state.fire.fuel[:, None], state.fire.mark[:, None]]
    rows = np.concatenate(columns, axis=1).tolist()
    for i, (report, row) in enumerate(zip(state.last_report.tolist(), rows, strict=True)):
        words += [state.absent_mask(i), report, *row]
    return hash32(words)
