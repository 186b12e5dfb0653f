# SPDX-License-Identifier: Apache-2.0
"""
The frames of a capture, whatever it is called: a LoRaTap pcap file, or a gateway's database.

What a file is follows from its first bytes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing
from heapq import merge
from typing import TYPE_CHECKING, Final, Protocol

from qres_gateway.database import open_to_read
from qres_gateway.errors import CaptureError
from qres_gateway.frame_log import FrameLog
from qres_gateway.outbox import Outbox
from qres_gateway.sources import loratap, pcap
from qres_gateway.sources.capture import CaptureSource

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from qres_gateway.sources.base import RawFrame

__all__ = ["Capture", "DatabaseCapture", "PcapCapture", "by_time", "open_capture"]

SQLITE_MAGIC: Final = b"SQLite format 3\0"
"""Source: https://www.sqlite.org/fileformat.html, section 1.3."""
_CHUNK_FRAMES: Final = 4_096


class Capture(Protocol):
    """
    A file of frames.

    Attributes:
        path: The file.
        kind: What it is, in a word.
        frames: Frames read so far.
        until_us: Who wrote it is known to have listened until then; None if it is not. [us]
    """

    path: Path
    kind: str
    frames: int
    until_us: int | None

    @property
    def refused(self) -> Counter[str]:
        """Records that hold no usable frame so far, by reason."""
        ...

    def __iter__(self) -> Iterator[RawFrame]:
        """Its frames, in the file's order. Raises CaptureError or FrameLogError."""
        ...


class PcapCapture:
    """
    A LoRaTap pcap file.

    Args:
        path: The file.
        receiver: Name of the receiver where a record has no EUI; "" for the file's name.
    """

    kind = "pcap"

    def __init__(self, path: Path, receiver: str = "") -> None:
        self.path = path
        self.frames = 0
        self.until_us: int | None = None
        self._source = CaptureSource(path, receiver=receiver)

    @property
    def refused(self) -> Counter[str]:
        """Records that hold no usable frame, by reason."""
        return self._source.refused

    def __iter__(self) -> Iterator[RawFrame]:
        """Every frame of the file."""
        with asyncio.Runner() as loop:
            loop.run(self._source.start())
            try:
                while frames := loop.run(self._source.read(_CHUNK_FRAMES)):
                    self.frames += len(frames)
                    yield from frames
            finally:
                loop.run(self._source.close())


class DatabaseCapture:
    """
    The frame log of a gateway's database, which is only read.

    Args:
        path: The database file.
    """

    kind = "database"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = 0
        self.until_us: int | None = None
        self.refused: Counter[str] = Counter()

    def __iter__(self) -> Iterator[RawFrame]:
        """Every frame, by its time of reception; what was logged when the reading began."""
        with open_to_read(self.path) as database:
            log = FrameLog(database)
            self.until_us = Outbox(database).last_commit_us
            with closing(_whole(log)) as rows:
                for frame in rows:
                    self.frames += 1
                    yield frame


def _whole(log: FrameLog) -> Generator[RawFrame]:
    for row in log.between(-(1 << 62), 1 << 62, up_to=log.last_id):
        yield row.frame


def open_capture(path: Path, receiver: str = "") -> Capture:
    """
    The capture that the file *path* is.

    Raises:
        CaptureError: It is absent, unreadable, empty, or neither of the two.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise CaptureError(f"capture {path}: {error.strerror}") from error
    if head == SQLITE_MAGIC:
        return DatabaseCapture(path)
    if not head:
        raise CaptureError(f"capture {path}: is empty, 0 bytes")
    try:
        pcap.PcapReader(loratap.LINKTYPE).feed(head)
    except CaptureError as error:
        raise CaptureError(f"capture {path}: no gateway's database and {error}") from error
    return PcapCapture(path, receiver)


def by_time(captures: Sequence[Capture]) -> Iterator[RawFrame]:
    """
    The frames of all *captures* in order of time.

    A capture that is not in order itself is taken as it comes; within seconds, that is harmless.
    """
    return merge(*captures, key=lambda frame: frame.rx_us)
