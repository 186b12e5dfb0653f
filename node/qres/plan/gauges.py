# SPDX-License-Identifier: Apache-2.0
"""
What wind and rain gauges cost: contacts through a pull-up, and wake-ups.

The ESP32 port counts in light sleep, where a pin can wake the processor by its level only
(ESP-IDF, sleep_modes.rst): a closure must be waited for at one level, its end at the other. A pulse
therefore wakes it twice. The rate is proportional to wind, so that the mean wind gives the mean
current, whatever the distribution about it, as long as wake-ups do not run into one another (they
would above 300 m/s).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qres.errors import RangeError
from qres.plan.currents import BOARDS

if TYPE_CHECKING:
    from qres.site import Site

__all__ = ["ANEMOMETERS", "NONE", "RAIN_GAUGES", "Anemometer", "Gauges", "divided"]

NONE: Final = "none"
"""No such gauge."""

_DAY_S: Final = 86_400.0
_YEAR_DAYS: Final = 365.25
_EDGES: Final = 2  # wake-ups a pulse
_CLOSED: Final = 0.5  # [unverified] share of a turn; a still cup may rest closed for days
_DIVIDED: Final = "-div16"


@dataclass(frozen=True, slots=True)
class Anemometer:
    """
    An anemometer of firmware/drivers/sensors/gauges.toml.

    Attributes:
        m_per_pulse: Wind run a pulse at the board's pin. [m]
        is_divided: Whether a counter stands between contact and pin.
    """

    m_per_pulse: float
    is_divided: bool = False


ANEMOMETERS: Final = {
    "davis-6410": Anemometer(1.005840),
    "davis-6410-div16": Anemometer(16.093440, is_divided=True),
    "sparkfun-sen-15901": Anemometer(0.666667),
    "sparkfun-sen-15901-div16": Anemometer(10.666672, is_divided=True),
}
"""By the names of gauges.toml."""

RAIN_GAUGES: Final = {
    "davis-6463-mm": 0.200,
    "davis-6463-inch": 0.254,
    "sparkfun-sen-15901": 0.279,
}
"""Rain a tip [mm], by the names of gauges.toml."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """
    What is fitted, and the weather that moves it.

    Attributes:
        anemometer: Key of `ANEMOMETERS`, or "none"; None for what the site and the board say: the
            Davis 6410 if the site has the channel and the board the pin.
        rain_gauge: Key of `RAIN_GAUGES`, or "none"; None for the Davis 6463 if the site has the
            channel.
        wind_m_s: Mean wind at the cups, all year. [m/s] 0..30. Our choice of 3: the 28 stations of
            the shipped record average 0.7, the windiest of them 2.7; an open hill has more.
        rain_mm_year: Rain. [mm] 0..20000
    """

    anemometer: str | None = None
    rain_gauge: str | None = None
    wind_m_s: float = 3.0
    rain_mm_year: float = 800.0

    def __post_init__(self) -> None:
        """Refuse what is no gauge and no weather."""
        for name, value, known in (
            ("anemometer", self.anemometer, ANEMOMETERS),
            ("rain_gauge", self.rain_gauge, RAIN_GAUGES),
        ):
            if value not in {None, NONE, *known}:
                raise RangeError(name, value, f"must be {NONE} or one of {', '.join(known)}")
        for name, number, most in (
            ("wind_m_s", self.wind_m_s, 30.0),
            ("rain_mm_year", self.rain_mm_year, 20_000.0),
        ):
            if not 0 <= number <= most:
                raise RangeError(name, number, f"must be 0..{most:g}")

    def fitted(self, site: Site, board: str, *, counts_wind: bool = True) -> Gauges:
        """
        The same with names in place of None.

        Args:
            site: Its channels say what is measured.
            board: Key of `BOARDS`.
            counts_wind: Whether the processor sleeps lightly: in deep sleep it counts no wind.

        Raises:
            RangeError: An anemometer that this board cannot read, or not in its sleep.
        """
        measured = {c.name for c in site.channels}
        can = BOARDS[board].has_wind_pin and counts_wind
        wind, rain = self.anemometer, self.rain_gauge
        if wind not in {None, NONE} and not can:
            why = "light sleep, deep sleep counts no wind" if not counts_wind else "a wind pin"
            raise RangeError("anemometer", wind, f"must be {NONE}: {board} would need {why}")
        if wind is None:
            wind = "davis-6410" if "wind_m_s" in measured and can else NONE
        if rain is None:
            rain = "davis-6463-mm" if "rain_mm" in measured else NONE
        return Gauges(wind, rain, self.wind_m_s, self.rain_mm_year)

    @property
    def model(self) -> Anemometer | None:
        """The anemometer, None without."""
        return ANEMOMETERS.get(self.anemometer or NONE)

    @property
    def wind_wakes(self) -> float:
        """How often the anemometer wakes the processor. [1/day]"""
        if self.model is None:
            return 0.0
        return _EDGES * self.wind_m_s / self.model.m_per_pulse * _DAY_S

    @property
    def closed_s(self) -> float:
        """How long the anemometer's contact is closed. [s/day]"""
        return 0.0 if self.model is None else _CLOSED * _DAY_S

    @property
    def tips(self) -> float:
        """How often the rain gauge tips. [1/day]"""
        if self.rain_gauge in {None, NONE}:
            return 0.0
        return self.rain_mm_year / _YEAR_DAYS / RAIN_GAUGES[self.rain_gauge or ""]


def divided(name: str | None) -> str | None:
    """The same anemometer behind a divider; None if it has one, or there is none to have."""
    other = f"{name}{_DIVIDED}"
    return other if other in ANEMOMETERS else None
