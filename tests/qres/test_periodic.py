# SPDX-License-Identifier: Apache-2.0
"""What periodic senders cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.errors import RangeError
from qres.periodic import SENDERS, Radio, cost, sender

SF9 = Radio(sf=9, bw_hz=125_000)
SF10 = Radio(sf=10, bw_hz=125_000)


def test_lpp_over_lorawan_for_100_nodes() -> None:
    """100 nodes with Cayenne LPP every 10 min put 21,600 bytes on air in an hour."""
    # source: by hand, 36 B on air x 6 an hour x 100
    assert cost(sender("lpp"), 100, SF9).bytes_per_h == 21_600


@pytest.mark.parametrize(
    ("key", "radio", "air_ms"),
    [
        # source: Semtech AN1200.13 by hand, e.g. 36 B at SF9: 8 + 4.25 + 8 + 5*ceil(296/36) symbols
        # of 4.096 ms; 59 B at LongFast: 16 + 4.25 + 8 + 5*ceil(472/44) of 8.192 ms
        ("lpp", SF9, 267.3),
        ("lpp", SF10, 493.6),
        ("packed", SF9, 185.3),
        ("packed", SF10, 370.7),
        ("meshtastic", SF9, 682.0),  # brings its own radio: LongFast
    ],
)
def test_airtime_of_one_frame(key: str, radio: Radio, air_ms: float) -> None:
    """The time on air of each sender's frame is that of Semtech's formula."""
    of = sender(key)
    per_frame = cost(of, 1, radio).airtime_us_per_h / (3600 / of.interval_s)
    assert per_frame / 1000 == pytest.approx(air_ms, abs=0.5)


@given(st.integers(0, 1000), st.sampled_from(SENDERS))
def test_cost_is_proportional_to_nodes(n: int, of: object) -> None:
    """Twice the nodes cost twice the bytes, frames and airtime; none cost nothing."""
    one = next(s for s in SENDERS if s is of)
    single, double = cost(one, n, SF9), cost(one, 2 * n, SF9)
    assert double.bytes_per_h == 2 * single.bytes_per_h
    assert double.frames_per_h == 2 * single.frames_per_h
    assert double.airtime_us_per_h == 2 * single.airtime_us_per_h
    assert (single.bytes_per_h == 0) == (n == 0)


def test_every_sender_says_where_its_numbers_come_from() -> None:
    """Each sender has a source, a distinct name and a frame that LoRa can carry."""
    assert all(s.source and 0 < s.frame_bytes <= 255 for s in SENDERS)
    assert len({s.key for s in SENDERS}) == len({s.name for s in SENDERS}) == len(SENDERS)


def test_unknown_sender_and_negative_count() -> None:
    """An unknown sender lists the known ones; fewer than no nodes are refused."""
    with pytest.raises(RangeError, match="sender = zigbee: must be one of lpp, packed"):
        sender("zigbee")
    with pytest.raises(RangeError, match="n_nodes = -1: must be 0 or more"):
        cost(sender("lpp"), -1, SF9)
