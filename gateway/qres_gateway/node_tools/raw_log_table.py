# SPDX-License-Identifier: Apache-2.0
"""A raw log as a table: CSV or JSON, with where each row comes from."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from qres.channels import site_channels
from qres_gateway.node_tools.raw_log import FIELDS

if TYPE_CHECKING:
    from qres_gateway.node_tools.raw_log import FieldOf, RawLog, Sample

__all__ = ["COLUMNS", "FAULTS", "REFUSED", "Origin", "bits", "summary", "to_csv", "to_json"]

FAULTS: Final = ("humidity", "pressure", "vane", "power")
"""Parts that did not answer: bits 0.. of `faults`, SENSOR_FAULT_* of firmware/include/sensor.h."""

REFUSED: Final = tuple(c.name for c in site_channels(battery=True))
"""Channels whose value the node did not believe: bits 0.. of `refused`."""

_WORDS: Final = {"faults": FAULTS, "refused": REFUSED}
_DECIMALS: Final = {f.column: len(str(f.divisor)) - 1 for f in FIELDS}
_BEFORE: Final = ("mac", "field_id", "node_id", "node_name", "sector_sequence", "sector_place")


class Origin(NamedTuple):
    """
    Which node a log was read from; empty where it is not known.

    Attributes:
        mac: Factory address of the board.
        field_id: Number of the field.
        node_id: Id of the node.
        node_name: Its name.
    """

    mac: str = ""
    field_id: int | None = None
    node_id: int | None = None
    node_name: str = ""


COLUMNS: Final = (*_BEFORE, *(f.column for f in FIELDS))
"""Columns of the table, in order."""


def bits(value: int, names: tuple[str, ...]) -> str:
    """
    The bits of *value* that are set, in words.

    >>> bits(5, FAULTS)
    'humidity+vane'
    """
    return "+".join(names[i] if i < len(names) else f"bit_{i}" for i in range(8) if value >> i & 1)


def to_csv(log: RawLog, origin: Origin) -> bytes:
    """A line of names, then a line a sample, oldest first; what was not measured is empty."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    before = _cells(origin)
    for sample in log.samples:
        writer.writerow((*before, *(_text(*cell) for cell in _row(sample).items())))
    return out.getvalue().encode("utf-8")


def to_json(log: RawLog, origin: Origin) -> bytes:
    """One object: `origin`, `summary`, and `samples`, in which null is what was not measured."""
    whole = {
        "origin": origin._asdict(),
        "summary": summary(log),
        "samples": [_row(sample) for sample in log.samples],
    }
    return json.dumps(whole, allow_nan=False).encode("utf-8") + b"\n"


def summary(log: RawLog) -> dict[str, Any]:
    """How many samples of which time, and what is missing."""
    times = [s.time_s for s in log.samples]
    return {
        "samples": len(times),
        "first_utc": _utc(min(times)) if times else None,
        "last_utc": _utc(max(times)) if times else None,
        "torn": log.torn,
        "sectors": log.sectors,
        "lost_sectors": log.lost_sectors,
        "backwards": log.backwards,
    }


def _cells(origin: Origin) -> tuple[str, ...]:
    field_id = "" if origin.field_id is None else f"{origin.field_id:#010x}"
    node_id = "" if origin.node_id is None else str(origin.node_id)
    return origin.mac, field_id, node_id, origin.node_name


def _row(sample: Sample) -> dict[str, str | float | None]:
    """Values of one sample by column, in the columns' units."""
    row = {"sector_sequence": sample.sequence, "sector_place": sample.place}
    return row | {f.column: _value(f, getattr(sample, f.name)) for f in FIELDS}


def _value(field: FieldOf, value: int) -> str | float | None:
    if value == field.missing:
        return None
    if field.name in _WORDS:
        return bits(value, _WORDS[field.name])
    if field.column == "time_utc":
        return _utc(value)
    return value if field.divisor == 1 else value / field.divisor


def _text(column: str, value: str | float | None) -> str:
    """A value with the digits that are stored."""
    if value is None:
        return ""
    return f"{value:.{_DECIMALS[column]}f}" if isinstance(value, float) else str(value)


def _utc(time_s: int) -> str:
    """A Unix time in ISO 8601. [s]"""
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
