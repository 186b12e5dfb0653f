# SPDX-License-Identifier: Apache-2.0
"""
Panels in the house style.

Every one has a unit, a description and a text for when there is no data; a panel with limits says
in its description where they come from. A panel's id comes from its title, so that moving it leaves
links, alerts and bookmarks whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from qres_dashboards.config import COLOURS, UNITS, Limits, board_uid
from qres_dashboards.targets import DATASOURCE, Ask, Maths, target

__all__ = [
    "NOW",
    "Panel",
    "field_config",
    "line",
    "mapping",
    "panel",
    "panel_id",
    "stat",
    "states",
    "table",
    "text",
]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Panel:
    """
    One panel, not yet placed.

    Attributes:
        title: Unique on its board.
        json: As Grafana reads it, without its place.
        asks: What it asks and calculates, by reference id.
        width: 1..24
        height: In rows of the grid.
    """

    title: str
    json: Json = field(hash=False)
    asks: Mapping[str, Ask | Maths] = field(hash=False)
    width: int
    height: int


def panel_id(title: str) -> int:
    """
    Id of the panel of that title.

    >>> panel_id("Regime") == panel_id("Regime") and 0 < panel_id("Regime") < 2**31
    True
    """
    return zlib.crc32(title.encode()) % 99_999 + 1


def panel(
    kind: str,
    title: str,
    about: str,
    asks: Mapping[str, Ask | Maths],
    *,
    config: Json,
    options: Json,
    size: tuple[int, int],
    extra: Json | None = None,
) -> Panel:
    """
    Any panel.

    Args:
        kind: Grafana's name of the type.
        title: Unique on its board.
        about: Description: what is shown, what is good, where limits come from.
        asks: What it asks, by reference id.
        config: Its `fieldConfig`.
        options: Its `options`.
        size: Columns and rows.
        extra: Further keys of the panel.
    """
    body: Json = {
        "id": panel_id(title),
        "type": kind,
        "title": title,
        "description": about,
        "datasource": DATASOURCE,
        "fieldConfig": config,
        "options": options,
        "targets": [target(ref, ask) for ref, ask in asks.items()],
    }
    return Panel(title, body | (extra or {}), asks, *size)


def line(
    title: str,
    about: str,
    asks: Mapping[str, Ask | Maths],
    *,
    unit: str,
    no_data: str,
    limits: Limits | None = None,
    size: tuple[int, int] = (12, 8),
    bars: bool = False,
    stacked: bool = False,
    to_node: bool = False,
    overrides: list[Json] | None = None,
    least: float | None = None,
    name: str = "",
) -> Panel:
    """Values over time: lines, or bars per hour. `name` names what Grafana calculates itself."""
    custom: Json = {
        "drawStyle": "bars" if bars else "line",
        "lineWidth": 1,
        "fillOpacity": 70 if bars else 0,
        "showPoints": "auto",
        "spanNulls": False,
    }
    if stacked:
        custom["stacking"] = {"mode": "normal", "group": "A"}
    if limits:
        custom["thresholdsStyle"] = {"mode": "line"}
    config = field_config(unit, no_data, limits=limits, custom=custom, overrides=overrides)
    if least is not None:
        config["defaults"]["min"] = least
    if name:
        config["defaults"]["displayName"] = name
    if to_node:
        config["defaults"]["links"] = [_node_link()]
    options = {
        "legend": {
            "displayMode": "table",
            "placement": "right",
            "showLegend": True,
            "calcs": ["sum"] if bars else ["lastNotNull", "max"],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    about = f"{about} {limits.source}" if limits else about
    return panel("timeseries", title, about, asks, config=config, options=options, size=size)


def stat(
    title: str,
    about: str,
    asks: Mapping[str, Ask | Maths],
    *,
    unit: str,
    no_data: str,
    limits: Limits | None = None,
    mappings: list[Json] | None = None,
    size: tuple[int, int] = (4, 4),
    show: str = "",
    extra: Json | None = None,
) -> Panel:
    """One number, the newest. `show` names the column of a table to show."""
    options = {
        "colorMode": "background" if mappings else "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": show, "values": False},
        "showPercentChange": False,
        "textMode": "auto",
        "wideLayout": True,
    }
    about = f"{about} {limits.source}" if limits else about
    config = field_config(unit, no_data, limits=limits, mappings=mappings)
    return panel("stat", title, about, asks, config=config, options=options, size=size, extra=extra)


def states(
    title: str,
    about: str,
    asks: Mapping[str, Ask | Maths],
    *,
    mappings: list[Json],
    no_data: str,
    size: tuple[int, int] = (12, 8),
) -> Panel:
    """States over time, a band for each series."""
    custom = {"fillOpacity": 80, "lineWidth": 0}
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "rowHeight": 0.9,
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    config = field_config(UNITS[""], no_data, mappings=mappings, custom=custom)
    return panel("state-timeline", title, about, asks, config=config, options=options, size=size)


def table(
    title: str,
    about: str,
    asks: Mapping[str, Ask | Maths],
    *,
    units: Mapping[str, str],
    no_data: str,
    size: tuple[int, int] = (24, 9),
    mappings: Mapping[str, list[Json]] | None = None,
    limits: Mapping[str, Limits] | None = None,
    join: str = "",
    hide_time: bool = True,
    sort: str = "",
    back: str = "",
) -> Panel:
    """
    A table; "Inspect, Data, Download CSV" of its menu exports it.

    Args:
        title: As of `panel`.
        about: As of `panel`.
        asks: As of `panel`; all as tables.
        units: Grafana's unit by column.
        no_data: Text for an empty table.
        size: Columns and rows.
        mappings: Words for numbers, by column.
        limits: By column; their sources go into the description.
        join: Column by which several answers become one table.
        hide_time: Whether the time means nothing here.
        sort: Column to sort by, largest first.
        back: How far back it looks, whatever the board's range: "2h".
    """
    overrides = [_override(name, {"unit": unit}) for name, unit in units.items()]
    for name, words in (mappings or {}).items():
        overrides.append(_override(name, {"mappings": words, "custom.cellOptions": _CELL}))
    for name, of in (limits or {}).items():
        overrides.append(_override(name, {"thresholds": _steps(of), "custom.cellOptions": _CELL}))
        about = f"{about} {of.source}"
    transformations: list[Json] = []
    if join:
        transformations.append({"id": "joinByField", "options": {"byField": join, "mode": "outer"}})
    if hide_time:
        hidden = dict.fromkeys(("Time", *(f"Time {i + 1}" for i in range(len(asks)))), True)
        transformations.append({"id": "organize", "options": {"excludeByName": hidden}})
    options = {
        "frameIndex": 0,
        "showHeader": True,
        "cellHeight": "sm",
        "sortBy": [{"displayName": sort, "desc": True}] if sort else [],
    }
    return panel(
        "table",
        title,
        about,
        asks,
        config=field_config(UNITS[""], no_data, custom=dict(_COLUMN), overrides=overrides),
        options=options,
        size=size,
        extra={"transformations": transformations} | ({"timeFrom": back} if back else {}),
    )


def text(title: str, about: str, content: str, *, size: tuple[int, int] = (24, 4)) -> Panel:
    """Words, in Markdown."""
    options = {"mode": "markdown", "content": content}
    config: Json = {"defaults": {}, "overrides": []}
    found = panel("text", title, about, {}, config=config, options=options, size=size)
    return Panel(title, found.json | {"transparent": True}, {}, *size)


def field_config(
    unit: str,
    no_data: str,
    *,
    limits: Limits | None = None,
    mappings: list[Json] | None = None,
    custom: Json | None = None,
    overrides: list[Json] | None = None,
) -> Json:
    """`fieldConfig` of a panel."""
    defaults: Json = {"unit": unit, "noValue": no_data}
    if limits:
        defaults["thresholds"] = _steps(limits)
        defaults["color"] = {"mode": "palette-classic" if custom else "thresholds"}
    if mappings:
        defaults["mappings"] = mappings
        defaults["color"] = {"mode": "thresholds"}
    if custom:
        defaults["custom"] = custom
    return {"defaults": defaults, "overrides": overrides or []}


def mapping(words: Mapping[int, str], colours: Mapping[str, str]) -> list[Json]:
    """
    Words and colours for numbers.

    Raises:
        KeyError: A word has no colour.
    """
    options = {
        str(n): {"text": word, "color": COLOURS[colours[word]], "index": i}
        for i, (n, word) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


NOW: Final[Json] = {"timeFrom": "2h"}
"""What is older than two of the longest epochs is not shown as the present."""
_COLUMN: Final[Json] = {
    "align": "auto",
    "cellOptions": {"type": "auto"},
    "filterable": True,
    "inspect": False,
}
_CELL: Final[Json] = {"type": "color-text"}


def _steps(limits: Limits) -> Json:
    first: Json = {"value": None, "color": limits.below}
    steps = [first, *({"value": s.at, "color": s.colour} for s in limits.steps)]
    return {"mode": "absolute", "steps": steps}


def _override(column: str, properties: Json) -> Json:
    return {
        "matcher": {"id": "byName", "options": column},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def _node_link() -> Json:
    """From a series to its node's board, field and range of time kept."""
    query = "var-field=${field}&var-node=${__field.labels.node}&${__url_time_range}"
    return {"title": "This node", "url": f"/d/{board_uid('node')}?{query}", "targetBlank": False}
