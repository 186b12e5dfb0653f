# SPDX-License-Identifier: Apache-2.0
"""
A small evaluator of Grafana's server-side expressions and of its alert rules' states.

Written after Grafana's documentation: reduce (dropNN), math over series and numbers, threshold;
two operands match if the labels of one are among those of the other; Normal, Pending, Alerting.
It reads the provisioning file that Grafana reads.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from qres_dashboards.macros import Situation, substitute
from tests.dashboards.engine import Engine, Series

__all__ = ["Labels", "Numbers", "Rule", "Run", "calculate", "series_of"]

Labels = frozenset[tuple[str, str]]
Numbers = dict[Labels, float]
Lines = dict[Labels, dict[int, float]]
"""Values by time, by labels."""


def _divided(a: float, b: float) -> float:
    """As Go divides: by zero gives an infinity, which is above every limit, or no number."""
    if b:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)


_OPERATORS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: _divided,
}
_REDUCERS: Final[dict[str, Callable[[list[float]], float]]] = {
    "last": lambda v: v[-1],
    "sum": sum,
    "max": max,
    "min": min,
    "mean": lambda v: sum(v) / len(v),
}


def series_of(answer: Sequence[Series]) -> Lines:
    """An engine's answer as Grafana takes it: one line per series and column, nulls dropped."""
    found: Lines = {}
    for series in answer:
        labels = frozenset(series.get("tags", {}).items())
        for i, _ in enumerate(series["columns"][1:], 1):
            values = {row[0]: float(row[i]) for row in series["values"] if row[i] is not None}
            assert labels not in found, "two columns in an expression's input"
            found[labels] = values
    return found


def calculate(model: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """
    The answer of one expression.

    Args:
        model: Its type and expression.
        known: Answers before it, `Lines` or `Numbers`, by reference id.
    """
    if model["type"] == "reduce":
        assert model["settings"] == {"mode": "dropNN"}
        reducer = _REDUCERS[model["reducer"]]
        lines: Lines = known[model["expression"]]
        return {
            labels: reducer([values[t] for t in sorted(values)])
            for labels, values in lines.items()
            if values
        }
    if model["type"] == "threshold":
        (condition,) = model["conditions"]
        kind, (limit,) = condition["evaluator"]["type"], condition["evaluator"]["params"]
        numbers: Numbers = known[model["expression"]]
        return {
            labels: float(value > limit if kind == "gt" else value < limit)
            for labels, value in numbers.items()
        }
    assert model["type"] == "math", model
    text = re.sub(r"\$(\w+)", r"\1", model["expression"])
    return _math(ast.parse(text, mode="eval").body, known)


def _math(tree: ast.expr, known: Mapping[str, Any]) -> Any:
    if isinstance(tree, ast.Constant):
        return {frozenset(): float(str(tree.value))}
    if isinstance(tree, ast.Name):
        return known[tree.id]
    assert isinstance(tree, ast.BinOp), ast.dump(tree)
    operate = _OPERATORS[type(tree.op)]
    left, right = _math(tree.left, known), _math(tree.right, known)
    return {
        a | b: _pair(operate, left[a], right[b]) for a in left for b in right if a <= b or b <= a
    }


def _pair(operate: Callable[[float, float], float], a: Any, b: Any) -> Any:
    """Number with number, series with number, series with series where both have a value."""
    if isinstance(a, dict) and isinstance(b, dict):
        return {t: operate(a[t], b[t]) for t in sorted(a.keys() & b.keys())}
    if isinstance(a, dict):
        return {t: operate(v, b) for t, v in a.items()}
    if isinstance(b, dict):
        return {t: operate(a, v) for t, v in b.items()}
    return operate(a, b)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the provisioning file."""

    body: Mapping[str, Any]

    def evaluate(self, engine: Engine, database: str, now_s: int) -> Numbers | None:
        """1.0 or 0.0 by labels; None if there is no data."""
        known: dict[str, Any] = {}
        for datum in self.body["data"]:
            model, span = datum["model"], datum["relativeTimeRange"]
            if datum["datasourceUid"] == "__expr__":
                known[datum["refId"]] = calculate(model, known)
            else:
                at = Situation((now_s - span["from"]) * 1000, (now_s - span["to"]) * 1000, "1m")
                known[datum["refId"]] = series_of(
                    engine.ask(database, substitute(model["query"], at))
                )
        found: Numbers = known[self.body["condition"]]
        return found or None


@dataclass(slots=True)
class Run:
    """A rule over time. `firing` holds the labels that are alerting now."""

    rule: Rule
    _since_s: dict[Labels, int] = field(default_factory=dict)
    firing: set[Labels] = field(default_factory=set)

    def tick(self, engine: Engine, database: str, now_s: int) -> set[Labels]:
        """Evaluate once; the labels that are alerting."""
        found = self.rule.evaluate(engine, database, now_s)
        if found is None:
            alerting = self.rule.body["noDataState"] == "Alerting"
            found = {frozenset(): 1.0} if alerting else {}
        active = {labels for labels, value in found.items() if value}
        self._since_s = {labels: self._since_s.get(labels, now_s) for labels in active}
        must_hold_s = int(self.rule.body["for"].removesuffix("s"))
        self.firing = {a for a in active if now_s - self._since_s[a] >= must_hold_s}
        return self.firing
