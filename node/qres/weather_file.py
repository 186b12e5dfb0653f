# SPDX-License-Identifier: Apache-2.0
"""
Recorded weather: what virtual nodes measure, and what every figure is measured on.

`load` reads three layouts and makes one `WeatherFile` of each:

- `.npz` with `data` [time, station, variable] and `time`, `station_id`, `lat`, `lon`, `elev`,
  `variables` (t [degC]; rh [%] or td [degC]; ws [m/s]; rain [mm per step] or, on an hourly grid,
  rain1h [mm in the hour]). Values are rounded to 4 decimals, which undoes float32.
- `.npz` as `qres.weather_pack` packs it: the same, exact to the source's resolution, in a
  fraction of the size.
- `.csv`, `.csv.gz`: see `qres.weather_csv`.

NaN means missing, always.
"""

from __future__ import annotations

import json
import lzma
import zipfile
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres import weather_csv, weather_pack
from qres.channels import V1
from qres.errors import WeatherFileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["WeatherFile", "demo", "from_arrays", "load", "rain_tips_mm", "rh_from_dewpoint"]

RAIN_TIP_MM: Final = 0.2
"""What one tip of a tipping-bucket gauge means. [mm]"""

HOUR_S: Final = 3600

_ARRAYS: Final = ("data", "time", "station_id", "lat", "lon", "elev", "variables")


@dataclass(frozen=True, slots=True, eq=False)
class WeatherFile:
    """
    Weather of some stations on a common, regular grid of times.

    Attributes:
        source: Where it comes from, and under which licence, for people.
        time_s: Times of the records, Unix time, ascending by `cadence_s`, shape (times,). [s]
        station_id: Short names, shape (stations,).
        station_name: Long names, shape (stations,).
        lat_deg: Latitudes, shape (stations,); NaN if the file has none. [deg]
        lon_deg: Longitudes, shape (stations,). [deg]
        elev_m: Heights, shape (stations,); 0 where `elev_known` is false. [m]
        elev_known: Whether the file has the height, shape (stations,).
        is_synthetic: Whether the station was made up by `qres.densify`, shape (stations,).
        temp_degc: Air temperature, shape (times, stations). [degC]
        rh_pct: Relative humidity. [%]
        wind_m_s: Wind speed. [m/s]
        rain_mm: Rain since the beginning of the file, in whole tips of 0.2 mm; never falls.
            While a station's rain is missing, its gauge is taken to have counted nothing. [mm]
    """

    source: str
    time_s: NDArray[np.int64]
    station_id: tuple[str, ...]
    station_name: tuple[str, ...]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    elev_m: NDArray[np.float64]
    elev_known: NDArray[np.bool_]
    is_synthetic: NDArray[np.bool_]
    temp_degc: NDArray[np.float64]
    rh_pct: NDArray[np.float64]
    wind_m_s: NDArray[np.float64]
    rain_mm: NDArray[np.float64]

    @property
    def cadence_s(self) -> int:
        """Time between two records. [s]"""
        return int(self.time_s[1] - self.time_s[0])

    @property
    def n_stations(self) -> int:
        """Number of stations."""
        return len(self.station_id)

    def values(self) -> NDArray[np.float64]:
        """All values, shape (times, stations, channels of `channels.V1`)."""
        return np.stack([getattr(self, c.name) for c in V1], axis=2)

    def sample_at(self, t_s: float) -> NDArray[np.float64]:
        """
        What the stations last recorded at time *t_s*: the latest record at or before it.

        Args:
            t_s: Unix time. [s]

        Returns:
            Shape (stations, channels of `channels.V1`). NaN before the first record, and where
            the record is older than one cadence. Nothing is interpolated.
        """
        at = int(np.searchsorted(self.time_s, t_s, side="right")) - 1
        if at < 0 or t_s - self.time_s[at] > self.cadence_s:
            return np.full((self.n_stations, len(V1)), np.nan)
        return np.stack([getattr(self, c.name)[at] for c in V1], axis=1)

    def with_mean_wind(self, window_s: int = 600) -> WeatherFile:
        """
        The same with wind as the mean of the last *window_s*, as a weather service reports it.

        The mean is over the records later than `t - window_s` and not later than t; missing ones
        are left out, and the mean is missing only if all are. On a grid as coarse as the window
        this changes nothing.

        Source:
            WMO-No. 8 (2021), part I, 5.1.1: wind for synoptic use is a mean over 10 minutes.
        """
        n = max(1, window_s // self.cadence_s)
        if n == 1:
            return self
        present = ~np.isnan(self.wind_m_s)
        total = _trailing_sum(np.where(present, self.wind_m_s, 0.0), n)
        count = _trailing_sum(present.astype(np.float64), n)
        mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return replace(self, wind_m_s=mean)

    def subset(self, stations: Sequence[int] | NDArray[np.intp]) -> WeatherFile:
        """The same with only the stations of these indices, in this order."""
        pick = np.asarray(stations, dtype=np.intp)
        per_station = ("lat_deg", "lon_deg", "elev_m", "elev_known", "is_synthetic")
        return replace(
            self,
            station_id=tuple(self.station_id[i] for i in pick),
            station_name=tuple(self.station_name[i] for i in pick),
            **{name: getattr(self, name)[pick] for name in per_station},
            **{c.name: getattr(self, c.name)[:, pick] for c in V1},
        )


def load(path: Path | str) -> WeatherFile:
    """
    Read recorded weather.

    Args:
        path: A file of one of the layouts described above, told apart by name and content.

    Raises:
        WeatherFileError: The file is absent or is not laid out as described; the text says what
            is wrong and what was expected.
    """
    path = Path(path)
    name = path.name.lower()
    if not path.is_file():
        reason = "is a folder" if path.is_dir() else "not found"
        raise WeatherFileError(f"{path}: {reason}: a .npz or .csv of recorded weather is needed")
    if name.endswith((".csv", ".csv.gz")):
        return from_arrays(str(path), weather_csv.read(path))
    if not name.endswith(".npz"):
        raise WeatherFileError(f"{path}: unknown kind of file: must end in .npz, .csv or .csv.gz")
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError) as e:
        raise WeatherFileError(f"{path}: not a whole .npz file of plain arrays: {e}") from e
    return from_arrays(str(path), weather_pack.unpack(arrays))


