# SPDX-License-Identifier: Apache-2.0
"""Battery voltages from the frames to the store, the sinks, the console and the files."""

from __future__ import annotations

import asyncio
import csv
import json
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from qres.channels import V1
from qres.site import Site
from qres.tolerance import Tolerance
from qres.virtual.sites import DEMO_KEY
from qres_gateway.cli import main
from qres_gateway.console import create_app
from qres_gateway.console.view import UnknownChannelError
from qres_gateway.database import Database
from qres_gateway.field_rules import rules_for
from qres_gateway.live import LiveView
from qres_gateway.outbox import Outbox, StoredCommit
from qres_gateway.replay.findings import Findings
from qres_gateway.replay.values_csv import ValuesCsv
from qres_gateway.sinks import points
from qres_gateway.sinks.discovery import BATTERY_ENTITIES, NODE_ENTITIES, discovery
from qres_gateway.sinks.field import SinkField
from qres_gateway.sinks.topics import Topics
from qres_gateway.sources.base import Instant
from qres_gateway.store_weather import weather_of_store
from qres_gateway.worker import Worker
from tests.gateway.battery_view import battery_view, committed
from tests.gateway.recorded_field import Recorded, recorded

N, HOURS = 6, 6.0
BATT = 4


@pytest.fixture(scope="module")
def run() -> Recorded:
    """Six nodes with batteries for six hours."""
    return recorded(N, HOURS, battery=True)


@pytest.fixture(scope="module")
def store(run: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a gateway makes of their frames."""
    return _store(tmp_path_factory.mktemp("battery") / "gateway.sqlite", run)


def _store(path: Path, run: Recorded) -> Path:
    worker = Worker(Database.open(path), rules_for(run.site, DEMO_KEY), live=False)
    now = Instant(run.frames[-1].rx_us, 0)
    worker.cycle(run.frames, {"json": 2}, now)
    worker.finish(now)
    return path


def _commits(path: Path) -> list[StoredCommit]:
    with Database.open(path, read_only=True) as database:
        return Outbox(database).commits_after(0, 1 << 30)


def _last_of_epoch(path: Path) -> StoredCommit:
    return [c for c in _commits(path) if c.phase % 4 == 3][-1]


def _without(site: Site) -> Site:
    return replace(site, battery=False, tolerance=Tolerance.of("standard"))


def test_the_store_has_a_column_within_tolerance(run: Recorded, store: Path) -> None:
    """Each node's battery in the store is within 100 mV of what the node measured, every phase."""
    checked = 0
    for commit in _commits(store):
        assert commit.judged is not None
        assert commit.judged.shape == (N, 5)
        members, measured = run.measured[commit.phase]
        off = np.abs(commit.judged[members, BATT] - measured[:, BATT] / 65536)
        assert (off <= 100.0).all()
        checked += len(members)
    assert checked > 5 * 6 * N


def test_sinks_write_the_battery_of_every_node(run: Recorded, store: Path) -> None:
    """`node` has `batt_mv` as a float in mV, and `weather` has what it always had."""
    field, commit = SinkField.of(run.site), _last_of_epoch(store)
    assert commit.judged is not None
    found = points.node_points(field, commit, [None] * N)
    assert [p.fields["batt_mv"] for p in found] == commit.judged[:, BATT].tolist()
    assert all(isinstance(p.fields["batt_mv"], float) for p in found)
    names = {name for p in points.weather_points(field, commit) for name in p.fields}
    assert names == {c.name for c in V1} | {"status"}
    assert points.fire_points(field, commit)


def test_a_site_without_battery_writes_none(run: Recorded, store: Path) -> None:
    """No `batt_mv` leaves a gateway whose site has none, whatever its store holds."""
    field = SinkField.of(_without(run.site))
    for p in points.node_points(field, _last_of_epoch(store), [None] * N):
        assert "batt_mv" not in p.fields


def test_a_store_of_before_is_read(run: Recorded, tmp_path: Path) -> None:
    """Four columns of a site that has got batteries since: weather is there, the battery is not."""
    old = recorded(N, HOURS)
    path = _store(tmp_path / "old.sqlite", old)
    commit = _last_of_epoch(path)
    assert commit.values.shape == (N, 4)
    found = points.node_points(SinkField.of(run.site), commit, [None] * N)
    assert len(found) == N
    assert all("batt_mv" not in p.fields for p in found)
    assert np.isnan(commit.held(5)[:, BATT]).all()
    now, then = weather_of_store(path, run.site), weather_of_store(path, old.site)
    np.testing.assert_array_equal(now.temp_degc, then.temp_degc)
    assert np.isfinite(now.temp_degc).any()


def test_weather_of_a_store_with_batteries_is_the_weather(run: Recorded, store: Path) -> None:
    """Beside a fifth column each hour has the temperature of the last sample, to 1 degC."""
    hours = weather_of_store(store, run.site, utc_offset_h=0.0)
    checked = 0
    for held, at_s in zip(hours.temp_degc, hours.time_s.tolist(), strict=True):
        end = at_s * 1_000_000 // run.site.phase_us
        for phase in range(end - 3, end + 1):
            members, measured = run.measured.get(phase, (np.array([], np.intp), None))
            if measured is not None and np.isfinite(held[members]).all():
                off = np.abs(held[members] - measured[:, 0] / 65536)
                assert (off <= 1.0 + 1e-4).all()
                checked += len(members)
    assert checked >= 3 * N


def test_the_table_of_values_has_a_column(run: Recorded, tmp_path: Path) -> None:
    """`qres replay --csv` has batt_mv after the rain, and the findings name it."""
    path = tmp_path / "values.csv"
    events = committed(run)
    with ValuesCsv(path, run.site) as table:
        for event in events:
            table.add(event)
    with path.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0])[2:] == [c.name for c in run.site.channels] + ["provenance"]
    assert all(3000 < float(line["batt_mv"]) < 4300 for line in lines[-N:])
    found = Findings(run.site, set(), events[0].time_us, events[-1].time_us)
    for event in events:
        found.add(event)
    assert all(3000 < node["batt_mv"] < 4300 for node in found.as_dict()["nodes"])


