# SPDX-License-Identifier: Apache-2.0
"""Boards and rules: Grafana's own schema, the grid, ids, units, variables, links, and drift."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from qres_dashboards import generate
from qres_dashboards.checks import board_problems, link_problems, rule_problems
from qres_dashboards.config import PROVENANCE, TAG
from qres_dashboards.panels import panel_id
from qres_dashboards.provisioning import rules
from qres_dashboards.yaml_out import to_yaml
from qres_gateway.sinks.schema import MEASUREMENTS
from tests.sources import ROOT

Json = dict[str, Any]

BOARDS: Final = generate.boards()
# Made by tools of npm from Grafana's own types: see its "source" and "licence".
GRAFANA: Final[dict[str, Json]] = json.loads(
    (Path(__file__).parent / "grafana-schema-13.2.3.json").read_text(encoding="utf-8")
)["schemas"]


def problems(schema: str, value: Any) -> list[str]:
    """What Grafana's schema of that name finds wrong."""
    validator = jsonschema.Draft7Validator(GRAFANA[schema])
    return [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(value)]


@pytest.mark.parametrize("name", BOARDS)
def test_board_is_what_grafana_calls_a_dashboard(name: str) -> None:
    """A board satisfies the JSON schema made of Grafana's own types, which allow nothing else."""
    assert problems("dashboard", BOARDS[name]) == []


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_options_that_their_type_knows(name: str) -> None:
    """Options and field options of each panel satisfy Grafana's schema of the panel's type."""
    checked = 0
    for panel in BOARDS[name]["panels"]:
        kind = panel["type"].replace("-", "")
        if kind == "row":
            continue
        assert problems(f"{kind}.Options", panel["options"]) == [], panel["title"]
        custom = panel["fieldConfig"]["defaults"].get("custom", {})
        if f"{kind}.FieldConfig" in GRAFANA:
            assert problems(f"{kind}.FieldConfig", custom) == [], panel["title"]
        checked += 1
    assert checked > 4


@pytest.mark.parametrize(
    ("schema", "path", "value"),
    [
        ("dashboard", ["panels", 1, "gridPos", "x"], "left"),
        ("dashboard", ["panels", 1, "descripton"], "misspelt"),
        ("dashboard", ["graphTooltip"], 7),
        ("dashboard", ["links", 0, "type"], "dashboard"),
        ("timeseries.Options", ["legend", "placement"], "left"),
        ("timeseries.FieldConfig", ["drawStyle"], "bar"),
    ],
)
def test_grafanas_schema_sees_mistakes(schema: str, path: list[Any], value: Any) -> None:
    """The schema that was made refuses wrong types, unknown keys and unknown words."""
    board = copy.deepcopy(BOARDS["rf"])
    line = next(p for p in board["panels"] if p["type"] == "timeseries")
    start = {"dashboard": board, "timeseries.Options": line["options"]}
    whole: Any = start.get(schema, line["fieldConfig"]["defaults"]["custom"])
    assert problems(schema, whole) == []
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert problems(schema, whole) != []


def test_nothing_is_wrong() -> None:
    """Places, ids, units, texts, variables, targets, links and alert rules are in order."""
    boards = list(BOARDS.values())
    found = [p for board in boards for p in board_problems(board)]
    found += link_problems(boards) + rule_problems(rules(), {b["uid"]: b for b in boards})
    assert found == []


def first(board: Json, kind: str) -> Json:
    """The first panel of a type."""
    panel: Json = next(p for p in board["panels"] if p["type"] == kind)
    return panel


def _overlap(board: Json) -> None:
    first(board, "stat")["gridPos"]["w"] += 1


def _outside(board: Json) -> None:
    first(board, "timeseries")["gridPos"]["x"] = 20


def _twice(board: Json) -> None:
    first(board, "stat")["id"] = first(board, "timeseries")["id"]


def _unit(board: Json) -> None:
    first(board, "stat")["fieldConfig"]["defaults"]["unit"] = "celcius"


def _mute(board: Json) -> None:
    del first(board, "stat")["fieldConfig"]["defaults"]["noValue"]


def _undescribed(board: Json) -> None:
    first(board, "stat")["description"] = ""


def _unsourced(board: Json) -> None:
    limited = (
        p for p in board["panels"] if "thresholds" in p.get("fieldConfig", {}).get("defaults", {})
    )
    next(limited)["description"] = "Red is bad."


def _variable(board: Json) -> None:
    target = first(board, "timeseries")["targets"][0]
    target["query"] = target["query"].replace("${field:", "${feild:")


def _timeless(board: Json) -> None:
    first(board, "timeseries")["targets"][0]["query"] = 'SELECT last("x") FROM "y"'


def _type(board: Json) -> None:
    first(board, "stat")["type"] = "singlestat"


