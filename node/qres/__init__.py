# SPDX-License-Identifier: Apache-2.0
"""The QRES protocol: the C core from Python, its independent reference, and a virtual field."""

from __future__ import annotations

from qres._core import lib

__all__ = ["WIRE_VERSION", "__version__"]

__version__ = f"{lib.QRES_VERSION_MAJOR}.{lib.QRES_VERSION_MINOR}.{lib.QRES_VERSION_PATCH}"

WIRE_VERSION: int = lib.qres_wire_version()
"""Version of the frames on air; nodes of different versions never accept each other's."""
