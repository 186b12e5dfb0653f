# SPDX-License-Identifier: Apache-2.0
"""InfluxDB: a real engine holds exactly what the store says, whatever happens to the server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from qres_gateway.sinks.errors import (
    SinkError,
    SinkFullError,
    SinkRefusedError,
    SinkRejectedError,
    SinkSlowError,
    SinkUnreachableError,
)
from qres_gateway.sinks.influx import InfluxSink
from qres_gateway.sinks.point import Point, Value
from qres_gateway.sinks.runner import Pace
from qres_gateway.sinks.schema import MEASUREMENTS
from tests.gateway.influx_server import BUCKET, ORG, TOKEN, Door, Influxd, influx, needs_influxd
from tests.gateway.sink_store import (
    LONG_H,
    QUICK,
    MemorySink,
    runner,
    store,
    wait_until,
)
from tests.gateway.test_sink_delivery import deliver

Key = tuple[str, tuple[str, ...], int]


def sink_for(door: Door, *, token: str = TOKEN, timeout_s: float = 5.0) -> InfluxSink:
    """A sink that writes through a door."""
    return InfluxSink(door.url, ORG, BUCKET, lambda: token, timeout_s=timeout_s)


def held_by(engine: Influxd) -> dict[Key, dict[str, Value]]:
    """Every point that the engine has but for gauges, by name."""
    found: dict[Key, dict[str, Value]] = {}
    for m in MEASUREMENTS:
        if m.name == "gateway":
            continue
        kinds = {c.name: c.kind for c in m.columns}
        for row in engine.rows(f'SELECT * FROM "{m.name}"'):  # noqa: S608  names from the schema
            tags = tuple(row.pop(tag) for tag in m.tags)
            key = (m.name, tags, row.pop("time"))
            found[key] = {
                n: float(v) if kinds[n] == "float" else v for n, v in row.items() if v is not None
            }
    return found


def wanted(path: Path) -> dict[Key, dict[str, Value]]:
    """Every point that a store makes."""
    memory = MemorySink()
    deliver(memory, path)
    return {key: dict(p.fields) for key, p in memory.points.items()}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Influxd, Door]]:
    """A real engine behind its door."""
    with influx(tmp_path / "influx") as made:
        yield made


def run_until(door: Door, path: Path, sink: InfluxSink, pace: Pace = QUICK) -> None:
    """Serve a sink until it has everything."""
    made = runner(sink, path, pace)
    made.start()
    wait_until(lambda: made.stats().state == "ok", f"{made.stats()} {door.requests[-3:]}")
    made.stop()
    assert made.join(10.0)
    assert made.stats().rejected_points == 0


@needs_influxd
def test_the_engine_holds_what_the_store_says(tmp_path: Path, server: tuple[Influxd, Door]) -> None:
    """Every point, every field, every number: read back from the engine, equal to the store's."""
    engine, door = server
    path = store(tmp_path, LONG_H)
    expected = wanted(path)
    run_until(door, store(tmp_path, LONG_H), sink_for(door))
    assert held_by(engine) == expected
    assert len(expected) > 5_000
    types = {
        (series["name"], name): kind
        for series in engine.query("SHOW FIELD KEYS")
        for name, kind in series["values"]
    }
    for m in MEASUREMENTS:
        for c in m.columns:
            assert types.get((m.name, c.name), c.kind) == c.kind


@needs_influxd
def test_killed_in_mid_batch(tmp_path: Path, server: tuple[Influxd, Door]) -> None:
    """The engine is killed and started again, again and again: in the end nothing is missing."""
    engine, door = server
    path = store(tmp_path)
    expected = wanted(path)
    path = store(tmp_path)
    made = runner(sink_for(door), path, Pace(0.01, 0.01, 0.05, 40, lambda: 1.0))
    made.start()
    for count in (3, 8, 13):
        wait_until(lambda count=count: door.requests.count(204) >= count)  # type: ignore[misc]  # loop
        engine.kill()
        wait_until(lambda: made.stats().state == "slow", "503 from the door")
        engine.start()
    wait_until(lambda: made.stats().state == "ok")
    made.stop()
    assert made.join(10.0)
    assert held_by(engine) == expected
    assert made.stats().failures >= 3


@needs_influxd
def test_confirmations_that_get_lost(tmp_path: Path, server: tuple[Influxd, Door]) -> None:
    """The engine has taken a batch but its answer is lost: written twice, stored once."""
    engine, door = server
    path = store(tmp_path)
    expected = wanted(path)
    door.cut = 4
    run_until(door, store(tmp_path), sink_for(door))
    assert held_by(engine) == expected
    assert door.cut == 0