def _answer(board: Json) -> None:
    panel = next(p for p in board["panels"] if any("expression" in t for t in p.get("targets", [])))
    panel["targets"][-1]["expression"] = "$A / $Z"
    panel["targets"][-1]["type"] = "math"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_overlap, "overlap"),
        (_outside, "outside the 24 columns"),
        (_twice, "is taken 2 times"),
        (_unit, "'celcius' is none of Grafana's"),
        (_mute, "says nothing when there is no data"),
        (_undescribed, "has no description"),
        (_unsourced, "does not say where they come from"),
        (_variable, "names $feild"),
        (_timeless, "no query over the board's range"),
        (_type, "type 'singlestat' is not known"),
        (_answer, "uses Z, which is not before it"),
    ],
)
def test_checks_see_what_the_schema_does_not(spoil: Callable[[Json], None], said: str) -> None:
    """Each mistake that Grafana's schema lets pass is named by the checks."""
    board = copy.deepcopy(BOARDS["rf"])
    spoil(board)
    assert any(said in problem for problem in board_problems(board)), board_problems(board)


def test_dead_links_are_seen() -> None:
    """A link to a board that is not there, or with a variable it lacks, is named."""
    boards = copy.deepcopy(list(BOARDS.values()))
    panel = next(
        p for p in boards[0]["panels"] if p.get("fieldConfig", {}).get("defaults", {}).get("links")
    )
    link = panel["fieldConfig"]["defaults"]["links"][0]
    url = link["url"]
    link["url"] = url.replace("qres-node", "qres-knot")
    assert any("leads to no board" in p for p in link_problems(boards))
    link["url"] = url.replace("var-node", "var-knot")
    assert any("sets 'knot'" in p for p in link_problems(boards))


def test_boards_link_to_each_other_with_their_variables() -> None:
    """Each board has the menu of all boards with its tag, and keeps variables and time."""
    for board in BOARDS.values():
        (menu,) = board["links"]
        assert (menu["type"], menu["tags"]) == ("dashboards", [TAG])
        assert menu["includeVars"]
        assert menu["keepTime"]
        assert TAG in board["tags"]


def test_broken_rules_are_seen() -> None:
    """A rule that names a panel, an answer or a runbook entry that is not there is named."""
    boards = {b["uid"]: b for b in BOARDS.values()}
    broken = copy.deepcopy(rules())
    (group,) = broken["groups"]
    one, two, three, *_ = group["rules"]
    one["panelId"] = 1
    two["condition"] = "Z"
    three["annotations"]["summary"] = "{{ $labels.node }}"
    found = rule_problems(broken, boards)
    assert len(found) == 3
    assert "panel 1 of board" in found[0]
    assert "condition 'Z'" in found[1]
    assert "dollar sign" in found[2]


def test_uids_and_linked_panels_do_not_change() -> None:
    """Uids and the ids that alerts and bookmarks hold on to are what they were."""
    assert [b["uid"] for b in BOARDS.values()] == [
        "qres-fire",
        "qres-rf",
        "qres-swarm",
        "qres-node",
        "qres-audit",
        "qres-runbook",
    ]
    assert panel_id("Regime over time") == 74942


def test_every_node_status_has_a_colour() -> None:
    """The words of provenance on the boards are all those of the schema, in its numbers."""
    panel = next(p for p in BOARDS["node"]["panels"] if p["title"] == "Provenance over time")
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    assert {int(n): o["text"] for n, o in mapping["options"].items()} == PROVENANCE


def test_what_is_committed_is_what_the_code_makes() -> None:
    """Boards, rules and runbook in the repository are those that `qres dashboards build` writes."""
    assert generate.drift(ROOT) == []


def test_drift_is_named(tmp_path: Path) -> None:
    """A changed, a missing and a stray file are each named, with the cure."""
    generate.write(tmp_path)
    assert generate.drift(tmp_path) == []
    assert generate.write(tmp_path) == []
    folder = tmp_path / "dashboards" / "generated"
    (folder / "fire.json").write_text("{}", encoding="utf-8")
    (folder / "rf.json").unlink()
    (folder / "old.json").write_text("{}", encoding="utf-8")
    found = generate.drift(tmp_path)
    assert [line.split(":")[0].rsplit("/", 1)[1] for line in found] == [
        "fire.json",
        "rf.json",
        "old.json",
    ]


def test_yaml_says_what_was_meant() -> None:
    """The rules' file, read by an independent YAML parser, is the structure that was written."""
    text = (ROOT / generate.RULES_FILE).read_text(encoding="utf-8")
    assert yaml.safe_load(text) == rules()


@pytest.mark.parametrize(
    "value",
    [
        {"a": "yes", "b": "on", "c": "1e3", "d": "null", "e": "# no", "f": "a: b"},
        {"a": [], "b": {}, "c": [[1, 2], [{"x": None}]], "d": True, "e": -1.5},
        {"on": 1, "1": 2, "null": 3, "odd key": "µ \u2028 \t \\ \" '"},
        {"a": [{"b": [{"c": "d"}]}, "e"]},
    ],
)
def test_yaml_of_awkward_data(value: Json) -> None:
    """Words that YAML takes for something else, empty and nested data survive."""
    assert yaml.safe_load(to_yaml(value, "made\n")) == value


def test_every_measurement_is_on_a_board() -> None:
    """Nothing is written that nobody sees: each measurement of the schema is asked for."""
    text = json.dumps(BOARDS)
    missing = [m.name for m in MEASUREMENTS if f'FROM \\"{m.name}\\"' not in text]
    assert missing == []
