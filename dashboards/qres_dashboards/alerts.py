# SPDX-License-Identifier: Apache-2.0
"""
The alerts: what is asked, when it fires, and what a person can do.

A rule asks InfluxQL for one number per field, node or sink over the last `range_s`, may divide it
by another, and compares the result with a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from qres_dashboards.config import (
    BACKLOG_AGE_S,
    BATTERY_CHEMISTRY,
    BATTERY_LOW_MV,
    DUTY_NEAR_LAW_PCT,
    REGIMES,
)
from qres_dashboards.influxql import Agg, Bin, Col, Num, Select, Where

__all__ = ["ALERTS", "Alert"]

_NODES: Final = ("field", "node")
_FIELD: Final = ("field",)
_RED: Final = next(number for number, word in REGIMES.items() if word == "red")


@dataclass(frozen=True, slots=True)
class Alert:
    """
    One alert.

    Attributes:
        uid: Never changes.
        title: For people.
        severity: "critical" wakes somebody; "warning" waits for the day.
        query: The number, by the tags that make an alert each.
        range_s: How far back it looks. [s]
        over: What the number is divided by, and its own range [s]; then the unit is percent.
        comparison: "gt" or "lt".
        limit: What it is compared with.
        for_s: How long it must hold before it fires. [s]
        no_data: What no answer at all means.
        board: Name of the board, and
        panel: title of its panel that shows it.
        summary: One line; `{{ .Labels.node }}` and the like are filled in by Grafana.
        means: What it means, with the source of the limit.
        not_meant: When it rightly stays silent.
        actions: What to do, in order.
    """

    uid: str
    title: str
    severity: Literal["critical", "warning"]
    query: Select
    range_s: int
    comparison: Literal["gt", "lt"]
    limit: float
    for_s: int
    no_data: Literal["OK", "Alerting"]
    board: str
    panel: str
    summary: str
    means: str
    not_meant: str
    actions: tuple[str, ...]
    over: tuple[Select, int] | None = None


def _last(column: str) -> Agg:
    return Agg("last", Col(column))


NODE_SILENT: Final = Alert(
    uid="qres-node-silent",
    title="Node silent past its deadline",
    severity="critical",
    query=Select(
        "node",
        {"past_deadline_s": Bin("-", _last("last_heard_s"), _last("deadline_s"))},
        by=_NODES,
        variables=(),
    ),
    range_s=7200,
    comparison="gt",
    limit=0,
    for_s=0,
    no_data="OK",
    board="swarm",
    panel="Silence as a share of the deadline",
    summary="Node {{ .Labels.node }} of field {{ .Labels.field }} is silent past its deadline",
    means="A healthy node speaks at least every six hours and two epochs, surprise or not (SPEC 4)."
    " This one did not, so it is out or cannot be heard. The state that everybody holds of it is"
    " stale.",
    not_meant="A node that is silent because the prediction holds is not late: its deadline has not"
    " passed. When the gateway writes nothing, that is another alert.",
    actions=(
        "Node board: had RSSI or SNR fallen before? Then something stands between.",
        "Are several nodes silent? Then look at the receiver and its antenna first.",
        "Go there: supply, panel, cable, antenna. After a restart the node speaks within an epoch.",
        "If it is gone for good, take it out of the site file.",
    ),
)

NODE_NEVER_HEARD: Final = Alert(
    uid="qres-node-never-heard",
    title="Node never heard",
    severity="warning",
    query=Select("node", {"status": _last("status")}, by=_NODES, variables=()),
    range_s=7200,
    comparison="lt",
    limit=1,
    for_s=8 * 3600,
    no_data="OK",
    board="swarm",
    panel="Nodes by silence",
    summary="Node {{ .Labels.node }} of field {{ .Labels.field }} has never been heard",
    means="The site file names the node, and for eight hours, longer than any deadline (SPEC 4 with"
    " the longest epoch), neither a frame of it nor a checkpoint that knows it has come.",
    not_meant="Within the first hours after the gateway's start nodes may be unknown.",
    actions=(
        "Is it deployed and on?",
        "Does it have this site's key and its own id? Provision it again.",
        "Refused frames with reason 'tag' on the RF board mean a wrong key or a wrong site file.",
    ),
)

BATTERY_LOW: Final = Alert(
    uid="qres-battery-low",
    title="Battery low",
    severity="warning",
    query=Select("node", {"batt_mv": _last("batt_mv")}, by=_NODES, variables=()),
    range_s=7200,
    comparison="lt",
    limit=BATTERY_LOW_MV[BATTERY_CHEMISTRY],
    for_s=86_400,
    no_data="OK",
    board="node",
    panel="Battery over time",
    summary="Node {{ .Labels.node }} of field {{ .Labels.field }}: battery low for a whole day",
    means=f"The {BATTERY_CHEMISTRY} cell has been below {BATTERY_LOW_MV[BATTERY_CHEMISTRY]} mV for"
    " 24 h (design): the sun of a day has not lifted it. About a third of its charge is left by the"
    " open-circuit curves of Zephyr and Meshtastic, some days without sun; at 3.3 V the node"
    " hibernates and is silent. What is compared is within the site's tolerance of the battery.",
    not_meant="A field whose site file does not say `battery = true` has no such number and never"
    " alerts. A dip at night that the day mends does not last 24 h. Of a node that fell silent the"
    " last voltage known stays.",
    actions=(
        "Does it still climb by day? Then the sun is short: clear the panel of snow, dust, shade.",
        "Does it never climb? Cable, charger, panel; or frost, in which a charger rightly refuses.",
        "Does it fall fast at night? The cell is worn: change it. Or the node sends much: its RF.",
        "Are many nodes low? It is the season: `qres plan` says what panel and cell they need.",
        "LiFePO4 cells have another limit: see `BATTERY_CHEMISTRY` in dashboards/README.md.",
    ),
)

REPLICA_DIVERGED: Final = Alert(
    uid="qres-replica-diverged",
    title="Replica diverged",
    severity="warning",
    query=Select("swarm", {"diverged": _last("diverged")}, by=_FIELD, variables=()),
    range_s=7200,
    comparison="gt",
    limit=0,
    for_s=3600,
    no_data="OK",
    board="swarm",
    panel="Divergence over time",
    summary="Field {{ .Labels.field }}: digests on air differ from the gateway's for an hour",
    means="The gateway's replica and the nodes' do not hold the same state. Values held by"
    " prediction may be wrong until a checkpoint repairs it; reported values are right. One hour"
    " is one round of beacons (design).",
    not_meant="Frames that were lost and are repaired within the hour.",
    actions=(
        "Wait for the next checkpoint: it repairs the gateway by itself, within a day.",
        "Has the site file been changed? Gateway and nodes must have the same one.",
        "Does it come back daily? Then many frames are lost: move the receiver or its antenna.",
    ),
)

DUTY_NEAR_LAW: Final = Alert(
    uid="qres-duty-near-law",
    title="Duty cycle near the law",
    severity="critical",
    query=Select(
        "rf_frame",
        {"duty_pct": Bin("/", Agg("sum", Col("airtime_us")), Num(36_000_000))},
        by=_NODES,
        variables=(),
    ),
    range_s=3600,
    over=(
        Select(
            "rf_limit",
            {"law_pct": Agg("min", Col("duty_pct"))},
            by=_FIELD,
            where=(Where("duty_pct", ">", 0),),  # 0: misnamed by a receiver, or forbidden
            variables=(),
        ),
        7200,
    ),
    comparison="gt",
    limit=DUTY_NEAR_LAW_PCT,
    for_s=0,
    no_data="OK",
    board="rf",
    panel="Share of the law by node and sub-band",
    summary="Node {{ .Labels.node }} of field {{ .Labels.field }} is near its legal duty cycle",
    means=f"In the last 60 minutes the node used more than {DUTY_NEAR_LAW_PCT} % (design) of the"
    " time on air that the law of its sub-band allows one transmitter. Its governor defers frames"
    " before the limit; the strictest sub-band in use is the one compared with.",
    not_meant="Regions without a duty cycle: their limit is the whole hour.",
    actions=(
        "Is the field in fast weather, a front or a fire? Then it is right, and passes.",
        "Which kind of frame is it? On the RF board, bytes by kind.",
        "Is it one node? A sensor that jumps reports all the time: see its values, mend it.",
        "Otherwise widen the tolerance, or choose a faster spreading factor in the site file.",
    ),
)

RF_BUDGET: Final = Alert(
    uid="qres-rf-budget",
    title="RF budget exceeded",
    severity="warning",
    query=Select("rf_frame", {"bytes": Agg("sum", Col("bytes"))}, by=_FIELD, variables=()),
    range_s=3600,
    over=(
        Select(
            "rf_limit",
            {"budget_bytes_h": Agg("max", Col("budget_bytes_h"))},
            by=_FIELD,
            variables=(),
        ),
        7200,
    ),
    comparison="gt",
    limit=100,
    for_s=900,
    no_data="OK",
    board="rf",
    panel="Bytes per hour against budget and periodic",
    summary="Field {{ .Labels.field }} sends more bytes per hour than its budget",
    means="The frames heard in the last 60 minutes, all nodes together, are more bytes than the"
    " field's budget, 1 KB/h (design), for a quarter of an hour: a single burst passes.",
    not_meant="Frames that were refused, of this field or others, do not count.",
    actions=(
        "Is the regime red, or has the weather turned? Then the field spends where it should.",
        "Who speaks? RF board, bytes by node. One node alone points to its sensor.",
        "Many checkpoints and repairs point to lost frames: see Swarm health.",
        "If the weather is always like this, widen the tolerance in the site file.",
    ),
)

GATEWAY_BACKLOG: Final = Alert(
    uid="qres-gateway-backlog",
    title="Gateway backlog",
    severity="warning",
    query=Select(
        "gateway", {"backlog_age_s": _last("backlog_age_s")}, by=("field", "sink"), variables=()
    ),
    range_s=600,
    comparison="gt",
    limit=BACKLOG_AGE_S,
    for_s=600,
    no_data="OK",
    board="swarm",
    panel="Backlog by sink",
    summary="Sink {{ .Labels.sink }} of field {{ .Labels.field }} does not keep up",
    means=f"The oldest row that the sink has not got has waited for more than {BACKLOG_AGE_S} s"
    " (design: one and a half epochs of 10 min). Nothing is lost: rows wait on the gateway's disk.",
    not_meant="While the gateway catches up after a pause the age falls; it clears by itself.",
    actions=(
        "Is the sink's server up, and its disk not full? Its log says so.",
        "Failed deliveries on Swarm health: a wrong or expired token fails each one.",
        "`qres doctor` on the gateway says what it finds.",
    ),
)

GATEWAY_SILENT: Final = Alert(
    uid="qres-gateway-silent",
    title="Gateway silent",
    severity="critical",
    query=Select(
        "gateway",
        {"points": Agg("count", Col("frames"))},
        by=_FIELD,
        every="10m",
        fill="0",
        variables=(),
    ),
    range_s=2 * 86_400,  # so that a field whose gateway stopped keeps its series, all zeros
    comparison="lt",
    limit=1,
    for_s=300,
    no_data="Alerting",
    board="swarm",
    panel="Size of the store",
    summary="The gateway of field {{ .Labels.field }} has written nothing for ten minutes",
    means="The gateway writes about itself once a minute. Nothing has come for ten (design), so no"
    " other alert can be trusted: this one stands for all of them.",
    not_meant="A field that is silent: the gateway writes all the same. A field that is taken out"
    " of use stops alerting after two days.",
    actions=(
        "Is the gateway running? `docker compose ps`, or its service.",
        "Is the database up, and does the gateway's token still write? Its log says so.",
        "`qres doctor` on the gateway says what it finds.",
    ),
)

RED_FLAG: Final = Alert(
    uid="qres-red-flag",
    title="Red-flag weather",
    severity="critical",
    query=Select("fire_field", {"regime": _last("regime")}, by=_FIELD, variables=()),
    range_s=7200,
    comparison="gt",
    limit=_RED - 1,
    for_s=0,
    no_data="OK",
    board="fire",
    panel="Regime over time",
    summary="Field {{ .Labels.field }}: regime red, fire weather",
    means="The mean Initial Spread Index of the field's nodes has reached 10 (SPEC 5.5): fuel is"
    " dry and wind strong, so a fire that starts now spreads fast. It ends when the index has been"
    " below for six hours.",
    not_meant="The regime is of the weather: it is no detection of a fire.",
    actions=(
        "Follow the plan of your agency for red-flag days.",
        "Fire weather board: which nodes, and does anyone's score stand out from its neighbours?",
        "Compare with the official forecast; tell who is out in the field.",
    ),
)

ALERTS: Final = (
    RED_FLAG,
    NODE_SILENT,
    NODE_NEVER_HEARD,
    BATTERY_LOW,
    REPLICA_DIVERGED,
    DUTY_NEAR_LAW,
    RF_BUDGET,
    GATEWAY_BACKLOG,
    GATEWAY_SILENT,
)
"""In the order of the runbook."""
