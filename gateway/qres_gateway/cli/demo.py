# SPDX-License-Identifier: Apache-2.0
"""
`qres demo`: the whole chain in a box, on recorded weather and simulated radio.

Exit codes: 0 done; 1 something could not be opened or the gateway failed; 2 wrong usage; 130
stopped by Ctrl-C (what was received is in the store).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import webbrowser
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from qres import weather_file
from qres.densify import densify
from qres.errors import RangeError
from qres.links import Terrain, choose_relays, link_loss
from qres.virtual.sites import site_for
from qres_gateway.cli.choices import ToleranceClass
from qres_gateway.cli.output import log_to_stderr, print_json, progress_bar, stderr
from qres_gateway.demo.runner import Demo, DemoOptions
from qres_gateway.demo.site_files import write_site_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.site import Site
    from qres.weather_file import WeatherFile

__all__ = ["register"]

_SYNTHETIC = "{n} of {all} nodes are SYNTHETIC: made up between the recorded stations"


def register(parent: typer.Typer) -> None:
    """Add `demo` to the `qres` command."""
    parent.command(name="demo")(demo)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="No console: run as fast as possible, print, end.")
    ] = False,
    hours: Annotated[
        float | None, typer.Option(min=0.1, help="How much of the record; all if left out. [h]")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=1.0, help="Field seconds per second, after the first day.")
    ] = 600.0,
    loss: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of frames lost on every link.")
    ] = 0.0,
    burst: Annotated[float, typer.Option(min=1.0, help="Mean run of lost frames.")] = 1.0,
    reach_km: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=1000.0, help="Not all hear all: half of the frames arrive this far. [km]"
        ),
    ] = None,
    relays: Annotated[
        bool, typer.Option("--relays", help="With --reach-km: some nodes repeat for the others.")
    ] = False,
    echo: Annotated[
        bool, typer.Option("--echo", help="Every report repeats an older one: mends lost frames.")
    ] = False,
    battery: Annotated[
        bool, typer.Option("--battery", help="Nodes report their battery's voltage, simulated.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(readable=False, help="Recorded weather, .npz or .csv; Flanders if left out."),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(min=1, max=128, help="Fewer stations, or more: the rest are synthetic."),
    ] = None,
    tolerance: Annotated[
        ToleranceClass, typer.Option(help="Tolerance class.")
    ] = ToleranceClass.STANDARD,
    seed: Annotated[int, typer.Option(min=0, help="Clocks, losses, synthetic nodes.")] = 1,
    port: Annotated[int, typer.Option(min=1, max=65535, help="TCP port of the console.")] = 8787,
    udp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="UDP port of the gateway, 0: any free one.")
    ] = 0,
    store: Annotated[
        Path | None,
        typer.Option(help="Keep the gateway's database here, a new file; site.toml beside it."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the console in a browser.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON on stdout at the end.")
    ] = False,
) -> None:
    """
    Real weather drives virtual nodes; a real gateway hears them over UDP and shows the field.

    Every virtual node runs the C core that an ESP32 runs. Radio and clocks are simulated.
    """
    log_to_stderr()
    _check_usage(reach_km, loss, burst, relays=relays)
    if store is not None and store.exists():
        raise RangeError("--store", store, "must be a new file; this one exists")
    if store is not None and not store.parent.is_dir():
        raise RangeError("--store", store, "must be in a folder that exists")
    weather = _weather(data, nodes, seed)
    site = site_for(
        weather, name=_name(data), tolerance=tolerance.value, echo=echo, battery=battery
    )
    links: float | NDArray[np.float64] = loss
    if reach_km is not None:
        links, chosen = _terrain(weather, reach_km, seed)
        if relays:
            site = replace(site, relays=tuple(site.nodes[row].id for row in chosen))
            stderr.print(_relays_said(site))
    options = DemoOptions(
        hours=hours,
        loss=links,
        reach_m=None if reach_km is None else 1000.0 * reach_km,
        burst=burst,
        seed=seed,
        speed=None if once else speed,
        udp_port=udp_port,
    )
    synthetic = int(weather.is_synthetic.sum())
    if synthetic:
        stderr.print(_SYNTHETIC.format(n=synthetic, all=len(site.nodes)), style="bold yellow")
    if store is not None:
        _keep_site(store, site)
    with tempfile.TemporaryDirectory(prefix="qres-demo-") as folder:
        path = Path(folder) / "gateway.sqlite" if store is None else store
        if once:
            figures = _run_once(site, weather, path, options)
        else:
            figures = asyncio.run(_run_live(site, weather, path, options, port, open_=browser))
    if as_json:
        print_json(figures)
    else:
        _print(figures)


def _weather(data: Path | None, nodes: int | None, seed: int) -> WeatherFile:
    weather = (weather_file.demo() if data is None else weather_file.load(data)).with_mean_wind()
    return weather if nodes is None else densify(weather, nodes, seed)


def _check_usage(reach_km: float | None, loss: float, burst: float, *, relays: bool) -> None:
    if reach_km is None:
        if relays:
            text = "goes with --reach-km: without it every node hears every other"
            raise typer.BadParameter(text, param_hint="--relays")
        return
    for name, is_given in (("--loss", loss > 0), ("--burst", burst > 1)):
        if is_given:
            text = "does not go with --reach-km, by which each link has a loss of its own"
            raise typer.BadParameter(text, param_hint=name)


def _terrain(
    weather: WeatherFile, reach_km: float, seed: int
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """What is lost on each link, and rows of relays; the gateway stands at the first of them."""
    loss = link_loss(weather.lat_deg, weather.lon_deg, Terrain(1000.0 * reach_km, seed=seed))
    chosen = choose_relays(loss)
    stands = chosen[0] if chosen else int(loss.sum(axis=1).argmin())
    return np.column_stack([loss, loss[:, stands]]), chosen


def _relays_said(site: Site) -> str:
    if not site.relays:
        return "relays: none are needed, every node hears every other"
    return f"relays: nodes {', '.join(map(str, site.relays))}"


def _keep_site(store: Path, site: Site) -> None:
    path, is_own = write_site_beside(store, site)
    if is_own:
        said = f"{path}: this field, with the demo's public key; for `qres replay`"
    else:
        said = f"{path}: exists and is left as it is; this demo's field may be another"
    stderr.print(said, soft_wrap=True)


def _name(data: Path | None) -> str:
    return "Flanders (VLINDER)" if data is None else data.stem


def _run_once(site: Site, weather: WeatherFile, path: Path, options: DemoOptions) -> dict[str, Any]:
    with progress_bar("demo", "phases") as tell:
        run = Demo(site, weather, path, options, progress=tell)
        asyncio.run(run.run())
    return run.as_dict()


async def _run_live(
    site: Site, weather: WeatherFile, path: Path, options: DemoOptions, port: int, *, open_: bool
) -> dict[str, Any]:
    from qres_gateway.console.server import open_socket, run_console  # noqa: PLC0415  not for --once
    from qres_gateway.demo.view import DemoView  # noqa: PLC0415

    open_socket("127.0.0.1", port).close()  # a busy port is said before the work begins
    run = Demo(site, weather, path, options)
    view = DemoView(site, weather, options.speed, run.clock)
    run.watch, run.judge = view.watch, view.judge
    console = asyncio.create_task(run_console(view.console, port=port))
    field = asyncio.create_task(run.run())
    url = f"http://127.0.0.1:{port}/"
    stderr.print(f"console: [bold]{url}[/bold]   Ctrl-C ends the demo")
    if open_ and _has_screen():
        webbrowser.open(url)
    try:
        await asyncio.wait([console, field], return_when=asyncio.FIRST_COMPLETED)
        if field.done() and not console.done():
            await field
            stderr.print("The record has ended; the console stays until Ctrl-C.")
        await console
    finally:
        for task in (field, console):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(field, console)
    return run.as_dict()


def _has_screen() -> bool:
    """Whether a browser window can appear; a text browser in this terminal would be in the way."""
    return sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def _print(figures: dict[str, Any]) -> None:
    table = Table(title=f"{figures['nodes']} nodes, {figures['hours']:.1f} h, simulated radio")
    table.add_column("")
    table.add_column("", justify="right")
    synthetic = figures["synthetic_nodes"]
    rows = [
        ("RF bytes per hour, whole field", f"{figures['rf_bytes_per_hour']:.1f}"),
        ("the same as periodic LoRaWAN", f"{figures['periodic_lorawan_bytes_per_hour']:.0f}"),
        ("airtime per hour", f"{figures['airtime_ms_per_hour'] / 1000:.2f} s"),
        ("outside tolerance, all replicas", f"{figures['outside_tolerance']:.3%}"),
        ("all replicas equal at every commit", "yes" if figures["replicas_equal"] else "no"),
        ("gateway equal to them at every commit", _yes(figures["gateway_state_equal"])),
        ("frames heard and decoded by the gateway", _decoded(figures)),
    ]
    if figures["relays"]:
        rows.insert(0, ("relays", ", ".join(map(str, figures["relays"]))))
    if figures["reach_m"] is not None:
        lost = f"{figures['loss']:.0%}"
        rows.insert(0, (f"lost, half at {figures['reach_m'] / 1000:g} km", lost))
    if synthetic:
        rows.insert(0, ("SYNTHETIC nodes", str(synthetic)))
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _decoded(figures: dict[str, Any]) -> str:
    return f"{figures['gateway_frames_decoded']} of {figures['gateway_frames_heard']}"
