# SPDX-License-Identifier: Apache-2.0
"""MQTT: a real broker holds the newest state, gets everything once at least, and may refuse."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from qres_gateway.sinks.discovery import FIELD_ENTITIES, NODE_ENTITIES, discovery
from qres_gateway.sinks.errors import (
    SinkRefusedError,
    SinkSlowError,
    SinkUnreachableError,
)
from qres_gateway.sinks.mqtt import MqttSink
from qres_gateway.sinks.point import Point
from qres_gateway.sinks.schema import measurement
from qres_gateway.sinks.topics import EVENTS, OF_FIELD, OF_NODE, Topics
from tests.gateway.broker import PASSWORD, Listener, Mosquitto, mosquitto, needs_mosquitto
from tests.gateway.sink_store import FIELD, MemorySink, runner, store, wait_until
from tests.gateway.test_sink_delivery import deliver

ROOT = f"qres/{FIELD.topic}"
NODES = len(FIELD.nodes)


def sink_for(broker: Mosquitto, user: str = "gateway", password: str = PASSWORD) -> MqttSink:
    """A sink that publishes to a broker."""
    return MqttSink(lambda: broker.broker(user, password, 2.0), FIELD)


def weather(at_us: int, temp_degc: float, node: str = "0") -> Point:
    """A point of a node's weather."""
    return Point("weather", (FIELD.name, node), {"temp_degc": temp_degc, "status": 1}, at_us)


def test_the_newest_is_retained_and_the_older_is_late() -> None:
    """Whatever the order of delivery, a retained topic never goes back in time."""
    topics = Topics(FIELD)
    made, newest = topics.messages([weather(5, 1.0), weather(9, 2.0), weather(7, 3.0)])
    assert [(m.topic, m.retain) for m in made] == [
        (f"{ROOT}/late/node/0/weather", False),
        (f"{ROOT}/node/0/weather", True),
        (f"{ROOT}/late/node/0/weather", False),
    ]
    again, _ = topics.messages([weather(8, 4.0)])
    assert again[0].retain, "not confirmed: what is retained may be older still"
    topics.delivered(newest)
    (older,), _ = topics.messages([weather(8, 4.0)])
    (same,), _ = topics.messages([weather(9, 2.5)])
    assert (older.topic, older.retain) == (f"{ROOT}/late/node/0/weather", False)
    assert (same.topic, same.retain) == (f"{ROOT}/node/0/weather", True), "written anew"


def test_every_measurement_has_a_topic() -> None:
    """Each measurement of the schema goes to a topic; events are never retained."""
    memory = MemorySink()
    topics = Topics(FIELD, "a/b")
    assert topics.root == f"a/b/{FIELD.topic}"
    points = [weather(1, 2.0), Point("gateway", (FIELD.name, "mqtt"), {"failures": 1}, 2)]
    points += [Point(name, ("f", "1", "report", "rx")[: len(measurement(name).tags)], {"x": 1}, 3)
               for name in (*OF_NODE[1:], *OF_FIELD, *EVENTS)]  # fmt: skip
    made, _ = topics.messages(points)
    assert {p.measurement for p in points} == {
        "weather", "fire", "fwi_daily", "node", "fire_field", "swarm", "gateway",
        "rf_frame", "rf_hour", "rf_refused", "rf_limit",
    }  # fmt: skip
    assert len({m.topic for m in made}) == len(made)
    for p, m in zip(points, made, strict=True):
        assert m.retain == (p.measurement not in EVENTS)
        assert not set(m.topic) & set("+#")
        assert json.loads(m.payload)["time_us"] == p.time_us
    assert memory.order == []


def test_discovery_names_what_there_is() -> None:
    """Each entity reads a key of the schema on a topic of its own; ids are unique and stay."""
    topics = Topics(FIELD)
    found = discovery(FIELD, topics)
    assert len(found) == NODES + 1
    ids: set[str] = set()
    for m in found:
        assert re.fullmatch(r"homeassistant/device/[a-z0-9_]+/config", m.topic)
        assert m.retain
        config: dict[str, Any] = json.loads(m.payload)
        assert config["availability_topic"] == topics.status
        entities = FIELD_ENTITIES if config["device"]["model"] == "field" else NODE_ENTITIES
        for e, component in zip(entities, config["components"].values(), strict=True):
            assert e.column in {c.name for c in measurement(e.measurement).columns}
            assert component["state_topic"].endswith(f"/{e.measurement}")
            assert f"value_json.{e.column}" in component["value_template"]
            assert ("options" in component) == (component.get("device_class") == "enum")
            assert not ("state_class" in component and "options" in component)
            ids.add(component["unique_id"])
    assert len(ids) == NODES * len(NODE_ENTITIES) + len(FIELD_ENTITIES)


