# SPDX-License-Identifier: Apache-2.0
"""Coverage by the gateway's own record of when it listened, and where it has none."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from qres_gateway.audit.coverage import Coverage, Gap
from qres_gateway.audit.page import page
from qres_gateway.listening import Span
from tests.gateway.audit.made_store import (
    HOUR_US,
    START_US,
    Made,
    Sent,
    add_spans,
    every,
    made,
    run_json,
)

MINUTE_US = 60_000_000
SECOND_US = 1_000_000


def covered(
    spans: list[tuple[int, int]], heard: list[int], *, until: int = 100, longest: int = 20
) -> list[tuple[int, int]]:
    """Gaps in seconds of a period from 0, by spans and frames."""
    coverage = Coverage(
        0,
        until * SECOND_US,
        longest * SECOND_US,
        [Span("udp", a * SECOND_US, b * SECOND_US, ended=True) for a, b in spans],
    )
    for at in heard:
        coverage.heard(at * SECOND_US)
    coverage.finish()
    return [(g.from_us // SECOND_US, g.to_us // SECOND_US) for g in coverage.gaps]


@pytest.mark.parametrize(
    ("spans", "heard", "gaps"),
    [
        # source: by hand; silence of more than 20 s while listening is a gap
        ([(0, 100)], [10, 30, 50, 70, 90], []),
        ([(0, 40), (45, 100)], [10, 30, 50, 70, 90], [(40, 45)]),  # a short outage, exactly
        ([(0, 40), (41, 100)], [10, 30, 50, 70, 90], []),  # one turn of the gateway
        ([(0, 40), (20, 60), (50, 100)], [10, 30, 50, 70, 90], []),  # spans that overlap
        ([(50, 100), (0, 40)], [10, 30, 55, 70, 90], [(40, 50)]),  # in whatever order
        ([(0, 35), (85, 100)], [15, 30, 90], [(35, 85)]),  # longer than silence, still exact
        ([(0, 100)], [10, 35, 55, 75, 95], [(10, 35)]),  # the process ran, its receiver did not
        ([(0, 20), (25, 35), (40, 100)], [10, 50, 70, 90], [(10, 50)]),  # deaf, started often
        ([(0, 60)], [10, 30, 50], [(60, 100)]),  # stopped before the period ended
        ([(40, 100)], [10, 30, 50, 70, 90], []),  # before the record began: silence alone
        ([(40, 100)], [5, 50, 70, 90], [(5, 50)]),
        ([(0, 20), (80, 100)], [10, 30, 45, 60, 90], [(20, 30), (60, 80)]),  # another's capture
        ([(0, 20), (80, 100)], [10, 30, 70, 90], [(20, 30), (30, 70), (70, 80)]),
        ([(200, 300)], [10, 30, 50, 70, 90], []),  # a record of another time
    ],
)
def test_spans_and_silence(
    spans: list[tuple[int, int]], heard: list[int], gaps: list[tuple[int, int]]
) -> None:
    """What is outside of all spans is a gap, to the second, and so is silence in them."""
    assert covered(spans, heard) == gaps


def test_sums_of_short_gaps() -> None:
    """Covered time of any part is that part less its gaps, several between two frames too."""
    told = [Span("udp", a, b, ended=True) for a, b in ((0, 3_000_000), (5_000_000, 9_000_000))]
    coverage = Coverage(0, 12_000_000, 10_000_000, told)
    coverage.heard(2_000_000)
    coverage.finish()
    assert coverage.gaps == [Gap(3_000_000, 5_000_000), Gap(9_000_000, 12_000_000)]
    assert coverage.covered_us == 7_000_000
    assert coverage.covered_between(2_500_000, 10_000_000) == 4_500_000
    assert not coverage.is_covered(4_000_000)
    assert (coverage.recorded_from_us, coverage.n_spans) == (0, 2)


@pytest.fixture
def half_hour_off(tmp_path: Path) -> Made:
    """Ten hours of two nodes; the gateway was off from 4:10 to 4:40, and its record says so."""
    sent = [
        s
        for s in [
            *every(10 * MINUTE_US, 10 * HOUR_US + 1),
            *every(10 * MINUTE_US, 10 * HOUR_US, 1, MINUTE_US),
        ]
        if not 4 * HOUR_US + 10 * MINUTE_US < s.at_us < 4 * HOUR_US + 40 * MINUTE_US
    ]
    m = made(tmp_path, sorted(sent, key=lambda s: s.at_us))
    add_spans(m.store, [(-1, 4 + 10.5 / 60), (4 + 40 / 60, 11)])
    return m


def test_an_outage_of_half_an_hour(half_hour_off: Made) -> None:
    """It is a gap to the second, left out of the mean; its hour is not whole."""
    f = half_hour_off.figures()
    (gap,) = f["coverage"]["gaps"]
    assert gap == {
        "from_utc": "2024-10-04T04:10:30Z", "to_utc": "2024-10-04T04:40:00Z", "hours": 0.492,
    }  # fmt: skip
    assert f["coverage"]["covered_h"] == pytest.approx(10 - 29.5 / 60, abs=1e-4)
    assert (f["coverage"]["spans"], f["hours"]["whole"]) == (2, 9)
    assert f["coverage"]["recorded_from_utc"] == "2024-10-03T23:00:00Z"
    n = f["accepted"]["total"]["frames"]
    assert f["hours"]["frames"]["mean"] == pytest.approx(n / (10 - 29.5 / 60), rel=1e-4)
    text = page(half_hour_off.audit())
    assert "2024-10-04 04:10 to 2024-10-04 04:40 UTC, 29.5 min" in text
    assert "kept a record of when it listened" in text
    assert "Shorter outages cannot be told" not in text


def test_a_beacon_that_was_due_while_nobody_listened(tmp_path: Path) -> None:
    """An outage over the full hour takes one beacon out of those that were due."""
    sent = every(10 * MINUTE_US, 10 * HOUR_US)
    with_all = made(tmp_path / "a", sent)
    add_spans(with_all.store, [(0, 10)])
    without = made(tmp_path / "b", sent)
    add_spans(without.store, [(0, 4.99), (5.01, 10)])
    due = [m.figures()["unseen"]["beacons_due"] for m in (with_all, without)]
    assert due == [10, 9]


def test_decoding_anew_keeps_what_the_gateway_said(
    half_hour_off: Made, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`--anew` reads the record, too; a store without one, beside it, changes nothing."""
    other = tmp_path / "other.sqlite"
    shutil.copyfile(half_hour_off.store, other)
    with sqlite3.connect(other) as connection:
        connection.execute("DELETE FROM listening")
    connection.close()
    for more in ((), (other,)):
        # frames of made-up stores have no tags: decoded anew none is accepted
        _, f = run_json(
            capsys, "audit", half_hour_off.store, *more, "--site", half_hour_off.site_file,
            "--anew", "--from", f"{START_US}us", "--to", f"{START_US + 10 * HOUR_US}us",
        )  # fmt: skip
        assert f["accepted"]["total"]["frames"] == 0
        assert f["coverage"]["recorded_from_utc"] == "2024-10-03T23:00:00Z"
        assert f["coverage"]["spans"] == 2


def test_a_store_of_version_2_has_no_record(tmp_path: Path) -> None:
    """Without the table the rule of two beacons is all there is, and the report says so."""
    m = made(tmp_path, [*every(10 * MINUTE_US, 5 * HOUR_US), Sent(8 * HOUR_US)])
    with sqlite3.connect(m.store) as connection:
        connection.execute("DROP TABLE listening")
        connection.execute("PRAGMA user_version=2")
    connection.close()
    f = m.figures(coverage_least=0.0)
    assert [g["hours"] for g in f["coverage"]["gaps"]] == [3.167]
    assert (f["coverage"]["recorded_from_utc"], f["coverage"]["spans"]) == (None, 0)
    assert "Shorter outages cannot be told from silence" in page(m.audit())
