# SPDX-License-Identifier: Apache-2.0
"""Numbers that panels calculate, and what they mean, computed by hand from a small store."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest

from qres.site import BUDGET_BYTES_H
from qres_dashboards import generate
from qres_dashboards.config import CAUSES, KILOBYTE_B, PROVENANCE, REGIMES
from qres_dashboards.macros import Situation, substitute
from tests.dashboards.engine import Engine, Series
from tests.dashboards.evaluator import calculate, series_of
from tests.dashboards.oracle import seconds
from tests.dashboards.store import Point, Value

T0: Final = 1_750_000_000 - 1_750_000_000 % 86_400
HOUR: Final = 3600
BOARDS: Final = generate.boards()


def rf_hour(node: str, hour: int, kind: str, sums: tuple[int, int, int]) -> Point:
    """A row of the ledger."""
    tags = {"field": "f", "node": node, "kind": kind, "band": "P"}
    fields: dict[str, Value] = dict(zip(("frames", "bytes", "airtime_us"), sums, strict=True))
    return Point("rf_hour", tags, fields, T0 + hour * HOUR)


def small() -> list[Point]:
    """Two nodes, two hours, two bands of law; every number can be checked in the head."""
    points = [
        rf_hour("1", 0, "report", (10, 60, 36_000_000)),
        rf_hour("2", 0, "report", (20, 120, 72_000_000)),
        rf_hour("1", 1, "beacon", (2, 36, 180_000_000)),
    ]
    for hour in (0, 1):
        for band, law in (("P", 10.0), ("M", 1.0)):
            fields: dict[str, Value] = {
                "duty_pct": law,
                "budget_bytes_h": 500,
                "periodic_bytes_h": 432,
            }
            points.append(Point("rf_limit", {"field": "f", "band": band}, fields, T0 + hour * HOUR))
    return points


def shown(engine: Engine, board: str, title: str, chosen: dict[str, Any] | None = None) -> Any:
    """What a panel shows, by reference id: answers of the engine, and of its expressions."""
    (panel,) = (p for p in BOARDS[board]["panels"] if p["title"] == title)
    span = seconds(panel["timeFrom"]) if "timeFrom" in panel else 2 * HOUR
    variables = {"field": ["f"], "node": None} | (chosen or {})
    at = Situation((T0 + 2 * HOUR - span) * 1000, (T0 + 2 * HOUR) * 1000 - 1, "1h", variables)
    known: dict[str, Any] = {}
    for target in panel["targets"]:
        if target["datasource"]["type"] == "__expr__":
            known[target["refId"]] = calculate(target, known)
        else:
            answer = engine.ask("small", substitute(target["query"], at))
            known[target["refId"]] = answer if len(panel["targets"]) == 1 else series_of(answer)
    visible = {t["refId"] for t in panel["targets"] if not t.get("hide")}
    return {ref: value for ref, value in known.items() if ref in visible}


def rows(series: Series) -> list[dict[str, Any]]:
    """Rows of a series as mappings."""
    return [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]


@pytest.fixture(scope="module")
def engine(influx: Engine) -> Engine:
    """The engine with the small store."""
    influx.create("small", small())
    return influx


def test_saved_against_periodic(engine: Engine) -> None:
    """216 B in two hours against 864 B periodic is 75 % saved; per hour 58.3 and 91.7."""
    (value,) = shown(engine, "rf", "Saved against periodic")["E"].values()
    assert math.isclose(value, 75.0)
    (line,) = shown(engine, "rf", "Saved against periodic, per hour")["C"].values()
    assert {t - T0: round(v, 1) for t, v in line.items()} == {0: 58.3, HOUR: 91.7}


def test_share_of_the_law(engine: Engine) -> None:
    """180 s on air in an hour is 5 % duty cycle: half of the 10 % of that node's own sub-band."""
    lines = shown(engine, "rf", "Share of the law by node and sub-band")["C"]
    found = {dict(k)["node"]: {t - T0: v for t, v in line.items()} for k, line in lines.items()}
    assert found == {"1": {0: 10.0, HOUR: 50.0}, "2": {0: 20.0}}


def test_budget_is_not_added_up_over_bands(engine: Engine) -> None:
    """The site's budget is stated for each sub-band in use, and counts once: 500 B/h."""
    answers = shown(engine, "rf", "Bytes per hour against budget and periodic")
    ((_, sent),) = answers["A"].items()
    ((_, budget),) = answers["B"].items()
    assert {t - T0: v for t, v in sent.items()} == {0: 180.0, HOUR: 36.0}
    assert set(budget.values()) == {500.0}


def test_most_and_mean_bytes_of_an_hour(engine: Engine) -> None:
    """The fullest hour has 180 B, the mean of the two is 108 B/h."""
    (most,) = shown(engine, "audit", "Most bytes in an hour")["B"].values()
    (mean,) = shown(engine, "audit", "Bytes per hour, mean")["B"].values()
    assert (most, mean) == (180.0, 108.0)


def test_audit_sums(engine: Engine) -> None:
    """The audit's table by node has each node's sums: 12 frames and 96 B, 20 frames and 120 B."""
    table = shown(engine, "audit", "By node")["A"]
    found = {s["tags"]["node"]: rows(s)[0] for s in table}
    assert {n: (r["frames"], r["bytes"], r["airtime_us"]) for n, r in found.items()} == {
        "1": (12, 96, 216_000_000),
        "2": (20, 120, 72_000_000),
    }


def test_a_chosen_node_narrows_its_panels_only(engine: Engine) -> None:
    """Choosing node 2 narrows bytes by node, and leaves the field's bytes as they are."""
    only = {"node": ["2"]}
    by_node = shown(engine, "rf", "Bytes per hour by node", only)["A"]
    assert [s["tags"]["node"] for s in by_node] == ["2"]
    answers = shown(engine, "rf", "Bytes per hour against budget and periodic", only)
    assert sum(next(iter(answers["A"].values())).values()) == 216.0


def test_words_for_numbers_come_from_the_schema() -> None:
    """Regime, provenance and cause are named as the schema's text names them."""
    assert REGIMES == {0: "calm", 1: "watch", 2: "red"}
    assert list(PROVENANCE.values()) == ["unknown", "reported", "held", "stale", "diverged"]
    assert CAUSES == {0: "none", 1: "weather", 2: "heat", 3: "sensor"}


def test_a_kilobyte_is_the_gateways() -> None:
    """The line for 1 KB/h on the boards is the budget that the gateway writes."""
    assert KILOBYTE_B == BUDGET_BYTES_H
