# SPDX-License-Identifier: Apache-2.0
"""
More stations than were recorded: synthetic ones between the real ones, from a seed.

A synthetic station's temperature, humidity and wind are the field's mean at the time, plus the
kriged anomalies of the real stations, plus noise that is correlated in time, in space and between
the three as the real anomalies are. Its rain falls as at one of the nearest real stations, drawn
anew every hour.

Use it to load a field with many nodes. Do not prove a saving of bandwidth with it: the noise is
drawn from the same kind of covariance that a kriging predictor assumes, which flatters one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import channel
from qres.errors import RangeError
from qres.geo import farthest_point_order, local_xy_m
from qres.weather_file import WeatherFile, rain_tips_mm

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["densify"]

LENGTH_M: Final = 20_000.0
"""Distance over which anomalies decorrelate: the best single value on three networks. [m]"""

SHARED: Final = 0.6
"""Share of the anomalies' variance that neighbours have in common; the rest is the station's."""

_NOISY: Final = ("temp_degc", "rh_pct", "wind_m_s")
_DECIMALS: Final = {"temp_degc": 1, "rh_pct": 0, "wind_m_s": 2}  # as stations record them
_HOUR_S: Final = 3600
_NEIGHBOURS: Final = 3


def densify(weather: WeatherFile, n_nodes: int, seed: int) -> WeatherFile:
    """
    *weather* with exactly *n_nodes* stations.

    Args:
        weather: Recorded weather; for more stations than it has, with at least two positions.
        n_nodes: How many stations are wanted, 1 or more.
        seed: The same seed gives the same stations. It plays no part in taking fewer.

    Returns:
        With fewer stations: those that cover the field best, in farthest-point order. With more:
        the real ones first, then synthetic ones, marked in `is_synthetic`, inside the area of the
        real ones.

    Raises:
        RangeError: *n_nodes* is below 1, or more stations are wanted and positions are missing.
    """
    if n_nodes < 1:
        raise RangeError("n_nodes", n_nodes, "must be 1 or more")
    n_real = weather.n_stations
    located = not (np.isnan(weather.lat_deg).any() or np.isnan(weather.lon_deg).any())
    if n_nodes <= n_real:
        if not located:
            return weather.subset(np.arange(n_nodes))
        x, y = local_xy_m(weather.lat_deg, weather.lon_deg)
        return weather.subset(farthest_point_order(x, y, range(n_real))[:n_nodes])
    if not located or n_real < 2:
        raise RangeError("n_nodes", n_nodes, f"must be at most {n_real}: needs 2 known positions")
    rng = np.random.default_rng(seed)
    n_new = n_nodes - n_real
    weights = _places(weather, n_new, rng)
    unwrapped = _unwrapped(weather.lon_deg)
    lon = (weights @ unwrapped + 180.0) % 360.0 - 180.0
    lat = weights @ weather.lat_deg
    x, y = local_xy_m(np.append(weather.lat_deg, lat), np.append(weather.lon_deg, lon))
    made = _anomalies(weather, np.stack([x, y], axis=1).astype(np.float64), rng)
    made["rain_mm"] = _rain(weather, weights, rng)
    ids = tuple(f"syn{k:03d}" for k in range(n_new))
    return replace(
        weather,
        source=f"{weather.source}; {n_new} synthetic stations, seed {seed}",
        station_id=weather.station_id + ids,
        station_name=weather.station_name + tuple(f"synthetic {k}" for k in range(n_new)),
        lat_deg=np.append(weather.lat_deg, np.round(lat, 6)),
        lon_deg=np.append(weather.lon_deg, np.round(lon, 6)),
        elev_m=np.append(weather.elev_m, np.round(weights @ weather.elev_m, 0)),
        elev_known=np.append(weather.elev_known, np.zeros(n_new, dtype=np.bool_)),
        is_synthetic=np.append(weather.is_synthetic, np.ones(n_new, dtype=np.bool_)),
        **{name: np.hstack([getattr(weather, name), values]) for name, values in made.items()},
    )


def _unwrapped(lon_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitudes without a jump at the date line, counted from the first."""
    return np.asarray(lon_deg[0] + (lon_deg - lon_deg[0] + 180.0) % 360.0 - 180.0)


