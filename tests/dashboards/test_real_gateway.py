# SPDX-License-Identifier: Apache-2.0
"""The engine filled by the real gateway: queries say what frames, replica and store hold."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pytest

from qres.virtual.sites import DEMO_KEY
from qres_dashboards import generate
from qres_dashboards.macros import Situation, substitute
from qres_gateway.database import Database
from qres_gateway.field_rules import rules_for
from qres_gateway.ledger import HOUR_US, Ledger
from qres_gateway.outbox import Outbox, StoredCommit
from qres_gateway.sinks import points
from qres_gateway.sinks.base import SinkStats
from qres_gateway.sinks.delivery import Delivery
from qres_gateway.sinks.field import SinkField
from qres_gateway.sinks.schema import measurement
from qres_gateway.sources.base import Instant
from qres_gateway.worker import Worker
from tests.dashboards.engine import Engine, Series
from tests.dashboards.evaluator import Rule
from tests.dashboards.oracle import answer
from tests.dashboards.store import Point
from tests.dashboards.test_alerts import RULES
from tests.dashboards.test_queries import compare, every_query
from tests.gateway.recorded_field import recorded
from tests.gateway.sink_store import FIELD, LONG_H, MemorySink, store
from tests.gateway.test_sink_delivery import deliver

pytestmark = pytest.mark.slow

ALL: Final = {"field": [FIELD.name], "node": None}
BATTERY_QUERIES: Final = {
    "node: Battery A",
    "node: Battery over time A",
    "alert: qres-battery-low",
}
ONE: Final = {"field": [FIELD.name], "node": [FIELD.nodes[2]]}


class Filled(NamedTuple):
    """A store and the engine that its gateway filled."""

    engine: Engine
    path: Path
    points: list[Point]
    end_s: int
    database: str = "real"

    def ask(self, board: str, title: str, ref: str = "A", *, hours: int = 24) -> list[Series]:
        """What a panel's query answers, over the hours before the store's end."""
        (panel,) = (p for p in generate.boards()[board]["panels"] if p["title"] == title)
        (target,) = (t for t in panel["targets"] if t["refId"] == ref)
        from_s = self.end_s - hours * 3600
        chosen = ONE if board == "node" else ALL
        at = Situation(from_s * 1000, self.end_s * 1000, "10m", chosen)
        return self.engine.ask(self.database, substitute(target["query"], at))

    def last_commit(self) -> StoredCommit:
        """The newest commit of the store that ends an epoch."""
        with Database.open(self.path, read_only=True) as database:
            commits = Outbox(database).commits_after(0, 1 << 30)
        return next(c for c in reversed(commits) if FIELD.ends_epoch(c.phase))


@pytest.fixture(scope="module")
def real(influx: Engine, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """38 hours of six virtual nodes on recorded weather, through the gateway's store and sink."""
    path = store(tmp_path_factory.mktemp("real"), LONG_H)
    memory = MemorySink()
    deliver(memory, path)
    end_s = int(max(p.time_us for p in memory.order) / 1e6) + 1
    _gauge(memory, path, end_s)
    found = [
        Point(
            p.measurement,
            dict(zip(measurement(p.measurement).tags, p.tags, strict=True)),
            dict(p.fields),
            p.time_us / 1e6,
        )
        for p in memory.points.values()
    ]
    influx.create("real", found)
    return Filled(influx, path, found, end_s)


