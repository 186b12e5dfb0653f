# SPDX-License-Identifier: Apache-2.0
"""
The FF scale: moisture of litter as a code that rises with dryness.

Two constants are in use. The program of 1985 has 147.2, rounded so that it and the 59.5 fit a
pocket calculator; then a code taken to moisture and back comes out a little changed. The CFFDRS
package for R and FWI2025 have 250 * 59.5 / 101 = 147.27723, with which it comes back the same.
Daily FFMC differs by up to 0.12 between the two: a series must keep to one, and say which.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CODE_MAX", "MOISTURE_MAX_PCT", "FfScale"]

CODE_MAX: Final = 101.0
"""FFMC of bone-dry litter."""

MOISTURE_MAX_PCT: Final = 250.0
"""Most water that pine litter holds, in percent of its dry weight. FFMC 0."""


class FfScale(Enum):
    """
    The constant of the FF scale.

    >>> FfScale.EXACT.moisture_pct(np.array(85.0)).round(4).item()
    16.3075
    """

    PRINTED_1985 = 147.2
    """As printed by Van Wagner & Pickett (1985) and Van Wagner (1987), eqs 1 and 10."""

    EXACT = 250.0 * 59.5 / 101.0
    """147.27723: code and moisture are exact inverses (CFFDRS for R, FWI2025)."""

    def moisture_pct(self, code: NDArray[np.float64]) -> NDArray[np.float64]:
        """Moisture content [% of dry weight] of an FFMC 0..101. NaN stays NaN."""
        return np.asarray(self.value * (CODE_MAX - code) / (59.5 + code))

    def code(self, moisture_pct: NDArray[np.float64]) -> NDArray[np.float64]:
        """FFMC 0..101 of a moisture content of 0..250 %. NaN stays NaN."""
        raw = 59.5 * (MOISTURE_MAX_PCT - moisture_pct) / (self.value + moisture_pct)
        return np.asarray(np.clip(raw, 0.0, CODE_MAX))