def demo() -> WeatherFile:
    """
    The recorded weather that comes with this package.

    28 stations of the VLINDER network in Flanders, every 5 minutes, 1 to 15 September 2022. MIT
    licence, Copyright (c) 2023 Atmospheric Physics group Ghent University: see
    `data/vlinder_5min.txt`. Wind is as recorded; `with_mean_wind` makes the 10-minute mean of it.
    """
    with resources.as_file(resources.files("qres") / "data" / "vlinder_5min.npz") as path:
        return load(path)


def from_arrays(name: str, arrays: Mapping[str, NDArray[Any]]) -> WeatherFile:
    """
    Recorded weather out of arrays that are named and laid out as in the `.npz` files.

    Args:
        name: What to call the arrays in errors.
        arrays: The arrays; of variables one rain is needed: `rain` (mm per step), `rain1h` (mm in
            the hour) or `rain_total` (mm on a counter that may be reset).

    Raises:
        WeatherFileError: An array is missing or does not fit.
    """
    missing = [key for key in _ARRAYS if key not in arrays]
    if missing:
        raise WeatherFileError(
            f"{name}: has no {', '.join(missing)}: must have the arrays {', '.join(_ARRAYS)}"
        )
    time_s = _regular_time(name, arrays["time"])
    station_id = tuple(str(s) for s in arrays["station_id"])
    variables = [str(v) for v in arrays["variables"]]
    shape = (time_s.size, len(station_id), len(variables))
    if arrays["data"].shape != shape:
        raise WeatherFileError(
            f"{name}: data has shape {arrays['data'].shape}: must be {shape} for its"
            " time, station_id and variables"
        )
    for key in ("lat", "lon", "elev"):
        if arrays[key].shape != shape[1:2]:
            raise WeatherFileError(
                f"{name}: {key} has shape {arrays[key].shape}: must be ({shape[1]},), one per"
                " station"
            )
    data = np.asarray(arrays["data"], dtype=np.float64).round(4)
    columns = {v: data[:, :, i] for i, v in enumerate(variables)}
    elev_m = arrays["elev"].astype(np.float64)
    weather = WeatherFile(
        source=_source(name, arrays),
        time_s=time_s,
        station_id=station_id,
        station_name=tuple(str(s) for s in arrays.get("station_name", arrays["station_id"])),
        lat_deg=arrays["lat"].astype(np.float64),
        lon_deg=arrays["lon"].astype(np.float64),
        elev_m=np.nan_to_num(elev_m, nan=0.0),
        elev_known=~np.isnan(elev_m),
        is_synthetic=np.zeros(len(station_id), dtype=np.bool_),
        temp_degc=_column(name, columns, "t"),
        rh_pct=_humidity(name, columns),
        wind_m_s=_column(name, columns, "ws"),
        rain_mm=_rain(name, columns, int(time_s[1] - time_s[0])),
    )
    _refuse_impossible(name, weather)
    if "met_group" not in arrays:
        return weather
    # Sites that share one weather station are one series: keep the first of each group.
    _, first = np.unique(arrays["met_group"], return_index=True)
    return weather.subset(np.sort(first))


