# SPDX-License-Identifier: Apache-2.0
"""What a panel asks: queries of the database, and calculations of Grafana over their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from qres_dashboards.config import DATASOURCE_VARIABLE
from qres_dashboards.influxql import Select

__all__ = ["DATASOURCE", "EXPRESSIONS", "Ask", "Maths", "target"]

Json = dict[str, Any]
DATASOURCE: Final[Json] = {"type": "influxdb", "uid": DATASOURCE_VARIABLE}
EXPRESSIONS: Final[Json] = {"type": "__expr__", "uid": "__expr__"}


@dataclass(frozen=True, slots=True)
class Ask:
    """
    A query of a panel.

    Attributes:
        query: What is asked.
        legend: Name of each series, with `$tag_node` and the like; "" for the database's own.
        is_table: One table instead of one series per group.
        is_hidden: Only there for an expression.
    """

    query: Select
    legend: str = ""
    is_table: bool = False
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Maths:
    """
    A calculation of Grafana's server over other answers of the panel.

    Attributes:
        expression: "100 * $A / $B".
        reduce: Name of an answer to reduce ("A") and how ("sum"); then `expression` is unused.
        is_hidden: Only there for another expression.
    """

    expression: str = ""
    reduce: tuple[str, str] | None = None
    is_hidden: bool = False


def target(ref: str, ask: Ask | Maths) -> Json:
    """The target of a panel, by its reference id."""
    if isinstance(ask, Maths):
        body: Json = {"refId": ref, "datasource": EXPRESSIONS}
        if ask.reduce:
            source, how = ask.reduce
            body |= {"type": "reduce", "expression": source, "reducer": how}
            body |= {"settings": {"mode": "dropNN"}}
        else:
            body |= {"type": "math", "expression": ask.expression}
        return body | ({"hide": True} if ask.is_hidden else {})
    body = {
        "refId": ref,
        "datasource": DATASOURCE,
        "rawQuery": True,
        "query": ask.query.text(),
        "resultFormat": "table" if ask.is_table else "time_series",
    }
    if ask.legend:
        body["alias"] = ask.legend
    return body | ({"hide": True} if ask.is_hidden else {})
