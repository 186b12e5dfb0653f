# SPDX-License-Identifier: Apache-2.0
"""Fields with relays: what relays may send, when beacons are due, what is said of others."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from qres.site import load_site
from qres_gateway.audit.hours_csv import COLUMNS
from qres_gateway.audit.page import page
from qres_gateway.audit.unseen import most_per_hour
from tests.gateway.audit.made_store import (
    HOUR_US,
    Made,
    Sent,
    every,
    made,
    make_site,
    run,
    run_json,
)

MINUTE_US = 60_000_000
PHASE_US = 150_000_000


def relayed(hours: int, node: int = 2, size: int = 51) -> list[Sent]:
    """Two RELAYs of a node in each phase."""
    return [
        Sent(at + place, node, "relay", size)
        for at in range(0, hours * HOUR_US, PHASE_US)
        for place in (10_000_000, 20_000_000)
    ]


@pytest.fixture
def field(tmp_path: Path) -> Made:
    """Five hours: node 0 reports, node 2 is a relay that sends all it may."""
    sent = [*every(10 * MINUTE_US, 5 * HOUR_US), *relayed(5)]
    return made(tmp_path, sorted(sent, key=lambda s: s.at_us), relays=(2,), sf=9)


def test_each_node_has_its_own_bound(tmp_path: Path) -> None:
    """A relay: 50 frames of 51 B more; others as without relays; the site's is the greatest."""
    # source: SPEC 3 and 6.6; 24 phases of 150 s an hour, and one for a clock that is corrected
    plain = load_site(make_site(tmp_path / "a"))
    site = load_site(make_site(tmp_path / "b", relays=(2,)))
    most = most_per_hour(site, is_relay=True)
    assert most == most_per_hour(site)
    assert most_per_hour(site, is_relay=False) == most_per_hour(plain)
    assert most.frames - most_per_hour(plain).frames == 50
    assert most.airtime_us - most_per_hour(plain).airtime_us == 50 * site.airtime_us(51)


def test_what_a_relay_may_send_is_no_fault(field: Made) -> None:
    """48 RELAYs an hour of the relay are as the protocol says; of another node they are told."""
    f = field.figures(budget_bytes_h=10_000)
    assert [r["code"] for r in f["reasons"]] == []
    assert f["accepted"]["kinds"]["relay"] == {
        "frames": 240, "bytes": 240 * 51, "airtime_us": 240 * 328_704,
    }  # fmt: skip
    nodes = {n["node"]: n for n in f["nodes"]}
    assert [n for n in nodes if nodes[n]["is_relay"]] == f["site"]["relays"] == [2]
    assert nodes[2]["bound_60min_airtime_us"] == f["law"]["bound_us"]
    assert nodes[0]["bound_60min_airtime_us"] == f["law"]["bound_us"] - 50 * 328_704


def test_a_node_that_plays_relay(tmp_path: Path) -> None:
    """The same frames of a node that the site does not name as a relay: a fault is told."""
    sent = sorted([*every(10 * MINUTE_US, 5 * HOUR_US), *relayed(5, 1)], key=lambda s: s.at_us)
    f = made(tmp_path, sent, relays=(2,), sf=9).figures(budget_bytes_h=10_000)
    (reason,) = f["reasons"]
    assert reason["code"] == "beyond_protocol"
    assert reason["text"].startswith("nodes 1 sent more in 60 minutes than the protocol lets them")


def test_the_law_holds_for_relays(tmp_path: Path) -> None:
    """On a 1 % channel at SF11 a relay that uses its slots breaks the law: the bound says so."""
    # source: by hand, 51 B at SF11/125 kHz, low data rate: 20.25 + 5*ceil(408/36) = 80.25 symbols
    # of 16.384 ms = 1.314816 s; 48 an hour are 63 s, 1 % of an hour is 36 s
    sent = sorted([*every(10 * MINUTE_US, 5 * HOUR_US), *relayed(5)], key=lambda s: s.at_us)
    m = made(tmp_path, sent, relays=(2,), sf=11, freq_hz=868_300_000)
    f = m.figures(budget_bytes_h=10_000)
    assert f["law"]["worst_us"] == 48 * 1_314_816
    assert not f["law"]["bound_is_legal"]
    assert [r["code"] for r in f["reasons"]] == ["law_duty"]
    few = [s for s in sent if s.kind != "relay"]
    quiet = made(tmp_path / "few", few, relays=(2,), sf=11, freq_hz=868_300_000).figures()
    assert quiet["verdict"] == "within"
    assert "cannot be on air for more" not in quiet["text"]


