# SPDX-License-Identifier: Apache-2.0
"""The stream of changes: deltas rebuild the state, and slow or absent watchers cost nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from qres_gateway.console.feed import delta
from qres_gateway.console.hub import _QUEUE, Hub
from qres_gateway.console.summary import summarise
from qres_gateway.console.view import Snapshot
from tests.gateway.fake_console import (
    HOUR_US,
    START_US,
    STEP_US,
    FakeConsole,
    flemish_places,
    hill_places,
)

WHOLE = ("field", "health", "demo", "speed", "tolerance", "regime", "fire")


class Clock:
    """Field time that a test moves by hand."""

    def __init__(self, hours: float = 10.0) -> None:
        self.now_us = START_US + round(hours * HOUR_US)

    def __call__(self) -> int:
        """The field time."""
        return self.now_us


class Counted(FakeConsole):
    """Counts how often it is asked."""

    asked = 0

    def snapshot(self) -> Snapshot:
        """The state, counted."""
        self.asked += 1
        return super().snapshot()


def rebuild(state: dict[str, Any], changed: dict[str, Any]) -> None:
    """What feed.js does with a delta, written from the text at the top of feed.py."""
    state.update({name: changed[name] for name in WHOLE if name in changed})
    if "rf" in changed:
        state["rf"] = {**changed["rf"], "hours": state["rf"]["hours"]}
    hours = {hour["start_us"]: hour for hour in state["rf"]["hours"]}
    hours.update({hour["start_us"]: hour for hour in changed.get("hours", [])})
    state["rf"]["hours"] = [hours[start] for start in sorted(hours)]
    nodes = {node["id"]: node for node in state["nodes"]}
    for moved in changed.get("nodes", []):
        nodes[moved["id"]].update(moved)
    state["events"] = (state["events"] + changed.get("events", []))[-200:]


def plain(value: Any) -> Any:
    """A value as the browser gets it."""
    return json.loads(msgspec.json.encode(value))


@pytest.mark.parametrize("trouble", [False, True])
def test_deltas_rebuild_the_next_snapshot(trouble: bool) -> None:
    """A watcher that applies every delta holds exactly the snapshot that the data holds."""
    clock = Clock()
    data = FakeConsole(flemish_places(), clock, trouble=trouble)
    before = data.snapshot()
    state = plain(before)
    for step in range(60):
        clock.now_us += STEP_US // 2 + step
        now = data.snapshot()
        changed = delta(before, now, summarise(before), summarise(now))
        assert changed is not None
        rebuild(state, plain(changed))
        assert state == plain(now)
        before = now


def test_nothing_changed_is_an_empty_delta() -> None:
    """The same moment asked twice has nothing to say."""
    data = FakeConsole(flemish_places(), Clock())
    one, two = data.snapshot(), data.snapshot()
    assert delta(one, two, summarise(one), summarise(two)) == {}


def test_a_value_that_disappears_is_sent_as_null() -> None:
    """Absent is news: the delta carries the null, it does not leave the old value standing."""
    before = FakeConsole(flemish_places(), Clock()).snapshot()
    gone = msgspec.structs.replace(before.nodes[4], wind_m_s=None)
    now = msgspec.structs.replace(before, nodes=(*before.nodes[:4], gone, *before.nodes[5:]))
    changed = delta(before, now, summarise(before), summarise(now))
    assert changed is not None
    assert changed["nodes"] == [{"id": 4, "wind_m_s": None}]


def test_other_nodes_need_a_full_message() -> None:
    """A node that joins, leaves, moves or is renamed cannot be told by a delta."""
    now = FakeConsole(flemish_places(), Clock()).snapshot()
    moved = msgspec.structs.replace(now.nodes[0], lat_deg=1.0)
    for nodes in (now.nodes[1:], now.nodes[::-1], (moved, *now.nodes[1:])):
        other = msgspec.structs.replace(now, nodes=nodes)
        assert delta(now, other, summarise(now), summarise(other)) is None


def test_hours_that_fall_out_need_a_full_message() -> None:
    """When the oldest hour is dropped the watcher gets everything anew."""
    now = FakeConsole(flemish_places(), Clock()).snapshot()
    shorter = msgspec.structs.replace(
        now, rf=msgspec.structs.replace(now.rf, hours=now.rf.hours[1:])
    )
    assert delta(now, shorter, summarise(now), summarise(shorter)) is None


def test_a_quiet_tick_of_128_nodes_is_small() -> None:
    """Between two steps only the clock moves: under 1 KB, whatever the field's size."""
    clock = Clock()
    data = FakeConsole(hill_places(128), clock)
    before = data.snapshot()
    clock.now_us += 1_000_000
    now = data.snapshot()
    changed = delta(before, now, summarise(before), summarise(now))
    assert changed is not None
    assert len(msgspec.json.encode(changed)) < 1024 < len(msgspec.json.encode(now)) / 30


