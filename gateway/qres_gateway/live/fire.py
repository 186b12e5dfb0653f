# SPDX-License-Identifier: Apache-2.0
"""What the replicated state says of fire, in the console's words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypedDict

import numpy as np

from qres_gateway.console.view import CAUSES, REGIMES, Cause, Fire, Regime
from qres_gateway.fire_state import COLUMNS

if TYPE_CHECKING:
    from qres_gateway.fire_state import FireState

__all__ = ["FireView", "NodeFire"]

_DECIMALS: Final = 2
_FFMC: Final = COLUMNS.index("ffmc")
_ISI: Final = COLUMNS.index("isi")
_ANOMALY: Final = COLUMNS.index("anomaly")


class NodeFire(TypedDict):
    """Fields of `console.view.Node`."""

    ffmc: float | None
    isi: float | None
    anomaly: float | None
    cause: Cause


class FireView:
    """
    The newest commit's fire weather.

    Args:
        n_nodes: How many nodes the field has.
    """

    def __init__(self, n_nodes: int) -> None:
        self._nothing = np.full((n_nodes, len(COLUMNS)), np.nan)
        self._state: FireState | None = None

    def commit(self, state: FireState | None) -> None:
        """Take a commit's; None if the replica keeps none."""
        self._state = state

    @property
    def regime(self) -> Regime | None:
        """Regime of the field; None where none is computed."""
        return None if self._state is None else REGIMES[self._state.regime]

    @property
    def field(self) -> Fire | None:
        """Means and score of the field; None where none are computed, or no node is known."""
        state = self._state
        if state is None or math.isnan(state.field_ffmc):
            return None
        return Fire(
            ffmc=round(state.field_ffmc, _DECIMALS),
            isi=round(state.field_isi, _DECIMALS),
            anomaly=round(state.field_anomaly, _DECIMALS),
            days=state.days,
        )

    def of_node(self, row: int) -> NodeFire:
        """What there is to say of the node in that row of the site's nodes."""
        state = self._state
        numbers = (self._nothing if state is None else state.nodes)[row]
        known = [None if math.isnan(x) else round(x, _DECIMALS) for x in numbers.tolist()]
        cause = CAUSES[0] if state is None else CAUSES[int(state.cause[row])]
        return NodeFire(ffmc=known[_FFMC], isi=known[_ISI], anomaly=known[_ANOMALY], cause=cause)
