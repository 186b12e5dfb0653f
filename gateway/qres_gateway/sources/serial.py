# SPDX-License-Identifier: Apache-2.0
"""Frames from a sniffer on a serial line. The I/O around `sniffer`, and nothing more.

The device is opened for reading only: the operating system itself refuses to write. A sniffer
that is unplugged is waited for and opened again when it is back; until then the source stays
silent and says so in its counters.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from qres_gateway.errors import SourceError
from qres_gateway.sources.gwmp import Packet
from qres_gateway.sources.inbox import Inbox
from qres_gateway.sources.receiver_clock import ReceiverClocks
from qres_gateway.sources.sniffer import Configuration, Decoder, Frame, Record, Status

if sys.platform != "win32":
    import fcntl
    import termios

if TYPE_CHECKING:
    from qres_gateway.sources.base import Clock, Instant, RawFrame

BAUD: Final = 115200
QUEUE_FRAMES: Final = 8192
RETRY_S: Final = 1.0
_CHUNK_BYTES: Final = 65536
_log = structlog.get_logger("qres_gateway")


class SerialSource:
    """Listens to a sniffer on one serial device.

    Args:
        clock: Read whenever bytes arrive.
        path: The device, for example /dev/ttyUSB0, or better its name in /dev/serial/by-id,
            which stays the same after replugging.
        baud: One of the speeds that the system knows. USB devices ignore it.
        queue_frames: Frames that may wait to be read.
        retry_s: Pause between two attempts to open a device that is gone. [s]
    """

    def __init__(
        self,
        clock: Clock,
        path: Path,
        *,
        baud: int = BAUD,
        queue_frames: int = QUEUE_FRAMES,
        retry_s: float = RETRY_S,
    ) -> None:
        if queue_frames < 1:
            raise ValueError(f"queue_frames must be at least 1, got {queue_frames}")
        self._clock = clock
        self._path = path
        self._baud = baud
        self._limit = queue_frames
        self._retry_s = retry_s
        self._inbox: Inbox[RawFrame] = Inbox()
        self._fd: int | None = None
        self._retry: asyncio.Task[None] | None = None
        self._decoder = Decoder()
        self._clocks = ReceiverClocks()
        self._count: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._status: Status | None = None

    @property
    def name(self) -> str:
        """Kind and device, for logs."""
        return f"serial {self._path}"

    @property
    def refused(self) -> Counter[str]:
        """Pieces of the line that were no records, and frames dropped, by reason."""
        return self._decoder.refused + self._dropped

    async def start(self) -> None:
        """Open the device. Raises SourceError."""
        try:
            self._attach(open_read_only(self._path, self._baud))
        except OSError as error:
            raise _open_error(self._path, error) from error

    async def read(self, limit: int) -> list[RawFrame]:
        """Wait for at least one frame. Empty once the source is closed and drained."""
        await self._inbox.filled()
        return [self._inbox.pop() for _ in range(min(limit, len(self._inbox)))]

    async def close(self) -> None:
        """Release the device. Frames that have arrived can still be read."""
        self._inbox.close()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._detach()

    def stats(self) -> dict[str, int]:
        """Counters to show. Those that begin with "sniffer_" are the sniffer's own."""
        shown = {
            "bytes": self._count["bytes"],
            "frames": self._count["frames"],
            "connected": int(self._fd is not None),
            "reconnects": self._count["reconnects"],
            "records_lost": self._decoder.lost,
            "sniffer_starts_seen": self._decoder.starts,
            "queued_frames": len(self._inbox),
            "counter_restarts": self._clocks.restarts,
        }
        if self._status is not None:
            shown |= {
                "sniffer_crc_errors": self._status.crc_errors,
                "sniffer_header_errors": self._status.header_errors,
                "sniffer_radio_starts": self._status.radio_starts,
                "sniffer_dropped": self._status.dropped,
                "sniffer_radio_error": self._status.radio_error,
            }
        return shown

    def _attach(self, fd: int) -> None:
        self._fd = fd
        asyncio.get_running_loop().add_reader(fd, self._readable, fd)

    def _detach(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)
            self._decoder.cut()

    def _readable(self, fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error.strerror or str(error))
            return
        if not data:
            self._lost("hung up")
            return
        self._count["bytes"] += len(data)
        arrival = self._clock.now()
        for record in self._decoder.feed(data):
            self._take(record, arrival)

    def _take(self, record: Record, arrival: Instant) -> None:
        if isinstance(record, Status):
            if self._status is not None and record.radio_error != self._status.radio_error:
                _log.warning("sniffer.radio", source=self.name, error=record.radio_error)
            self._status = record
        elif isinstance(record, Configuration):
            self._count["configurations"] += 1
            if self._count["configurations"] == 1:
                _log.info(
                    "sniffer.heard",
                    source=self.name,
                    receiver=record.head.receiver,
                    freq_hz=record.freq_hz,
                    bw_hz=record.bw_hz,
                    sf=record.sf,
                    version=record.version,
                )
        elif len(self._inbox) >= self._limit:
            self._dropped["queue_full"] += 1
        else:
            self._count["frames"] += 1
            self._inbox.put(self._clocks.frame(record.head.receiver, _packet(record), arrival))

    def _lost(self, cause: str) -> None:
        self._detach()
        _log.warning("serial.lost", source=self.name, cause=cause)
        self._retry = asyncio.get_running_loop().create_task(self._open_again())

    async def _open_again(self) -> None:
        while True:
            await asyncio.sleep(self._retry_s)
            try:
                fd = open_read_only(self._path, self._baud)
            except OSError as error:
                self._count["attempts"] += 1
                _log.debug("serial.absent", source=self.name, cause=error.strerror)
                continue
            self._count["reconnects"] += 1
            self._retry = None
            self._attach(fd)
            _log.info("serial.back", source=self.name)
            return


