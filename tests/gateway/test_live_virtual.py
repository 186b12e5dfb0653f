# SPDX-License-Identifier: Apache-2.0
"""The live view behind a real pipeline and core, fed by virtual nodes with recorded weather."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx
import msgspec
import numpy as np
import pytest

from qres import weather_file
from qres.channels import Q16_MISSING
from qres.virtual.air import Transmission
from qres.virtual.field import PhaseResult, VirtualField
from qres.virtual.sites import DEMO_KEY, site_for
from qres_gateway.console import create_app
from qres_gateway.console.feed import delta
from qres_gateway.console.series import SeriesAnswer
from qres_gateway.console.summary import summarise
from qres_gateway.console.view import CHANNELS, FRAME_TYPES, Snapshot
from qres_gateway.events import PhaseCommitted
from qres_gateway.field_rules import rules_for
from qres_gateway.frame_log import LoggedFrame, frame_key
from qres_gateway.live import LiveView
from qres_gateway.pipeline import Pipeline
from qres_gateway.sources.base import Instant, RawFrame
from tests.gateway.fake_field import ListHistory

DAY_PHASES = 576
HOUR_US = 3_600_000_000


@dataclass
class Run:
    """Virtual nodes, a gateway that hears them, and everything that was on air."""

    loss: float = 0.0
    sent: list[Transmission] = field(default_factory=list)
    results: list[PhaseResult] = field(default_factory=list)
    differing: int = 0  # comparisons of a node's digest with the gateway's that failed
    last: PhaseCommitted | None = None

    def __post_init__(self) -> None:
        weather = weather_file.demo().with_mean_wind()
        self.site = site_for(weather)
        self.nodes = VirtualField(
            self.site, DEMO_KEY, weather, loss=self.loss, seed=3, extra_receivers=1
        )
        self.history = ListHistory()
        self.now_us = self.nodes.now_us
        self.start_gateway()

    def start_gateway(self) -> None:
        """A new pipeline and a new view, with the log that there is."""
        self.view = LiveView(self.site, demo=True, speed=600.0, clock=lambda: self.now_us)
        last_us = self.results[-1].time_us if self.results else None
        self.pipeline = Pipeline(
            rules_for(self.site, DEMO_KEY),
            self.history,
            last_id=len(self.history.rows),
            last_commit_us=last_us,
        )

    def run(self, phases: int) -> Snapshot:
        """Let phases pass."""
        for _ in range(phases):
            result = self.nodes.run_phase()
            self.results.append(result)
            self.sent += result.transmissions
            self.view.truth(result.phase, result.time_us, result.members, result.measured_q16)
            for digest in result.digests:
                self.view.compare(result.phase, digest)
            rows = [
                self.row(reception.sent)
                for reception in result.receptions
                if reception.heard_by[len(self.site.nodes)]
            ]
            self.now_us = self.nodes.now_us - 1
            for event in self.pipeline.process(rows, Instant(self.now_us, self.now_us)).events:
                self.view.feed(event)
                if isinstance(event, PhaseCommitted):
                    self.last = event
                    self.differing += sum(digest != event.digest for digest in result.digests)
        return self.view.snapshot()

    def row(self, sent: Transmission) -> LoggedFrame:
        """A frame as the log gives it to the pipeline."""
        site = self.site
        frame = RawFrame(
            sent.frame, sent.end_us, "gps", "a", site.freq_hz, site.sf, site.bw_hz, -90.0, 5.0, True
        )
        number = len(self.history.rows) + 1
        self.history.rows.append(LoggedFrame(number, frame, frame_key(sent.frame), None))
        return self.history.rows[-1]


@pytest.fixture(scope="module")
def three_days() -> Run:
    """28 nodes without loss for three days."""
    run = Run()
    run.run(3 * DAY_PHASES)
    return run


def test_what_is_shown_is_within_tolerance_of_what_was_measured(three_days: Run) -> None:
    """Every sample of every node, exactly as measured, is within tolerance of what is held."""
    run = three_days
    for k, channel in enumerate(CHANNELS):
        for row, node in enumerate(run.site.nodes):
            series = run.view.series(node.id, channel)
            own = [r for r in run.results if row in r.members]
            raw = np.array([r.measured_q16[list(r.members).index(row), k] for r in own])
            assert series.time_us == [r.time_us for r in own]
            assert series.true is not None
            assert isinstance(series.tolerance, float)
            assert [t is None for t in series.true] == (raw == Q16_MISSING).tolist()
            for held, true in zip(series.reconstructed, series.true, strict=True):
                if held is not None and true is not None:
                    assert abs(held - true) <= series.tolerance
            if channel != "rain_mm":
                taken = raw != Q16_MISSING
                true_values = [t for t in series.true if t is not None]
                assert true_values == (raw[taken] / 65536).tolist()


def test_a_commit_carries_judged_values_and_health(three_days: Run) -> None:
    """The core's replica tells what the view needs, with the nodes' own judged values."""
    event, nodes = three_days.last, three_days.nodes.nodes
    assert event is not None
    assert event.judged is not None
    for node in nodes[:3]:
        known = node.present
        np.testing.assert_array_equal(event.judged[known], node.judged_q16[known] / 65536)
        assert np.isnan(event.judged[~known]).all()
    assert event.health.keys() == {
        "bits_compared",
        "bits_wrong",
        "beacons_compared",
        "beacons_wrong",
        "adopted",
        "verified",
        "missed_checkpoints",
        "diverged",
        "synced",
    }
    assert (event.health["diverged"], event.health["synced"]) == (0, 1)
    assert event.health["beacons_compared"] >= 70  # one an hour, all heard


def test_the_console_takes_it(three_days: Run) -> None:
    """The page's JSON is made from the view, VPD from two of its series, and changes are small."""
    view = three_days.view
    app = create_app(view)

    async def ask(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path)

    assert asyncio.run(ask("/api/snapshot")).json()["summary"]["state"] == "healthy"
    answer = asyncio.run(ask(f"/api/series/{three_days.site.ids[4]}/vpd_kpa?hours=24"))
    found = msgspec.json.decode(answer.content, type=SeriesAnswer)
    assert len(found.series.time_us) == 145
    assert found.stats.outside_share == 0.0
    now = view.snapshot()
    assert delta(now, view.snapshot(), summarise(now), summarise(now)) == {}


