# SPDX-License-Identifier: Apache-2.0
"""What one check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Level", "Result", "fail", "info", "ok", "warn"]

Level = Literal["ok", "info", "warn", "fail"]
"""ok: as it should be. info: nothing to do. warn: works, but look at it. fail: does not work."""


@dataclass(frozen=True, slots=True)
class Result:
    """
    Outcome of one check.

    Attributes:
        name: What was looked at; unique in a run.
        level: See `Level`.
        found: What was found, with the value.
        means: What that means for the user; "" where `found` says it.
        fix: What to do; "" if there is nothing to do.
    """

    name: str
    level: Level
    found: str
    means: str = ""
    fix: str = ""


def ok(name: str, found: str) -> Result:
    """As it should be."""
    return Result(name, "ok", found)


def info(name: str, found: str, means: str = "") -> Result:
    """Nothing to do."""
    return Result(name, "info", found, means)


def warn(name: str, found: str, means: str, fix: str) -> Result:
    """It works, but somebody should look at it."""
    return Result(name, "warn", found, means, fix)


def fail(name: str, found: str, means: str, fix: str) -> Result:
    """It does not work."""
    return Result(name, "fail", found, means, fix)
