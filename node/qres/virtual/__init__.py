# SPDX-License-Identifier: Apache-2.0
"""
A virtual field: real weather, real frames, the real core in every node; radio and clocks simulated.

Figures from here are on simulated radio. What is simulated and what is not stands in `air`.
"""

from __future__ import annotations

from qres.virtual.air import Air, Reception, Transmission
from qres.virtual.fidelity import Fidelity
from qres.virtual.field import PhaseResult, VirtualField
from qres.virtual.sites import site_for
from qres.virtual.traffic import Traffic

__all__ = [
    "Air",
    "Fidelity",
    "PhaseResult",
    "Reception",
    "Traffic",
    "Transmission",
    "VirtualField",
    "site_for",
]
