# SPDX-License-Identifier: Apache-2.0
"""
`qres field`: virtual nodes in real time, for a gateway that runs elsewhere.

Exit codes: 0 done, or stopped by SIGTERM; 1 something could not be read or written; 2 wrong usage;
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from qres import weather_file
from qres.errors import RangeError
from qres.keys import read_key_file
from qres.site import Site, load_site
from qres.virtual.looped import LoopedField
from qres.virtual.sites import VIRTUAL_FIELD_ID
from qres_gateway.cli.output import log_to_stderr, stderr
from qres_gateway.demo.history import make_history
from qres_gateway.demo.live_field import LiveField
from qres_gateway.demo.timeline import Timeline
from qres_gateway.store_lock import StoreBusyError

__all__ = ["register"]

_DAY_US: Final = 86_400_000_000


def register(parent: typer.Typer) -> None:
    """Add `field` to the `qres` command."""
    parent.command(name="field")(field)


def field(
    site: Annotated[
        Path, typer.Option(readable=False, help="The site file; its key file is read, too.")
    ] = Path("site.toml"),
    to: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="UDP address of the gateway.")
    ] = "127.0.0.1:1700",
    timeline: Annotated[
        Path | None,
        typer.Option(help="Keep here when the field began, so that a restart goes on with it."),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="STORE",
            readable=False,
            help="Only put the field's past into this gateway's database, and end.",
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(min=0, max=30, help="With --history: full days before today.")
    ] = 3,
    loss: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of frames lost on every link.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Clocks and losses.")] = 1,
) -> None:
    """
    Recorded weather, at today's date, drives the nodes of a demo site; a gateway hears them.

    Every virtual node runs the C core that an ESP32 runs. Radio and clocks are simulated: frames
    leave as packet forwarder datagrams. A site with nodes of its own is refused.
    """
    log_to_stderr(logging.INFO)
    address = _address(to)
    where = load_site(site)
    if where.field_id != VIRTUAL_FIELD_ID:
        raise RangeError(
            "field_id", f"{where.field_id:#x}", f"must be {VIRTUAL_FIELD_ID:#x}: a demo site's"
        )
    key = read_key_file(where.key_file)
    now_us = time.time_ns() // 1000
    known = None if timeline is None else Timeline.read(timeline)
    if history is not None:
        _history(where, key, history, timeline, known, now_us, days, loss, seed)
        return
    if known is None:
        start_us = now_us - now_us % where.phase_us
        known = Timeline(start_us, start_us)
    nodes = _field(where, key, known.start_us, loss, seed)
    live = LiveField(nodes, where, address, known, timeline, lambda: time.time_ns() // 1000)
    stderr.print(f"{len(where.nodes)} virtual nodes, to {to}; a phase is {where.phase_us / 1e6} s")
    asyncio.run(_until_terminated(live))


def _field(site: Site, key: bytes, start_us: int, loss: float, seed: int) -> LoopedField:
    weather = weather_file.demo().with_mean_wind()
    return LoopedField(site, key, weather, start_us=start_us, loss=loss, seed=seed)


def _history(
    site: Site,
    key: bytes,
    store: Path,
    timeline: Path | None,
    known: Timeline | None,
    now_us: int,
    days: int,
    loss: float,
    seed: int,
) -> None:
    if known is not None and known.delivered_us > known.start_us:
        stderr.print("history: made before; nothing to do")
        return
    start_us = known.start_us if known is not None else now_us // _DAY_US * _DAY_US - days * _DAY_US
    if timeline is not None:  # first: a run that is interrupted goes on with the same field
        Timeline(start_us, start_us).write(timeline)
    nodes = _field(site, key, start_us, loss, seed)
    try:
        done, frames = make_history(nodes, site, key, store, start_us, now_us)
    except StoreBusyError:
        if timeline is not None:
            timeline.unlink()
        stderr.print("history: a gateway is running on this store; the field begins without one")
        return
    if timeline is not None:
        done.write(timeline)
    stderr.print(f"history: {frames} frames of {days} days and today")


async def _until_terminated(live: LiveField) -> None:
    running = asyncio.ensure_future(live.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise RangeError("--to", text, "must be HOST:PORT with a port of 1..65535")
    return host, int(port)
