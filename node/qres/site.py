# SPDX-License-Identifier: Apache-2.0
"""
The site file: one field's name, radio, clock, tolerance and nodes.

`site.toml` is the single source for nodes, gateway and dashboards. `load_site` reads it,
`site_to_toml` writes it, `qres.site_check.check_site` says in plain words what is wrong with it.
What follows from it (coordinates, phases, slots) is computed here in integers, so that everybody
who holds the same file agrees.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.airtime import time_on_air_us
from qres.channels import Channel, site_channels
from qres.errors import RangeError, SiteError
from qres.geo import farthest_point_order, local_xy_m
from qres.tolerance import Tolerance

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BUDGET_BYTES_H",
    "N_NODES_MAX",
    "N_PHASES",
    "N_RELAYS_MAX",
    "Site",
    "SiteNode",
    "load_site",
    "phases",
    "site_to_toml",
    "slot_ranks",
    "xyz_m",
]

N_NODES_MAX: Final = 128
"""Most nodes in one field; bounded by the RAM of a node. Ids are below it."""

N_RELAYS_MAX: Final = 8
"""Most relays in one field: each lengthens every phase by two slots."""

N_PHASES: Final = 4
"""Phases in an epoch."""

FRAME_MAX_BYTES: Final = 51
"""Longest frame on air, SPEC 6.4: fits the slowest data rate that any region allows."""

_ECHO_BYTES: Final = 3  # SPEC 6.5, three primaries
_GUARD_US: Final = 200_000  # SPEC 3, like the three below
_LEAD_US: Final = 500_000
_GRAIN_US: Final = 10_000


@dataclass(frozen=True, slots=True)
class SiteNode:
    """
    One node of a field.

    Attributes:
        id: Number on air, 0..127, unique in the field.
        name: Name for people.
        lat_deg: Latitude, WGS 84. [deg] -90..90
        lon_deg: Longitude, WGS 84. [deg] -180..180
        elev_m: Height above sea level. [m]
    """

    id: int
    name: str
    lat_deg: float
    lon_deg: float
    elev_m: float = 0.0


BUDGET_BYTES_H: Final = 1024
"""The promise that README makes: 1 KB an hour for a whole field. [B/h]"""

WIND_HEIGHT_M: Final = 2.0
"""Where an anemometer stands on a pole that one person can put up. [m]"""


@dataclass(frozen=True, slots=True)
class Site:
    """
    One field, as its `site.toml` says.

    Attributes:
        name: Name for people.
        field_id: Number of the field, part of every nonce. 1..4294967295
        region: Name of a radio region, e.g. "EU868".
        freq_hz: Centre frequency of the field's one channel. [Hz]
        sf: LoRa spreading factor. 7..12
        bw_hz: LoRa bandwidth. [Hz]
        cr: LoRa coding rate, "4/5".."4/8".
        preamble_symbols: Length of the preamble. [symbols]
        tx_power_dbm: Power at the radio chip's output. [dBm]
        epoch_s: Time between two samples of a node. [s] 300..3600, divides a day
        range_m: Distance over which surprises decorrelate. [m] 1000..1000000
        tolerance: Greatest error that stays silent.
        nodes: The nodes, in the order of their ids: row i of every array of values is nodes[i].
        key_file: Where the field key is.
        echo: Whether every report repeats an older one, for links that lose frames (SPEC 6.5).
        follow: Whether the tolerance follows the danger: twice as wide while the field is calm,
            5/8 of it when it is red (SPEC 6.2).
        relays: Ids of the nodes that repeat what they hear, in order of their slots (SPEC 6.6): for
            fields whose nodes do not all hear each other.
        battery: Whether nodes report their battery's voltage, as channel 4 on air. The tolerance
            must be of the same channels.
        budget_bytes_h: What the whole field may put on air in an hour. [B/h] Nodes do not know it:
            it is what the gateway compares with.
        wind_height_m: Height of the anemometers. [m] 1..30; the gateway brings wind to 10 m with
            it for the daily indices. Nodes use wind as it is.

    Raises:
        RangeError: The tolerance is not of the site's channels; or relays are too many, occur
            twice, or are no nodes.
    """

    name: str
    field_id: int
    region: str
    freq_hz: int
    sf: int
    bw_hz: int
    cr: str
    preamble_symbols: int
    tx_power_dbm: int
    epoch_s: int
    range_m: int
    tolerance: Tolerance
    nodes: tuple[SiteNode, ...]
    key_file: Path
    echo: bool = False
    follow: bool = False
    relays: tuple[int, ...] = ()
    battery: bool = False
    budget_bytes_h: int = BUDGET_BYTES_H
    wind_height_m: float = WIND_HEIGHT_M

    def __post_init__(self) -> None:
        if self.tolerance.channels != self.channels:
            names = ", ".join(c.name for c in self.tolerance.channels)
            wanted = ", ".join(c.name for c in self.channels)
            raise RangeError("tolerance of", names, f"must be of the site's channels {wanted}")
        if len(self.relays) > N_RELAYS_MAX or len(set(self.relays)) < len(self.relays):
            raise RangeError("relays", self.relays, f"at most {N_RELAYS_MAX}, all different")
        unknown = [i for i in self.relays if i not in self.ids]
        if unknown:
            raise RangeError("relays", self.relays, f"the site has no node {unknown[0]}")

    @property
    def channels(self) -> tuple[Channel, ...]:
        """
        What the nodes of this site report.

        A channel's place here is its number on air, and its column in every array of values.
        """
        return site_channels(battery=self.battery)

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the nodes, ascending."""
        return tuple(n.id for n in self.nodes)

    @property
    def phase_us(self) -> int:
        """Length of a phase. [us]"""
        return self.epoch_s * 1_000_000 // N_PHASES

    @property
    def phase_members_max(self) -> int:
        """Nodes in the fullest phase: they are dealt round-robin."""
        return -(-len(self.nodes) // N_PHASES)

    @property
    def slot_us(self) -> int:
        """Length of an origin slot, SPEC 3: the longest report and a guard. [us]"""
        report = 4 + max(5, -(-(1 + 18 * len(self.channels)) // 8))  # SPEC 6.1, three primaries
        return self._slot_for_us(report + (_ECHO_BYTES if self.echo else 0))

    @property
    def common_us(self) -> int:
        """Length of the common slot, SPEC 3: the longest frame and a guard. [us]"""
        return self._slot_for_us(FRAME_MAX_BYTES)

    @property
    def commit_us(self) -> int:
        """From the start of a phase to its commit, SPEC 3; must be less than `phase_us`. [us]"""
        origin_us = self.phase_members_max * self.slot_us
        return _LEAD_US + origin_us + self._common_slots * self.common_us

    @property
    def phase_room(self) -> int:
        """How many members a phase could have at most, by time. [1]"""
        after_us = self._common_slots * self.common_us
        return max(0, (self.phase_us - 1 - _LEAD_US - after_us) // self.slot_us)

    @property
    def _common_slots(self) -> int:
        """Slots of a phase that take any frame: the common one and those of the relays."""
        return 1 + 2 * len(self.relays)

    def _slot_for_us(self, frame_bytes: int) -> int:
        return -(-(self.airtime_us(frame_bytes) + _GUARD_US) // _GRAIN_US) * _GRAIN_US

    def airtime_us(self, payload_bytes: int) -> int:
        """Time on air of a frame of *payload_bytes* on this field's channel. [us]"""
        return time_on_air_us(
            self.sf,
            self.bw_hz,
            payload_bytes,
            preamble_symbols=self.preamble_symbols,
            cr=int(self.cr[-1]) - 4,
        )


def load_site(path: Path) -> Site:
    """
    Read a site file.

    Args:
        path: The `site.toml`. A relative `key_file` in it counts from its folder; the key itself
            is not read.

    Raises:
        SiteError: The file is absent or has errors; the text has one line per error, each with
            file, line, key, value and limit.
    """
    from qres.site_check import parse_site  # noqa: PLC0415  it needs Site, so it comes later

    site, problems = parse_site(path)
    if site is None:
        raise SiteError([p for p in problems if p.is_error])
    return site


def xyz_m(site: Site) -> NDArray[np.int32]:
    """East and north of the field's centroid, and height above sea level; shape (n, 3). [m]"""
    x, y = local_xy_m([n.lat_deg for n in site.nodes], [n.lon_deg for n in site.nodes])
    z = np.floor(np.array([n.elev_m for n in site.nodes]) + 0.5)
    return np.stack([x, y, z.astype(np.int32)], axis=1)


def phases(site: Site) -> NDArray[np.uint8]:
    """
    Phase of every node, shape (n,), 0..3.

    Nodes in farthest-point-first order are dealt round-robin, so that each phase covers the whole
    field and informs the next. Depends on ids and positions only, not on the order in the file.
    """
    return (_deal(site) % N_PHASES).astype(np.uint8)


def slot_ranks(site: Site) -> NDArray[np.uint8]:
    """Which slot of its phase a node sends in, shape (n,), 0 for the first."""
    return (_deal(site) // N_PHASES).astype(np.uint8)


def _deal(site: Site) -> NDArray[np.intp]:
    """Place of every node in the dealing order, shape (n,)."""
    at = xyz_m(site)
    order = farthest_point_order(at[:, 0], at[:, 1], site.ids)
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    return place


_TEMPLATE = """\
# Site file of a QRES field: the single source for nodes, gateway and dashboards.
# Check it after every change:  qres site check {file}
# Whoever changes [radio], [protocol] or a node's id or position must provision all nodes again:
# they hold a copy of it, and replicas that differ do not understand each other.

[site]
name = {name}
field_id = {field_id:#010x}  # 1..0xffffffff; part of every nonce: never the same for two fields
wind_height_m = {wind_height_m!r}  # of the anemometers; daily indices want wind at 10 m
key_file = {key_file}  # 128-bit field key; readable by you only; never in version control

[radio]
region = {region}
freq_hz = {freq_hz}
bw_hz = {bw_hz}
sf = {sf}  # 7..12; one more doubles the time on air and gains about 2.5 dB
cr = {cr}
preamble_symbols = {preamble_symbols}
tx_power_dbm = {tx_power_dbm}  # at the chip's output; the antenna's gain comes on top
budget_bytes_h = {budget_bytes_h}  # what all nodes together may send; alerts compare with it

[protocol]
epoch_s = {epoch_s}  # a node samples once per epoch; 300..3600, must divide a day (86400)
range_m = {range_m}  # distance over which one node's surprise informs another
echo = {echo}  # true: 3 bytes more a report, and lost ones are mended by the next
follow = {follow}  # true: tolerances double while the field is calm, shrink to 5/8 in danger
relays = {relays}  # ids of nodes that repeat what they hear, where not all hear all: [3, 7]
battery = {battery}  # true: nodes report their battery's voltage, some bytes more an hour

[tolerance]
class = {tolerance_class}  # strict | standard | coarse
{tolerances}
# One block per node. id: 0..127, unique. Position: WGS 84; height above sea level.
"""


def site_to_toml(site: Site, file: Path = Path("site.toml")) -> str:
    """
    *site* as a commented site file, which `load_site` reads back.

    Args:
        site: What to write.
        file: Where the text is going to be: a key file in the same folder is written relative.
    """
    key_file = site.key_file
    if key_file.parent == file.parent:
        key_file = Path(key_file.name)
    tolerances = ""
    own = Tolerance.of(site.tolerance.class_name, channels=site.channels)
    for c in site.channels:
        value = site.tolerance[c.name]
        mark = "" if c.name in site.tolerance.overrides else "# "
        tolerances += f"{mark}{c.name} = {value!r}  # {c.unit}; the class says {own[c.name]!r}\n"
    head = _TEMPLATE.format(
        file=file.name,
        name=_quoted(site.name),
        field_id=site.field_id,
        wind_height_m=float(site.wind_height_m),
        key_file=_quoted(str(key_file)),
        region=_quoted(site.region),
        freq_hz=f"{site.freq_hz:_}",
        bw_hz=f"{site.bw_hz:_}",
        sf=site.sf,
        cr=_quoted(site.cr),
        preamble_symbols=site.preamble_symbols,
        tx_power_dbm=site.tx_power_dbm,
        budget_bytes_h=site.budget_bytes_h,
        epoch_s=site.epoch_s,
        range_m=site.range_m,
        echo="true" if site.echo else "false",
        follow="true" if site.follow else "false",
        relays=list(site.relays),
        battery="true" if site.battery else "false",
        tolerance_class=_quoted(site.tolerance.class_name),
        tolerances=tolerances,
    )
    return head + "".join(
        f"\n[[node]]\nid = {n.id}\nname = {_quoted(n.name)}\nlat_deg = {float(n.lat_deg)!r}\n"
        f"lon_deg = {float(n.lon_deg)!r}\nelev_m = {float(n.elev_m)!r}\n"
        for n in site.nodes
    )


def _quoted(text: str) -> str:
    """*text* as a TOML basic string: JSON's escapes are a subset, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
