# SPDX-License-Identifier: Apache-2.0
"""Frames from Semtech packet forwarders over UDP. The I/O around `gwmp`, and nothing more.

The one place of the gateway that sends anything to a receiver: four-byte acknowledgements made
by `gwmp.acknowledge`, as soon as a datagram is safely in the queue and before it is parsed. A
datagram for which the queue has no room is counted and not acknowledged, so that the loss shows
on both sides (`ackr` of the forwarder).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qres_gateway.errors import AddressError, PortBusyError, SourceError
from qres_gateway.sources import gwmp
from qres_gateway.sources.inbox import Inbox
from qres_gateway.sources.receiver_clock import ReceiverClocks

if TYPE_CHECKING:
    from collections.abc import Collection

    from qres_gateway.sources.base import Clock, Instant, RawFrame

DEFAULT_PORT: Final = 1700
QUEUE_DATAGRAMS: Final = 8192
_RECEIVE_BUFFER_BYTES: Final = 4 << 20  # the kernel may grant less; its drops are counted
_KERNEL_TABLES: Final = (Path("/proc/net/udp"), Path("/proc/net/udp6"))


class UdpSource(asyncio.DatagramProtocol):
    """Listens for packet forwarders on one UDP address.

    Args:
        clock: Read on arrival of every datagram.
        host: Address to listen on. Loopback unless it is meant to be reached from elsewhere.
        port: 0..65535; 0 lets the system choose (see `port` after `start`).
        receivers: EUIs (16 lower case hex digits) to listen to; empty means all. GWMP has no
            authentication, so this keeps out mistakes, not attackers.
        queue_datagrams: Datagrams that may wait to be read.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        receivers: Collection[str] = (),
        queue_datagrams: int = QUEUE_DATAGRAMS,
    ) -> None:
        if not 0 <= port <= 65535:
            raise ValueError(f"port must be 0..65535, got {port}")
        if queue_datagrams < 1:
            raise ValueError(f"queue_datagrams must be at least 1, got {queue_datagrams}")
        self._clock = clock
        self._host = host
        self._port = port
        self._receivers = frozenset(receivers)
        self._limit = queue_datagrams
        self._inbox: Inbox[tuple[bytes, Instant]] = Inbox()
        self._port_free = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._clocks = ReceiverClocks()
        self._refused: Counter[str] = Counter()
        self._count: Counter[str] = Counter()
        self._inode = 0

    @property
    def name(self) -> str:
        """Kind and address, for logs."""
        return f"udp {self._host}:{self.port}"

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._port

    @property
    def refused(self) -> Counter[str]:
        """Datagrams and packets refused or dropped since the start, by reason."""
        return self._refused

    async def start(self) -> None:
        """Bind. Raises PortBusyError, AddressError or SourceError."""
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: self, local_addr=(self._host, self._port)
            )
        except OSError as error:
            raise _bind_error(self._host, self._port, error) from error
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        self._port = transport.get_extra_info("sockname")[1]
        self._inode = os.fstat(sock.fileno()).st_ino
        self._transport = transport

    async def read(self, limit: int) -> list[RawFrame]:
        """Wait for at least one frame. Empty once the source is closed and drained."""
        while await self._inbox.filled():
            frames: list[RawFrame] = []
            while self._inbox and len(frames) < limit:
                datagram, arrival = self._inbox.pop()
                frames.extend(self._frames(datagram, arrival))
            if frames:
                return frames
        return []

    async def close(self) -> None:
        """Release the port. Datagrams that were acknowledged can still be read."""
        self._count["kernel_dropped"] = self._kernel_dropped()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            await self._port_free.wait()
        self._inbox.close()

    def stats(self) -> dict[str, int]:
        """Counters to show."""
        return {
            "datagrams": self._count["datagrams"],
            "acknowledged": self._count["acknowledged"],
            "packets": self._count["packets"],
            "status_reports": self._count["status_reports"],
            "queued_datagrams": len(self._inbox),
            "kernel_dropped": self._kernel_dropped(),
            "socket_errors": self._count["socket_errors"],
            "receivers": self._clocks.receivers,
            "counter_restarts": self._clocks.restarts,
            "receiver_clock_disbelieved": self._clocks.disbelieved,
        }

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Queue and acknowledge at once; parsing waits until the frame is read."""
        self._count["datagrams"] += 1
        if len(self._inbox) >= self._limit:
            self._refused["queue_full"] += 1
            return
        self._inbox.put((data, self._clock.now()))
        ack = gwmp.acknowledge(data)
        if ack and self._transport is not None:
            self._transport.sendto(ack, addr)
            self._count["acknowledged"] += 1

    def error_received(self, exc: Exception) -> None:
        """An acknowledgement could not be delivered (the forwarder is gone)."""
        self._count["socket_errors"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._port_free.set()

    def _frames(self, datagram: bytes, arrival: Instant) -> list[RawFrame]:
        parsed = gwmp.parse(datagram)
        if isinstance(parsed, gwmp.Refusal):
            self._refused[parsed.reason] += 1
            return []
        if self._receivers and parsed.gateway_eui not in self._receivers:
            self._refused["receiver"] += 1
            return []
        self._refused.update(parsed.refused)
        self._count["status_reports"] += parsed.status is not None
        self._count["packets"] += len(parsed.packets)
        eui = parsed.gateway_eui
        return [self._clocks.frame(eui, packet, arrival) for packet in parsed.packets]

    def _kernel_dropped(self) -> int:
        """Datagrams that the kernel dropped because nobody fetched them in time."""
        if self._transport is None:
            return self._count["kernel_dropped"]
        for table in _KERNEL_TABLES:
            if table.exists():
                drops = kernel_drops(table.read_text("ascii"), self._inode)
                if drops is not None:
                    return drops
        return 0


def kernel_drops(table: str, inode: int) -> int | None:
    """The drop count of one socket in the text of /proc/net/udp; None if it is not listed.

    Source: proc(5), /proc/net/udp: column 10 is the inode, the last column counts drops.
    """
    for line in table.splitlines()[1:]:
        columns = line.split()
        if len(columns) >= 13 and columns[9] == str(inode):
            return int(columns[-1])
    return None


def _bind_error(host: str, port: int, error: OSError) -> SourceError:
    if error.errno == errno.EADDRINUSE:
        return PortBusyError(host, port)
    if isinstance(error, socket.gaierror):
        return AddressError(host, port, "the name is not known")
    causes = {
        errno.EADDRNOTAVAIL: "this machine has no such address",
        errno.EACCES: "no permission for this port",
    }
    cause = causes.get(error.errno or 0)
    if cause is not None:
        return AddressError(host, port, cause)
    return SourceError(f"cannot listen on UDP {host}:{port}: {error.strerror or error}")
