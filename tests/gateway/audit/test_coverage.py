# SPDX-License-Identifier: Apache-2.0
"""When the gateway was listening, and what was due and not heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from qres.site import load_site
from qres_gateway.audit.coverage import Coverage, Gap, beacon_phases, silence_us
from qres_gateway.audit.unseen import heartbeats_between, most_per_hour, wilson
from tests.gateway.audit.made_store import HOUR_US, START_US, Sent, every, made, make_site

MINUTE_US = 60_000_000


def test_silence_is_two_beacons() -> None:
    """What is no longer than the limit is covered, one microsecond more is a gap."""
    coverage = Coverage(0, 100, 10)
    for at in (10, 21, 31):
        coverage.heard(at)
    coverage.finish()
    assert coverage.gaps == [Gap(10, 21), Gap(31, 100)]
    assert (coverage.covered_us, coverage.share) == (20, 0.2)
    spans = ((0, 100), (5, 25), (11, 20), (90, 200))
    assert [coverage.covered_between(a, b) for a, b in spans] == [20, 9, 0, 0]
    assert coverage.is_covered(9)
    assert not coverage.is_covered(15)


def test_the_limit_follows_from_the_protocol(tmp_path: Path) -> None:
    """At an epoch of 600 s a beacon is due every 24 phases: the limit is 49 phases of 150 s."""
    site = load_site(make_site(tmp_path))
    assert beacon_phases(site) == 24
    assert silence_us(site) == 49 * 150_000_000


def test_a_gap_is_shown_and_left_out_of_the_rates(tmp_path: Path) -> None:
    """Ten hours, of which the gateway was off for five: the mean is that of the other five."""
    sent = [s for s in every(10 * MINUTE_US, 10 * HOUR_US + 1) if not 2.5 < s.at_us / HOUR_US < 7.5]
    m = made(tmp_path, [*sent])
    f = m.figures(coverage_least=0.4)
    assert [g["hours"] for g in f["coverage"]["gaps"]] == [5.0]
    assert f["coverage"]["share"] == pytest.approx(0.5, abs=1e-6)
    assert f["hours"]["bytes"]["mean"] == pytest.approx(6 * len(sent) / 5, rel=1e-3)
    assert f["hours"]["bytes"]["median"] == 36  # 6 reports of 6 B in a whole hour
    assert (f["hours"]["whole"], f["hours"]["not_covered"]) == (4, 4)
    assert f["verdict"] == "within"
    lpp = next(p for p in f["peers"] if p["key"] == "lpp")
    assert lpp["bytes"] == round(lpp["bytes_per_h"] * f["coverage"]["covered_h"])
    bad = m.figures()
    assert bad["verdict"] == "not_auditable"
    assert "50.0% of the period, the limit is 90%" in bad["text"]


def test_time_before_and_after_the_log_is_not_covered(tmp_path: Path) -> None:
    """A period that reaches beyond the log on both sides has a gap on both sides."""
    f = made(tmp_path, every(10 * MINUTE_US, 10 * HOUR_US + 1)).figures(
        from_us=START_US - 10 * HOUR_US, to_us=START_US + 15 * HOUR_US
    )
    assert [g["hours"] for g in f["coverage"]["gaps"]] == [10.0, 5.0]
    assert f["verdict"] == "not_auditable"


def test_strangers_prove_no_listening(tmp_path: Path) -> None:
    """Frames that were refused have no time that anybody vouches for: the gap stays."""
    sent = [
        *every(10 * MINUTE_US, 5 * HOUR_US),
        *(Sent(t * HOUR_US, None, reason="tag") for t in range(5, 12)),
        *every(10 * MINUTE_US, 16 * HOUR_US, first_us=12 * HOUR_US),
    ]
    assert len(made(tmp_path, sent).figures()["coverage"]["gaps"]) == 1


def test_a_refused_frame_with_an_absurd_time_moves_nothing(tmp_path: Path) -> None:
    """A receiver without a clock (1970): the period is that of accepted frames."""
    sent = [*every(10 * MINUTE_US, 5 * HOUR_US), Sent(-START_US + 5, None, reason="tag")]
    f = made(tmp_path, sent).figures()
    assert f["period"]["from_us"] == START_US
    assert f["coverage"]["share"] == 1
    assert f["deliveries"]["all"] == len(sent) - 1


def test_beacons_that_were_due(tmp_path: Path) -> None:
    """Ten hours with reports and one beacon of ten: nine are missing, and the share is told."""
    sent = [*every(10 * MINUTE_US, 10 * HOUR_US), Sent(3 * HOUR_US + 5_000_000, 1, "beacon", 16)]
    f = made(tmp_path, sent).figures()
    unseen = f["unseen"]
    assert (unseen["beacons_due"], unseen["beacons_heard"]) == (10, 1)
    assert unseen["share_heard"] == 0.1
    assert unseen["frames_missing_least"] == 9
    assert unseen["frames_sent_estimate"] == 610


@pytest.mark.parametrize(
    ("first_h", "second_h", "due"),
    [
        # source: SPEC 6.2 and 5.3 by hand: due 6 h after the last report, or after midnight
        (1, 6.9, 0),
        (1, 7, 0),  # the one that was heard is the one that was due
        (1, 7.5, 1),
        (1, 13.5, 2),
        (20, 24 + 5.9, 0),  # midnight starts the count anew: due at 6 h
        (20, 24 + 6.5, 1),
        (18, 24 + 6.25, 1),  # due at midnight exactly? the snap comes first: due at 6 h
        (1, 49, 7 - 1),
    ],
)
def test_six_hour_reports_that_were_due(first_h: float, second_h: float, due: int) -> None:
    """How many reports a running node sent for certain between two that were heard."""
    per_h = 24  # phases of 150 s
    first, second = (576 * 9 + round(h * per_h) // 4 * 4 for h in (first_h, second_h))
    assert heartbeats_between(first, second, 150_000_000) == due


def test_missing_reports_are_not_asked_for_across_a_gap(tmp_path: Path) -> None:
    """Reports 13 h apart: one or more was due, but not if nobody listened in between."""
    quiet = [Sent(1 * HOUR_US), Sent(14 * HOUR_US + 10 * MINUTE_US)]
    other = every(30 * MINUTE_US, 15 * HOUR_US, node=1)
    assert made(tmp_path / "a", [*quiet, *other]).figures()["unseen"]["heartbeats_missing"] == 2
    hole = [s for s in other if not 3 < s.at_us / HOUR_US < 9]
    f = made(tmp_path / "b", [*quiet, *hole]).figures()
    assert len(f["coverage"]["gaps"]) == 1
    assert f["unseen"]["heartbeats_missing"] == 0


def test_what_a_node_can_send_at_most(tmp_path: Path) -> None:
    """Six reports of 14 B and eight fragments of 51 B, one more of each, a beacon of 16 B."""
    # source: SPEC 6.1, 6.3, 6.4 by hand; 552 beacon-free phases a day, 82 fragments: stride 3
    bound = most_per_hour(load_site(make_site(tmp_path)))
    assert (bound.frames, bound.n_bytes) == (7 + 1 + 9, 7 * 14 + 16 + 9 * 51)


def test_what_a_relay_can_send_at_most(tmp_path: Path) -> None:
    """Where nodes repeat for others, two RELAYs of 51 B a phase more, and of one phase more."""
    # source: SPEC 6.6; 24 phases of 150 s an hour
    plain = most_per_hour(load_site(make_site(tmp_path / "a")))
    bound = most_per_hour(load_site(make_site(tmp_path / "b", relays=(2,))))
    assert bound.frames - plain.frames == 2 * 25
    assert bound.n_bytes - plain.n_bytes == 2 * 25 * 51
    assert bound.longest_us == plain.longest_us


def test_interval_of_a_share() -> None:
    """Wilson's interval, and all is possible where nothing was due."""
    # source: Newcombe (1998), Stat. Med. 17, 857-872, table I: 81 of 263 and 1 of 29
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
