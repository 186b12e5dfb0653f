# SPDX-License-Identifier: Apache-2.0
"""
What Grafana puts into an InfluxQL query before it sends it: range of time, interval, variables.

Written after Grafana's own InfluxDB data source (pkg/tsdb/influxdb/models/query.go) and the
variable formats of its documentation; used by `qres dashboards check` and by the tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Situation", "substitute"]

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")
_ALL: Final = ".*"


@dataclass(frozen=True, slots=True)
class Situation:
    """
    The state of a board when it asks.

    Attributes:
        from_ms: Beginning of the range, Unix time. [ms]
        to_ms: Its end, Unix time. [ms]
        interval: Length of an interval, "5m".
        variables: Chosen values by the variable's name; None for "All".
    """

    from_ms: int
    to_ms: int
    interval: str = "10m"
    variables: Mapping[str, Sequence[str] | None] = field(default_factory=dict)


def substitute(query: str, at: Situation) -> str:
    r"""
    The query that the database gets.

    Args:
        query: InfluxQL with `$timeFilter`, `$__interval` and variables.
        at: The board's state.

    Raises:
        KeyError: The query names a variable that *at* does not have.

    >>> at = Situation(0, 60_000, "1m", {"node": ["3", "a.b"]})
    >>> substitute('"node" =~ /^${node:regex}$/ AND $timeFilter', at)
    '"node" =~ /^(3|a\\.b)$/ AND time >= 0ms and time <= 60000ms'
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        if name == "timeFilter":
            return f"time >= {at.from_ms}ms and time <= {at.to_ms}ms"
        if name == "__interval":
            return at.interval
        if name not in at.variables:
            raise KeyError(f"the query names ${name}, which the board does not define: {query}")
        return _chosen(at.variables[name])

    return _VARIABLE.sub(value, query)


def _chosen(values: Sequence[str] | None) -> str:
    """Format "regex": one value, or a group of alternatives; "All" is its own expression."""
    if values is None:
        return _ALL
    escaped = [re.sub(r"([\\^$*+?.()|[\]{}/])", r"\\\1", v) for v in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
