# SPDX-License-Identifier: Apache-2.0
"""What several boards show."""

from __future__ import annotations

from typing import Final

from qres_dashboards.config import CAUSES, PROVENANCE, REGIMES
from qres_dashboards.panels import Panel, mapping, states
from qres_dashboards.queries import track
from qres_dashboards.targets import Ask

__all__ = ["BY_NODE", "CAUSE_MAP", "PROVENANCE_MAP", "REGIME_MAP", "YES_NO", "regime"]

BY_NODE: Final = "node $tag_node"
REGIME_MAP: Final = mapping(REGIMES, {"calm": "good", "watch": "watch", "red": "bad"})
PROVENANCE_MAP: Final = mapping(
    PROVENANCE,
    {"unknown": "off", "reported": "good", "held": "watch", "stale": "warn", "diverged": "bad"},
)
CAUSE_MAP: Final = mapping(
    CAUSES, {"none": "good", "weather": "watch", "heat": "bad", "sensor": "warn"}
)
YES_NO: Final = mapping({0: "no", 1: "yes"}, {"no": "good", "yes": "bad"})


def regime(size: tuple[int, int]) -> Panel:
    """The regime over time."""
    return states(
        "Regime over time",
        "watch from a mean Initial Spread Index of 4, red from 10; down after six hours below"
        " (SPEC 5.5).",
        {"A": Ask(track("fire_field", "regime"), "regime")},
        mappings=REGIME_MAP,
        no_data="No regime yet: it needs one committed epoch",
        size=size,
    )
