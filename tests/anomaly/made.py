# SPDX-License-Identifier: Apache-2.0
"""Weather made up for tests: regular days at a few stations."""

from __future__ import annotations

import numpy as np

from qres.weather_file import WeatherFile

DAY_S = 86400


def weather(
    days: int, stations: int = 6, *, cadence_s: int = 3600, noise: float = 0.0, seed: int = 1
) -> WeatherFile:
    """The same sunny day over and over, with noise [degC; times 4 for RH in %] if asked for."""
    n = days * DAY_S // cadence_s
    time_s = 1_656_633_600 + cadence_s * np.arange(n, dtype=np.int64)  # 2022-07-01 UTC
    sun = np.sin(2.0 * np.pi * time_s / DAY_S - np.pi / 2.0)[:, None]
    rng = np.random.default_rng(seed)
    shape = (n, stations)
    temp = 18.0 + 6.0 * sun + noise * rng.normal(size=shape)
    rh = 60.0 - 20.0 * sun + 4.0 * noise * rng.normal(size=shape)
    names = tuple(f"s{i}" for i in range(stations))
    places = 0.03 * np.arange(stations, dtype=np.float64)
    return WeatherFile(
        source="made up",
        time_s=time_s,
        station_id=names,
        station_name=names,
        lat_deg=50.0 + places,
        lon_deg=4.0 + places % 0.06,
        elev_m=np.zeros(stations),
        elev_known=np.ones(stations, dtype=np.bool_),
        is_synthetic=np.zeros(stations, dtype=np.bool_),
        temp_degc=np.broadcast_to(temp, shape).copy(),
        rh_pct=np.clip(np.broadcast_to(rh, shape), 1.0, 100.0).copy(),
        wind_m_s=np.full(shape, 3.0),
        rain_mm=np.zeros(shape),
    )
