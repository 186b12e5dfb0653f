# SPDX-License-Identifier: Apache-2.0
"""The real `qres gateway` with real servers: killed, stopped, refused, and full."""

from __future__ import annotations

import base64
import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from qres_gateway.cli import main
from qres_gateway.database import Database
from qres_gateway.sinks import cursors
from qres_gateway.sinks.lanes import Lanes
from tests.e2e.clocked_gateway import FileClock
from tests.e2e.qres_process import Forwarder, Running
from tests.e2e.stores import free_port, payloads, wait_until
from tests.gateway.broker import PASSWORD, Listener, mosquitto, needs_mosquitto
from tests.gateway.influx_server import BUCKET, ORG, TOKEN, Door, Influxd, influx, needs_influxd
from tests.gateway.recorded_field import recorded, write_field
from tests.gateway.sink_store import FIELD, HOURS, MemorySink, store
from tests.gateway.test_sink_delivery import deliver
from tests.gateway.test_sink_influx import held_by, wanted

RUN = recorded(6, HOURS)
ROOT = f"qres/{FIELD.topic}"


def field_folder(folder: Path) -> tuple[Path, Path]:
    """A site file, and a store with six hours of its field."""
    site = write_field(folder / "field", RUN.site)
    return site, store(site.parent)


def options(site: Path, **more: object) -> list[str]:
    """Arguments of a gateway that listens where nobody else does."""
    token, password = site.with_name("token"), site.with_name("password")
    token.write_text(f"{TOKEN}\n")
    password.write_text(f"{PASSWORD}\n")
    given = {"site": site, "udp-port": 0, "influx-org": ORG, "influx-bucket": BUCKET} | more
    made = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    if "influx_url" in given:
        made.append(f"--influx-token-file={token}")
    if "mqtt_url" in given:
        made.append(f"--mqtt-password-file={password}")
    return ["gateway", "--no-console", *made]


def lanes(path: Path, sink: str, stream: str) -> Lanes:
    """Where a sink is, seen by another process."""
    with Database.open(path, read_only=True) as database:
        return cursors.load(database, sink, stream)


def is_done(path: Path, engine: Influxd, points: int) -> bool:
    """Whether the sink has caught up."""
    found = lanes(path, "influx", "commits")
    return not found.has_backlog and engine.count("swarm", "digest") >= points


@pytest.mark.slow
@needs_influxd
def test_killed_between_write_and_cursor(tmp_path: Path) -> None:
    """Kill -9 again and again while a backlog is written: the engine ends with every point."""
    site, path = field_folder(tmp_path)
    expected = wanted(path)
    path.unlink()
    for leftover in path.parent.glob("gateway.sqlite-*"):
        leftover.unlink()
    path = store(site.parent)
    with influx(tmp_path / "influx") as (engine, door):
        door.delay_s = 0.03  # so that most kills come while a batch is not confirmed
        for kills in range(3):
            before = len(door.requests)
            with Running(*options(site, influx_url=door.url)) as gateway:
                wait_until(lambda n=before + 1 + kills: len(door.requests) >= n)  # type: ignore[misc]  # loop
                gateway.send(signal.SIGKILL)
                gateway.end()
        door.delay_s = 0.0
        points = sum(key[0] == "swarm" for key in expected)
        with Running(*options(site, influx_url=door.url)) as gateway:
            gateway.udp_port()
            wait_until(lambda: is_done(path, engine, points))
            begun = time.monotonic()
            ended = gateway.end(signal.SIGTERM)
            assert time.monotonic() - begun < 6.0
        found = held_by(engine)
    assert ended.code == 0
    assert TOKEN not in ended.out + ended.err
    same = {key: found.get(key) for key in expected}
    assert same == expected, "the gateway itself went on to the present and added nothing to these"


@pytest.mark.slow
@needs_influxd
def test_frames_are_received_while_the_sink_is_refused(tmp_path: Path) -> None:
    """A wrong token hinders no reception; it is said once; when mended all of it arrives."""
    site = write_field(tmp_path / "field", RUN.site)
    path = site.parent / "gateway.sqlite"
    clock = FileClock(tmp_path / "clock")
    sent = [s for phase in RUN.sent[:24] for s in phase]
    clock.set(sent[0].end_us - 1_000_000)
    with (
        influx(tmp_path / "influx") as (engine, door),
        Forwarder(RUN.site, clock) as forwarder,
    ):
        arguments = options(site, influx_url=door.url)
        token = site.with_name("token")
        token.write_text("not-the-token")
        with Running(*arguments, clock=tmp_path / "clock") as gateway:
            forwarder.connect(gateway.udp_port())
            gateway.wait_for(r"sink\.failed.*refused")
            for s in sent:
                forwarder.push(s)
            token.write_text(TOKEN)
            gateway.wait_for(r"sink\.recovered")
            clock.set(sent[-1].end_us + 2_000_000)
            wait_until(lambda: engine.count("rf_frame", "bytes") == len(sent))
            ended = gateway.end(signal.SIGTERM)
        rows = engine.rows("SELECT * FROM rf_frame")
    assert ended.code == 0
    assert len(re.findall(r"sink\.failed", ended.err)) == 1
    assert "not-the-token" not in ended.err
    assert sorted(row["time"] for row in rows) == sorted(s.end_us for s in sent)
    memory = MemorySink()
    with Database.open(path) as database:
        cursors.forget(database, "influx")
    deliver(memory, path)
    assert len(memory.of("rf_frame")) == len(sent)


