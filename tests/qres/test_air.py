# SPDX-License-Identifier: Apache-2.0
"""The simulated air where each link has a loss of its own: hidden nodes and their collisions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from qres import weather_file
from qres.errors import RangeError
from qres.virtual.air import Air, Transmission
from qres.virtual.field import VirtualField
from qres.virtual.sites import DEMO_KEY, site_for


def sent(sender: int, start_us: int, end_us: int) -> Transmission:
    """A frame of that sender."""
    return Transmission(sender, start_us, end_us, "report", 7, b"frame")


def chain(n: int) -> NDArray[np.float64]:
    """Each node hears only its neighbours."""
    return np.where(np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= 1, 0.0, 1.0)


def heard(air: Air, *frames: Transmission) -> dict[int, list[int]]:
    """Receivers of each sender's frame."""
    carried = air.carry(frames)
    return {r.sent.sender: np.flatnonzero(r.heard_by).tolist() for r in carried}


def test_hidden_nodes_never_hear() -> None:
    """Of a chain only the neighbours of a sender hear it, every time, and it not itself."""
    air = Air(4, loss=chain(4))
    for _ in range(50):
        got = heard(air, sent(0, 0, 10), sent(1, 20, 30), sent(3, 40, 50))
        assert got == {0: [1], 1: [0, 2], 3: [2]}
    assert air.collisions == 0


def test_frames_collide_only_where_both_are_audible() -> None:
    """The ends of a chain destroy each other's frames in the middle and nowhere else."""
    air = Air(5, loss=chain(5))
    # 1 and 3 send at once: 2 hears both, so neither; 0 hears only 1, and 4 only 3.
    assert heard(air, sent(1, 0, 10), sent(3, 9, 19)) == {1: [0], 3: [4]}
    # One after the other, 2 hears both.
    assert heard(air, sent(1, 0, 10), sent(3, 10, 20)) == {1: [0, 2], 3: [2, 4]}


def test_a_sender_does_not_hear_what_overlaps_its_own_frame() -> None:
    """Two neighbours that speak at once do not hear each other; a third in reach of one does."""
    assert heard(Air(3, loss=chain(3)), sent(0, 0, 10), sent(1, 5, 15)) == {0: [], 1: [2]}


def test_a_frame_too_weak_to_be_read_still_disturbs() -> None:
    """A link that loses most, but not all, is audible: what overlaps there is lost."""
    loss = chain(3)
    loss[2, 0] = 0.999
    assert heard(Air(3, loss=loss), sent(1, 0, 10), sent(2, 0, 10))[1] == []


def test_each_link_loses_its_own_share() -> None:
    """Over 4000 frames every receiver loses the share of its link, to four standard deviations."""
    loss = np.array([[0.0, 0.1, 0.5, 0.9, 1.0]])
    air = Air(5, loss=loss, seed=9)
    times = 4000
    got = sum(air.carry([sent(0, 0, 10)])[0].heard_by.astype(int) for _ in range(times))
    share = 1.0 - np.asarray(got) / times
    assert share[0] == 1.0  # itself
    assert share[4] == 1.0
    spread = np.sqrt(loss[0, 1:4] * (1 - loss[0, 1:4]) / times)
    assert (np.abs(share[1:4] - loss[0, 1:4]) < 4 * spread).all()


def test_same_seed_same_losses() -> None:
    """What is lost follows from the seed."""
    loss = np.full((2, 8), 0.5)

    def run(seed: int) -> list[list[bool]]:
        air = Air(8, loss=loss, seed=seed)
        return [air.carry([sent(0, 0, 10)])[0].heard_by.tolist() for _ in range(20)]

    assert run(1) == run(1) != run(2)


@pytest.mark.parametrize(
    ("loss", "burst", "said"),
    [
        (np.array([[0.0, 0.2, 1.5]]), 1.0, "loss = 1.5: must be 0..1"),
        (np.array([[0.0, float("nan"), 0.5]]), 1.0, "loss = nan: must be 0..1"),
        (-0.1, 1.0, "loss = -0.1: must be 0..1"),
        (np.zeros((3, 2)), 1.0, r"loss of shape = \(3, 2\): must have 3 columns"),
        (np.zeros(3), 1.0, r"loss of shape = \(3,\): must have 3 columns"),
        (np.zeros((3, 3)), 2.0, "burst = 2.0: must be 1 if each link has a loss of its own"),
        (0.1, 0.5, "burst = 0.5: must be 1 or more"),
    ],
)
def test_what_is_no_loss_is_refused(
    loss: float | NDArray[np.float64], burst: float, said: str
) -> None:
    """Shares outside 0..1, other shapes, and bursts on links of their own are refused by name."""
    with pytest.raises(RangeError, match=said):
        Air(3, loss=loss, burst=burst)


def test_a_field_wants_a_row_for_each_sender() -> None:
    """Losses of other nodes than the field's are refused before anything is sent."""
    weather = weather_file.demo().with_mean_wind().subset(range(3))
    with pytest.raises(RangeError, match=r"loss of shape = \(2, 3\): must have 3 rows"):
        VirtualField(site_for(weather), DEMO_KEY, weather, loss=np.zeros((2, 3)))
