# SPDX-License-Identifier: Apache-2.0
"""
`qres bench anomaly`: what the anomaly score finds on recorded weather, against simpler methods.

Exit codes: 0 done; 1 the data cannot be read; 2 wrong usage.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from qres.anomaly import records
from qres.anomaly.evaluate import evaluate, steps
from qres.atomic_file import write_atomic
from qres_gateway.cli.output import print_json, progress_bar, stderr

if TYPE_CHECKING:
    from qres.anomaly.records import Record

__all__ = ["anomaly"]


def anomaly(
    data: Annotated[
        Path | None,
        typer.Option(
            help="A record (.npz, .csv), or the folder with beijing_prsa_hourly.npz and"
            " taiwan_dense100_hourly.npz; else QRES_DATA; the demo's record is always there."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write a plot, a .html that needs no network.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Events and losses follow from it.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="One year, one tolerance, no loss, no drift.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """
    Recall, delay and false alarms of the anomaly score, its calibration, and what it costs.

    Events are put into recorded weather at single nodes: heat, a stuck sensor, drift. Dry spells
    are labelled from the record itself. All methods are compared at equal false alarms.
    """
    if plot is not None and plot.suffix.lower() not in {".html", ".htm"}:
        raise typer.BadParameter(f"{plot}: must end in .html", param_hint="--plot")
    chosen, absent = _records(data)
    for name in absent:
        stderr.print(f"{name} is not here: its figures are left out (see --data)")
    total = steps(chosen, quick=quick)
    with progress_bar("bench anomaly", "parts") as tell:
        figures = evaluate(chosen, quick=quick, seed=seed, progress=lambda done: tell(done, total))
    figures["absent"] = absent
    if plot is not None:
        from qres.anomaly.plot import plot_html  # noqa: PLC0415  plotly takes a while

        write_atomic(plot, plot_html(figures).encode(), replace=True)
        stderr.print(f"wrote {plot}")
    if as_json:
        print_json(figures)
    else:
        _print(figures)


def _records(data: Path | None) -> tuple[list[Record], list[str]]:
    if data is not None and data.is_file():
        return [records.load(data)], []
    folder = data
    if folder is None and "QRES_DATA" in os.environ:
        folder = Path(os.environ["QRES_DATA"])
    if data is not None and not data.is_dir():
        raise typer.BadParameter(f"{data}: no such file or folder", param_hint="--data")
    return records.locate(folder)


def _print(figures: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415  stdout is looked up when it is used

    out = Console(highlight=False)
    stderr.print(f"{figures['radio']}; seed {figures['seed']}")
    for r in figures["records"]:
        title = f"{r['name']}: {len(r['stations'])} nodes, {r['days']:.0f} days"
        out.print(_methods_table(f"{title}, {r['events']} events", r["methods"]))
        for loss in r.get("loss", []):
            share = f"{loss['loss']:.0%} of frames lost"
            out.print(_methods_table(f"{r['name']}: {share}", loss["methods"]))
        if "drift" in r:
            out.print(_methods_table(f"{r['name']}: slow drift", r["drift"]["methods"]))
        out.print(_calibration_table(r))
        out.print(_cost_table(r))
        if "field" in r:
            out.print(_field_table(r))


def _methods_table(title: str, methods: list[dict[str, Any]]) -> Table:
    rates = " and ".join(f"{at['rate']:g}" for at in methods[0]["at"])
    chance = any(_first(m, k)["by_chance"] for m in methods for k in m["at"][0]["kinds"])
    table = Table(
        title=title,
        caption=f"recall at {rates} false alarms per node-month; at the first of them, median"
        f" delay{' and in brackets what chance finds' if chance else ''}",
    )
    table.add_column("method")
    kinds = list(methods[0]["at"][0]["kinds"])
    for kind in kinds:
        table.add_column(f"{kind} ({_first(methods[0], kind)['events']})", justify="right")
    has_cause = any("cause" in m["at"][0] for m in methods)
    if has_cause:
        table.add_column("heat / sensor right", justify="right")
    for method in methods:
        row = [_cell(method, kind) for kind in kinds]
        if has_cause:
            cause = method["at"][0].get("cause", {})
            row.append(" / ".join(_percent(v) for v in cause.values()))
        table.add_row(method["method"], *row)
    return table


def _first(method: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = method["at"][0]["kinds"][kind]
    return found


def _cell(method: dict[str, Any], kind: str) -> str:
    first = _first(method, kind)
    recalls = " / ".join(f"{at['kinds'][kind]['recall']:.0%}" for at in method["at"])
    delay = "" if first["delay_h"] is None else f", {first['delay_h']:.0f} h"
    chance = f" ({first['by_chance']:.0%})" if first["by_chance"] else ""
    return f"{recalls}{delay}{chance}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _calibration_table(r: dict[str, Any]) -> Table:
    c = r["calibration"]
    table = Table(title=f"{r['name']}: share of hours with a score of at least ...")
    table.add_column("")
    for grade in c["grades"]:
        table.add_column(f"{grade:.0f}", justify="right")
    table.add_row("stated", *(f"{s:.2%}" for s in c["stated"]))
    for period in c["periods"]:
        year = "all" if period["year"] is None else f"year {period['year']}"
        for key in ("local", "climate", "field"):
            table.add_row(f"{key}, {year}", *(f"{s:.2%}" for s in period[key]))
    return table


def _cost_table(r: dict[str, Any]) -> Table:
    table = Table(title=f"{r['name']}: what a tolerance costs; errors against float on true data")
    columns = {
        "report_bytes_per_hour": "reports B/h",
        "bytes_per_hour": "all B/h",
        "ffmc_rmse": "FFMC RMSE",
        "peak_isi_rmse": "day's peak ISI RMSE",
        "peak_isi_rmse_dry": "... of 5 or more",
        "peak_fwi_rmse": "day's peak FWI RMSE",
    }
    table.add_column("tolerance")
    for label in columns.values():
        table.add_column(label, justify="right")
    for name, cost in r["cost"].items():
        table.add_row(name, *(f"{cost[key]:.2f}" for key in columns))
    return table


def _field_table(r: dict[str, Any]) -> Table:
    field = r["field"]
    rates = " and ".join(f"{at['rate']:g}" for at in field["methods"][0]["at"])
    table = Table(
        title=f"{r['name']}: {field['spells']} dry spells, {field['worst_hours']} worst hours",
        caption=f"at {rates} false alarms a month; lead at the first: from alarm to worst hour",
    )
    for label in ("method", "spells found", "lead", "worst hours found"):
        table.add_column(label, justify="left" if label == "method" else "right")
    for method in field["methods"]:
        at = method["at"]
        lead = at[0]["lead_h"]
        table.add_row(
            method["method"],
            " / ".join(f"{x['spell_recall']:.0%}" for x in at),
            "–" if lead is None else f"{round(lead)} h",
            " / ".join(f"{x['worst_hour_recall']:.0%}" for x in at),
        )
    return table