def _packet(frame: Frame) -> Packet:
    """As a concentrator would have said it: its counter has 32 bits."""
    return Packet(
        payload=frame.payload,
        gps_us=None,
        utc_us=None,
        tmst_us=frame.head.time_us % (1 << 32),
        freq_hz=frame.freq_hz,
        sf=frame.sf,
        bw_hz=frame.bw_hz,
        rssi_dbm=frame.rssi_dbm,
        snr_db=frame.snr_db,
    )


def open_read_only(path: Path, baud: int) -> int:
    """
    Open a serial device for reading only: raw bytes, 8N1, no flow control, no reset on close.

    Args:
        path: The device.
        baud: Speed. [Bd]

    Returns:
        A file descriptor that does not block and cannot write.

    Raises:
        OSError: There is no such device, it is no terminal (ENOTTY), in use, or not permitted.
        ValueError: The system has no such speed.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOSYS, "serial sniffers need Linux or macOS")
    speed = getattr(termios, f"B{baud}", None)
    if speed is None:
        raise ValueError(f"baud must be a speed of this system, got {baud}")
    fd = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # two readers would share the bytes
        special = termios.tcgetattr(fd)[6]
        special[termios.VMIN], special[termios.VTIME] = 1, 0
        control = termios.CS8 | termios.CREAD | termios.CLOCAL
        termios.tcsetattr(fd, termios.TCSANOW, [0, 0, control, 0, speed, speed, special])
        termios.tcflush(fd, termios.TCIFLUSH)  # nobody knows when that came
    except termios.error as error:
        os.close(fd)
        raise OSError(errno.ENOTTY, "not a serial device") from error
    except OSError:
        os.close(fd)
        raise
    return fd


def _open_error(path: Path, error: OSError) -> SourceError:
    causes = {
        errno.ENOENT: "there is no such device. Is the sniffer plugged in? See /dev/serial/by-id",
        errno.EACCES: "no permission. Add this user to the group of the device (dialout, uucp)",
        errno.EPERM: "no permission. Add this user to the group of the device (dialout, uucp)",
        errno.ENOTTY: "it is not a serial device",
        errno.EAGAIN: "another program reads it. Stop that program",
        errno.EBUSY: "another program holds it. Stop that program",
    }
    cause = causes.get(error.errno or 0, error.strerror or str(error))
    return SourceError(f"cannot read serial device {path}: {cause}.")
