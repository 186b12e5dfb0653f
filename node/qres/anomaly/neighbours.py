# SPDX-License-Identifier: Apache-2.0
"""Departure from neighbours, as SPEC 5.5 takes it, in float."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.core import Field

__all__ = ["NEIGHBOURS_MIN", "apart", "nearest"]

NEIGHBOURS_MIN: Final = 3


def nearest(field: Field) -> NDArray[np.intp]:
    """Rows of the nearest other nodes, nearest first, shape (nodes, 6); -1 where there are none."""
    n = len(field.ids)
    rows = np.array([list(field.c.near[i]) for i in range(n)], dtype=np.intp)
    return np.where(rows < n, rows, -1)


def apart(values: NDArray[np.float64], neighbours: NDArray[np.intp]) -> NDArray[np.float64]:
    """
    Value less the median of the neighbours'.

    Args:
        values: Shape (..., nodes); NaN does not take part.
        neighbours: As `nearest` has them.

    Returns:
        Same shape. NaN where the node's own is missing or fewer than three neighbours' are known.
    """
    theirs = np.where(neighbours >= 0, values[..., neighbours], np.nan)
    if not np.isnan(theirs).any():
        return np.asarray(values - np.median(theirs, axis=-1))
    enough = (~np.isnan(theirs)).sum(axis=-1) >= NEIGHBOURS_MIN
    filled = np.where(enough[..., None], theirs, 0.0)
    return np.where(enough, values - np.nanmedian(filled, axis=-1), np.nan)
