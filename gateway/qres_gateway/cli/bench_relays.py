# SPDX-License-Identifier: Apache-2.0
"""
`qres bench relays`: a field whose nodes do not all hear each other, with relays and without.

Exit codes: 0 done; 1 the data cannot be read; 2 wrong usage.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from qres import weather_file
from qres.virtual.relay_bench import WAYS, relay_bench
from qres.virtual.rf_bench import phases_in
from qres.virtual.sites import site_for
from qres_gateway.cli.output import print_json, progress_bar, stderr

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["relays"]

_REACHES_KM = (120.0, 80.0, 60.0)  # 12, 27 and 41 % of the demo record's frames are lost


def relays(
    reach_km: Annotated[
        list[float] | None,
        typer.Option(
            min=0.1, max=1000.0, help="Distance at which half of the frames arrive; several. [km]"
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Recorded weather, .npz or .csv; the demo's if left out.")
    ] = None,
    hours: Annotated[float, typer.Option(min=1.0, help="How much of the record. [h]")] = 96.0,
    seed: Annotated[int, typer.Option(min=0, help="Terrain, losses and clocks.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """
    RF bytes and errors where nodes do not all hear each other: as is, with echo, with relays.

    Terrain, radio and clocks are simulated (`qres.links`), weather and nodes are real; relays are
    those that `qres plan relays` would choose.
    """
    weather = (weather_file.demo() if data is None else weather_file.load(data)).with_mean_wind()
    reaches: Sequence[float] = reach_km or _REACHES_KM
    total = len(reaches) * len(WAYS) * phases_in(weather, site_for(weather), hours)
    with progress_bar("bench relays", "phases") as tell:
        figures = relay_bench(
            weather,
            [1000.0 * km for km in reaches],
            hours=hours,
            seed=seed,
            progress=lambda done: tell(done, total),
        )
    if as_json:
        print_json(figures)
    else:
        _print(figures)


def _print(figures: dict[str, Any]) -> None:
    table = Table(title=f"{figures['nodes']} nodes, {figures['source']}")
    for column in ("reach", "lost", "hops", "", "RF bytes/h", "outside tolerance", "all equal"):
        table.add_column(column, justify="left" if not column else "right")
    for found in figures["reaches"]:
        for way in WAYS:
            row = found["ways"][way]
            count = len(found["relays"])
            name = f"{count} relay{'s' * (count != 1)}" if way == "relays" else way
            first = way == WAYS[0]
            table.add_row(
                f"{found['reach_m'] / 1000:g} km" if first else "",
                f"{found['mean_loss']:.0%}" if first else "",
                str(found["hops"]) if first else "",
                name,
                f"{row['rf_bytes_per_hour']:.0f}",
                f"{row['outside_tolerance']:.2%}",
                f"{row['phases_equal'] / max(row['phases'], 1):.0%}",
            )
    stderr.print(f"{figures['radio']}; seed {figures['seed']}")
    from rich.console import Console  # noqa: PLC0415  stdout is looked up when it is used

    Console().print(table)
