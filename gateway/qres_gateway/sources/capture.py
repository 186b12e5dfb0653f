# SPDX-License-Identifier: Apache-2.0
"""Frames from a LoRaTap capture file, and the writing of one. The I/O around `pcap`, `loratap`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from qres_gateway.errors import CaptureError
from qres_gateway.sources import loratap, pcap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qres_gateway.sources.base import RawFrame, RxTimeSource

_PIECE_BYTES: Final = 1 << 16


class CaptureSource:
    """Reads a capture file from beginning to end.

    A record that is cut, or no acceptable LoRaTap, is counted and skipped. A last record that
    is incomplete (the writer was interrupted) is counted as "truncated".

    Args:
        path: The file.
        receiver: Name for frames that carry no receiver EUI; default: the file's name.
        rx_time_source: Who vouches for the capture's times.
    """

    def __init__(
        self, path: Path, *, receiver: str = "", rx_time_source: RxTimeSource = "host"
    ) -> None:
        self._path = path
        self._receiver = receiver or path.name
        self._time_source = rx_time_source
        self._reader = pcap.PcapReader(loratap.LINKTYPE)
        self._file: BinaryIO | None = None
        self._refused: Counter[str] = Counter()
        self._count = 0
        self._error: CaptureError | None = None

    @property
    def name(self) -> str:
        """Kind and path, for logs."""
        return f"capture {self._path}"

    @property
    def refused(self) -> Counter[str]:
        """Records refused since the start, by reason."""
        return self._refused

    async def start(self) -> None:
        """Open the file. Raises CaptureError."""
        try:
            self._file = self._path.open("rb")
        except OSError as error:
            raise CaptureError(f"capture {self._path}: {error.strerror}") from error

    async def read(self, limit: int) -> list[RawFrame]:
        """The next frames; about `limit`, as many as one piece of the file holds. Empty at its end.

        Raises CaptureError: not a LoRaTap pcap file, or damaged; what came before was returned.
        """
        frames: list[RawFrame] = []
        while self._file is not None and len(frames) < limit:
            try:
                frames.extend(self._accepted(self._records(self._file)))
            except (OSError, CaptureError) as error:
                await self.close()
                self._error = CaptureError(f"capture {self._path}: {error}")
                self._error.__cause__ = error
        if self._error is not None and not frames:
            raise self._error
        return frames

    async def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def stats(self) -> dict[str, int]:
        """Counters to show."""
        return {"records": self._count}

    def _records(self, file: BinaryIO) -> list[pcap.Record]:
        """Records of the next piece; closes the file at its end."""
        piece = file.read(_PIECE_BYTES)
        if not piece:
            if not self._reader.started:
                raise CaptureError("ends within its file header")
            self._refused["truncated"] += self._reader.leftover > 0
            file.close()
            self._file = None
        return self._reader.feed(piece)

    def _accepted(self, records: list[pcap.Record]) -> list[RawFrame]:
        frames: list[RawFrame] = []
        for record in records:
            self._count += 1
            if record.cut:
                self._refused["cut"] += 1
                continue
            frame = loratap.decode(
                record.data,
                record.time_us,
                receiver=self._receiver,
                rx_time_source=self._time_source,
            )
            if isinstance(frame, loratap.Refusal):
                self._refused[frame.reason] += 1
            else:
                frames.append(frame)
        return frames


def write_capture(path: Path, frames: Iterable[RawFrame]) -> int:
    """
    Write frames as a new LoRaTap (version 1) capture file, complete or not at all.

    Returns:
        How many frames were written.

    Raises:
        CaptureError: The file exists already or cannot be written.
        ValueError: A frame has what LoRaTap cannot express (see `loratap.encode`).
    """
    if path.exists():
        raise CaptureError(f"capture {path}: exists already and is not overwritten")
    count = 0
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            file.write(pcap.file_header(loratap.LINKTYPE))
            for frame in frames:
                file.write(pcap.record(frame.rx_us, loratap.encode(frame)))
                count += 1
        partial.rename(path)
    except OSError as error:
        raise CaptureError(f"capture {path}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    return count
