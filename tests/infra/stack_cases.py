# SPDX-License-Identifier: Apache-2.0
"""
The stack in containers; started by test_stack.py in one process, because there is one stack.

By hand:  .venv/bin/pytest -n0 -s tests/infra/stack_cases.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.engine import missing
from tests.infra.stack import Stack, running_stack

pytestmark = pytest.mark.slow

SERVICES = ("mosquitto", "influxdb", "grafana", "gateway")
ALL = (*SERVICES, "demo-field")
READY_S = 120.0
"""A minute for the services to be healthy on a small host, another for everything to be shown."""
TOLERANCE = 1e-3
"""The gateway writes values to 6 significant digits; rain and humidity have 3 before the point."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, healthy, its demo field's past delivered."""
    if text := missing():
        pytest.skip(text)
    with running_stack(tmp_path_factory.mktemp("stack")) as made:
        healthy_s = made.up()
        shown_s = healthy_s + made.wait("past shown", lambda: shows(made, made.store()))
        print(f"\nhealthy after {healthy_s:.1f} s, everything shown after {shown_s:.1f} s")
        assert shown_s < READY_S
        yield made


def shows(stack: Stack, store: dict[str, Any]) -> bool:
    """Whether database and broker have got as far as *store*."""
    database, retained = stack.beside("database", "secrets-grafana"), stack.beside("broker")
    said = [v for topic, v in retained.items() if topic.endswith("/swarm")]
    return (
        store["weather"].keys() <= database["weather"].keys()
        and store["digests"].keys() <= database["digests"].keys()
        and bool(said)
        and json.loads(said[0])["time_us"] >= max(map(int, store["digests"]))
    )


def assert_database_has_the_store(stack: Stack) -> dict[str, Any]:
    """Everything that the store holds is in the database, with the same numbers."""
    store: dict[str, Any] = stack.store()
    stack.wait("all of it shown", lambda: shows(stack, store), 180.0)
    database = stack.beside("database", "secrets-grafana")
    assert len(store["weather"]) > 1000
    for what, values in store["weather"].items():
        assert database["weather"][what] == pytest.approx(values, abs=TOLERANCE), what
    for time, digest in store["digests"].items():
        assert database["digests"][time] == digest, time
    return store


def test_every_service_is_healthy(stack: Stack) -> None:
    """Each service with a health check reports healthy; the jobs have ended well."""
    assert {name: stack.health(name) for name in ALL} == dict.fromkeys(ALL, "healthy")
    for job in ("init", "demo-history"):
        assert stack.engine.inspect(stack.container(job))["State"]["ExitCode"] == 0


def test_the_database_has_what_the_store_has(stack: Stack) -> None:
    """Values and digests of three days, read with Grafana's token, are those of the store."""
    assert_database_has_the_store(stack)


def test_the_broker_has_what_the_store_has(stack: Stack) -> None:
    """The retained weather of each of the 28 nodes is the newest of the store, or newer."""
    store, retained = stack.store(), stack.beside("broker")
    newest: dict[str, tuple[int, list[float]]] = {}
    for what, values in store["weather"].items():
        time, node = what.split()
        newest[node] = max(newest.get(node, (0, [])), (int(time), values))
    assert len(newest) == 28
    for node, (time_us, values) in newest.items():
        said = json.loads(retained[f"qres/flanders-virtual/node/{node}/weather"])
        assert said["time_us"] >= time_us
        if said["time_us"] == time_us:
            names = ("temp_degc", "rh_pct", "wind_m_s", "rain_mm")
            assert [said[n] for n in names] == pytest.approx(values, abs=TOLERANCE)
    assert retained["qres/flanders-virtual/status"] == "online"


def test_values_go_on_arriving(stack: Stack) -> None:
    """The virtual nodes' present follows their past: within two phases there is a new commit."""
    before = max(map(int, stack.store()["digests"]))
    stack.wait(
        "a new commit in the database",
        lambda: max(map(int, stack.beside("database", "secrets-grafana")["digests"])) > before,
        160.0,
    )


def test_tokens_have_one_right_each(stack: Stack) -> None:
    """The gateway's token cannot read, Grafana's cannot write, no token is refused."""
    assert stack.beside("database", "secrets-gateway")["status"] == 403
    assert stack.beside("write", "secrets-gateway")[0] == 204
    assert stack.beside("write", "secrets-grafana")[0] == 403
    assert stack.beside("database", "secrets-grafana")["status"] == 200


