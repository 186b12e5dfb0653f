# SPDX-License-Identifier: Apache-2.0
"""The documents say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from qres_gateway.sinks.describe import renewed
from qres_gateway.sinks.schema import MEASUREMENTS, measurement
from qres_gateway.sources import raw_message
from qres_gateway.sources.gwmp import Packet
from qres_gateway.sources.mqtt import EXPIRY_S
from tests.sources import ROOT

SCHEMA, MQTT = (ROOT / "docs" / name for name in ("schema.md", "mqtt.md"))
RAW_KEYS = set(raw_message._Raw.__struct_fields__)


@pytest.mark.parametrize("path", [SCHEMA, MQTT])
def test_printed_parts_are_fresh(path: Path) -> None:
    """What is printed from the code is what the code prints now (`sinks.describe` renews it)."""
    text = path.read_text(encoding="utf-8")
    assert renewed(text) == text
    assert "<!-- begin:" in text


def test_every_field_is_described() -> None:
    """schema.md has a row for each field of each measurement, with its type and unit."""
    text = SCHEMA.read_text(encoding="utf-8")
    for m in MEASUREMENTS:
        section = text.split(f"### {m.name}\n")[1].split("\n### ")[0]
        for c in m.columns:
            assert f"| `{c.name}` | {c.kind} | {c.unit or '–'} |" in section


def test_examples_are_real() -> None:
    """The examples of mqtt.md are a point by the schema and a frame that is accepted."""
    found = [
        json.loads(t) for t in re.findall(r"```json\n(.*?)```", MQTT.read_text("utf-8"), re.DOTALL)
    ]
    point, raw = found
    weather = measurement("weather")
    assert set(point) <= {"time_us", *weather.tags, *(c.name for c in weather.columns)}
    packet = raw_message.parse(json.dumps(raw).encode())
    assert isinstance(packet, Packet)
    assert packet.payload == b"report"


def test_every_raw_key_is_described() -> None:
    """mqtt.md has a row for each key that a raw frame may have, and no other; and the expiry."""
    text = MQTT.read_text(encoding="utf-8").split("## Raw frames")[1]
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert set(rows) == RAW_KEYS
    assert str(EXPIRY_S) in text