@pytest.mark.slow
@needs_mosquitto
def test_raw_frames_from_the_broker_are_the_field(tmp_path: Path) -> None:
    """Frames published by a receiver come out as the field's state on the same broker."""
    site = write_field(tmp_path / "field", RUN.site)
    path = site.parent / "gateway.sqlite"
    clock = FileClock(tmp_path / "clock")
    sent = [s for phase in RUN.sent[:16] for s in phase]
    clock.set(sent[0].end_us - 1_000_000)
    with mosquitto(tmp_path / "broker") as broker:
        url = f"mqtt://gateway@127.0.0.1:{broker.port}"
        arguments = [*options(site, mqtt_url=url), "--mqtt-raw"]
        with (
            Listener(broker.broker("reader"), f"{ROOT}/#", "homeassistant/#") as reader,
            Listener(broker.broker("receiver"), name="receiver") as receiver,
            Running(*arguments, clock=tmp_path / "clock") as gateway,
        ):
            gateway.wait_for(r"source\.connected")
            for count, s in enumerate(sent, 1):
                clock.set(s.end_us)
                receiver.publish(f"{ROOT}/raw/north", json.dumps(raw(s)).encode())
                wait_until(lambda n=count: len(payloads(path)) == n)  # type: ignore[misc]  # loop
            clock.set(sent[-1].end_us + 5_000_000)
            told = [json.loads(text) for text in reader.wait_for(f"{ROOT}/rf/rf_frame", len(sent))]
            reader.wait_for(f"{ROOT}/field/swarm")
            ended = gateway.end(signal.SIGTERM)
            assert reader.wait_for(f"{ROOT}/status", 2)[-1] == "offline"
    assert ended.code == 0
    assert PASSWORD not in ended.err
    assert {t["time_us"] for t in told} == {s.end_us for s in sent}
    assert {t["receiver"] for t in told} == {"north"}
    assert any(topic.startswith("homeassistant/device/") for topic, _, _ in reader.got)


def raw(s: Any) -> dict[str, object]:
    """A transmission as a receiver publishes it."""
    return {
        "data": base64.b64encode(s.frame).decode(), "freq_hz": RUN.site.freq_hz,
        "sf": RUN.site.sf, "bw_hz": RUN.site.bw_hz, "crc": "ok", "rx_us": s.end_us,
    }  # fmt: skip


@pytest.mark.slow
def test_a_server_that_hangs_does_not_hold_the_end(tmp_path: Path) -> None:
    """SIGTERM while a write waits for an answer that does not come: ended within six seconds."""
    site, _ = field_folder(tmp_path)
    with Door(None) as door:
        door.delay_s = 8.0
        with Running(*options(site, influx_url=door.url)) as gateway:
            gateway.udp_port()
            gateway.wait_for(r"gateway\.started")
            begun = time.monotonic()
            ended = gateway.end(signal.SIGTERM)
            took_s = time.monotonic() - begun
    assert ended.code == 0
    assert took_s < 7.0
    assert "sink.abandoned" in ended.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--influx-url=ftp://x"], "must begin with http:// or https://"),
        (["--influx-url=http://127.0.0.1:1"], "--influx-token-file: must be given"),
        (["--influx-url=http://h:1", "--influx-token-file=none"], "cannot be read: No such file"),
        (["--mqtt-url=mqtt://u:secret@h"], "must not hold a password"),
        (["--mqtt-url=http://h"], "must be mqtt[s]://[user@]host[:port]"),
        (["--mqtt-url=mqtt://u@h"], "--mqtt-password-file: must be given together with a user"),
        (["--mqtt-url=mqtt://h", "--mqtt-ca-file=x"], "needs --mqtt-url mqtts://"),
        (["--mqtt-url=mqtts://h", "--mqtt-ca-file=none"], "is not there"),
        (["--mqtt-url=mqtt://h:x"], "--mqtt-url: "),
        (["--mqtt-raw"], "--mqtt-raw: needs --mqtt-url"),
        (["--mqtt-url=mqtt://h", "--mqtt-prefix=a/+"], "--mqtt-prefix 'a/+': must be a topic"),
    ],
)
def test_settings_that_cannot_be(
    tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each wrong setting is one line that names the option, before anything is opened."""
    site = write_field(tmp_path / "field", RUN.site)
    with pytest.raises(SystemExit) as stop:
        main(["gateway", f"--site={site}", "--no-console", f"--udp-port={free_port()}", *arguments])
    said = capsys.readouterr().err.splitlines()[-1]
    assert stop.value.code == 1
    assert says in said
    assert "secret" not in said
    assert not (site.parent / "gateway.sqlite").exists()


def test_sinks_shows_and_sends_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`qres sinks` has the backlog of each sink; --again makes it the whole store."""
    site, path = field_folder(tmp_path)

    def said(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["sinks", f"--site={site}", *arguments])
        return int(stop.value.code or 0), *capsys.readouterr()

    assert "no sink has taken anything" in said()[2]
    deliver(MemorySink(), path)
    shown = json.loads(said("--json")[1])
    assert [(s["name"], s["backlog_rows"]) for s in shown["sinks"]] == [("memory", 0)]
    assert re.search(r"memory +0 +0 s", said()[1])
    assert "must be one of memory" in said("--again", "x")[2]
    assert said("--again", "memory")[0] == 0
    assert json.loads(said("--json")[1]) == {"sinks": []}
    memory = MemorySink()
    deliver(memory, path)
    assert len(memory.of("swarm")) > 100
