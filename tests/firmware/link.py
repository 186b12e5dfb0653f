# SPDX-License-Identifier: Apache-2.0
"""The host's end of firmware/ports/link: requests of a node that runs the firmware, and answers."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LATE", "Ask", "Kind", "Link", "LinkClosedError", "Logged", "Raw"]

_HEAD: Final = struct.Struct("<BBHIQ")
_PATIENCE_S: Final = 60.0

LATE: Final = -2
"""PORT_ERR_LATE of port.h."""


class Kind(IntEnum):
    """Kinds of messages, as link.h numbers them."""

    START = 1
    SLEEP = 2
    TX = 3
    RX = 4
    SENSE = 5
    COUNT = 6
    CLOCK = 7
    LOG = 8
    REST = 9
    CUT = 10
    QUIT = 11


class Ask(NamedTuple):
    """
    What a node waits for.

    Attributes:
        kind: START, SLEEP, TX, RX, SENSE, COUNT, or CUT, QUIT, after which it waits for nothing.
        at_us: Of the node's own clock: until when to sleep or to listen, when to transmit. [us]
        frame: What to transmit.
    """

    kind: Kind
    at_us: int = 0
    frame: bytes = b""


class Logged(NamedTuple):
    """One event of the node's log, and how many instructions it had executed by then."""

    level: int
    word: str
    a: int
    b: int
    instructions: int


@dataclass(frozen=True, slots=True)
class Raw:
    """
    sensor_raw of sensor.h; physical quantities Q16.16, -2**31 for none.

    Attributes:
        q16: temp_degc, rh_pct, pressure_hpa, wind_dir_deg, battery_v, panel_v.
        wind_pulses: Running counter.
        rain_tips: Running counter.
        has_gauges: Whether the board has anemometer and rain gauge.
    """

    q16: tuple[int, int, int, int, int, int]
    wind_pulses: int
    rain_tips: int
    has_gauges: bool = True

    def pack(self) -> bytes:
        """As link.h has it."""
        u32 = 2**32
        counters = (self.wind_pulses % u32, self.rain_tips % u32)
        return struct.pack("<6iIIBBB", *self.q16, *counters, *[self.has_gauges] * 2, 0)


class LinkClosedError(ConnectionError):
    """The node's program ended without saying so."""


class Link:
    """
    One node at the other end of *channel*.

    Args:
        channel: Connected stream socket.
        on_log: Called with each event of the log.
        on_clock: Called when the node sets its clock, with what it shows then. [us]
        on_rest: Called when its radio goes to sleep.

    Attributes:
        stack_bytes: Stack ever used, known at the end. [bytes]
        instructions: Executed by the node up to its last message.
        busy_us: How long it waited for its flash since its start, up to its last message. [us]
        answered: How many requests were answered.
    """

    def __init__(
        self,
        channel: socket.socket,
        on_log: Callable[[Logged], None],
        on_clock: Callable[[int], None],
        on_rest: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._channel.settimeout(_PATIENCE_S)
        self._received = b""
        self._on_log, self._on_clock, self._on_rest = on_log, on_clock, on_rest
        self.stack_bytes: int | None = None
        self.instructions = 0
        self.busy_us = 0
        self.answered = 0

    def ask(self) -> Ask:
        """The node's next request; what needs no answer goes to the callbacks first."""
        while True:
            kind, _, length, self.busy_us, self.instructions = _HEAD.unpack(self._take(_HEAD.size))
            data = self._take(length)
            match kind:
                case Kind.LOG:
                    level, a, b = struct.unpack_from("<Bxxxii", data)
                    self._on_log(Logged(level, data[12:].decode("ascii"), a, b, self.instructions))
                case Kind.CLOCK:
                    self._on_clock(int.from_bytes(data, "little"))
                case Kind.REST:
                    self._on_rest()
                case Kind.QUIT:
                    self.stack_bytes = int.from_bytes(data, "little")
                    return Ask(Kind.QUIT)
                case Kind.CUT:
                    return Ask(Kind.CUT)
                case Kind.START | Kind.SENSE | Kind.COUNT:
                    return Ask(Kind(kind))
                case _:
                    return Ask(Kind(kind), int.from_bytes(data[:8], "little"), data[8:])

    def answer(self, kind: Kind, now_us: int, data: bytes = b"") -> None:
        """Answer the last request; QUIT ends the node."""
        self.answered += 1
        self._channel.sendall(_HEAD.pack(kind, 0, len(data), 0, now_us) + data)

    def close(self) -> None:
        """Let go of the node."""
        self._channel.close()

    def _take(self, n: int) -> bytes:
        while len(self._received) < n:
            part = self._channel.recv(65536)
            if not part:
                raise LinkClosedError("the node's program has ended")
            self._received += part
        taken, self._received = self._received[:n], self._received[n:]
        return taken
