# SPDX-License-Identifier: Apache-2.0
"""
Drought Code in spring, where the winter did not refill the soil.

Litter and duff are soaked at snow melt whatever the winter was; deep soil is not, where less than
about 200 mm fell. On the southern hemisphere the same holds with the months turned round.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from qres.fire_weather import checks
from qres.fire_weather.startup import STANDARD, StartUp
from qres.fire_weather.systems import require_1987

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qres.fire_weather.fwi1987 import Fwi1987

__all__ = ["CarryOver", "Wetting", "spring_dc", "spring_start"]


class CarryOver(Enum):
    """
    Share a of autumn's moisture that is still there in spring.

    Source:
        Lawson & Armitage (2008), Weather guide for the CFFDRS, overwintering table.
    """

    FULL = 1.0
    """The DC was kept until freeze-up, lasting snow or 1 November (1 May in the south)."""

    PART = 0.75
    """It ended before that, or the ground is bare at times in winter (chinook)."""

    HALF = 0.5
    """Long dry spells in autumn or winter deplete the soil."""


class Wetting(Enum):
    """
    Share b of the winter's precipitation that gets into the soil.

    Source:
        Lawson & Armitage (2008), Weather guide for the CFFDRS, overwintering table.
    """

    POOR_DRAINAGE = 0.9
    """Bogs with deep organic layers."""

    MODERATE = 0.75
    """Deep frost late or not at all; drainage that lets most of the snow melt in."""

    RUN_OFF = 0.5
    """Chinook, early deep frost, or soil and slopes off which the melt runs before it thaws."""


def spring_dc(
    autumn_dc: ArrayLike,
    winter_rain_mm: ArrayLike,
    carry_over: CarryOver = CarryOver.PART,
    wetting: Wetting = Wetting.MODERATE,
    least_dc: float = 15.0,
) -> NDArray[np.float64]:
    """
    Drought Code with which a season starts. [1]

    Args:
        autumn_dc: Last DC of the season before, any shape, 0..5000.
        winter_rain_mm: Precipitation since then, shapes broadcast, 0..20000. [mm] A total with a
            gap in it is unknown: give NaN, not what happened to be measured.
        carry_over: How much of autumn's moisture is left.
        wetting: How much of the precipitation gets in.
        least_dc: The result is not below this.

    Returns:
        *least_dc* or more. NaN where an input is NaN.

    Raises:
        RangeError: An input is outside its range.

    Source:
        Van Wagner (1985), Proc. 8th Conf. Fire For. Meteorol., 178-185; Lawson & Armitage (2008),
        eqs 2 to 4.

    >>> spring_dc(300.0, 110.0).round(1).item()
    109.5
    """
    dc = checks.bounded("autumn_dc", autumn_dc, 0.0, 5000.0, "(DC)")
    rain = checks.bounded("winter_rain_mm", winter_rain_mm, 0.0, 20_000.0, "mm")
    moisture = carry_over.value * 800.0 * np.exp(-dc / 400.0) + wetting.value * 3.94 * rain
    return np.asarray(np.maximum(400.0 * np.log(800.0 / moisture), least_dc))


def spring_start(
    season: Fwi1987,
    winter_rain_mm: ArrayLike,
    carry_over: CarryOver = CarryOver.PART,
    wetting: Wetting = Wetting.MODERATE,
) -> StartUp:
    """
    Start-up codes of the season after *season*: standard FFMC and DMC, overwintered DC.

    Raises:
        SystemMixError: *season* is of another system than 1987: the moisture equivalent of the DC
            of FWI2025 is another.
        RangeError: An input is outside its range.
    """
    require_1987(season, "spring_start")
    dc = spring_dc(season.end.dc, winter_rain_mm, carry_over, wetting)
    return StartUp(STANDARD.ffmc, STANDARD.dmc, dc)
