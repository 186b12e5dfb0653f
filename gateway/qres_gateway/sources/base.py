# SPDX-License-Identifier: Apache-2.0
"""The one seam between the radio world and the gateway: a source yields `RawFrame`."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Literal, Protocol

RxTimeSource = Literal["gps", "utc", "host"]
"""Who vouches for `rx_us`: the receiver's GNSS, the receiver's own wall clock, or this host."""

PAYLOAD_MAX_BYTES = 255
"""Largest LoRa PHY payload. Source: Semtech SX1276 datasheet rev. 7, RegMaxPayloadLength."""


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame as one receiver heard it.

    payload: PHY payload without the PHY CRC, 1..255 bytes.
    rx_us: End of reception, microseconds since the Unix epoch (UTC), best available.
    rx_time_source: Who vouches for `rx_us`.
    receiver: Name of the receiver; for a concentrator its EUI, 16 lower case hex digits.
    freq_hz, sf, bw_hz: Channel centre [Hz], spreading factor 5..12, bandwidth [Hz].
    rssi_dbm, snr_db: Channel RSSI [dBm] and SNR [dB]; None where the receiver does not say.
    crc_ok: PHY CRC present and right.
    tmst_us: The receiver's own free-running counter, wraps at 2**32; None if it has none.
    host_us: This host's wall clock on arrival; None for frames from a file. It may be wrong:
        with `rx_us` from GNSS it shows by how much.
    """

    payload: bytes
    rx_us: int
    rx_time_source: RxTimeSource
    receiver: str
    freq_hz: int
    sf: int
    bw_hz: int
    rssi_dbm: float | None
    snr_db: float | None
    crc_ok: bool
    tmst_us: int | None = None
    host_us: int | None = None


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks of this host.

    wall_us: UTC as the host believes it; may step at any time.
    mono_us: Monotonic, arbitrary origin, never steps.
    """

    wall_us: int
    mono_us: int


class Clock(Protocol):
    """Time as an argument, so that tests own it."""

    def now(self) -> Instant:
        """Both clocks, read together."""
        ...


class SystemClock:
    """The clocks of the operating system."""

    def now(self) -> Instant:
        """Both clocks, read within about a microsecond of each other."""
        return Instant(time.time_ns() // 1000, time.monotonic_ns() // 1000)


class Source(Protocol):
    """Where frames come from. Start it, read until it returns nothing, close it."""

    @property
    def name(self) -> str:
        """Kind and address, for logs."""
        ...

    @property
    def refused(self) -> Counter[str]:
        """What was refused or dropped since the start, by reason. Only ever grows."""
        ...

    async def start(self) -> None:
        """Open. Raises SourceError."""
        ...

    async def read(self, limit: int) -> list[RawFrame]:
        """Wait for at least one frame; about `limit` frames at most. Empty: no more will come."""
        ...

    async def close(self) -> None:
        """Take nothing new. What has arrived can still be read."""
        ...

    def stats(self) -> dict[str, int]:
        """Counters to show, beside `refused`."""
        ...
