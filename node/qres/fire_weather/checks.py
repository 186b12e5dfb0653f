# SPDX-License-Identifier: Apache-2.0
"""What every index asks of its inputs, said once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "KM_H_PER_M_S",
    "MM_PER_INCH",
    "MPH_PER_M_S",
    "bounded",
    "fahrenheit",
    "latitude",
    "longitude",
    "rain",
    "relative_humidity",
    "same_shape",
    "temperature",
    "wind_km_h",
    "wind_m_s",
]

KM_H_PER_M_S: Final = 3.6
"""The Canadian system has its wind in km/h."""

MPH_PER_M_S: Final = 3600 / 1609.344
"""The systems of the USA have theirs in statute miles per hour."""

MM_PER_INCH: Final = 25.4

_WIND_MAX_KM_H: Final = 300.0  # above the 75 m/s of any anemometer in use (channel table)


def bounded(
    argument: str, values: ArrayLike, lower: float, upper: float, unit: str
) -> NDArray[np.float64]:
    """
    *values* as an array, each within its limits or NaN.

    Raises:
        RangeError: A value is outside `lower..upper`; NaN is not, it means missing.

    >>> bounded("rh_pct", [20, float("nan")], 0, 100, "%").tolist()
    [20.0, nan]
    """
    v = np.asarray(values, dtype=np.float64)
    bad = (v < lower) | (v > upper)
    if bad.any():
        limit = f"must be {lower:g}..{upper:g} {unit}, or NaN where it is missing"
        raise RangeError(argument, float(v[bad].flat[0]), limit)
    return v


def temperature(values: ArrayLike, argument: str = "temp_degc") -> NDArray[np.float64]:
    """Air temperature [degC], -60..85 as in the channel table; NaN where missing."""
    return bounded(argument, values, -60.0, 85.0, "degC")


def relative_humidity(values: ArrayLike) -> NDArray[np.float64]:
    """Relative humidity [%], 0..100; NaN where missing."""
    return bounded("rh_pct", values, 0.0, 100.0, "%")


def wind_km_h(values: ArrayLike) -> NDArray[np.float64]:
    """Wind speed [km/h], 0..300; NaN where missing."""
    return bounded("wind_km_h", values, 0.0, _WIND_MAX_KM_H, "km/h")


def wind_m_s(values: ArrayLike) -> NDArray[np.float64]:
    """Wind speed [m/s], 0..83.3; NaN where missing."""
    return bounded("wind_m_s", values, 0.0, _WIND_MAX_KM_H / KM_H_PER_M_S, "m/s")


def rain(values: ArrayLike) -> NDArray[np.float64]:
    """Rain of one step [mm], 0..2000 (the most in 24 h on record is 1825 mm); NaN where missing."""
    return bounded("rain_mm", values, 0.0, 2000.0, "mm")


def latitude(values: ArrayLike) -> NDArray[np.float64]:
    """Latitude [deg north], -90..90; NaN is refused, for the length of a day is not guessed."""
    return _known("lat_deg", bounded("lat_deg", values, -90.0, 90.0, "degrees north"))


def longitude(values: ArrayLike) -> NDArray[np.float64]:
    """Longitude [deg east], -180..180; NaN is refused."""
    return _known("lon_deg", bounded("lon_deg", values, -180.0, 180.0, "degrees east"))


def same_shape(**arrays: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """
    *arrays* broadcast against each other, shape (times, ...).

    Raises:
        RangeError: They do not fit together, or have no axis of times.
    """
    shapes = {name: a.shape for name, a in arrays.items()}
    try:
        out = np.broadcast_arrays(*arrays.values())
    except ValueError as e:
        text = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise RangeError("shapes", text, "must fit together as (times, ...)") from e
    if out[0].ndim == 0:
        raise RangeError("shapes", "()", "must have times as first axis, shape (times, ...)")
    return list(out)


def fahrenheit(temp_degc: ArrayLike) -> NDArray[np.float64]:
    """Temperature in degrees Fahrenheit."""
    return np.asarray(np.asarray(temp_degc, dtype=np.float64) * 1.8 + 32.0)


def _known(argument: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isnan(values).any():
        raise RangeError(argument, "nan", "must be known")
    return values
