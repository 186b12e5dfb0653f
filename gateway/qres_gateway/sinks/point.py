# SPDX-License-Identifier: Apache-2.0
"""A point of a time series, checked against `schema`, and as a line of InfluxDB's protocol."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qres_gateway.sinks.schema import MEASUREMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DECIMALS", "Point", "Value", "line", "point"]

Value = float | int | str | bool

DECIMALS: Final = 5
"""Digits kept after the point: 1.5e-5, the core's resolution, survives; noise of floats does not,
and a database stores short numbers in less room."""

_TAG_ESCAPES: Final = str.maketrans(
    {",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ ", "\t": r"\ ", "\\": "/"}
)
_TEXT_ESCAPES: Final = str.maketrans({'"': r"\"", "\\": r"\\"})


@dataclass(frozen=True, slots=True)
class Point:
    """
    One point. Measurement, tags and time name it: writing it twice is harmless.

    Attributes:
        measurement: Name in `schema.MEASUREMENTS`.
        tags: One value for each of its tags, in its order.
        fields: At least one; types as the schema says.
        time_us: Microseconds since the Unix epoch.
    """

    measurement: str
    tags: tuple[str, ...]
    fields: Mapping[str, Value]
    time_us: int


def _integer(value: float | str) -> Value | None:
    return int(value)


def _float(value: float | str) -> Value | None:
    number = float(value)
    return round(number, DECIMALS) if math.isfinite(number) else None


def _string(value: float | str) -> Value | None:
    return str(value)


def _boolean(value: float | str) -> Value | None:
    return bool(value)


_OF_KIND: Final[dict[str, Callable[[float | str], Value | None]]] = {
    "integer": _integer,
    "float": _float,
    "string": _string,
    "boolean": _boolean,
}
_COLUMNS: Final = {
    m.name: {column.name: _OF_KIND[column.kind] for column in m.columns} for m in MEASUREMENTS
}
_TAGS: Final = {m.name: m.tags for m in MEASUREMENTS}


def point(
    measurement: str,
    tags: tuple[str, ...],
    time_us: int,
    fields: Mapping[str, float | str | None],
) -> Point | None:
    """
    A point whose types are those of the schema.

    Args:
        measurement: Name of the measurement.
        tags: As in `Point`.
        time_us: As in `Point`.
        fields: None and numbers that are not finite are left out.

    Returns:
        The point; None if nothing is known.

    Raises:
        KeyError: The schema has no such measurement or field.
        ValueError: There are more or fewer tags than the schema has, or one is empty.
    """
    if len(tags) != len(_TAGS[measurement]) or not all(tags):
        raise ValueError(f"tags of {measurement} = {tags}: must be {_TAGS[measurement]}, not empty")
    kinds = _COLUMNS[measurement]
    known = {
        name: typed
        for name, value in fields.items()
        if (typed := None if value is None else kinds[name](value)) is not None
    }
    return Point(measurement, tags, known, time_us) if known else None


def line(of: Point) -> str:
    """
    A point in line protocol, time in microseconds.

    A backslash in a tag becomes a slash, because the protocol cannot end a tag with one; line
    breaks and tabs become spaces.

    >>> line(Point("swarm", ("ridge",), {"digest": "00ff", "synced": 1}, 5))
    'swarm,field=ridge digest="00ff",synced=1i 5'
    """
    names = _TAGS[of.measurement]
    tags = "".join(
        f",{name}={value.translate(_TAG_ESCAPES)}"
        for name, value in zip(names, of.tags, strict=True)
    )
    fields = ",".join(f"{name}={_text(value)}" for name, value in of.fields.items())
    return f"{of.measurement}{tags} {fields} {of.time_us}"


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}i"
    if isinstance(value, float):
        return repr(value)
    return f'"{value.translate(_TEXT_ESCAPES)}"'
