# SPDX-License-Identifier: Apache-2.0
"""Choices that several verbs offer."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ToleranceClass"]


class ToleranceClass(StrEnum):
    """The tolerance classes, as choices of an option."""

    STRICT = "strict"
    STANDARD = "standard"
    COARSE = "coarse"
