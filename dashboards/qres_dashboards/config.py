# SPDX-License-Identifier: Apache-2.0
"""
What the boards and the alerts have in common: names, uids, limits and where each limit comes from.

Uids never change: links, alerts and bookmarks hold on to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from qres_gateway.sinks.schema import measurement

__all__ = [
    "ALERT_FOLDER_TITLE",
    "ANOMALY",
    "BACKLOG_AGE_S",
    "BATTERY",
    "BATTERY_CHEMISTRY",
    "BATTERY_LOW_MV",
    "CAUSES",
    "COLOURS",
    "DATASOURCE_NAME",
    "DATASOURCE_UID",
    "DATASOURCE_VARIABLE",
    "DUTY_NEAR_LAW_PCT",
    "FOLDER_TITLE",
    "FOLDER_UID",
    "FWI",
    "KILOBYTE_B",
    "PROVENANCE",
    "REGIMES",
    "SCHEMA_VERSION",
    "TAG",
    "UNITS",
    "Limit",
    "Limits",
    "board_uid",
    "unit_of",
    "words",
]

DATASOURCE_UID: Final = "qres-influxdb"
DATASOURCE_NAME: Final = "QRES"
DATASOURCE_VARIABLE: Final = "${datasource}"
FOLDER_UID: Final = "qres"
FOLDER_TITLE: Final = "QRES"
ALERT_FOLDER_TITLE: Final = "QRES alerts"
"""Not the boards': rules find theirs by title and would make a second one of it."""
TAG: Final = "qres"
SCHEMA_VERSION: Final = 41
"""Of Grafana 12's dashboard JSON; Grafana 10 and 11 read it too, 13 migrates it."""

UNITS: Final = {
    "": "none",
    "degC": "celsius",
    "%": "percent",
    "m/s": "velocityms",
    "mm": "lengthmm",
    "kPa": "pressurekpa",
    "mV": "mvolt",
    "B": "decbytes",
    "B/h": "suffix: B/h",
    "us": "µs",
    "s": "s",
    "dBm": "dBm",
    "dB": "dB",
    "deg": "degree",
    "time": "dateTimeAsIso",
    "text": "string",
}
"""Grafana's unit by the schema's, and two for what is not a number."""

COLOURS: Final = {"good": "green", "watch": "yellow", "warn": "orange", "bad": "red", "off": "text"}


@dataclass(frozen=True, slots=True)
class Limit:
    """From `at` on a value is shown in `colour`."""

    at: float
    colour: str


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Limits of one quantity and the sentence that says where they come from.

    `below` is the colour of what is less than the first of them.
    """

    steps: tuple[Limit, ...]
    source: str
    below: str = COLOURS["good"]


FWI: Final = Limits(
    (
        Limit(11.2, COLOURS["watch"]),
        Limit(21.3, COLOURS["warn"]),
        Limit(38.0, COLOURS["bad"]),
    ),
    "Thresholds (paper): European classes of the Fire Weather Index, moderate from 11.2, high from"
    " 21.3, very high from 38 (JRC, EFFIS technical background). A class belongs to a place:"
    " compare with years of your own station.",
)
ANOMALY: Final = Limits(
    (Limit(50, COLOURS["watch"]), Limit(75, COLOURS["bad"])),
    "Thresholds (SPEC 5.5): the score, 0 to 100, gains 25 for each power of ten of rarity; 50 comes"
    " once in 100 hours, and from there on a likely cause is named, 75 once in 1000.",
)

BATTERY_LOW_MV: Final = {"Li-ion": 3500, "LiFePO4": 3150}
"""
Voltage of one cell, by chemistry, below which somebody should look. Design. [mV]

Li-ion: about a third is left (36 % by the open-circuit curve of the NCR18650BF, 28 % by
Meshtastic's), which is days of darkness; and 200 mV above the 3.3 V at which a node hibernates, so
that it is seen at every tolerance class before the node falls silent. LiFePO4: a fifth is left
(3159 mV at 20 % by the curve of the IFR18650); its plateau, 3.2 to 3.3 V, tells little.
Sources: Zephyr 4.3, dt-bindings/battery/battery.h, curves from data sheets; Meshtastic firmware,
src/power.h.
"""
BATTERY_CHEMISTRY: Final = "Li-ion"
"""Of the nodes' cells. Nothing on air says it: change it for LiFePO4, then build."""
BATTERY: Final = Limits(
    (Limit(BATTERY_LOW_MV[BATTERY_CHEMISTRY], COLOURS["good"]),),
    f"Threshold (design): below {BATTERY_LOW_MV[BATTERY_CHEMISTRY]} mV a {BATTERY_CHEMISTRY} cell"
    " has about a third left by its open-circuit curve (Zephyr, battery.h), and a node hibernates"
    " at 3.3 V.",
    below=COLOURS["bad"],
)

KILOBYTE_B: Final = 1024
"""The promise "under 1 KB/h for the whole field", as the gateway counts it. [B/h]"""
DUTY_NEAR_LAW_PCT: Final = 80
"""Share of the legal duty cycle that alerts: one fifth is left for repairs. Design. [%]"""
BACKLOG_AGE_S: Final = 900
"""Age of the oldest row a sink has not got that alerts: an epoch and a half. Design. [s]"""


def words(measurement_name: str, column: str) -> dict[int, str]:
    """
    The words for a column's numbers, as the schema's text gives them.

    Raises:
        ValueError: The text names fewer than two.

    >>> words("fire_field", "regime")
    {0: 'calm', 1: 'watch', 2: 'red'}
    """
    columns = {c.name: c for c in measurement(measurement_name).columns}
    text = columns[column].text
    found = {int(n): word for n, word in re.findall(r"\b(\d) ([a-z]+)", text)}
    if len(found) < 2:
        raise ValueError(f"{measurement_name}.{column}: {text!r} names no words for its numbers")
    return found


REGIMES: Final = words("fire_field", "regime")
PROVENANCE: Final = words("node", "status")
CAUSES: Final = words("fire", "cause")


def unit_of(measurement_name: str, column: str) -> str:
    """
    Grafana's unit for a column.

    Raises:
        KeyError: There is no such column, or its unit has no counterpart here.
    """
    columns = {c.name: c for c in measurement(measurement_name).columns}
    return UNITS[columns[column].unit]


def board_uid(name: str) -> str:
    """Uid of the board *name*."""
    return f"qres-{name}"
