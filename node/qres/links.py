# SPDX-License-Identifier: Apache-2.0
"""
Which nodes hear each other, by a stated model of the terrain; and who should repeat for whom.

A model, not a measurement: the median path loss grows with a power of the distance, every pair
has a fixed obstruction of its own (log-normal shadowing) and every frame a chance of its own
(fading). What a hillside does is only known when nodes stand there; `reach_m` is the one number
to fit then.

Source:
    T. S. Rappaport, "Wireless Communications", 2nd ed. (2002), section 4.9.2, log-normal
    shadowing: PL(d) = PL(d0) + 10 n log10(d/d0) + X; exponents of 2.7 to 5 for shadowed areas.
    J. Petajajarvi et al., "On the Coverage of LPWANs", ITST 2015, found n = 2.32 and 7.8 dB of
    shadowing for LoRa around Oulu with the receiver 24 m above ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse.csgraph import connected_components, shortest_path
from scipy.special import ndtr

from qres.errors import RangeError
from qres.geo import distance_m
from qres.site import N_RELAYS_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "GOOD_LOSS",
    "Reach",
    "Terrain",
    "choose_relays",
    "link_loss",
    "out_of_reach",
    "reach",
]

GOOD_LOSS: Final = 0.03
"""A link that loses no more, both ways, is one to build on. 0..1"""

_NEAREST_M: Final = 50.0
_NEVER: Final = 0.999  # what is lost more often is never heard: no chance frames over a mountain


@dataclass(frozen=True, slots=True)
class Terrain:
    """
    The model's numbers.

    Attributes:
        reach_m: Distance at which half of the frames arrive over a typical path. [m]
        exponent: Of the distance in the path loss: 2 in free space, 4 over flat ground.
        shadow_db: Standard deviation of a pair's obstruction. [dB]
        fading_db: Standard deviation from frame to frame. [dB]
        seed: The pairs' obstructions follow from it. 0 or more

    Raises:
        RangeError: A number is outside its limits; the text names it.
    """

    reach_m: float
    exponent: float = 3.5
    shadow_db: float = 6.0
    fading_db: float = 2.5
    seed: int = 1

    def __post_init__(self) -> None:
        limits = {
            "reach_m": (100.0, 1_000_000.0),
            "exponent": (1.0, 8.0),
            "shadow_db": (0.0, 30.0),
            "fading_db": (0.1, 30.0),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise RangeError(name, value, f"must be {least:g}..{most:g}")
        if self.seed < 0:
            raise RangeError("seed", self.seed, "must be 0 or more")


def link_loss(lat_deg: ArrayLike, lon_deg: ArrayLike, terrain: Terrain) -> NDArray[np.float64]:
    """
    Share of frames lost between every two places, the same in both directions.

    Args:
        lat_deg: Latitudes, shape (n,). [deg]
        lon_deg: Longitudes, shape (n,). [deg]
        terrain: The model.

    Returns:
        Shape (n, n), 0 on the diagonal, 1 where nothing is ever heard. 0..1
    """
    lat, lon = np.asarray(lat_deg, np.float64), np.asarray(lon_deg, np.float64)
    apart = distance_m(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
    drawn = np.random.default_rng([terrain.seed, 0x11_4B]).normal(size=apart.shape)
    shadow_db = terrain.shadow_db * (np.triu(drawn, 1) + np.triu(drawn, 1).T)
    path_db = 10 * terrain.exponent * np.log10(terrain.reach_m / np.maximum(apart, _NEAREST_M))
    loss = np.asarray(ndtr(-(path_db + shadow_db) / terrain.fading_db))
    loss[loss > _NEVER] = 1.0
    np.fill_diagonal(loss, 0.0)
    return loss


@dataclass(frozen=True, slots=True)
class Reach:
    """
    A field's links at a glance.

    Attributes:
        good_share: Share of pairs with a good link. 0..1
        mean_loss: Mean loss over all pairs. 0..1
        parts: Groups of nodes that no chain of good links connects; 1 is what is wanted.
        alone: Rows of nodes outside the largest group.
        hops: Longest of the shortest chains of good links within the largest group.
    """

    good_share: float
    mean_loss: float
    parts: int
    alone: tuple[int, ...]
    hops: int


def _good(loss: NDArray[np.float64]) -> NDArray[np.bool_]:
    good = (loss <= GOOD_LOSS) & (loss.T <= GOOD_LOSS)
    np.fill_diagonal(good, val=False)
    return np.asarray(good)


def _largest(good: NDArray[np.bool_]) -> NDArray[np.intp]:
    _, group = connected_components(good, directed=False)
    return np.flatnonzero(group == np.bincount(group).argmax())


def reach(loss: NDArray[np.float64]) -> Reach:
    """Describe the links of `link_loss`, or measured ones of that shape."""
    n, good = len(loss), _good(loss)
    parts, _ = connected_components(good, directed=False)
    inside = _largest(good)
    others = ~np.eye(n, dtype=bool)
    hops = shortest_path(good[np.ix_(inside, inside)], unweighted=True).max(initial=0.0)
    return Reach(
        good_share=float(good[others].mean()) if n > 1 else 1.0,
        mean_loss=float(loss[others].mean()) if n > 1 else 0.0,
        parts=int(parts),
        alone=tuple(np.setdiff1d(np.arange(n), inside).tolist()),
        hops=int(hops),
    )


def out_of_reach(loss: NDArray[np.float64], relays: Sequence[int]) -> tuple[int, ...]:
    """
    Rows of the nodes that the rest of the field does not have over good links.

    Args:
        loss: Shape (n, n), as `link_loss` gives it. 0..1
        relays: Rows of the relays; without any, those count as reached that are in the largest
            group.
    """
    if not relays:
        return reach(loss).alone
    reached = np.flatnonzero(_good(loss)[list(relays)].any(axis=0))
    return tuple(sorted(set(range(len(loss))).difference(reached.tolist(), relays)))


def choose_relays(loss: NDArray[np.float64], most: int = N_RELAYS_MAX) -> tuple[int, ...]:
    """
    Few nodes that reach every node of the largest group over good links, and each other.

    Greedy: from the node with the most good links on, always the already reached node that
    reaches the most new ones (S. Guha and S. Khuller, "Approximation Algorithms for Connected
    Dominating Sets", Algorithmica 20 (1998), algorithm I), from several starts; the chain is then
    ordered from end to end, because relays speak in that order, there and back.

    Args:
        loss: Shape (n, n), as `link_loss` gives it. 0..1
        most: How many relays there may be; with fewer than needed, those that reach the most.
            1 or more

    Returns:
        Rows in the order of their slots; empty if every node of the group hears every other.

    Raises:
        RangeError: *most* is below 1.
    """
    if most < 1:
        raise RangeError("most", most, "must be 1 or more")
    good = _good(loss)
    inside = _largest(good)
    if good[np.ix_(inside, inside)].sum() == inside.size * (inside.size - 1):
        return ()
    starts = sorted(inside.tolist(), key=lambda i: (-int(good[i].sum()), i))[:8]
    chosen = min((_dominating(good, s, most) for s in starts), key=lambda c: (-c[0], len(c[1])))[1]
    return _in_chain(good, chosen)


def _dominating(good: NDArray[np.bool_], start: int, most: int) -> tuple[int, list[int]]:
    """How many nodes are reached, and the relays from *start* on."""
    chosen = [start]
    reached = good[start].copy()
    reached[start] = True
    while len(chosen) < most:
        gain = np.where(reached, (good & ~reached).sum(axis=1), 0)
        best = int(gain.argmax())
        if gain[best] == 0:
            break
        chosen.append(best)
        reached |= good[best]
    return int(reached.sum()), chosen


def _in_chain(good: NDArray[np.bool_], chosen: Sequence[int]) -> tuple[int, ...]:
    """Depth-first from the relay that is farthest from another: neighbours follow each other."""
    rows = list(chosen)
    far = shortest_path(good[np.ix_(rows, rows)], unweighted=True)
    first = int(np.where(np.isfinite(far), far, -1).max(axis=1).argmax())
    order: list[int] = []
    waiting = [first]
    while waiting:
        at = waiting.pop()
        if at in order:
            continue
        order.append(at)
        near = [j for j in range(len(rows)) if good[rows[at], rows[j]] and j not in order]
        waiting += sorted(near, key=lambda j: (-far[first, j], -rows[j]))
    order += [j for j in range(len(rows)) if j not in order]
    return tuple(rows[j] for j in order)
