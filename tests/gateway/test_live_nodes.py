# SPDX-License-Identifier: Apache-2.0
"""Nodes of the live view: values, where they come from and since when, and what was told of it."""

from __future__ import annotations

import pytest

from qres.core import Status
from qres.errors import RangeError
from qres_gateway.console.summary import summarise
from qres_gateway.console.view import Node, vpd_kpa
from qres_gateway.live.nodes import PROVENANCE
from tests.gateway.live_field import AIRTIME_US, MILD, NAN, START_US, Line


def node(line: Line, row: int = 0) -> Node:
    """A node as shown."""
    return line.view.snapshot().nodes[row]


def test_every_status_of_the_core_has_a_word() -> None:
    """The console's words are those of the core, in lower case."""
    assert {status: status.name.lower() for status in Status} == PROVENANCE


def test_before_anything_was_heard_all_is_unknown() -> None:
    """A new view shows the site's nodes in order of id, without values, and waits."""
    line = Line(3, synthetic=(False, True, False))
    snapshot = line.view.snapshot()
    assert [(n.id, n.name, n.elev_m, n.synthetic) for n in snapshot.nodes] == [
        (10, "n0", 100.0, False),
        (11, "n1", 101.0, True),
        (12, "n2", 102.0, False),
    ]
    for n in snapshot.nodes:
        values = (n.temp_degc, n.rh_pct, n.wind_m_s, n.rain_mm, n.vpd_kpa)
        assert values == (None,) * 5
        assert (n.provenance, n.since_us, n.last_report_us) == ("unknown", None, None)
        assert (n.reports, n.rf_bytes) == (0, 0)
    assert summarise(snapshot).state == "waiting"


def test_synthetic_must_fit_the_nodes() -> None:
    """Marks for another number of nodes are refused."""
    with pytest.raises(RangeError, match="synthetic = 2 entries: must have 4"):
        Line(4, synthetic=(True, False))


def test_values_are_rounded_to_three_decimals() -> None:
    """A node shows its values and the VPD that follows from them."""
    line = Line()
    line.epoch((21.12345, 30.5, NAN, 7.0))
    shown = node(line)
    assert (shown.temp_degc, shown.rh_pct, shown.wind_m_s) == (21.123, 30.5, None)
    assert shown.rain_mm == 0.0
    assert shown.vpd_kpa == round(vpd_kpa(21.123, 30.5), 3)


def test_a_report_began_with_its_own_sample() -> None:
    """`reported` is as old as the node's newest sample, and young again with the next report."""
    line = Line()
    row = line.node_in(2)
    own_us = START_US + 2 * line.site.phase_us
    line.epoch(status=Status.REPORTED)
    assert (node(line, row).provenance, node(line, row).since_us) == ("reported", own_us)
    line.epoch(status=Status.REPORTED)
    assert node(line, row).since_us == own_us + 4 * line.site.phase_us


def test_held_began_with_the_commit_that_said_so() -> None:
    """`held` begins when the node stays silent for the first time, and goes on."""
    line = Line()
    line.epoch(status=Status.REPORTED)
    silent = line.commit(status=Status.HELD)
    line.epoch(status=Status.HELD)
    assert (node(line).provenance, node(line).since_us) == ("held", silent.time_us)


def test_what_began_before_the_view_has_no_beginning() -> None:
    """After a restart a held value is held since nobody knows when; a report is not."""
    line = Line()
    row = line.node_in(3)
    line.commit(status=[Status.REPORTED if i == row else Status.HELD for i in range(4)])
    since = {i: node(line, i).since_us for i in range(4)}
    before_us = START_US - line.site.phase_us  # its own phase, the last one of the epoch before
    assert since == {i: before_us if i == row else None for i in range(4)}


def test_reports_and_bytes_of_a_node() -> None:
    """Reports count reports; bytes count every accepted frame that the node put on air."""
    line = Line()
    line.hear(1, n_bytes=6)
    last = line.hear(1, n_bytes=9, rx_us=START_US + 50_000_000)
    line.hear(1, kind="beacon", n_bytes=16, rx_us=START_US + 60_000_000)
    line.hear(1, reason="copy")
    line.hear(1, reason="tag")
    shown = node(line, 1)
    assert (shown.reports, shown.rf_bytes, shown.last_report_us) == (2, 31, last.rx_us)
    assert (node(line, 0).reports, node(line, 0).last_report_us) == (0, None)


def test_the_last_report_is_the_newest_and_not_the_one_that_came_last() -> None:
    """A report that a slow receiver delivers late does not make the last one older."""
    line = Line()
    line.hear(0, rx_us=START_US + 9_000_000)
    line.hear(0, rx_us=START_US + 4_000_000, late=True)
    assert node(line).last_report_us == START_US + 9_000_000
    assert node(line).rf_bytes == 12 - 6  # the view began with the first: what was before is out


def test_silence_is_told_once_and_its_end_too() -> None:
    """A node that goes stale and is heard again makes two lines that name it."""
    line = Line()
    line.epoch()
    stale = [Status.STALE, Status.HELD, Status.HELD, Status.HELD]
    line.epoch(status=stale)
    line.epoch(status=stale)
    assert node(line).provenance == "stale"
    assert summarise(line.view.snapshot()).state == "attention"
    line.epoch(status=Status.REPORTED)
    assert line.lines() == [("stale", "notice", 10), ("info", "info", 10)]
    assert line.texts() == ["no sign of life for 8 h", "heard again"]


def test_divergence_is_no_sign_of_life() -> None:
    """A stale node that shows as diverged for a while is still silent afterwards: no new line."""
    line = Line()
    line.commit(status=Status.STALE)
    told = len(line.texts())
    line.commit(status=Status.DIVERGED)
    line.commit(status=Status.STALE)
    assert "heard again" not in line.texts()
    assert sum(text.startswith("no sign of life") for text in line.texts()) == told == 4


def test_many_nodes_make_one_line() -> None:
    """When more than five nodes fall silent at once, one line counts them."""
    line = Line(6)
    line.commit()
    line.commit(status=Status.STALE)
    line.commit(status=Status.HELD)
    assert line.lines() == [("stale", "notice", None), ("info", "info", None)]
    assert line.texts() == ["6 nodes: no sign of life for 8 h", "6 nodes: heard again"]


def test_nodes_are_made_anew_only_when_something_changed() -> None:
    """Two questions in a row get the same tuple; a frame or a commit makes another."""
    line = Line()
    line.epoch()
    first = line.view.snapshot().nodes
    assert line.view.snapshot().nodes is first
    line.hear(0, airtime_us=AIRTIME_US)
    second = line.view.snapshot().nodes
    assert second is not first
    line.hear(0, reason="tag")
    assert line.view.snapshot().nodes is second
    line.commit(MILD)
    assert line.view.snapshot().nodes is not second
