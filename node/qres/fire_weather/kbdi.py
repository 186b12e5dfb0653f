# SPDX-License-Identifier: Apache-2.0
"""Keetch-Byram Drought Index: water missing from the upper soil and duff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.fire_weather import checks, provenance

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["INTERCEPTION_1968_MM", "INTERCEPTION_AUSTRALIA_MM", "Kbdi", "kbdi"]

INTERCEPTION_1968_MM: Final = 5.08
"""Rain of a wet spell that never reaches the duff: 0.20 inch (Keetch & Byram 1968). [mm]"""

INTERCEPTION_AUSTRALIA_MM: Final = 5.0
"""The same as the Australian Bureau of Meteorology (Finkele et al. 2006) and xclim have it. [mm]"""

_FULL_MM: Final = 203.2  # 8 inches: water that the soil holds at field capacity
_MEMORY_DAYS: Final = 365  # it has no time lag of its own; a wet season refills it


@dataclass(frozen=True, slots=True, eq=False)
class Kbdi:
    """
    A series of the index.

    Attributes:
        deficit_mm: The index, 0..203.2, shape (days, ...). [mm] In the US it is given in 1/100
            inch, 0..800: divide by 0.254.
        wet_spell_mm: Rain of the present wet spell that is still intercepted, at the end, shape
            (...). [mm] Hand it on with the last deficit to go on later.
        status: Provenance, codes of `qres.core.Status`, shape (days, ...).
    """

    deficit_mm: NDArray[np.float64]
    wet_spell_mm: NDArray[np.float64]
    status: NDArray[np.uint8]


def kbdi(
    temp_max_degc: ArrayLike,
    rain_mm: ArrayLike,
    annual_rain_mm: ArrayLike,
    start_mm: ArrayLike = 0.0,
    *,
    wet_spell_mm: ArrayLike = 0.0,
    interception_mm: float = INTERCEPTION_1968_MM,
    status: NDArray[np.uint8] | None = None,
) -> Kbdi:
    """
    Keetch-Byram Drought Index. [mm] 0..203.2

    Args:
        temp_max_degc: Greatest temperature of the day, shape (days, ...), -60..85. [degC]
        rain_mm: Rain of the 24 hours, same shape, 0..2000. [mm]
        annual_rain_mm: Mean annual rain, scalar or shape (...), 0..15000. [mm]
        start_mm: Index before the first day: 0 after soaking rain or snow melt. [mm]
        wet_spell_mm: Rain already intercepted in a spell that has begun before. [mm]
        interception_mm: Rain of a wet spell that does not count. [mm]
        status: Worst provenance of the day's inputs, shape (days, ...); None if measured.

    Returns:
        The series. A day with a NaN input is NaN and unknown, and leaves the index as it was.

    Raises:
        RangeError: An input is outside its range.

    Source:
        Keetch & Byram (1968), USDA Res. Pap. SE-38, with the constants corrected by Alexander
        (1990), Fire Manage. Notes 51(4); metric form of Crane (1982), Meteorol. Aust. 39:
        dQ = (203.2 - Q)(0.968 exp(0.0875 T + 1.5552) - 8.30) / (1 + 10.88 exp(-0.00173 R)) / 1000.
    """
    t, rain = checks.same_shape(
        temp_max_degc=checks.temperature(temp_max_degc, "temp_max_degc"),
        rain_mm=checks.rain(rain_mm),
    )
    annual = checks.bounded("annual_rain_mm", annual_rain_mm, 0.0, 15_000.0, "mm")
    day_status, known = provenance.of_inputs(status, t, rain)
    drying = 1e-3 * (0.968 * np.exp(0.0875 * t + 1.5552) - 8.30)
    drying = np.maximum(drying, 0.0) / (1.0 + 10.88 * np.exp(-0.00173 * annual))

    q = np.broadcast_to(checks.bounded("start_mm", start_mm, 0.0, _FULL_MM, "mm"), t.shape[1:])
    spell = np.broadcast_to(np.asarray(wet_spell_mm, dtype=np.float64), t.shape[1:])
    out = np.empty(t.shape)
    for day in range(t.shape[0]):
        ok, fallen = known[day], rain[day]
        caught = np.minimum(fallen, np.maximum(interception_mm - spell, 0.0))
        after = np.clip(q + (_FULL_MM - q) * drying[day] - (fallen - caught), 0.0, _FULL_MM)
        spell = np.where(ok, np.where(fallen > 0.0, spell + caught, 0.0), spell)
        q = np.where(ok, after, q)
        out[day] = np.where(ok, q, np.nan)
    return Kbdi(out, np.asarray(spell), provenance.remembered(day_status, _MEMORY_DAYS))
