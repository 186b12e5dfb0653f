# SPDX-License-Identifier: Apache-2.0
"""
Points as MQTT messages: pure. `docs/mqtt.md` is the schema, for people.

What is now and what was are kept apart. The newest point of a node or of the field is retained on
a topic of its own, so whoever subscribes sees the state at once. A point that is older than what
is retained there, as a backlog has them, goes to the same topic below `late/`, not retained: no
reader of the state is ever set back, and who wants all of the past can have it. What is an event
(frames, sums of an hour) is never retained.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from qres_gateway.sinks.schema import measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qres_gateway.sinks.field import SinkField
    from qres_gateway.sinks.point import Point

__all__ = ["EVENTS", "OF_FIELD", "OF_NODE", "Message", "Topics"]

OF_NODE: Final = ("weather", "fire", "fwi_daily", "node")
"""Measurements that are the state of a node."""
OF_FIELD: Final = ("fire_field", "swarm")
"""Measurements that are the state of the field."""
EVENTS: Final = ("rf_frame", "rf_hour", "rf_refused", "rf_limit")
"""Measurements that are no state."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published, always with QoS 1."""

    topic: str
    payload: str
    retain: bool


class Topics:
    """
    Topics of a field.

    Args:
        field: The field.
        prefix: First level of every topic.
    """

    def __init__(self, field: SinkField, prefix: str = "qres") -> None:
        self._field = field
        self.root = f"{prefix}/{field.topic}"
        self.status = f"{self.root}/status"
        self._newest: dict[str, int] = {}

    def node(self, node: str, name: str) -> str:
        """Where a measurement of a node is retained."""
        return f"{self.root}/node/{node}/{name}"

    def of(self, point: Point) -> str:
        """The topic of a point's measurement and tags."""
        name = point.measurement
        tags = dict(zip(measurement(name).tags, point.tags, strict=True))
        if name in OF_NODE:
            return self.node(tags["node"], name)
        if name in OF_FIELD:
            return f"{self.root}/field/{name}"
        if name in EVENTS:
            return f"{self.root}/rf/{name}"
        return f"{self.root}/gateway/{tags['sink']}"

    def messages(self, points: Sequence[Point]) -> tuple[list[Message], dict[str, int]]:
        """
        Messages of points, in their order; and the times that `delivered` is to be told.

        Of several points for one retained topic only the newest is retained; the others are late.
        """
        newest: dict[str, int] = {}
        for p in points:
            if p.measurement not in EVENTS:
                topic = self.of(p)
                newest[topic] = max(p.time_us, newest.get(topic, self._newest.get(topic, 0)))
        made = []
        for p in points:
            topic = self.of(p)
            is_newest = p.time_us == newest.get(topic)
            if p.measurement not in EVENTS and not is_newest:
                topic = topic.replace(self.root, f"{self.root}/late", 1)
            made.append(Message(topic, payload(p), retain=is_newest))
        return made, newest

    def delivered(self, newest: dict[str, int]) -> None:
        """The broker has confirmed messages."""
        self._newest |= newest

    def site(self) -> Message:
        """What the field is, retained: names and places of its nodes."""
        site = self._field.site
        nodes = [
            {
                "id": n.id,
                "name": n.name,
                "lat_deg": n.lat_deg,
                "lon_deg": n.lon_deg,
                "elev_m": n.elev_m,
            }
            for n in site.nodes
        ]
        text = _json({"field": site.name, "epoch_s": site.epoch_s, "nodes": nodes})
        return Message(f"{self.root}/site", text, retain=True)


def payload(point: Point) -> str:
    """A point as a JSON object: its time, its tags, its fields; unknown fields are not there."""
    tags = zip(measurement(point.measurement).tags, point.tags, strict=True)
    return _json({"time_us": point.time_us, **dict(tags), **point.fields})


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