@pytest.mark.parametrize(
    ("who", "may"),
    [([], False), (["-u", "reader", "-P", "wrong"], False), (["-u", "nobody", "-P", "x"], False)],
)
def test_the_broker_refuses_strangers(stack: Stack, who: list[str], may: bool) -> None:
    """Nobody without a name, with a wrong password or with an unknown name gets in."""
    done = stack.exec("mosquitto", "mosquitto_sub", *_alone(who), "-t", "#", "-C", "1", "-W", "3")
    assert (done.returncode == 0) is may
    assert b"ot authori" in done.stderr


def test_broker_users_have_their_rights_only(stack: Stack) -> None:
    """The reader cannot publish; a receiver can publish raw frames, and cannot read."""
    reader = _alone(["-u", "reader", "-P", stack.secret("secrets", "mqtt_reader")])
    receiver = _alone(["-u", "receiver", "-P", stack.secret("secrets", "mqtt_receiver")])
    read = ["-t", "qres/+/status", "-C", "1", "-W", "3"]
    assert stack.exec("mosquitto", "mosquitto_sub", *reader, *read).stdout == b"online\n"
    assert stack.exec("mosquitto", "mosquitto_sub", *receiver, *read).stdout == b""
    publish = ["-V", "5", "-q", "1", "-t", "qres/flanders-virtual/raw/probe", "-m", "x"]
    said = stack.exec("mosquitto", "mosquitto_pub", *reader, *publish)
    assert b"Not authorized" in said.stdout + said.stderr
    said = stack.exec("mosquitto", "mosquitto_pub", *receiver, *publish)
    assert (said.returncode, said.stdout + said.stderr) == (0, b"")


def _alone(who: list[str]) -> list[str]:
    """Arguments of a client that does not read the health check's login."""
    return ["-V", "5", "-h", "127.0.0.1", *(who or ["-u", ""])]


