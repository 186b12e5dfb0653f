# SPDX-License-Identifier: Apache-2.0
"""Parts of an audit in JSON's types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qres_gateway.audit.hours_csv import utc
from qres_gateway.audit.tally import DAY_US, KINDS, Transmitter
from qres_gateway.audit.unseen import most_per_hour, wilson
from qres_gateway.audit.verdict import group_of
from qres_gateway.ledger import HOUR_US, UNKNOWN_NODE, Sum

if TYPE_CHECKING:
    from qres.site import Site
    from qres_gateway.audit.coverage import Coverage
    from qres_gateway.audit.law import Law
    from qres_gateway.audit.statistics import ClockHour
    from qres_gateway.audit.tally import Tally
    from qres_gateway.audit.unseen import Unseen

__all__ = [
    "accepted_dict",
    "coverage_dict",
    "days_list",
    "nodes_list",
    "refused_dict",
    "sum_dict",
    "unseen_dict",
]


def sum_dict(s: Sum) -> dict[str, int]:
    """Frames, bytes and airtime."""
    return {"frames": s.frames, "bytes": s.bytes, "airtime_us": s.airtime_us}


def coverage_dict(coverage: Coverage, least: float) -> dict[str, Any]:
    """When the gateway was listening."""
    return {
        "share": round(coverage.share, 6),
        "share_least": least,
        "covered_h": round(coverage.covered_us / HOUR_US, 4),
        "silence_is_gap_s": coverage.longest_us / 1e6,
        "recorded_from_utc": None
        if coverage.recorded_from_us is None
        else utc(coverage.recorded_from_us),
        "spans": coverage.n_spans,
        "gaps": [
            {
                "from_utc": utc(gap.from_us),
                "to_utc": utc(gap.to_us),
                "hours": round((gap.to_us - gap.from_us) / HOUR_US, 3),
            }
            for gap in coverage.gaps
        ],
    }


def accepted_dict(tally: Tally) -> dict[str, Any]:
    """Frames of the field: all, by kind, by sub-band."""
    kinds = tally.total.kinds
    names = [*KINDS, *sorted(kinds.keys() - set(KINDS))]
    return {
        "total": sum_dict(tally.total.total),
        "kinds": {name: sum_dict(kinds.get(name, Sum())) for name in names},
        "bands": {name: sum_dict(part) for name, part in sorted(tally.bands.items())},
    }


def refused_dict(tally: Tally, at_source: dict[str, int]) -> dict[str, Any]:
    """Transmissions that were not accepted, by whose they are, and by reason."""
    groups = {"not_ours": Sum(), "repeated": Sum(), "unclear": Sum()}
    for reason, part in tally.refused.items():
        groups[group_of(reason)].add(part.frames, part.bytes, part.airtime_us)
    return {
        **{name: sum_dict(part) for name, part in groups.items()},
        "reasons": {
            reason: {"whose": group_of(reason), **sum_dict(part)}
            for reason, part in sorted(tally.refused.items())
        },
        "at_receiver": dict(sorted(at_source.items())),
    }


def unseen_dict(unseen: Unseen, tally: Tally) -> dict[str, Any]:
    """What was due and not heard, and what that says of the share that was heard."""
    heard, due = unseen.beacons()
    low, high = wilson(heard, due)
    missing = due - heard + sum(unseen.heartbeats.values())
    frames = tally.total.total.frames
    return {
        "beacons_due": due,
        "beacons_heard": heard,
        "heartbeats_missing": sum(unseen.heartbeats.values()),
        "frames_missing_least": missing,
        "share_heard": round(heard / due, 6) if due else None,
        "share_heard_low": round(low, 6) if due else None,
        "share_heard_high": round(high, 6) if due else None,
        "frames_sent_estimate": round(frames * due / heard) if heard else None,
    }


def nodes_list(site: Site, tally: Tally, unseen: Unseen, law: Law) -> list[dict[str, Any]]:
    """One entry a node and sub-band, by id; nodes that were not heard have zeros."""
    band = "" if law.band is None else law.band.name
    names = {node.id: node.name for node in site.nodes}
    bounds = {is_relay: most_per_hour(site, is_relay=is_relay) for is_relay in (False, True)}
    heard = {node for node, _ in tally.senders}
    senders = dict(tally.senders) | {(i, band): Transmitter() for i in names if i not in heard}
    found = []
    for (node, where), sender in sorted(senders.items()):
        peak, limit_us = sender.window.most_airtime_us, law.limit_of(where)
        total = sender.total
        is_relay = node in site.relays
        bound = bounds[is_relay or (node == UNKNOWN_NODE and bool(site.relays))]
        found.append(
            {
                "node": None if node == UNKNOWN_NODE else node,
                "name": names.get(node),
                "is_relay": is_relay,
                "band": where,
                **sum_dict(total),
                "kinds": {kind: sum_dict(sender.kinds.get(kind, Sum())) for kind in KINDS},
                "worst_60min_airtime_us": peak.value,
                "worst_60min_end_us": peak.end_us,
                "worst_60min_bytes": sender.window.most_bytes.value,
                "worst_duty_pct": round(100 * peak.value / HOUR_US, 6),
                "share_of_limit_pct": round(100 * peak.value / limit_us, 4) if limit_us else None,
                "bound_60min_airtime_us": bound.airtime_us,
                "longest_frame_us": sender.longest_us,
                "last_heard_utc": utc(sender.last_us) if total.frames else None,
                "heartbeats_missing": unseen.heartbeats.get(node, 0),
            }
        )
    return found


def days_list(
    tally: Tally, coverage: Coverage, budget: int, hours: list[ClockHour]
) -> list[dict[str, Any]]:
    """One entry a UTC day of the period."""
    most: dict[int, int] = {}
    over: dict[int, int] = {}
    for h in hours:
        day = h.hour * HOUR_US // DAY_US
        most[day] = max(most.get(day, 0), h.total.bytes)
        over[day] = over.get(day, 0) + (h.total.bytes > budget)
    return [
        {
            "day": utc(day * DAY_US)[:10],
            "covered_h": round(
                coverage.covered_between(day * DAY_US, (day + 1) * DAY_US) / HOUR_US, 4
            ),
            **sum_dict(tally.days.get(day, Sum())),
            "most_bytes_in_clock_hour": most[day],
            "clock_hours_over": over[day],
        }
        for day in sorted(most)
    ]
