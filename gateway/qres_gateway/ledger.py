# SPDX-License-Identifier: Apache-2.0
"""RF ledger: who used how much air, counted from what was heard.

Bytes are PHY payload, airtime comes from the time-on-air formula; both are integers. One
transmission counts once, however many receivers heard it. Sums are kept per UTC hour, node,
kind of frame and sub-band, so a year of 100 nodes stays small and every question of the audit is
a sum over rows.

A `Tally` is what one batch adds. It is written in the transaction that moves the decode cursor,
so a crash neither loses nor repeats anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qres_gateway.database import Database

HOUR_US: Final = 3_600_000_000
UNKNOWN_NODE: Final = -1
OUT_OF_BAND: Final = "none"


@dataclass(slots=True)
class Sum:
    """Frames, PHY payload bytes and time on air of some set of transmissions."""

    frames: int = 0
    bytes: int = 0
    airtime_us: int = 0

    def add(self, frames: int, n_bytes: int, airtime_us: int) -> None:
        """Add to each."""
        self.frames += frames
        self.bytes += n_bytes
        self.airtime_us += airtime_us


@dataclass(slots=True)
class Tally:
    """What one batch of frames adds to the ledger.

    airtime: by (hour, node, kind, band). refused: by (hour, layer, reason); `layer` is where it
    was refused: "frame" for what is in the log, else the name of a source's layer.
    hearing: by (hour, receiver), frames and copies.
    """

    airtime: dict[tuple[int, int, str, str], Sum] = field(default_factory=dict)
    refused: dict[tuple[int, str, str], Sum] = field(default_factory=dict)
    hearing: dict[tuple[int, str], list[int]] = field(default_factory=dict)

    def accept(
        self,
        rx_us: int,
        node: int | None,
        *,
        kind: str,
        band: str,
        n_bytes: int,
        airtime_us: int,
    ) -> None:
        """Count one transmission of the field. `node` None: the field knows, we do not."""
        key = (rx_us // HOUR_US, UNKNOWN_NODE if node is None else node, kind, band)
        self.airtime.setdefault(key, Sum()).add(1, n_bytes, airtime_us)

    def refuse(
        self,
        rx_us: int,
        layer: str,
        reason: str,
        *,
        frames: int = 1,
        n_bytes: int = 0,
        airtime_us: int = 0,
    ) -> None:
        """Count what is not of the field, or cannot be read."""
        key = (rx_us // HOUR_US, layer, reason)
        self.refused.setdefault(key, Sum()).add(frames, n_bytes, airtime_us)

    def heard(self, rx_us: int, receiver: str, *, copy: bool) -> None:
        """Count one delivery of a receiver."""
        counts = self.hearing.setdefault((rx_us // HOUR_US, receiver), [0, 0])
        counts[0] += 1
        counts[1] += copy

    def __bool__(self) -> bool:
        return bool(self.airtime or self.refused or self.hearing)


@dataclass(frozen=True, slots=True)
class AirtimeRow:
    """One sum of the ledger: transmissions of one kind by one node in one hour and sub-band."""

    hour: int
    node: int
    kind: str
    band: str
    frames: int
    bytes: int
    airtime_us: int


class SubBands:
    """Names the sub-band of a frequency.

    Args:
        bands: (name, lowest Hz, highest Hz), not overlapping; a border belongs to the upper one.
    """

    def __init__(self, bands: Iterable[tuple[str, int, int]]) -> None:
        self._bands = sorted(bands, key=lambda band: band[1])
        for (name, low, high), above in zip(
            self._bands, [*self._bands[1:], ("", 1 << 62, 0)], strict=True
        ):
            if not low < high <= above[1]:
                raise ValueError(f"sub-band {name!r}: {low}..{high} Hz is empty or overlaps")

    def __call__(self, freq_hz: int) -> str:
        """The sub-band's name, or OUT_OF_BAND."""
        for name, low, high in reversed(self._bands):
            if low <= freq_hz <= high:
                return name
        return OUT_OF_BAND


