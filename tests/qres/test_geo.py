# SPDX-License-Identifier: Apache-2.0
"""Local coordinates, distances and the dealing order."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.geo import EARTH_RADIUS_M, _cos_q60, distance_m, farthest_point_order, local_xy_m

COORDINATES = st.lists(
    st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)), min_size=2, max_size=40
)
POINTS = st.lists(
    st.tuples(st.integers(-50_000, 50_000), st.integers(-50_000, 50_000)), min_size=1, max_size=60
)


@pytest.mark.parametrize("degrees", [0.0, 1e-7, 12.345, 45.0, 59.9999999, 60.0, 89.99, 90.0])
def test_integer_cosine(degrees: float) -> None:
    """The integer cosine agrees with the C library's to 1e-15."""
    ours = _cos_q60(round(degrees * 1e7)) / 2**60
    assert ours == pytest.approx(math.cos(math.radians(degrees)), abs=1e-15)
    assert _cos_q60(-round(degrees * 1e7)) == _cos_q60(round(degrees * 1e7))


def test_great_circle_distance() -> None:
    """Nashville to Los Angeles airport: 2887.26 km on a sphere of 6372.8 km."""
    # source: Rosetta Code, "Haversine formula", the result given for this example
    expected_m = 2_887_259.9506071106 * EARTH_RADIUS_M / 6_372_800
    assert distance_m(36.12, -86.67, 33.94, -118.4).item() == pytest.approx(expected_m, rel=1e-12)


def test_one_degree_of_latitude() -> None:
    """A degree along a meridian is 111.195 km on the mean sphere."""
    # source: IUGG mean radius 6371.0088 km x pi / 180
    _, y = local_xy_m([10.0, 11.0], [20.0, 20.0])
    assert int(y[1]) - int(y[0]) == pytest.approx(111_195, abs=1)


@pytest.mark.parametrize(("lat", "lon"), [(0.0, 0.0), (51.0, 4.4), (-37.8, 145.0), (60.0, -179.9)])
@given(COORDINATES)
def test_plane_distances_are_those_on_the_sphere(
    lat: float, lon: float, offsets: list[tuple[float, float]]
) -> None:
    """Over some 90 km plane and great circle agree within 2 %, also across the date line."""
    lats = [lat + a for a, _ in offsets]
    lons = [(lon + b + 180.0) % 360.0 - 180.0 for _, b in offsets]
    x, y = local_xy_m(lats, lons)
    plane = math.hypot(int(x[0]) - int(x[1]), int(y[0]) - int(y[1]))
    sphere = distance_m(lats[0], lons[0], lats[1], lons[1]).item()
    assert plane == pytest.approx(sphere, rel=0.02, abs=2.0)


@given(COORDINATES)
def test_centroid_is_the_origin(offsets: list[tuple[float, float]]) -> None:
    """Coordinates sum to zero, but for rounding: half a metre a point."""
    x, y = local_xy_m([40 + a for a, _ in offsets], [-120 + b for _, b in offsets])
    assert abs(int(x.sum())) <= len(offsets)
    assert abs(int(y.sum())) <= len(offsets)


@given(POINTS)
def test_every_beginning_covers_the_field(points: list[tuple[int, int]]) -> None:
    """Each point is, among those left, farthest from those before it; ties go to the lower id."""
    ids = list(range(len(points)))
    order = farthest_point_order([p[0] for p in points], [p[1] for p in points], ids).tolist()
    assert sorted(order) == ids
    assert order[0] == min(ids, key=lambda i: (points[i][0] ** 2 + points[i][1] ** 2, i))
    for k in range(1, len(order)):
        apart = {
            i: min(
                (points[i][0] - points[j][0]) ** 2 + (points[i][1] - points[j][1]) ** 2
                for j in order[:k]
            )
            for i in order[k:]
        }
        assert order[k] == min(apart, key=lambda i: (-apart[i], i))


@given(POINTS, st.randoms(use_true_random=False))
def test_order_is_of_points_not_of_places(points: list[tuple[int, int]], random: Random) -> None:
    """Listing the same points in another order gives the same order of ids."""
    ids = list(range(len(points)))
    shuffled = list(ids)
    random.shuffle(shuffled)
    plain = farthest_point_order([p[0] for p in points], [p[1] for p in points], ids)
    moved = farthest_point_order(
        [points[i][0] for i in shuffled], [points[i][1] for i in shuffled], shuffled
    )
    assert [shuffled[i] for i in moved] == plain.tolist()


def test_order_by_hand() -> None:
    """Five points on a line: the middle, then the ends, then what lies between."""
    # source: by hand. From 0: ends at 40 and -40 tie, lower id first; then 19 (19) before -10 (10)
    order = farthest_point_order([40, 0, -40, 19, -10], [0, 0, 0, 0, 0], [0, 1, 2, 3, 4])
    assert order.tolist() == [1, 0, 2, 3, 4]


def test_no_points() -> None:
    """An empty field has an empty order."""
    assert farthest_point_order([], [], []).tolist() == []
