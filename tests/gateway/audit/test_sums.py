# SPDX-License-Identifier: Apache-2.0
"""Sums of an audit: against values by hand, and against each other."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres.site import load_site
from qres_gateway.audit.sliding import SlidingHour
from qres_gateway.audit.store import Row
from qres_gateway.audit.tally import Tally
from tests.gateway.audit.made_store import HOUR_US, START_US, Sent, every, made, make_site

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "airtime.json").read_text(encoding="utf-8")
)
MINUTE_US = 60_000_000


def test_a_small_log_by_hand(tmp_path: Path) -> None:
    """Three frames of two nodes: frames, bytes and airtime by kind, node, hour and day."""
    # source: SX126x data sheet 6.1.4 by hand, SF9/125 kHz, symbol 4.096 ms, preamble 8 + 4.25 + 8:
    # 6 B ceil(56/36) = 2 -> 30.25 symbols 123.904 ms; 16 B ceil(136/36) = 4 -> 40.25 symbols
    # 164.864 ms; 51 B ceil(416/36) = 12 -> 80.25 symbols 328.704 ms
    sent = [
        Sent(10 * MINUTE_US, 0, "report", 6),
        Sent(20 * MINUTE_US, 1, "beacon", 16),
        Sent(90 * MINUTE_US, 1, "checkpoint", 51),
    ]
    f = made(tmp_path, sent, sf=9).figures()
    assert f["accepted"]["kinds"] == {
        "report": {"frames": 1, "bytes": 6, "airtime_us": 123_904},
        "beacon": {"frames": 1, "bytes": 16, "airtime_us": 164_864},
        "checkpoint": {"frames": 1, "bytes": 51, "airtime_us": 328_704},
        "relay": {"frames": 0, "bytes": 0, "airtime_us": 0},
    }
    assert f["accepted"]["total"] == {"frames": 3, "bytes": 73, "airtime_us": 617_472}
    by_node = {n["node"]: (n["frames"], n["bytes"], n["airtime_us"]) for n in f["nodes"]}
    assert by_node == {0: (1, 6, 123_904), 1: (2, 67, 493_568), 2: (0, 0, 0), 3: (0, 0, 0)}
    assert [(d["day"], d["bytes"]) for d in f["days"]] == [("2024-10-04", 73)]
    assert f["hours"]["bytes"]["most"] == 51
    assert f["budget"]["most_60min_bytes"] == 51  # 20 min and 90 min are 70 min apart
    # beacon (20 min) and checkpoint (90 min) are in no 60 minutes together
    assert next(n for n in f["nodes"] if n["node"] == 1)["worst_60min_airtime_us"] == 328_704


@pytest.mark.parametrize(
    "vector",
    [
        v
        for v in VECTORS["airtime"]
        if v["crc"] and not v["implicit_header"] and v["sf"] >= 7  # as fields send
    ],
    ids=lambda v: v["id"],
)
def test_airtime_is_that_of_the_makers_calculator(site_file: Path, vector: dict[str, int]) -> None:
    """One frame on a site with the settings of a vector has the airtime of the vector."""
    site = replace(
        load_site(site_file),
        cr=f"4/{4 + vector['cr']}",
        preamble_symbols=vector["preamble_symbols"],
    )
    frame = bytes(vector["payload_bytes"])
    tally = Tally(site)
    args = (START_US, START_US, "rx", site.freq_hz, vector["sf"], vector["bw_hz"], 1, frame)
    tally.add(Row(*args, "", "report", 0, 0))
    tolerance_us = vector.get("tolerance_us", 0)
    assert abs(tally.total.total.airtime_us - vector["airtime_us"]) <= tolerance_us


@pytest.mark.parametrize("size", ["8", "12", "16", "20", "32", "51"])
def test_airtime_is_that_of_the_table(tmp_path: Path, size: str) -> None:
    """SF9/125 kHz, to the decimal that the table of the vectors has."""
    table = VECTORS["table_125khz_ms"]
    ms = table["rows"][size][table["sf"].index(9)]
    f = made(tmp_path, [Sent(0, size=int(size))], sf=9).figures()
    assert f["accepted"]["total"]["airtime_us"] / 1000 == pytest.approx(ms, abs=0.051)


def test_copies_and_refused_frames_are_in_no_sum(tmp_path: Path) -> None:
    """A copy is a delivery, a refused frame is told by reason; neither is airtime of a node."""
    sent = [
        Sent(0),
        Sent(1, reason="copy", receiver="other"),
        Sent(MINUTE_US, reason="duplicate"),
        Sent(2 * MINUTE_US, reason="radio", sf=12),
        Sent(3 * MINUTE_US, reason="tag", size=12),
        Sent(4 * MINUTE_US, reason="crc_bad"),
    ]
    f = made(tmp_path, sent).figures(to_us=START_US + HOUR_US)
    assert f["accepted"]["total"]["frames"] == 1
    assert (f["deliveries"]["all"], f["deliveries"]["copies"]) == (6, 1)
    assert f["deliveries"]["by_receiver"] == {"other": 1, "rx": 5}
    assert {r: v["whose"] for r, v in f["refused"]["reasons"].items()} == {
        "crc_bad": "unclear",
        "duplicate": "repeated",
        "radio": "not_ours",
        "tag": "unclear",
    }
    assert f["refused"]["unclear"]["frames"] == 2
    assert any(r["code"] == "unclear" for r in f["reasons"])


def test_times_that_the_gateway_corrected_count(tmp_path: Path) -> None:
    """A host clock that was two hours slow: sums go by the corrected time, and it is told."""
    sent = [Sent(0), Sent(MINUTE_US, corrected_us=2 * HOUR_US)]
    f = made(tmp_path, sent).figures()
    assert f["period"]["to_us"] == START_US + MINUTE_US + 2 * HOUR_US + 1
    assert f["deliveries"]["time_corrected"] == 1


def test_rows_logged_out_of_order_take_their_place(tmp_path: Path) -> None:
    """A capture that was added later changes nothing but the ids: same figures, same hash."""
    sent = [*every(10 * MINUTE_US, 3 * HOUR_US), *every(15 * MINUTE_US, 3 * HOUR_US, 1, 7)]
    one = made(tmp_path / "a", sorted(sent, key=lambda s: s.at_us)).figures()
    clumsy = sorted(sent, key=lambda s: s.node or 0)
    two = made(tmp_path / "b", clumsy).figures()
    assert one["nodes"] == two["nodes"]
    assert one["hours"] == two["hours"]
    assert one["budget"] == two["budget"]


FRAMES = st.lists(
    st.tuples(
        st.integers(0, 5 * HOUR_US),
        st.one_of(st.none(), st.integers(0, 3)),
        st.sampled_from(("report", "beacon", "checkpoint", "relay")),
        st.integers(6, 51),
    ),
    max_size=60,
)


@pytest.fixture(scope="module")
def site_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of four nodes."""
    return make_site(tmp_path_factory.mktemp("site"))