def test_the_field_is_well_and_equal(three_days: Run) -> None:
    """Without loss no comparison fails, and the midnight checkpoints confirm the gateway."""
    run = three_days
    snapshot = run.view.snapshot()
    health = snapshot.health
    assert run.differing == 0
    assert (health.replicas_equal, health.divergences) == (True, 0)
    assert health.digests_checked > 3 * DAY_PHASES * 28
    assert health.checkpoints >= 2
    assert health.digest == f"{run.results[-1].digests[0]:08x}"
    assert health.era == run.results[-1].time_us // 86_400_000_000
    assert {n.provenance for n in snapshot.nodes} <= {"reported", "held"}
    assert {e.kind for e in snapshot.events} <= {"info", "checkpoint"}
    assert [e.id for e in snapshot.events] == list(range(1, len(snapshot.events) + 1))


def test_the_radio_is_what_was_on_air(three_days: Run) -> None:
    """Sums by hour, type and node are those of every transmission, counted independently."""
    run = three_days
    snapshot = run.view.snapshot()
    rf = snapshot.rf
    assert rf.total_frames == len(run.sent)
    assert rf.total_bytes == sum(len(t.frame) for t in run.sent)
    assert rf.total_airtime_us == sum(t.end_us - t.start_us for t in run.sent)
    assert len(rf.hours) == 72
    for hour in rf.hours:
        inside = [t for t in run.sent if t.end_us // HOUR_US * HOUR_US == hour.start_us]
        for kind in FRAME_TYPES:
            of_kind = [t for t in inside if t.kind == kind]
            assert hour.frames.get(kind, 0) == len(of_kind)
            assert hour.bytes.get(kind, 0) == sum(len(t.frame) for t in of_kind)
    recent = [t for t in run.sent if t.end_us > snapshot.field.time_us - HOUR_US]
    assert rf.last_hour.frames == len(recent)
    assert rf.last_hour.bytes == sum(len(t.frame) for t in recent)
    airtime_us = [0] * len(run.site.nodes)
    for t in recent:
        airtime_us[t.sender] += t.end_us - t.start_us
    assert rf.duty_worst_pct == pytest.approx(100 * max(airtime_us) / HOUR_US, rel=1e-12)
    assert rf.duty_limit_pct == 10.0
    for row, node in enumerate(snapshot.nodes):
        own = [t for t in run.sent if t.sender == row]
        reports = [t for t in own if t.kind == "report"]
        assert (node.reports, node.rf_bytes) == (len(reports), sum(len(t.frame) for t in own))
        assert node.last_report_us == reports[-1].end_us
        marked = run.view.series(node.id, "temp_degc").reported
        assert sum(marked) == len(reports)


def test_a_gateway_that_starts_again_shows_the_same() -> None:
    """A replica that replayed the log shows the values of before; the radio is counted anew."""
    run = Run()
    run.run(DAY_PHASES + 100)
    before = run.run(1)
    run.start_gateway()
    run.run(1)
    after = run.view.snapshot()
    assert after.health.replicas_equal is True
    moved = set(run.results[-1].members.tolist())
    for row, (old, new) in enumerate(zip(before.nodes, after.nodes, strict=True)):
        if row not in moved:
            assert (old.temp_degc, old.rh_pct, old.wind_m_s) == (
                new.temp_degc,
                new.rh_pct,
                new.wind_m_s,
            )
        assert new.provenance in {"reported", "held"}
    assert after.rf.total_bytes == sum(len(t.frame) for t in run.results[-1].transmissions)
    rebuilt = [e for e in after.events if e.text.startswith("replica made")]
    assert len(rebuilt) == 1


def test_losses_show_as_differing_replicas() -> None:
    """With a tenth of the frames lost on every link, every difference is counted."""
    run = Run(loss=0.1)
    snapshot = run.run(DAY_PHASES)
    assert run.differing > 0
    health = snapshot.health
    compared = DAY_PHASES * 28
    on_air = health.digests_checked - compared
    assert on_air > 0
    assert run.differing <= health.divergences <= run.differing + on_air
    assert "divergence" in {e.kind for e in snapshot.events}
    assert len(snapshot.events) <= 200
