# SPDX-License-Identifier: Apache-2.0
"""Series of the live view: what was held for each sample, what was measured, what was reported."""

from __future__ import annotations

import numpy as np
import pytest

from qres.channels import Q16_MISSING, to_q16
from qres.core import Status
from qres.errors import RangeError
from qres_gateway.console.view import UnknownNodeError
from tests.gateway.live_field import HOUR_US, MILD, NAN, START_US, Line, Values


def temp(value: float) -> Values:
    """Mild weather at this temperature."""
    return (value, *MILD[1:])


def held(line: Line, row: int = 0) -> list[float | None]:
    """What the replicas held of a node's temperature."""
    return line.view.series(line.site.nodes[row].id, "temp_degc").reconstructed


def test_a_sample_stands_at_the_start_of_its_own_phase() -> None:
    """Each node has one sample an epoch, at the start of its own phase."""
    line = Line()
    line.epoch()
    line.epoch()
    for row in range(line.n):
        own_us = START_US + int(line.place[row]) * HOUR_US // 4
        series = line.view.series(line.site.nodes[row].id, "rh_pct")
        assert series.time_us == [own_us, own_us + HOUR_US]
        assert series.reconstructed == [50.0, 50.0]
        assert (series.unit, series.channel) == ("%", "rh_pct")


def test_a_node_has_no_sample_before_its_own_phase() -> None:
    """A commit in the middle of an epoch shows samples of the phases up to it, no others."""
    line = Line()
    line.commit()
    line.commit()
    assert [len(held(line, line.node_in(place))) for place in range(4)] == [1, 1, 0, 0]


def test_the_judged_value_is_kept_and_not_the_prediction() -> None:
    """What counts is the value at the node's own sample, exact to the core's resolution."""
    line = Line()
    exact = 20.0 + 1 / 65536
    for _ in range(4):
        line.commit(temp(exact), values=temp(30.0))
    assert held(line) == [exact]
    assert line.view.snapshot().nodes[0].temp_degc == 20.0


def test_without_judged_values_only_the_members_are_kept() -> None:
    """An event without `judged` says something about the members of its phase only."""
    line = Line()
    for place in range(4):
        line.commit(None, values=temp(10.0 + place))
    assert [held(line, line.node_in(place)) for place in range(4)] == [
        [10.0],
        [11.0],
        [12.0],
        [13.0],
    ]


def test_the_newest_sample_is_revised() -> None:
    """A late report changes what is held for the newest sample; older samples stay."""
    line = Line()
    line.epoch(temp(20.0))
    line.commit(temp(21.0))
    line.commit(revised=temp(22.0))
    assert held(line, line.node_in(0)) == [20.0, 22.0]
    assert held(line, line.node_in(3)) == [22.0]
    line.epoch(temp(23.0))
    assert held(line, line.node_in(3)) == [22.0, 23.0]


def test_absent_values_are_none() -> None:
    """A value that is absent at its source is None, and not 0."""
    line = Line()
    line.epoch((NAN, 50.0, 2.0, 0.0))
    assert held(line) == [None]
    assert line.view.snapshot().nodes[0].temp_degc is None
    assert line.view.snapshot().nodes[0].vpd_kpa is None


def test_a_report_marks_its_sample_once_that_is_committed() -> None:
    """A report is marked at the sample of its phase, not before the commit and not elsewhere."""
    line = Line()
    row = line.node_in(1)
    line.epoch()
    line.commit()
    line.hear(row)
    node = line.site.nodes[row].id
    assert line.view.series(node, "temp_degc").reported == [False]
    line.commit()
    line.epoch()
    line.epoch()
    assert line.view.series(node, "temp_degc").reported == [False, True, False]


def test_a_late_report_marks_an_old_sample() -> None:
    """A report that comes after its phase was committed marks that phase's sample."""
    line = Line()
    row = line.node_in(2)
    for _ in range(3):
        line.epoch()
    line.hear(row, phase=line.first + 2, late=True)
    assert line.view.series(line.site.nodes[row].id, "rh_pct").reported == [True, False, False]


def test_the_status_marks_a_report_that_was_replayed() -> None:
    """After a restart frames are replayed silently: the status still says who reported."""
    line = Line()
    line.commit(status=Status.REPORTED)
    line.commit()
    assert line.view.series(line.site.nodes[line.node_in(0)].id, "rh_pct").reported == [True]


def test_truth_is_shown_with_the_commit() -> None:
    """What nodes measured shows when the sample does, exact; a missed sample is None."""
    line = Line()
    row = line.node_in(0)
    members = np.array([row])
    measured = to_q16(np.array([[19.5, 48.25, 1.5, 0.0]]))
    measured[0, 2] = Q16_MISSING
    line.view.truth(line.first, START_US, members, measured)
    node = line.site.nodes[row].id
    assert line.view.series(node, "temp_degc").true == []
    line.commit()
    assert line.view.series(node, "temp_degc").true == [19.5]
    assert line.view.series(node, "rh_pct").true == [48.25]
    assert line.view.series(node, "wind_m_s").true == [None]


