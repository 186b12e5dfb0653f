# SPDX-License-Identifier: Apache-2.0
"""
What is wrong with a board or the alert rules, in words.

Grafana's own JSON schema sees types; it does not see places on the grid, ids that are taken twice,
units that do not exist, variables and answers that nobody defined, links that lead nowhere. That is
looked at here, by `qres dashboards check` and by the tests.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from qres_dashboards.layout import COLUMNS

__all__ = ["board_problems", "link_problems", "rule_problems"]

Json = dict[str, Any]

KNOWN_TYPES: Final = {
    "geomap",
    "row",
    "stat",
    "state-timeline",
    "table",
    "text",
    "timeseries",
}
_UNITS: Final = {
    "celsius",
    "dB",
    "dBm",
    "dateTimeAsIso",
    "decbytes",
    "degree",
    "lengthmm",
    "mvolt",
    "none",
    "percent",
    "pressurekpa",
    "s",
    "string",
    "velocityms",
    "µs",
}
"""Of Grafana's list (packages/grafana-data, valueFormats/categories), those in use here."""
_BUILT_IN: Final = {"timeFilter", "__interval", "__url_time_range", "__field"}
_SOURCE: Final = re.compile(r"(Limit|Threshold)s?\b.*\b(law|design|paper|SPEC)\b", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$\{(\w+)|\$(\w+)")
_UID: Final = re.compile(r"[a-zA-Z0-9_-]{1,40}")


def board_problems(board: Json) -> list[str]:
    """What is wrong with one board."""
    found = [] if _UID.fullmatch(board["uid"]) else [f"uid {board['uid']!r} is none for Grafana"]
    panels = board["panels"]
    for what, values in (
        ("id", [p["id"] for p in panels]),
        ("title", [p["title"] for p in panels]),
    ):
        found += [f"{what} {v!r} is taken {n} times" for v, n in Counter(values).items() if n > 1]
    found += _grid(panels)
    defined = {v["name"] for v in board["templating"]["list"]} | _BUILT_IN
    for panel in panels:
        found += [f"panel {panel['title']!r}: {p}" for p in _panel(panel, defined)]
    for variable in board["templating"]["list"]:
        unknown = _names(variable["query"]) - defined
        found += [f"variable {variable['name']!r} names ${n}, undefined" for n in sorted(unknown)]
    return [f"board {board['uid']}: {problem}" for problem in found]


def link_problems(boards: Sequence[Json]) -> list[str]:
    """Links that lead to no board or give it a variable that it does not have."""
    known = {b["uid"]: {v["name"] for v in b["templating"]["list"]} for b in boards}
    found: list[str] = []
    for uid, target in ((b["uid"], url) for b in boards for url in _urls(b)):
        match = re.match(r"/d/([\w-]+)\??(.*)", target)
        if not match or match[1] not in known:
            found.append(f"board {uid}: link {target!r} leads to no board")
            continue
        unknown = set(re.findall(r"var-(\w+)=", match[2])) - known[match[1]]
        found += [f"board {uid}: link {target!r} sets {n!r}, unknown there" for n in unknown]
    return found + [
        f"board {board['uid']}: does not link to the others"
        for board in boards
        if not any(link["type"] == "dashboards" for link in board["links"])
    ]


def rule_problems(rules: Json, boards: Mapping[str, Json]) -> list[str]:
    """
    What is wrong with the alert rules.

    Args:
        rules: The content of the rules' file.
        boards: Boards by uid.
    """
    every = [rule for group in rules["groups"] for rule in group["rules"]]
    found = [
        f"alert uid {uid!r} is taken {n} times"
        for uid, n in Counter(r["uid"] for r in every).items()
        if n > 1
    ]
    for rule in every:
        found += [f"alert {rule['uid']}: {problem}" for problem in _rule(rule, boards)]
    return found


def _rule(rule: Json, boards: Mapping[str, Json]) -> Iterator[str]:
    yield from _pipeline(rule)
    for name, text in rule["annotations"].items():
        if "$" in text:
            yield f"annotation {name} has a dollar sign, which Grafana takes for the environment"
    places = [(rule["dashboardUid"], rule["panelId"])]
    match = re.search(r"d/([\w-]+)\?viewPanel=(\d+)$", rule["annotations"]["runbook_url"])
    if match:
        places.append((match[1], int(match[2])))
    else:
        yield "has no link into the runbook"
    for uid, panel in places:
        if panel not in {p["id"] for p in boards.get(uid, {"panels": []})["panels"]}:
            yield f"panel {panel} of board {uid!r} does not exist"


def _pipeline(rule: Json) -> Iterator[str]:
    refs = [d["refId"] for d in rule["data"]]
    if rule["condition"] not in refs:
        yield f"condition {rule['condition']!r} is no answer"
    for i, datum in enumerate(rule["data"]):
        model = datum["model"]
        for ref in _inputs(model):
            if ref not in refs[:i]:
                yield f"{datum['refId']} uses {ref}, which is not before it"
        if datum["datasourceUid"] != "__expr__" and datum["relativeTimeRange"]["from"] <= 0:
            yield f"{datum['refId']} looks at no time at all"


def _grid(panels: Iterable[Json]) -> list[str]:
    found: list[str] = []
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        x, y, w, h = (panel["gridPos"][k] for k in "xywh")
        title = str(panel["title"])
        if min(x, y) < 0 or min(w, h) < 1 or x + w > COLUMNS:
            found.append(f"panel {title!r}: x {x}, w {w} is outside the {COLUMNS} columns")
        cells = [(i, j) for i in range(x, x + w) for j in range(y, y + h)]
        found += sorted({f"panels {taken[c]!r} and {title!r} overlap" for c in cells if c in taken})
        taken |= dict.fromkeys(cells, title)
    return found


def _panel(panel: Json, defined: set[str]) -> Iterator[str]:
    if panel["type"] not in KNOWN_TYPES:
        yield f"type {panel['type']!r} is not known"
    if panel["type"] == "row":
        return
    if not panel.get("description"):
        yield "has no description"
    if panel["type"] != "text":
        yield from _shown(panel)
        yield from _targets(panel["targets"])
    for name in sorted(_names(json.dumps([panel["targets"], panel["options"]])) - defined):
        if not re.fullmatch(r"[A-Z]|col|tag_\w+", name):
            yield f"names ${name}, which the board does not define"


def _shown(panel: Json) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    values = [p for o in panel["fieldConfig"]["overrides"] for p in o["properties"]]
    if not defaults.get("noValue"):
        yield "says nothing when there is no data"
    for unit in [defaults.get("unit"), *(p["value"] for p in values if p["id"] == "unit")]:
        if unit not in _UNITS and not str(unit).startswith("suffix:"):
            yield f"unit {unit!r} is none of Grafana's"
    limited = "thresholds" in defaults or any(p["id"] == "thresholds" for p in values)
    if limited and not _SOURCE.search(panel["description"]):
        yield "has limits, and its description does not say where they come from"


def _targets(targets: list[Json]) -> Iterator[str]:
    if not targets:
        yield "asks nothing"
    if targets and all(t.get("hide") for t in targets):
        yield "shows none of its answers"
    refs = [t["refId"] for t in targets]
    if len(set(refs)) < len(refs):
        yield f"reference ids {refs} are not unique"
    for i, target in enumerate(targets):
        if target["datasource"]["type"] == "__expr__":
            for ref in _inputs(target):
                if ref not in refs[:i]:
                    yield f"{target['refId']} uses {ref}, which is not before it"
        elif not re.match(r"SELECT .* WHERE \$timeFilter", target.get("query", "")):
            yield f"{target['refId']} has no query over the board's range of time"


def _inputs(model: Json) -> list[str]:
    """Answers that an expression uses."""
    kind, expression = model.get("type"), model.get("expression", "")
    return [expression] if kind in {"reduce", "threshold"} else re.findall(r"\$(\w+)", expression)


def _names(text: str) -> set[str]:
    return {a or b for a, b in _VARIABLE.findall(text)}


def _urls(board: Json) -> Iterator[str]:
    for panel in board["panels"]:
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        yield from (link["url"] for link in defaults.get("links", []))
