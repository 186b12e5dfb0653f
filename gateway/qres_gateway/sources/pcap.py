# SPDX-License-Identifier: Apache-2.0
"""Classic pcap files, sans I/O: feed bytes, get records; give records, get bytes.

Both byte orders and both time units (microseconds, nanoseconds) are read; written is
little-endian with microseconds. pcapng is refused by name.

Source: draft-ietf-opsawg-pcap, sections 4 (file header) and 5 (packet record).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from qres_gateway.errors import CaptureError

SNAPLEN: Final = 65_535
RECORD_MAX_BYTES: Final = 262_144  # libpcap's MAXIMUM_SNAPLEN; more is a damaged file
_MAGIC: Final = {
    bytes.fromhex("d4c3b2a1"): ("<", 1),
    bytes.fromhex("a1b2c3d4"): (">", 1),
    bytes.fromhex("4d3cb2a1"): ("<", 1000),
    bytes.fromhex("a1b23c4d"): (">", 1000),
}
_PCAPNG: Final = bytes.fromhex("0a0d0d0a")
_FILE_HEADER_BYTES: Final = 24
_RECORD_HEADER_BYTES: Final = 16
_LINKTYPE_MASK: Final = 0x0FFFFFFF  # the upper bits tell the length of a frame check sequence


@dataclass(frozen=True, slots=True)
class Record:
    """One captured packet. `cut` says that the capture kept only its beginning."""

    time_us: int
    data: bytes
    cut: bool


class PcapReader:
    """Splits a byte stream into records, whatever the size of the pieces it comes in."""

    def __init__(self, linktype: int) -> None:
        self._linktype = linktype
        self._buffer = bytearray()
        self._record: struct.Struct | None = None
        self._per_us = 1
        self._damage = ""

    def feed(self, piece: bytes) -> list[Record]:
        """
        Take the next bytes, return the records that they complete.

        Raises:
            CaptureError: Not a classic pcap file, another link type, or a damaged record. Records
                before the damage have been returned by then.
        """
        self._buffer += piece
        if self._record is None and not self._read_file_header():
            return []
        records: list[Record] = []
        at = 0
        while self._record is not None and len(self._buffer) - at >= _RECORD_HEADER_BYTES:
            seconds, fraction, kept, length = self._record.unpack_from(self._buffer, at)
            if kept > RECORD_MAX_BYTES:
                self._damage = (
                    f"pcap record of {kept} bytes exceeds the limit of {RECORD_MAX_BYTES}: the"
                    " file is damaged from there on"
                )
                break
            end = at + _RECORD_HEADER_BYTES + kept
            if end > len(self._buffer):
                break
            time_us = seconds * 1_000_000 + fraction // self._per_us
            data = bytes(self._buffer[at + _RECORD_HEADER_BYTES : end])
            records.append(Record(time_us, data, cut=kept < length))
            at = end
        del self._buffer[:at]
        if self._damage and not records:
            raise CaptureError(self._damage)
        return records

    @property
    def started(self) -> bool:
        """Whether the file header was complete and accepted."""
        return self._record is not None

    @property
    def leftover(self) -> int:
        """Bytes that do not complete a record: at the end of a file, a writer was interrupted."""
        return len(self._buffer)

    def _read_file_header(self) -> bool:
        magic = bytes(self._buffer[:4])
        if len(magic) == 4 and magic not in _MAGIC:
            hint = "; pcapng, convert it: tshark -F pcap -r IN -w OUT" if magic == _PCAPNG else ""
            raise CaptureError(f"not a classic pcap file: it begins with {magic.hex()}{hint}")
        if len(self._buffer) < _FILE_HEADER_BYTES:
            return False
        order, self._per_us = _MAGIC[magic]
        network: int = struct.unpack_from(f"{order}I", self._buffer, 20)[0]
        if network & _LINKTYPE_MASK != self._linktype:
            raise CaptureError(
                f"link type must be {self._linktype}, the file has {network & _LINKTYPE_MASK}"
            )
        self._record = struct.Struct(f"{order}IIII")
        del self._buffer[:_FILE_HEADER_BYTES]
        return True


def file_header(linktype: int) -> bytes:
    """The 24 bytes that open a file."""
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, linktype)


def record(time_us: int, data: bytes) -> bytes:
    """
    One record, ready to append.

    Raises:
        ValueError: `time_us` is outside 0..2**32 s, or `data` is longer than SNAPLEN.
    """
    seconds, fraction = divmod(time_us, 1_000_000)
    if not 0 <= seconds <= 0xFFFFFFFF:
        raise ValueError(f"time_us must be 0..{0xFFFFFFFF * 1_000_000}, got {time_us}")
    if len(data) > SNAPLEN:
        raise ValueError(f"data must be at most {SNAPLEN} bytes, got {len(data)}")
    return struct.pack("<IIII", seconds, fraction, len(data), len(data)) + data
