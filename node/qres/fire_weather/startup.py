# SPDX-License-Identifier: Apache-2.0
"""Codes before the first step of a season."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.fire_weather import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["STANDARD", "StartUp"]


@dataclass(frozen=True, slots=True, eq=False)
class StartUp:
    """
    Moisture codes from which a series goes on; scalars, or one per node.

    Codes are carried as they are, never rounded: rounding to 0.1 from day to day alters 106 of
    the 294 cells of the table of 1985.

    Attributes:
        ffmc: Fine Fuel Moisture Code, 0..101.
        dmc: Duff Moisture Code, 0 or more.
        dc: Drought Code, 0 or more.

    Raises:
        RangeError: A code is outside its range (when `checked` is called, by every series).
    """

    ffmc: ArrayLike = 85.0
    dmc: ArrayLike = 6.0
    dc: ArrayLike = 15.0

    def checked(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """FFMC, DMC and DC as arrays within their ranges."""
        return (
            checks.bounded("ffmc", self.ffmc, 0.0, 101.0, "(FFMC)"),
            checks.bounded("dmc", self.dmc, 0.0, 2000.0, "(DMC)"),
            checks.bounded("dc", self.dc, 0.0, 5000.0, "(DC)"),
        )


STANDARD: Final = StartUp()
"""
Three days after snow melt, or after the first three days with 12 degC or more at noon.

Van Wagner & Pickett (1985): FFMC 85, DMC 6, DC 15. Where the winter was dry, the DC comes from
`qres.fire_weather.overwinter`.
"""