class Ledger:
    """Writes and sums the ledger's tables of an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tally: Tally) -> None:
        """Add a batch, inside the caller's transaction."""
        connection = self._database.connection
        connection.executemany(
            """INSERT INTO airtime VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET frames = frames + excluded.frames,
               bytes = bytes + excluded.bytes, airtime_us = airtime_us + excluded.airtime_us""",
            [(*key, s.frames, s.bytes, s.airtime_us) for key, s in tally.airtime.items()],
        )
        connection.executemany(
            """INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET frames = frames + excluded.frames,
               bytes = bytes + excluded.bytes, airtime_us = airtime_us + excluded.airtime_us""",
            [(*key, s.frames, s.bytes, s.airtime_us) for key, s in tally.refused.items()],
        )
        connection.executemany(
            """INSERT INTO hearing VALUES (?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET frames = frames + excluded.frames,
               copies = copies + excluded.copies""",
            [(*key, *counts) for key, counts in tally.hearing.items()],
        )

    def rows(self, from_hour: int, to_hour: int) -> list[AirtimeRow]:
        """Everything in from_hour <= hour < to_hour (hours since the Unix epoch), in key order."""
        query = """SELECT hour, node, kind, band, frames, bytes, airtime_us FROM airtime
                   WHERE hour >= ? AND hour < ? ORDER BY hour, node, kind, band"""
        with self._database.reading() as connection:
            return [AirtimeRow(*row) for row in connection.execute(query, (from_hour, to_hour))]

    def per_hour(self, from_hour: int, to_hour: int) -> dict[int, Sum]:
        """Sums of the field per hour. Hours without a frame are missing."""
        return self._sums("hour", from_hour, to_hour)

    def per_node(self, from_hour: int, to_hour: int) -> dict[int, Sum]:
        """Sums per node; UNKNOWN_NODE gathers what no node could be named for."""
        return self._sums("node", from_hour, to_hour)

    def per_kind(self, from_hour: int, to_hour: int) -> dict[str, Sum]:
        """Sums per kind of frame."""
        return self._sums("kind", from_hour, to_hour)

    def per_band(self, from_hour: int, to_hour: int) -> dict[str, Sum]:
        """Sums per sub-band."""
        return self._sums("band", from_hour, to_hour)

    def total(self, from_hour: int, to_hour: int) -> Sum:
        """One sum over everything in the hours."""
        total = Sum()
        for part in self.per_hour(from_hour, to_hour).values():
            total.add(part.frames, part.bytes, part.airtime_us)
        return total

    def last_24_hours(self, now_us: int) -> dict[int, Sum]:
        """Per hour: the hour that is running at `now_us` and the 23 before, all of them present."""
        last = now_us // HOUR_US
        found = self.per_hour(last - 23, last + 1)
        return {hour: found.get(hour, Sum()) for hour in range(last - 23, last + 1)}

    def refused(self, from_hour: int, to_hour: int) -> dict[tuple[str, str], Sum]:
        """Sums by (layer, reason)."""
        query = """SELECT layer, reason, sum(frames), sum(bytes), sum(airtime_us) FROM refused
                   WHERE hour >= ? AND hour < ? GROUP BY layer, reason ORDER BY layer, reason"""
        with self._database.reading() as connection:
            found = connection.execute(query, (from_hour, to_hour))
            return {(layer, reason): Sum(*sums) for layer, reason, *sums in found}

    def hearing(self, from_hour: int, to_hour: int) -> Mapping[str, tuple[int, int]]:
        """By receiver: frames delivered, and how many of them were copies."""
        query = """SELECT receiver, sum(frames), sum(copies) FROM hearing
                   WHERE hour >= ? AND hour < ? GROUP BY receiver ORDER BY receiver"""
        with self._database.reading() as connection:
            found = connection.execute(query, (from_hour, to_hour))
            return {receiver: (frames, copies) for receiver, frames, copies in found}

    def _sums(
        self, column: Literal["hour", "node", "kind", "band"], from_hour: int, to_hour: int
    ) -> dict[Any, Sum]:
        query = f"""SELECT {column}, sum(frames), sum(bytes), sum(airtime_us) FROM airtime
                    WHERE hour >= ? AND hour < ? GROUP BY {column} ORDER BY {column}"""  # noqa: S608
        with self._database.reading() as connection:
            return {k: Sum(*sums) for k, *sums in connection.execute(query, (from_hour, to_hour))}
