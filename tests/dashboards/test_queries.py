# SPDX-License-Identifier: Apache-2.0
"""Every query of every panel and alert, run by a real InfluxQL engine and compared in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from qres_dashboards.alerts import ALERTS
from qres_dashboards.boards import BOARDS
from qres_dashboards.influxql import Agg, Bin, Col, Num, Select, Where
from qres_dashboards.layout import board_json, panels_of
from qres_dashboards.macros import Situation, substitute
from qres_dashboards.targets import Ask
from tests.dashboards import store
from tests.dashboards.engine import Engine, Series
from tests.dashboards.oracle import Answer, answer, seconds

Variables = Mapping[str, Sequence[str] | None]
CHOICES: Final[Sequence[Variables]] = (
    {"field": ["ridge 1"], "node": None},
    {"field": ["valley"], "node": ["3", "101"]},
    {"field": ["valley"], "node": ["17"]},
)
ONE_NODE: Final = ({"field": ["ridge 1"], "node": ["0"]}, CHOICES[2])
FROM_S: Final = store.START_S + 3 * 3600 + 1234
TO_S: Final = store.END_S - 777


def every_query() -> Iterator[Any]:
    """(query, text that Grafana would send, range [s], variables) of each panel and alert."""
    for board in BOARDS:
        texts = {
            (panel["id"], target["refId"]): target.get("query")
            for panel in board_json(board)["panels"]
            for target in panel.get("targets", [])
        }
        for panel in panels_of(board):
            span = seconds(panel.json["timeFrom"]) if "timeFrom" in panel.json else TO_S - FROM_S
            for ref, ask in panel.asks.items():
                if isinstance(ask, Ask):
                    text = texts[panel.json["id"], ref]
                    name = f"{board.name}: {panel.title} {ref}"
                    choices = ONE_NODE if board.node == "one" else CHOICES
                    yield pytest.param(ask.query, text, span, choices, id=name)
    for alert in ALERTS:
        asked = [(alert.query, alert.range_s), *([alert.over] if alert.over else [])]
        for query, span in asked:
            yield pytest.param(query, query.text(), span, CHOICES[:1], id=f"alert: {alert.uid}")


def compare(got: list[Series], expected: Answer, query: Select) -> None:
    """The engine's series are the expected ones, column by column."""
    found = {tuple((tag, s["tags"][tag]) for tag in query.by): s for s in got}
    assert set(found) == set(expected)
    for key, series in found.items():
        rows = {
            (row[0] if query.every else None): dict(zip(series["columns"], row, strict=True))
            for row in series["values"]
        }
        assert set(rows) == set(expected[key]), key
        for at, row in rows.items():
            for name, value in expected[key][at].items():
                if isinstance(value, float):
                    assert row[name] is not None, (key, at, name)
                    assert math.isclose(row[name], value, rel_tol=1e-9, abs_tol=1e-9), (key, at)
                else:
                    assert row[name] == value, (key, at, name)


@pytest.mark.parametrize(("query", "text", "span", "choices"), list(every_query()))
def test_engine_answers_what_the_points_say(
    filled: Engine,
    known: list[store.Point],
    query: Select,
    text: str,
    span: int,
    choices: Sequence[Variables],
) -> None:
    """A panel's or alert's query, as Grafana sends it, returns the numbers of the store."""
    from_s = TO_S - span
    sizes = 0
    for chosen in choices:
        at = Situation(from_s * 1000, TO_S * 1000, "30m", chosen)
        expected = answer(query, known, from_s, TO_S, "30m", chosen)
        compare(filled.ask("known", substitute(text, at)), expected, query)
        sizes += len(expected)
    assert sizes > 0, "the known store has nothing for this query: it proves nothing"


def test_a_wrong_number_would_be_seen(filled: Engine, known: list[store.Point]) -> None:
    """The comparison fails when one point of the store differs from the engine's."""
    query = Select("rf_hour", {"bytes": Agg("sum", Col("bytes"))}, every="1h")
    at = Situation(FROM_S * 1000, TO_S * 1000, "1h", CHOICES[0])
    got = filled.ask("known", substitute(query.text(), at))
    changed = list(known)
    i = next(
        i
        for i, p in enumerate(changed)
        if p.measurement == "rf_hour" and p.tags["field"] == "ridge 1" and p.time_s > FROM_S
    )
    fields = changed[i].fields | {"bytes": 10_000}
    changed[i] = store.Point("rf_hour", changed[i].tags, fields, changed[i].time_s)
    compare(got, answer(query, known, FROM_S, TO_S, "1h", CHOICES[0]), query)
    with pytest.raises(AssertionError):
        compare(got, answer(query, changed, FROM_S, TO_S, "1h", CHOICES[0]), query)


def test_variables_list_the_tags(filled: Engine) -> None:
    """The boards' variables offer exactly the fields, and the nodes of the chosen field."""
    offered = {}
    for variable in board_json(BOARDS[0])["templating"]["list"]:
        if variable["type"] == "query":
            at = Situation(0, 0, "1m", {"field": ["ridge 1"]})
            (series,) = filled.ask("known", substitute(variable["query"], at))
            offered[variable["name"]] = sorted(row[1] for row in series["values"])
    assert offered == {"field": sorted(store.FIELDS), "node": sorted(store.NODES)}


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Select("wether", {"x": Agg("last", Col("temp_degc"))}), "wether"),
        (lambda: Select("weather", {"x": Agg("last", Col("temp_c"))}), "temp_c"),
        (lambda: Select("weather", {"x": Agg("last", Col("rh_pct"))}, by=("band",)), "band"),
        (lambda: Select("swarm", {"x": Agg("last", Col("synced"))}, variables=("node",)), "node"),
        (
            lambda: Select(
                "weather", {"x": Agg("last", Col("rh_pct"))}, where=(Where("late", "=", True),)
            ),
            "late",
        ),
        (
            lambda: Select(
                "weather", {"x": Bin("/", Agg("last", Col("rh_pct")), Agg("max", Col("nope")))}
            ),
            "nope",
        ),
    ],
)
def test_what_the_schema_lacks_cannot_be_asked(make: Any, named: str) -> None:
    """A renamed measurement, column or tag fails the build, and the message names it."""
    with pytest.raises(KeyError, match=named):
        make()


def test_numbers_alone_are_no_columns() -> None:
    """An expression's columns are those it names, in order."""
    query = Select("rf_hour", {"x": Bin("/", Agg("sum", Col("bytes")), Num(2))})
    assert query.text() == (
        'SELECT sum("bytes") / 2 AS "x" FROM "rf_hour" WHERE $timeFilter'
        ' AND "field" =~ /^${field:regex}$/'
    )


def test_macros_become_what_grafana_sends() -> None:
    """Range, interval, one value, several values and "All" are put in as Grafana's source does."""
    at = Situation(1_000, 2_000, "5m", {"field": ["a.b/c"], "node": ["1", "2"], "all": None})
    text = "$timeFilter|$__interval|${field:regex}|${node:regex}|^${all:regex}$"
    assert substitute(text, at) == (r"time >= 1000ms and time <= 2000ms|5m|a\.b\/c|(1|2)|^.*$")


def test_an_undefined_variable_is_named() -> None:
    """A query with a variable that the board lacks is refused by name."""
    with pytest.raises(KeyError, match="nodes"):
        substitute("${nodes:regex}", Situation(0, 1))
