# SPDX-License-Identifier: Apache-2.0
"""Where a sink's lanes are kept: three rows of the store's cursor table for each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qres_gateway.sinks.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qres_gateway.database import Database

__all__ = ["PREFIX", "forget", "load", "save", "sinks_in"]

PREFIX: Final = "sink."
"""Begins the name of every cursor of a sink: sink.<name>.<stream>.<done|from|to>."""
_PARTS: Final = ("done", "from", "to")


def load(database: Database, sink: str, stream: str) -> Lanes:
    """What is stored; nothing delivered if nothing is."""
    names = [f"{PREFIX}{sink}.{stream}.{part}" for part in _PARTS]
    query = "SELECT name, last_id FROM cursor WHERE name IN (?, ?, ?)"
    with database.reading() as connection:
        found: dict[str, int] = dict(connection.execute(query, names))
    return Lanes.of(*(found.get(name, 0) for name in names))


def save(database: Database, sink: str, lanes: Mapping[str, Lanes]) -> None:
    """Store the lanes of some streams, durably, all or none."""
    rows = [
        (f"{PREFIX}{sink}.{stream}.{part}", value)
        for stream, of in lanes.items()
        for part, value in zip(_PARTS, (of.done, of.live_from, of.live_to), strict=True)
    ]
    with database.transaction() as connection:
        connection.executemany("INSERT OR REPLACE INTO cursor VALUES (?, ?)", rows)


def forget(database: Database, sink: str) -> int:
    """Forget what was delivered to a sink: it gets everything again. Returns cursors removed."""
    pattern = f"{PREFIX}{sink}.*"
    with database.transaction() as connection:
        return connection.execute("DELETE FROM cursor WHERE name GLOB ?", (pattern,)).rowcount


def sinks_in(database: Database) -> list[str]:
    """Names of the sinks that have taken anything, sorted."""
    with database.reading() as connection:
        names = connection.execute("SELECT name FROM cursor WHERE name GLOB 'sink.*'").fetchall()
    return sorted({str(name).split(".")[1] for (name,) in names})
