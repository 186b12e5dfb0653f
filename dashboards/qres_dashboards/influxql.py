# SPDX-License-Identifier: Apache-2.0
"""
InfluxQL, built from the schema: a column or tag that the schema does not have cannot be named.

Only what InfluxDB 1, 2 and 3 all execute is here. A query is data before it is text, so that tests
can also evaluate it in Python over the points and compare with what an engine answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from qres_gateway.sinks.schema import measurement

__all__ = [
    "Agg",
    "Bin",
    "Col",
    "Expr",
    "Fill",
    "Num",
    "Select",
    "Where",
    "columns_of",
    "expression",
]

Function = Literal["last", "first", "max", "min", "mean", "sum", "count", "rise"]
Fill = Literal["none", "null", "previous", "0"]

_RENDERED: Final = {"rise": "non_negative_difference"}


@dataclass(frozen=True, slots=True)
class Col:
    """A column of the query's measurement."""

    name: str


@dataclass(frozen=True, slots=True)
class Num:
    """A number."""

    value: int


@dataclass(frozen=True, slots=True)
class Agg:
    """One value of many. "rise" takes an aggregate: how much it grew from interval to interval."""

    function: Function
    of: Col | Agg


@dataclass(frozen=True, slots=True)
class Bin:
    """Two expressions and an operator."""

    operator: Literal["+", "-", "*", "/"]
    left: Expr
    right: Expr


Expr = Col | Num | Agg | Bin


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on a column, beside the range of time and the board's variables."""

    column: str
    operator: Literal["=", "!=", ">", "<", ">=", "<="]
    value: int | bool


@dataclass(frozen=True, slots=True)
class Select:
    """
    One query.

    Attributes:
        measurement: Name in the schema.
        outputs: Expression by the name of its column in the answer.
        by: Tags that make a series each.
        every: Length of an interval: "1h", "$__interval", ..; "" for the whole range at once.
        fill: What an interval without points gives.
        where: Further conditions.
        variables: Tags that follow the board's variables; a tag the measurement lacks is refused.
    """

    measurement: str
    outputs: dict[str, Expr] = field(hash=False)
    by: tuple[str, ...] = ()
    every: str = ""
    fill: Fill = "none"
    where: tuple[Where, ...] = ()
    variables: tuple[str, ...] = ("field",)

    def __post_init__(self) -> None:
        """
        Refuse what the schema does not have.

        Raises:
            KeyError: A measurement, column or tag is not in the schema.
            ValueError: Nothing is asked for.
        """
        if not self.outputs:
            raise ValueError(f"query of {self.measurement!r}: outputs is empty")
        columns = [name for e in self.outputs.values() for name in columns_of(e)]
        columns += [w.column for w in self.where]
        _check(self.measurement, columns, [*self.by, *self.variables])

    def text(self) -> str:
        """The query with Grafana's macros and variables, as a panel's target carries it."""
        outputs = ", ".join(f'{expression(e)} AS "{name}"' for name, e in self.outputs.items())
        conditions = ["$timeFilter"]
        conditions += [f'"{tag}" =~ /^${{{tag}:regex}}$/' for tag in self.variables]
        conditions += [f'"{w.column}" {w.operator} {_literal(w.value)}' for w in self.where]
        group = [f"time({self.every})"] if self.every else []
        group += [f'"{tag}"' for tag in self.by]
        tail = f" GROUP BY {', '.join(group)}" if group else ""
        tail += f" fill({self.fill})" if self.every else ""
        where = " AND ".join(conditions)
        # Every name in it was looked up in the schema, and the rest is written in this package.
        return f'SELECT {outputs} FROM "{self.measurement}" WHERE {where}{tail}'  # noqa: S608


def _check(name: str, columns: list[str], tags: list[str]) -> None:
    """
    The schema has all of them.

    Raises:
        KeyError: It lacks one.
    """
    try:
        known = measurement(name)
    except KeyError:
        raise KeyError(f"the schema has no measurement {name!r}") from None
    for column in columns:
        if column not in {c.name for c in known.columns}:
            raise KeyError(f"measurement {name!r} has no column {column!r}")
    for tag in tags:
        if tag not in known.tags:
            raise KeyError(f"measurement {name!r} has no tag {tag!r}")


def columns_of(of: Expr) -> list[str]:
    """Every column that an expression names."""
    if isinstance(of, Col):
        return [of.name]
    if isinstance(of, Agg):
        return columns_of(of.of)
    if isinstance(of, Bin):
        return columns_of(of.left) + columns_of(of.right)
    return []


def expression(of: Expr) -> str:
    """
    InfluxQL of an expression.

    >>> expression(Bin("/", Agg("sum", Col("airtime_us")), Num(36000000)))
    'sum("airtime_us") / 36000000'
    """
    if isinstance(of, Col):
        return f'"{of.name}"'
    if isinstance(of, Num):
        return str(of.value)
    if isinstance(of, Agg):
        return f"{_RENDERED.get(of.function, of.function)}({expression(of.of)})"
    sides = [f"({expression(e)})" if isinstance(e, Bin) else expression(e) for e in _sides(of)]
    return f" {of.operator} ".join(sides)


def _sides(of: Bin) -> tuple[Expr, Expr]:
    return of.left, of.right


def _literal(value: int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
