# SPDX-License-Identifier: Apache-2.0
"""Board 5: the audit, as tables that can be exported and handed on."""

from __future__ import annotations

from typing import Final

from qres_dashboards.config import COLOURS, KILOBYTE_B, UNITS, Limit, Limits, unit_of
from qres_dashboards.influxql import Agg, Col, Select
from qres_dashboards.layout import Board, Row
from qres_dashboards.panels import stat, table, text
from qres_dashboards.queries import HOUR, NODE, limit, per_hour, sums
from qres_dashboards.targets import Ask, Maths

__all__ = ["AUDIT"]

_LEDGER: Final = ("frames", "bytes", "airtime_us")
_UNITS: Final = {c: unit_of("rf_hour", c) for c in _LEDGER}
_NO_FRAMES: Final = "No frame in this range: nothing was heard, or the field was silent"
_PROMISE: Final = Limits(
    (Limit(KILOBYTE_B, COLOURS["bad"]),),
    f"Limit (design): {KILOBYTE_B} B/h for the whole field, however many nodes.",
)

_TOTALS: Final = Row(
    "Sums of the range",
    (
        stat(
            "Frames",
            "Transmissions heard in the range; one counts once, however many receivers heard it.",
            {"A": Ask(sums("rf_hour", "frames"))},
            unit=UNITS[""],
            no_data=_NO_FRAMES,
        ),
        stat(
            "Bytes",
            "PHY payload in the range, headers and integrity codes included.",
            {"A": Ask(sums("rf_hour", "bytes"))},
            unit=UNITS["B"],
            no_data=_NO_FRAMES,
        ),
        stat(
            "Airtime",
            "Time on air in the range, by the time-on-air formula (Semtech AN1200.13).",
            {"A": Ask(sums("rf_hour", "airtime_us"))},
            unit=UNITS["us"],
            no_data=_NO_FRAMES,
        ),
        stat(
            "Most bytes in an hour",
            "The fullest hour of the clock in the range.",
            {"A": Ask(per_hour("bytes"), is_hidden=True), "B": Maths(reduce=("A", "max"))},
            unit=UNITS["B/h"],
            limits=_PROMISE,
            no_data=_NO_FRAMES,
        ),
        stat(
            "Bytes per hour, mean",
            "Mean over the hours in which anything was heard.",
            {"A": Ask(per_hour("bytes"), is_hidden=True), "B": Maths(reduce=("A", "mean"))},
            unit=UNITS["B/h"],
            limits=_PROMISE,
            no_data=_NO_FRAMES,
        ),
        stat(
            "Refused",
            "Frames heard and not accepted in the range.",
            {"A": Ask(sums("rf_refused", "frames"))},
            unit=UNITS[""],
            no_data="Nothing was refused in this range",
        ),
    ),
)

_TABLES: Final = Row(
    "Tables: menu of the panel, Inspect, Data, Download CSV",
    (
        table(
            "Hour by hour",
            "Each hour of the clock: what was sent, the field's budget, and what periodic senders"
            " would have sent.",
            {
                "A": Ask(sums("rf_hour", *_LEDGER, every=HOUR), is_table=True),
                "B": Ask(limit("budget_bytes_h"), is_table=True),
                "C": Ask(limit("periodic_bytes_h"), is_table=True),
            },
            units={
                **_UNITS,
                "budget_bytes_h": unit_of("rf_limit", "budget_bytes_h"),
                "periodic_bytes_h": unit_of("rf_limit", "periodic_bytes_h"),
            },
            limits={"bytes": _PROMISE},
            no_data=_NO_FRAMES,
            join="Time",
            hide_time=False,
            sort="Time",
        ),
        table(
            "Hour by hour, by node, kind and sub-band",
            "The ledger itself, for the nodes chosen above.",
            {
                "A": Ask(
                    Select(
                        "rf_hour",
                        {c: Agg("sum", Col(c)) for c in _LEDGER},
                        by=("node", "kind", "band"),
                        every=HOUR,
                        variables=NODE,
                    ),
                    is_table=True,
                )
            },
            units=_UNITS,
            no_data=_NO_FRAMES,
            hide_time=False,
            sort="Time",
        ),
        table(
            "By node",
            "Node 'unknown' gathers frames whose sender could not be told.",
            {"A": Ask(sums("rf_hour", *_LEDGER, by=("node",)), is_table=True)},
            units=_UNITS,
            no_data=_NO_FRAMES,
            size=(8, 9),
            sort="bytes",
        ),
        table(
            "By kind and sub-band",
            "What the bytes were spent on.",
            {"A": Ask(sums("rf_hour", *_LEDGER, by=("kind", "band")), is_table=True)},
            units=_UNITS,
            no_data=_NO_FRAMES,
            size=(8, 9),
            sort="bytes",
        ),
        table(
            "Refused by reason",
            "Where a frame was refused and why; the reasons are those of SPEC's error table.",
            {
                "A": Ask(
                    sums("rf_refused", "frames", "bytes", by=("layer", "reason")), is_table=True
                )
            },
            units={c: unit_of("rf_refused", c) for c in ("frames", "bytes")},
            no_data="Nothing was refused in this range",
            size=(8, 9),
            sort="frames",
        ),
        table(
            "By receiver",
            "Frames that each receiver delivered first.",
            {
                "A": Ask(
                    Select("rf_frame", {"frames": Agg("count", Col("bytes"))}, by=("receiver",)),
                    is_table=True,
                )
            },
            units={"frames": UNITS[""]},
            no_data=_NO_FRAMES,
            size=(24, 6),
            sort="frames",
        ),
    ),
)

AUDIT: Final = Board(
    "audit",
    "QRES Audit",
    "The RF ledger as tables, for the regulator and the budget holder.",
    (
        Row(
            "How to read it",
            (
                text(
                    "About these numbers",
                    "What is counted, and how to take it along.",
                    "Counted is what was **heard**: PHY payload bytes and time on air of each"
                    " transmission, once. Hours are UTC. The hour that is running is not complete."
                    " To take a table along: menu of its panel, *Inspect*, *Data*, *Download CSV*.",
                    size=(24, 3),
                ),
            ),
        ),
        _TOTALS,
        _TABLES,
    ),
    node="all",
    range="7d",
)