def _places(weather: WeatherFile, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """
    Where synthetic stations are, as weights of the real ones, shape (n, stations).

    Each is a random point of the triangle of a real station and its two nearest neighbours, so it
    is where the network is.
    """
    x, y = local_xy_m(weather.lat_deg, weather.lon_deg)
    apart = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    k = min(_NEIGHBOURS, weather.n_stations)
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :k]
    weights = np.zeros((n, weather.n_stations))
    for row, share in zip(weights, rng.dirichlet(np.ones(k), size=n), strict=True):
        row[nearest[rng.integers(weather.n_stations)]] = share
    return weights


def _anomalies(
    weather: WeatherFile, at_m: NDArray[np.float64], rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """
    The synthetic stations' series of the noisy channels, each of shape (times, new).

    Args:
        weather: The real stations.
        at_m: Positions of the real, then of the synthetic stations, shape (stations + new, 2).
        rng: Source of the noise.
    """
    n_real = weather.n_stations
    recorded = np.stack([getattr(weather, name) for name in _NOISY])  # channel, time, station
    present = ~np.isnan(recorded)
    count = present.sum(axis=2, keepdims=True)
    total = np.where(present, recorded, 0.0).sum(axis=2, keepdims=True)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    anomaly = np.where(present, recorded - mean, 0.0)

    distance = np.linalg.norm(at_m[:, None, :] - at_m[None, :, :], axis=2)
    kernel = SHARED * np.exp(-distance / LENGTH_M) + (1 - SHARED) * np.eye(len(at_m))
    gain = np.linalg.solve(kernel[:n_real, :n_real], kernel[:n_real, n_real:])
    left = kernel[n_real:, n_real:] - kernel[n_real:, :n_real] @ gain

    between = np.cov(anomaly.reshape(len(_NOISY), -1)) + 1e-9 * np.eye(len(_NOISY))
    drawn = rng.standard_normal((len(_NOISY), anomaly.shape[1] * left.shape[0]))
    noise = (np.linalg.cholesky(between) @ drawn).reshape(len(_NOISY), -1, left.shape[0])
    noise = _red(noise, _persistence(anomaly)) @ np.linalg.cholesky(left).T

    made = mean + anomaly @ gain + noise
    limits = {name: (channel(name).lower, channel(name).upper) for name in _NOISY}
    return {
        name: np.round(np.clip(values, *limits[name]), _DECIMALS[name])
        for name, values in zip(_NOISY, made, strict=True)
    }


def _persistence(anomaly: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of each channel's anomalies with themselves a step later, shape (channels,)."""
    power = (anomaly * anomaly).mean(axis=(1, 2))
    lagged = (anomaly[:, 1:] * anomaly[:, :-1]).mean(axis=(1, 2))
    ratio = np.divide(lagged, power, out=np.zeros_like(power), where=power > 0)
    return np.asarray(np.clip(ratio, 0.0, 0.999))


def _red(noise: NDArray[np.float64], persistence: NDArray[np.float64]) -> NDArray[np.float64]:
    """White noise (channels, times, new) made first-order autoregressive, variance kept."""
    phi = persistence[:, None]
    noise[:, 1:] *= np.sqrt(1 - phi[:, None] ** 2)
    for t in range(1, noise.shape[1]):
        noise[:, t] += phi * noise[:, t - 1]
    return noise


def _rain(
    weather: WeatherFile, weights: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """The synthetic gauges, shape (times, new): each hour as at one station of the triangle."""
    steps = np.diff(weather.rain_mm, axis=0, prepend=weather.rain_mm[:1])
    hour = (weather.time_s - weather.time_s[0]) // _HOUR_S
    made = np.empty((steps.shape[0], len(weights)))
    for k, share in enumerate(weights):
        like = rng.choice(weather.n_stations, size=int(hour[-1]) + 1, p=share)
        made[:, k] = steps[np.arange(steps.shape[0]), like[hour]]
    return rain_tips_mm(made)
