# SPDX-License-Identifier: Apache-2.0
"""Board 1: fire weather of a field and its nodes."""

from __future__ import annotations

from typing import Any, Final

from qres_dashboards.boards.common import BY_NODE, CAUSE_MAP, PROVENANCE_MAP, REGIME_MAP, regime
from qres_dashboards.config import ANOMALY, FWI, UNITS, unit_of
from qres_dashboards.layout import Board, Row
from qres_dashboards.panels import NOW, Panel, field_config, line, panel, stat, table
from qres_dashboards.queries import NODE, newest, node_now, track
from qres_dashboards.targets import Ask

__all__ = ["FIRE"]

_NO_STATE: Final = "No state yet: the gateway writes it once per epoch, after the first commit"
_NO_NEWS: Final = "No state for two hours: is the gateway running?"
_NO_DAILY: Final = "No daily index yet: it needs a local noon and 24 hours of values"


def _map() -> Panel:
    layer: dict[str, Any] = {
        "type": "markers",
        "name": "Nodes",
        "location": {"mode": "coords", "latitude": "lat_deg", "longitude": "lon_deg"},
        "tooltip": True,
        "config": {
            "showLegend": True,
            "style": {
                "size": {"fixed": 8, "min": 4, "max": 16},
                "color": {"field": "anomaly", "fixed": "text"},
                "opacity": 0.8,
                "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
                "text": {"field": "node", "fixed": "", "mode": "field"},
                "textConfig": {"fontSize": 11, "offsetX": 0, "offsetY": -12},
            },
        },
    }
    options = {
        "view": {"id": "fit", "lat": 0, "lon": 0, "zoom": 12, "allLayers": True, "padding": 10},
        "basemap": {"type": "default", "name": "Map", "config": {}},
        "layers": [layer],
        "controls": {
            "mouseWheelZoom": True,
            "showZoom": True,
            "showScale": True,
            "showAttribution": True,
            "showMeasure": False,
            "showDebug": False,
        },
        "tooltip": {"mode": "details"},
    }
    return panel(
        "geomap",
        "Nodes on the map",
        "Each node where the site file says it is, coloured by its anomaly score. The map's"
        f" background needs the Internet; the nodes do not. {ANOMALY.source}",
        {
            "A": Ask(node_now("node", "lat_deg", "lon_deg"), is_table=True),
            "B": Ask(node_now("fire", "anomaly", "cause"), is_table=True),
        },
        config=field_config(
            UNITS[""],
            "No node has a position yet",
            limits=ANOMALY,
            overrides=[
                {
                    "matcher": {"id": "byName", "options": "cause"},
                    "properties": [{"id": "mappings", "value": CAUSE_MAP}],
                }
            ],
        ),
        options=options,
        size=(12, 12),
        extra=NOW
        | {
            "transformations": [
                {"id": "joinByField", "options": {"byField": "node", "mode": "outer"}}
            ]
        },
    )


def _nodes() -> Panel:
    columns = ("anomaly", "cause", "ffmc", "isi", "vpd_kpa", "surface_hdw", "status")
    return table(
        "Nodes now",
        "The newest state of each node. 'cause' is the likely cause of the score,"
        " 'status' says where the node's values come from.",
        {"A": Ask(node_now("fire", *columns), is_table=True)},
        units={c: unit_of("fire", c) for c in columns},
        mappings={"cause": CAUSE_MAP, "status": PROVENANCE_MAP},
        limits={"anomaly": ANOMALY},
        no_data=_NO_NEWS,
        size=(12, 12),
        sort="anomaly",
        back=NOW["timeFrom"],
    )


def _by_node(title: str, about: str, column: str, **more: Any) -> Panel:
    ask = Ask(track("fire", column, by=("node",), variables=NODE), BY_NODE)
    unit = unit_of("fire", column)
    return line(title, about, {"A": ask}, unit=unit, no_data=_NO_STATE, to_node=True, **more)


def _field_stat(title: str, about: str, column: str, **more: Any) -> Panel:
    ask = Ask(newest("fire_field", column))
    unit = unit_of("fire_field", column)
    return stat(title, about, {"A": ask}, unit=unit, no_data=_NO_NEWS, extra=NOW, **more)


