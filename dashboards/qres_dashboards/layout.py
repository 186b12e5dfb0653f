# SPDX-License-Identifier: Apache-2.0
"""A board: rows of panels on Grafana's grid of 24 columns, variables, links between boards."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from qres_dashboards.config import (
    DATASOURCE_NAME,
    DATASOURCE_UID,
    DATASOURCE_VARIABLE,
    SCHEMA_VERSION,
    TAG,
    board_uid,
)
from qres_dashboards.panels import Panel, panel_id
from qres_dashboards.targets import DATASOURCE
from qres_gateway.sinks.schema import measurement

__all__ = ["COLUMNS", "Board", "Row", "board_json", "panels_of"]

COLUMNS: Final = 24
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading, from left to right, wrapped at 24 columns."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """
    One board.

    Attributes:
        name: Short, for uid and file: "fire".
        title: For people.
        about: What it is for.
        rows: Its panels.
        node: "all" to choose several nodes, "one" to choose one, "" without the choice.
        range: How far back it looks: "24h".
    """

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    node: str = ""
    range: str = "24h"


def panels_of(board: Board) -> Iterator[Panel]:
    """Every panel of a board, in order."""
    for row in board.rows:
        yield from row.panels


def board_json(board: Board) -> Json:
    """The board as Grafana reads it."""
    return {
        "uid": board_uid(board.name),
        "title": board.title,
        "description": board.about,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": f"now-{board.range}", "to": "now"},
        "timepicker": {"refresh_intervals": ["30s", "1m", "5m", "15m", "1h"]},
        "refresh": "1m",
        "links": [
            {
                "asDropdown": False,
                "icon": "dashboard",
                "includeVars": True,
                "keepTime": True,
                "tags": [TAG],
                "targetBlank": False,
                "title": "QRES",
                "tooltip": "The other boards, for the same field, node and time",
                "type": "dashboards",
                "url": "",
            }
        ],
        "annotations": {"list": []},
        "templating": {"list": _variables(board)},
        "panels": _placed(board.rows),
    }


def _placed(rows: Sequence[Row]) -> list[Json]:
    placed: list[Json] = []
    y = 0
    for row in rows:
        placed.append(
            {
                "id": panel_id(f"row: {row.title}"),
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
                "panels": [],
            }
        )
        y += 1
        x = height = 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            body = copy.deepcopy(panel.json)
            body["gridPos"] = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            placed.append(body)
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return placed


def _variables(board: Board) -> list[Json]:
    found: list[Json] = [
        {
            "name": DATASOURCE_VARIABLE.strip("${}"),
            "label": "Database",
            "description": "The InfluxDB that the gateway writes to",
            "type": "datasource",
            "query": "influxdb",
            "current": {"text": DATASOURCE_NAME, "value": DATASOURCE_UID, "selected": True},
            "hide": 0,
            "refresh": 1,
        },
        _tag_variable("field", "Field", "swarm", ""),
    ]
    if board.node:
        node = _tag_variable("node", "Node", "node", """ WHERE "field" =~ /^${field:regex}$/""")
        if board.node == "all":
            everything = {"text": ["All"], "value": ["$__all"], "selected": True}
            node |= {"multi": True, "includeAll": True, "allValue": ".*", "current": everything}
        found.append(node)
    return found


def _tag_variable(tag: str, label: str, of: str, where: str) -> Json:
    """
    A choice among the values of a tag.

    Raises:
        KeyError: The schema has no such measurement.
        ValueError: The measurement has no such tag.
    """
    if tag not in measurement(of).tags:
        raise ValueError(f"measurement {of!r} has no tag {tag!r}")
    query = f'SHOW TAG VALUES FROM "{of}" WITH KEY = "{tag}"{where}'
    return {
        "name": tag,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": query,
        "refresh": 2,
        "sort": 3,
        "multi": False,
        "includeAll": False,
        "hide": 0,
    }
