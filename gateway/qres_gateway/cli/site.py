# SPDX-License-Identifier: Apache-2.0
"""
`qres site`: make, check and export a site file.

Exit codes: 0 fine (warnings do not count); 1 the file has errors, or could not be written; 2 wrong
usage.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qres import site_new, weather_file
from qres.atomic_file import write_atomic
from qres.site import load_site
from qres.site_check import Problem, parse_site
from qres.site_export import site_to_dict
from qres_gateway.cli.choices import ToleranceClass

if TYPE_CHECKING:
    from qres.site import Site, SiteNode

__all__ = ["register"]

app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The site file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


def register(parent: typer.Typer) -> None:
    """Add `site` to the `qres` command."""
    parent.add_typer(app, name="site", help="Make, check and export a site file.")


@app.command()
def check(file: File, as_json: AsJson = False) -> None:
    """
    Say what is wrong with a site file and its key file: file, line, key, value and limit.

    Exit code 0 if there is no error, 1 if there is one.
    """
    site, problems = parse_site(file, with_key=True)
    if as_json:
        _print_json({"file": str(file), "ok": site is not None, "problems": _plain(problems)})
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(_summary(file, site, problems))
    if site is None:
        raise typer.Exit(1)


@app.command()
def new(
    out: Annotated[Path, typer.Option(help="Folder of site.toml and site.key.")] = Path(),
    name: Annotated[str, typer.Option(help="Name of the field.")] = "new field",
    region: Annotated[str, typer.Option(help="Radio region: EU868, US915 or AU915.")] = "EU868",
    nodes: Annotated[
        int | None, typer.Option(help="This many nodes on a grid, positions to be surveyed.")
    ] = None,
    stations: Annotated[
        Path | None, typer.Option("--from", help="Nodes from a CSV table with lat and lon.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A node per station of recorded weather, .npz or .csv.")
    ] = None,
    lat: Annotated[float, typer.Option(help="Centre of the grid of --nodes. [deg north]")] = 0.0,
    lon: Annotated[float, typer.Option(help="Centre of the grid of --nodes. [deg east]")] = 0.0,
    tolerance: Annotated[
        ToleranceClass, typer.Option(help="Tolerance class.")
    ] = ToleranceClass.STANDARD,
    epoch: Annotated[int, typer.Option(help="Length of an epoch. [s]")] = 600,
    battery: Annotated[
        bool, typer.Option("--battery", help="Nodes report their battery's voltage, too.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    keep_key: Annotated[
        bool, typer.Option("--keep-key", help="Keep the key that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """
    Write a commented site.toml and a fresh 128-bit key that only you can read.

    Give one of --nodes, --from and --data. Exit code 1 if anything is in the way; nothing is then
    half-written.
    """
    site = site_new.new_site(
        name=name,
        region_name=region,
        nodes=_nodes(nodes, stations, data, lat, lon),
        folder=out,
        tolerance=tolerance.value,
        epoch_s=epoch,
        battery=battery,
    )
    path, warnings = site_new.write_site(site, replace=force, keep_key=keep_key)
    if as_json:
        made = {"site": str(path), "key_file": str(site.key_file), "field_id": site.field_id}
        _print_json({**made, "n_nodes": len(site.nodes), "problems": _plain(warnings)})
        return
    for problem in warnings:
        typer.echo(str(problem))
    kept = "kept" if keep_key else "new, readable by you only"
    typer.echo(f"{path}: written, {len(site.nodes)} nodes; {site.key_file}: {kept}")
    typer.echo(f"Next: edit {path.name}, then `qres site check {path}`.")


@app.command()
def export(
    file: File,
    out: Annotated[Path | None, typer.Option(help="File to write; else to the terminal.")] = None,
) -> None:
    """Write the site as JSON, with what follows from it: phases, slots, coordinates."""
    text = json.dumps(site_to_dict(load_site(file)), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(out, text.encode("utf-8"), replace=True)


def _nodes(
    count: int | None, stations: Path | None, data: Path | None, lat: float, lon: float
) -> list[SiteNode]:
    """The nodes from the one source that was given."""
    if [count, stations, data].count(None) != 2:
        raise typer.BadParameter("give exactly one of --nodes, --from and --data")
    if stations is not None:
        return site_new.nodes_from_csv(stations)
    if data is not None:
        return site_new.nodes_from_weather(weather_file.load(data))
    return site_new.placeholder_nodes(count or 0, lat, lon)


def _summary(file: Path, site: Site | None, problems: list[Problem]) -> str:
    errors = sum(p.is_error for p in problems)
    warnings = len(problems) - errors
    found = f"errors: {errors}, warnings: {warnings}"
    if site is None:
        return f"{file}: {found}"
    return (
        f"{file}: fine ({found}): {len(site.nodes)} nodes, {site.region}"
        f" {site.freq_hz / 1e6:g} MHz SF{site.sf}/{site.bw_hz / 1e3:g} kHz,"
        f" epoch {site.epoch_s} s, tolerance {site.tolerance.class_name}"
    )


def _plain(problems: list[Problem]) -> list[dict[str, object]]:
    return [dataclasses.asdict(p) for p in problems]


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
