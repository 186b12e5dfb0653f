# SPDX-License-Identifier: Apache-2.0
"""
`qres drift`: which sensors have slowly gone astray, from what a gateway has reconstructed.

The anomaly score forgets what comes in weeks; this looks for it (`qres.anomaly.drift`). Exit codes:
0 nobody is suspect; 1 somebody is, or the store cannot be read; 2 wrong usage.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from qres.anomaly.drift import CHANNELS, LEARN_DAYS, SUSPECT, DriftDay, DriftWatch
from qres.anomaly.neighbours import nearest
from qres.channels import channel
from qres.core import Status
from qres.core_field import Field
from qres.site import load_site
from qres_gateway.cli.output import print_json, stderr
from qres_gateway.cli.store_option import StoreFile, beside
from qres_gateway.store_weather import weather_of_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qres.fire_weather.series import HourlyWeather
    from qres.site import Site

__all__ = ["drift_days", "register"]

_DAY_S: Final = 86_400


def register(parent: typer.Typer) -> None:
    """Add `drift` to the `qres` command."""
    parent.command(name="drift")(drift)


def drift(
    site: Annotated[Path, typer.Option(readable=False, help="The site file.")] = Path("site.toml"),
    store: StoreFile = None,
    suspect: Annotated[
        float, typer.Option(min=0.1, help="From which statistic on a sensor is suspect.")
    ] = SUSPECT,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """Look for sensors that drift: daily departures from neighbours against the last month's."""
    field = load_site(site)
    path = beside(site) if store is None else store
    hours = weather_of_store(path, field, utc_offset_h=0.0)
    days = list(drift_days(field, hours, suspect))
    if len(days) <= LEARN_DAYS:
        stderr.print(
            f"{len(days)} whole days so far: nothing is judged before day {LEARN_DAYS + 1}"
        )
    rows = _rows(field, days[-1][1]) if days else []
    if as_json:
        last = int(days[-1][0]) * _DAY_S if days else None
        print_json({"days": len(days), "last_day_s": last, "suspect_above": suspect, "nodes": rows})
    else:
        _print(rows)
    if any(row["is_suspect"] for row in rows):
        raise typer.Exit(1)


def drift_days(
    site: Site, hours: HourlyWeather, suspect: float = SUSPECT
) -> Iterator[tuple[int, DriftDay]]:
    """
    Each whole UTC day of *hours*, as days since 1970, and its judgement.

    Values that are stale or diverged say nothing of the sensor and are left out.
    """
    watch = DriftWatch(nearest(Field(site)), suspect)
    fresh = (hours.status == Status.REPORTED) | (hours.status == Status.HELD)
    values: NDArray[np.float64] = np.stack([hours.temp_degc, hours.rh_pct], axis=2)
    values = np.where(fresh[:, :, None], values, np.nan)
    day_of = hours.time_s // _DAY_S
    for day in np.unique(day_of).tolist():
        at = day_of == day
        if at.sum() == 24:
            watch.add(values[at])
            yield day, watch.end_day()


def _rows(site: Site, day: DriftDay) -> list[dict[str, Any]]:
    """One row a node and channel, the most suspect first; what is not judged has None."""
    rows = [
        {
            "node": node.id,
            "name": node.name,
            "channel": name,
            "change": _known(day.change[i, c]),
            "statistic": _known(day.statistic[i, c]),
            "is_suspect": bool(day.is_suspect[i]),
        }
        for i, node in enumerate(site.nodes)
        for c, name in enumerate(CHANNELS)
    ]
    return sorted(rows, key=lambda row: -abs(row["statistic"] or 0.0))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table("node", "name", "sensor", "moved by", "statistic", "", header_style="bold")
    for row in rows:
        if row["statistic"] is not None:
            moved = f"{row['change']:+.2f} {channel(row['channel']).unit}"
            mark = "suspect" if row["is_suspect"] else ""
            cells = (str(row["node"]), row["name"], channel(row["channel"]).label, moved)
            table.add_row(*cells, f"{row['statistic']:+.1f}", mark)
    Console().print(table)
