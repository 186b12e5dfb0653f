# SPDX-License-Identifier: Apache-2.0
"""
Which system an index belongs to, and the guard that keeps the systems apart.

FWI2025 has codes of the same names as the system of 1987, on the same scales, with other values:
its hourly FFMC dries twice as fast, its DMC and DC see the canopy's intercept once per event. What
was made for 1987 (fire behaviour prediction of 1992, danger classes, overwintering of the DC)
must not be fed with it. mypy refuses it by type; `require_1987` refuses it at run time.
"""

from __future__ import annotations

from enum import StrEnum

from qres.errors import QresError

__all__ = ["System", "SystemMixError", "require_1987"]


class System(StrEnum):
    """The fire weather systems computed here."""

    FWI1987 = "fwi1987"
    HOURLY = "hourly"
    FWI2025 = "fwi2025"


class SystemMixError(QresError, TypeError):
    """A result of one system was given to a consumer made for another."""


def require_1987(result: object, consumer: str, system: System = System.FWI1987) -> None:
    """
    Refuse *result* unless it belongs to *system*, one of the two that rest on 1987.

    Raises:
        SystemMixError: It belongs to another system, or does not say to which.
    """
    found = getattr(result, "system", None)
    if found is not system:
        given = type(result).__name__ if found is None else str(found)
        raise SystemMixError(
            f"{consumer}: codes = {given}: must be of {system}; FWI2025 and 1987 have the same"
            " names and scales but other values, and are never mixed"
        )
