# SPDX-License-Identifier: Apache-2.0
"""Board 3: do the replicas agree, who was heard, and does the gateway keep up."""

from __future__ import annotations

from typing import Final

from qres_dashboards.boards.common import BY_NODE, PROVENANCE_MAP, YES_NO, regime
from qres_dashboards.config import BACKLOG_AGE_S, COLOURS, UNITS, Limit, Limits, unit_of
from qres_dashboards.influxql import Agg, Bin, Col, Num, Select
from qres_dashboards.layout import Board, Row
from qres_dashboards.panels import NOW, line, mapping, stat, states, table
from qres_dashboards.queries import NODE, growth, newest, node_now, share, track
from qres_dashboards.targets import Ask

__all__ = ["SWARM"]

_NO_PHASE: Final = "No phase committed in this range: is the gateway running?"
_NO_NEWS: Final = "No phase committed for two hours: is the gateway running?"
_NO_NODE: Final = "No node in this range: the gateway writes them once per epoch"
_NO_GATEWAY: Final = "The gateway wrote nothing about itself in this range"
_DEADLINE: Final = Limits(
    (Limit(80, COLOURS["watch"]), Limit(100, COLOURS["bad"])),
    "Limits: 100 % is the deadline of SPEC 4, six hours and two epochs, by which a healthy node has"
    " spoken; below it silence means that the prediction holds.",
)
_BACKLOG: Final = Limits(
    (Limit(BACKLOG_AGE_S, COLOURS["bad"]),),
    f"Limit (design): {BACKLOG_AGE_S} s, one and a half epochs of 10 min.",
)
_SYNCED: Final = mapping(
    {0: "waiting for a checkpoint", 1: "yes"},
    {"waiting for a checkpoint": "watch", "yes": "good"},
)
_SILENCE: Final = Select(
    "node",
    {
        "silence_pct": Bin(
            "/",
            Bin("*", Num(100), Agg("last", Col("last_heard_s"))),
            Agg("last", Col("deadline_s")),
        )
    },
    by=("node",),
    every="$__interval",
    variables=NODE,
)

_AGREEMENT: Final = Row(
    "Do the replicas agree?",
    (
        stat(
            "Digest",
            "32-bit digest of the gateway's replica after its newest phase, hexadecimal: compare it"
            " with a node's own.",
            {"A": Ask(newest("swarm", "digest"), is_table=True)},
            unit=UNITS["text"],
            no_data=_NO_NEWS,
            extra=NOW,
            show="/^digest$/",
            size=(6, 4),
        ),
        stat(
            "Diverged",
            "Whether digests on air differ from the gateway's.",
            {"A": Ask(newest("swarm", "diverged"))},
            unit=unit_of("swarm", "diverged"),
            mappings=YES_NO,
            no_data=_NO_NEWS,
            extra=NOW,
        ),
        stat(
            "In step",
            "Whether every frame can be read; until a checkpoint has come some cannot.",
            {"A": Ask(newest("swarm", "synced"))},
            unit=unit_of("swarm", "synced"),
            mappings=_SYNCED,
            no_data=_NO_NEWS,
            extra=NOW,
            size=(6, 4),
        ),
        stat(
            "Digest bits wrong",
            "Share of the digest bits compared since the gateway's start that differed. A diverged"
            " replica gives 50 %.",
            {"A": Ask(share("swarm", "bits_wrong", "bits_compared", name="wrong_pct"))},
            unit=UNITS["%"],
            no_data=_NO_NEWS,
            extra=NOW,
        ),
        stat(
            "Beacons wrong",
            "Share of the whole digests in beacons since the gateway's start that differed.",
            {"A": Ask(share("swarm", "beacons_wrong", "beacons_compared", name="wrong_pct"))},
            unit=UNITS["%"],
            no_data=_NO_NEWS,
            extra=NOW,
        ),
        states(
            "Divergence over time",
            "When digests on air differed from the gateway's.",
            {"A": Ask(track("swarm", "diverged"), "diverged")},
            mappings=YES_NO,
            no_data=_NO_PHASE,
            size=(12, 5),
        ),
        regime((12, 5)),
        line(
            "Repairs per hour",
            "Checkpoints that the gateway adopted (it had been wrong), verified (it was right), or"
            " that came too late.",
            {"A": Ask(growth("swarm", "adopted", "verified", "missed_checkpoints"), "$col")},
            unit=unit_of("swarm", "adopted"),
            no_data="Needs two hours of phases to count from one to the next",
            bars=True,
            stacked=True,
        ),
        line(
            "Where values come from",
            "Nodes by provenance: reported, held by prediction, stale (past the deadline), diverged"
            " (not to be trusted now), unknown (never heard).",
            {
                "A": Ask(
                    track(
                        "swarm",
                        "nodes_reported",
                        "nodes_held",
                        "nodes_stale",
                        "nodes_diverged",
                        "nodes_unknown",
                    ),
                    "$col",
                )
            },
            unit=unit_of("swarm", "nodes_held"),
            no_data=_NO_PHASE,
            stacked=True,
            least=0,
        ),
    ),
)

