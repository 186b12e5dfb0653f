# SPDX-License-Identifier: Apache-2.0
"""The runbook: an entry per alert, as a file to print and as a board that needs no Internet."""

from __future__ import annotations

import re
from typing import Any, Final

from qres_dashboards.alerts import ALERTS, Alert
from qres_dashboards.config import board_uid
from qres_dashboards.layout import Board, Row, board_json
from qres_dashboards.panels import text

__all__ = ["RUNBOOK_UID", "anchor", "runbook_json", "runbook_markdown"]

RUNBOOK_UID: Final = board_uid("runbook")
_INTRODUCTION: Final = (
    "What each alert means and what to do. Every alert links to its entry on the board *QRES"
    " Runbook*, which needs no Internet.\n"
    "\n"
    "`critical` wakes somebody, `warning` waits for the day.\n"
)


def runbook_markdown() -> str:
    """`dashboards/runbook.md`."""
    head = (
        "<!-- SPDX-License-Identifier: Apache-2.0\n"
        "     Made by `qres dashboards build` from qres_dashboards/alerts.py. -->\n"
        "# Runbook\n\n"
    )
    index = "".join(f"- [{a.title}](#{anchor(a.title)}) ({a.severity})\n" for a in ALERTS)
    entries = "".join(f"\n## {a.title}\n\n{_entry(a)}" for a in ALERTS)
    return f"{head}{_INTRODUCTION}\n{index}{entries}"


def runbook_json() -> dict[str, Any]:
    """The board with an entry per panel, so that an alert can link to one."""
    panels = tuple(
        text(a.title, f"Runbook entry, {a.severity}.", _entry(a), size=(12, 11)) for a in ALERTS
    )
    about = "What each alert means and what to do. Each alert links to its entry."
    return board_json(Board("runbook", "QRES Runbook", about, (Row("Alerts", panels),)))


def anchor(title: str) -> str:
    """
    Anchor of a heading, as Markdown renderers make it.

    >>> anchor("Red-flag weather")
    'red-flag-weather'
    """
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _entry(alert: Alert) -> str:
    actions = "".join(f"{i}. {action}\n" for i, action in enumerate(alert.actions, 1))
    return (
        f"**Means.** {alert.means}\n\n"
        f"**Does not mean.** {alert.not_meant}\n\n"
        f"**Fires** {_when(alert)}.\n\n"
        f"**Do**\n\n{actions}"
    )


def _when(alert: Alert) -> str:
    """
    The rule in words.

    >>> next(_when(a) for a in ALERTS if a.uid == "qres-rf-budget")
    'when bytes over budget_bytes_h is above 100 % for 15 min'
    """
    (name,) = alert.query.outputs
    if alert.over:
        (other,) = alert.over[0].outputs
        name = f"{name} over {other}"
    side = "above" if alert.comparison == "gt" else "below"
    unit = " %" if alert.over else ""
    lasting = f" for {_duration(alert.for_s)}" if alert.for_s else ""
    nothing = ", or when there is no answer at all" if alert.no_data == "Alerting" else ""
    return f"when {name} is {side} {alert.limit:g}{unit}{lasting}{nothing}"


def _duration(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"
