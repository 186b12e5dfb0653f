# SPDX-License-Identifier: Apache-2.0
"""
`qres bench`: reproduce the figures that README claims.

Exit codes: 0 done; 1 the data cannot be read; 2 wrong usage.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from qres import weather_file
from qres.virtual.rf_bench import phases_in, rf_bench
from qres.virtual.sites import site_for
from qres_gateway.cli.bench_anomaly import anomaly
from qres_gateway.cli.bench_relays import relays
from qres_gateway.cli.choices import ToleranceClass
from qres_gateway.cli.output import print_json, progress_bar, stderr

if TYPE_CHECKING:
    from qres.weather_file import WeatherFile

__all__ = ["register"]

app = typer.Typer(no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add `bench` to the `qres` command."""
    parent.add_typer(app, name="bench", help="Reproduce the figures that README claims.")


@app.callback()
def _bench() -> None:
    """Reproduce the figures that README claims, on recorded weather and simulated radio."""


app.command()(anomaly)
app.command()(relays)


@app.command()
def rf(
    data: Annotated[
        Path | None, typer.Option(help="Recorded weather, .npz or .csv; the demo's if left out.")
    ] = None,
    tolerance: Annotated[
        ToleranceClass, typer.Option(help="Tolerance class.")
    ] = ToleranceClass.STANDARD,
    hours: Annotated[
        float | None, typer.Option(min=1.0, help="How much of the record; all if left out. [h]")
    ] = None,
    sf: Annotated[int, typer.Option(min=7, max=12, help="Spreading factor, for airtime.")] = 9,
    echo: Annotated[
        bool, typer.Option("--echo", help="Every report repeats an older one (SPEC 6.5).")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="The tolerance follows the danger (SPEC 6.2).")
    ] = False,
    battery: Annotated[
        bool, typer.Option("--battery", help="Nodes report a simulated battery's voltage.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Clocks follow from it.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """
    RF bytes and airtime of QRES, of send-on-delta in the same frames, and of periodic senders.

    Every station is a node with a replica of its own; no frame is lost. Figures are on simulated
    radio.
    """
    weather = weather_file.demo() if data is None else weather_file.load(data)
    weather = weather.with_mean_wind()
    total = 2 * phases_in(weather, site_for(weather), hours)
    with progress_bar("bench rf", "phases") as tell:
        figures = rf_bench(
            weather,
            tolerance=tolerance.value,
            hours=hours,
            sf=sf,
            echo=echo,
            follow=follow,
            battery=battery,
            seed=seed,
            progress=lambda done: tell(done, total),
        )
    if as_json:
        print_json(figures)
    else:
        _print(weather, figures)


def _print(weather: WeatherFile, figures: dict[str, Any]) -> None:
    table = Table(title=f"{figures['nodes']} nodes, {figures['hours']:.0f} h, {weather.source}")
    for column in ("", "RF bytes/h", "airtime ms/h", "outside tolerance"):
        table.add_column(column, justify="left" if not column else "right")
    delta = figures["baselines"]["send_on_delta"]
    for name, row in (("QRES", figures), ("send-on-delta, same frames", delta)):
        table.add_row(
            name,
            f"{row['rf_bytes_per_hour']:.1f}",
            f"{row['airtime_ms_per_hour']:.0f}",
            f"{row['outside_tolerance']:.2%}",
        )
    for key, row in figures["baselines"].items():
        if key != "send_on_delta":
            table.add_row(
                row["name"],
                f"{row['rf_bytes_per_hour']:.0f}",
                f"{row['airtime_ms_per_hour']:.0f}",
                "–",
            )
    stderr.print(f"simulated radio; tolerance {figures['tolerance']}; seedable, no loss")
    from rich.console import Console  # noqa: PLC0415  stdout is looked up when it is used

    Console().print(table)
