# SPDX-License-Identifier: Apache-2.0
"""Cells: what they hold in the cold, and when they may be charged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CELLS", "LFP", "LI_ION", "PANELS_WP", "Cell", "Chemistry"]


@dataclass(frozen=True, slots=True)
class Chemistry:
    """
    A kind of cell.

    Attributes:
        name: Its name.
        volt: Mean voltage. [V]
        capacity: Points of (temperature [degC], share of the capacity at 25 degC), ascending.
        capacity_source: Where they are from.
        charge: Points of (temperature [degC] from which on, greatest charge current [1/h], C rate),
            ascending; below the first it must not be charged.
        charge_source: Where they are from.
        charge_efficiency: Stored over supplied energy. [1]
        self_discharge_per_month: Share of what is stored. [1]
    """

    name: str
    volt: float
    capacity: tuple[tuple[float, float], ...]
    capacity_source: str
    charge: tuple[tuple[float, float], ...]
    charge_source: str
    charge_efficiency: float = 0.95  # [unverified]
    self_discharge_per_month: float = 0.03  # [unverified]

    def capacity_share(self, temp_degc: ArrayLike) -> NDArray[np.float64]:
        """What of its capacity a cell gives at a temperature, same shape. [1]"""
        at, share = zip(*self.capacity, strict=True)
        return np.asarray(np.interp(np.asarray(temp_degc, dtype=np.float64), at, share))

    def charge_rate_per_h(self, temp_degc: ArrayLike) -> NDArray[np.float64]:
        """Greatest charge current over capacity at a temperature, same shape. [1/h]"""
        starts, rates = zip(*self.charge, strict=True)
        step = np.searchsorted(np.asarray(starts), np.asarray(temp_degc), side="right")
        return np.asarray((0.0, *rates), dtype=np.float64)[step]


LI_ION: Final = Chemistry(
    name="Li-ion",
    volt=3.6,
    capacity=((-30, 0.35), (-20, 0.6), (-10, 0.75), (0, 0.87), (10, 0.95), (25, 1.0)),
    capacity_source="[unverified] shape of 18650 data sheets at 0.2 C; a node draws far less",
    charge=((0, 0.1), (5, 0.2), (15, 0.5), (55, 0.0)),
    charge_source="machineu.com, specification of a 2600 mAh 18650, item 3.6",
)

LFP: Final = Chemistry(
    name="LiFePO4",
    volt=3.2,
    capacity=((-30, 0.4), (-20, 0.7), (0, 0.8), (25, 1.0)),
    capacity_source="funsongbattery.com on Canbat CLI100-12: 80 % at 0 degC, 70 % at -20 degC;"
    " -30 degC [unverified]",
    charge=((0, 0.2), (15, 0.5), (45, 0.0)),
    charge_source="sunlandpower.com, IFR10440, item 14: none below 0 degC",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """
    A battery to buy.

    Attributes:
        name: As one would order it.
        chemistry: Its kind.
        ah: Capacity at 25 degC when new. [Ah]
    """

    name: str
    chemistry: Chemistry
    ah: float

    @property
    def wh(self) -> float:
        """Energy at 25 degC when new. [Wh]"""
        return self.ah * self.chemistry.volt


CELLS: Final = (
    Cell("1 x 14500 Li-ion 0.8 Ah", LI_ION, 0.8),
    Cell("1 x 18650 Li-ion 3.0 Ah", LI_ION, 3.0),
    Cell("2 x 18650 Li-ion 3.0 Ah", LI_ION, 6.0),
    Cell("4 x 18650 Li-ion 3.0 Ah", LI_ION, 12.0),
    Cell("1 x 14500 LiFePO4 0.6 Ah", LFP, 0.6),
    Cell("1 x 18650 LiFePO4 1.5 Ah", LFP, 1.5),
    Cell("1 x 26650 LiFePO4 3.2 Ah", LFP, 3.2),
    Cell("1 x 32700 LiFePO4 6 Ah", LFP, 6.0),
    Cell("2 x 32700 LiFePO4 6 Ah", LFP, 12.0),
    Cell("4 x 32700 LiFePO4 6 Ah", LFP, 24.0),
)
"""Common sizes; more than one cell is in parallel."""

PANELS_WP: Final = (0.5, 1.0, 2.0, 3.0, 5.0, 6.0, 10.0, 20.0)
"""Common panels by rating. [Wp]"""
