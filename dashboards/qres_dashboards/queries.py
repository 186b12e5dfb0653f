# SPDX-License-Identifier: Apache-2.0
"""Every query of every board and alert, by what it asks for."""

from __future__ import annotations

from typing import Final

from qres_dashboards.influxql import Agg, Bin, Col, Expr, Fill, Function, Num, Select, Where

__all__ = [
    "ALONE",
    "HOUR",
    "NODE",
    "SPAN",
    "across",
    "duty",
    "growth",
    "late_frames",
    "limit",
    "newest",
    "node_now",
    "per_hour",
    "share",
    "sliding_hour",
    "sums",
    "track",
]

ALONE: Final = ("field",)
NODE: Final = ("field", "node")
HOUR: Final = "1h"
SPAN: Final = "$__interval"
_PCT_OF_HOUR: Final = 36_000_000
"""Microseconds in one percent of an hour."""


def agg(function: Function, column: str) -> Agg:
    """An aggregate of a column."""
    return Agg(function, Col(column))


def track(
    of: str,
    *columns: str,
    by: tuple[str, ...] = (),
    variables: tuple[str, ...] = ALONE,
    how: Function = "last",
    every: str = SPAN,
    fill: Fill = "none",
) -> Select:
    """Columns over time, one value an interval."""
    outputs: dict[str, Expr] = {c: agg(how, c) for c in columns}
    return Select(of, outputs, by=by, every=every, fill=fill, variables=variables)


def newest(
    of: str, *columns: str, by: tuple[str, ...] = (), variables: tuple[str, ...] = ALONE
) -> Select:
    """The newest value of each column in the range."""
    return Select(of, {c: agg("last", c) for c in columns}, by=by, variables=variables)


def across(of: str, column: str, how: Function, every: str = SPAN) -> Select:
    """One number of all the nodes chosen, over time."""
    return Select(of, {column: agg(how, column)}, every=every, variables=NODE)


def node_now(of: str, *columns: str) -> Select:
    """The newest value of each column for each of the nodes chosen."""
    return newest(of, *columns, by=("node",), variables=NODE)


def per_hour(
    column: str, *, by: tuple[str, ...] = (), variables: tuple[str, ...] = ALONE
) -> Select:
    """Sum of a column of the RF ledger for each hour of the clock."""
    return Select("rf_hour", {column: agg("sum", column)}, by=by, every=HOUR, variables=variables)


def sums(of: str, *columns: str, by: tuple[str, ...] = (), every: str = "") -> Select:
    """Sums over the range, or for each interval, by tags."""
    outputs: dict[str, Expr] = {c: agg("sum", c) for c in columns}
    return Select(of, outputs, by=by, every=every)


def duty(*, by: tuple[str, ...] = ("node", "band"), variables: tuple[str, ...] = NODE) -> Select:
    """Time on air of each transmitter and sub-band as a share of each hour. [%]"""
    share_of_hour = Bin("/", agg("sum", "airtime_us"), Num(_PCT_OF_HOUR))
    return Select("rf_hour", {"duty_pct": share_of_hour}, by=by, every=HOUR, variables=variables)


def limit(column: str, *, by: tuple[str, ...] = ()) -> Select:
    """
    What the sums are compared with, for each hour.

    It is the same for all sub-bands or stated for each, so the greatest is taken, never the sum.
    A band that may not be used, and one that a receiver misnamed, have a limit of 0: left out.
    """
    where = (Where(column, ">", 0),)
    return Select("rf_limit", {column: agg("max", column)}, by=by, every=HOUR, where=where)


def growth(
    of: str,
    *columns: str,
    every: str = HOUR,
    by: tuple[str, ...] = (),
    variables: tuple[str, ...] = ALONE,
) -> Select:
    """By how much counters grew from interval to interval; a restart from 0 is left out."""
    outputs: dict[str, Expr] = {c: Agg("rise", agg("last", c)) for c in columns}
    return Select(of, outputs, by=by, every=every, variables=variables)


def share(of: str, part: str, whole: str, *, name: str, every: str = SPAN) -> Select:
    """One counter as a share of another. [%]"""
    ratio = Bin("/", Bin("*", Num(100), agg("last", part)), agg("last", whole))
    return Select(of, {name: ratio}, every=every)


def sliding_hour(column: str, name: str, *, variables: tuple[str, ...] = ALONE) -> Select:
    """Sum over the frames of the whole range, which the panel or alert sets to the last 60 min."""
    return Select("rf_frame", {name: agg("sum", column)}, variables=variables)


def late_frames() -> Select:
    """Frames of the node that came after their phase had been committed, for each hour."""
    return Select(
        "rf_frame",
        {"frames": agg("count", "bytes")},
        every=HOUR,
        fill="0",
        where=(Where("late", "=", True),),
        variables=NODE,
    )
