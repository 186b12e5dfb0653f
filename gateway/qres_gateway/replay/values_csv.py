# SPDX-License-Identifier: Apache-2.0
"""
The reconstructed weather as a table: one line for each node and each of its samples.

A node samples at the beginning of its own phase, once in an epoch. The line holds what the replicas
agreed on for that sample, which is within the tolerance of what the node measured, and where it
comes from: `reported`, or `held` by the prediction.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Self, TextIO

import numpy as np

from qres.core import Status
from qres.errors import RangeError
from qres.site import N_PHASES, phases
from qres_gateway.unix_time import at_us

if TYPE_CHECKING:
    from pathlib import Path

    from qres.site import Site
    from qres_gateway.events import PhaseCommitted

__all__ = ["ValuesCsv"]


class ValuesCsv:
    """
    Writes the table as phases are committed; a context manager.

    The file is complete when the block is left without an error, and is not there before.

    Args:
        path: The file; it must not exist.
        site: The field.

    Raises:
        RangeError: *path* exists.
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, site: Site) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".part")
        self._site = site
        self._members = [np.flatnonzero(phases(site) == f) for f in range(N_PHASES)]
        self._file: TextIO | None = None
        self.lines = 0

    def __enter__(self) -> Self:
        if self._path.exists():
            raise RangeError("--csv", self._path, "must be a new file; this one exists")
        self._file = self._partial.open("w", encoding="utf-8", newline="")
        csv.writer(self._file, lineterminator="\n").writerow(
            ("time_utc", "node", *(c.name for c in self._site.channels), "provenance")
        )
        return self

    def add(self, commit: PhaseCommitted) -> None:
        """Write the lines of the nodes that sampled in this phase and are known by now."""
        assert self._file is not None  # noqa: S101  add() is for inside the block
        values = commit.held
        at = at_us(commit.time_us).isoformat()
        time_utc = at.removesuffix("+00:00") + "Z"
        rows = [
            (
                time_utc,
                self._site.nodes[i].id,
                *("" if np.isnan(x) else f"{x:.4f}".rstrip("0").rstrip(".") for x in values[i]),
                Status(int(commit.status[i])).name.lower(),
            )
            for i in self._members[commit.phase % N_PHASES].tolist()
            if commit.status[i] != Status.UNKNOWN
        ]
        csv.writer(self._file, lineterminator="\n").writerows(rows)
        self.lines += len(rows)

    def __exit__(self, kind: object, *_: object) -> None:
        assert self._file is not None  # noqa: S101  __enter__ opened it
        try:
            self._file.close()
            if kind is None:
                self._partial.rename(self._path)
        finally:
            self._partial.unlink(missing_ok=True)
