# SPDX-License-Identifier: Apache-2.0
"""When was a frame received? From a receiver's counter, without the jitter of the network.

A concentrator stamps the end of reception with a free-running 32-bit microsecond counter
(`tmst`). A datagram reaches this host some delay later, and that delay varies. The smallest
difference ever seen between arrival and counter belongs to the fastest datagram; whatever a
later datagram has more than that is delay, and is taken off its arrival time.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from qres_gateway.sources.base import Instant, RawFrame, RxTimeSource

if TYPE_CHECKING:
    from qres_gateway.sources.gwmp import Packet

_WRAP: Final = 1 << 32  # [us] the counter wraps every 71.6 min

DRIFT_PPM: Final = 25
"""How fast the estimate may rise. Above the 20 ppm of an uncompensated crystal, so that a
receiver whose counter runs slow against this host is followed; 1.5 ms a minute."""
RESTART_EXCESS_US: Final = 10_000_000
"""More delay than this is not a network: the counter was restarted."""
RESTART_EARLY_US: Final = 1_000_000
"""Arriving this much earlier than the fastest so far is not luck: the counter was restarted."""
SLOW_US: Final = 250_000
SLOW_RUN: Final = 8
"""After this many frames in a row, each at least SLOW_US late, the estimate itself is held to be
wrong (a restart that fell within RESTART_EXCESS_US) and begins anew with the fastest of them."""
UTC_AGREE_US: Final = 60_000_000
"""A receiver without GNSS whose clock differs from this host's by more is not believed."""
MAX_RECEIVERS: Final = 64
"""Datagrams are not authenticated: made-up names of receivers must not fill the memory."""


class ReceiverClock:
    """The relation between one receiver's counter and this host's monotonic clock."""

    def __init__(self) -> None:
        self._offset_us: int | None = None  # host minus counter, for the fastest datagram
        self._at_us = 0  # when that was, on the host's monotonic clock
        self._slow: list[int] = []
        self.restarts = 0

    def excess_delay_us(self, tmst_us: int, arrival_mono_us: int) -> int:
        """
        How much longer than the fastest one this frame took to get here.

        Args:
            tmst_us: The receiver's counter at the end of reception, 0..2**32 - 1. [us]
            arrival_mono_us: This host's monotonic clock at arrival. [us]

        Returns:
            0..RESTART_EXCESS_US. [us] 0 for the first frame and after a restart.
        """
        offset = (arrival_mono_us - tmst_us) % _WRAP
        if self._offset_us is None:
            self._adopt(offset, arrival_mono_us)
            return 0
        allowed_rise = (arrival_mono_us - self._at_us) * DRIFT_PPM // 1_000_000
        excess = (offset - self._offset_us - allowed_rise + _WRAP // 2) % _WRAP - _WRAP // 2
        if excess > RESTART_EXCESS_US or excess < -RESTART_EARLY_US:
            self.restarts += 1
            self._adopt(offset, arrival_mono_us)
            return 0
        if excess <= 0:
            self._adopt(offset, arrival_mono_us)
            return 0
        if excess < SLOW_US:
            self._slow.clear()
            return excess
        self._slow.append(excess)
        if len(self._slow) < SLOW_RUN:
            return excess
        fastest = min(self._slow)
        self.restarts += 1
        self._adopt(offset - (excess - fastest), arrival_mono_us)
        return excess - fastest

    def _adopt(self, offset_us: int, at_us: int) -> None:
        self._offset_us = offset_us % _WRAP
        self._at_us = at_us
        self._slow.clear()


class ReceiverClocks:
    """Turns packets of any number of receivers into frames with the best time there is.

    The order of trust: GNSS time of the receiver; the receiver's own clock, if it agrees with
    this host's to UTC_AGREE_US; the counter against this host's clock; plain arrival.
    """

    def __init__(self) -> None:
        self._clocks: OrderedDict[str, ReceiverClock] = OrderedDict()
        self._restarts_of_evicted = 0
        self.disbelieved = 0

    @property
    def restarts(self) -> int:
        """Restarts of counters seen so far, all receivers together."""
        return self._restarts_of_evicted + sum(clock.restarts for clock in self._clocks.values())

    @property
    def receivers(self) -> int:
        """How many receivers are known, at most MAX_RECEIVERS."""
        return len(self._clocks)

    def frame(self, receiver: str, packet: Packet, arrival: Instant) -> RawFrame:
        """The frame that a packet is, with `rx_us` settled."""
        clock = self._clock(receiver)
        delay_us = 0
        if packet.tmst_us is not None:
            delay_us = clock.excess_delay_us(packet.tmst_us, arrival.mono_us)
        source: RxTimeSource = "host"
        rx_us = arrival.wall_us - delay_us
        if packet.gps_us is not None:
            source, rx_us = "gps", packet.gps_us
        elif packet.utc_us is not None:
            if abs(packet.utc_us - arrival.wall_us) <= UTC_AGREE_US:
                source, rx_us = "utc", packet.utc_us
            else:
                self.disbelieved += 1
        return RawFrame(
            packet.payload,
            rx_us,
            source,
            receiver,
            packet.freq_hz,
            packet.sf,
            packet.bw_hz,
            packet.rssi_dbm,
            packet.snr_db,
            crc_ok=True,
            tmst_us=packet.tmst_us,
            host_us=arrival.wall_us,
        )

    def _clock(self, receiver: str) -> ReceiverClock:
        clock = self._clocks.get(receiver)
        if clock is None:
            clock = self._clocks[receiver] = ReceiverClock()
            if len(self._clocks) > MAX_RECEIVERS:
                _, evicted = self._clocks.popitem(last=False)
                self._restarts_of_evicted += evicted.restarts
        self._clocks.move_to_end(receiver)
        return clock
