# SPDX-License-Identifier: Apache-2.0
"""Make a new field: its site file and its key."""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qres.atomic_file import write_atomic
from qres.channels import site_channels
from qres.errors import KeyFileError, QresError, RangeError, SiteError
from qres.geo import EARTH_RADIUS_M
from qres.keys import new_key, read_key_file, write_key_file
from qres.region import region, regions
from qres.site import N_NODES_MAX, Site, SiteNode, site_to_toml
from qres.site_check import parse_site
from qres.tolerance import Tolerance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qres.site_check import Problem
    from qres.weather_file import WeatherFile

__all__ = [
    "new_site",
    "nodes_from_csv",
    "nodes_from_weather",
    "placeholder_nodes",
    "write_site",
]

KEY_NAME: Final = "site.key"
SITE_NAME: Final = "site.toml"
SPACING_M: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class _Channel:
    """A legal single channel to start from."""

    freq_hz: int
    bw_hz: int
    sf: int
    tx_power_dbm: int


# EU868: sub-band P, the only one with 10 % duty cycle. US915, AU915: a single channel is legal only
# as digital modulation of 500 kHz (47 CFR 15.247(a)(2)); SF11 at 500 kHz has the symbol time of SF9
# at 125 kHz; 917.5 MHz lies between LoRaWAN's US uplinks (to 914.9) and downlinks (from 923.3).
_CHANNELS: Final = {
    "EU868": _Channel(freq_hz=869_525_000, bw_hz=125_000, sf=9, tx_power_dbm=14),
    "US915": _Channel(freq_hz=917_500_000, bw_hz=500_000, sf=11, tx_power_dbm=20),
    "AU915": _Channel(freq_hz=917_500_000, bw_hz=500_000, sf=11, tx_power_dbm=20),
}

_ALIASES: Final = {
    "id": ("id", "node", "node_id"),
    "name": ("name", "station", "station_name"),
    "lat": ("lat_deg", "lat", "latitude"),
    "lon": ("lon_deg", "lon", "lng", "long", "longitude"),
    "elev": ("elev_m", "elev", "elevation", "alt", "altitude"),
}