def test_beacons_come_before_the_relay_slots(tmp_path: Path) -> None:
    """A period that begins after the common slot, but in the relays', misses the phase's beacon."""
    sent = every(10 * MINUTE_US, 5 * HOUR_US)
    m = made(tmp_path, sent, relays=(1, 2))
    site = m.site
    common_us = site.commit_us - 5 * site.common_us
    assert common_us == 500_000 + site.slot_us  # SPEC 3: lead, one member a phase
    from_us = 20_000 * 24 * HOUR_US
    after = m.figures(from_us=from_us + common_us + site.common_us)
    before = m.figures(from_us=from_us + common_us)
    assert before["unseen"]["beacons_due"] - after["unseen"]["beacons_due"] == 1


def test_what_is_said_of_others(field: Made, tmp_path: Path) -> None:
    """With relays every computed figure says that it takes one gateway to hear all; not without."""
    said = "as if one gateway heard everybody"
    peers = field.figures()["peers"]
    assert all(said in p["assumptions"] for p in peers if p["basis"] == "computed")
    assert "What they would need to be heard at all is not in them" in page(field.audit())
    plain = made(tmp_path / "plain", every(10 * MINUTE_US, 5 * HOUR_US))
    assert not any(said in p["assumptions"] for p in plain.figures()["peers"])
    text = page(plain.audit())
    assert "relay" not in text[text.index("<main>") : text.index("What others")]
    assert "two frames a phase" not in text


def test_the_report_names_relays(field: Made) -> None:
    """Bars, legend and table have the kind; the node's line says what it is; two dotted lines."""
    text = page(field.audit(budget_bytes_h=10_000))
    assert 'class="relay"' in text
    assert '<th scope="row">relay</th>' in text
    assert text.count('class="bound"') == 2
    assert "protocol, relay" in text
    assert ", relay</td>" in text
    assert "two frames a phase and relay" in text


@pytest.mark.slow
def test_a_demo_with_relays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`qres demo --relays --reach-km 80`, 30 h: every sum fits, nobody is beyond the protocol."""
    store, table = tmp_path / "gateway.sqlite", tmp_path / "hours.csv"
    code, out, err = run(
        capsys, "demo", "--once", "--hours", 30, "--reach-km", 80, "--relays", "--store", store,
        "--json",
    )  # fmt: skip
    assert code == 0, err
    demo = json.loads(out)
    code, f = run_json(
        capsys, "audit", store, "--site", tmp_path / "site.toml", "--csv", table,
        "--limit-bytes-h", 4096,
    )  # fmt: skip
    schema = files("qres_gateway.audit").joinpath("schema.json").read_text(encoding="utf-8")
    jsonschema.validate(f, json.loads(schema))
    assert (code, f["reasons"]) == (0, [])
    relays = f["accepted"]["kinds"]["relay"]
    assert f["site"]["relays"] == demo["relays"]
    assert len(demo["relays"]) >= 1
    assert relays["frames"] > 0
    assert f["accepted"]["total"]["frames"] == demo["gateway_frames_decoded"]
    by_node = {n["node"]: n["kinds"]["relay"]["frames"] for n in f["nodes"]}
    assert {node for node, frames in by_node.items() if frames} <= set(demo["relays"])
    assert (f["coverage"]["share"], f["coverage"]["spans"], f["ledger"]["hours_differ"]) == (
        1,
        1,
        0,
    )
    lpp = next(p for p in f["peers"] if p["key"] == "lpp")
    assert lpp["bytes_per_h"] == demo["periodic_lorawan_bytes_per_hour"] == 28 * 168
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert sum(int(row["relay_bytes"]) for row in rows) == relays["bytes"]
