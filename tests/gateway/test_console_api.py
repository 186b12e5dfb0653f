# SPDX-License-Identifier: Apache-2.0
"""The console's pages and JSON: types, absent values, errors, headers."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import httpx
import msgspec
import pytest

from qres_gateway.console import Snapshot, create_app
from qres_gateway.console.headers import CSP, SECURITY_HEADERS
from qres_gateway.console.series import SeriesAnswer
from qres_gateway.console.summary import Summary
from qres_gateway.console.vendor import PlotlyJs, VendorError
from qres_gateway.console.view import SCHEMA
from tests.gateway.fake_console import (
    HOUR_US,
    START_US,
    FakeConsole,
    flemish_places,
)


def field(**options: Any) -> FakeConsole:
    """28 nodes, 14 hours after the start."""
    return FakeConsole(flemish_places(), lambda: START_US + 14 * HOUR_US, **options)


def get(path: str, data: FakeConsole | None = None, **options: Any) -> httpx.Response:
    """One request to a console that was never started: these answers need no feed."""
    app = create_app(data or field())
    options.setdefault("method", "GET")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(url=path, **options)

    return asyncio.run(ask())


class _SnapshotAnswer(msgspec.Struct, forbid_unknown_fields=True):
    schema: int
    snapshot: Snapshot
    summary: Summary


def test_snapshot_has_the_stated_types() -> None:
    """/api/snapshot decodes into the schema, field by field, and says which schema it is."""
    answer = msgspec.json.decode(get("/api/snapshot").content, type=_SnapshotAnswer)
    assert answer.schema == SCHEMA
    assert len(answer.snapshot.nodes) == 28
    assert sum(answer.summary.counts.values()) == 28


def test_absent_values_are_null() -> None:
    """A node never heard has null for every value, and a missing sensor null for its own."""
    nodes = get("/api/snapshot", field(trouble=True)).json()["snapshot"]["nodes"]
    unheard, no_wind = nodes[13], nodes[2]
    values = ("temp_degc", "rh_pct", "wind_m_s", "rain_mm", "vpd_kpa", "last_report_us")
    assert unheard["provenance"] == "unknown"
    assert [unheard[name] for name in values] == [None] * len(values)
    assert no_wind["wind_m_s"] is None
    assert no_wind["temp_degc"] is not None


def test_series_covers_the_asked_hours() -> None:
    """/api/series gives one channel of one node, trimmed to the hours asked for."""
    answer = msgspec.json.decode(get("/api/series/3/temp_degc?hours=2").content, type=SeriesAnswer)
    series = answer.series
    assert (series.node, series.channel, series.unit) == (3, "temp_degc", "°C")
    assert series.time_us[-1] - series.time_us[0] == 2 * HOUR_US
    assert len(series.reconstructed) == len(series.reported) == len(series.time_us) == 13
    assert series.tolerance == 1.0
    assert answer.stats.error_max is not None
    assert answer.stats.error_max <= 1.0


def test_vpd_series_needs_no_channel_of_its_own() -> None:
    """VPD is worked out from temperature and humidity; the data is never asked for it."""
    answer = msgspec.json.decode(get("/api/series/3/vpd_kpa").content, type=SeriesAnswer)
    assert answer.series.unit == "kPa"
    assert isinstance(answer.series.tolerance, list)
    assert answer.stats.outside_share == 0.0


def test_series_without_truth_has_no_error() -> None:
    """Outside a demo the truth is not known: no series of it, and no error instead of 0."""
    body = get("/api/series/3/rh_pct", field(demo=False)).json()
    assert body["series"]["true"] is None
    assert set(body["stats"].values()) == {None}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/series/99/temp_degc", 404, "no node with id 99"),
        ("/api/series/3/pressure", 404, "channel must be one of temp_degc"),
        ("/api/series/three/temp_degc", 400, "got 'three'"),
        ("/api/series/-1/temp_degc", 400, "node must be a whole number"),
        ("/api/series/1234567890/temp_degc", 400, "0..999999999"),
        ("/api/series/3/temp_degc?hours=0", 400, "above 0 and at most 168"),
        ("/api/series/3/temp_degc?hours=169", 400, "got '169'"),
        ("/api/series/3/temp_degc?hours=nan", 400, "hours must be"),
        ("/api/series/3/temp_degc?hours=", 400, "hours must be"),
        ("/api/nothing", 404, "Not Found"),
        ("/static/nothing.js", 404, "Not Found"),
        ("/static/..%2fapp.py", 404, "Not Found"),
    ],
)
def test_errors_are_json_in_plain_words(path: str, status: int, words: str) -> None:
    """A wrong request gets its status and a JSON object that names argument, limit and value."""
    answer = get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert words in answer.json()["error"]


def test_the_console_only_reads() -> None:
    """No endpoint takes anything but GET and HEAD."""
    for path in ("/", "/api/snapshot", "/api/series/3/temp_degc", "/api/events", "/healthz"):
        assert get(path, method="POST").status_code == 405


@pytest.mark.parametrize(
    "path", ["/", "/api/snapshot", "/api/nothing", "/api/series/x/y", "/static/js/main.js"]
)
def test_every_answer_carries_the_security_headers(path: str) -> None:
    """Errors and files too: the policy has no way round it."""
    headers = get(path).headers
    assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "cache-control" in headers


def test_policy_allows_nothing_inline_and_nothing_foreign() -> None:
    """The policy denies by default and names no host but our own."""
    rules = dict(rule.split(" ", 1) for rule in CSP.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in CSP
    assert "http" not in CSP


def test_foreign_host_names_are_refused() -> None:
    """A page that points its own name at this machine cannot read the console."""
    answer = get("/api/snapshot", headers={"host": "evil.example:8787"})
    assert answer.status_code == 400
    assert "host must be one of" in answer.json()["error"]
    assert get("/api/snapshot", headers={"host": "[::1]:8787"}).status_code == 200


def test_plotly_is_served_from_the_python_package() -> None:
    """The page names plotly.js by version, and that path gives it compressed and cached."""
    path = PlotlyJs().path
    assert path in get("/").text
    answer = get(path, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.text.startswith("/**\n* plotly.js v")
    plain = get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content


def test_plotly_is_compressed_once() -> None:
    """The second request is answered from memory."""
    plotly = PlotlyJs()

    async def twice() -> tuple[bytes, bytes]:
        first, _ = await plotly._load()
        second, _ = await plotly._load()
        return first, second

    first, second = asyncio.run(twice())
    assert first is second
    assert len(gzip.decompress(first)) > 2 * len(first)


def test_missing_plotly_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the console says what is missing, at the start and not in the page."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(VendorError, match="'plotly' is not installed"):
        create_app(field())


def test_health_tells_a_dead_feed() -> None:
    """/healthz is 200 while the feed runs and 503 with the reason once the data has failed."""

    class Broken(FakeConsole):
        def snapshot(self) -> Snapshot:
            raise ValueError("ledger is closed")

    app = create_app(Broken(flemish_places(), lambda: START_US), interval_s=0.01)

    async def ask() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            before = await client.get("/healthz")
            app.state.hub._watched.set()
            await asyncio.wait([app.state.feed], timeout=5)
            return before, await client.get("/healthz")

    before, after = asyncio.run(ask())
    assert (before.status_code, before.json()["status"]) == (200, "ok")
    assert after.status_code == 503
    assert "ledger is closed" in after.json()["error"]
