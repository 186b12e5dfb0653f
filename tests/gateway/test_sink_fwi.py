# SPDX-License-Identifier: Apache-2.0
"""The daily system of 1987 from a store: the published table, and what gaps do to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qres.core import Status
from qres.site import SiteNode
from qres_gateway.database import Database
from qres_gateway.events import PhaseCommitted
from qres_gateway.outbox import Outbox
from qres_gateway.sinks.field import SinkField
from qres_gateway.sinks.fwi_daily import FwiDaily, rain_since
from qres_gateway.sinks.point import Value
from tests.fire_weather.tables import Published
from tests.gateway.sink_store import SITE

NODES = (SiteNode(0, "a", 46.0, -77.4), SiteNode(1, "b", 46.01, -77.3))
FIELD = SinkField.of(replace(SITE, nodes=NODES))
UTC_OFFSET_H = -5
FIRST = dt.datetime(2025, 4, 13, 12 - UTC_OFFSET_H, tzinfo=dt.UTC)
"""Noon standard time of the table's first day."""
DAY_US = 86_400_000_000
_CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr")

Weather = tuple[float, float, float, float]


def noon_us(day: int) -> int:
    """A day's noon, counted from the table's first."""
    return int(FIRST.timestamp()) * 1_000_000 + day * DAY_US


def commit_at(time_us: int, weather: Weather, status: int = Status.REPORTED) -> PhaseCommitted:
    """A commit that holds this weather for every node: degC, %, m/s at 2 m, mm since the start."""
    values = np.tile(weather, (2, 1)).astype(float)
    phase = time_us // FIELD.phase_us
    made = np.full(2, status, np.uint8)
    return PhaseCommitted(phase, phase * FIELD.phase_us, 0, values + 1, made, values)


def told(path: Path, commits: Sequence[PhaseCommitted]) -> dict[int, Mapping[str, Value]]:
    """Fields of node 1 by day, as a sink gets them that reads the whole store."""
    with Database.open(path) as database:
        outbox = Outbox(database)
        with database.transaction():
            outbox.add(commits)
        fwi = FwiDaily(FIELD, outbox)
        made = [p for c in outbox.commits_after(0, 1 << 30) for p in fwi.points(c)]
        again = FwiDaily(FIELD, outbox)
        backwards = [p for c in reversed(outbox.commits_after(0, 1 << 30)) for p in again.points(c)]
    assert sorted(made, key=str) == sorted(backwards, key=str), "in any order the same"
    assert {p.tags for p in made} <= {(FIELD.name, "0"), (FIELD.name, "1")}
    return {(p.time_us - noon_us(0)) // DAY_US: p.fields for p in made if p.tags[1] == "1"}


def table() -> tuple[list[Weather], Published]:
    """Weather of each day from the day before the table on, wind brought down to 2 m."""
    published = Published("fwi_vanwagner_pickett_1985.csv")
    days: list[Weather] = [(10.0, 50.0, 1.0, 0.0)]
    rain = 0.0
    for row in published.rows:
        rain += float(row["rain_mm"])
        wind = float(row["wind_kmh"]) / 3.6 * 0.75
        days.append((float(row["temp_c"]), float(row["rh_pct"]), wind, rain))
    return days, published


def test_the_table_of_1985_from_a_store(tmp_path: Path) -> None:
    """49 days of noons in a store give the published codes in every printed digit."""
    days, published = table()
    commits = []
    for day, weather in enumerate(days, -1):
        before_us = noon_us(day) - FIELD.phase_us
        strange = (40.0, 5.0, 20.0, weather[3])
        commits += [
            commit_at(before_us - FIELD.phase_us, strange),
            commit_at(before_us, weather),
            commit_at(before_us + FIELD.phase_us, strange),
        ]
    found = told(tmp_path / "a.sqlite", commits)
    assert sorted(found) == list(range(len(published.rows))), "the first noon has no rain of a day"
    for day, row in enumerate(published.rows):
        for code in _CODES:
            digits = len(row[code].partition(".")[2])
            assert abs(float(found[day][code]) - float(row[code])) <= 0.5001 * 10.0**-digits, code
    assert found[0]["status"] == Status.STALE, "the day before the table is not known"


def test_a_missing_noon(tmp_path: Path) -> None:
    """A day without a commit near its noon has no point; its rain counts when it is known."""
    days, _ = table()
    whole = [commit_at(noon_us(d) - FIELD.phase_us, w) for d, w in enumerate(days[:12], -1)]
    found = told(tmp_path / "a.sqlite", [c for k, c in enumerate(whole) if k != 5])
    assert sorted(found) == [d for d in range(11) if d != 4]
    assert found[5]["status"] == Status.STALE
    rain = days[6][3] - days[4][3]
    assert rain > 0.0
    straight = told(tmp_path / "b.sqlite", whole)
    assert found[3] == straight[3]
    assert found[5]["dc"] != straight[5]["dc"]


def test_a_noon_from_an_earlier_phase(tmp_path: Path) -> None:
    """If only the last phase before noon is missing, later days rest on the phase before it."""
    days, _ = table()
    whole = [commit_at(noon_us(d) - FIELD.phase_us, w) for d, w in enumerate(days[:8], -1)]
    moved = list(whole)
    moved[4] = commit_at(noon_us(3) - 3 * FIELD.phase_us, days[4])
    found = told(tmp_path / "a.sqlite", moved)
    straight = told(tmp_path / "b.sqlite", whole)
    assert 3 not in found
    assert {d: f for d, f in straight.items() if d != 3} == found


@pytest.mark.parametrize("status", [Status.HELD, Status.STALE, Status.DIVERGED])
def test_provenance_is_the_worst(tmp_path: Path, status: Status) -> None:
    """A noon that was held by prediction, stale or diverged makes the day no better than that."""
    days, _ = table()
    commits = [commit_at(noon_us(d) - FIELD.phase_us, w) for d, w in enumerate(days[:4], -1)]
    commits.append(commit_at(noon_us(3) - FIELD.phase_us, days[4], status))
    found = told(tmp_path / "a.sqlite", commits)
    assert found[3]["status"] == max(status, Status.STALE)


def test_rain_that_is_not_known() -> None:
    """Missing rain is not zero rain: absent or restarted counters give NaN, a gap is stale."""
    counter = np.array([[100.0], [103.0], [np.nan], [104.5], [2.0], [2.0]])
    rain, status = rain_since(counter, np.full((6, 1), Status.REPORTED, np.uint8), 2.0)
    np.testing.assert_array_equal(rain[:, 0], [np.nan, 3.0, np.nan, 1.5, np.nan, 0.0])
    assert status[3, 0] == Status.STALE, "some of it fell on the day before"
    wrapped, _ = rain_since(np.array([[6499.0], [1.0]]), np.ones((2, 1), np.uint8), 2.0)
    assert wrapped[1, 0] == 2.0
