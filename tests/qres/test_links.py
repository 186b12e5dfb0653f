# SPDX-License-Identifier: Apache-2.0
"""Which nodes hear each other by the model of the terrain, and who is chosen to repeat."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qres.errors import RangeError
from qres.geo import EARTH_RADIUS_M
from qres.links import GOOD_LOSS, Reach, Terrain, choose_relays, link_loss, out_of_reach, reach

FLAT = Terrain(10_000.0, shadow_db=0.0)
M_PER_DEG = math.radians(EARTH_RADIUS_M)


def in_line(*at_m: float) -> tuple[list[float], list[float]]:
    """Latitudes and longitudes of places on a meridian. [deg]"""
    return [45.0 + m / M_PER_DEG for m in at_m], [7.0] * len(at_m)


def loss_at(distance_m: float, terrain: Terrain) -> float:
    """Loss over one path of that length."""
    return float(link_loss(*in_line(0.0, distance_m), terrain)[0, 1])


def links(n: int, *pairs: tuple[int, int]) -> NDArray[np.float64]:
    """Nothing is lost between these pairs, everything between the others."""
    loss = np.ones((n, n)) - np.eye(n)
    for a, b in pairs:
        loss[a, b] = loss[b, a] = 0.0
    return loss


@given(
    places=st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)), min_size=1, max_size=12),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=25)
def test_loss_is_a_share_and_the_same_both_ways(
    places: list[tuple[float, float]], seed: int
) -> None:
    """Losses are 0..1, symmetric, and a node loses nothing of its own."""
    lat, lon = zip(*places, strict=True)
    loss = link_loss(lat, lon, Terrain(15_000.0, seed=seed))
    assert loss.shape == (len(places),) * 2
    assert ((loss >= 0.0) & (loss <= 1.0)).all()
    assert (loss == loss.T).all()
    assert (loss.diagonal() == 0.0).all()


def test_half_arrive_at_the_reach() -> None:
    """Without shadowing half of the frames arrive at `reach_m`, whatever the other numbers are."""
    for terrain in (FLAT, replace(FLAT, exponent=2.0), replace(FLAT, fading_db=8.0)):
        assert loss_at(10_000.0, terrain) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("ratio", [0.6, 0.8, 0.9, 1.1, 1.2])
@pytest.mark.parametrize(("exponent", "fading_db"), [(3.5, 2.5), (2.0, 4.0)])
def test_loss_by_the_formula(ratio: float, exponent: float, fading_db: float) -> None:
    """A frame is lost if fading is worse than the margin that is left of the path loss."""
    # source: margin = 10 n log10(reach / d) dB (Rappaport 4.9.2), normal fading: Phi(-margin / s)
    terrain = Terrain(10_000.0, exponent=exponent, shadow_db=0.0, fading_db=fading_db)
    margin_db = -10.0 * exponent * math.log10(ratio)
    expected = 0.5 * math.erfc(margin_db / fading_db / math.sqrt(2.0))
    assert loss_at(10_000.0 * ratio, terrain) == pytest.approx(expected, rel=1e-4)


def test_loss_grows_with_the_distance() -> None:
    """Without shadowing more is lost the farther it is, to everything beyond a limit."""
    at_m = [0.0, *np.linspace(4_000.0, 12_000.0, 30), 30_000.0]
    loss = link_loss(*in_line(*at_m), FLAT)[0]
    assert (np.diff(loss[1:]) > 0).all()
    assert loss[1] < 1e-6
    assert loss[-1] == 1.0


def test_what_is_hardly_ever_heard_is_never_heard() -> None:
    """More than 99.9 % lost counts as all: no chance frames over a mountain."""
    # source: Phi(z) = 0.999 at z = 3.0902, so 7.726 dB of 35 dB a decade: 1.6624 times the reach
    assert 0.998 < loss_at(16_600.0, FLAT) < 0.999
    assert loss_at(16_650.0, FLAT) == 1.0


def test_neighbours_at_one_place_hear_each_other() -> None:
    """Nodes at one position are as near as two can be, and lose nothing."""
    assert loss_at(0.0, FLAT) == loss_at(40.0, FLAT) < 1e-12


def test_same_seed_same_terrain() -> None:
    """The obstructions follow from the seed alone, and differ from pair to pair."""
    places = in_line(*(9_000.0 * i for i in range(6)))
    rough = Terrain(10_000.0, seed=4)
    assert (link_loss(*places, rough) == link_loss(*places, replace(rough))).all()
    assert (link_loss(*places, rough) != link_loss(*places, replace(rough, seed=5))).any()
    assert len(set(np.diagonal(link_loss(*places, rough), 1).tolist())) == 5


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reach_m": 99.0}, r"reach_m = 99.0: must be 100\.\.1e\+06"),
        ({"reach_m": float("nan")}, "reach_m = nan: must be"),
        ({"exponent": 0.9}, r"exponent = 0.9: must be 1\.\.8"),
        ({"shadow_db": -1.0}, r"shadow_db = -1.0: must be 0\.\.30"),
        ({"fading_db": 0.0}, r"fading_db = 0.0: must be 0.1\.\.30"),
        ({"seed": -1}, "seed = -1: must be 0 or more"),
    ],
)
def test_numbers_have_limits(changed: dict[str, float], said: str) -> None:
    """A number that the model has no use for is refused by name."""
    with pytest.raises(RangeError, match=said):
        replace(FLAT, **changed)  # type: ignore[arg-type]  # the seed is an int


def test_reach_of_two_groups() -> None:
    """Parts, hops and those outside the largest group, by hand; good counts both ways."""
    # source: by hand. 0-1-2-3 and 4-5 of 6 nodes: 4 of 15 pairs are good, 11 of 15 lose all
    found = reach(links(6, (0, 1), (1, 2), (2, 3), (4, 5)))
    assert found == Reach(found.good_share, found.mean_loss, 2, (4, 5), 3)
    assert (found.good_share, found.mean_loss) == pytest.approx((4 / 15, 11 / 15))
    one_way = links(2)
    one_way[0, 1] = 0.0
    assert reach(one_way).parts == 2
    assert reach(links(1)) == Reach(1.0, 0.0, 1, (), 0)


def test_where_good_ends() -> None:
    """A link that loses exactly `GOOD_LOSS` is good, one that loses more is not."""
    assert reach(np.array([[0.0, GOOD_LOSS], [GOOD_LOSS, 0.0]])).parts == 1
    assert reach(np.array([[0.0, 1.1 * GOOD_LOSS], [1.1 * GOOD_LOSS, 0.0]])).parts == 2


def test_nobody_repeats_where_all_hear_all() -> None:
    """A full mesh needs no relays, nor does one node, nor nodes that hear nobody at all."""
    for n in (1, 2, 7):
        assert choose_relays(np.zeros((n, n))) == ()
    assert choose_relays(links(3)) == ()


def test_chain_of_five() -> None:
    """Of a chain the three between the ends repeat, in order from one end to the other."""
    chain = links(5, (0, 1), (1, 2), (2, 3), (3, 4))
    assert choose_relays(chain) in {(1, 2, 3), (3, 2, 1)}
    shuffled = links(5, (3, 0), (0, 4), (4, 1), (1, 2))  # 3-0-4-1-2
    assert choose_relays(shuffled) in {(0, 4, 1), (1, 4, 0)}


def test_star_needs_its_middle() -> None:
    """Where one node hears all, it is the only relay."""
    assert choose_relays(links(6, *((4, i) for i in range(6) if i != 4))) == (4,)


def test_two_clusters_far_apart() -> None:
    """Two meshes joined by one bridge are joined by its ends; without it the larger one counts."""
    mesh = [(a, b) for a in range(4) for b in range(a)]
    other = [(a, b) for a in range(4, 7) for b in range(4, a)]
    assert set(choose_relays(links(7, *mesh, *other, (2, 5)))) == {2, 5}
    apart = links(7, *mesh, *other)
    assert choose_relays(apart) == ()
    assert out_of_reach(apart, ()) == (4, 5, 6)


def test_too_few_relays_reach_the_most() -> None:
    """With fewer than are needed, no node could reach more than the one that is chosen."""
    chain = links(6, (0, 1), (1, 2), (2, 3), (3, 4), (2, 5))
    assert choose_relays(chain, 1) == (2,)
    assert out_of_reach(chain, choose_relays(chain, 1)) == (0, 4)
    assert set(choose_relays(chain, 2)) < {1, 2, 3}
    with pytest.raises(RangeError, match="most = 0: must be 1 or more"):
        choose_relays(chain, 0)


def test_out_of_reach_counts_relays_as_reached() -> None:
    """A lone relay is in its own reach; who hears no relay is not."""
    assert out_of_reach(links(3, (1, 2)), (0,)) == (1, 2)
    assert out_of_reach(links(3, (1, 2)), (1, 0)) == ()


@given(
    n=st.integers(1, 24),
    side_km=st.floats(1.0, 60.0),
    seed=st.integers(0, 2**32),
    most=st.integers(1, 8),
)
@settings(max_examples=60)
def test_relays_reach_the_largest_group_and_each_other(
    n: int, side_km: float, seed: int, most: int
) -> None:
    """With enough of them every node of the group hears one; all are in touch; never too many."""
    rng = np.random.default_rng(seed)
    lat, lon = 45.0 + rng.random(n) * side_km / 111.2, 7.0 + rng.random(n) * side_km / 78.6
    loss = link_loss(lat, lon, Terrain(12_000.0, seed=seed))
    alone = reach(loss).alone
    relays = choose_relays(loss, n)
    assert out_of_reach(loss, relays) == alone
    assert not set(relays) & set(alone)
    for chosen in (relays, choose_relays(loss, most)):
        assert len(set(chosen)) == len(chosen)
        if chosen:
            among = loss[np.ix_(chosen, chosen)]
            assert reach(among).parts == 1
    assert len(choose_relays(loss, most)) <= min(most, len(relays))
