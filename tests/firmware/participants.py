# SPDX-License-Identifier: Apache-2.0
"""Who takes part in a `World`: nodes that run the firmware, and the core in this process."""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from qres.core import Do, Node
from tests.firmware.link import Ask, Kind, Link, Logged

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from qres.virtual.field import Crystal
    from tests.firmware.machines import Machine
    from tests.firmware.mirror import Mirror
    from tests.firmware.weather_feed import WeatherFeed

__all__ = ["Clock", "CoreNode", "FirmwareNode", "Participant", "Received"]

_TURN_US = 20_000


class Clock:
    """A node's clock: its crystal and what it was set to since."""

    def __init__(self, crystal: Crystal) -> None:
        self.crystal = crystal
        self.step_us = 0

    def reads(self, true_us: int) -> int:
        """What it shows at *true_us*. [us]"""
        return self.crystal.reads(true_us) + self.step_us

    def true_at(self, reading_us: int) -> int:
        """First moment at which it shows at least *reading_us*. [us]"""
        true_us = self.crystal.true_at(reading_us - self.step_us)
        while self.reads(true_us) < reading_us:
            true_us += 1
        return true_us


class Received:
    """A frame and when its reception ended, true time. [us]"""

    __slots__ = ("end_us", "frame")

    def __init__(self, frame: bytes, end_us: int) -> None:
        self.frame = frame
        self.end_us = end_us


class Participant(Protocol):
    """One node of a world. `commits` has the digest after each phase that it committed."""

    index: int
    clock: Clock
    commits: dict[int, int]
    rests: bool
    ready_us: int
    """True time at which its request comes: it may compute for a while. [us]"""

    def field_us(self, true_us: int) -> int:
        """What it takes for the field's time at *true_us*. [us]"""

    def begin(self, true_us: int) -> Ask:
        """Start; its first request."""

    def go_on(self, true_us: int, received: Received | None, result: int) -> Ask:
        """Its request after the last one has ended at *true_us*."""


class CoreNode:
    """
    The core in this process, `qres.core.Node`, with the firmware's way of listening.

    Args:
        node: The node; it is new.
        clock: Its clock.
        feed: Where its samples come from.
    """

    def __init__(self, node: Node, clock: Clock, feed: WeatherFeed) -> None:
        self.index = node.index
        self.clock = clock
        self.node = node
        self.commits: dict[int, int] = {}
        self.rests = False
        self.ready_us = 0
        self._feed = feed
        self._now_us = 0
        self._run = self._life()

    def field_us(self, true_us: int) -> int:
        """Its clock, corrected. [us]"""
        return self.clock.reads(true_us) + self.node.clock_correction_us

    def begin(self, true_us: int) -> Ask:
        """Start."""
        self._now_us = self.clock.reads(true_us)
        return next(self._run)

    def go_on(self, true_us: int, received: Received | None, result: int) -> Ask:
        """Go on; what was received is heard first."""
        self._now_us = self.clock.reads(true_us)
        if received is not None:
            self.node.heard(received.frame, self.clock.reads(received.end_us))
        return next(self._run)

    def _life(self) -> Generator[Ask, None, None]:
        while True:
            action = self.node.next(self._now_us)
            match action.do:
                case Do.SAMPLE:
                    true_us = self.clock.true_at(self._now_us)
                    self.node.sample(self._feed.values_q16(self.index, true_us))
                case Do.TRANSMIT:
                    while self._now_us + _TURN_US < action.from_us:
                        yield Ask(Kind.RX, action.from_us - _TURN_US)
                    yield Ask(Kind.TX, action.from_us, action.frame)
                case Do.LISTEN:
                    yield Ask(Kind.RX, action.until_us)
                case Do.COMMITTED:
                    self.commits[action.phase] = self.node.digest
                case _:
                    self.rests = True
                    yield Ask(Kind.SLEEP, action.until_us)


