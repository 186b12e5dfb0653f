# SPDX-License-Identifier: Apache-2.0
"""Points are what the store says, with the schema's types."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write import point as theirs_untyped

from qres.fire_weather.hdw import surface_hdw
from qres.fire_weather.vpd import vpd_kpa
from qres_gateway.fire_state import COLUMNS, FireState
from qres_gateway.ledger import AirtimeRow, Sum
from qres_gateway.outbox import HeardFrame, StoredCommit
from qres_gateway.sinks import points
from qres_gateway.sinks.point import Point, line, point
from qres_gateway.sinks.schema import MEASUREMENTS, measurement
from tests.gateway.sink_store import FIELD, SITE

if TYPE_CHECKING:
    from collections.abc import Mapping

N = len(SITE.nodes)
LAST_PHASE = 4_000_003  # the last one of its epoch
ROWS = [
    AirtimeRow(5, 2, "report", "P", 3, 18, 371_712),
    AirtimeRow(5, -1, "x", "none", 1, 9, 0),
]
CHANNELS = ("temp_degc", "rh_pct", "wind_m_s", "rain_mm")
PHASE_OF_NODE_0 = LAST_PHASE - 3 + int(FIELD.phase_of[0])
TEXT = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\\")
theirs: Any = theirs_untyped  # the client has no types
PYTHON_TYPE = {"float": float, "integer": int, "string": str, "boolean": bool}


def fire_state() -> FireState:
    """Numbers that are all different; one unknown."""
    nodes = np.arange(N * len(COLUMNS), dtype=np.float64).reshape(N, -1) / 4
    nodes[2, 0] = np.nan
    return FireState(nodes, np.arange(N, dtype=np.uint8) % 4, 2, 77.5)


def commit(phase: int = LAST_PHASE, *, fire: FireState | None = None) -> StoredCommit:
    """A commit with different values everywhere; node 1 without wind, node 3 unknown."""
    values = np.array([[20.25 + i, 40.5 + i, 3.0 + i, 100.0 + i] for i in range(N)], np.float32)
    values[1, 2] = np.nan
    values[3] = np.nan
    status = np.array([1, 2, 3, 0, 4, 1], np.uint8)
    health = {"diverged": 1, "synced": 0, "bits_compared": 9, "of_no_interest": 5}
    time_us = phase * SITE.phase_us
    return StoredCommit(7, time_us, phase, 0xBEEF, values - 1, status, values, health, fire)


def all_points() -> list[Point]:
    """At least one point of every measurement that points.py makes."""
    c = commit(fire=fire_state())
    heard = HeardFrame(3, 10**15, "report", 2, True, "rx,1 =", 6, -97.0, 5.5, -250)
    return [
        *points.weather_points(FIELD, commit(PHASE_OF_NODE_0)),
        *points.fire_points(FIELD, c),
        *points.swarm_point(FIELD, c),
        *points.node_points(FIELD, c, [heard, *[None] * (N - 1)]),
        *points.frame_point(FIELD, heard),
        *points.rf_points(FIELD, 5, ROWS, {("frame", "tag"): Sum(2, 12, 100)}),
    ]


def only(found: list[Point], name: str, *tags: str) -> Mapping[str, Any]:
    """Fields of the one point of that name and tags."""
    (p,) = [p for p in found if p.measurement == name and p.tags[1:] == tags]
    return p.fields


def test_every_point_has_the_types_of_the_schema() -> None:
    """Each field of each point has its column's type, so a database never sees two."""
    found = all_points()
    made = {p.measurement for p in found}
    assert made == {m.name for m in MEASUREMENTS} - {"fwi_daily", "gateway"}
    for p in found:
        kinds = {c.name: c.kind for c in measurement(p.measurement).columns}
        assert len(p.tags) == len(measurement(p.measurement).tags)
        for name, value in p.fields.items():
            assert type(value) is PYTHON_TYPE[kinds[name]], (p.measurement, name)


def test_every_column_has_a_source() -> None:
    """No column of the schema stays empty for ever: some point fills each."""
    filled: dict[str, set[str]] = {}
    for p in all_points():
        filled.setdefault(p.measurement, set()).update(p.fields)
    for name, columns in filled.items():
        wanted = {c.name for c in measurement(name).columns}
        if name == "swarm":  # the commit above has few counters
            wanted &= columns | {"digest", "diverged", "synced", "bits_compared", "nodes_stale"}
        if name == "node":
            wanted -= {"batt_mv"}  # this site has no batteries; test_battery has some
        assert columns == wanted, name


