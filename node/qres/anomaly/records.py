# SPDX-License-Identifier: Apache-2.0
"""The recorded weather that the anomaly score is evaluated on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from qres import weather_file

if TYPE_CHECKING:
    from pathlib import Path

    from qres.weather_file import WeatherFile

__all__ = ["LONG_DAYS", "Record", "identical", "load", "locate", "never_identical"]

LONG_DAYS: Final = 300
"""A record of so many days has seasons: years, dry spells, drift and loss are evaluated on it."""

_IDENTICAL: Final = 0.1  # share of equal (T, RH) pairs above which two stations are one
_FILES: Final = ("beijing_prsa_hourly.npz", "taiwan_dense100_hourly.npz")

# Degrees of the air-quality sites of Beijing's network, to 0.01; the file has none. The weather is
# that of the nearest weather station, some km away, so finer would mean nothing.
_BEIJING: Final = {
    "Aotizhongxin": (39.98, 116.40),
    "Changping": (40.22, 116.23),
    "Dongsi": (39.93, 116.42),
    "Gucheng": (39.91, 116.18),
    "Huairou": (40.33, 116.63),
    "Shunyi": (40.13, 116.66),
    "Wanliu": (39.99, 116.29),
    "Wanshouxigong": (39.88, 116.35),
}


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """
    Recorded weather, ready for a field.

    Attributes:
        name: Short name.
        weather: The stations that are used; they have positions, and no two are the same.
        left_out: Stations of the file that are identical to others for part of the time.
    """

    name: str
    weather: WeatherFile
    left_out: tuple[str, ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether it has seasons."""
        w = self.weather
        return int(w.time_s[-1] - w.time_s[0]) >= LONG_DAYS * 86400

    @property
    def offset_h(self) -> int:
        """Hours that mean solar time is ahead of UTC, rounded."""
        return round(float(np.mean(self.weather.lon_deg)) / 15.0)


def identical(weather: WeatherFile) -> list[tuple[str, str, float]]:
    """Pairs of stations with the same temperature and humidity for a tenth of the time or more."""
    pairs = []
    for i in range(weather.n_stations):
        for j in range(i):
            same = (weather.temp_degc[:, i] == weather.temp_degc[:, j]) & (
                weather.rh_pct[:, i] == weather.rh_pct[:, j]
            )
            share = float(same.mean())
            if share >= _IDENTICAL:
                pairs.append((weather.station_id[j], weather.station_id[i], round(share, 3)))
    return pairs


def never_identical(weather: WeatherFile) -> tuple[WeatherFile, tuple[str, ...]]:
    """The same without the stations of `identical` pairs, the most paired first; and those."""
    out: list[str] = []
    while pairs := identical(weather):
        names = [name for a, b, _ in pairs for name in (a, b)]
        worst = max(sorted(set(names)), key=names.count)
        out.append(worst)
        keep = [k for k, name in enumerate(weather.station_id) if name != worst]
        weather = weather.subset(keep)
    return weather, tuple(out)


def load(path: Path) -> Record:
    """
    One record. Stations without position get those of Beijing's network by name.

    Raises:
        WeatherFileError: As `qres.weather_file.load`.
    """
    weather = weather_file.load(path).with_mean_wind()
    if np.isnan(weather.lat_deg).any() and set(weather.station_id) <= set(_BEIJING):
        at = np.array([_BEIJING[name] for name in weather.station_id])
        weather = replace(weather, lat_deg=at[:, 0], lon_deg=at[:, 1])
    weather, left_out = never_identical(weather)
    return Record(path.name.partition("_")[0], weather, left_out)


def locate(folder: Path | None) -> tuple[list[Record], list[str]]:
    """
    The demo's record and those of *folder*.

    Returns:
        The records, and the names of files that are absent.
    """
    absent = [name for name in _FILES if folder is None or not (folder / name).is_file()]
    present = [load(folder / n) for n in _FILES if folder is not None and n not in absent]
    demo = Record("vlinder", weather_file.demo().with_mean_wind())
    return [*present, demo], absent