class FirmwareNode:
    """
    A machine that runs the firmware.

    Args:
        index: Row of the node in the site.
        machine: The running program.
        clock: Its clock.
        feed: Where its samples come from.
        reset: port_reset at its start.
        clock_state: port_clock at its start: 0 lost, 1 kept.
        cuts: Flash steps until its power fails, after each start; when there are no more it
            never fails. It starts again at once.
        setbacks_us: How much its clock is slow after each such start, against true time; none:
            as if nothing had happened. [us]
        mips: Speed of its processor; 0: time stands still while it computes. [instructions/us]
        flash_us: What it takes to erase a sector of its flash, and to program something. [us]

    Attributes:
        mirror: Is told all that it hears and says, if there is one.
        longest: Most instructions between a request and the answer before it.
        commits: Digest after each phase.
        logged: Everything that it logged.
        asked: How often it asked for what.
        instructions: Executed up to the commit of a phase, from the commit before.
        starts: How often it started.
    """

    def __init__(
        self,
        index: int,
        machine: Machine,
        clock: Clock,
        feed: WeatherFeed,
        *,
        reset: int = 0,
        clock_state: int = 1,
        cuts: Iterable[int] = (),
        setbacks_us: Iterable[int] = (),
        mips: int = 0,
        flash_us: tuple[int, int] = (0, 0),
    ) -> None:
        self.index = index
        self.machine = machine
        self.clock = clock
        self.commits: dict[int, int] = {}
        self.logged: list[Logged] = []
        self.asked: Counter[Kind] = Counter()
        self.instructions: dict[int, int] = {}
        self.rests = False
        self.link = Link(machine.channel, self._log, self._set_clock, self._rest)
        self.reset, self.clock_state = reset, clock_state
        self.starts = 0
        self.mips, self.flash_us = mips, flash_us
        self.mirror: Mirror | None = None
        self.longest = 0
        self.ready_us = 0
        self._asked_at = self._busy_at_us = 0
        self._sent = b""
        self._cuts, self._setbacks_us = iter(cuts), iter(setbacks_us)
        self._feed = feed
        self._last = Kind.START
        self._true_us = 0
        self._instructions_before = 0

    def field_us(self, true_us: int) -> int:
        """Its clock, which it sets itself. [us]"""
        return self.clock.reads(true_us)

    def begin(self, true_us: int) -> Ask:
        """Let it start."""
        self._true_us = true_us
        if (first := self.link.ask()).kind != Kind.START:
            raise ValueError(f"{first.kind.name} before START")
        self._start()
        return self._next()

    def go_on(self, true_us: int, received: Received | None, result: int) -> Ask:
        """Answer its last request."""
        self._true_us = true_us
        data = b""
        now_us = self.clock.reads(true_us)
        if self._last == Kind.TX:
            data = struct.pack("<i", result)
            if self.mirror is not None and result == 0:
                self.mirror.sent(self._sent, now_us)
        elif self._last == Kind.RX:
            got = received is not None
            end_us = self.clock.reads(received.end_us) if received else 0
            data = struct.pack("<BQhh", got, end_us, -9000, 700)
            data += received.frame if received else b""
            if self.mirror is not None and received is not None:
                self.mirror.hear(received.frame, end_us)
        self.link.answer(self._last, now_us, data)
        return self._next()

    def quit(self) -> int:
        """End it; its exit code."""
        self.link.answer(Kind.QUIT, 0)
        while self.link.ask().kind != Kind.QUIT:
            self.link.answer(Kind.QUIT, 0)
        return self.machine.stop()

    def words(self) -> Counter[str]:
        """How often each word is in its log."""
        return Counter(e.word for e in self.logged)

    def _start(self) -> None:
        self.starts += 1
        self.rests = True
        seed = self.index + 1 + 7919 * self.starts
        said = struct.pack(
            "<BBHIIII",
            *(self.reset, self.clock_state, self.mips, seed, next(self._cuts, 0)),
            *self.flash_us,
        )
        self.link.answer(Kind.START, self.clock.reads(self._true_us), said)
        self._asked_at = self._busy_at_us = self._instructions_before = 0

    def _next(self) -> Ask:
        while True:
            ask = self.link.ask()
            if ask.kind != Kind.START:
                self._compute()
            self.asked[ask.kind] += 1
            if ask.kind == Kind.CUT:
                continue  # and it begins anew
            if ask.kind == Kind.START:
                self.reset, self.clock_state = 0, 1
                slow_us = next(self._setbacks_us, None)
                if slow_us is not None:
                    self._set_clock(self._true_us - slow_us)
                self._start()
                continue
            if ask.kind not in {Kind.SENSE, Kind.COUNT}:
                self._last = ask.kind
                self._sent = ask.frame
                self.ready_us = self._true_us
                return ask
            raw = self._feed.raw(self.index, self._true_us)
            self.link.answer(ask.kind, self.clock.reads(self._true_us), raw.pack())

    def _compute(self) -> None:
        """Let pass the time that it took from the last answer to its last message."""
        took = self.link.instructions - self._asked_at
        self._asked_at = self.link.instructions
        self.longest = max(self.longest, took)
        took_us = self.link.busy_us - self._busy_at_us
        self._busy_at_us = self.link.busy_us
        took_us += took // self.mips if self.mips > 0 else 0
        if took_us > 0:
            self._true_us = self.clock.true_at(self.clock.reads(self._true_us) + took_us)

    def _log(self, event: Logged) -> None:
        self.logged.append(event)
        if event.word == "commit":
            phase = event.a % 2**32
            self.commits[phase] = event.b % 2**32
            if self.mirror is not None:
                self.mirror.committed(phase, self.commits[phase])
            self.instructions[phase] = event.instructions - self._instructions_before
            self._instructions_before = event.instructions

    def _set_clock(self, reading_us: int) -> None:
        self._compute()
        self.clock.step_us += reading_us - self.clock.reads(self._true_us)

    def _rest(self) -> None:
        self.rests = True
