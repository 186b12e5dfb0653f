# SPDX-License-Identifier: Apache-2.0
"""
`qres audit`: what a field put on air, against the law, its budget and what others would send.

Exit codes: 0 within every limit; 1 a limit was exceeded, or the log does not allow to say so, or it
could not be read (the text says which); 2 wrong usage; 130 stopped by Ctrl-C (no file is written).
"""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from qres.atomic_file import write_atomic
from qres.keys import read_key_file
from qres.site import load_site
from qres_gateway.audit.hours_csv import HoursCsv, utc
from qres_gateway.audit.law import Law
from qres_gateway.audit.run import COVERAGE_LEAST, Question
from qres_gateway.audit.run import audit as audit_store
from qres_gateway.audit.store import open_store
from qres_gateway.cli.output import log_to_stderr, print_json, progress_bar, stderr
from qres_gateway.field_rules import rules_for
from qres_gateway.replay.captures import DatabaseCapture, open_capture
from qres_gateway.replay.run import replay
from qres_gateway.unix_time import us_of

if TYPE_CHECKING:
    from qres.site import Site
    from qres_gateway.listening import Span
    from qres_gateway.replay.captures import Capture

__all__ = ["register", "time_us"]

_EXACT: Final = re.compile(r"(\d{1,18})us")
_COLOUR: Final = {"within": "bold green", "exceeded": "bold red", "not_auditable": "bold yellow"}


def register(parent: typer.Typer) -> None:
    """Add `audit` to the `qres` command."""
    parent.command(name="audit")(audit)


