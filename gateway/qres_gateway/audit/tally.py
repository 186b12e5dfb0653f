# SPDX-License-Identifier: Apache-2.0
"""Sums over deliveries, fed in order of time, in memory that does not grow with their number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from qres.airtime import time_on_air_us
from qres.region import region
from qres_gateway.audit.sliding import SlidingHour
from qres_gateway.ledger import HOUR_US, UNKNOWN_NODE, SubBands, Sum

if TYPE_CHECKING:
    from qres.site import Site
    from qres_gateway.audit.store import Row

__all__ = ["DAY_US", "KINDS", "Hour", "HourSink", "NodeHour", "Tally", "Transmitter"]

DAY_US: Final = 24 * HOUR_US
KINDS: Final = ("report", "beacon", "checkpoint", "relay")

_Key = tuple[int, str]
_Name = TypeVar("_Name", str, int)


@dataclass(slots=True)
class Hour:
    """One clock hour of the whole field: all its frames, and by kind."""

    total: Sum = field(default_factory=Sum)
    kinds: dict[str, Sum] = field(default_factory=dict)

    def add(self, kind: str, n_bytes: int, airtime_us: int) -> None:
        """Count one frame."""
        self.total.add(1, n_bytes, airtime_us)
        _sum(self.kinds, kind).add(1, n_bytes, airtime_us)


@dataclass(slots=True)
class NodeHour(Hour):
    """One clock hour of one transmitter; `worst_us`: most airtime of 60 min that end in it. [us]"""

    worst_us: int = 0


@dataclass(slots=True)
class Transmitter(Hour):
    """
    One node in one sub-band, over the whole time.

    Attributes:
        window: Its sliding hour.
        longest_us: Its longest frame. [us]
        first_us, last_us: Reception of its first and last frame. [us]
    """

    window: SlidingHour = field(default_factory=SlidingHour)
    longest_us: int = 0
    first_us: int = 0
    last_us: int = 0


def _sum(sums: dict[_Name, Sum], name: _Name) -> Sum:
    """The sum called *name*, made if it is not there; called for every frame."""
    found = sums.get(name)
    if found is None:
        found = sums[name] = Sum()
    return found


class HourSink(Protocol):
    """Takes the hours one by one, as soon as nothing can be added to them."""

    def add(self, hour: int, of: dict[_Key, NodeHour]) -> None:
        """Clock hour `hour`, by (node, sub-band) of those that sent; hours rise, gaps are left."""
        ...


class Tally:
    """
    Accepted frames by hour, node, day, kind and sub-band; the others by reason.

    Args:
        site: The field.
        sink: Where hours by node go; None if nobody wants them.

    Attributes:
        hours: By hour since the Unix epoch.
        days: By UTC day since then.
        senders: By (node, sub-band); UNKNOWN_NODE gathers frames whose sender is not known.
        window: The whole field's sliding hour.
        refused: Transmissions that were not accepted, by reason.
        copies: Deliveries of what another receiver had delivered.
        undecoded: Deliveries that the gateway has not decoded yet.
        corrected: Deliveries whose time the gateway corrected by more than a second.
        receivers: Deliveries by receiver.
    """

    def __init__(self, site: Site, sink: HourSink | None = None) -> None:
        bands = SubBands((b.name, b.lo_hz, b.hi_hz) for b in region(site.region).sub_bands)
        self._band_of = lru_cache(maxsize=1024)(bands)
        self._airtime_us = lru_cache(maxsize=4096)(self._airtime)
        self._site = site
        self._sink = sink
        self._open: dict[_Key, NodeHour] = {}
        self._open_hour: int | None = None
        self.total = Hour()
        self.hours: dict[int, Hour] = {}
        self.days: dict[int, Sum] = {}
        self.bands: dict[str, Sum] = {}
        self.senders: dict[_Key, Transmitter] = {}
        self.window = SlidingHour()
        self.refused: dict[str, Sum] = {}
        self.copies = 0
        self.undecoded = 0
        self.corrected = 0
        self.receivers: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        """Count one delivery, in order of time."""
        self.receivers[row.receiver] += 1
        self.corrected += abs(row.at_us - row.rx_us) > 1_000_000
        if row.reason is None:
            self.undecoded += 1
            return
        if row.reason == "copy":
            self.copies += 1
            return
        n_bytes = len(row.payload)
        airtime_us = self._airtime_us(row.sf, row.bw_hz, n_bytes)
        if row.reason:
            _sum(self.refused, row.reason).add(1, n_bytes, airtime_us)
            return
        self._accept(row, row.kind or "", n_bytes, airtime_us)

    def finish(self) -> None:
        """Nothing more will come."""
        if self._sink is not None and self._open_hour is not None:
            self._sink.add(self._open_hour, self._open)

    def _accept(self, row: Row, kind: str, n_bytes: int, airtime_us: int) -> None:
        at_us, hour = row.at_us, row.at_us // HOUR_US
        band = self._band_of(row.freq_hz)
        key = (UNKNOWN_NODE if row.node is None else row.node, band)
        self.total.add(kind, n_bytes, airtime_us)
        if hour not in self.hours:
            self.hours[hour] = Hour()
        self.hours[hour].add(kind, n_bytes, airtime_us)
        _sum(self.days, at_us // DAY_US).add(1, n_bytes, airtime_us)
        _sum(self.bands, band).add(1, n_bytes, airtime_us)
        self.window.add(at_us, n_bytes, airtime_us)
        sender = self.senders.get(key)
        if sender is None:
            sender = self.senders[key] = Transmitter(first_us=at_us)
        sender.add(kind, n_bytes, airtime_us)
        sender.window.add(at_us, n_bytes, airtime_us)
        sender.longest_us = max(sender.longest_us, airtime_us)
        sender.last_us = at_us
        if self._sink is not None:
            self._by_node(hour, key, kind, n_bytes, airtime_us, sender.window.airtime_us)

    def _by_node(
        self, hour: int, key: _Key, kind: str, n_bytes: int, airtime_us: int, window_us: int
    ) -> None:
        if hour != self._open_hour:
            self.finish()
            self._open, self._open_hour = {}, hour
        part = self._open.get(key)
        if part is None:
            part = self._open[key] = NodeHour()
        part.add(kind, n_bytes, airtime_us)
        part.worst_us = max(part.worst_us, window_us)

    def _airtime(self, sf: int, bw_hz: int, n_bytes: int) -> int:
        """0 for a stranger's modulation that the formula does not know."""
        try:
            return time_on_air_us(
                sf,
                bw_hz,
                n_bytes,
                preamble_symbols=self._site.preamble_symbols,
                cr=int(self._site.cr[-1]) - 4,
            )
        except ValueError:
            return 0
