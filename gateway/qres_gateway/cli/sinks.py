# SPDX-License-Identifier: Apache-2.0
"""
`qres sinks`: what each sink of a store has not got yet, and sending everything again.

Exit codes: 0 done; 1 the store cannot be used; 2 wrong usage.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from qres.errors import RangeError
from qres.site import load_site
from qres_gateway.cli.output import print_json, stderr
from qres_gateway.cli.store_option import StoreFile, beside
from qres_gateway.database import Database
from qres_gateway.sinks import cursors
from qres_gateway.sinks.feed import streams
from qres_gateway.sinks.field import SinkField
from qres_gateway.store_lock import lock_store

__all__ = ["register"]


def register(parent: typer.Typer) -> None:
    """Add `sinks` to the `qres` command."""
    parent.command(name="sinks")(sinks)


def sinks(
    site: Annotated[Path, typer.Option(readable=False, help="The site file.")] = Path("site.toml"),
    store: StoreFile = None,
    again: Annotated[
        str | None,
        typer.Option(
            metavar="SINK",
            help="Let this sink have everything again, e.g. after its database was made anew. The"
            " gateway must not run.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """Show what sinks of a store have not got yet; --again sends everything once more."""
    field = SinkField.of(load_site(site))
    path = beside(site) if store is None else store
    if again is not None:
        _forget(path, again)
        return
    with Database.open(path, read_only=True) as database:
        rows = [_row(database, field, name) for name in cursors.sinks_in(database)]
    if as_json:
        print_json({"sinks": rows})
        return
    if not rows:
        stderr.print("no sink has taken anything from this store yet")
        return
    table = Table("sink", "rows waiting", "oldest waits for", box=None, header_style="bold")
    for row in rows:
        table.add_row(row["name"], str(row["backlog_rows"]), _span(row["backlog_age_s"]))
    Console().print(table)


def _forget(path: Path, sink: str) -> None:
    with lock_store(path, "qres sinks"), Database.open(path) as database:
        known = cursors.sinks_in(database)
        if sink not in known:
            raise RangeError("--again", sink, f"must be one of {', '.join(known) or 'none yet'}")
        cursors.forget(database, sink)
    stderr.print(f"{sink} gets everything again when the gateway starts")


def _row(database: Database, field: SinkField, name: str) -> dict[str, Any]:
    waiting, now_us = 0, time.time_ns() // 1_000
    oldest_us = now_us
    for stream in streams(database, field):
        lanes = cursors.load(database, name, stream.name)
        missing = lanes.missing(stream.head())
        if missing:
            waiting += missing
            at_us = stream.time_after(lanes.oldest_missing_after())
            oldest_us = min(oldest_us, now_us if at_us is None else at_us)
    age_s = round((now_us - oldest_us) / 1e6, 1)
    return {"name": name, "backlog_rows": waiting, "backlog_age_s": age_s}


def _span(age_s: float) -> str:
    """A time for people."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if age_s >= 2 * length:
            return f"{age_s / length:.0f} {unit}"
    return f"{age_s:.0f} s"
