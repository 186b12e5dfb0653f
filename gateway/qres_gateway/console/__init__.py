# SPDX-License-Identifier: Apache-2.0
"""The live console: one page, server-sent events, no build step, no Internet."""

from __future__ import annotations

from qres_gateway.console.app import create_app
from qres_gateway.console.server import ConsoleError, run_console
from qres_gateway.console.view import ConsoleData, Series, Snapshot, UnknownNodeError

__all__ = [
    "ConsoleData",
    "ConsoleError",
    "Series",
    "Snapshot",
    "UnknownNodeError",
    "create_app",
    "run_console",
]