def audit(
    captures: Annotated[
        list[Path],
        typer.Argument(
            metavar="STORE...",
            readable=False,
            help="A gateway's database, also while it runs; or captures, as `qres replay` reads.",
            show_default=False,
        ),
    ],
    site: Annotated[Path, typer.Option(readable=False, help="The site file.")] = Path("site.toml"),
    begin: Annotated[
        str | None,
        typer.Option("--from", help="From then on, ISO 8601, UTC; the first frame if left out."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", help="Up to then, not included; the last frame if left out."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the report here, one .html that needs no network.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write a .csv here, a row for each node and hour.")
    ] = None,
    limit_bytes_h: Annotated[
        int | None,
        typer.Option(min=1, help="Budget of the field; the site file's if left out. [bytes/h]"),
    ] = None,
    min_coverage: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Share of the period that must be covered."),
    ] = COVERAGE_LEAST,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Decode every frame again, with the key: trust no gateway."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """
    Audit bytes, airtime and duty cycle of a field, from the frames that were heard.

    One database is read as it is, and needs no key. Several, or captures, are decoded first.
    Nothing is ever written to what is audited. docs/audit.md says what each figure means.
    """
    log_to_stderr()
    _check_outputs(html, csv, [*captures, site])
    field = load_site(site)
    opened = [open_capture(path) for path in captures]
    is_direct = not anew and len(opened) == 1 and isinstance(opened[0], DatabaseCapture)
    listening = None if is_direct else _listening(captures, opened)
    question = Question(
        site=field,
        from_us=_moment("--from", begin),
        to_us=_moment("--to", end),
        budget_bytes_h=limit_bytes_h,
        coverage_least=min_coverage,
        same_ledger=is_direct,
        command=shlex.join(["qres", *sys.argv[1:]]) if sys.argv[1:2] == ["audit"] else "qres audit",
        made_utc=utc(us_of(datetime.now(UTC))),
        inputs=tuple(path.name for path in captures),
        listening=listening,
    )
    with ExitStack() as stack:
        path = captures[0]
        if not is_direct:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="qres-audit-"))
            path = Path(folder) / "audit.sqlite"
            _decode(opened, path, field)
        store = stack.enter_context(open_store(path))
        band = Law(field).band
        table = None
        if csv is not None:
            table = stack.enter_context(HoursCsv(csv, field, "" if band is None else band.name))
        with progress_bar("audit", "frames") as tell:
            done = audit_store(store, question, csv=table, progress=tell)
        if html is not None:
            from qres_gateway.audit.page import page  # noqa: PLC0415  only for a report

            write_atomic(html, page(done).encode(), replace=True)
    if as_json:
        print_json(done.figures)
    else:
        _print(done.figures)
    for written in (html, csv):
        if written is not None:
            stderr.print(f"wrote {written}", soft_wrap=True)
    if done.figures["verdict"] != "within":
        raise typer.Exit(1)


def time_us(text: str) -> int:
    """
    A moment as people write it: ISO 8601, UTC unless it says otherwise; or "<n>us" exactly.

    Raises:
        ValueError: It is neither.

    >>> time_us("2023-11-14T22:13:20"), time_us("1700000000000000us"), time_us("1970-01-02")
    (1700000000000000, 1700000000000000, 86400000000)
    """
    exact = _EXACT.fullmatch(text)
    if exact is not None:
        return int(exact[1])
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return us_of(at)


def _moment(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        found = time_us(text)
        utc(found)  # a report must be able to say it
    except (ValueError, OverflowError) as error:
        hint = "must be a date or time like 2026-07-01 or 2026-07-01T12:00Z"
        raise typer.BadParameter(f"{text}: {hint} ({error})", param_hint=option) from error
    return found


def _check_outputs(html: Path | None, csv: Path | None, inputs: list[Path]) -> None:
    for option, path, suffixes in (
        ("--html", html, (".html", ".htm")),
        ("--csv", csv, (".csv",)),
    ):
        if path is None:
            continue
        if path.suffix.lower() not in suffixes:
            raise typer.BadParameter(f"{path}: must end in {suffixes[0]}", param_hint=option)
        if not path.parent.is_dir():
            raise typer.BadParameter(f"{path}: must be in a folder that exists", param_hint=option)
        if any(path.resolve() == one.resolve() for one in inputs):
            raise typer.BadParameter(f"{path}: is what is to be audited", param_hint=option)


def _decode(captures: list[Capture], store: Path, field: Site) -> None:
    with progress_bar("decode", "frames") as tell:
        replay(captures, store, field, rules_for(field, read_key_file(field.key_file)), _Told(tell))


def _listening(paths: list[Path], opened: list[Capture]) -> tuple[Span, ...]:
    """What gateways among *opened* say of when they listened: decoding anew keeps none of it."""
    found: list[Span] = []
    for path, capture in zip(paths, opened, strict=True):
        if isinstance(capture, DatabaseCapture):
            with open_store(path) as store:
                found += store.listening()
    return tuple(found)


class _Told:
    """Tells of the second half of a replay, which is the longer one."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell

    def added(self, frames: int) -> None:
        """As `replay.run.Progress`."""

    def folded(self, rows: int, of: int) -> None:
        """As `replay.run.Progress`."""
        self._tell(rows, of)


def _print(f: dict[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(f["text"], style=_COLOUR[f["verdict"]])
    table = Table(title=f"{f['site']['name']}: accepted frames", show_edge=False)
    for name in ("", "frames", "bytes", "airtime s"):
        table.add_column(name, justify="right" if name else "left")
    for name, part in [*f["accepted"]["kinds"].items(), ("all", f["accepted"]["total"])]:
        seconds = f"{part['airtime_us'] / 1e6:,.1f}"
        table.add_row(name, f"{part['frames']:,}", f"{part['bytes']:,}", seconds)
    console.print(table)
    table = Table(title="bytes an hour, whole field", show_edge=False)
    table.add_column("")
    table.add_column("", justify="right")
    of = f["hours"]["bytes"]
    for name, value in (
        ("mean", of["mean"]),
        ("median", of["median"]),
        ("99 % of hours below", of["p99"]),
        ("most in any 60 minutes", f["budget"]["most_60min_bytes"]),
        ("budget", f["budget"]["bytes_h"]),
        *((f"{p['name']} ({p['basis']})", p["bytes_per_h"]) for p in f["peers"]),
    ):
        table.add_row(name, "–" if value is None else f"{value:,.0f}")
    console.print(table)
