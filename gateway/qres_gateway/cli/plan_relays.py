# SPDX-License-Identifier: Apache-2.0
"""
`qres plan relays`: who should repeat for whom.

Exit codes: 0 relays reach every node, or none are needed; 1 some node stays out of reach, a phase
is too short for the relays, or the site file cannot be used; 2 wrong usage.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from qres.links import GOOD_LOSS, Terrain, choose_relays, link_loss, out_of_reach, reach
from qres.site import N_RELAYS_MAX, load_site
from qres_gateway.cli.output import print_json

__all__ = ["relays"]


def relays(
    file: Annotated[Path, typer.Argument(metavar="SITE", help="The site file.")],
    reach_km: Annotated[
        float,
        typer.Option(min=0.1, max=1000.0, help="Distance at which half of the frames arrive. [km]"),
    ],
    exponent: Annotated[
        float, typer.Option(min=1.0, max=8.0, help="2 in free space, 4 over flat ground.")
    ] = 3.5,
    shadow_db: Annotated[
        float, typer.Option(min=0.0, max=30.0, help="Spread of obstructions between pairs. [dB]")
    ] = 6.0,
    most: Annotated[
        int, typer.Option(min=1, max=N_RELAYS_MAX, help="Most relays that there may be.")
    ] = N_RELAYS_MAX,
    seed: Annotated[int, typer.Option(min=0, help="The obstructions follow from it.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """
    Choose the relays of a site whose nodes do not all hear each other, by a model of the terrain.

    The model (`qres.links`) knows distances, not hills: take its answer as a first guess, and the
    field check of docs/field-manual.md as the last word.
    """
    site = load_site(file)
    terrain = Terrain(1000.0 * reach_km, exponent=exponent, shadow_db=shadow_db, seed=seed)
    loss = link_loss([n.lat_deg for n in site.nodes], [n.lon_deg for n in site.nodes], terrain)
    links = reach(loss)
    rows = choose_relays(loss, most)
    chosen = [site.nodes[row].id for row in rows]
    alone = [site.nodes[row].id for row in out_of_reach(loss, rows)]
    relayed = replace(site, relays=tuple(chosen))
    found: dict[str, Any] = {
        "model": "log-normal shadowing, see qres.links; not measured",
        "reach_m": terrain.reach_m,
        "nodes": len(site.nodes),
        "good_share": round(links.good_share, 4),
        "mean_loss": round(links.mean_loss, 4),
        "hops": links.hops,
        "relays": chosen,
        "out_of_reach": alone,
        "commit_us": relayed.commit_us,
        "phase_us": relayed.phase_us,
    }
    if as_json:
        print_json(found)
    else:
        _print(found)
    if alone or not _fits(found):
        raise typer.Exit(1)


def _fits(found: dict[str, Any]) -> bool:
    """Whether a phase has time for the relays' slots, SPEC 3."""
    return bool(found["commit_us"] < found["phase_us"])


def _print(found: dict[str, Any]) -> None:
    typer.echo(
        f"{found['nodes']} nodes: {found['good_share']:.0%} of the pairs lose at most"
        f" {GOOD_LOSS:.0%} of their frames, {found['mean_loss']:.0%} are lost in all;"
        f" {found['hops']} hops across"
    )
    if found["relays"] and not _fits(found):
        typer.echo(
            f"relays {', '.join(map(str, found['relays']))} would be needed, but a phase is too"
            f" short for their slots: all take {found['commit_us'] / 1e6:.1f} s, must be below"
            f" {found['phase_us'] / 1e6:g} s; lower sf, lengthen epoch_s, or allow fewer by --most"
        )
    elif found["relays"]:
        typer.echo("in [protocol] of the site file, then provision all nodes again:")
        typer.echo(f"relays = {found['relays']}")
    elif not found["out_of_reach"]:
        typer.echo("no relays are needed: every node hears every other")
    if found["out_of_reach"]:
        of = "relays" if found["relays"] else "others"
        typer.echo(f"out of reach of the {of}: {', '.join(map(str, found['out_of_reach']))}")
