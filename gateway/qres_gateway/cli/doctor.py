# SPDX-License-Identifier: Apache-2.0
"""
`qres doctor`: what is wrong with this installation, in plain words, with the fix.

Exit codes: 0 all is well, or there are warnings only; 1 something does not work; 2 wrong usage.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from qres_gateway.cli.output import print_json
from qres_gateway.cli.store_option import beside
from qres_gateway.doctor.run import Subject, checks

if TYPE_CHECKING:
    from qres_gateway.doctor.result import Level, Result

__all__ = ["register"]

_MARK: Final[dict[Level, str]] = {
    "ok": "[green]ok  [/green]",
    "info": "[blue]info[/blue]",
    "warn": "[bold yellow]warn[/bold yellow]",
    "fail": "[bold red]FAIL[/bold red]",
}
_SITE: Final = Path("site.toml")


def register(parent: typer.Typer) -> None:
    """Add `doctor` to the `qres` command."""
    parent.command(name="doctor")(doctor)


def doctor(
    site: Annotated[
        Path | None,
        typer.Option(readable=False, help="Site file; site.toml here, if there is one."),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            readable=False, help="The gateway's database; gateway.sqlite beside the site file."
        ),
    ] = None,
    udp_host: Annotated[str, typer.Option(help="As of `qres gateway`.")] = "127.0.0.1",
    udp_port: Annotated[int, typer.Option(min=1, max=65535, help="As of `qres gateway`.")] = 1700,
    console_host: Annotated[str, typer.Option(help="As of `qres gateway`.")] = "127.0.0.1",
    console_port: Annotated[
        int, typer.Option(min=1, max=65535, help="As of `qres gateway`.")
    ] = 8787,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """
    Look at program, machine, site and store; say what is wrong and how to mend it.

    Changes nothing. Exit code 1 if something does not work; warnings do not count.
    """
    if site is None and _SITE.exists():
        site = _SITE
    subject = Subject(
        site=site,
        store=beside(site or _SITE) if store is None else store,
        now=datetime.now(UTC),
        udp_host=udp_host,
        udp_port=udp_port,
        console_host=console_host,
        console_port=console_port,
    )
    console = Console(soft_wrap=True, highlight=False)
    results: list[Result] = []
    for result in checks(subject):
        results.append(result)
        if not as_json:
            _print(console, result)
    counted = Counter(result.level for result in results)
    failed = counted["fail"] > 0
    if as_json:
        print_json({"ok": not failed, "checks": [dataclasses.asdict(r) for r in results]})
    else:
        summary = f"{len(results)} checks: {counted['fail']} failed, {counted['warn']} warnings"
        console.print(summary, style="bold red" if failed else "bold")
    if failed:
        names = ", ".join(dict.fromkeys(r.name for r in results if r.level == "fail"))
        typer.echo(f"error: does not work: {names}", err=True)
        raise typer.Exit(1)


def _print(console: Console, result: Result) -> None:
    console.print(f"{_MARK[result.level]} {escape(f'{result.name}: {result.found}')}")
    for text in (result.means, result.fix and f"Fix: {result.fix}"):
        if text:
            console.print(f"     {escape(text)}.", style="dim" if result.level == "info" else "")