FIRE: Final = Board(
    "fire",
    "QRES Fire weather",
    "What the field says of fire weather: regime, anomaly score, moisture codes and spread, for the"
    " field and for each node. Decision support: it does not replace a station of a fire agency.",
    (
        Row(
            "Now",
            (
                stat(
                    "Regime",
                    "calm; watch from a mean Initial Spread Index of 4, red from 10; up at once,"
                    " down after six hours below (SPEC 5.5). Every replica decides alike.",
                    {"A": Ask(newest("fire_field", "regime"))},
                    unit=unit_of("fire_field", "regime"),
                    mappings=REGIME_MAP,
                    no_data=_NO_NEWS,
                    extra=NOW,
                ),
                _field_stat(
                    "Anomaly score of the field",
                    "How rare this drying weather is for this field and hour of the day, as far as"
                    " it is dangerous; 0 in the first seven days.",
                    "anomaly",
                    limits=ANOMALY,
                ),
                _field_stat(
                    "Highest ISI",
                    "Initial Spread Index of this hour at the node where it is highest. No limits:"
                    " what is high belongs to a place.",
                    "isi_max",
                ),
                _field_stat(
                    "Mean FFMC",
                    "Hourly Fine Fuel Moisture Code, mean of the nodes that are not stale; 0 wet"
                    " to 101 dry.",
                    "ffmc",
                ),
                _field_stat(
                    "Mean VPD",
                    "Vapour pressure deficit, mean of the nodes that are not stale: how hard the"
                    " air dries what lies on the ground.",
                    "vpd_kpa",
                ),
                _field_stat(
                    "Nodes that count",
                    "Nodes whose values are not stale: the field's numbers are of these.",
                    "nodes",
                ),
            ),
        ),
        Row("Where", (_map(), _nodes())),
        Row(
            "The field over time",
            (
                regime((24, 4)),
                line(
                    "Anomaly score by node",
                    "The rarer of two: weather that is unusual and dangerous, and departure from"
                    " the neighbours. Click a line to go to the node.",
                    {"A": Ask(track("fire", "anomaly", by=("node",), variables=NODE), BY_NODE)},
                    unit=unit_of("fire", "anomaly"),
                    limits=ANOMALY,
                    no_data=_NO_STATE,
                    to_node=True,
                    least=0,
                ),
                line(
                    "FFMC and ISI of the field",
                    "Means of the nodes that are not stale, and the highest ISI of any.",
                    {"A": Ask(track("fire_field", "ffmc", "isi", "isi_max"), "$col")},
                    unit=unit_of("fire_field", "isi"),
                    no_data=_NO_STATE,
                ),
            ),
        ),
        Row(
            "Each node over time",
            (
                _by_node(
                    "FFMC by node", "Hourly Fine Fuel Moisture Code, 0 wet to 101 dry.", "ffmc"
                ),
                _by_node("ISI by node", "Initial Spread Index of the hour.", "isi"),
                _by_node("VPD by node", "Vapour pressure deficit.", "vpd_kpa"),
                _by_node(
                    "Surface HDW by node",
                    "Surface hot-dry-wind index: VPD times wind at the node, a proxy at the ground"
                    " for the index of Srock et al. (2018), which takes the lowest 50 hPa.",
                    "surface_hdw",
                ),
            ),
        ),
        Row(
            "Daily, Canadian FWI System of 1987",
            (
                line(
                    "FWI by node",
                    "Fire Weather Index of each local noon.",
                    {
                        "A": Ask(
                            track("fwi_daily", "fwi", by=("node",), variables=NODE, every="1d"),
                            BY_NODE,
                        )
                    },
                    unit=unit_of("fwi_daily", "fwi"),
                    limits=FWI,
                    no_data=_NO_DAILY,
                    to_node=True,
                    least=0,
                ),
                table(
                    "Codes and indices of the last noon",
                    "The newest daily values in the range. FWI, ISI and DSR answer the day's"
                    " weather, DMC, DC and BUI weeks of it.",
                    {
                        "A": Ask(
                            node_now("fwi_daily", "ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr"),
                            is_table=True,
                        )
                    },
                    units={},
                    limits={"fwi": FWI},
                    no_data=_NO_DAILY,
                    size=(12, 8),
                    sort="fwi",
                    back="2d",
                ),
            ),
        ),
    ),
    node="all",
    range="48h",
)
