# SPDX-License-Identifier: Apache-2.0
"""Server-sent events as bytes: one full state, then only what changed.

`snapshot` carries {seq, snapshot, summary}. `delta` carries {seq, ...} with, when they changed:
`field`, `health`, `rf` (without hours), `summary` and the small scalars as whole values;
`nodes` as [{id, changed fields}]; `hours` as the hours to replace by `start_us`; `events` as the
new lines. A null is a value (absent), not a deletion. Whatever a delta cannot say (other nodes,
hours removed, another name) makes the next message a full one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from qres_gateway.console.summary import Summary
from qres_gateway.console.view import Node, Rf, Snapshot

_encoder = msgspec.json.Encoder()
_NODE_FIXED = frozenset({"id", "name", "lat_deg", "lon_deg", "elev_m", "synthetic"})
_NODE_MOVING = tuple(f for f in Node.__struct_fields__ if f not in _NODE_FIXED)
_RF_SCALARS = tuple(f for f in Rf.__struct_fields__ if f != "hours")
_WHOLE = ("field", "health", "demo", "speed", "tolerance", "regime", "fire")


def sse(event: str, seq: int, payload: Any) -> bytes:
    """One event of the stream; JSON has no raw newline, so one data line is enough."""
    head = f"id: {seq}\nevent: {event}\ndata: ".encode()
    return head + _encoder.encode(payload) + b"\n\n"


def full_message(seq: int, snapshot: Snapshot, summary: Summary) -> bytes:
    """The whole state, for a client that has nothing."""
    return sse("snapshot", seq, {"seq": seq, "snapshot": snapshot, "summary": summary})


def delta(before: Snapshot, now: Snapshot, was: Summary, summary: Summary) -> dict[str, Any] | None:
    """What changed, or None if only a full message can tell it. Empty dict: nothing changed."""
    if not _same_shape(before, now):
        return None
    changed: dict[str, Any] = {
        name: getattr(now, name) for name in _WHOLE if getattr(before, name) != getattr(now, name)
    }
    if was != summary:
        changed["summary"] = summary
    nodes = [_moved(a, b) for a, b in zip(before.nodes, now.nodes, strict=True) if a != b]
    if nodes:
        changed["nodes"] = nodes
    rf = {f: getattr(now.rf, f) for f in _RF_SCALARS}
    if rf != {f: getattr(before.rf, f) for f in _RF_SCALARS}:
        changed["rf"] = rf
    known = {hour.start_us: hour for hour in before.rf.hours}
    hours = [hour for hour in now.rf.hours if known.get(hour.start_us) != hour]
    if hours:
        changed["hours"] = hours
    last = before.events[-1].id if before.events else -1
    events = [event for event in now.events if event.id > last]
    if events:
        changed["events"] = events
    return changed


def _moved(before: Node, now: Node) -> dict[str, Any]:
    moved: dict[str, Any] = {"id": now.id}
    for name in _NODE_MOVING:
        value = getattr(now, name)
        if value != getattr(before, name):
            moved[name] = value
    return moved


def _same_shape(before: Snapshot, now: Snapshot) -> bool:
    """Whether the fixed parts agree: names and places of nodes, oldest hour still the oldest."""
    if before.field.name != now.field.name or len(before.nodes) != len(now.nodes):
        return False
    for a, b in zip(before.nodes, now.nodes, strict=True):
        if a is not b and any(getattr(a, f) != getattr(b, f) for f in _NODE_FIXED):
            return False
    first_before = before.rf.hours[0].start_us if before.rf.hours else None
    first_now = now.rf.hours[0].start_us if now.rf.hours else None
    if first_before is not None and first_before != first_now:
        return False
    return not before.events or bool(now.events and now.events[-1].id >= before.events[-1].id)
