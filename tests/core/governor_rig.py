# SPDX-License-Identifier: Apache-2.0
"""A node with a governor, real time and a bad clock; and a judge of what it sent."""

from __future__ import annotations

import bisect
import itertools
from typing import Any

from qres._core import ffi, lib
from qres.region import region

SECOND = 1_000_000
HOUR = 3600 * SECOND
BIN = int(lib.QRES_GOVERNOR_BIN_US)
BINS = int(lib.QRES_GOVERNOR_BINS)
GAP = int(lib.QRES_GOVERNOR_GAP_US)
FRAME = int(lib.QRES_GOVERNOR_FRAME_US)
DELAY = int(lib.QRES_GOVERNOR_DELAY_US)
SIZE = int(lib.QRES_GOVERNOR_BYTES)
UNLIMITED = int(lib.QRES_AIRTIME_UNLIMITED)

Interval = tuple[int, int]


def band_of(region_name: str, sub_band: str) -> Any:
    """A sub-band of the core's table."""
    where = region(region_name)
    index = next(i for i, band in enumerate(where.sub_bands) if band.name == sub_band)
    return lib.qres_region_band(where.index, index)


EU_K, EU_M, EU_P = (band_of("EU868", name) for name in "KMP")
US = band_of("US915", "DTS")
LIMIT = {"K": 3_600_000, "M": 36_000_000, "P": 360_000_000}


def governor(band: Any = EU_M, now_us: int = 0, spent_us: int = 0) -> Any:
    """A governor made by qres_governor_init."""
    made = ffi.new("qres_governor *")
    assert lib.qres_governor_init(made, band, now_us, spent_us) == lib.QRES_OK
    return made


def save(which: Any) -> bytes:
    """The saved state."""
    out = ffi.new("uint8_t[]", SIZE)
    assert lib.qres_governor_save(which, out, SIZE) == SIZE
    return bytes(out)


def load(which: Any, band: Any, data: bytes) -> int:
    """The answer of qres_governor_load."""
    return int(lib.qres_governor_load(which, band, data, len(data)))


def worst_hour(frames: list[Interval]) -> int:
    """
    Most airtime in any hour [us], of frames (start, end) in order, without overlap.

    The airtime in a sliding window bends only where one of its ends meets an
    end of a frame, so the worst window begins or ends at such a point.
    """
    starts = [start for start, _ in frames]
    total = [0, *itertools.accumulate(end - start for start, end in frames)]

    def airtime_before(time_us: int) -> int:
        index = bisect.bisect_right(starts, time_us)
        if index == 0:
            return 0
        start, end = frames[index - 1]
        return total[index - 1] + min(time_us, end) - start

    edges = [edge for frame in frames for edge in frame]
    return max(
        (airtime_before(t + HOUR) - airtime_before(t) for e in edges for t in (e - HOUR, e)),
        default=0,
    )


class Node:
    """A node in real time: its clock jumps, it is reset, and it sends whatever it may."""

    def __init__(self, band: Any, clock_us: int) -> None:
        self.band = band
        self.real_us = 0
        self.ahead_us = clock_us  # what the clock shows beyond real time
        self.gains: list[tuple[int, int]] = []  # (real time, gain) of jumps that may be believed
        self.frames: list[Interval] = []
        self.governor = governor(band, clock_us)
        self.saved = save(self.governor)

    def now_us(self) -> int:
        """What the clock shows."""
        return self.real_us + self.ahead_us

    def sleep(self, real_us: int) -> None:
        """Real time passes, and the node is awake again."""
        self.real_us += real_us
        lib.qres_governor_tick(self.governor, self.now_us())

    def jump(self, step_us: int) -> None:
        """
        The clock is wrong by *step_us* more, and nobody says so.

        The header's condition is kept: gains that can be believed add up to at
        most GAP in 3630 s; a gain that would exceed it is left out.
        """
        if 0 < step_us <= GAP:
            recent = sum(gain for at, gain in self.gains if at > self.real_us - 3630 * SECOND)
            if recent + step_us > GAP:
                return
            self.gains.append((self.real_us, step_us))
        self.ahead_us = max(self.ahead_us + step_us, -self.real_us)

    def reset(self, clock_us: int | None) -> None:
        """Power is lost; the clock goes on (None) or starts at *clock_us*."""
        if clock_us is not None:
            self.jump(clock_us - self.now_us())
        self.governor = ffi.new("qres_governor *")
        assert load(self.governor, self.band, self.saved) == lib.QRES_OK

    def send(self, airtime_us: int, delay_us: int, power_fails: bool) -> bool:
        """Ask for a frame; if it is granted, save, wait and send, unless power fails first."""
        answer = lib.qres_governor_charge(self.governor, self.now_us(), airtime_us)
        if answer != lib.QRES_OK:
            return False
        self.saved = save(self.governor)
        if power_fails:
            self.reset(None)
            return True
        start_us = self.real_us + delay_us
        self.frames.append((start_us, start_us + airtime_us))
        self.real_us = start_us + airtime_us
        return True

    def send_all(self, airtime_us: int) -> None:
        """Send frames until one is refused."""
        while self.send(airtime_us, 0, power_fails=False):
            pass
