# SPDX-License-Identifier: Apache-2.0
"""Radio of the live view: hours, the sliding hour, totals, duty and refusals."""

from __future__ import annotations

import dataclasses

import pytest

from qres_gateway.console.view import Rf
from qres_gateway.events import ClockStepped, ReplicaRebuilt
from qres_gateway.live.radio import duty_limit_pct
from tests.gateway.live_field import AIRTIME_US, DAY_US, HOUR_US, START_US, Line, site_of


def rf(line: Line) -> Rf:
    """The radio as shown."""
    return line.view.snapshot().rf


def test_frames_are_summed_by_hour_and_type() -> None:
    """Clock hours run without a gap from the first to the one that is filling."""
    line = Line(has_clock=True)
    line.hear(0, rx_us=START_US + 1)
    line.hear(1, rx_us=START_US + HOUR_US - 1, n_bytes=9, airtime_us=150_000)
    line.hear(1, rx_us=START_US + 2 * HOUR_US, kind="beacon", n_bytes=16, airtime_us=200_000)
    line.now_us = START_US + 3 * HOUR_US + 5
    hours = rf(line).hours
    assert [h.start_us for h in hours] == [START_US + i * HOUR_US for i in range(4)]
    assert [h.bytes for h in hours] == [{"report": 15}, {}, {"beacon": 16}, {}]
    assert [h.frames for h in hours] == [{"report": 2}, {}, {"beacon": 1}, {}]
    assert hours[0].airtime_us == {"report": AIRTIME_US + 150_000}
    assert hours[2].airtime_us == {"beacon": 200_000}
    assert (rf(line).total_bytes, rf(line).total_frames) == (31, 3)
    assert rf(line).total_airtime_us == AIRTIME_US + 350_000


