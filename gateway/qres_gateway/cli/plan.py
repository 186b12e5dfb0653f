# SPDX-License-Identifier: Apache-2.0
"""
`qres plan`: what a field needs, before anything is bought.

Exit codes: 0 the plan meets its target; 1 it does not, or a file cannot be used; 2 wrong usage.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from qres.atomic_file import write_atomic
from qres.errors import RangeError
from qres.plan import NOTICE
from qres.plan.battery import CELLS, PANELS_WP, Cell
from qres.plan.currents import BOARDS
from qres.plan.gauges import ANEMOMETERS, NONE, RAIN_GAUGES, Gauges, divided
from qres.plan.load import REPORTS_PER_HOUR, Sleep
from qres.site import load_site
from qres_gateway.cli.output import print_json, stderr
from qres_gateway.cli.plan_relays import relays

if TYPE_CHECKING:
    from qres.plan.airtime import AirtimePlan
    from qres.plan.energy import EnergyPlan, Option

__all__ = ["register"]

app = typer.Typer(no_args_is_help=True)

_SHOWN_OPTIONS = 6
_WIDE = 160
_MUCH = 0.1
"""Share of a day above which something cheap can be done about wind. [1]"""

File = Annotated[Path, typer.Argument(metavar="SITE", help="The site file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")]
Reports = Annotated[
    float, typer.Option(min=0.0, help="Reports of a node; see `qres bench rf`. (1/h)")
]


class Charger(StrEnum):
    """Chargers, as choices of an option."""

    LINEAR = "linear"
    MPPT = "mppt"


def register(parent: typer.Typer) -> None:
    """Add `plan` to the `qres` command."""
    parent.add_typer(app, name="plan", help="Before buying: energy, airtime and relays of a site.")
    app.command()(relays)


@app.command()
def energy(
    file: File,
    board: Annotated[
        str, typer.Option(help="Board, e.g. heltec-v3, t3-s3, ht-ct62.")
    ] = "heltec-v3",
    panel: Annotated[
        float | None, typer.Option(help="Only this panel; chosen if left out. (Wp)")
    ] = None,
    cell: Annotated[
        int | None, typer.Option(help="Only this cell, by its number in `qres plan parts`.")
    ] = None,
    tilt: Annotated[
        float | None, typer.Option(help="Tilt of the panel; latitude + 15 if left out. (deg)")
    ] = None,
    azimuth: Annotated[
        float | None, typer.Option(help="Where it looks; the equator if left out. (deg from north)")
    ] = None,
    shade: Annotated[float, typer.Option(help="Mean share of sun lost to trees and slopes.")] = 0.1,
    charger: Annotated[Charger, typer.Option(help="Charger.")] = Charger.LINEAR,
    clear_winter: Annotated[
        float, typer.Option(help="Sun over that of a clear sky, darkest season.")
    ] = 0.5,
    clear_summer: Annotated[
        float, typer.Option(help="Sun over that of a clear sky, brightest season.")
    ] = 0.75,
    cold: Annotated[float, typer.Option(help="Mean of the coldest month. (degC)")] = 0.0,
    warm: Annotated[float, typer.Option(help="Mean of the warmest month. (degC)")] = 20.0,
    smoke_weeks: Annotated[float, typer.Option(help="Smoke in each fire season. (weeks)")] = 2.0,
    reports: Reports = REPORTS_PER_HOUR,
    rx_boost: Annotated[
        bool, typer.Option("--rx-boost", help="Receiver at its more sensitive setting.")
    ] = False,
    sleep: Annotated[
        Sleep, typer.Option(help="How the processor sleeps between phases.")
    ] = Sleep.LIGHT,
    asleep_ua: Annotated[
        float | None, typer.Option(help="What your board draws asleep, measured. (uA)")
    ] = None,
    anemometer: Annotated[
        str | None,
        typer.Option(help="Anemometer by its name in gauges.toml, or none; as site and board say."),
    ] = None,
    rain_gauge: Annotated[
        str | None, typer.Option(help="Rain gauge likewise, or none; as the site says.")
    ] = None,
    wind: Annotated[float, typer.Option(help="Mean wind at the cups. (m/s)")] = Gauges().wind_m_s,
    rain: Annotated[float, typer.Option(help="Rain in a year. (mm)")] = Gauges().rain_mm_year,
    margin: Annotated[
        float, typer.Option(help="Plan for this many times the table's consumption.")
    ] = 2.0,
    target: Annotated[
        float, typer.Option(help="Share of node-years that must pass without darkness.")
    ] = 0.99,
    autonomy: Annotated[
        float, typer.Option(help="Days without any sun to bridge in the coldest month.")
    ] = 14.0,
    years: Annotated[int, typer.Option(min=1, max=2000, help="Node-years to simulate.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Clouds, smoke and shade follow from it.")] = 1,
    plot: Annotated[
        Path | None, typer.Option(help="Write a plot, a .html that needs no network.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    The panel and the cell to buy.

    A node's day, from vendor currents and the site's radio windows, through years of simulated
    sun, smoke and cold. Nothing of it was measured on hardware.
    """
    if plot is not None and plot.suffix.lower() not in {".html", ".htm"}:
        raise typer.BadParameter(f"{plot}: must end in .html", param_hint="--plot")
    site = load_site(file)
    from qres.plan.energy import Mounting, Question, plan_energy  # noqa: PLC0415  pvlib: a while
    from qres.plan.weather import Climate  # noqa: PLC0415

    plan = plan_energy(
        site,
        Question(
            board=board,
            climate=Climate(
                clear_winter=clear_winter,
                clear_summer=clear_summer,
                smoke_weeks=smoke_weeks,
                cold_degc=cold,
                warm_degc=warm,
            ),
            mounting=Mounting(
                tilt_deg=tilt, azimuth_deg=azimuth, shade=shade, charger=charger.value
            ),
            reports_per_hour=reports,
            rx_boosted=rx_boost,
            sleep=sleep,
            asleep_ua=asleep_ua,
            gauges=Gauges(anemometer, rain_gauge, wind, rain),
            margin=margin,
            years=years,
            seed=seed,
            target=target,
            autonomy_days=autonomy,
            panel_wp=panel,
            cell=_cell(cell),
        ),
    )
    if plot is not None:
        from qres.plan.plot import plot_html  # noqa: PLC0415  plotly takes a while

        write_atomic(plot, plot_html(plan, site.name).encode(), replace=True)
        stderr.print(f"wrote {plot}")
    if as_json:
        print_json(plan.as_dict())
    else:
        _print_energy(plan)
    if plan.best is None:
        raise typer.Exit(1)