def rain_tips_mm(rain_step_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    What a tipping-bucket gauge has counted since the beginning.

    Args:
        rain_step_mm: Rain in each step, shape (times, ...). [mm] NaN counts as nothing.

    Returns:
        Whole tips of 0.2 mm, same shape. [mm] NaN where the argument is, but for the first
        record, which begins the count.

    >>> rain_tips_mm(np.array([np.nan, 0.1, 0.1, np.nan, 0.5])).tolist()
    [0.0, 0.0, 0.2, nan, 0.6]
    """
    total = np.cumsum(np.nan_to_num(rain_step_mm, nan=0.0), axis=0)
    tips = np.floor(total / RAIN_TIP_MM + 1e-6)  # sums of decimals fall short of a whole tip
    missing = np.isnan(rain_step_mm)
    missing[0] = False
    return np.where(missing, np.nan, np.round(tips * RAIN_TIP_MM, 1))


def rh_from_dewpoint(
    temp_degc: NDArray[np.float64], dewpoint_degc: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Relative humidity over water. [%] 0..100

    Args:
        temp_degc: Air temperature. [degC] NaN stays NaN.
        dewpoint_degc: Dew point, same shape. [degC]

    Source:
        Magnus form of Alduchov & Eskridge (1996), J. Appl. Meteorol. 35, 601-609, eq. 21.

    >>> round(float(rh_from_dewpoint(np.array(20.0), np.array(10.0))), 1)
    52.5
    """
    b, c = 17.625, 243.04
    log_ratio = b * dewpoint_degc / (c + dewpoint_degc) - b * temp_degc / (c + temp_degc)
    return np.minimum(100.0, 100.0 * np.exp(log_ratio))


def _regular_time(name: str, time: NDArray[Any]) -> NDArray[np.int64]:
    if time.ndim != 1 or time.size < 2 or not np.issubdtype(time.dtype, np.integer):
        raise WeatherFileError(
            f"{name}: time has shape {time.shape} and type {time.dtype}: must be at least 2 whole"
            " numbers, Unix time in seconds"
        )
    time_s = time.astype(np.int64)
    steps = np.diff(time_s)
    if steps[0] <= 0 or (steps != steps[0]).any():
        at = int(np.argmax(steps != steps[0])) if steps[0] > 0 else 0
        raise WeatherFileError(
            f"{name}: time[{at + 1}] = {time_s[at + 1]}: must be {steps[0]} s (above 0) after"
            f" time[{at}], as between the first two: the grid must be regular"
        )
    return time_s


def _source(name: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    if "meta" not in arrays:
        return name
    try:
        meta = json.loads(str(arrays["meta"]))
    except json.JSONDecodeError as e:
        raise WeatherFileError(f"{name}: meta is not JSON: {e}") from e
    return f"{meta.get('source', name)}; licence: {meta.get('licence', 'not stated')}"


def _column(
    name: str, columns: Mapping[str, NDArray[np.float64]], variable: str
) -> NDArray[np.float64]:
    if variable not in columns:
        raise WeatherFileError(
            f"{name}: variables are {', '.join(columns)}: must have t; rh or td; ws; and rain,"
            " rain1h or rain_total"
        )
    return columns[variable]


def _humidity(name: str, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    if "td" in columns and "rh" not in columns:
        return rh_from_dewpoint(_column(name, columns, "t"), columns["td"])
    return _column(name, columns, "rh")


def _rain(
    name: str, columns: Mapping[str, NDArray[np.float64]], cadence_s: int
) -> NDArray[np.float64]:
    if "rain_total" in columns:
        return rain_tips_mm(_steps_of_counter(columns["rain_total"]))
    if "rain" in columns:
        return rain_tips_mm(columns["rain"])
    rain = _column(name, columns, "rain1h")
    if cadence_s != HOUR_S:
        raise WeatherFileError(
            f"{name}: rain1h on a grid of {cadence_s} s: must be {HOUR_S} s, for a running hourly"
            " total cannot be taken apart on another grid; give rain (mm per step)"
        )
    return rain_tips_mm(rain)


def _steps_of_counter(total_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rain per step from a counter, shape (times, stations); a fall in it is a reset to zero."""
    steps = np.full_like(total_mm, np.nan)
    last = np.full(total_mm.shape[1], np.nan)
    for k, now in enumerate(total_mm):
        rise = now - last
        steps[k] = np.where(np.isnan(last), now * 0.0, np.where(rise >= 0, rise, now))
        last = np.where(np.isnan(now), last, now)
    return steps


def _refuse_impossible(name: str, weather: WeatherFile) -> None:
    for c in V1:
        values = getattr(weather, c.name)
        bad = np.argwhere(c.out_of_range(values))
        if bad.size:
            t, s = bad[0]
            raise WeatherFileError(
                f"{name}: {c.name} of station {weather.station_id[s]} at time"
                f" {weather.time_s[t]} = {values[t, s]:g}: must be {c.lower:g}..{c.upper:g}"
                f" {c.unit}, or NaN where it is missing"
            )


def _trailing_sum(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Sum of the last *n* rows up to each row; of fewer at the beginning."""
    out = values.copy()
    for lag in range(1, n):
        out[lag:] += values[:-lag]
    return out
