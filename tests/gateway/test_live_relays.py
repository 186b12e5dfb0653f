# SPDX-License-Identifier: Apache-2.0
"""The live view of a gateway that knows some nodes only from what relays repeat."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from qres import weather_file
from qres.core import Status
from qres.virtual.air import Transmission
from qres.virtual.field import VirtualField
from qres.virtual.sites import DEMO_KEY, site_for
from qres_gateway.console.summary import summarise
from qres_gateway.console.view import Snapshot
from qres_gateway.events import FrameHeard, PhaseCommitted
from qres_gateway.field_rules import rules_for
from qres_gateway.frame_log import LoggedFrame, frame_key
from qres_gateway.live import LiveView
from qres_gateway.pipeline import Pipeline
from qres_gateway.sources.base import Instant, RawFrame
from tests.gateway.fake_field import ListHistory

N = 6
RELAYS = (4, 1)  # rows, and ids
AUDIBLE = (4, 5)  # what the gateway hears; 0..3 never
DEAF = tuple(i for i in range(N) if i not in AUDIBLE)


@dataclass
class Run:
    """Nodes in two groups, a gateway beside the second, and everything that was on air."""

    relays: tuple[int, ...] = RELAYS
    sent: list[Transmission] = field(default_factory=list)
    reported: list[tuple[int, int]] = field(default_factory=list)  # node and start of its phase
    kinds: set[tuple[str, int | None]] = field(default_factory=set)
    differing: int = 0

    def __post_init__(self) -> None:
        weather = weather_file.demo().with_mean_wind().subset(range(N))
        self.site = replace(site_for(weather), relays=self.relays)
        loss = np.ones((N, N + 1))
        loss[np.ix_(range(4), range(4))] = 0.0
        loss[np.ix_((4, 5), (4, 5, N))] = 0.0
        loss[1, 4] = loss[4, 1] = 0.0  # the one bridge between the groups
        self.nodes = VirtualField(self.site, DEMO_KEY, weather, loss=loss, extra_receivers=1)
        self.history = ListHistory()
        self.now_us = self.nodes.now_us
        self.view = LiveView(self.site, demo=True, clock=lambda: self.now_us)
        self.pipeline = Pipeline(
            rules_for(self.site, DEMO_KEY), self.history, last_id=0, last_commit_us=None
        )

    def run(self, phases: int) -> Snapshot:
        """Let phases pass."""
        site = self.site
        for _ in range(phases):
            result = self.nodes.run_phase()
            self.sent += result.transmissions
            self.reported += [
                (t.sender, result.time_us) for t in result.transmissions if t.kind == "report"
            ]
            rows = []
            for sent in (r.sent for r in result.receptions if r.heard_by[N]):
                assert sent.sender in AUDIBLE
                frame = RawFrame(
                    *(sent.frame, sent.end_us, "gps", "a", site.freq_hz, site.sf, site.bw_hz),
                    *(-90.0, 5.0, True),
                )
                rows.append(
                    LoggedFrame(len(self.history.rows) + 1, frame, frame_key(sent.frame), None)
                )
                self.history.rows.append(rows[-1])
            self.now_us = self.nodes.now_us - 1
            for event in self.pipeline.process(rows, Instant(self.now_us, self.now_us)).events:
                self.view.feed(event)
                if isinstance(event, FrameHeard):
                    self.kinds.add((event.kind, event.node))
                elif isinstance(event, PhaseCommitted):
                    self.differing += sum(digest != event.digest for digest in result.digests)
        return self.view.snapshot()

    def last_us(self, row: int) -> int:
        """When the node measured what it reported last."""
        return max(at_us for sender, at_us in self.reported if sender == row)


@pytest.fixture(scope="module")
def relayed() -> Run:
    """Six hours behind relays."""
    run = Run()
    run.run(6 * 24)
    return run


def test_the_gateway_knows_nodes_that_it_never_hears(relayed: Run) -> None:
    """No frame of the far group arrives, and yet the gateway equals every node in every phase."""
    assert relayed.differing == 0
    assert {node for _, node in relayed.kinds} == {relayed.site.ids[i] for i in AUDIBLE}
    assert {kind for kind, _ in relayed.kinds} >= {"report", "relay"}
    held = relayed.nodes.nodes[0].judged[:, :2].round(3).tolist()
    shown = relayed.view.snapshot().nodes
    assert [[n.temp_degc, n.rh_pct] for n in shown] == held


def test_last_report_of_a_node_behind_relays(relayed: Run) -> None:
    """A deaf node's last report is as old as the sample that it reported, which a relay told."""
    shown = relayed.view.snapshot().nodes
    for row in DEAF:
        assert shown[row].last_report_us == relayed.last_us(row)
        assert (shown[row].reports, shown[row].rf_bytes) == (0, 0)  # of its own frames: none
    for row in AUDIBLE:
        own = [t for t in relayed.sent if t.sender == row and t.kind == "report"]
        assert shown[row].last_report_us == own[-1].end_us
        assert shown[row].reports == len(own)


def test_provenance_of_a_node_behind_relays() -> None:
    """It is "reported" from its report to its next silent sample, as on the nodes themselves."""
    run = Run()
    seen = set()
    for _ in range(3 * 24):
        shown = run.run(1).nodes
        status = run.nodes.nodes[0].status
        assert [n.provenance for n in shown] == [Status(s).name.lower() for s in status.tolist()]
        for row in DEAF:
            seen.add(shown[row].provenance)
            if shown[row].provenance == "reported":
                assert shown[row].last_report_us == shown[row].since_us == run.last_us(row)
            elif shown[row].provenance == "unknown":
                assert shown[row].last_report_us is None
    assert {"reported", "held"} <= seen


def test_the_series_marks_relayed_reports(relayed: Run) -> None:
    """In the series of a deaf node exactly the samples that it reported are marked."""
    for row in DEAF:
        series = relayed.view.series(relayed.site.ids[row], "temp_degc")
        marked = [t for t, is_it in zip(series.time_us, series.reported, strict=True) if is_it]
        assert marked == [at_us for sender, at_us in relayed.reported if sender == row]


def test_relays_are_counted_as_what_they_are(relayed: Run) -> None:
    """Bytes and frames of RELAYs have a kind of their own; the field is well."""
    snapshot = relayed.view.snapshot()
    heard = [t for t in relayed.sent if t.sender in AUDIBLE]
    relays = [t for t in heard if t.kind == "relay"]
    hours = snapshot.rf.hours
    assert sum(h.frames.get("relay", 0) for h in hours) == len(relays) > 0
    assert sum(h.bytes.get("relay", 0) for h in hours) == sum(len(t.frame) for t in relays)
    assert snapshot.rf.total_frames == len(heard)
    assert snapshot.rf.refused == {}
    assert summarise(snapshot).state == "healthy"


def test_without_relays_they_stay_unknown() -> None:
    """A gateway without relays says of nodes out of its reach that it knows nothing."""
    run = Run(relays=())
    shown = run.run(12).nodes
    assert {shown[row].provenance for row in DEAF} == {"unknown"}
    assert {shown[row].last_report_us for row in DEAF} == {None}
    assert all(shown[row].last_report_us for row in AUDIBLE)