@needs_mosquitto
def test_the_broker_holds_the_newest_state(tmp_path: Path) -> None:
    """Who subscribes afterwards sees the state of every node at once: the store's last numbers."""
    path = store(tmp_path)
    memory = MemorySink()
    deliver(memory, path)
    path = store(tmp_path)
    with mosquitto(tmp_path / "broker") as broker:
        with Listener(broker.broker("reader"), f"{ROOT}/#") as listener:
            made = runner(sink_for(broker), path)
            made.start()
            wait_until(lambda: made.stats().state == "ok", str(made.stats()))
            made.stop()
            assert made.join(5.0)
            listener.wait_for(f"{ROOT}/status", 2)
            everything = [(t, json.loads(p)) for t, p, _ in listener.got if t.count("/") > 2]
        with Listener(broker.broker("reader"), f"{ROOT}/#", "homeassistant/#", name="b") as after:
            after.wait_for(f"{ROOT}/status")
            wait_until(lambda: len(after.got) >= 3 + 4 * NODES)
            retained = {t: p for t, p, was in after.got if was}
    for name in ("weather", "fire", "node"):
        for node in FIELD.nodes:
            newest = [p for p in memory.of(name) if p.tags[1] == node][-1]
            told = json.loads(retained[f"{ROOT}/node/{node}/{name}"])
            expected = {"time_us": newest.time_us, "field": FIELD.name, "node": node}
            assert told == expected | dict(newest.fields)
    assert retained[f"{ROOT}/status"] == "offline", "it said goodbye"
    site = json.loads(retained[f"{ROOT}/site"])
    assert [n["id"] for n in site["nodes"]] == list(FIELD.site.ids)
    assert not [t for t in retained if "/late/" in t or "/rf/" in t]
    swarm = {p["time_us"] for t, p in everything if t.endswith("/field/swarm")}
    assert swarm == {p.time_us for p in memory.of("swarm")}, "every point came, late ones too"
    frames = [p for t, p in everything if t.endswith("/rf/rf_frame")]
    assert len(frames) == len(memory.of("rf_frame"))


@needs_mosquitto
def test_broker_killed_and_back(tmp_path: Path) -> None:
    """The broker is killed in mid-stream and started again: every point comes at least once."""
    path = store(tmp_path)
    memory = MemorySink()
    deliver(memory, path)
    path = store(tmp_path)
    with mosquitto(tmp_path / "broker") as broker, capture_logs() as logs:
        made = runner(sink_for(broker), path)
        broker.kill()
        made.start()
        wait_until(lambda: made.stats().failures >= 2)
        assert made.stats().state == "unreachable"
        broker.start()
        with Listener(broker.broker("reader"), f"{ROOT}/#") as listener:
            wait_until(lambda: made.stats().state == "ok")
            made.stop()
            assert made.join(5.0)
            listener.wait_for(f"{ROOT}/status", 2)
            got = [json.loads(p) for t, p, _ in listener.got if "/field/swarm" in t]
    assert {p["time_us"] for p in got} == {p.time_us for p in memory.of("swarm")}
    assert [e["event"] for e in logs].count("sink.failed") <= 2


@needs_mosquitto
def test_who_may_not(tmp_path: Path) -> None:
    """A wrong password, an unknown user, a user who may not publish: told apart from a dead one."""
    with mosquitto(tmp_path / "broker") as broker:
        for user, password in (("gateway", "wrong"), ("nobody", PASSWORD)):
            with pytest.raises(SinkRefusedError, match="--mqtt-password-file") as caught:
                sink_for(broker, user, password).open()
            assert password not in str(caught.value)
        with pytest.raises(SinkRefusedError, match="does not let us publish to qres/"):
            sink_for(broker, "mute").open()
    with pytest.raises(SinkUnreachableError, match="--mqtt-url"):
        sink_for(broker).open()


@needs_mosquitto
def test_the_last_will(tmp_path: Path) -> None:
    """While the gateway is there the status is "online"; the broker says "offline" if it dies."""
    with mosquitto(tmp_path / "broker") as broker:
        sink = sink_for(broker)
        with Listener(broker.broker("reader"), f"{ROOT}/status") as listener:
            sink.open()
            assert listener.wait_for(f"{ROOT}/status") == ["online"]
            client = sink._client
            assert client is not None
            assert client._will_topic == f"{ROOT}/status".encode()
            assert client._will_payload == b"offline"
            assert client._will_retain
            sink.close()
            assert listener.wait_for(f"{ROOT}/status", 2) == ["online", "offline"]


@needs_mosquitto
@pytest.mark.slow
def test_the_last_will_comes_true(tmp_path: Path) -> None:
    """The broker itself publishes "offline" some seconds after the connection broke."""
    with mosquitto(tmp_path / "broker") as broker:
        sink = sink_for(broker)
        with Listener(broker.broker("reader"), f"{ROOT}/status") as listener:
            sink.open()
            assert sink._client is not None
            sink._client.loop_stop()
            sock = sink._client.socket()
            assert sock is not None
            sock.close()
            assert listener.wait_for(f"{ROOT}/status", 2)[1] == "offline"


# paho-mqtt 2.2 leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@needs_mosquitto
def test_tls(tmp_path: Path) -> None:
    """With the right authority it works; a broker that nobody vouches for is not talked to."""
    with mosquitto(tmp_path / "broker", tls=True) as broker:
        sink = sink_for(broker)
        sink.open()
        assert sink.address.startswith("mqtts://127.0.0.1:")
        assert sink.write([weather(1, 20.0)]) == 0
        sink.close()
        (tmp_path / "other").mkdir()
        with mosquitto(tmp_path / "other", tls=True) as other:
            broker.ca_file = other.ca_file
            with pytest.raises(SinkUnreachableError, match="certificate verify failed"):
                sink_for(broker).open()


def test_a_broker_that_says_nothing() -> None:
    """Something that accepts connections and never answers is slow, within the time limit."""
    import socket  # noqa: PLC0415

    from qres_gateway.mqtt import Broker  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        sink = MqttSink(lambda: Broker("127.0.0.1", port, timeout_s=0.2), FIELD)
        begun = time.monotonic()
        with pytest.raises(SinkSlowError, match=r"did not answer in 0\.2 s"):
            sink.open()
        assert time.monotonic() - begun < 3.0
