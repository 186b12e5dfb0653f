# SPDX-License-Identifier: Apache-2.0
"""A site for recorded weather: its stations become nodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import site_channels
from qres.errors import RangeError, WeatherFileError
from qres.site import N_NODES_MAX, Site, SiteNode
from qres.tolerance import Tolerance

if TYPE_CHECKING:
    from qres.weather_file import WeatherFile

__all__ = ["DEMO_KEY", "VIRTUAL_FIELD_ID", "default_epoch_s", "site_for"]

DEMO_KEY: Final = bytes.fromhex("51524553 64656d6f 206b6579 20303031")
"""Key of virtual fields. It is public, so it protects nothing; no real field may use it."""

VIRTUAL_FIELD_ID: Final = 0x51_52_45_53
"""The id of every field of virtual nodes ("QRES"), by which it is told from one of real nodes."""

_EPOCH_LEAST_S: Final = 600
_EPOCH_MOST_S: Final = 3600


def default_epoch_s(weather: WeatherFile) -> int:
    """Epoch that suits a record: its cadence, but 10 minutes at least and an hour at most. [s]"""
    return min(max(weather.cadence_s, _EPOCH_LEAST_S), _EPOCH_MOST_S)


def site_for(
    weather: WeatherFile,
    *,
    name: str = "virtual field",
    tolerance: str = "standard",
    epoch_s: int | None = None,
    sf: int = 9,
    echo: bool = False,
    follow: bool = False,
    battery: bool = False,
    key_file: Path = Path("field.key"),
) -> Site:
    """
    A site whose nodes stand where the stations of *weather* stand.

    Args:
        weather: Recorded weather with positions.
        name: Name of the field.
        tolerance: Tolerance class.
        epoch_s: Epoch; None for `default_epoch_s`. [s]
        sf: Spreading factor on EU868's 10 % sub-band, 125 kHz. 7..12
        echo: Whether reports repeat older ones (SPEC 6.5).
        follow: Whether the tolerance follows the danger (SPEC 6.2).
        battery: Whether nodes report their battery's voltage, which is simulated.
        key_file: Where the key is, if anybody needs it as a file.

    Raises:
        RangeError: More stations than a field has room for.
        WeatherFileError: Stations without position.
    """
    if weather.n_stations > N_NODES_MAX:
        raise RangeError("nodes", weather.n_stations, f"must be at most {N_NODES_MAX}")
    if np.isnan(weather.lat_deg).any() or np.isnan(weather.lon_deg).any():
        raise WeatherFileError(f"{weather.source}: some stations have no position")
    nodes = tuple(
        SiteNode(i, weather.station_name[i] or weather.station_id[i], lat, lon, elev)
        for i, (lat, lon, elev) in enumerate(
            zip(
                weather.lat_deg.tolist(),
                weather.lon_deg.tolist(),
                weather.elev_m.tolist(),
                strict=True,
            )
        )
    )
    return Site(
        name=name,
        field_id=VIRTUAL_FIELD_ID,
        region="EU868",
        freq_hz=869_525_000,
        sf=sf,
        bw_hz=125_000,
        cr="4/5",
        preamble_symbols=8,
        tx_power_dbm=14,
        epoch_s=default_epoch_s(weather) if epoch_s is None else epoch_s,
        range_m=20_000,
        tolerance=Tolerance.of(tolerance, channels=site_channels(battery=battery)),
        nodes=nodes,
        key_file=key_file,
        echo=echo,
        follow=follow,
        battery=battery,
    )
