# SPDX-License-Identifier: Apache-2.0
"""Rain of the live view: the last 24 hours of a counter that wraps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres.channels import to_q16
from tests.gateway.live_field import NAN, START_US, Line, Values


def counter(mm: float) -> Values:
    """Mild weather with the rain counter at this amount. [mm]"""
    return (20.0, 50.0, 2.0, mm)


def rain(line: Line, row: int = 0) -> float | None:
    """What the map shows for a node."""
    return line.view.snapshot().nodes[row].rain_mm


def series(line: Line, row: int = 0) -> list[float | None]:
    """What the chart shows for a node."""
    return line.view.series(line.site.nodes[row].id, "rain_mm").reconstructed


def test_rain_is_what_fell_in_the_last_24_hours() -> None:
    """One millimetre an hour: it rises for a day and then stays at 24 mm."""
    line = Line()
    for hour in range(40):
        line.epoch(counter(100.0 + hour))
    expected = [float(min(hour, 24)) for hour in range(40)]
    assert series(line) == expected
    assert rain(line) == 24.0


def test_rain_before_the_first_sample_is_not_counted() -> None:
    """The counter's first reading says nothing about the day."""
    line = Line()
    line.epoch(counter(4321.0))
    assert series(line) == [0.0]
    assert rain(line) == 0.0


def test_a_shower_leaves_after_exactly_24_hours() -> None:
    """A shower between the samples of hours 1 and 2 counts in hours 2 to 25."""
    line = Line()
    for hour in range(30):
        line.epoch(counter(5.0 if hour >= 2 else 0.0))
    assert series(line) == [0.0] * 2 + [5.0] * 24 + [0.0] * 4


def test_the_counter_wraps_at_6500_mm() -> None:
    """From 6499 mm over the edge to 1.5 mm, 2.5 mm fell."""
    line = Line()
    for mm in (6499.0, 1.5, 2.0):
        line.epoch(counter(mm))
    assert series(line) == [0.0, 2.5, 3.0]


@pytest.mark.parametrize(
    ("before", "after", "fell"),
    [
        (120.0, 0.0, 0.0),
        (120.0, 0.4, 0.0),
        (5000.0, 0.0, 0.0),
        (100.0, 405.0, 305.0),
        (100.0, 405.5, 0.0),
    ],
)
def test_a_counter_that_was_changed_is_no_rain(before: float, after: float, fell: float) -> None:
    """A fall, or a rise beyond the most rain ever measured in an hour, means another counter."""
    line = Line()
    line.epoch(counter(before))
    line.epoch(counter(after))
    line.epoch(counter(after + 1.0))
    assert series(line) == [0.0, fell, fell + 1.0]


def test_a_correction_is_taken_back() -> None:
    """A replica that held 0.5 mm too much and is corrected ends with what really fell."""
    line = Line()
    for mm in (10.0, 12.5, 12.0, 13.0):
        line.epoch(counter(mm))
    assert series(line) == [0.0, 2.5, 2.0, 3.0]


def test_rain_of_a_gap_counts_when_the_counter_is_back() -> None:
    """While the gauge is absent there is no value; its first count after that has it all."""
    line = Line()
    for mm in (10.0, NAN, NAN, 13.0):
        line.epoch(counter(mm))
    assert series(line) == [0.0, None, None, 3.0]
    line.epoch(counter(NAN))
    assert rain(line) is None


def test_a_long_gap_may_hold_more_rain_than_an_hour() -> None:
    """The bound on rain grows with the time between two samples: 400 mm fit in two hours."""
    line = Line()
    for mm in (0.0, NAN, 400.0):
        line.epoch(counter(mm))
    assert series(line) == [0.0, None, 400.0]


def test_true_rain_is_counted_in_the_same_way() -> None:
    """Measured and held counters give the same sums where they agree, across the wrap too."""
    line = Line()
    members = np.arange(line.n)[line.place == 0]
    for hour, mm in enumerate((6499.5, 0.5, 1.0)):
        at = line.first + 4 * hour
        line.view.truth(
            at, at * line.site.phase_us, members, to_q16(np.array([counter(mm)] * len(members)))
        )
        line.epoch(counter(mm))
    found = line.view.series(line.site.nodes[int(members[0])].id, "rain_mm")
    assert found.true == found.reconstructed == [0.0, 1.0, 1.5]
    assert found.tolerance == 2.0
    assert found.time_us[0] == START_US


@settings(max_examples=15)
@given(st.lists(st.integers(0, 40), min_size=30, max_size=120), st.integers(1, 30))
def test_map_and_chart_agree(tips: list[int], n_nodes: int) -> None:
    """After every commit the node's value is the last one of its series, whatever its phase."""
    line = Line(n_nodes)
    mm = 6450.0
    for n in tips:
        mm = (mm + 0.25 * n) % 6500.0
        line.commit(counter(mm))
    for row in range(n_nodes):
        assert rain(line, row) == series(line, row)[-1]
