# SPDX-License-Identifier: Apache-2.0
"""The gateway's events, gathered into what the console shows."""

from __future__ import annotations

from qres_gateway.live.view import LiveView

__all__ = ["LiveView"]
