# SPDX-License-Identifier: Apache-2.0
"""The boards: a table of contents."""

from __future__ import annotations

from typing import Final

from qres_dashboards.boards.audit import AUDIT
from qres_dashboards.boards.fire import FIRE
from qres_dashboards.boards.node import NODE
from qres_dashboards.boards.rf import RF
from qres_dashboards.boards.swarm import SWARM

__all__ = ["BOARDS"]

BOARDS: Final = (FIRE, RF, SWARM, NODE, AUDIT)
"""In the order of the menu; the runbook's board is made of the alerts, see `runbook`."""
