# SPDX-License-Identifier: Apache-2.0
"""Alerts: series are fed to a real engine, and an alert is expected, or not, at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from qres.channels import BATTERY
from qres.plan.battery import LFP, LI_ION
from qres_dashboards.alerts import ALERTS
from qres_dashboards.config import BATTERY_LOW_MV
from qres_dashboards.generate import RULES_FILE, RUNBOOK_FILE
from qres_dashboards.runbook import anchor
from tests.dashboards.engine import Engine
from tests.dashboards.evaluator import Labels, Rule, Run
from tests.dashboards.store import Point, Value
from tests.sources import ROOT

T0: Final = 1_750_000_000 - 1_750_000_000 % 86_400
HOUR: Final = 3600
EPOCH: Final = 600
DEADLINE_S: Final = 6 * HOUR + 2 * EPOCH

RULES: Final[dict[str, Any]] = {
    rule["uid"]: rule
    for group in yaml.safe_load((ROOT / RULES_FILE).read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
Fire = Callable[..., None]


def of(**tags: str) -> Labels:
    """Labels of an alert."""
    return frozenset(tags.items())


@pytest.fixture
def expect(influx: Engine, request: pytest.FixtureRequest) -> Fire:
    """
    Feed points, look every 10 min (or `step_s`; the group looks each minute), compare what fires.

    Called with the rule's uid, the points, and for times in seconds after T0 the values of the
    tag "node", "sink" or "field" that must be firing then.
    """
    database = re.sub(r"\W", "_", request.node.name)

    def check(
        uid: str, points: Iterable[Point], firing: dict[int, set[str]], step_s: int = 600
    ) -> None:
        influx.create(database, list(points))
        run = Run(Rule(RULES[uid]))
        for now_s in range(T0, T0 + max(firing) + 1, step_s):
            found = run.tick(influx, database, now_s)
            if now_s - T0 in firing:
                named = {_name(labels) for labels in found}
                assert named == firing[now_s - T0], f"{(now_s - T0) / HOUR:.2f} h after T0"

    return check


def _name(labels: Labels) -> str:
    tags = dict(labels)
    return tags.get("node", tags.get("sink", tags.get("field", "no data")))


def node(name: str, at_s: int, heard_s: float | None, status: int) -> Point:
    """A look at a node."""
    fields: dict[str, Value] = {"status": status, "deadline_s": float(DEADLINE_S)}
    if heard_s is not None:
        fields["last_heard_s"] = heard_s
    return Point("node", {"field": "f", "node": name}, fields, T0 + at_s)


def frame(name: str, at_s: int, n_bytes: int, airtime_us: int) -> Point:
    """A frame that was heard."""
    tags = {"field": "f", "node": name, "kind": "report", "receiver": "tower"}
    return Point("rf_frame", tags, {"bytes": n_bytes, "airtime_us": airtime_us}, T0 + at_s)


def limits(hours: int, fields: dict[str, Value]) -> list[Point]:
    """What the sums are compared with."""
    tags = {"field": "f", "band": "P"}
    return [Point("rf_limit", tags, fields, T0 + h * HOUR) for h in range(hours)]


def test_predicted_silence_does_not_alert_and_a_dead_node_does(expect: Fire) -> None:
    """A node held by prediction up to its deadline is fine; past it, it alerts until heard."""
    points = []
    for at in range(0, 10 * HOUR, EPOCH):
        points.append(node("3", at, float(at % DEADLINE_S), 2))  # speaks at its deadline, no sooner
        heard = at if at < 9 * HOUR else at - 9 * HOUR
        points.append(node("7", at, float(heard), 3 if heard > DEADLINE_S else 2))
    expect(
        "qres-node-silent",
        points,
        {
            HOUR: set(),
            6 * HOUR: set(),
            DEADLINE_S: set(),
            DEADLINE_S + EPOCH: {"7"},
            8 * HOUR: {"7"},
            9 * HOUR: set(),
        },
    )


def test_a_silent_gateway_is_not_a_silent_node(expect: Fire) -> None:
    """When the gateway stops writing, no node alerts; the gateway's own alert does."""
    points = [node("3", at, float(at), 2) for at in range(0, 5 * HOUR, EPOCH)]
    expect("qres-node-silent", points, {5 * HOUR: set(), 9 * HOUR: set()})


def test_a_node_that_was_never_heard_alerts_after_eight_hours(expect: Fire) -> None:
    """Unknown since the start alerts after eight hours; one known from a checkpoint does not."""
    points = [node("3", at, None, 0) for at in range(0, 10 * HOUR, EPOCH)]
    points += [node("7", at, None, 0 if at < 7 * HOUR else 2) for at in range(0, 10 * HOUR, EPOCH)]
    firing: dict[int, set[str]] = {EPOCH: set(), 7 * HOUR: set(), 8 * HOUR: {"3"}, 9 * HOUR: {"3"}}
    expect("qres-node-never-heard", points, firing)


