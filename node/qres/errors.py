# SPDX-License-Identifier: Apache-2.0
"""
The exceptions that the `qres` package raises on purpose.

Every text names the argument, the limit and the value, so that it can be shown to a user as it
is. The command line turns each of them into one line and exit code 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qres.site_check import Problem

__all__ = ["KeyFileError", "QresError", "RangeError", "SiteError", "WeatherFileError"]


class QresError(Exception):
    """Base of all errors that a user can mend; anything else is a defect of this program."""


class RangeError(QresError, ValueError):
    """
    An argument is outside its limit.

    Attributes:
        argument: Name of the argument, with its unit.
        value: What was given.
        limit: What would have been accepted, in words.

    >>> str(RangeError("sf", 13, "must be 7..12"))
    'sf = 13: must be 7..12'
    """

    def __init__(self, argument: str, value: object, limit: str) -> None:
        super().__init__(f"{argument} = {value}: {limit}")
        self.argument = argument
        self.value = value
        self.limit = limit


class SiteError(QresError):
    """
    A site file cannot be used.

    Attributes:
        problems: Every problem found, errors and warnings, in order of line.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = tuple(problems)


class KeyFileError(QresError):
    """
    The field key cannot be read or written. The text never contains any part of the key.

    Attributes:
        path: The key file.
        reason: What is wrong with it, and the limit.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"key file {path}: {reason}")
        self.path = path
        self.reason = reason


class WeatherFileError(QresError):
    """A file of recorded weather is absent or not laid out as documented."""