_HEARD: Final = Row(
    "Who was heard, and when",
    (
        line(
            "Silence as a share of the deadline",
            "Time since each node's newest frame. Predicted silence grows and falls; what passes"
            " 100 % is out.",
            {"A": Ask(_SILENCE, BY_NODE)},
            unit=UNITS["%"],
            limits=_DEADLINE,
            no_data=_NO_NODE,
            to_node=True,
            least=0,
        ),
        line(
            "Clock offset by node",
            "Arrival of each node's newest frame against its slot. A slot's guard is 200 ms"
            " (SPEC 3); a steady drift is a crystal, a jump a clock that was set.",
            {"A": Ask(track("node", "offset_us", by=("node",), variables=NODE), BY_NODE)},
            unit=unit_of("node", "offset_us"),
            no_data=_NO_NODE,
            to_node=True,
        ),
        table(
            "Nodes by silence",
            "The newest look at each node.",
            {
                "A": Ask(
                    node_now(
                        "node",
                        "last_heard_s",
                        "deadline_s",
                        "status",
                        "offset_us",
                        "rssi_dbm",
                        "snr_db",
                    ),
                    is_table=True,
                )
            },
            units={
                c: unit_of("node", c)
                for c in ("last_heard_s", "deadline_s", "offset_us", "rssi_dbm", "snr_db")
            },
            mappings={"status": PROVENANCE_MAP},
            no_data=_NO_NODE,
            sort="last_heard_s",
            back=NOW["timeFrom"],
        ),
    ),
)

_GATEWAY: Final = Row(
    "The gateway",
    (
        line(
            "Backlog by sink",
            "Age of the oldest row of the store that each sink has not got. Nothing is lost while"
            " it grows: rows wait on disk.",
            {"A": Ask(track("gateway", "backlog_age_s", by=("sink",)), "$tag_sink")},
            unit=unit_of("gateway", "backlog_age_s"),
            limits=_BACKLOG,
            no_data=_NO_GATEWAY,
            size=(8, 8),
            least=0,
        ),
        line(
            "Failed deliveries per hour",
            "By sink. Each is tried again.",
            {"A": Ask(growth("gateway", "failures", by=("sink",)), "$tag_sink")},
            unit=unit_of("gateway", "failures"),
            no_data=_NO_GATEWAY,
            size=(8, 8),
            bars=True,
        ),
        line(
            "Size of the store",
            "The gateway's database on disk; the frame log is kept, so it grows.",
            {"A": Ask(track("gateway", "store_bytes", how="max"), "store")},
            unit=unit_of("gateway", "store_bytes"),
            no_data=_NO_GATEWAY,
            size=(8, 8),
            least=0,
        ),
    ),
)

SWARM: Final = Board(
    "swarm",
    "QRES Swarm health",
    "Whether all replicas hold the same state, what repairs took place, who was heard and when,"
    " clocks, and whether the gateway keeps up.",
    (_AGREEMENT, _HEARD, _GATEWAY),
    node="all",
)