def test_battery_alerts_when_a_day_does_not_lift_it(expect: Fire) -> None:
    """Low for 24 h alerts, by night only does not; it clears with the sun; none without battery."""
    points = []
    for at in range(0, 60 * HOUR, EPOCH):
        worn = 3480.0 if 6 * HOUR <= at < 50 * HOUR else 3600.0
        night = 3450.0 if at // HOUR % 24 < 12 else 3700.0
        for name, batt_mv in (("3", worn), ("7", night), ("8", 3500.0), ("9", None)):
            fields: dict[str, Value] = {"status": 2}
            if batt_mv is not None:
                fields["batt_mv"] = batt_mv
            points.append(Point("node", {"field": "f", "node": name}, fields, T0 + at))
    expect(
        "qres-battery-low",
        points,
        {
            6 * HOUR: set(),
            29 * HOUR: set(),
            31 * HOUR: {"3"},
            49 * HOUR: {"3"},
            51 * HOUR: set(),
            59 * HOUR: set(),
        },
    )


def test_the_limit_of_the_battery_is_above_hibernation() -> None:
    """At every tolerance class a node that hibernates, at 3.3 V, was seen to be low before."""
    assert set(BATTERY_LOW_MV) == {LI_ION.name, LFP.name}
    assert BATTERY_LOW_MV[LI_ION.name] - max(BATTERY.tolerance) >= 3300
    source = (ROOT / "firmware/ports/link/link.c").read_text(encoding="utf-8")
    assert "QRES_DIPOLE_CDBI, 3300}" in source


def test_divergence_alerts_when_it_lasts(expect: Fire) -> None:
    """Half an hour of divergence is repaired in silence; more than an hour alerts, then clears."""
    bad = (*range(HOUR, HOUR + 1800), *range(3 * HOUR, 5 * HOUR))
    points = [
        Point("swarm", {"field": "f"}, {"diverged": int(at in bad)}, T0 + at)
        for at in range(0, 6 * HOUR, 150)
    ]
    expect(
        "qres-replica-diverged",
        points,
        {
            HOUR + 1200: set(),
            2 * HOUR: set(),
            3 * HOUR + 3000: set(),
            4 * HOUR + 1200: {"f"},
            5 * HOUR + 1200: set(),
        },
    )


def test_duty_cycle_alerts_in_any_sixty_minutes(expect: Fire) -> None:
    """290 s on air within 60 min, across two clock hours, alert at a law of 10 %; 280 s do not."""
    law = limits(8, {"duty_pct": 10.0})
    near = [frame("3", 2 * HOUR - 1400 + i * 100, 51, 10_000_000) for i in range(29)]
    below = [frame("7", 2 * HOUR - 1400 + i * 100, 51, 10_000_000) for i in range(28)]
    expect(
        "qres-duty-near-law",
        [*law, *near, *below],
        {HOUR: set(), 2 * HOUR + 600: set(), 2 * HOUR + 1800: {"3"}, 3 * HOUR: set()},
    )


def test_no_law_no_duty_alert(expect: Fire) -> None:
    """Without a duty cycle, limit 100 %, the alert stays silent however much is sent."""
    points = [frame("3", HOUR + i * 10, 51, 9_000_000) for i in range(300)]  # 75 % of an hour
    expect("qres-duty-near-law", [*points, *limits(3, {"duty_pct": 100.0})], {2 * HOUR: set()})
    expect("qres-duty-near-law", [*points, *limits(3, {"budget_bytes_h": 800})], {2 * HOUR: set()})


def test_a_misnamed_band_is_no_law(expect: Fire) -> None:
    """A frame that a receiver puts outside every sub-band, limit 0, does not make an alert."""
    misnamed = Point("rf_limit", {"field": "f", "band": "none"}, {"duty_pct": 0.0}, T0 + HOUR)
    points = [*limits(3, {"duty_pct": 10.0}), misnamed, frame("3", HOUR + 60, 6, 100_000)]
    expect("qres-duty-near-law", points, {HOUR + 600: set(), HOUR + 1200: set()})


def test_the_strictest_band_is_the_law(expect: Fire) -> None:
    """With two sub-bands in use the stricter law counts, and each node is named once."""
    strict = [
        Point("rf_limit", {"field": "f", "band": "M"}, {"duty_pct": 1.0}, T0 + h * HOUR)
        for h in range(3)
    ]
    points = [frame("3", HOUR + i * 60, 51, 1_000_000) for i in range(30)]
    expect(
        "qres-duty-near-law",
        [*limits(3, {"duty_pct": 10.0}), *strict, *points],
        {HOUR + 2400: {"3"}},
    )