@pytest.mark.parametrize("service", ALL)
def test_containers_are_confined(stack: Stack, service: str) -> None:
    """No service runs as root, has a capability, may gain any, or may write its root."""
    status = stack.exec(service, "cat", "/proc/1/status").stdout.decode()
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in lines["Uid"].split()
    assert lines["CapEff"] == lines["CapPrm"] == lines["CapBnd"] == "0" * 16
    assert lines["NoNewPrivs"] == "1"
    host = stack.engine.inspect(stack.container(service))["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    for ports in (host["PortBindings"] or {}).values():
        assert {p["HostIp"] for p in ports} == {"127.0.0.1"}


def test_no_secret_is_told(stack: Stack) -> None:
    """No secret is in a log, in a container's settings or in the image's history."""
    told = stack.compose("--profile", "demo", "logs", "--no-color")
    for service in (*ALL, "init"):
        told += json.dumps(stack.engine.inspect(stack.container(service)))
    told += json.dumps(stack.engine.inspect("qres-gateway:local"))
    told += stack.engine.docker("history", "--no-trunc", "qres-gateway:local")
    for folder, name in (
        ("secrets", "influx_token"),
        ("secrets", "influx_password"),
        ("secrets", "grafana_password"),
        ("secrets", "mqtt_gateway"),
        ("secrets", "mqtt_health"),
        ("secrets-gateway", "influx_token"),
        ("secrets-grafana", "influx_token"),
        ("field", "site.key"),
    ):
        secret = stack.secret(folder, name)
        assert len(secret) >= 32
        assert secret not in told, f"{folder}/{name}"


def test_the_image_holds_no_key(stack: Stack) -> None:
    """In the gateway's image is no key file, no site, no database and no compiler."""
    find = "find / -xdev ( -name *.key -o -name *.sqlite -o -name site.toml -o -path */bin/gcc )"
    run = ("run", "--rm", "--network=none", "--entrypoint", "find", "--user=0:0")
    found = stack.engine.docker(*run, "qres-gateway:local", *find.split()[1:]).split()
    assert [path for path in found if not path.startswith("/proc")] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_loses_nothing(stack: Stack, service: str) -> None:
    """SIGKILL: the service comes back by itself; every acknowledged frame is there, and shown."""
    before = stack.store()["frames"]
    acked = 0
    with stack.killed(service):
        if service != "gateway":
            acked += stack.send(20)
    stack.wait_healthy(service)
    acked += stack.send(20)
    stack.wait("frames in the log", lambda: bool(stack.store()["frames"] >= before + acked))
    assert acked == (20 if service == "gateway" else 40)
    assert_database_has_the_store(stack)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_cut_off_loses_nothing(stack: Stack, service: str) -> None:
    """Without its network for a while: frames are logged meanwhile, and delivered afterwards."""
    before = stack.store()["frames"]
    with stack.cut(service):
        acked = stack.send(20)
        stack.wait("frames in the log", lambda: bool(stack.store()["frames"] >= before + 20))
    stack.wait_healthy(service)
    assert acked == 20
    assert_database_has_the_store(stack)


def test_a_full_gateway_loses_nothing(stack: Stack) -> None:
    """No byte left for the log: it says so; acknowledged frames wait, and are written later."""
    before = stack.store()["frames"]
    log = ("logs", "--no-color", "gateway")
    with stack.full("gateway-data"):
        acked = stack.send(500)
        stack.wait("it said", lambda: "log.failed" in stack.compose(*log))
        acked += stack.send(500)
    assert acked == 1000
    stack.wait("frames in the log", lambda: bool(stack.store()["frames"] >= before + 1000))
    assert "log.recovered" in stack.compose(*log)
    stack.wait_healthy("gateway")
    assert_database_has_the_store(stack)


@pytest.mark.parametrize("service", ["influxdb", "mosquitto"])
def test_a_full_sink_loses_nothing(stack: Stack, service: str) -> None:
    """No byte left for a whole phase: its values arrive once there is room."""
    before = max(map(int, stack.store()["digests"]))
    with stack.full({"influxdb": "influx-data"}.get(service, "mosquitto-data")):
        stack.wait("a commit", lambda: max(map(int, stack.store()["digests"])) > before, 160.0)
        stack.send(20)
    stack.wait_healthy(service)
    assert_database_has_the_store(stack)


def test_down_and_up_keep_everything(stack: Stack) -> None:
    """After `down` and `up`: same secrets, same tokens, nothing missing, and the field goes on."""
    names = [("field", "site.key"), ("secrets-gateway", "influx_token"), ("secrets", "mqtt_reader")]
    secrets = [stack.secret(*name) for name in names]
    before = assert_database_has_the_store(stack)
    stack.compose("--profile", "demo", "down")
    healthy_s = stack.up()
    print(f"\nhealthy again after {healthy_s:.1f} s")
    after = assert_database_has_the_store(stack)
    assert after["frames"] >= before["frames"]
    assert before["weather"].items() <= after["weather"].items()
    assert [stack.secret(*name) for name in names] == secrets
    init = stack.compose("logs", "--no-color", "init")
    assert "as it was" in init
    assert "new tokens" not in init


def test_rotation_ends_the_old_secrets(stack: Stack) -> None:
    """After `rotate-secrets` every secret but the field key is new, and the old tokens are dead."""
    names = [
        ("secrets", "influx_token"),
        ("secrets", "grafana_password"),
        ("secrets", "mqtt_reader"),
        ("secrets-gateway", "influx_token"),
        ("secrets-grafana", "influx_token"),
        ("secrets-gateway", "mqtt_password"),
    ]
    key = stack.secret("field", "site.key")
    old = {name: stack.secret(*name) for name in names}
    stack.script("rotate-secrets.sh")
    new = {name: stack.secret(*name) for name in names}
    assert all(old[name] != new[name] for name in names)
    assert stack.secret("field", "site.key") == key
    reader = _alone(["-u", "reader", "-P", old["secrets", "mqtt_reader"]])
    said = stack.exec("mosquitto", "mosquitto_sub", *reader, "-t", "#", "-C", "1", "-W", "3")
    assert b"ot authori" in said.stderr
    for name in names[3:5]:
        assert stack.beside("answer", old[name]) == 401
        assert stack.beside("answer", new[name]) in {200, 403}
    assert stack.beside("grafana", old["secrets", "grafana_password"]) == 401
    assert stack.beside("grafana", new["secrets", "grafana_password"]) == 200
    stack.send(5)
    assert_database_has_the_store(stack)


def test_a_backup_brings_everything_back(stack: Stack, tmp_path: Path) -> None:
    """Volumes deleted, backup restored: same secrets, same values; the gateway missed no frame."""
    file = tmp_path / "backup.tar.gz"
    stack.script("backup.sh", str(file))
    assert file.stat().st_mode & 0o077 == 0
    before = assert_database_has_the_store(stack)
    key, token = stack.secret("field", "site.key"), stack.secret("secrets", "influx_token")
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(file.read_bytes()[:-100])
    assert "not used; nothing was changed" in stack.script(
        "restore.sh", str(cut), "--yes", ok=False
    )
    stack.script("restore.sh", str(file), "--yes")
    after = assert_database_has_the_store(stack)
    assert stack.secret("field", "site.key") == key
    assert stack.secret("secrets", "influx_token") == token
    old = {k: v for k, v in before["weather"].items() if k in after["weather"]}
    assert len(old) > 0.99 * len(before["weather"])
    assert old.items() <= after["weather"].items()