@app.command()
def airtime(file: File, reports: Reports = REPORTS_PER_HOUR, as_json: AsJson = False) -> None:
    """
    How long frames and nodes are on air, and what the law leaves.

    Exit code 1 if the worst hour or the longest frame breaks the law: the node's governor would
    then hold frames back.
    """
    from qres.plan.airtime import plan_airtime  # noqa: PLC0415

    plan = plan_airtime(load_site(file), reports)
    if as_json:
        print_json(plan.as_dict())
    else:
        _print_airtime(plan)
    if not plan.is_legal:
        raise typer.Exit(1)


@app.command()
def parts() -> None:
    """List the boards, panels and cells that `qres plan energy` knows, with sources."""
    for name, one in BOARDS.items():
        note = " (has an amplifier: no plan)" if one.has_amplifier else ""
        floor = f"{one.floor.ua:g} uA beside the processor: {one.floor.source}"
        typer.echo(f"board {name}: {one.mcu}, {floor}{note}")
    typer.echo(f"anemometers: {NONE}, {', '.join(ANEMOMETERS)}")
    typer.echo(f"rain gauges: {NONE}, {', '.join(RAIN_GAUGES)}")
    typer.echo(f"panels: {', '.join(f'{wp:g}' for wp in PANELS_WP)} Wp")
    for number, cell in enumerate(CELLS):
        typer.echo(f"cell {number}: {cell.name}, {cell.wh:.1f} Wh")
    for kind in dict.fromkeys(cell.chemistry for cell in CELLS):
        typer.echo(f"{kind.name}: cold: {kind.capacity_source}; charging: {kind.charge_source}")


