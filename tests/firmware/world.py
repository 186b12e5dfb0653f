# SPDX-License-Identifier: Apache-2.0
"""
A field in simulated time: nodes sleep, listen and transmit, each by its own clock; one channel.

Simulated: airtime, collisions (frames that overlap destroy each other at every receiver), receivers
that are off or were switched on too late, half-duplex radios, frames that a receiver loses by
chance, because it is deaf or out of reach. Not simulated: propagation, noise.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.firmware.link import LATE, Ask, Kind
from tests.firmware.participants import Received

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qres.core import Field
    from tests.firmware.participants import Participant

__all__ = ["OnAir", "World"]

_LATE_US: Final = 10_000
"""A transmission that is asked for later than this is not sent, port.h. [us]"""


@dataclass(slots=True)
class OnAir:
    """
    One transmission.

    Attributes:
        start_us: True time; `end_us` likewise. [us]
        field_us: What its sender took for the field's time when it began. [us]
    """

    sender: int
    start_us: int
    end_us: int
    field_us: int
    frame: bytes
    collided: bool = False


@dataclass(slots=True)
class _Seat:
    """A participant and what it waits for."""

    who: Participant
    ask: Ask
    ticket: int = 0
    rx_since_us: int | None = None
    busy: bool = False
    kept: list[Received] = field(default_factory=list)
    gone: bool = False


class World:
    """
    All participants of a field.

    Args:
        field_: The field's derived tables, for airtimes.
        start_us: True time at which everybody starts. [us]
        loss: Share of frames that each receiver loses, by chance of its own. 0..1
        seed: That chance follows from it.

    Attributes:
        deaf: From when to when a participant hears nothing, by index; true time. [us]
        out_of_reach: Links that there are not: indices of sender and receiver.
        keeps: How many frames a receiver keeps while its program is busy, port.h.
        overruns: Frames that were lost because more came.
    """

    def __init__(self, field_: Field, start_us: int, *, loss: float = 0.0, seed: int = 1) -> None:
        self.deaf: dict[int, tuple[int, int]] = {}
        self.out_of_reach: set[tuple[int, int]] = set()
        self.keeps = 1
        self._loss = loss
        self._dice = random.Random(seed)
        self.field = field_
        self.now_us = start_us
        self.sent: list[OnAir] = []
        self.collisions = 0
        self.overruns = 0
        self._seats: dict[int, _Seat] = {}
        self._events: list[tuple[int, int, int, str]] = []
        self._ticket = 0
        self._on_air: list[OnAir] = []

    def add(self, participants: Sequence[Participant]) -> None:
        """Let participants start now."""
        for who in participants:
            seat = _Seat(who, who.begin(self.now_us))
            self._seats[who.index] = seat
            self._wait(seat)

    def run_until(self, true_us: int) -> None:
        """Let time pass until *true_us*."""
        while self._events and self._events[0][0] <= true_us:
            at_us, ticket, index, what = heapq.heappop(self._events)
            seat = self._seats.get(index)
            self.now_us = max(self.now_us, at_us)
            if what == "end":
                self._end_of_frame(ticket)
            elif seat is not None and seat.ticket == ticket and not seat.gone:
                if what == "tx":
                    self._begin_frame(seat)
                elif what == "ask":
                    self._wait(seat)
                else:
                    self._go_on(seat, None)
        self.now_us = true_us

    def remove(self, index: int) -> Participant:
        """Take a participant out, as if its power had failed."""
        seat = self._seats.pop(index)
        seat.gone = True
        return seat.who

    def _schedule(self, seat: _Seat, at_us: int, what: str) -> None:
        self._ticket += 1
        seat.ticket = self._ticket
        heapq.heappush(self._events, (max(at_us, self.now_us), seat.ticket, seat.who.index, what))

    def _wait(self, seat: _Seat) -> None:
        """Act on what a participant asks for, and arrange for its end."""
        while True:
            seat.busy = seat.who.ready_us > self.now_us
            if seat.busy:
                self._schedule(seat, seat.who.ready_us, "ask")
                return
            ask = seat.ask
            at_us = seat.who.clock.true_at(ask.at_us)
            if seat.who.rests:
                seat.who.rests = False
                seat.rx_since_us = None
                seat.kept.clear()
            match ask.kind:
                case Kind.SLEEP:
                    self._schedule(seat, at_us, "wake")
                    return
                case Kind.TX:
                    seat.rx_since_us = None
                    seat.kept.clear()
                    if at_us < self.now_us - _LATE_US:
                        seat.ask = seat.who.go_on(self.now_us, None, LATE)
                        continue
                    self._schedule(seat, at_us, "tx")
                    return
                case Kind.RX:
                    if seat.rx_since_us is None:
                        seat.rx_since_us = self.now_us
                    if seat.kept:
                        seat.ask = seat.who.go_on(self.now_us, seat.kept.pop(0), 0)
                        continue
                    self._schedule(seat, at_us, "wake")
                    return
                case _:
                    seat.gone = True  # CUT or QUIT: whoever runs this world looks after it
                    return

    def _go_on(self, seat: _Seat, received: Received | None, result: int = 0) -> None:
        seat.ask = seat.who.go_on(self.now_us, received, result)
        self._wait(seat)

    def _begin_frame(self, seat: _Seat) -> None:
        frame = seat.ask.frame
        end_us = self.now_us + self.field.airtime_us(len(frame))
        field_us = seat.who.field_us(self.now_us)
        made = OnAir(seat.who.index, self.now_us, end_us, field_us, frame)
        for other in self._on_air:
            other.collided = made.collided = True
            self.collisions += 1
        self._on_air.append(made)
        self.sent.append(made)
        self._ticket += 1
        heapq.heappush(self._events, (made.end_us, self._ticket, seat.who.index, "end"))

    def _reaches(self, ended: OnAir, index: int) -> bool:
        """Whether a receiver that listens hears a frame that ended."""
        if (ended.sender, index) in self.out_of_reach:
            return False
        deaf_us = self.deaf.get(index, (0, 0))
        lost = self._loss > 0 and self._dice.random() < self._loss
        return not lost and not deaf_us[0] <= ended.end_us < deaf_us[1]

    def _end_of_frame(self, _ticket: int) -> None:
        ended = next(f for f in self._on_air if f.end_us <= self.now_us)
        self._on_air.remove(ended)
        received = Received(ended.frame, ended.end_us)
        hearing = [
            seat
            for seat in self._seats.values()
            if not ended.collided
            and not seat.gone
            and seat.who.index != ended.sender
            and seat.rx_since_us is not None
            and seat.rx_since_us <= ended.start_us
            and self._reaches(ended, seat.who.index)
        ]
        for seat in hearing:
            if seat.ask.kind == Kind.RX and not seat.busy:
                self._go_on(seat, received)
            elif len(seat.kept) < self.keeps:
                seat.kept.append(received)
            else:
                self.overruns += 1
        sender = self._seats.get(ended.sender)
        if sender is not None and not sender.gone and sender.ask.kind == Kind.TX:
            self._go_on(sender, None)
