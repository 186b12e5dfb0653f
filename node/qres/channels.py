# SPDX-License-Identifier: Apache-2.0
"""
The one channel table: names, units, limits, tolerances and steps of everything that is measured.

Core, codec, database and dashboards take their names and units from here. `V1` are the four
channels that every field sends; a field may add the battery (`site_channels`). A channel's number
on air is its place in its site's table, not its place in `CHANNELS`: the battery is number 4 of a
site that has it. The first four places are the same in both.

Inside the core a value is Q16.16: a signed 32-bit integer of 1/65536 of the unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BATTERY",
    "CHANNELS",
    "Q16_MISSING",
    "Q16_ONE",
    "TOLERANCE_CLASSES",
    "V1",
    "Channel",
    "channel",
    "from_q16",
    "site_channels",
    "to_q16",
]

TOLERANCE_CLASSES: Final = ("strict", "standard", "coarse")
"""Names of the tolerance classes, tightest first."""

Q16_ONE: Final = 65536
"""The number one in Q16.16."""

Q16_MISSING: Final = -(2**31)
"""Stands for a missing value in Q16.16; no channel reaches it."""

_STEPS_MAX: Final = 32767
_TOLERANCE_MOST: Final = 256.0  # SPEC 2.1: 2^24 in Q16.16


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """
    One measured quantity.

    Attributes:
        index: Place in `CHANNELS`. For the channels of `V1` also number on air and column in
            arrays of values; for others that is their place in `qres.site.Site.channels`.
        name: Name with unit, as in code and in the database.
        label: Name for people.
        unit: Unit for people.
        decimals: Digits after the point when printed.
        lower: Least physical value. [unit]
        upper: Greatest physical value; for a wrapping channel the value that equals *lower*. [unit]
        wraps: True for counters and angles, whose values are known modulo *upper*.
        tolerance: Greatest error that is not reported, by tolerance class. [unit]
        grain: Quantisation step on air whatever the tolerance; 0 for a quarter of it. [unit]
        rho: Share of a surprise that neighbours have in common. [1] 0..1
        is_linear: Predicted with learned weights, and from neighbours; otherwise held.
        is_primary: Part of every short report; otherwise it rides along when it surprises.
        w0: Weights of the predictor at start: shared trend, the node's own slow level, and the
            day's sine and cosine. [1]
        role: What fire weather takes it for, SPEC 2.1: 1 temperature, 2 humidity, 3 wind, 4 rain.
        is_optional: True if not every field sends it.
    """

    index: int
    name: str
    label: str
    unit: str
    decimals: int
    lower: float
    upper: float
    tolerance: tuple[float, float, float]
    wraps: bool = False
    grain: float = 0.0
    rho: float = 0.0
    is_linear: bool = False
    is_primary: bool = False
    w0: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    role: int = 0
    is_optional: bool = False

    @property
    def influx_field(self) -> str:
        """Name of the field in the database: the channel's own name, unit included."""
        return self.name

    @property
    def tolerance_least(self) -> float:
        """
        Least tolerance that the frames can carry. [unit]

        On air a value is a 16-bit number of steps, and a step is a quarter, or at most half, of
        the tolerance. Rounded up to one digit.
        """
        if self.grain:
            return 2 * self.grain
        least = 4 * max(-self.lower, self.upper) / _STEPS_MAX
        power = 10.0 ** math.floor(math.log10(least))
        return round(math.ceil(least / power) * power, 9)

    @property
    def tolerance_most(self) -> float:
        """Greatest tolerance: the channel's range, or what the core takes, SPEC 2.1. [unit]"""
        return min(self.upper - self.lower, _TOLERANCE_MOST)

    def step_q16(self, tolerance_q16: int) -> int:
        """
        Quantisation step on air for a tolerance, both Q16.16 [unit], SPEC 2.1.

        >>> channel("temp_degc").step_q16(65536)
        16384
        """
        if self.grain:
            return math.floor(self.grain * Q16_ONE + 0.5)
        return (2 * tolerance_q16 + 4) // 8

    def text(self, value: float) -> str:
        """*value* [unit] as shown to people, with its unit; a dash where it is missing (NaN)."""
        if math.isnan(value):
            return "–"
        return f"{value:.{self.decimals}f} {self.unit}"

    def difference(self, a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
        """
        `a - b` [unit], the short way round for a channel that wraps. NaN where either is NaN.

        >>> channel("wind_dir_deg").difference(5.0, 355.0).item()
        10.0
        """
        delta = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
        if not self.wraps:
            return np.asarray(delta)
        half = self.upper / 2
        return np.asarray(np.mod(delta + half, self.upper) - half)

    def out_of_range(self, values: ArrayLike) -> NDArray[np.bool_]:
        """
        True where a value is outside `lower..upper`; never for NaN.

        Rain is an accumulated amount that may have passed *upper* any number of times before it
        is wrapped for the air, so only its lower limit counts.
        """
        v = np.asarray(values, dtype=np.float64)
        bad = v < self.lower
        return bad if self.wraps else bad | (v > self.upper)


CHANNELS: Final = (
    # Ranges: what the usual sensors deliver (SHT4x, BME280: to 85 degC, 0..100 %; cup and sonic
    # anemometers: to 75 m/s), and frost that the field survives. Tolerances: `strict` is about a
    # RAWS station's own accuracy. rho and w0: SPEC 2.1.
    Channel(
        index=0, name="temp_degc", label="Air temperature", unit="°C", decimals=1,
        lower=-60.0, upper=85.0, tolerance=(0.6, 1.0, 2.0),
        rho=0.5, is_linear=True, is_primary=True, w0=(0.6, 0.0, 0.0, 0.0), role=1,
    ),
    Channel(
        index=1, name="rh_pct", label="Relative humidity", unit="%", decimals=0,
        lower=0.0, upper=100.0, tolerance=(3.0, 5.0, 10.0),
        rho=0.5, is_linear=True, is_primary=True, w0=(0.6, 0.0, 0.0, 0.0), role=2,
    ),
    Channel(
        index=2, name="wind_m_s", label="Wind speed, 10-min mean", unit="m/s", decimals=1,
        lower=0.0, upper=75.0, tolerance=(0.5, 1.0, 2.0),
        rho=0.3, is_linear=True, is_primary=True, w0=(0.0, 0.2, 0.0, 0.0), role=3,
    ),
    # Whole tips of 0.2 mm, whatever the class. The counter wraps at 6500 mm: 32500 tips are the
    # most that fit 16 bits, and more rain than that does not fall between two reports.
    Channel(
        index=3, name="rain_mm", label="Rain, accumulated", unit="mm", decimals=1,
        lower=0.0, upper=6500.0, tolerance=(0.5, 1.0, 2.0), wraps=True, grain=0.2, role=4,
    ),
    Channel(
        index=4, name="wind_dir_deg", label="Wind direction", unit="°", decimals=0,
        lower=0.0, upper=360.0, tolerance=(10.0, 20.0, 45.0), wraps=True, is_optional=True,
    ),
    # A Li-ion cell lives between 3.0 and 4.2 V: what its health channel must tell apart is full
    # (4.1), half (3.7), low (3.5) and empty (3.0 to 3.3), and whether a day of sun lifts it. 100 mV
    # does that, and stays silent over the 50 to 100 mV of a common day; it is no fuel gauge, for
    # 100 mV are a third of the charge on the flat part of the curve. In mV, not V: the step of 25
    # is exact in Q16.16, and 6000 fits.
    Channel(
        index=5, name="batt_mv", label="Battery voltage", unit="mV", decimals=0,
        lower=0.0, upper=6000.0, tolerance=(50.0, 100.0, 200.0), is_optional=True,
    ),
)  # fmt: skip
"""All channels, in the order of their numbers."""

V1: Final = tuple(c for c in CHANNELS if not c.is_optional)
"""The channels that every field sends: the first columns of every array of values."""

BATTERY: Final = next(c for c in CHANNELS if c.name == "batt_mv")
"""What a field with `battery = true` sends beside them."""


def site_channels(*, battery: bool) -> tuple[Channel, ...]:
    """
    The channel table of a site, in the order of the numbers on air.

    >>> [c.name for c in site_channels(battery=True)]
    ['temp_degc', 'rh_pct', 'wind_m_s', 'rain_mm', 'batt_mv']
    """
    return (*V1, BATTERY) if battery else V1


def channel(name: str) -> Channel:
    """
    The channel called *name*.

    Raises:
        RangeError: There is no such channel; the text lists the known ones.
    """
    for c in CHANNELS:
        if c.name == name:
            return c
    known = ", ".join(c.name for c in CHANNELS)
    raise RangeError("channel", name, f"must be one of {known}")


def to_q16(values: ArrayLike, of: Channel | None = None) -> NDArray[np.int32]:
    """
    Physical values as Q16.16, rounded half up.

    Args:
        values: Values [unit of the channel], any shape; NaN becomes `Q16_MISSING`.
        of: The channel, if its values wrap: they are then first taken modulo its *upper*.

    Returns:
        Same shape. [1/65536 unit]

    Raises:
        RangeError: A value does not fit into Q16.16 (-32768 < value < 32768).

    >>> to_q16([1.0, -0.5, float("nan")]).tolist()
    [65536, -32768, -2147483648]
    """
    v = np.asarray(values, dtype=np.float64)
    if of is not None and of.wraps:
        v = np.mod(v, of.upper)
    missing = np.isnan(v)
    scaled = np.floor(np.where(missing, 0.0, v) * Q16_ONE + 0.5)
    bad = (scaled <= Q16_MISSING) | (scaled >= 2**31)
    if bad.any():
        worst = float(v[bad].flat[0])
        raise RangeError("value", worst, "must be above -32768 and below 32768 to fit Q16.16")
    return np.where(missing, Q16_MISSING, scaled).astype(np.int32)


def from_q16(raw: ArrayLike) -> NDArray[np.float64]:
    """
    Q16.16 as physical values; exact. `Q16_MISSING` becomes NaN.

    >>> from_q16([65536, -2147483648]).tolist()
    [1.0, nan]
    """
    r = np.asarray(raw, dtype=np.int32)
    return np.asarray(np.where(r == Q16_MISSING, np.nan, r / Q16_ONE))
