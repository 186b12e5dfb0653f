# SPDX-License-Identifier: Apache-2.0
"""
A known store: points of two fields for every measurement of the schema, and their line protocol.

Deterministic, and awkward on purpose: values come at uneven times, some are missing, a counter
restarts, a tag has a space. Lines are made by the gateway's own writer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from qres_gateway.sinks import point as writer
from qres_gateway.sinks.schema import Measurement, measurement

__all__ = ["END_S", "FIELDS", "NODES", "START_S", "Point", "Value", "line_protocol", "points"]

Value = float | int | str | bool

START_S: Final = 1_750_000_000 - 1_750_000_000 % 86_400
"""A UTC midnight."""
END_S: Final = START_S + 50 * 3600 + 1500
FIELDS: Final = ("ridge 1", "valley")
NODES: Final = ("0", "3", "17", "101")
EPOCH_S: Final = 600
_BANDS: Final = ("P", "M")
_KINDS: Final = ("report", "beacon", "checkpoint")


@dataclass(frozen=True, slots=True)
class Point:
    """One point. `time_s` is Unix time, to the microsecond."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    time_s: float


def line_protocol(of: Sequence[Point]) -> bytes:
    """Line protocol by the gateway's own writer, which also checks tags, names and types."""
    return "\n".join(_line(point) for point in of).encode()


def points() -> list[Point]:
    """Everything, in order of measurement and time."""
    dice = random.Random(20_261_122)
    found: list[Point] = []
    for field in FIELDS:
        found += _epochs(field, dice)
        found += _hours(field, dice)
        found += _frames(field, dice)
        found += _phases(field, dice)
        found += _minutes(field, dice)
    return found


def _line(of: Point) -> str:
    tags = tuple(of.tags[tag] for tag in measurement(of.measurement).tags)
    assert len(tags) == len(of.tags), of
    made = writer.point(of.measurement, tags, round(of.time_s * 1_000_000), of.fields)
    assert made is not None
    assert made.fields == of.fields, "the writer changes a value: choose one that it keeps"
    return writer.line(made)


def _values(of: Measurement, dice: random.Random) -> dict[str, Value]:
    """A value for each column, some left out: what is unknown is not written."""
    found: dict[str, Value] = {}
    for column in of.columns:
        if dice.random() < 0.05 and column.name not in {"status", "regime", "diverged"}:
            continue
        if column.name == "status":
            found[column.name] = dice.choice((1, 2, 2, 2, 3, 4))
        elif column.name in {"regime", "cause"}:
            found[column.name] = dice.randrange(3)
        elif column.name in {"diverged", "synced"}:
            found[column.name] = dice.randrange(2)
        elif column.kind == "integer":
            found[column.name] = dice.randrange(-40_000 if column.unit == "us" else 0, 40_000)
        elif column.kind == "float":
            found[column.name] = round(dice.uniform(-5, 90), 3)
        elif column.kind == "string":
            found[column.name] = f"{dice.getrandbits(32):08x}"
        else:
            found[column.name] = dice.random() < 0.3
    return found


def _epochs(field: str, dice: random.Random) -> list[Point]:
    found: list[Point] = []
    for time_s in range(START_S + 450, END_S, EPOCH_S):
        found.append(_point("fire_field", {"field": field}, time_s, dice))
        for node in NODES:
            tags = {"field": field, "node": node}
            found += [_point(name, tags, time_s, dice) for name in ("weather", "fire", "node")]
            if (time_s - START_S) % 86_400 == 43_650:
                found.append(_point("fwi_daily", tags, time_s, dice))
    return found


def _hours(field: str, dice: random.Random) -> list[Point]:
    found: list[Point] = []
    for time_s in range(START_S, END_S, 3600):
        for band in _BANDS:
            found.append(
                Point(
                    "rf_limit",
                    {"field": field, "band": band},
                    {
                        "duty_pct": {"P": 10.0, "M": 1.0}[band],
                        "budget_bytes_h": 800,
                        "periodic_bytes_h": 864,
                    },
                    time_s,
                )
            )
            for node in NODES:
                for kind in _KINDS:
                    if dice.random() < 0.4:
                        continue
                    tags = {"field": field, "node": node, "kind": kind, "band": band}
                    found.append(Point("rf_hour", tags, _sums(dice), time_s))
        for reason in ("tag", "length", "replay"):
            tags = {"field": field, "layer": "frame", "reason": reason}
            found.append(_point("rf_refused", tags, time_s, dice))
    return found


def _sums(dice: random.Random) -> dict[str, Value]:
    frames = dice.randrange(1, 9)
    return {"frames": frames, "bytes": 6 * frames, "airtime_us": 123_904 * frames}


def _frames(field: str, dice: random.Random) -> list[Point]:
    found: list[Point] = []
    time_s = START_S
    while (time_s := time_s + dice.randrange(20, 500)) < END_S:
        tags = {
            "field": field,
            "node": dice.choice(NODES),
            "kind": dice.choice(_KINDS),
            "receiver": dice.choice(("tower", "hut")),
        }
        size = dice.choice((6, 16, 51))
        fields: dict[str, Value] = {
            "bytes": size,
            "airtime_us": 20_000 * size,
            "rssi_dbm": -dice.randrange(60, 130) + 0.5,
            "snr_db": round(dice.uniform(-20, 12), 2),
            "late": dice.random() < 0.2,
        }
        found.append(Point("rf_frame", tags, fields, time_s))
    return found


def _phases(field: str, dice: random.Random) -> list[Point]:
    """Counters grow, and start again from 0 once: the gateway was restarted."""
    known = measurement("swarm")
    counters = dict.fromkeys(
        ("bits_compared", "beacons_compared", "adopted", "verified", "missed_checkpoints"), 1
    )
    found: list[Point] = []
    for i, time_s in enumerate(range(START_S, END_S, EPOCH_S // 4)):
        if i == 500:
            counters = dict.fromkeys(counters, 0)
        for name in counters:
            counters[name] += dice.randrange(3)
        fields = _values(known, dice) | counters
        fields["bits_wrong"] = counters["bits_compared"] // 3
        fields["beacons_wrong"] = counters["beacons_compared"] // 7
        found.append(Point("swarm", {"field": field}, fields, time_s))
    return found


def _minutes(field: str, dice: random.Random) -> list[Point]:
    found: list[Point] = []
    failures = 0
    for time_s in range(START_S, END_S, 60):
        failures += dice.random() < 0.05
        for sink in ("influxdb", "mqtt"):
            fields = _values(measurement("gateway"), dice) | {"failures": failures}
            found.append(Point("gateway", {"field": field, "sink": sink}, fields, time_s))
    return found


def _point(name: str, tags: dict[str, str], time_s: int, dice: random.Random) -> Point:
    fields = _values(measurement(name), dice)
    return Point(name, tags, fields or {"frames": 1}, time_s)