def test_weather_is_of_the_nodes_that_measured() -> None:
    """In its phase a node gets its judged values, at the phase's beginning; no other node does."""
    for phase in range(LAST_PHASE - 3, LAST_PHASE + 1):
        c = commit(phase)
        found = points.weather_points(FIELD, c)
        due = [i for i in range(N) if FIELD.phase_of[i] == phase % 4]
        assert [p.tags for p in found] == [(SITE.name, str(SITE.nodes[i].id)) for i in due]
        assert {p.time_us for p in found} == {phase * SITE.phase_us}
        for i, p in zip(due, found, strict=True):
            assert c.judged is not None
            expected = {
                n: float(v)
                for n, v in zip(
                    ("temp_degc", "rh_pct", "wind_m_s", "rain_mm"), c.judged[i], strict=True
                )
                if not math.isnan(v)
            }
            assert p.fields == expected | {"status": int(c.status[i])}


def test_an_old_commit_gives_predictions() -> None:
    """A row of a store of version 1 has no judged values; its predictions stand for them."""
    c = commit(PHASE_OF_NODE_0)
    old = StoredCommit(1, c.time_us, c.phase, c.digest, c.values, c.status)
    found = points.weather_points(FIELD, old)
    assert found[0].fields["temp_degc"] == float(c.values[int(found[0].tags[1]), 0])
    assert "synced" not in points.swarm_point(FIELD, old)[0].fields


def test_fire_without_a_fire_state() -> None:
    """If the replica keeps none, VPD and HDW come from the values and the rest is left out."""
    found = points.fire_points(FIELD, commit())
    fields = only(found, "fire", "0")
    assert fields == {
        "vpd_kpa": round(float(vpd_kpa(20.25, 40.5)), 5),
        "surface_hdw": round(float(surface_hdw(20.25, 40.5, 3.0)), 5),
        "status": 1,
    }
    assert only(found, "fire", "3") == {"status": 0}
    assert "surface_hdw" not in only(found, "fire", "1"), "no wind"
    fresh = [float(vpd_kpa(20.25 + i, 40.5 + i)) for i in (0, 1, 5)]
    assert only(found, "fire_field") == {"vpd_kpa": round(float(np.mean(fresh)), 5), "nodes": 3}


def test_fire_state_is_told_as_it_is() -> None:
    """Each number of the fire state comes out under its name; the field's means leave out stale."""
    state = fire_state()
    found = points.fire_points(FIELD, commit(fire=state))
    for i, node in enumerate(FIELD.nodes):
        fields = only(found, "fire", node)
        for k, name in enumerate(COLUMNS):
            expected = state.nodes[i, k]
            assert fields.get(name) == (None if math.isnan(expected) else expected)
        assert fields["cause"] == state.cause[i]
    whole = only(found, "fire_field")
    fresh = state.nodes[[0, 1, 5]]
    assert whole["ffmc"] == round(float(fresh[:, 0].mean()), 5)
    assert whole["isi_max"] == fresh[:, 1].max()
    assert (whole["regime"], whole["anomaly"], whole["nodes"]) == (2, 77.5, 3)
    told = replace(state, field_ffmc=88.5, field_isi=7.25)
    agreed = only(points.fire_points(FIELD, commit(fire=told)), "fire_field")
    assert (agreed["ffmc"], agreed["isi"]) == (88.5, 7.25), "the replicas' own means are used"


def test_fire_state_survives_the_store() -> None:
    """Bytes and back: the same numbers; cut bytes are refused; a later version is nothing."""
    state = fire_state()
    back = FireState.from_bytes(state.to_bytes())
    assert back is not None
    np.testing.assert_array_equal(back.nodes, state.nodes)
    np.testing.assert_array_equal(back.cause, state.cause)
    assert (back.regime, back.field_anomaly) == (2, 77.5)
    with pytest.raises(ValueError, match="must be"):
        FireState.from_bytes(state.to_bytes()[:-1])
    assert FireState.from_bytes(b"\x02whatever comes") is None