def test_the_last_hour_slides() -> None:
    """A frame counts for 3600 s after its reception, to the microsecond."""
    line = Line(has_clock=True)
    line.hear(0, rx_us=START_US + 1_000)
    line.hear(1, rx_us=START_US + HOUR_US // 2, n_bytes=9, airtime_us=150_000)
    line.now_us = START_US + HOUR_US + 999
    both = rf(line).last_hour
    assert (both.bytes, both.frames, both.airtime_us) == (15, 2, AIRTIME_US + 150_000)
    assert both.span_s == 3600.0
    line.now_us += 1
    one = rf(line).last_hour
    assert (one.bytes, one.frames, one.airtime_us) == (9, 1, 150_000)


def test_the_first_hour_is_shorter() -> None:
    """Before an hour has passed the span is the time since the start."""
    line = Line(has_clock=True)
    line.now_us = START_US + 90_000_000
    assert rf(line).last_hour.span_s == 90.0
    assert rf(line).since_us == START_US


def test_a_frame_of_the_phase_that_runs_counts_at_once() -> None:
    """A clock that is set phase by phase lags behind the frames of its phase."""
    line = Line(has_clock=True)
    line.hear(0, rx_us=START_US + line.site.phase_us - 1)
    assert rf(line).last_hour.frames == 1


def test_what_was_before_the_view_is_in_no_sum() -> None:
    """Frames that waited in the log while the gateway was down would make rates too high."""
    line = Line(has_clock=True)
    line.hear(0, rx_us=START_US - 1)
    assert (rf(line).total_frames, rf(line).last_hour.frames) == (0, 0)
    assert line.view.snapshot().nodes[0].last_report_us == START_US - 1


def test_without_a_clock_time_is_that_of_the_events() -> None:
    """A replayed capture begins with its first accepted frame; refused ones move no time."""
    line = Line()
    line.hear(0, reason="future", rx_us=START_US + 900 * DAY_US)
    line.hear(0, rx_us=START_US + 5)
    line.hear(1, rx_us=START_US + 60_000_005)
    assert rf(line).since_us == START_US + 5
    assert line.view.snapshot().field.time_us == START_US + 60_000_005
    assert rf(line).last_hour.span_s == 60.0


def test_at_most_168_hours_are_kept() -> None:
    """A week of hours; totals go on."""
    line = Line(has_clock=True)
    for hour in range(400):
        line.hear(0, rx_us=START_US + hour * HOUR_US)
    line.now_us = START_US + 399 * HOUR_US
    assert len(rf(line).hours) == 168
    assert rf(line).hours[0].start_us == START_US + 232 * HOUR_US
    assert all(h.frames == {"report": 1} for h in rf(line).hours)
    assert rf(line).total_frames == 400


def test_copies_cost_nothing_and_refusals_are_counted_by_reason() -> None:
    """One transmission counts once; what was refused is not of the field."""
    line = Line()
    line.hear(0)
    line.hear(0, reason="copy")
    line.hear(0, reason="tag")
    line.hear(0, reason="tag")
    line.hear(0, reason="length")
    assert rf(line).refused == {"length": 1, "tag": 2}
    assert (rf(line).total_frames, rf(line).total_bytes) == (1, 6)


def test_a_frame_of_an_unknown_sender_counts_for_the_field() -> None:
    """Its bytes are the field's, its duty nobody's."""
    line = Line()
    line.hear(None, kind="checkpoint", n_bytes=51, airtime_us=400_000)
    assert (rf(line).total_bytes, rf(line).last_hour.bytes) == (51, 51)
    assert (rf(line).duty_worst_pct, rf(line).duty_worst_node) == (0.0, None)


def test_the_busiest_transmitter_is_named_by_its_id() -> None:
    """Duty is one node's airtime over a full hour, also while the hour is not full."""
    line = Line(has_clock=True)
    line.hear(2, airtime_us=1_800_000)
    line.hear(2, airtime_us=1_800_000)
    line.hear(1, airtime_us=2_000_000)
    line.now_us = START_US + 60_000_000
    assert rf(line).duty_worst_pct == 0.1
    assert rf(line).duty_worst_node == 12


@pytest.mark.parametrize(
    ("region", "freq_hz", "limit_pct"),
    # source: EN 300 220-2 V3.2.1 Annex B, bands L, M and P, and 47 CFR 15.247, which has no rule
    [
        ("EU868", 865_500_000, 1.0),
        ("EU868", 868_300_000, 1.0),
        ("EU868", 868_950_000, 0.1),
        ("EU868", 869_525_000, 10.0),
        ("EU868", 867_000_000 + 7_000_000, None),
        ("US915", 903_900_000, None),
    ],
)
def test_duty_limit(region: str, freq_hz: int, limit_pct: float | None) -> None:
    """The law's limit follows from the site's frequency; None where there is no rule."""
    site = dataclasses.replace(site_of(), region=region, freq_hz=freq_hz)
    assert duty_limit_pct(site) == limit_pct


def test_periodic_senders_of_the_same_field() -> None:
    """28 bytes every epoch, here of an hour, from each node."""
    assert rf(Line(28)).periodic_bytes_per_hour == 28 * 28.0


def test_a_clock_that_is_set_moves_the_beginning_with_it() -> None:
    """A host that started in 1970 and then heard of the time has not listened for 50 years."""
    line = Line(has_clock=True)
    line.now_us += 40 * DAY_US
    line.view.feed(ClockStepped(line.now_us, 40 * DAY_US))
    line.now_us += 7_000_000
    assert rf(line).since_us == START_US + 40 * DAY_US
    assert rf(line).last_hour.span_s == 7.0
    assert line.texts() == ["this host's clock was set forward by 3456000.0 s"]
    assert len(rf(line).hours) == 1


def test_a_clock_that_goes_back_forgets_hours_to_come() -> None:
    """Frames that seemed to be of tomorrow are in no hour; they stay in the totals."""
    line = Line(has_clock=True)
    line.now_us = START_US + DAY_US
    line.hear(0, rx_us=START_US + DAY_US)
    line.now_us = START_US + HOUR_US
    line.view.feed(ClockStepped(line.now_us, -23 * HOUR_US))
    line.view.feed(ReplicaRebuilt(START_US, line.now_us, 0, "back"))
    line.hear(1, rx_us=START_US + HOUR_US)
    shown = rf(line)
    assert shown.since_us == START_US - 23 * HOUR_US
    assert [sum(h.frames.values()) for h in shown.hours] == [0] * 24 + [1]
    assert (shown.last_hour.frames, shown.total_frames) == (1, 2)
    assert line.texts() == [
        "this host's clock was set back by 82800.0 s",
        "replica made anew: time went back, 0 frames",
    ]


def test_time_that_goes_back_before_the_beginning_begins_anew() -> None:
    """A view never waits for the time at which it believed to have begun."""
    line = Line(has_clock=True)
    line.now_us = START_US - DAY_US
    line.view.feed(ReplicaRebuilt(START_US - 2 * DAY_US, line.now_us, 5, "back"))
    line.hear(0, rx_us=line.now_us)
    assert rf(line).since_us == START_US - DAY_US
    assert rf(line).total_frames == 1


def test_refusals_make_one_line_an_hour() -> None:
    """However many frames are refused: a first line, then one an hour with the sum."""
    line = Line(epoch_s=600)
    for phase in range(4 * 6 * 3):
        for _ in range(10):
            line.hear(0, reason="tag" if phase < 24 else "crc_bad")
        line.commit()
    events = [e for e in line.view.snapshot().events if e.kind == "refused"]
    phase_us = line.site.phase_us
    assert [e.time_us for e in events] == [START_US + i * 24 * phase_us for i in range(3)]
    assert [e.text for e in events] == [
        "10 frames: tag 10",
        "240 frames since the last such line: crc_bad 10, tag 230",
        "240 frames since the last such line: crc_bad 240",
    ]
    assert [e.severity for e in events] == ["notice", "notice", "info"]
