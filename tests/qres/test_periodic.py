# SPDX-License-Identifier: Apache-2.0
"""What periodic senders cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres import weather_file
from qres.channels import V1
from qres.errors import RangeError
from qres.periodic import Radio, Sender, cost, costs_of, lorawan_of, senders_of
from qres.virtual.rf_bench import rf_bench
from qres.virtual.sites import site_for

SENDERS = {s.key: s for s in senders_of(V1, 600)}
SF9 = Radio(sf=9, bw_hz=125_000)
SF10 = Radio(sf=10, bw_hz=125_000)


def test_lpp_over_lorawan_for_100_nodes() -> None:
    """100 nodes with Cayenne LPP every 10 min put 16,800 bytes on air in an hour."""
    # source: by hand, 28 B on air x 6 an hour x 100
    assert cost(SENDERS["lpp"], 100, SF9).bytes_per_h == 16_800


@pytest.mark.parametrize(
    ("key", "radio", "air_ms"),
    [
        # source: Semtech AN1200.13 by hand, e.g. 28 B at SF9: 8 + 4.25 + 8 + 5*ceil(232/36) symbols
        # of 4.096 ms; 50 B at LongFast: 16 + 4.25 + 8 + 5*ceil(400/44) of 8.192 ms
        ("lpp", SF9, 226.3),
        ("lpp", SF10, 411.6),
        ("packed", SF9, 185.3),
        ("packed", SF10, 329.7),
        ("meshtastic", SF9, 641.0),  # brings its own radio: LongFast
    ],
)
def test_airtime_of_one_frame(key: str, radio: Radio, air_ms: float) -> None:
    """The time on air of each sender's frame is that of Semtech's formula."""
    of = SENDERS[key]
    per_frame = cost(of, 1, radio).airtime_us_per_h / (3600 / of.interval_s)
    assert per_frame / 1000 == pytest.approx(air_ms, abs=0.5)


@given(st.integers(0, 1000), st.sampled_from(list(SENDERS.values())))
def test_cost_is_proportional_to_nodes(n: int, of: Sender) -> None:
    """Twice the nodes cost twice the bytes, frames and airtime; none cost nothing."""
    single, double = cost(of, n, SF9), cost(of, 2 * n, SF9)
    assert double.bytes_per_h == 2 * single.bytes_per_h
    assert double.frames_per_h == 2 * single.frames_per_h
    assert double.airtime_us_per_h == 2 * single.airtime_us_per_h
    assert (single.bytes_per_h == 0) == (n == 0)


def test_every_sender_says_where_its_numbers_come_from() -> None:
    """Each sender has a source, a distinct title and a frame that LoRa can carry."""
    senders = SENDERS.values()
    assert all(s.source and 0 < s.frame_bytes <= 255 for s in senders)
    assert len({s.title for s in senders}) == len(senders) == 4
    assert SENDERS["lpp"].title == "Cayenne LPP over LoRaWAN, every 10 min"


def test_fewer_than_no_nodes() -> None:
    """Fewer than no nodes are refused."""
    with pytest.raises(RangeError, match="n_nodes = -1: must be 0 or more"):
        cost(SENDERS["lpp"], -1, SF9)


def test_a_site_is_compared_with_its_own_channels_and_epoch() -> None:
    """28 nodes: 28 B with four channels, 32 with the battery; every epoch, at the site's radio."""
    # source: by hand, 28 B x 6 x 28 and 32 B x 6 x 28; times on air as above
    weather = weather_file.demo()
    site = site_for(weather, name="yardstick", sf=10)
    assert lorawan_of(site).bytes_per_h == 4_704
    assert lorawan_of(site).airtime_us_per_h / 1000 == pytest.approx(168 * 411.6, rel=1e-3)
    assert lorawan_of(site_for(weather, name="b", battery=True)).bytes_per_h == 5_376
    assert lorawan_of(replace(site, epoch_s=3600)).bytes_per_h == 28 * 28
    assert costs_of(site)[0] == lorawan_of(site)


def test_the_bench_has_the_same_yardstick() -> None:
    """`qres bench rf` says what `costs_of` says, sender by sender."""
    weather = weather_file.demo()
    baselines = rf_bench(weather, hours=0.1)["baselines"]
    del baselines["send_on_delta"]
    of = costs_of(site_for(weather, name="bench"))
    assert {k: b["rf_bytes_per_hour"] for k, b in baselines.items()} == {
        c.sender.key: c.bytes_per_h for c in of
    }
    assert [b["frame_bytes"] for b in baselines.values()] == [28, 18, 50, 50]