def parse(message: bytes) -> tuple[str, dict[str, Any]]:
    """Event name and payload of one server-sent event."""
    fields = dict(line.split(": ", 1) for line in message.decode().strip().split("\n"))
    return fields["event"], json.loads(fields["data"])


async def take(stream: AsyncGenerator[bytes, None]) -> tuple[str, dict[str, Any]]:
    """The next event."""
    return parse(await asyncio.wait_for(anext(stream), timeout=5))


def test_a_watcher_gets_everything_then_changes() -> None:
    """The first event is the full state; each change follows with the next number."""

    async def watch() -> None:
        clock = Clock()
        hub = Hub(FakeConsole(flemish_places(), clock))
        stream = hub.stream()
        kind, body = await take(stream)
        assert kind == "snapshot"
        assert len(body["snapshot"]["nodes"]) == 28
        for number in (1, 2, 3):
            clock.now_us += STEP_US
            hub.publish()
            kind, change = await take(stream)
            assert kind == "delta"
            assert change["seq"] == body["seq"] + number
            assert change["field"]["time_us"] == clock.now_us

    asyncio.run(watch())


def test_a_slow_watcher_gets_the_full_state_again() -> None:
    """Its backlog is dropped, not kept: memory is bounded and the numbers stay right."""

    async def watch() -> None:
        clock = Clock()
        hub = Hub(FakeConsole(flemish_places(), clock))
        stream = hub.stream()
        await take(stream)
        for _ in range(_QUEUE + 1):
            clock.now_us += STEP_US
            hub.publish()
        kind, body = await take(stream)
        assert kind == "snapshot"
        assert body["snapshot"]["field"]["time_us"] == clock.now_us
        assert hub.resyncs == 1

    asyncio.run(watch())


def test_nobody_watching_costs_nothing() -> None:
    """The data is not asked before the first watcher nor after the last has gone."""

    async def watch() -> None:
        data = Counted(flemish_places(), Clock())
        hub = Hub(data, interval_s=0.001)
        feed = asyncio.create_task(hub.run())
        await asyncio.sleep(0.02)
        assert data.asked == 0
        stream = hub.stream()
        await take(stream)
        assert hub.watchers == 1
        await stream.aclose()
        await asyncio.sleep(0.02)
        asked = data.asked
        await asyncio.sleep(0.02)
        assert data.asked == asked
        feed.cancel()
        await asyncio.wait([feed])

    asyncio.run(watch())


def test_two_watchers_ask_the_data_once() -> None:
    """One look at the data serves every browser."""

    async def watch() -> None:
        clock = Clock()
        data = Counted(flemish_places(), clock)
        hub = Hub(data)
        one, two = hub.stream(), hub.stream()
        await take(one)
        await take(two)
        asked = data.asked
        clock.now_us += STEP_US
        hub.publish()
        assert await take(one) == await take(two)
        assert data.asked == asked + 1

    asyncio.run(watch())


def test_a_quiet_stream_shows_that_it_lives() -> None:
    """Without changes a sign of life is sent, so that the page can tell quiet from dead."""

    async def watch() -> None:
        stream = Hub(FakeConsole(flemish_places(), Clock()), keepalive_s=0.01).stream()
        await take(stream)
        assert await take(stream) == ("alive", {})

    asyncio.run(watch())


def test_closing_ends_the_streams() -> None:
    """A server that stops does not wait for browsers that stay."""

    async def watch() -> None:
        hub = Hub(FakeConsole(flemish_places(), Clock()))
        stream = hub.stream()
        await take(stream)
        hub.close()
        assert [message async for message in stream] == []
        assert [message async for message in hub.stream()] == []

    asyncio.run(watch())


def test_interval_must_be_positive() -> None:
    """An interval of 0 would spin."""
    with pytest.raises(ValueError, match="interval_s must be above 0, got 0"):
        Hub(FakeConsole(flemish_places(), Clock()), interval_s=0)
