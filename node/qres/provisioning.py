# SPDX-License-Identifier: Apache-2.0
"""
The provisioning record: what makes a board a node of a field.

One record holds the whole site as the protocol needs it, who this node is, and the field key. It
is written to the flash partition `PARTITION` of a node by `qres flash`; the firmware reads it at
start (firmware/app/provision.c). docs/provisioning.md has the layout bit by bit.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from qres.core import Field
from qres.errors import QresError, RangeError
from qres.keys import KEY_BYTES
from qres.region import region

if TYPE_CHECKING:
    from qres.site import Site, SiteNode

__all__ = [
    "MAGIC",
    "NAME_BYTES",
    "PARTITION",
    "RECORD_MAX",
    "VERSION",
    "Provisioning",
    "ProvisioningError",
    "decode",
    "encode",
    "node_of",
]

MAGIC: Final = b"QPRV"
VERSION: Final = 1
"""Version of the layout; a reader refuses every other one."""

PARTITION: Final = "qres_prov"
"""Name of the flash partition, type data, that holds the record."""

NAME_BYTES: Final = 32
"""Room for a name: UTF-8, zero-padded. [bytes]"""

OPTION_ECHO: Final = 1
"""Bit of the options: every report repeats an older one (SPEC 6.5)."""

OPTION_FOLLOW: Final = 2
"""Bit of the options: the tolerance follows the danger (SPEC 6.2)."""

_HEAD: Final = struct.Struct(f"<4sHHIIIIIIHBBbBBBB3xIiiQ{KEY_BYTES}s{NAME_BYTES}s{NAME_BYTES}s")
_RESERVED: Final = slice(41, 44)
_CHANNEL: Final = struct.Struct("<IIiiiIiiii")
_MEMBER: Final = struct.Struct("<BBBBiii")
_CRC_BYTES: Final = 4
_CHANNELS_MAX: Final = 6
_MEMBERS_MAX: Final = 128
_LIMIT_S: Final = 2**64

RECORD_MAX: Final = (
    _HEAD.size + _CHANNELS_MAX * _CHANNEL.size + _MEMBERS_MAX * _MEMBER.size + _CRC_BYTES
)
"""Longest record; a flash sector of 4096 bytes holds it. [bytes]"""


class ProvisioningError(QresError):
    """Bytes are no provisioning record that this version can read. The text holds no content."""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """
    What a record says of a node, for identification.

    Attributes:
        field_id: Number of the field.
        field_name: Its name, at most `NAME_BYTES` of UTF-8.
        node_id: Id of the node. 0..127
        node_name: Its name, at most `NAME_BYTES` of UTF-8.
        lat_deg: Latitude, WGS 84. [deg]
        lon_deg: Longitude, WGS 84. [deg]
        site_hash: Fingerprint of all that members must agree on (SPEC 2).
        n_members: Nodes in the field.
        made_s: When the record was made: no earlier time can be true. [s] since 1970
        key: The field key. `repr` leaves it out.
    """

    field_id: int
    field_name: str
    node_id: int
    node_name: str
    lat_deg: float
    lon_deg: float
    site_hash: int
    n_members: int
    made_s: int
    key: bytes = field(repr=False)


def node_of(site: Site, node_id: int) -> SiteNode:
    """
    The node of *site* with that id.

    Raises:
        RangeError: There is none; the text names the ids that there are.
    """
    for node in site.nodes:
        if node.id == node_id:
            return node
    raise RangeError("node", node_id, f"must be one of the site's ids: {_ranges(site.ids)}")


def encode(site: Site, node_id: int, key: bytes, made_s: int) -> bytes:
    """
    The record of one node.

    Args:
        site: The field.
        node_id: Which of its nodes.
        key: The field key, `KEY_BYTES` long.
        made_s: Now. [s] since 1970

    Returns:
        At most `RECORD_MAX` bytes. They hold the key: keep them out of logs, command lines and
        files that others can read.

    Raises:
        RangeError: The site has no such node, the core refuses the site, or the key or the time
            is out of range.
    """
    own = node_of(site, node_id)
    if len(key) != KEY_BYTES:
        raise RangeError("key", f"{len(key)} bytes", f"must have {KEY_BYTES}")
    if not 0 <= made_s < _LIMIT_S:
        raise RangeError("made_s", made_s, "must be 0..2^64-1")
    core = Field(site)
    s: Any = core.c.site
    channels = [s.channel[i] for i in range(s.n_channels)]
    relays = [s.relay[i] for i in range(s.n_relays)]
    members = [s.member[i] for i in range(s.n_members)]
    place = [1 + relays.index(i) if i in relays else 0 for i in range(s.n_members)]
    options = OPTION_ECHO * bool(s.echo) | OPTION_FOLLOW * bool(s.follow)
    length = _HEAD.size + len(channels) * _CHANNEL.size + len(members) * _MEMBER.size + _CRC_BYTES
    head = _HEAD.pack(
        *(MAGIC, VERSION, length, s.field_id, s.epoch_s, s.range_m),
        *(options, site.freq_hz, s.lora.bw_hz, s.lora.preamble_symbols),
        *(s.lora.sf, s.lora.cr, site.tx_power_dbm, region(site.region).index),
        *(len(channels), len(members), own.id, core.site_hash),
        *(_e7(own.lat_deg), _e7(own.lon_deg), made_s, bytes(key)),
        *(_name(site.name), _name(own.name)),
    )
    body = b"".join(
        _CHANNEL.pack(c.tol, c.step, c.lo, c.hi, c.rho, c.flags, *c.w0) for c in channels
    ) + b"".join(
        _MEMBER.pack(m.id, m.phase, m.slot, place[i], m.x_m, m.y_m, m.z_m)
        for i, m in enumerate(members)
    )
    return head + body + zlib.crc32(head + body).to_bytes(_CRC_BYTES, "little")


def decode(data: bytes) -> Provisioning:
    """
    Read the record at the beginning of *data*, e.g. of a flash sector; what follows it is ignored.

    Raises:
        ProvisioningError: There is no record, or it is damaged or of another version.
    """
    if data[:4] != MAGIC:
        raise ProvisioningError(f"no provisioning record: it does not begin with {MAGIC.decode()}")
    if len(data) < _HEAD.size:
        raise ProvisioningError(f"cut off: {len(data)} bytes, the head has {_HEAD.size}")
    (_, version, length, field_id, *_), (n_channels, n_members, node_id, site_hash, *rest) = (
        (head := _HEAD.unpack_from(data))[:5],
        head[14:],
    )
    if version != VERSION:
        raise ProvisioningError(f"layout version {version}: this program reads {VERSION}")
    if not (1 <= n_channels <= _CHANNELS_MAX and 1 <= n_members <= _MEMBERS_MAX):
        raise ProvisioningError(
            f"{n_channels} channels and {n_members} members: must be 1..{_CHANNELS_MAX}"
            f" and 1..{_MEMBERS_MAX}"
        )
    expected = _HEAD.size + n_channels * _CHANNEL.size + n_members * _MEMBER.size + _CRC_BYTES
    if length != expected:
        raise ProvisioningError(f"length {length}: its counts make {expected}")
    if len(data) < length:
        raise ProvisioningError(f"cut off: {len(data)} of {length} bytes")
    end = length - _CRC_BYTES
    if zlib.crc32(data[:end]) != int.from_bytes(data[end:length], "little"):
        raise ProvisioningError("damaged: its checksum does not fit")
    if any(data[_RESERVED]):
        raise ProvisioningError("reserved bytes are not zero: made by a newer program")
    lat_e7, lon_e7, made_s, key, field_name, node_name = rest
    return Provisioning(
        field_id=field_id,
        field_name=_text(field_name),
        node_id=node_id,
        node_name=_text(node_name),
        lat_deg=lat_e7 / 1e7,
        lon_deg=lon_e7 / 1e7,
        site_hash=site_hash,
        n_members=n_members,
        made_s=made_s,
        key=key,
    )


def _e7(degrees: float) -> int:
    return math.floor(degrees * 1e7 + 0.5)


def _name(text: str) -> bytes:
    """UTF-8 of at most `NAME_BYTES`, cut between characters."""
    return text.encode("utf-8")[:NAME_BYTES].decode("utf-8", errors="ignore").encode("utf-8")


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", errors="replace")


def _ranges(ids: tuple[int, ...]) -> str:
    """
    Ascending numbers in words.

    >>> _ranges((0, 1, 2, 5))
    '0..2, 5'
    """
    runs: list[list[int]] = []
    for i in ids:
        if runs and i == runs[-1][1] + 1:
            runs[-1][1] = i
        else:
            runs.append([i, i])
    return ", ".join(f"{a}" if a == b else f"{a}..{b}" for a, b in runs)
