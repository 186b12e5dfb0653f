# SPDX-License-Identifier: Apache-2.0
"""
Positions of a field on a plane, in whole metres, and the order in which nodes are dealt to phases.

Everything that decides is integer arithmetic: a node, a gateway and a planning laptop that read
the same site file get the same coordinates and the same order, whatever their processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["EARTH_RADIUS_M", "distance_m", "farthest_point_order", "local_xy_m"]

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean Earth radius R1 (IUGG, GRS 80). [m]"""

_NM_PER_E7: Final = 11_119_508
"""Arc of 1e-7 degree on a sphere of `EARTH_RADIUS_M`, rounded. [nm]"""

_PI_Q60: Final = 3_622_009_729_038_561_421
"""pi * 2**60, rounded."""

_E7: Final = 10**7
_TURN_E7: Final = 360 * _E7


def _cos_q60(angle_e7: int) -> int:
    """Cosine of *angle_e7* [1e-7 deg], |angle| <= 90 deg, times 2**60, by its power series."""
    x = abs(angle_e7) * _PI_Q60 // (180 * _E7)
    total = term = 1 << 60
    n = 0
    while term:
        n += 2
        term = (term * x >> 60) * x >> 60
        term //= n * (n - 1)
        total += -term if n % 4 else term
    return total


def _to_e7(degrees: ArrayLike) -> list[int]:
    return [round(float(d) * _E7) for d in np.asarray(degrees, dtype=np.float64).ravel()]


def _rounded(numerator: int, denominator: int) -> int:
    """Quotient rounded half up; *denominator* above 0."""
    return (2 * numerator + denominator) // (2 * denominator)


def local_xy_m(
    lat_deg: ArrayLike, lon_deg: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """
    Equirectangular projection about the centroid of the points.

    Args:
        lat_deg: Latitudes, shape (n,), n >= 1. [deg] -90..90
        lon_deg: Longitudes, shape (n,). [deg] -180..180
            A field across the date line is one field: longitudes count from the first point.

    Returns:
        (x_m, y_m): east and north of the centroid, shape (n,). [m]

    Notes:
        Over 100 km a distance is wrong by less than 1 % up to 60 degrees of latitude, which is
        far less than what the covariance of weather depends on.

    >>> x, y = local_xy_m([50.0, 51.0], [4.0, 4.0])
    >>> x.tolist(), y.tolist()
    ([0, 0], [-55598, 55598])
    """
    lat = _to_e7(lat_deg)
    lon = _to_e7(lon_deg)
    half = _TURN_E7 // 2
    east = [(v - lon[0] + half) % _TURN_E7 - half for v in lon]
    lat_0 = sum(lat) // len(lat)
    east_0 = sum(east) // len(east)
    cos = _cos_q60(lat_0)
    x = [_rounded((v - east_0) * _NM_PER_E7 * cos, 10**9 << 60) for v in east]
    y = [_rounded((v - lat_0) * _NM_PER_E7, 10**9) for v in lat]
    return np.array(x, dtype=np.int32), np.array(y, dtype=np.int32)


def distance_m(
    lat_a_deg: ArrayLike, lon_a_deg: ArrayLike, lat_b_deg: ArrayLike, lon_b_deg: ArrayLike
) -> NDArray[np.float64]:
    """
    Great-circle distance between points, broadcast over the arguments. [m]

    Source:
        Haversine formula, R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984).

    >>> round(distance_m(0, 0, 0, 90).item() / 1000)
    10008
    """
    lat_a, lon_a, lat_b, lon_b = (
        np.radians(np.asarray(v, dtype=np.float64))
        for v in (lat_a_deg, lon_a_deg, lat_b_deg, lon_b_deg)
    )
    h = (
        np.sin((lat_b - lat_a) / 2) ** 2
        + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(h, 1.0))))


def farthest_point_order(
    x_m: ArrayLike, y_m: ArrayLike, ids: Sequence[int] | NDArray[np.integer]
) -> NDArray[np.intp]:
    """
    Order of the points in which every beginning covers the whole field.

    The first is the point nearest the origin (the centroid); each next one is the point farthest
    from all points taken so far. Ties go to the lower id.

    Args:
        x_m: East of the centroid, shape (n,). [m] below 2**30 in size
        y_m: North of the centroid, shape (n,). [m]
        ids: Distinct numbers that settle ties, shape (n,).

    Returns:
        Indices into the arguments, shape (n,).

    Source:
        T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance",
        Theor. Comput. Sci. 38 (1985) 293-306.

    >>> farthest_point_order([0, 10, -10, 1], [0, 0, 0, 0], [0, 1, 2, 3]).tolist()
    [0, 1, 2, 3]
    """
    x = np.asarray(x_m, dtype=np.int64)
    y = np.asarray(y_m, dtype=np.int64)
    by_id = np.argsort(np.asarray(ids), kind="stable")
    x, y = x[by_id], y[by_id]
    order = np.empty(x.size, dtype=np.intp)
    if not x.size:
        return order
    order[0] = np.argmin(x * x + y * y)
    nearest = np.full(x.size, np.iinfo(np.int64).max)
    for k in range(1, x.size):
        last = order[k - 1]
        nearest = np.minimum(nearest, (x - x[last]) ** 2 + (y - y[last]) ** 2)
        nearest[last] = -1  # taken; also keeps a second node at the same place eligible
        order[k] = np.argmax(nearest)
    return by_id[order]
