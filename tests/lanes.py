# SPDX-License-Identifier: Apache-2.0
"""Which lane a test runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest.mark.structures import ParameterSet

__all__ = ["slow"]


def slow(values: Iterable[object]) -> list[ParameterSet]:
    """*values* as parameters of the slow lane only."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