def test_swarm_and_node() -> None:
    """Digest in eight digits, counts by status, counters that there are; silence to phase end."""
    c = commit()
    (swarm,) = points.swarm_point(FIELD, c)
    assert swarm.fields == {
        "digest": "0000beef", "diverged": 1, "synced": 0, "bits_compared": 9, "nodes_unknown": 1,
        "nodes_reported": 2, "nodes_held": 1, "nodes_stale": 1, "nodes_diverged": 1,
    }  # fmt: skip
    end_us = c.time_us + SITE.phase_us
    heard = HeardFrame(1, end_us - 2_500_000, "report", 0, False, "rx", 6, None, 5.5, -250)
    found = points.node_points(FIELD, c, [heard, *[None] * (N - 1)])
    assert only(found, "node", "0") == {
        "status": 1, "deadline_s": 22_800.0, "last_heard_s": 2.5, "offset_us": -250, "snr_db": 5.5,
        "lat_deg": round(SITE.nodes[0].lat_deg, 5), "lon_deg": round(SITE.nodes[0].lon_deg, 5),
    }  # fmt: skip
    assert "last_heard_s" not in only(found, "node", "4"), "never heard"


def test_rf_hour_is_the_ledger() -> None:
    """Sums as the ledger has them; limits for each sub-band that was used, and no other."""
    found = points.rf_points(FIELD, 5, ROWS, {("frame", "tag"): Sum(2, 12, 100)})
    assert {p.time_us for p in found} == {5 * 3_600_000_000}
    sums = {"frames": 3, "bytes": 18, "airtime_us": 371_712}
    assert only(found, "rf_hour", "2", "report", "P") == sums
    assert only(found, "rf_hour", "unknown", "x", "none")["bytes"] == 9
    assert only(found, "rf_refused", "frame", "tag") == {"frames": 2, "bytes": 12}
    assert only(found, "rf_limit", "P")["duty_pct"] == 10.0
    assert only(found, "rf_limit", "none")["duty_pct"] == 0.0
    assert only(found, "rf_limit", "P")["budget_bytes_h"] == 1024


def test_what_the_schema_does_not_have_is_refused() -> None:
    """An unknown measurement or field, a missing or empty tag: never written."""
    with pytest.raises(KeyError):
        point("wether", ("a",), 0, {"x": 1})
    with pytest.raises(KeyError):
        point("swarm", ("a",), 0, {"digst": "x"})
    for tags in ((), ("a", "b"), ("",)):
        with pytest.raises(ValueError, match="tags of swarm"):
            point("swarm", tags, 0, {"synced": 1})
    assert point("swarm", ("a",), 0, {"synced": None}) is None
    assert point("node", ("a", "1"), 0, {"snr_db": math.inf}) is None


@given(
    tag=st.text(TEXT, min_size=1),
    text=st.text(TEXT),
    number=st.floats(-1e6, 1e6).map(lambda v: round(v, 5)),
    count=st.integers(-(2**31), 2**31),
    time_us=st.integers(0, 2**60),
)
def test_line_protocol_is_that_of_the_client(
    tag: str, text: str, number: float, count: int, time_us: int
) -> None:
    """For any text and number the line holds what `influxdb-client` itself would send."""
    ours = Point("node", (tag, "7"), {"snr_db": number, "status": count}, time_us)
    other = theirs.Point("node").tag("field", tag).tag("node", "7")
    other = other.field("snr_db", number).field("status", count).time(time_us, "us")
    mine, expected = line(ours), other.to_line_protocol()
    head, fields, at = mine.rpartition(" ")[0].rpartition(" ")[0], *mine.split(" ")[-2:]
    assert expected.startswith(head + " ")
    assert at == expected.split(" ")[-1]
    theirs_fields = dict(f.split("=") for f in expected.split(" ")[-2].split(","))
    mine_fields = dict(f.split("=") for f in fields.split(","))
    assert mine_fields["status"] == theirs_fields["status"] == f"{count}i"
    assert float(mine_fields["snr_db"]) == float(theirs_fields["snr_db"]) == number
    words = Point("swarm", ("a",), {"digest": text}, 1)
    other = theirs.Point("swarm").tag("field", "a").field("digest", text).time(1, "us")
    assert line(words) == other.to_line_protocol()


def test_a_tag_cannot_break_the_line() -> None:
    """Line breaks and a trailing backslash, which the protocol cannot hold, do no harm."""
    assert line(Point("swarm", ("a\nb\\",), {"synced": 1}, 1)) == "swarm,field=a\\ b/ synced=1i 1"
