# SPDX-License-Identifier: Apache-2.0
"""
Where an index comes from: it inherits the worst provenance of what went into it.

From best to worst: reported, held by prediction, stale, diverged, unknown. A moisture code also
rests on the weather before: each code has a memory (three of its time lags, after which 95 % of
an old error has dried away), and its provenance is the worst within that memory. Weather that is
missing makes the index of that step unknown and NaN; the values after it, as long as the gap is
within memory, are stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.core import Status
from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MEMORY_DAYS", "Status", "of_inputs", "remembered", "worst"]

MEMORY_DAYS: Final = {"ffmc": 2, "dmc": 36, "dc": 156}
"""Memory of the moisture codes: three time lags of 2/3, 12 and 52 days (Van Wagner 1987)."""

_BEST_FIRST: Final = (Status.REPORTED, Status.HELD, Status.STALE, Status.DIVERGED, Status.UNKNOWN)
_STATUS_OF_RANK: Final = np.array(_BEST_FIRST, dtype=np.uint8)
_RANK_OF_STATUS: Final = np.argsort(_STATUS_OF_RANK).astype(np.uint8)
_STALE_RANK: Final = _BEST_FIRST.index(Status.STALE)
_UNKNOWN_RANK: Final = _BEST_FIRST.index(Status.UNKNOWN)


def worst(*statuses: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    The worst of *statuses* (codes of `Status`), element by element; shapes broadcast.

    >>> a = np.array([Status.REPORTED, Status.HELD], dtype=np.uint8)
    >>> [Status(s).name for s in worst(a, np.array([Status.STALE, Status.REPORTED], np.uint8))]
    ['STALE', 'HELD']
    """
    ranks = np.asarray(_rank(statuses[0]))
    for status in statuses[1:]:
        ranks = np.maximum(ranks, _rank(status))
    return np.asarray(_STATUS_OF_RANK[ranks])


def of_inputs(
    status: NDArray[np.uint8] | None, *inputs: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """
    Status of a step from that of its inputs.

    Args:
        status: Worst status of the inputs, shape (times, ...); None for measured weather, which
            is reported wherever it is not NaN.
        inputs: The inputs themselves, shape (times, ...).

    Returns:
        Status, unknown where an input is NaN, and where every input is known, both (times, ...).
    """
    known = ~np.isnan(inputs[0])
    for values in inputs[1:]:
        known = known & ~np.isnan(values)
    given = np.uint8(Status.REPORTED) if status is None else status
    out = np.where(known, given, np.uint8(Status.UNKNOWN)).astype(np.uint8)
    return out, known & (out != Status.UNKNOWN)


def remembered(status: NDArray[np.uint8], memory_steps: int) -> NDArray[np.uint8]:
    """
    The worst status within memory.

    Args:
        status: Status of each step, shape (times, ...).
        memory_steps: How many steps before the present one still count, 0 or more.

    Returns:
        Same shape: the worst of the step and the *memory_steps* before it. A step that was
        unknown counts as stale once it is past; where the present one is unknown, so is the result.

    >>> s = np.array([Status.HELD, Status.UNKNOWN, Status.REPORTED, Status.REPORTED], np.uint8)
    >>> [Status(x).name for x in remembered(s, 1)]
    ['HELD', 'UNKNOWN', 'STALE', 'REPORTED']
    """
    if memory_steps < 0:
        raise RangeError("memory_steps", memory_steps, "must be 0 or more")
    now = _rank(status)
    past = np.where(now == _UNKNOWN_RANK, _STALE_RANK, now)
    steps = np.arange(status.shape[0]).reshape((-1,) + (1,) * (status.ndim - 1))
    out = now.copy()
    for rank in range(1, _UNKNOWN_RANK):
        if not (past >= rank).any():
            break
        seen = np.where(past >= rank, steps, -memory_steps - 1)
        last = np.maximum.accumulate(seen, axis=0)
        out = np.where((steps - last <= memory_steps) & (out < rank), rank, out)
    return np.asarray(_STATUS_OF_RANK[out])


def _rank(status: NDArray[np.uint8]) -> NDArray[np.uint8]:
    s = np.asarray(status, dtype=np.uint8)
    if (s >= len(_RANK_OF_STATUS)).any():
        raise RangeError("status", int(s.max()), f"must be 0..{len(_RANK_OF_STATUS) - 1}")
    return np.asarray(_RANK_OF_STATUS[s])