def test_budget_alerts_when_it_lasts(expect: Fire) -> None:
    """More bytes in 60 min than the budget alert if that lasts for a quarter of an hour."""
    full = [frame("3", i * 60, 10, 20_000) for i in range(2 * 60)]  # 600 B/h
    more = [frame("7", HOUR + i * 60, 4, 20_000) for i in range(60)]  # 840 B/h at the end
    budget = limits(6, {"budget_bytes_h": 800})
    expect(
        "qres-rf-budget",
        [*full, *more, *budget],
        {HOUR: set(), 2 * HOUR - 600: set(), 2 * HOUR: set(), 2 * HOUR + 600: set()},
    )
    longer = [frame("7", HOUR + i * 60, 6, 20_000) for i in range(90)]  # 960 B/h at two hours
    expect(
        "qres-rf-budget",
        [*full, *longer, *budget],
        {HOUR: set(), HOUR + 2400: set(), 2 * HOUR: {"f"}, 4 * HOUR: set()},
    )


def test_backlog_alerts_by_sink(expect: Fire) -> None:
    """A sink whose oldest row is older than 15 min for 10 min alerts by name; the others do not."""
    points = []
    for at in range(0, 3 * HOUR, 60):
        behind = float(max(0, at - HOUR) if at < 2 * HOUR else 5)
        for sink, age in (("influxdb", 2.0), ("mqtt", behind)):
            fields: dict[str, Value] = {"backlog_age_s": age, "frames": at}
            points.append(Point("gateway", {"field": "f", "sink": sink}, fields, T0 + at))
    expect(
        "qres-gateway-backlog",
        points,
        {HOUR: set(), HOUR + 1200: set(), HOUR + 2400: {"mqtt"}, 2 * HOUR + 600: set()},
    )


def gateway(name: str, times: Iterable[int]) -> list[Point]:
    """Looks of a gateway at itself."""
    tags = {"field": name, "sink": "influxdb"}
    return [Point("gateway", tags, {"frames": at}, T0 + at) for at in times]


def test_a_gateway_that_writes_nothing_alerts(expect: Fire) -> None:
    """While points come each minute nothing fires at any minute; of two gateways one that stops."""
    points = gateway("hill", range(-HOUR, 3 * HOUR, 60))
    points += gateway("f", range(-HOUR + 20, HOUR, 60))
    quiet: dict[int, set[str]] = {at: set() for at in range(0, HOUR + 300, 60)}
    firing = quiet | {at: {"f"} for at in range(HOUR + 900, 2 * HOUR, 60)}
    expect("qres-gateway-silent", points, firing, step_s=60)


def test_no_gateway_at_all_alerts(expect: Fire) -> None:
    """When nothing was written in two days, there is no series, and that alerts too."""
    points = gateway("f", range(-3 * 86_400, -2 * 86_400 - HOUR, 600))
    expect("qres-gateway-silent", points, {0: set(), 600: {"no data"}})


def test_red_flag_fires_at_red_only(expect: Fire) -> None:
    """Calm and watch are silent, red fires at once, and it clears when the regime falls."""
    points = [
        Point("fire_field", {"field": "f"}, {"regime": regime}, T0 + i * EPOCH)
        for i, regime in enumerate([0, 0, 1, 1, 2, 2, 2, 1, 0])
    ]
    firing: dict[int, set[str]] = {
        EPOCH: set(),
        3 * EPOCH: set(),
        4 * EPOCH: {"f"},
        6 * EPOCH: {"f"},
        7 * EPOCH: set(),
    }
    expect("qres-red-flag", points, firing)


def test_an_empty_database_alerts_only_that_the_gateway_is_silent(influx: Engine) -> None:
    """Before anything was written no rule fails, and only one fires."""
    influx.create("empty", [])
    firing = set()
    for uid, body in RULES.items():
        run = Run(Rule(body))
        for now_s in range(T0, T0 + 9 * HOUR, 1800):
            run.tick(influx, "empty", now_s)
        if run.firing:
            firing.add(uid)
    assert firing == {"qres-gateway-silent"}


def test_every_alert_has_a_test_above() -> None:
    """No alert comes without series that make it fire: its uid is used in this file."""
    text = Path(__file__).read_text(encoding="utf-8")
    fired = set(re.findall(r'expect\(\s*"(qres-[\w-]+)"', text))
    assert fired == {alert.uid for alert in ALERTS} == set(RULES)


def test_every_alert_has_its_entry_in_the_runbook() -> None:
    """The runbook has a heading, a list entry with a link, and the actions of each alert."""
    text = (ROOT / RUNBOOK_FILE).read_text(encoding="utf-8")
    for alert in ALERTS:
        assert f"- [{alert.title}](#{anchor(alert.title)})" in text
        entry = text.split(f"\n## {alert.title}\n")[1].split("\n## ")[0]
        assert all(action in entry for action in alert.actions)
        assert len(alert.actions) >= 3