def new_site(
    *,
    name: str,
    region_name: str,
    nodes: Sequence[SiteNode],
    folder: Path,
    tolerance: str = "standard",
    epoch_s: int = 600,
    battery: bool = False,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Site:
    """
    A site with a random field id and a legal channel of its region.

    Args:
        name: Name of the field.
        region_name: "EU868", "US915" or "AU915".
        nodes: The nodes.
        folder: Where the site file and the key file are going to be.
        tolerance: Tolerance class.
        epoch_s: Length of an epoch. [s]
        battery: Whether nodes report their battery's voltage.
        random_bytes: Source of randomness.

    Raises:
        RangeError: The region is unknown or its law could not be established, or the tolerance
            class is unknown.
    """
    channel = _CHANNELS.get(region_name)
    if channel is None:
        usable = f"must be one of {', '.join(_CHANNELS)}"
        if region_name in [r.name for r in regions()]:
            raise RangeError("region", region_name, f"{region(region_name).unsupported}; {usable}")
        raise RangeError("region", region_name, usable)
    return Site(
        name=name,
        field_id=int.from_bytes(random_bytes(4), "little") or 1,
        region=region_name,
        freq_hz=channel.freq_hz,
        sf=channel.sf,
        bw_hz=channel.bw_hz,
        cr="4/5",
        preamble_symbols=8,
        tx_power_dbm=channel.tx_power_dbm,
        epoch_s=epoch_s,
        range_m=20_000,
        tolerance=Tolerance.of(tolerance, channels=site_channels(battery=battery)),
        nodes=tuple(sorted(nodes, key=lambda n: n.id)),
        key_file=folder / KEY_NAME,
        battery=battery,
    )


def write_site(
    site: Site, *, replace: bool = False, keep_key: bool = False, key: bytes | None = None
) -> tuple[Path, list[Problem]]:
    """
    Write the site file of *site* and, unless it is kept, a fresh key beside it.

    The key comes first: a site file that is there always has its key. If the site file cannot be
    written after it, the key is put back as it was.

    Args:
        site: The site; both files go to the folder of its key file, which is made if needed.
        replace: Whether files that exist may be replaced.
        keep_key: Whether the key that is there stays.
        key: The key to write; None for a fresh one.

    Returns:
        Path of the site file, and what should be looked at in it: warnings.

    Raises:
        SiteError: The site breaks a rule; nothing has been written.
        KeyFileError: A key is there and may not be replaced, or none is there to be kept.
        QresError: A site file is there and may not be replaced.
        OSError: The folder cannot be written.
    """
    folder = site.key_file.parent
    path = folder / SITE_NAME
    text = site_to_toml(site, path)
    parsed, problems = parse_site(path, text)
    if parsed is None:
        raise SiteError([p for p in problems if p.is_error])
    if not replace and os.path.lexists(path):
        raise QresError(f"{path}: exists already; --force replaces it")
    key_file = site.key_file
    old_key = key_file.read_bytes() if os.path.lexists(key_file) else None
    if keep_key:
        read_key_file(key_file)
    elif old_key is not None and not replace:
        reason = "exists already; --keep-key keeps it, --force makes a new one in its place"
        raise KeyFileError(key_file, reason)
    folder.mkdir(parents=True, exist_ok=True)
    if not keep_key:
        write_key_file(key_file, new_key() if key is None else key, replace=replace)
    try:
        write_atomic(path, text.encode("utf-8"), replace=replace)
    except BaseException:
        if old_key is None:
            key_file.unlink(missing_ok=True)
        else:
            write_atomic(key_file, old_key, mode=0o600, replace=True)
        raise
    return path, problems


def placeholder_nodes(n: int, lat_deg: float = 0.0, lon_deg: float = 0.0) -> list[SiteNode]:
    """
    *n* nodes on a square grid, 1 km apart, to be replaced by surveyed positions.

    Args:
        n: How many. 1..128
        lat_deg: Centre of the grid. [deg] -80..80
        lon_deg: Centre of the grid. [deg] -180..180

    Raises:
        RangeError: An argument is outside its limits.
    """
    if not 1 <= n <= N_NODES_MAX:
        raise RangeError("nodes", n, f"must be 1..{N_NODES_MAX}")
    if not -80 <= lat_deg <= 80:
        raise RangeError("lat", lat_deg, "must be -80..80 degrees north")
    if not -180 <= lon_deg <= 180:
        raise RangeError("lon", lon_deg, "must be -180..180 degrees east")
    side = math.isqrt(n - 1) + 1
    step_deg = math.degrees(SPACING_M / EARTH_RADIUS_M)
    nodes = []
    for i in range(n):
        row, column = divmod(i, side)
        north = (row - (side - 1) / 2) * step_deg
        east = (column - (side - 1) / 2) * step_deg / math.cos(math.radians(lat_deg))
        lon = (lon_deg + east + 180.0) % 360.0 - 180.0
        nodes.append(SiteNode(i, f"node {i}", round(lat_deg + north, 6), round(lon, 6)))
    return nodes


def nodes_from_weather(weather: WeatherFile) -> list[SiteNode]:
    """
    One node per station of recorded weather, in its order.

    Raises:
        RangeError: There are more stations than a field has nodes, or positions are missing.
    """
    if not 1 <= weather.n_stations <= N_NODES_MAX:
        raise RangeError("stations", weather.n_stations, f"must be 1..{N_NODES_MAX}")
    nodes = []
    for i, name in enumerate(weather.station_name):
        lat, lon = float(weather.lat_deg[i]), float(weather.lon_deg[i])
        if math.isnan(lat) or math.isnan(lon):
            raise RangeError("position of station", name, "must be known; the file has none")
        nodes.append(SiteNode(i, name[:32], lat, lon, float(weather.elev_m[i])))
    return nodes


def nodes_from_csv(path: Path) -> list[SiteNode]:
    """
    Nodes from a table of stations with a header line.

    Columns: `lat`, `lon`; optional `id` (0..127, else counted from 0), `name`, `elev`; the usual
    longer names (`latitude`, `lon_deg`, `elevation`...) are understood, further columns ignored.
    Separated by comma, semicolon or tab.

    Raises:
        QresError: The file is absent, has no such columns, or a cell is no number; the text names
            file, line, column and value. Limits are the site check's matter.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(file)
    except (OSError, UnicodeDecodeError) as e:
        raise QresError(f"{path}: cannot be read as a table in UTF-8: {e}") from e
    header = lines[0] if lines else ""
    delimiter = max(",;\t", key=header.count)
    names = [h.strip().strip('"').lower() for h in header.split(delimiter)]
    columns = {
        key: next((names.index(a) for a in aliases if a in names), None)
        for key, aliases in _ALIASES.items()
    }
    if columns["lat"] is None or columns["lon"] is None:
        raise QresError(f"{path}:1: columns are {', '.join(names)}: must have lat and lon")
    nodes: list[SiteNode] = []
    for line, cells in enumerate(csv.reader(lines[1:], delimiter=delimiter), start=2):
        if any(c.strip() for c in cells):
            row = {
                k: cells[c].strip() for k, c in columns.items() if c is not None and c < len(cells)
            }
            nodes.append(_node_from_row(path, line, row, len(nodes)))
    return nodes


def _node_from_row(path: Path, line: int, row: dict[str, str], count: int) -> SiteNode:
    try:
        node_id = int(row.get("id") or count)
        lat, lon = float(row.get("lat", "")), float(row.get("lon", ""))
        elev = float(row.get("elev") or 0.0)
    except ValueError as e:
        raise QresError(f"{path}:{line}: id, lat, lon and elev must be numbers: {e}") from e
    return SiteNode(node_id, (row.get("name") or f"node {node_id}")[:32], lat, lon, elev)
