# SPDX-License-Identifier: Apache-2.0
"""
The audit as a table: one row for each node and clock hour, the silent ones too.

`covered_s` says how much of the hour the gateway was listening: a row of zeros means silence only
where that is 3600. A node that sent in another sub-band than the site's has a further row for it.
"""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TextIO

from qres_gateway.audit.tally import KINDS, NodeHour
from qres_gateway.ledger import HOUR_US, UNKNOWN_NODE, Sum
from qres_gateway.unix_time import at_us

if TYPE_CHECKING:
    from qres.site import Site
    from qres_gateway.audit.coverage import Coverage

__all__ = ["COLUMNS", "HoursCsv", "utc"]

COLUMNS: Final = (
    "hour_utc", "node", "name", "band", "covered_s", "frames", "bytes", "airtime_us",
    *(f"{kind}_{what}" for kind in KINDS for what in ("frames", "bytes", "airtime_us")),
    "worst_60min_airtime_us",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NOTHING: Final = NodeHour()


def utc(time_us: int) -> str:
    """
    A moment in ISO 8601, to the second.

    >>> utc(1_700_000_000_000_000)
    '2023-11-14T22:13:20Z'
    """
    return f"{at_us(time_us):%Y-%m-%dT%H:%M:%SZ}"


class HoursCsv:
    """
    Writes the table hour by hour; a context manager.

    The file is complete when the block is left without an error, and as it was before otherwise.

    Args:
        path: The file; one that exists is replaced.
        site: The field.
        band: Name of the site's sub-band.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, site: Site, band: str) -> None:
        self._path = path
        self._site = site
        self._band = band
        self._coverage: Coverage | None = None
        self._file: TextIO | None = None
        self._partial = path
        self._next: int | None = None
        self.lines = 0

    def __enter__(self) -> Self:
        fd, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        self._partial = Path(name)
        self._file = os.fdopen(fd, "w", encoding="utf-8", newline="")
        csv.writer(self._file, lineterminator="\n").writerow(COLUMNS)
        return self

    def begin(self, coverage: Coverage) -> None:
        """What was covered, as far as it is known when an hour is added."""
        self._coverage = coverage
        self._next = coverage.from_us // HOUR_US

    def add(self, hour: int, of: dict[tuple[int, str], NodeHour]) -> None:
        """Write the hours before *hour* that had no frame, and *hour*."""
        self._silent_until(hour)
        self._write(hour, of)

    def finish(self) -> None:
        """Write the silent hours at the end."""
        if self._coverage is not None:
            self._silent_until(-(-self._coverage.to_us // HOUR_US))

    def _silent_until(self, hour: int) -> None:
        assert self._next is not None  # noqa: S101  begin() comes first
        for silent in range(self._next, hour):
            self._write(silent, {})

    def _write(self, hour: int, of: dict[tuple[int, str], NodeHour]) -> None:
        assert self._file is not None  # noqa: S101  for inside the block
        assert self._coverage is not None  # noqa: S101
        self._next = hour + 1
        covered_us = self._coverage.covered_between(hour * HOUR_US, (hour + 1) * HOUR_US)
        head = utc(hour * HOUR_US)
        names = {node.id: node.name for node in self._site.nodes}
        keys = dict.fromkeys((node_id, self._band) for node_id in names)
        rows = []
        for key in sorted(keys | dict.fromkeys(of)):
            node_id, band = key
            part = of.get(key, _NOTHING)
            known = node_id != UNKNOWN_NODE
            name = _safe(names.get(node_id, "")) if known else "unknown"
            sums = [part.total, *(part.kinds.get(kind, Sum()) for kind in KINDS)]
            rows.append(
                (
                    head,
                    node_id if known else "",
                    name,
                    band,
                    f"{covered_us / 1e6:g}",
                    *(number for s in sums for number in (s.frames, s.bytes, s.airtime_us)),
                    part.worst_us,
                )
            )
        csv.writer(self._file, lineterminator="\n").writerows(rows)
        self.lines += len(rows)

    def __exit__(self, kind: object, *_: object) -> None:
        assert self._file is not None  # noqa: S101  __enter__ opened it
        try:
            if kind is None:
                self._file.flush()
                os.fchmod(self._file.fileno(), 0o644)
                os.fsync(self._file.fileno())
            self._file.close()
            if kind is None:
                self._partial.replace(self._path)
        finally:
            self._partial.unlink(missing_ok=True)


def _safe(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name.startswith(_FORMULA) else name
