# SPDX-License-Identifier: Apache-2.0
"""Board 2: what the field spends on air, against the law, the budget and periodic senders."""

from __future__ import annotations

from typing import Final

from qres_dashboards.config import (
    COLOURS,
    DUTY_NEAR_LAW_PCT,
    KILOBYTE_B,
    UNITS,
    Limit,
    Limits,
    unit_of,
)
from qres_dashboards.layout import Board, Row
from qres_dashboards.panels import NOW, line, stat, table
from qres_dashboards.queries import HOUR, NODE, duty, limit, newest, per_hour, sliding_hour, sums
from qres_dashboards.targets import Ask, Maths

__all__ = ["RF"]

_NO_FRAMES: Final = "No frame in this range: nothing was heard, or the field was silent"
_NO_LAW: Final = "No legal duty cycle here: the region has none, or nothing was sent"
_PROMISE: Final = Limits(
    (Limit(KILOBYTE_B, COLOURS["bad"]),),
    f"Limit (design): {KILOBYTE_B} B/h for the whole field, however many nodes.",
)
_LAW: Final = Limits(
    (Limit(DUTY_NEAR_LAW_PCT, COLOURS["warn"]), Limit(100, COLOURS["bad"])),
    "Limits: 100 % is the law of the region's sub-band, per transmitter and hour (in EU868 EN"
    f" 300 220-2; the site file names the region); the alert begins at {DUTY_NEAR_LAW_PCT} %"
    " (design).",
)
_RATE: Final = UNITS["B/h"]
_LAST_HOUR: Final = {"timeFrom": HOUR}
_BY_KIND: Final = "$tag_kind"
_BY_NODE_BAND: Final = "node $tag_node, band $tag_band"

_NOW: Final = Row(
    "Now",
    (
        stat(
            "Bytes in the last hour",
            "PHY payload of all frames heard in the last 60 minutes.",
            {"A": Ask(sliding_hour("bytes", "bytes"))},
            unit=UNITS["B"],
            limits=_PROMISE,
            no_data=_NO_FRAMES,
            size=(6, 4),
            extra=_LAST_HOUR,
        ),
        stat(
            "Airtime in the last hour",
            "Time on air of all frames heard in the last 60 minutes, all nodes together.",
            {"A": Ask(sliding_hour("airtime_us", "airtime_us"))},
            unit=unit_of("rf_frame", "airtime_us"),
            no_data=_NO_FRAMES,
            size=(6, 4),
            extra=_LAST_HOUR,
        ),
        stat(
            "Saved against periodic",
            "Share of bytes saved in the range against the same values sent every epoch (Cayenne"
            " LPP over LoRaWAN, as `qres.periodic` counts it).",
            {
                "A": Ask(per_hour("bytes"), is_hidden=True),
                "B": Ask(limit("periodic_bytes_h"), is_hidden=True),
                "C": Maths(reduce=("A", "sum"), is_hidden=True),
                "D": Maths(reduce=("B", "sum"), is_hidden=True),
                "E": Maths("100 - 100 * $C / $D"),
            },
            unit=UNITS["%"],
            no_data=_NO_FRAMES,
            size=(6, 4),
        ),
        stat(
            "Budget",
            "What all nodes together may put on air in an hour.",
            {"A": Ask(newest("rf_limit", "budget_bytes_h"))},
            unit=unit_of("rf_limit", "budget_bytes_h"),
            no_data="No budget for two hours: is the gateway running?",
            size=(6, 4),
            extra=NOW,
        ),
    ),
)

