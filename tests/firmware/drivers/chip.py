# SPDX-License-Identifier: Apache-2.0
"""What the models of both radio chips share: the air, faults, time, and the wires around them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field


@dataclass(frozen=True)
class OnAir:
    """A frame somebody else sends. rssi and snr are the chip's raw figures."""

    end_us: int
    payload: bytes
    crc_ok: bool = True
    has_crc: bool = True
    header_ok: bool = True
    rssi: int = 160
    snr: int = 0xEC
    freq_error: int = 0


@dataclass
class Sent:
    """A frame that left the antenna, and how the chip was set."""

    at_us: int
    payload: bytes
    registers: dict[int, int]
    settings: dict[int, bytes]


@dataclass
class Faults:
    """What is broken. Each field alone; none at first."""

    busy_stuck: bool = False
    miso: int | None = None  # every byte read is this
    bus_fails: bool = False
    irq_late_us: int = 0
    irq_dead: bool = False
    irq_stuck_high: bool = False
    refuse: set[int] = field(default_factory=set)  # opcodes answered by "failed to execute"
    reset_at_us: int | None = None  # a supply dip: back to reset values at this moment
    oscillator_dead: bool = False
    never_sent: bool = False
    clock_stops: bool = False


class ChipModel(ABC):
    """A chip on its bus, the board around it and the air. Methods are those of radio_io."""

    def __init__(self) -> None:
        self.now = 1_000_000
        self.faults = Faults()
        self.air: list[OnAir] = []
        self.sent: list[Sent] = []
        self.violations: list[str] = []
        self.transfers = 0
        self.polls = 0
        self.switch: list[int] = []
        self.airtime_us = 20_000
        self.cad_busy = False
        self.done_us: int | None = None
        self.edge_us: int | None = None
        self._held = False
        self._power_on()

    @abstractmethod
    def _power_on(self) -> None:
        """Reset values."""

    @abstractmethod
    def _live(self) -> None:
        """What the chip did by itself until now."""

    @abstractmethod
    def busy(self) -> int:
        """The BUSY pin."""

    @abstractmethod
    def transfer(self, out: bytes) -> bytes | None:
        """One transaction. None if the bus fails."""

    def _dip(self) -> None:
        """The supply dips at the moment that the faults say."""
        dip = self.faults.reset_at_us
        if dip is not None and self.now >= dip:
            self.faults.reset_at_us = None
            self._power_on()

    def reset(self, asserted: int) -> None:
        """The reset pin."""
        if self._held and not asserted:
            self._power_on()
        self._held = bool(asserted)

    def delay_us(self, us: int) -> None:
        """Time passes."""
        self.polls += 1
        if not self.faults.clock_stops:
            self.now += us
        self._live()

    def now_us(self) -> int:
        """The host's clock; looking at it takes a microsecond."""
        if not self.faults.clock_stops:
            self.now += 1
        self._live()
        return self.now

    def rf_switch(self, position: int) -> None:
        """An RF switch beside the chip."""
        self.switch.append(position)

    def wait_irq(self, until_us: int) -> int | None:
        """Jump to the edge of DIO1, or to *until_us*. Returns the moment of the edge."""
        if self.faults.irq_stuck_high:
            return self.now
        moments = sorted(
            {until_us, *(frame.end_us for frame in self.air), self.done_us or until_us}
        )
        for moment in moments:
            if moment <= until_us:
                self.now = max(self.now, moment)
                self._live()
                if self.edge_us is not None and not self.faults.irq_dead:
                    seen = self.edge_us + self.faults.irq_late_us
                    if seen <= until_us:
                        self.now = max(self.now, seen)
                        return seen
        self.now = max(self.now, until_us)
        return None
