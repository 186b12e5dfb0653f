# SPDX-License-Identifier: Apache-2.0
"""
Hashes by which somebody else can tell that they audit the same frames of the same field.

Frames are hashed in the order of the audit: time of reception, then receiver, then payload. Each
enters as

    rx_us i64 | freq_hz u64 | bw_hz u32 | sf u8 | crc_ok u8 | length of receiver u16 | receiver
    | length of payload u8 | payload

little-endian, receiver in UTF-8. What depends on the gateway's decoding does not enter.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any, Final

from qres.site_export import site_to_dict

if TYPE_CHECKING:
    from qres.site import Site
    from qres_gateway.audit.store import Row

__all__ = ["FramesHash", "json_sha256", "site_sha256"]

_HEAD: Final = struct.Struct("<qQIBBH")


class FramesHash:
    """SHA-256 over deliveries, fed in the order of the audit."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.frames = 0

    def add(self, row: Row) -> None:
        """One more delivery."""
        receiver = row.receiver.encode()
        head = _HEAD.pack(row.rx_us, row.freq_hz, row.bw_hz, row.sf, row.crc_ok, len(receiver))
        self._hash.update(head + receiver + bytes((len(row.payload),)) + row.payload)
        self.frames += 1

    @property
    def hexdigest(self) -> str:
        """64 hex digits."""
        return self._hash.hexdigest()


def json_sha256(value: Any) -> str:
    """SHA-256 of *value* as JSON with sorted keys, no spaces, in UTF-8."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def site_sha256(site: Site) -> str:
    """SHA-256 of what `qres site export` says of *site*; neither the key nor its file's name."""
    return json_sha256(site_to_dict(site))