_BYTES: Final = Row(
    "Bytes of the field for each hour of the clock",
    (
        line(
            "Bytes per hour against budget and periodic",
            "All frames of the field, its budget, and what periodic senders would have"
            " sent. The hour that is running is not complete.",
            {
                "A": Ask(per_hour("bytes"), "sent"),
                "B": Ask(limit("budget_bytes_h"), "budget"),
                "C": Ask(limit("periodic_bytes_h"), "periodic, every epoch"),
            },
            unit=_RATE,
            limits=_PROMISE,
            no_data=_NO_FRAMES,
            least=0,
        ),
        line(
            "Saved against periodic, per hour",
            "Share of bytes that periodic senders would have sent and this field did not.",
            {
                "A": Ask(per_hour("bytes"), is_hidden=True),
                "B": Ask(limit("periodic_bytes_h"), is_hidden=True),
                "C": Maths("100 - 100 * $A / $B"),
            },
            unit=UNITS["%"],
            no_data=_NO_FRAMES,
            name="saved",
        ),
        line(
            "Bytes per hour by kind",
            "report: a surprise; beacon: a node's sign of life; checkpoint: repair for who missed"
            " something; relay: what was repeated for who is out of reach.",
            {"A": Ask(per_hour("bytes", by=("kind",)), _BY_KIND)},
            unit=_RATE,
            no_data=_NO_FRAMES,
            bars=True,
            stacked=True,
        ),
        line(
            "Bytes per hour by node",
            "Who speaks most. Node 'unknown' gathers frames whose sender could not be told.",
            {"A": Ask(per_hour("bytes", by=("node",), variables=NODE), "node $tag_node")},
            unit=_RATE,
            no_data=_NO_FRAMES,
            bars=True,
            stacked=True,
            to_node=True,
        ),
    ),
)

_AIR: Final = Row(
    "Time on air and the law",
    (
        line(
            "Duty cycle by node and sub-band",
            "Time on air of each transmitter as a share of each hour. The law counts any 60"
            " minutes; the alert does so too.",
            {
                "A": Ask(duty(), _BY_NODE_BAND),
                "B": Ask(limit("duty_pct", by=("band",)), "law of band $tag_band"),
            },
            unit=UNITS["%"],
            no_data=_NO_FRAMES,
            to_node=True,
            least=0,
        ),
        line(
            "Share of the law by node and sub-band",
            "The same as a share of what the law allows.",
            {
                "A": Ask(duty(), is_hidden=True),
                "B": Ask(limit("duty_pct", by=("band",)), is_hidden=True),
                "C": Maths("100 * $A / $B"),
            },
            unit=UNITS["%"],
            limits=_LAW,
            no_data=_NO_LAW,
            to_node=True,
            least=0,
            name="node ${__field.labels.node}, band ${__field.labels.band}",
        ),
        line(
            "Airtime per hour by sub-band",
            "All transmitters together.",
            {"A": Ask(per_hour("airtime_us", by=("band",)), "band $tag_band")},
            unit=unit_of("rf_hour", "airtime_us"),
            no_data=_NO_FRAMES,
            bars=True,
            stacked=True,
        ),
        line(
            "Airtime per hour by kind",
            "LoRa time moves in steps of symbols: bytes alone do not tell it.",
            {"A": Ask(per_hour("airtime_us", by=("kind",)), _BY_KIND)},
            unit=unit_of("rf_hour", "airtime_us"),
            no_data=_NO_FRAMES,
            bars=True,
            stacked=True,
        ),
    ),
)

_OTHERS: Final = Row(
    "What was refused",
    (
        line(
            "Refused frames per hour by reason",
            "Heard and not accepted: other networks on the channel, broken frames, forgeries. The"
            " reasons are those of SPEC's error table.",
            {
                "A": Ask(
                    sums("rf_refused", "frames", by=("layer", "reason"), every=HOUR),
                    "$tag_layer: $tag_reason",
                )
            },
            unit=unit_of("rf_refused", "frames"),
            no_data="Nothing was refused in this range",
            bars=True,
            stacked=True,
        ),
        table(
            "Sums by node",
            "Frames, bytes and airtime in the range.",
            {
                "A": Ask(
                    sums("rf_hour", "frames", "bytes", "airtime_us", by=("node",)), is_table=True
                )
            },
            units={c: unit_of("rf_hour", c) for c in ("frames", "bytes", "airtime_us")},
            no_data=_NO_FRAMES,
            size=(12, 8),
            sort="bytes",
        ),
    ),
)

RF: Final = Board(
    "rf",
    "QRES RF budget",
    "Bytes and time on air of the whole field: against the promise of 1 KB/h, the field's"
    " budget, the law of each sub-band, and what periodic senders would have sent. Bytes are PHY"
    " payload, headers and integrity codes included; frames that nobody heard are not counted.",
    (_NOW, _BYTES, _AIR, _OTHERS),
    node="all",
)