def test_truth_may_come_after_the_commit() -> None:
    """The order of truth and commit does not matter."""
    line = Line()
    row = line.node_in(0)
    line.epoch()
    line.view.truth(line.first, START_US, np.array([row]), to_q16(np.array([MILD])))
    assert line.view.series(line.site.nodes[row].id, "temp_degc").true == [20.0]


def test_a_gateway_knows_no_truth() -> None:
    """Outside a demo `true` is None, and telling it is an error."""
    line = Line(demo=False)
    line.epoch()
    assert line.view.series(10, "temp_degc").true is None
    with pytest.raises(RangeError, match="known only in a demo"):
        line.view.truth(line.first, START_US, np.array([0]), to_q16(np.array([MILD])))


def test_truth_of_another_shape_or_time_is_refused() -> None:
    """The error names what was given and what would have been right."""
    line = Line()
    with pytest.raises(RangeError, match=r"measured_q16 = shape \(1, 3\): must have \(1, 4\)"):
        line.view.truth(line.first, START_US, np.array([0]), np.zeros((1, 3), np.int32))
    with pytest.raises(RangeError, match=f"time_us = {START_US + 1}: must be {START_US}"):
        line.view.truth(line.first, START_US + 1, np.array([0]), to_q16(np.array([MILD])))


def test_values_of_another_shape_are_refused() -> None:
    """A commit of another site does not get in."""
    line = Line()
    other = Line(5).commit()
    with pytest.raises(RangeError, match=r"values = shape \(5, 4\): must have \(4, 4\)"):
        line.view.feed(other)


def test_a_series_ends_after_168_hours() -> None:
    """With an epoch of an hour the newest 168 samples are kept, oldest first."""
    line = Line()
    for hour in range(400):
        line.epoch(temp(hour / 16))
    series = line.view.series(10, "temp_degc")
    assert series.reconstructed == [hour / 16 for hour in range(400 - 168, 400)]
    own_us = int(line.place[0]) * HOUR_US // 4
    assert series.time_us == [START_US + h * HOUR_US + own_us for h in range(400 - 168, 400)]


def test_a_gap_is_a_gap() -> None:
    """Phases never committed have no value; a None begins the gap, so no line crosses it."""
    line = Line()
    for _ in range(300):
        line.epoch(temp(10.0))
    line.commit(temp(20.0), phase=line.first + 4 * 350)
    line.epoch(temp(20.0))
    series = line.view.series(line.site.nodes[line.node_in(0)].id, "temp_degc")
    hours = [(t - START_US) // HOUR_US for t in series.time_us]
    shown = dict(zip(hours, series.reconstructed, strict=True))
    assert shown[300] is None
    assert {h: v for h, v in shown.items() if v is not None} == {
        **dict.fromkeys(range(350 - 168 + 1, 300), 10.0),
        350: 20.0,
    }
    assert hours == sorted(hours)
    assert series.reported == [False] * len(hours)


def test_time_that_goes_back_forgets_what_was_later() -> None:
    """After a clock was set back the series ends at the new time and goes on from there."""
    line = Line()
    for hour in range(10):
        line.epoch(temp(hour))
    line.commit(temp(50.0), phase=line.first + 4 * 5)
    first, last = line.node_in(0), line.node_in(3)
    assert held(line, first) == [0.0, 1.0, 2.0, 3.0, 4.0, 50.0]
    assert held(line, last) == [0.0, 1.0, 2.0, 3.0, 4.0]
    line.epoch(temp(51.0))
    assert held(line, last) == [0.0, 1.0, 2.0, 3.0, 4.0, 51.0]


def test_tolerance_is_what_the_core_compares_with() -> None:
    """A series has the Q16.16 tolerance, so that an error of exactly it is not outside."""
    line = Line()
    line.epoch()
    assert line.view.series(10, "temp_degc").tolerance == 1.0
    assert line.view.snapshot().tolerance == {
        "temp_degc": 1.0,
        "rh_pct": 5.0,
        "wind_m_s": 1.0,
        "rain_mm": 1.0,
    }


def test_an_unknown_node_is_an_error() -> None:
    """A node that the site does not have is named in the error."""
    with pytest.raises(UnknownNodeError, match="no node with id 3 "):
        Line().view.series(3, "temp_degc")


def test_a_site_without_samples_has_empty_series() -> None:
    """Before the first commit a series is empty, and the truth of a demo is too."""
    series = Line().view.series(10, "temp_degc")
    assert (series.time_us, series.reconstructed, series.true, series.reported) == ([], [], [], [])