def _cell(number: int | None) -> Cell | None:
    if number is None:
        return None
    if not 0 <= number < len(CELLS):
        raise RangeError("--cell", number, f"must be 0..{len(CELLS) - 1}, see `qres plan parts`")
    return CELLS[number]


def _print_energy(plan: EnergyPlan) -> None:
    # A pipe gets tables as wide as they need.
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    title = f"{plan.day.mah:.1f} mAh, planned for {plan.planned_mah:.1f}"
    day = Table(title=f"a node's day on {plan.question.board}: {title}")
    for name in ("", "uA", "s/day", "mAh/day", "source"):
        day.add_column(name, justify="left" if name in {"", "source"} else "right")
    for line in plan.day.lines:
        day.add_row(
            *(line.what, f"{line.current.ua:g}", f"{line.seconds:.0f}", f"{line.mah:.3f}"),
            line.current.source.replace("[", "\\["),
        )
    console.print(day)
    _print_gauges(plan)
    ranked = sorted(plan.options, key=lambda o: (not o.meets, o.rank if o.meets else -o.survival))
    out = Table(title=f"{plan.question.years} simulated node-years: {NOTICE}")
    for name in ("panel", "cell", "without darkness", "days without sun", "lowest charge", "dark"):
        out.add_column(name, justify="left" if name == "cell" else "right")
    for option in ranked[:_SHOWN_OPTIONS]:
        out.add_row(*_option_cells(option))
    console.print(out)
    if plan.best is None:
        limit = f"{plan.question.target:.1%} and {plan.question.autonomy_days:g} days"
        typer.echo(f"nothing in the table reaches {limit}; the best that there is stands first")
    else:
        typer.echo(f"buy: {plan.best.panel_wp:g} Wp and {plan.best.cell.name} for each node")


def _print_gauges(plan: EnergyPlan) -> None:
    gauges, wakes_mah = plan.day.gauges, plan.day.wind_wake_mah
    typer.echo(
        f"gauges: {gauges.anemometer} in a mean wind of {gauges.wind_m_s:g} m/s,"
        f" {gauges.rain_gauge} in {gauges.rain_mm_year:g} mm a year"
    )
    other = divided(gauges.anemometer)
    if other is not None and wakes_mah > _MUCH * plan.day.mah:
        typer.echo(
            f"waking for wind is {wakes_mah / plan.day.mah:.0%} of the day: a divider by 16,"
            f" --anemometer {other}, leaves a sixteenth of it (field manual, wiring)"
        )


def _option_cells(o: Option) -> tuple[str, ...]:
    return (
        f"{o.panel_wp:g} Wp",
        o.cell.name,
        f"{o.survival:.1%}",
        f"{o.autonomy_days:.1f}",
        f"{o.lowest:.0%}",
        f"{o.dark_h:.1f} h/year",
    )


def _print_airtime(plan: AirtimePlan) -> None:
    out = Table(title="time on air")
    for name in ("frame", "bytes", "ms"):
        out.add_column(name, justify="left" if name == "frame" else "right")
    for what, n_bytes, airtime_us in plan.frames:
        out.add_row(what, str(n_bytes), f"{airtime_us / 1000:.1f}")
    Console().print(out)
    limit = plan.limit_ms_per_hour
    law = f"sub-band {plan.band}: no duty cycle" if limit is None else f"{limit:.0f} in {plan.band}"
    typer.echo(f"a node listens {plan.window_s:.2f} s a phase, {plan.listen_share:.1%} of the time")
    typer.echo(
        f"a node sends {plan.mean_ms_per_hour:.0f} ms/h on average,"
        f" {plan.worst_ms_per_hour:.0f} ms/h at most; the law: {law}"
    )
