# SPDX-License-Identifier: Apache-2.0
"""
What a node draws in a day: the radio's windows from the site (SPEC 3), everything else from tables.

The radio listens to every slot of every phase, whoever sends: next to that, sending is small. What
the processor draws asleep comes first in a small field, listening in a large or slow one; an
anemometer that wakes it at each turn can come before both.

Left out, below 1 % of a day: writing the flash (a record a transmission, 41 KB once a day: 0.5 s of
erasing at 30 mA, 0.004 mAh), and a cell's own leak, which `simulate` takes from the cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from qres.errors import RangeError
from qres.plan.currents import (
    ALWAYS,
    BOARDS,
    CONTACT,
    DIVIDER,
    MCUS,
    RADIOS,
    Current,
    Mcu,
    tx_current,
)
from qres.plan.gauges import Gauges
from qres.site import FRAME_MAX_BYTES, N_PHASES

if TYPE_CHECKING:
    from qres.site import Site

__all__ = [
    "REPORTS_PER_HOUR",
    "WIND_WAKES",
    "Line",
    "NodeDay",
    "Sleep",
    "airtime_per_day_s",
    "node_day",
]

REPORTS_PER_HOUR: Final = 0.52
"""Reports a node sends in an hour: `qres bench rf`, 28 stations, standard tolerance, 10 min."""

DAY_S: Final = 86_400.0

_S_REPORT_BYTES: Final = 6  # SPEC 6.1, form S
_S_ECHO_BYTES: Final = 9  # SPEC 6.5
_BEACON_BYTES: Final = 16  # SPEC 6.3
_BEACONS_PER_DAY: Final = 24.0  # SPEC 6.3, of the whole field
_FRAGMENTS_MAX: Final = 82  # SPEC 6.4 for the longest blob: 64 sources and 18 parities
_RELAY_BYTES: Final = 4.5  # SPEC 6.6: the number of records, and the tag
_RECORD_BYTES: Final = 23 / 8  # SPEC 6.6, three primaries
_COMPUTE_S: Final = 0.05  # a phase: 3 million instructions at 80 MHz, with waits for flash
_SAMPLE_S: Final = 0.1  # wake, read sensors, average, decide
_FRAME_S: Final = 0.01  # fetch a frame and try its tags
_BOOT_S: Final = 0.25  # [unverified] out of deep sleep, state read from flash
_LISTEN: Final = "listen"
_TIP_S: Final = 0.1  # a tip's contact closes for about so long [unverified]

WIND_WAKES: Final = "anemometer wake-ups"
"""Name of the line that says what waking for wind costs."""


class Sleep(StrEnum):
    """
    How the processor sleeps between phases.

    A replica's state (87 KB) fits into RAM, which light sleep keeps, and not into the 8 or 16 KB of
    RTC memory: deep sleep means to boot and read it from flash four times an epoch.
    """

    LIGHT = "light"
    DEEP = "deep"


@dataclass(frozen=True, slots=True)
class Line:
    """
    One consumer.

    Attributes:
        what: Its name.
        current: What it draws while it is on.
        seconds: How long it is on. [s/day]
    """

    what: str
    current: Current
    seconds: float

    @property
    def mah(self) -> float:
        """Charge. [mAh/day]"""
        return self.current.ua * self.seconds / 3_600_000.0


@dataclass(frozen=True, slots=True)
class NodeDay:
    """
    A node's day.

    Attributes:
        lines: The consumers, the largest first.
        gauges: What was taken to be fitted.
    """

    lines: tuple[Line, ...]
    gauges: Gauges

    @property
    def mah(self) -> float:
        """Charge of all of them. [mAh/day]"""
        return sum(line.mah for line in self.lines)

    @property
    def listen_s(self) -> float:
        """How long the radio listens. [s/day]"""
        return next(line.seconds for line in self.lines if line.what == _LISTEN)

    @property
    def wind_wake_mah(self) -> float:
        """Charge that goes into waking for wind. [mAh/day]"""
        return sum(line.mah for line in self.lines if line.what == WIND_WAKES)

    def wh(self, cell_v: float) -> float:
        """
        Energy out of the cell. [Wh/day]

        The boards have linear regulators: the cell gives the same current at its own voltage.

        Args:
            cell_v: Mean voltage of the cell. [V]
        """
        return self.mah * cell_v / 1000.0


def airtime_per_day_s(site: Site, reports_per_hour: float) -> dict[str, float]:
    """
    How long a node sends, by kind of frame, averaged over the members. [s/day]

    The checkpoint is the longest that there can be. On a site with relays it is a relay's day: it
    repeats the report of every other node once.

    Raises:
        RangeError: More reports than samples, or a negative number.
    """
    most = 3600.0 / site.epoch_s
    if not 0.0 <= reports_per_hour <= most:
        raise RangeError("reports_per_hour", reports_per_hour, f"must be 0..{most:g}, one a sample")
    n = len(site.nodes)
    report = site.airtime_us(_S_ECHO_BYTES if site.echo else _S_REPORT_BYTES)
    return {
        "report": 24.0 * reports_per_hour * report / 1e6,
        "beacon": _BEACONS_PER_DAY / n * site.airtime_us(_BEACON_BYTES) / 1e6,
        "checkpoint": _FRAGMENTS_MAX / n * site.airtime_us(FRAME_MAX_BYTES) / 1e6,
    } | (
        {"relay": _relay_per_day_s(site, 24.0 * reports_per_hour * (n - 1))} if site.relays else {}
    )


def _relay_per_day_s(site: Site, records: float) -> float:
    """How long a relay sends that repeats so many reports and a whole checkpoint. [s/day]"""
    slots = 2.0 * N_PHASES * DAY_S / site.epoch_s
    frames = min(slots, records)
    each = min(
        FRAME_MAX_BYTES, math.ceil(_RELAY_BYTES + _RECORD_BYTES * records / max(frames, 1.0))
    )
    fragments = _FRAGMENTS_MAX * site.airtime_us(FRAME_MAX_BYTES)
    return (frames * site.airtime_us(each) + fragments) / 1e6


def _waking(mcu: Mcu) -> Current:
    """The current of an awake processor; how long a wake-up takes is partly a guess."""
    source = f"[unverified] {mcu.wake_us:.0f} us a wake-up, 500 of them a guess, else ESP-IDF's"
    return Current(mcu.active.ua, f"{source}; current as awake")


def node_day(
    site: Site,
    board: str,
    *,
    reports_per_hour: float = REPORTS_PER_HOUR,
    rx_boosted: bool = False,
    sleep: Sleep = Sleep.LIGHT,
    asleep_ua: float | None = None,
    gauges: Gauges | None = None,
) -> NodeDay:
    """
    The consumers of a node of *site*.

    Args:
        site: The field.
        board: Key of `BOARDS`.
        reports_per_hour: What a node reports; `qres bench rf` measures it on recorded weather.
        rx_boosted: Whether the receiver runs at its more sensitive setting.
        sleep: How the processor sleeps.
        asleep_ua: What the whole board was measured to draw asleep, radio and sensors off; it then
            stands in for the tables' processor asleep and board. [uA]
        gauges: What is fitted; None for what site and board say.

    Raises:
        RangeError: An unknown board, one with an amplifier, a power that the radio does not have,
            an impossible number of reports, a current below 0, or a gauge that the board cannot
            read.
    """
    if board not in BOARDS:
        raise RangeError("board", board, f"must be one of {', '.join(BOARDS)}")
    hardware = BOARDS[board]
    if hardware.has_amplifier:
        limit = "must have no amplifier behind the radio: the vendor's table does not hold for it"
        raise RangeError("board", board, limit)
    mcu, radio = MCUS[hardware.mcu], RADIOS[hardware.radio]
    fitted = (gauges or Gauges()).fitted(site, board, counts_wind=sleep is Sleep.LIGHT)
    phases = N_PHASES * DAY_S / site.epoch_s
    window = site.commit_us / 1e6  # the core listens from the phase's start, lead included
    sending = sum(airtime_per_day_s(site, reports_per_hour).values())
    listening = phases * window - sending
    heard = 24.0 * reports_per_hour * (len(site.nodes) - 1)
    awake = phases * _COMPUTE_S + phases / N_PHASES * _SAMPLE_S + heard * _FRAME_S
    if sleep is Sleep.DEEP:
        awake += (phases + fitted.tips) * _BOOT_S
    else:
        awake += fitted.tips * 2e-6 * mcu.wake_us
    wind_s = min(fitted.wind_wakes * 1e-6 * mcu.wake_us, DAY_S - awake)
    # A window is too short to boot in: the processor sleeps lightly through it.
    asleep = DAY_S - awake - wind_s
    light = asleep if sleep is Sleep.LIGHT else listening + sending
    rest = [
        Line("processor in light sleep", mcu.light, light),
        Line("processor in deep sleep", mcu.deep, asleep - light),
        Line(f"board {board}", hardware.floor, DAY_S),
    ]
    if asleep_ua is not None:
        if asleep_ua < 0:
            raise RangeError("asleep_ua", asleep_ua, "must not be below 0")
        rest = [Line("board asleep", Current(asleep_ua, "measured, as given"), asleep)]
    lines = [
        Line(_LISTEN, radio["rx boosted" if rx_boosted else "rx"], listening),
        Line("send", tx_current(site.tx_power_dbm, hardware.radio), sending),
        Line("radio asleep", radio["sleep"], DAY_S - listening - sending),
        Line("processor awake", mcu.active, awake),
        Line(WIND_WAKES, _waking(mcu), wind_s),
        Line("anemometer contact", CONTACT, fitted.closed_s),
        Line("rain gauge contact", CONTACT, fitted.tips * _TIP_S),
        *rest,
        *(Line(name, current, DAY_S) for name, current in ALWAYS.items()),
    ]
    if "tcxo" in radio:
        lines.append(Line("oscillator", radio["tcxo"], listening + sending))
    if fitted.model is not None and fitted.model.is_divided:
        lines.append(Line("anemometer divider", DIVIDER, DAY_S))
    used = sorted((x for x in lines if x.mah > 0), key=lambda x: -x.mah)
    return NodeDay(tuple(used), fitted)
