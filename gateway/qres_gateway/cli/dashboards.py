# SPDX-License-Identifier: Apache-2.0
"""
`qres dashboards`: build, check and push the Grafana boards and alert rules.

Exit codes: 0 done and well; 1 something differs, is wrong or could not be done; 2 wrong usage.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Annotated

import requests
import typer

from qres_dashboards import generate
from qres_dashboards.ask import every_query, query_problems
from qres_dashboards.checks import board_problems, link_problems, rule_problems
from qres_dashboards.macros import Situation
from qres_dashboards.provisioning import rules
from qres_dashboards.push import Grafana, read_token
from qres_gateway.cli.output import print_json, progress_bar
from qres_gateway.errors import GatewayError

__all__ = ["register"]

_DAY_MS = 86_400_000
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")]


def register(parent: typer.Typer) -> None:
    """Add `dashboards` to the `qres` command."""
    app = typer.Typer(no_args_is_help=True, help="Build, check and push the Grafana boards.")
    app.command(name="build")(build)
    app.command(name="check")(check)
    app.command(name="push")(push)
    parent.add_typer(app, name="dashboards")


def build(
    out: Annotated[
        Path, typer.Option(help="Folder to write below; the project's root keeps them up to date.")
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write boards (JSON), alert rules (YAML) and runbook (Markdown)."""
    changed = [str(path) for path in generate.write(out)]
    if as_json:
        print_json({"ok": True, "files": len(generate.files()), "changed": changed})
        return
    for path in changed:
        typer.echo(f"written: {path}")
    typer.echo(f"{len(generate.files())} files, {len(changed)} of them changed")


def check(
    root: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Project's root, whose files must be up to date."
        ),
    ] = None,
    influxdb: Annotated[
        str, typer.Option(help="Address of an InfluxDB that executes each query.")
    ] = "",
    database: Annotated[str, typer.Option(help="Its database or bucket.")] = "qres",
    token_file: Annotated[
        Path | None, typer.Option(readable=False, help="File with a token that may read.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Look for what is wrong: places, ids, units, variables, links, alerts; drift; queries.

    Drift is looked at with --root (or where dashboards/generated is), queries with --influxdb.
    """
    problems = _structure()
    if root is None and Path("dashboards/generated").is_dir():
        root = Path()
    if root is not None:
        problems += generate.drift(root)
    if influxdb:
        token = "" if token_file is None else read_token(token_file)
        problems += _queries(influxdb, database, token)
    if as_json:
        print_json({"ok": not problems, "queries": len(every_query()), "problems": problems})
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        typer.echo(f"error: {len(problems)} problems", err=True)
        raise typer.Exit(1)
    if not as_json:
        looked = [f"{len(generate.boards())} boards", f"{len(every_query())} queries"]
        looked += [] if root is None else ["no drift"]
        looked += [f"executed by {influxdb}"] if influxdb else []
        typer.echo(f"all is well: {', '.join(looked)}")


def push(
    url: Annotated[str, typer.Option(help="Grafana as a browser knows it.")],
    token_file: Annotated[
        Path, typer.Option(readable=False, help="File with a service account's token (Editor).")
    ],
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Certificates to trust.")
    ] = None,
    timeout_s: Annotated[float, typer.Option(min=1, max=600, help="For each call.")] = 10.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Win against changes made meanwhile.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """
    Send the boards to a running Grafana, into the folder QRES; twice is harmless.

    Alert rules and contact points are not sent: Grafana reads them from infra/grafana.
    """
    grafana = Grafana(url, read_token(token_file), timeout_s=timeout_s, ca_file=ca_file)
    with progress_bar("pushing", "boards") as tell:
        pushed = grafana.push(list(generate.boards().values()), overwrite=overwrite, tell=tell)
    if as_json:
        print_json({"ok": True, "boards": [dataclasses.asdict(p) for p in pushed]})
        return
    for board in pushed:
        typer.echo(f"{board.result}: {board.title}  {board.url}")


def _structure() -> list[str]:
    boards = list(generate.boards().values())
    found = [problem for board in boards for problem in board_problems(board)]
    found += link_problems(boards)
    return found + rule_problems(rules(), {b["uid"]: b for b in boards})


def _queries(url: str, database: str, token: str) -> list[str]:
    now_ms = int(time.time() * 1000)
    at = Situation(now_ms - _DAY_MS, now_ms, "10m", {"field": None, "node": None})
    found: list[str] = []
    total = len(every_query())
    try:
        with progress_bar("asking", "queries") as tell:
            for done, (name, wrong) in enumerate(query_problems(url, database, token, at), 1):
                found += [f"{name}: {wrong}"] if wrong else []
                tell(done, total)
    except requests.exceptions.RequestException as error:
        raise GatewayError(f"cannot ask {url}: is InfluxDB there? ({error})") from error
    return found
