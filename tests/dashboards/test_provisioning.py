# SPDX-License-Identifier: Apache-2.0
"""Files from which Grafana starts: they fit each other, the boards and the stack."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from qres_dashboards import generate
from qres_dashboards.config import (
    DATASOURCE_NAME,
    DATASOURCE_UID,
    FOLDER_TITLE,
    FOLDER_UID,
)
from tests.sources import ROOT

FOLDER: Final = ROOT / "infra" / "grafana" / "provisioning"


def read(name: str) -> dict[str, Any]:
    """A provisioning file."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    assert found["apiVersion"] == 1
    return found


def compose() -> dict[str, Any]:
    """The stack's services."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


def test_the_data_source_is_the_one_that_boards_and_alerts_name() -> None:
    """Uid and name of the data source are those in the boards' variable and in every rule."""
    (source,) = read("datasources/influxdb.yaml")["datasources"]
    assert (source["uid"], source["name"]) == (DATASOURCE_UID, DATASOURCE_NAME)
    assert (source["type"], source["jsonData"]["version"]) == ("influxdb", "InfluxQL")
    rules = read("alerting/rules.yaml")["groups"][0]["rules"]
    used = {d["datasourceUid"] for rule in rules for d in rule["data"]}
    assert used == {DATASOURCE_UID, "__expr__"}
    for board in generate.boards().values():
        (variable,) = (v for v in board["templating"]["list"] if v["type"] == "datasource")
        assert variable["current"]["value"] == DATASOURCE_UID


def test_the_data_source_reads_what_the_gateway_writes() -> None:
    """Database, address and token file are those of the stack; no token is in the file."""
    (source,) = read("datasources/influxdb.yaml")["datasources"]
    services = compose()
    assert f"--influx-bucket={source['jsonData']['dbName']}" in services["gateway"]["command"]
    assert f"--influx-url={source['url']}" in services["gateway"]["command"]
    header = source["secureJsonData"]["httpHeaderValue1"]
    match = re.fullmatch(r"Token \$__file\{(/[\w/]+)/\w+\}", header)
    assert match
    assert f"secrets-grafana:{match[1]}:ro" in services["grafana"]["volumes"]


def test_boards_are_where_the_provider_looks() -> None:
    """The provider reads the folder that the stack mounts, into the folder that push uses."""
    (provider,) = read("dashboards/qres.yaml")["providers"]
    assert (provider["folder"], provider["folderUid"]) == (FOLDER_TITLE, FOLDER_UID)
    volumes = compose()["grafana"]["volumes"]
    assert f"./{generate.BOARDS_DIR}:{provider['options']['path']}:ro" in volumes
    assert "./infra/grafana/provisioning:/etc/grafana/provisioning:ro" in volumes


def test_alerts_have_a_folder_of_their_own() -> None:
    """Rules and boards do not both make a folder of one title, which Grafana refuses."""
    (group,) = read("alerting/rules.yaml")["groups"]
    assert group["folder"] != FOLDER_TITLE


def test_every_alert_reaches_somebody() -> None:
    """The policy and its routes name a contact point that is there, and match the severities."""
    (point,) = read("alerting/contact-points.yaml")["contactPoints"]
    (policy,) = read("alerting/policies.yaml")["policies"]
    receivers = {policy["receiver"], *(route["receiver"] for route in policy["routes"])}
    assert receivers == {point["name"]}
    assert [r["settings"]["addresses"] for r in point["receivers"]] != [""]
    rules = read("alerting/rules.yaml")["groups"][0]["rules"]
    severities = {rule["labels"]["severity"] for rule in rules}
    (route,) = policy["routes"]
    assert route["object_matchers"] == [["severity", "=", "critical"]]
    assert severities == {"critical", "warning"}


def test_durations_are_durations() -> None:
    """Times in rules and policies are what Grafana's parser of durations takes."""
    texts = [read("alerting/rules.yaml")["groups"][0]["interval"]]
    texts += [rule["for"] for rule in read("alerting/rules.yaml")["groups"][0]["rules"]]
    for policy in read("alerting/policies.yaml")["policies"]:
        for entry in (policy, *policy["routes"]):
            texts += [entry[k] for k in ("group_wait", "group_interval", "repeat_interval")]
    assert all(re.fullmatch(r"\d+[smhd]", text) for text in texts), texts
