# SPDX-License-Identifier: Apache-2.0
"""The energy ledger, hour by hour: what comes in, what goes out, what is lost, what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import RangeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from qres.plan.battery import Cell

__all__ = ["AGED", "Ledger", "simulate"]

AGED: Final = 0.8
"""Share of its capacity that a cell has left at the end of its life, for which one plans. [1]"""

_RESTART_SHARE: Final = 0.1  # a node that ran empty starts again above this share of the capacity
_MONTH_H: Final = 730.0


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """
    A year of every option and every simulated node. Shapes (options, years); energies in Wh.

    What came in went somewhere: `offered = used + stored + charge_loss + curtailed`, and
    `end - start = stored - drawn - leaked`; the load got `used + drawn`, and missed `missing`.

    Attributes:
        offered: Energy at the charger's output.
        used: Of it, what the load took at once.
        stored: What arrived in the cell.
        charge_loss: Lost in charging.
        curtailed: Not taken: the cell was full, too cold or too hot.
        drawn: Out of the cell, into the load.
        leaked: Self-discharge.
        missing: What the load did not get.
        start: In the cell at the beginning.
        end: In the cell at the end.
        dark_h: Hours without power. [h]
        lowest: Least share of the aged capacity at any time. [1]
        daily: Share of the aged capacity at the end of each day, shape (options, days, years). [1]
    """

    offered: NDArray[np.float64]
    used: NDArray[np.float64]
    stored: NDArray[np.float64]
    charge_loss: NDArray[np.float64]
    curtailed: NDArray[np.float64]
    drawn: NDArray[np.float64]
    leaked: NDArray[np.float64]
    missing: NDArray[np.float64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    dark_h: NDArray[np.float64]
    lowest: NDArray[np.float64]
    daily: NDArray[np.float32]

    @property
    def survival(self) -> NDArray[np.float64]:
        """Share of the simulated node-years without an hour of darkness, shape (options,). [1]"""
        return np.asarray((self.dark_h == 0).mean(axis=1))


def simulate(
    offered_w_per_wp: NDArray[np.float64],
    temp_degc: NDArray[np.float64],
    options: Sequence[tuple[float, Cell]],
    load_mah_per_day: float,
) -> Ledger:
    """
    Run the ledger.

    Args:
        offered_w_per_wp: At the charger's output for each watt of panel, shape (hours, years).
        temp_degc: Temperature of the cell, same shape. [degC]
        options: Panels [Wp] and cells to try, at least one.
        load_mah_per_day: What the node draws. [mAh/day]

    Raises:
        RangeError: Hours that are not whole days, or no load.
    """
    hours, years = offered_w_per_wp.shape
    if hours % 24:
        raise RangeError("hours", hours, "must be whole days")
    if load_mah_per_day <= 0:
        raise RangeError("load_mah_per_day", load_mah_per_day, "must be above 0")
    kinds = list(dict.fromkeys(cell.chemistry for _, cell in options))
    kind = np.array([kinds.index(cell.chemistry) for _, cell in options])
    share = np.stack([k.capacity_share(temp_degc) for k in kinds])
    rate = np.stack([k.charge_rate_per_h(temp_degc) for k in kinds])
    panel = _column(wp for wp, _ in options)
    size = _column(AGED * cell.wh for _, cell in options)
    load = _column(load_mah_per_day / 24 / 1000 * cell.chemistry.volt for _, cell in options)
    good = _column(cell.chemistry.charge_efficiency for _, cell in options)
    leak = _column(cell.chemistry.self_discharge_per_month / _MONTH_H for _, cell in options)

    shape = (len(options), years)
    names = ("offered", "used", "stored", "charge_loss", "curtailed", "drawn", "leaked", "missing")
    sums = {name: np.zeros(shape) for name in names}
    dark_h, lowest = np.zeros(shape), np.ones(shape)
    daily = np.empty((len(options), hours // 24, years), dtype=np.float32)
    held = np.broadcast_to(size, shape).copy()
    start = held.copy()
    running = np.ones(shape, dtype=bool)
    for h in range(hours):
        offered = panel * offered_w_per_wp[h]
        frozen = (1 - share[kind, h]) * size  # what the cold keeps from being drawn
        running |= held - frozen > _RESTART_SHARE * size
        want = np.where(running, load, 0.0)
        used = np.minimum(offered, want)
        room = np.minimum(rate[kind, h] * size, (size - held) / good)
        taken = np.minimum(offered - used, np.maximum(room, 0.0))
        drawn = np.minimum(want - used, np.maximum(held - frozen, 0.0))
        leaked = leak * held
        held += good * taken - drawn
        leaked = np.minimum(leaked, held)
        held -= leaked
        missing = load - used - drawn
        dark = missing > 1e-12
        running &= ~dark
        dark_h += dark
        np.minimum(lowest, held / size, out=lowest)
        for name, amount in (
            ("offered", offered),
            ("used", used),
            ("stored", good * taken),
            ("charge_loss", (1 - good) * taken),
            ("curtailed", offered - used - taken),
            ("drawn", drawn),
            ("leaked", leaked),
            ("missing", missing),
        ):
            sums[name] += amount
        if h % 24 == 23:
            daily[:, h // 24] = held / size
    return Ledger(**sums, start=start, end=held, dark_h=dark_h, lowest=lowest, daily=daily)


def _column(values: Iterable[float]) -> NDArray[np.float64]:
    """*values*, one an option, shape (options, 1)."""
    return np.fromiter(values, dtype=np.float64)[:, None]
