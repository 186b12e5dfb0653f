# SPDX-License-Identifier: Apache-2.0
"""
What a query must answer, computed in Python from the points themselves.

Written from the InfluxQL manual (functions, GROUP BY time, fill), not from the engine; it takes
the query's structure, the engine takes its text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from qres_dashboards.influxql import Agg, Bin, Col, Expr, Num, Select
from tests.dashboards.store import Point, Value

__all__ = ["Answer", "answer", "seconds"]

Key = tuple[tuple[str, str], ...]
Answer = dict[Key, dict[int | None, dict[str, Value | None]]]
"""Series by tags, rows by the start of the interval (None for the whole range), columns."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(interval: str) -> int:
    """
    Length of an interval. [s]

    >>> seconds("10m")
    600
    """
    return int(interval[:-1]) * _UNITS[interval[-1]]


def answer(
    query: Select,
    points: Iterable[Point],
    from_s: int,
    to_s: int,
    interval: str,
    variables: Mapping[str, Sequence[str] | None],
) -> Answer:
    """What *query* must give over from_s <= time <= to_s."""
    every = query.every.replace("$__interval", interval)
    step = seconds(every) if every else 0
    begin_s = from_s
    if any(isinstance(e, Agg) and e.function == "rise" for e in query.outputs.values()):
        # The manual does not say so, but differences begin with one more interval before the
        # range, whole (influxdb 1.6, query/compile.go: ExtraIntervals).
        begin_s = from_s - from_s % step - step
    series: dict[Key, list[Point]] = defaultdict(list)
    for point in points:
        if point.measurement == query.measurement and _is_in(
            query, point, begin_s, to_s, variables
        ):
            series[tuple((tag, point.tags[tag]) for tag in query.by)].append(point)
    found: Answer = {}
    for key, members in series.items():
        groups: dict[int | None, list[Point]] = defaultdict(list)
        if step and query.fill != "none":
            for start in range(from_s - from_s % step, to_s + 1, step):
                groups[start] = []
        for point in sorted(members, key=lambda p: p.time_s):
            groups[int(point.time_s // step) * step if step else None].append(point)
        rows = _rows(query, groups)
        if rows:
            found[key] = rows
    return found


def _is_in(
    query: Select,
    point: Point,
    from_s: int,
    to_s: int,
    variables: Mapping[str, Sequence[str] | None],
) -> bool:
    if not from_s <= point.time_s <= to_s:
        return False
    for tag in query.variables:
        chosen = variables[tag]
        if chosen is not None and point.tags[tag] not in chosen:
            return False
    for where in query.where:
        value = point.fields.get(where.column)
        if value is None or isinstance(value, str):
            return False
        if not {"=": value == where.value, ">": value > where.value}[where.operator]:
            return False
    return True


def _rows(
    query: Select, groups: Mapping[int | None, list[Point]]
) -> dict[int | None, dict[str, Value | None]]:
    """Rows of one series; with fill(none) those without any value are left out."""
    columns: dict[str, dict[int | None, Value | None]] = {
        name: _over_time(of, groups) for name, of in query.outputs.items()
    }
    outputs = list(query.outputs.items())
    rows: dict[int | None, dict[str, Value | None]] = {}
    for at in groups:
        row = {name: column.get(at) for name, column in columns.items()}
        if query.fill == "0" and query.every:
            row = {name: 0 if value is None else value for name, value in row.items()}
        elif not any(_has_any(of, columns[name], at, groups[at]) for name, of in outputs):
            continue
        rows[at] = row
    return rows


def _has_any(
    of: Expr,
    column: Mapping[int | None, Value | None],
    at: int | None,
    members: Sequence[Point],
) -> bool:
    """Whether the engine gives a row: a calculation has one, of null, if one side has a value."""
    if isinstance(of, Bin):
        return any(
            _has_any(side, {at: _value(side, members)}, at, members)
            for side in (of.left, of.right)
            if not isinstance(side, Num)
        )
    return column.get(at) is not None


def _over_time(
    of: Expr, groups: Mapping[int | None, list[Point]]
) -> dict[int | None, Value | None]:
    if isinstance(of, Agg) and of.function == "rise":
        return _rise(_over_time(of.of, groups))
    return {at: _value(of, members) for at, members in groups.items()}


def _rise(values: Mapping[int | None, Value | None]) -> dict[int | None, Value | None]:
    """Differences between neighbouring values; a fall is left out, and what follows compares."""
    known = sorted((at, v) for at, v in values.items() if at is not None and v is not None)
    found: dict[int | None, Value | None] = {}
    for (_, before), (at, now) in pairwise(known):
        assert not isinstance(before, str)
        assert not isinstance(now, str)
        if now >= before:
            found[at] = now - before
    return found


def _value(of: Expr, members: Sequence[Point]) -> Value | None:
    if isinstance(of, Num):
        return of.value
    if isinstance(of, Bin):
        return _calculated(of, members)
    assert isinstance(of, Agg), "a bare column has no one value"
    assert isinstance(of.of, Col)
    values = [p.fields[of.of.name] for p in members if of.of.name in p.fields]
    if not values:
        return None
    if of.function == "count":
        return len(values)
    if of.function in {"last", "first"}:
        return values[-1 if of.function == "last" else 0]
    numbers = [v for v in values if not isinstance(v, str)]
    if of.function == "mean":
        return sum(numbers) / len(numbers)
    if of.function == "sum":
        return sum(numbers)
    return max(numbers) if of.function == "max" else min(numbers)


def _calculated(of: Bin, members: Sequence[Point]) -> Value | None:
    left, right = _value(of.left, members), _value(of.right, members)
    if left is None or right is None:
        return None
    assert not isinstance(left, str)
    assert not isinstance(right, str)
    if of.operator == "/":
        return left / right if right else 0.0  # InfluxQL: division by zero gives zero
    return {"+": left + right, "-": left - right, "*": left * right}[of.operator]