@needs_influxd
def test_a_wrong_type_is_left_out_alone(server: tuple[Influxd, Door]) -> None:
    """One point that the engine refuses for its type does not hold up the others."""
    engine, door = server
    good = [Point("swarm", ("a",), {"synced": 1}, t) for t in range(1_000_000, 1_000_050)]
    bad = Point("swarm", ("a",), {"synced": "yes"}, 999)
    sink = sink_for(door)
    sink.open()
    assert sink.write(good[:20]) == 0
    assert sink.write([*good[20:30], bad, *good[30:]]) == 1
    sink.close()
    assert "type conflict" in sink.last_rejection
    assert engine.count("swarm", "synced") == 50


def test_malformed_points_are_found_by_halving() -> None:
    """A server that refuses whole batches for one line gets all the others."""
    with Door(None) as door:
        refusal = (400, '{"code":"invalid","message":"unable to parse line"}')
        sink = sink_for(door)
        sink.open()
        fine = (204, "")
        door.faults = [refusal, fine, refusal, refusal, fine, refusal, fine]
        points = [Point("swarm", ("a",), {"synced": 1}, t) for t in range(8)]
        rejected = sink.write(points)
        sink.close()
    assert rejected == 1
    assert door.requests == [400, 204, 400, 400, 204, 400, 204], "8, 4, 4, 2, 1, 1, 2 lines"


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (401, '{"message":"unauthorized access"}', SinkRefusedError, "--influx-token-file"),
        (403, '{"message":"no"}', SinkRefusedError, "may not write to bucket 'weather'"),
        (404, '{"message":"bucket not found"}', SinkRefusedError, "--influx-bucket"),
        (400, '{"message":"org is bad"}', SinkRejectedError, "org is bad"),
        (413, '{"message":"too large"}', SinkSlowError, "too large"),
        (429, '{"message":"later"}', SinkSlowError, "later"),
        (503, "<html>busy</html>", SinkSlowError, "HTTP 503: <html>busy"),
        (500, '{"error":"write: no space left on device"}', SinkFullError, "no space left"),
        (418, "", SinkError, "HTTP 418"),
    ],
)
def test_what_a_server_may_answer(status: int, body: str, kind: type[SinkError], says: str) -> None:
    """Each answer is a state of its own, with the server's words, and never with the token."""
    with Door(None) as door:
        door.always = (status, body)
        door.headers = {"Retry-After": "7"}
        sink = sink_for(door)
        sink.open()
        with pytest.raises(SinkError) as caught:
            sink.write([Point("swarm", ("a",), {"synced": 1}, 1)])
        sink.close()
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert TOKEN not in str(caught.value)
    if status in {429, 503, 500}:
        assert caught.value.retry_after_s == 7.0


def test_nobody_and_no_answer() -> None:
    """A closed port is unreachable, a server that does not answer in time is slow."""
    door = Door(None)
    sink = sink_for(door)
    sink.open()
    with pytest.raises(SinkUnreachableError, match="--influx-url"):
        sink.write([Point("swarm", ("a",), {"synced": 1}, 1)])
    with door:
        door.delay_s = 0.5
        slow = sink_for(door, timeout_s=0.1)
        slow.open()
        begun = time.monotonic()
        with pytest.raises(SinkSlowError, match=r"within 0\.1 s"):
            slow.write([Point("swarm", ("a",), {"synced": 1}, 1)])
        assert time.monotonic() - begun < 0.4
        slow.close()
    sink.close()


def test_a_wrong_token_is_mended_while_it_runs(tmp_path: Path) -> None:
    """The file is read again after a refusal; that is said once, without the token."""
    path = store(tmp_path)
    said = ["a-wrong-secret"]
    with Door(None) as door, capture_logs() as logs:
        made = runner(InfluxSink(door.url, ORG, BUCKET, lambda: said[0], timeout_s=5.0), path)
        made.start()
        wait_until(lambda: made.stats().failures >= 4)
        assert made.stats().state == "refused"
        said[0] = TOKEN
        wait_until(lambda: made.stats().state == "ok")
        made.stop()
        assert made.join(10.0)
    assert [e["event"] for e in logs].count("sink.failed") == 1
    assert "a-wrong-secret" not in str(logs)
    assert TOKEN not in str(logs)


def test_a_pause_that_is_asked_for_is_kept(tmp_path: Path) -> None:
    """With Retry-After the next try comes no earlier, up to the longest pause."""
    path = store(tmp_path)
    with Door(None) as door:
        door.headers = {"Retry-After": "9"}
        door.faults = [(503, "busy")] * 3
        times: list[float] = []
        sink = sink_for(door)
        write = sink.write

        def spy(points: Sequence[Point]) -> int:
            times.append(time.monotonic())
            return write(points)

        sink.write = spy  # type: ignore[method-assign]  # a spy
        made = runner(sink, path, Pace(0.01, 0.01, 0.15, 5_000, lambda: 0.0))
        made.start()
        wait_until(lambda: made.stats().state == "ok")
        made.stop()
        assert made.join(10.0)
    assert all(b - a >= 0.15 for a, b in pairwise(times[:4]))
