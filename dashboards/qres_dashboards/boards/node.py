# SPDX-License-Identifier: Apache-2.0
"""
Board 4: one node.

The battery has values only where the site file says `battery = true`; the solar panel has no
panel: no frame carries it.
"""

from __future__ import annotations

from typing import Any, Final

from qres_dashboards.boards.common import PROVENANCE_MAP
from qres_dashboards.config import ANOMALY, BATTERY, UNITS, unit_of
from qres_dashboards.layout import Board, Row
from qres_dashboards.panels import NOW, Panel, line, stat, states
from qres_dashboards.queries import NODE as BOTH
from qres_dashboards.queries import (
    duty,
    growth,
    late_frames,
    limit,
    newest,
    per_hour,
    track,
)
from qres_dashboards.targets import Ask

__all__ = ["NODE", "POWER"]

_NO_VALUE: Final = "No value of this node in this range"
_NO_NEWS: Final = "Nothing of this node for two hours"
_NO_BATTERY: Final = "No battery voltage: the site file has no battery = true, or nothing is known"
_NO_FRAME: Final = "No frame of this node in this range: silence may be right, see its deadline"


def _track(
    title: str, about: str, of: str, *columns: str, no_data: str = _NO_VALUE, **more: Any
) -> Panel:
    unit = unit_of(of, columns[0])
    asks = {"A": Ask(track(of, *columns, variables=BOTH), "$col")}
    return line(title, about, asks, unit=unit, no_data=no_data, **more)


def _now(
    title: str, about: str, of: str, column: str, no_data: str = _NO_NEWS, **more: Any
) -> Panel:
    asks = {"A": Ask(newest(of, column, variables=BOTH))}
    unit = unit_of(of, column)
    return stat(title, about, asks, unit=unit, no_data=no_data, extra=NOW, **more)


_NOW: Final = Row(
    "Now",
    (
        _now(
            "Values come from",
            "reported: the node said so; held: its silence says that the prediction holds within"
            " tolerance; stale: past the deadline; diverged: not to be trusted now.",
            "node",
            "status",
            mappings=PROVENANCE_MAP,
        ),
        _now("Last heard", "Time since the node's newest frame.", "node", "last_heard_s"),
        _now(
            "Deadline",
            "Silence longer than this means that the node is out (SPEC 4).",
            "node",
            "deadline_s",
        ),
        _now("Anomaly score", "The higher of its parts.", "fire", "anomaly", limits=ANOMALY),
        _now("RSSI", "Signal strength of its newest frame.", "node", "rssi_dbm"),
        _now("SNR", "Signal-to-noise ratio of its newest frame.", "node", "snr_db"),
    ),
)

_VALUES: Final = Row(
    "Values, within the site's tolerance",
    (
        states(
            "Provenance over time",
            "Where the values below come from.",
            {"A": Ask(track("weather", "status", variables=BOTH), "values")},
            mappings=PROVENANCE_MAP,
            no_data=_NO_VALUE,
            size=(24, 4),
        ),
        _track("Air temperature", "Reported or held.", "weather", "temp_degc"),
        _track("Relative humidity", "Reported or held.", "weather", "rh_pct"),
        _track("Wind", "10-min mean, reported or held.", "weather", "wind_m_s", least=0),
        line(
            "Rain per hour",
            "Difference of the accumulated rain from hour to hour.",
            {"A": Ask(growth("weather", "rain_mm", variables=BOTH), "rain")},
            unit=unit_of("weather", "rain_mm"),
            no_data="Needs two hours of values to count from one to the next",
            bars=True,
        ),
    ),
)

_FIRE: Final = Row(
    "Fire weather",
    (
        _track(
            "Anomaly score and its parts",
            "weather: unusual for the field and dangerous; local: departure from the neighbours.",
            "fire",
            "anomaly",
            "anomaly_weather",
            "anomaly_local",
            limits=ANOMALY,
            least=0,
        ),
        _track("FFMC and ISI", "Of the hour.", "fire", "ffmc", "isi"),
        _track("Vapour pressure deficit", "Of the air at the node.", "fire", "vpd_kpa", least=0),
        _track("Surface HDW", "Hot-dry-wind at the ground, a proxy.", "fire", "surface_hdw"),
    ),
)

_RADIO: Final = Row(
    "Radio",
    (
        line(
            "RSSI by receiver",
            "Mean of the frames that each receiver delivered first.",
            {
                "A": Ask(
                    track("rf_frame", "rssi_dbm", by=("receiver",), variables=BOTH, how="mean"),
                    "$tag_receiver",
                )
            },
            unit=unit_of("rf_frame", "rssi_dbm"),
            no_data=_NO_FRAME,
        ),
        line(
            "SNR by receiver",
            "LoRa is received down to about -7.5 dB at SF7 and -20 dB at SF12 (Semtech, SX1262"
            " datasheet).",
            {
                "A": Ask(
                    track("rf_frame", "snr_db", by=("receiver",), variables=BOTH, how="mean"),
                    "$tag_receiver",
                )
            },
            unit=unit_of("rf_frame", "snr_db"),
            no_data=_NO_FRAME,
        ),
        line(
            "Bytes per hour of the node by kind",
            "PHY payload.",
            {"A": Ask(per_hour("bytes", by=("kind",), variables=BOTH), "$tag_kind")},
            unit=UNITS["B/h"],
            no_data=_NO_FRAME,
            bars=True,
            stacked=True,
        ),
        line(
            "Duty cycle of the node",
            "Time on air as a share of each hour, and the law of the sub-band.",
            {
                "A": Ask(duty(by=("band",)), "band $tag_band"),
                "B": Ask(limit("duty_pct", by=("band",)), "law of band $tag_band"),
            },
            unit=UNITS["%"],
            no_data=_NO_FRAME,
            least=0,
        ),
        _track(
            "Arrival against the slot",
            "Of the newest frame. A slot's guard is 200 ms (SPEC 3).",
            "node",
            "offset_us",
        ),
        line(
            "Late frames per hour",
            "Came after their phase had been committed: they were folded in afterwards.",
            {"A": Ask(late_frames(), "late")},
            unit=UNITS[""],
            no_data="No frame came late in this range",
            bars=True,
        ),
    ),
)

POWER: Final = (
    _now(
        "Battery",
        "Voltage at the node's last sample, within the site's tolerance of the battery.",
        "node",
        "batt_mv",
        no_data=_NO_BATTERY,
        limits=BATTERY,
        size=(4, 8),
    ),
    _track(
        "Battery over time",
        "A healthy node climbs with the sun of each day and falls at night; steps smaller than the"
        " tolerance are not sent. Days that end lower than they began: too little sun or a worn"
        " cell.",
        "node",
        "batt_mv",
        no_data=_NO_BATTERY,
        limits=BATTERY,
        size=(20, 8),
    ),
)
"""The row of the battery."""

NODE: Final = Board(
    "node",
    "QRES Node",
    "One node: its values and where they come from, its fire weather, its radio, its battery.",
    (_NOW, _VALUES, _FIRE, _RADIO, Row("Power", POWER)),
    node="one",
)