@settings(max_examples=60)
@given(FRAMES)
def test_every_way_of_adding_up_gives_the_total(
    site_file: Path, frames: list[tuple[int, int | None, str, int]]
) -> None:
    """Nodes, hours, days, kinds, sub-bands: each sums to the total; no hour beats the sliding."""
    site = load_site(site_file)
    tally = Tally(site)
    for at_us, node, kind, size in sorted(frames, key=lambda x: x[0]):
        at = START_US + at_us
        tally.add(
            Row(at, at, "rx", site.freq_hz, site.sf, site.bw_hz, 1, bytes(size), "", kind, node, 0)
        )
    tally.finish()
    total = tally.total.total
    for parts in (
        [s.total for s in tally.senders.values()],
        [h.total for h in tally.hours.values()],
        list(tally.days.values()),
        list(tally.total.kinds.values()),
        list(tally.bands.values()),
    ):
        assert sum(p.frames for p in parts) == total.frames == len(frames)
        assert sum(p.bytes for p in parts) == total.bytes == sum(f[3] for f in frames)
        assert sum(p.airtime_us for p in parts) == total.airtime_us
    for hour in tally.hours.values():
        assert hour.total.bytes <= tally.window.most_bytes.value
        assert hour.total.airtime_us <= tally.window.most_airtime_us.value
    by_sender = sum(s.window.most_airtime_us.value for s in tally.senders.values())
    assert tally.window.most_airtime_us.value <= by_sender


@given(st.lists(st.tuples(st.integers(0, 4 * HOUR_US), st.integers(1, 50)), max_size=40))
def test_the_sliding_hour_is_the_fullest_window(frames: list[tuple[int, int]]) -> None:
    """The most bytes of a window (t - 1 h, t] are those that trying every frame's end finds."""
    window = SlidingHour()
    frames = sorted(frames)
    for at_us, size in frames:
        window.add(at_us, size, size)
    tried: dict[int, int] = defaultdict(int)
    for end_us, _ in frames:
        tried[end_us] = sum(s for at_us, s in frames if end_us - HOUR_US < at_us <= end_us)
    assert window.most_bytes.value == max(tried.values(), default=0)
