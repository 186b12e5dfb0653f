# SPDX-License-Identifier: Apache-2.0
"""
Home Assistant finds the nodes by itself: one retained message a node, and one for the field.

Format: "device discovery" of Home Assistant's MQTT integration, 2024.12 and later,
https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery. Each entity reads one key of a
retained state topic. *Not tried against a running Home Assistant.*
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from qres_gateway.sinks.schema import measurement
from qres_gateway.sinks.topics import Message

if TYPE_CHECKING:
    from qres_gateway.sinks.field import SinkField
    from qres_gateway.sinks.topics import Topics

__all__ = [
    "BATTERY_ENTITIES",
    "DISCOVERY_PREFIX",
    "FIELD_ENTITIES",
    "NODE_ENTITIES",
    "Entity",
    "discovery",
]

DISCOVERY_PREFIX: Final = "homeassistant"
"""Home Assistant's default."""
_HA_UNITS: Final = {"degC": "°C"}  # the others are spelt alike
_EPOCHS_SILENT: Final = 3
_STATUS_WORDS: Final = ("unknown", "reported", "held", "stale", "diverged")


class Entity(NamedTuple):
    """
    One sensor.

    Attributes:
        measurement, column: Where its value is; both in `schema`.
        name: For people.
        device_class: Home Assistant's kind of quantity; None if it has none that fits.
        state_class: "measurement", "total_increasing", or None for words.
        words: What numbers mean; empty if they are numbers.
        is_diagnostic: Shown apart from what people came for.
    """

    measurement: str
    column: str
    name: str
    device_class: str | None = None
    state_class: str | None = "measurement"
    words: tuple[str, ...] = ()
    is_diagnostic: bool = False


NODE_ENTITIES: Final = (
    Entity("weather", "temp_degc", "Temperature", "temperature"),
    Entity("weather", "rh_pct", "Humidity", "humidity"),
    Entity("weather", "wind_m_s", "Wind", "wind_speed"),
    Entity("weather", "rain_mm", "Rain", "precipitation", "total_increasing"),
    Entity("weather", "status", "Source of values", "enum", None, _STATUS_WORDS),
    Entity("fire", "vpd_kpa", "Vapour pressure deficit", "pressure"),
    Entity("fire", "ffmc", "Fine fuel moisture code"),
    Entity("fire", "isi", "Initial spread index"),
    Entity("fire", "anomaly", "Anomaly score"),
    Entity("fire", "cause", "Likely cause", "enum", None, ("none", "weather", "heat", "sensor")),
    Entity("fwi_daily", "fwi", "Fire weather index"),
    Entity("node", "last_heard_s", "Last heard", "duration", is_diagnostic=True),
    Entity("node", "rssi_dbm", "Signal strength", "signal_strength", is_diagnostic=True),
    Entity("node", "snr_db", "Signal-to-noise ratio", is_diagnostic=True),
)
"""Sensors of a node."""

BATTERY_ENTITIES: Final = (
    Entity("node", "batt_mv", "Battery voltage", "voltage", is_diagnostic=True),
)
"""Sensors that a node has besides where the site has `battery = true`."""

FIELD_ENTITIES: Final = (
    Entity("fire_field", "regime", "Regime", "enum", None, ("calm", "watch", "red")),
    Entity("fire_field", "anomaly", "Anomaly score"),
    Entity("fire_field", "isi_max", "Highest initial spread index"),
    Entity("swarm", "nodes_stale", "Silent nodes"),
    Entity("swarm", "diverged", "Replicas differ", "enum", None, ("no", "yes"), is_diagnostic=True),
)
"""Sensors of the field."""


def discovery(field: SinkField, topics: Topics, prefix: str = DISCOVERY_PREFIX) -> list[Message]:
    """
    Every message; publishing them again changes nothing.

    Args:
        field: The field.
        topics: Its topics.
        prefix: What Home Assistant listens to.
    """
    made = []
    of_field = f"qres_{field.site.field_id:08x}"
    of_node = NODE_ENTITIES + (BATTERY_ENTITIES if field.site.battery else ())
    for node in field.site.nodes:
        states = {name: topics.node(str(node.id), name) for name in ("weather", "fire", "node")}
        states["fwi_daily"] = topics.node(str(node.id), "fwi_daily")
        device = {
            "identifiers": [f"{of_field}_{node.id}"],
            "name": f"{field.name} {node.name}",
            "manufacturer": "QRES field kit",
            "model": "node",
            "via_device": of_field,
        }
        name = f"{of_field}_{node.id}"
        made.append(_device(prefix, name, device, of_node, states, topics, field))
    device = {
        "identifiers": [of_field],
        "name": field.name,
        "manufacturer": "QRES field kit",
        "model": "field",
    }
    states = {name: f"{topics.root}/field/{name}" for name in ("fire_field", "swarm")}
    made.append(_device(prefix, of_field, device, FIELD_ENTITIES, states, topics, field))
    return made


def _device(
    prefix: str,
    name: str,
    device: dict[str, Any],
    entities: tuple[Entity, ...],
    states: dict[str, str],
    topics: Topics,
    field: SinkField,
) -> Message:
    config = {
        "device": device,
        "origin": {"name": "QRES field kit"},
        "availability_topic": topics.status,
        "qos": 1,
        "components": {
            f"{e.measurement}_{e.column}": _component(e, name, states[e.measurement], field)
            for e in entities
        },
    }
    text = json.dumps(config, separators=(",", ":"), ensure_ascii=False)
    return Message(f"{prefix}/device/{name}/config", text, retain=True)


def _component(entity: Entity, device: str, state_topic: str, field: SinkField) -> dict[str, Any]:
    column = next(c for c in measurement(entity.measurement).columns if c.name == entity.column)
    key = f"value_json.{entity.column}"
    value = f"{{{{ {key} }}}}"
    if entity.words:
        value = f"{{{{ {list(entity.words)}[{key}|int] }}}}"
    made: dict[str, Any] = {
        "platform": "sensor",
        "unique_id": f"{device}_{entity.measurement}_{entity.column}",
        "name": entity.name,
        "state_topic": state_topic,
        "value_template": f"{{% if {key} is defined %}}{value}{{% endif %}}",
    }
    if entity.device_class is not None:
        made["device_class"] = entity.device_class
    if entity.words:
        made["options"] = list(entity.words)
    elif column.unit:
        made["unit_of_measurement"] = _HA_UNITS.get(column.unit, column.unit)
    if entity.state_class is not None:
        made["state_class"] = entity.state_class
    if entity.is_diagnostic:
        made["entity_category"] = "diagnostic"
    if entity.measurement != "fwi_daily":
        made["expire_after"] = _EPOCHS_SILENT * field.site.epoch_s
    return made