def _gauge(memory: MemorySink, path: Path, end_s: int) -> None:
    """Three hours of the gateway's readings of itself, one a minute for each of two sinks."""
    delivery = Delivery(memory, path, FIELD, lambda: end_s * 1_000_000)
    delivery.open()
    for i, at_s in enumerate(range(end_s - 3 * 3600, end_s, 60)):
        stats = [
            SinkStats("influx", "ok", failures=i // 40),
            SinkStats("mqtt", "slow", "", 7 + i, i / 2, 1000, 0, i),
        ]
        delivery.gauge(stats, at_s * 1_000_000)
        delivery.turn()
    delivery.close()


def test_no_panel_is_dead(real: Filled) -> None:
    """Every column of every panel and alert has a value: the real gateway writes what they ask."""
    empty = set()
    for parameters in every_query():
        query, _, _, choices = parameters.values
        chosen = ONE if len(choices[0].get("node") or ()) == 1 else ALL
        rows = answer(query, real.points, real.end_s - 30 * 3600, real.end_s, "30m", chosen)
        known = {
            name
            for series in rows.values()
            for row in series.values()
            for name, value in row.items()
            if value is not None
        }
        if known != set(query.outputs):
            empty.add(parameters.id)
    # No frame of this run came late; what the panel counts is tested with the known store.
    # These nodes have no batteries; those of a field that has are tested below.
    assert empty == {"node: Late frames per hour A", *BATTERY_QUERIES}


@pytest.mark.parametrize(("query", "text", "span", "choices"), list(every_query()))
def test_queries_say_what_the_gateway_wrote(
    real: Filled, query: Any, text: str, span: int, choices: Any
) -> None:
    """Each query of each panel and alert returns the numbers of the points that the sink wrote."""
    from_s = real.end_s - min(span, 30 * 3600)
    chosen = ONE if len(choices[0].get("node") or ()) == 1 else ALL
    at = Situation(from_s * 1000, real.end_s * 1000, "30m", chosen)
    expected = answer(query, real.points, from_s, real.end_s, "30m", chosen)
    compare(real.engine.ask("real", substitute(text, at)), expected, query)


def test_bytes_of_the_boards_are_those_of_the_ledger(real: Filled) -> None:
    """Bytes per hour and sums by node on the boards are the sums of the store's own tables."""
    (series,) = real.ask("rf", "Bytes per hour against budget and periodic")
    to_hour = real.end_s // 3600
    with Database.open(real.path, read_only=True) as database:
        ledger = Ledger(database)
        hours = {h: s.bytes for h, s in ledger.per_hour(to_hour - 23, to_hour + 1).items()}
        nodes = ledger.per_node(to_hour - 23, to_hour + 1)
    assert {t // 3600: v for t, v in series["values"]} == hours
    assert len(hours) > 20
    by_node = real.ask("audit", "By node")
    shown = {s["tags"]["node"]: s["values"][0][1:] for s in by_node}
    assert shown == {FIELD.node_tag(n): [s.frames, s.bytes, s.airtime_us] for n, s in nodes.items()}
    assert HOUR_US == 3_600_000_000


def test_digest_and_provenance_are_those_of_the_store(real: Filled) -> None:
    """The digest is that of the newest commit, and each node's status what the replica says."""
    with Database.open(real.path, read_only=True) as database:
        newest = Outbox(database).commits_after(0, 1 << 30)[-1]
    (digest,) = real.ask("swarm", "Digest", hours=2)
    assert digest["values"][0][1] == f"{newest.digest:08x}"
    table = real.ask("swarm", "Nodes by silence", hours=2)
    status = {s["tags"]["node"]: s["values"][0][s["columns"].index("status")] for s in table}
    assert status == dict(zip(FIELD.nodes, real.last_commit().status.tolist(), strict=True))


def test_values_of_a_node_are_those_of_the_store(real: Filled) -> None:
    """The node board's newest temperature is the one held in the replica, rounded as written."""
    commits = _commits_of(real, 2)
    (series,) = real.ask("node", "Air temperature", hours=2)
    held = points.held(commits[-1])[2, 0]
    assert math.isclose(series["values"][-1][1], float(np.float32(held)), abs_tol=1e-5)


def test_batteries_are_those_of_the_store(influx: Engine, tmp_path: Path) -> None:
    """A field with batteries: board and alert answer what the gateway's replica holds, in mV."""
    run = recorded(6, 3.0, battery=True)
    worker = Worker(Database.open(tmp_path / "b.sqlite"), rules_for(run.site, DEMO_KEY), live=False)
    now = Instant(run.frames[-1].rx_us, 0)
    worker.cycle(run.frames, {"json": 2}, now)
    worker.finish(now)
    field = SinkField.of(run.site)
    with Database.open(tmp_path / "b.sqlite", read_only=True) as database:
        every = Outbox(database).commits_after(0, 1 << 30)
    ends = [c for c in every if c.phase % 4 == 3]
    influx.create(
        "batteries",
        [
            Point("node", {"field": field.name, "node": p.tags[1]}, dict(p.fields), p.time_us / 1e6)
            for c in ends
            for p in points.node_points(field, c, [None] * 6)
        ],
    )
    judged = ends[-1].judged
    assert judged is not None
    end_s = ends[-1].time_us // 1_000_000 + 1
    assert (field.name, field.nodes[2]) == (FIELD.name, FIELD.nodes[2])  # what `ask` asks for
    filled = Filled(influx, tmp_path, [], end_s, "batteries")
    (series,) = filled.ask("node", "Battery", hours=2)
    assert series["values"][-1][1] == judged[2, 4]
    (series,) = filled.ask("node", "Battery over time", hours=2)
    assert series["values"][-1][1] == judged[2, 4]
    rule = Rule(RULES["qres-battery-low"])
    assert set((rule.evaluate(influx, "batteries", end_s) or {}).values()) == {0.0}


def test_every_node_is_on_the_map(real: Filled) -> None:
    """The map has each node of the site file at its place."""
    series = real.ask("fire", "Nodes on the map", hours=2)
    places = {s["tags"]["node"]: tuple(s["values"][0][1:]) for s in series}
    assert places == {
        str(n.id): (round(n.lat_deg, 5), round(n.lon_deg, 5)) for n in FIELD.site.nodes
    }


def test_a_healthy_field_alerts_of_nothing(real: Filled) -> None:
    """Six nodes that mostly keep silent, because the prediction holds, fire no alert at all."""
    firing = {
        uid
        for uid, body in RULES.items()
        if 1.0 in (Rule(body).evaluate(real.engine, "real", real.end_s) or {}).values()
    }
    assert firing == set()


def _commits_of(real: Filled, row: int) -> list[StoredCommit]:
    """Commits of the phases in which the node of that row samples."""
    with Database.open(real.path, read_only=True) as database:
        every = Outbox(database).commits_after(0, 1 << 30)
    return [c for c in every if c.phase % 4 == FIELD.phase_of[row]]