def test_home_assistant_finds_the_battery_where_there_is_one(run: Recorded) -> None:
    """A node has one more sensor, in mV; without batteries the announcements are as before."""
    for site, entities in (
        (run.site, NODE_ENTITIES + BATTERY_ENTITIES),
        (_without(run.site), NODE_ENTITIES),
    ):
        field = SinkField.of(site)
        node = json.loads(discovery(field, Topics(field))[0].payload)
        assert len(node["components"]) == len(entities)
        battery = node["components"].get("node_batt_mv")
        assert (battery is not None) == site.battery
        if battery is not None:
            assert (battery["device_class"], battery["unit_of_measurement"]) == ("voltage", "mV")
            assert battery["state_topic"] == Topics(field).node("0", "node")


def test_the_console_shows_it(run: Recorded, store: Path) -> None:
    """Snapshot and series have the battery: held within tolerance of what was measured."""
    view = battery_view(run)
    snapshot = view.snapshot()
    assert snapshot.tolerance["batt_mv"] == 100.0
    commit = _commits(store)[-1]
    assert commit.judged is not None
    assert [n.batt_mv for n in snapshot.nodes] == commit.judged[:, BATT].tolist()
    series = view.series(2, "batt_mv")
    assert (series.unit, series.tolerance) == ("mV", 100.0)
    assert len(series.time_us) >= 5 * HOURS
    assert series.true is not None
    for held, true in zip(series.reconstructed, series.true, strict=True):
        assert held is not None
        assert true is not None
        assert abs(held - true) <= 100.0


def test_the_console_answers_by_http(run: Recorded) -> None:
    """The series is served; where no node reports a battery, that is a 404 in plain words."""
    plain = LiveView(_without(run.site), demo=False)
    assert "batt_mv" not in plain.snapshot().tolerance
    assert plain.snapshot().nodes[0].batt_mv is None
    with pytest.raises(UnknownChannelError):
        plain.series(0, "batt_mv")
    assert asyncio.run(_ask(battery_view(run))).json()["series"]["channel"] == "batt_mv"
    refused = asyncio.run(_ask(plain))
    assert refused.status_code == 404
    assert refused.json()["error"] == "the nodes of this field do not report batt_mv"


async def _ask(view: LiveView) -> httpx.Response:
    transport = httpx.ASGITransport(app=create_app(view))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get("/api/series/0/batt_mv?hours=4")


def test_demo_with_batteries(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`qres demo --battery`: the gateway holds what the nodes hold, and its site file says so."""
    store = tmp_path / "demo.sqlite"
    words = ["demo", "--once", "--hours", "6", "--nodes", "5", "--battery", "--json"]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--store", str(store)])
    assert stop.value.code == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["battery"] == "simulated"
    assert figures["gateway_state_equal"] is True
    assert figures["outside_tolerance"] == 0.0
    assert figures["max_error"]["batt_mv"] <= 100.0
    assert "battery = true" in store.with_name("site.toml").read_text(encoding="utf-8")
    assert _commits(store)[-1].values.shape == (5, 5)


def test_bench_with_batteries(capsys: pytest.CaptureFixture[str]) -> None:
    """`qres bench rf --battery` says that it is simulated, and costs more than without."""
    rates = []
    for more in ([], ["--battery"]):
        with pytest.raises(SystemExit) as stop:
            main(["bench", "rf", "--hours", "6", "--json", *more])
        assert stop.value.code == 0
        figures = json.loads(capsys.readouterr().out)
        assert figures["battery"] == ("simulated" if more else None)
        rates.append(figures["rf_bytes_per_hour"])
    assert rates[0] < rates[1] < 1.5 * rates[0]
