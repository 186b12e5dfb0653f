# SPDX-License-Identifier: Apache-2.0
"""The clock hours of an audit in numbers: mean, median, 99 %, most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qres_gateway.ledger import HOUR_US, Sum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qres_gateway.audit.coverage import Coverage
    from qres_gateway.audit.tally import Hour

__all__ = ["ClockHour", "clock_hours", "hour_statistics"]


class ClockHour(NamedTuple):
    """
    One clock hour of the period.

    Attributes:
        hour: Hours since the Unix epoch.
        covered_us: How long the gateway was listening in it. [us]
        of: What was heard; None if nothing.
    """

    hour: int
    covered_us: int
    of: Hour | None

    @property
    def is_whole(self) -> bool:
        """Whether the gateway was listening from its beginning to its end."""
        return self.covered_us == HOUR_US

    @property
    def total(self) -> Sum:
        """All its frames."""
        return Sum() if self.of is None else self.of.total


def clock_hours(coverage: Coverage, hours: Mapping[int, Hour]) -> Iterator[ClockHour]:
    """Every clock hour that the period touches, in order."""
    for hour in range(coverage.from_us // HOUR_US, -(-coverage.to_us // HOUR_US)):
        covered_us = coverage.covered_between(hour * HOUR_US, (hour + 1) * HOUR_US)
        yield ClockHour(hour, covered_us, hours.get(hour))


def hour_statistics(hours: list[ClockHour], covered_us: int) -> dict[str, Any]:
    """
    Rates of the period.

    Means are over the covered time. Median and 99 % are over the clock hours that were covered
    whole, silent ones included; "most" is over all, because a part can only have less.
    """
    whole = [h.total for h in hours if h.is_whole]
    found: dict[str, Any] = {
        "touched": len(hours),
        "whole": len(whole),
        "not_covered": sum(h.covered_us == 0 for h in hours),
    }
    for name, unit in (("frames", 1), ("bytes", 1), ("airtime_us", 1)):
        values = np.array([getattr(s, name) for s in whole], dtype=np.float64)
        every = [getattr(h.total, name) for h in hours]
        most = max(every, default=0)
        total = sum(every) * unit
        found[name] = {
            "mean": round(total * HOUR_US / covered_us, 3) if covered_us else None,
            "median": round(float(np.median(values)), 3) if whole else None,
            "p99": round(float(np.percentile(values, 99)), 3) if whole else None,
            "most": most,
            "most_hour_us": hours[every.index(most)].hour * HOUR_US if every else None,
        }
    return found
