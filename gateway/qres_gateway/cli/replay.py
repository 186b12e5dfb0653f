# SPDX-License-Identifier: Apache-2.0
"""
`qres replay`: decode captures after the fact, into a store, into figures, into a table.

Exit codes: 0 done; 1 something could not be read or written, or frames were found and none could
be decoded (the last line on stderr says why); 2 wrong usage; 130 stopped by Ctrl-C (the store is
whole; run it again to complete it).
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from qres.channels import CHANNELS
from qres.keys import read_key_file
from qres.site import load_site
from qres_gateway.cli.output import log_to_stderr, print_json, progress_bar, stderr
from qres_gateway.database import Database
from qres_gateway.doctor.refusals import diagnose, evidence
from qres_gateway.errors import CaptureError
from qres_gateway.field_rules import rules_for
from qres_gateway.replay.captures import DatabaseCapture, open_capture
from qres_gateway.replay.run import replay as replay_into
from qres_gateway.sources.capture import write_capture
from qres_gateway.unix_time import at_us

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qres.site import Site
    from qres_gateway.doctor.refusals import Diagnosis
    from qres_gateway.replay.captures import Capture
    from qres_gateway.replay.run import Replayed

__all__ = ["register"]

# Paths are `readable=False`: a file that may not be read is then refused by our own words.


def register(parent: typer.Typer) -> None:
    """Add `replay` to the `qres` command."""
    parent.command(name="replay")(replay)


def replay(
    captures: Annotated[
        list[Path],
        typer.Argument(
            metavar="CAPTURE...",
            readable=False,
            help="LoRaTap pcap files and gateway databases, in any order and of any name.",
            show_default=False,
        ),
    ],
    site: Annotated[
        Path, typer.Option(readable=False, help="The site file; its key file is read, too.")
    ] = Path("site.toml"),
    store: Annotated[
        Path | None,
        typer.Option(
            readable=False,
            help="Database to write into, new or existing; none is kept if left out.",
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write the reconstructed values here, a line per node and sample."),
    ] = None,
    receiver: Annotated[
        str, typer.Option(help="Receiver of pcap records that name none; else the file's name.")
    ] = "",
    export: Annotated[
        Path | None,
        typer.Option(help="Only write the frames of one database as LoRaTap pcap, a new file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """
    Decode captures with a fresh replica, and say what was found.

    Every frame counts once: one of the same receiver, time and payload as one in the store is not
    added again, so the same capture twice changes nothing. Frames older than what the store has
    take their place in time, and what follows from them is derived anew.
    """
    log_to_stderr()
    if export is not None:
        _export(captures, export, as_json=as_json)
        return
    field = load_site(site)
    rules = rules_for(field, read_key_file(field.key_file))
    opened = [open_capture(path, receiver) for path in captures]
    with ExitStack() as stack:
        path = store
        if path is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="qres-replay-"))
            path = Path(folder) / "replay.sqlite"
        progress = stack.enter_context(_Progress())
        done = replay_into(opened, path, field, rules, progress, csv=csv)
        found = _diagnosis(path, field, done)
    figures = _figures(opened, done, found, store, csv)
    if as_json:
        print_json(figures)
    else:
        _print(field, figures)
    if found is not None:
        stderr.print(f"none of {done.added.read} frames was decoded", style="bold red")
        typer.echo(f"error: {found}", err=True)
        raise typer.Exit(1)


class _Progress(ExitStack):
    """A line while frames are read, then a bar while they are decoded."""

    def __init__(self) -> None:
        super().__init__()
        self._tell: Callable[[int, int], None] | None = None

    def added(self, frames: int) -> None:
        """As `Progress`."""
        stderr.print(f"replay: {frames} frames read")

    def folded(self, rows: int, of: int) -> None:
        """As `Progress`."""
        if self._tell is None:
            self._tell = self.enter_context(progress_bar("replay", "frames decoded"))
        self._tell(rows, of)


def _diagnosis(store: Path, site: Site, done: Replayed) -> Diagnosis | None:
    """Why nothing was decoded, if nothing was."""
    if done.findings is None or done.findings.accepted or not done.findings.refused:
        return None
    with Database.open(store, read_only=True) as database:
        return diagnose(evidence(database), site)


def _export(captures: Sequence[Path], out: Path, *, as_json: bool) -> None:
    if len(captures) != 1:
        raise typer.BadParameter(
            f"takes one database, {len(captures)} files are given", param_hint="--export"
        )
    capture = open_capture(captures[0])
    if not isinstance(capture, DatabaseCapture):
        raise CaptureError(f"capture {capture.path}: is a {capture.kind} file already")
    try:
        count = write_capture(out, capture)
    except ValueError as error:
        raise CaptureError(f"capture {out}: LoRaTap cannot hold a frame: {error}") from error
    if as_json:
        print_json({"export": str(out), "frames": count})
    else:
        typer.echo(f"{out}: {count} frames")


def _figures(
    captures: Sequence[Capture],
    done: Replayed,
    found: Diagnosis | None,
    store: Path | None,
    csv: Path | None,
) -> dict[str, Any]:
    return {
        "captures": [
            {
                "path": str(c.path),
                "kind": c.kind,
                "frames": c.frames,
                "unusable_records": {r: n for r, n in sorted(c.refused.items()) if n},
            }
            for c in captures
        ],
        "frames": done.added.read,
        "frames_new": done.added.new,
        "frames_known": done.added.read - done.added.new,
        **({} if done.findings is None else done.findings.as_dict()),
        "diagnosis": None if found is None else {"code": found.code, "text": str(found)},
        "store": None if store is None else str(store),
        "csv": None if csv is None else str(csv),
        "csv_lines": done.csv_lines,
    }


def _print(site: Site, figures: dict[str, Any]) -> None:
    console = Console()
    for capture in figures["captures"]:
        unusable = "".join(f", {n} {r}" for r, n in capture["unusable_records"].items())
        console.print(f"{capture['path']}: {capture['kind']}, {capture['frames']} frames{unusable}")
    if not figures["frames"]:
        console.print("no frames")
        return
    table = Table(title=site.name, show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in _rows(figures):
        table.add_row(name, value)
    console.print(table)
    if figures["nodes"]:
        console.print(_nodes(figures["nodes"]))


def _rows(f: dict[str, Any]) -> list[tuple[str, str]]:
    checkpoints = f["checkpoints"]
    rows = [
        ("from", _utc(f["first_us"])),
        ("to", _utc(f["last_us"])),
        ("frames", str(f["frames"])),
        *((f"decoded: {kind}", str(n)) for kind, n in f["decoded"].items()),
        *((f"refused: {reason}", str(n)) for reason, n in f["refused"].items()),
        ("phases committed", str(f["phases_committed"])),
        ("RF bytes per hour", f"{f['rf_bytes_per_hour']:.1f}"),
        ("airtime per hour", f"{f['airtime_ms_per_hour'] / 1000:.2f} s"),
        (
            "checkpoints verified, adopted, missed",
            ", ".join(str(n) for n in checkpoints.values()),
        ),
        ("digest after the last phase", f["digest"] or "–"),
    ]
    if f["copies"]:
        rows.insert(3, ("heard by another receiver before", str(f["copies"])))
    if f["store"] is not None:
        rows.append(("store", f"{f['store']}, {f['frames_new']} frames new"))
    if f["csv"] is not None:
        rows.append(("table of values", f"{f['csv']}, {f['csv_lines']} lines"))
    return rows


def _nodes(nodes: list[dict[str, Any]]) -> Table:
    table = Table(title="last values, and when each node reported last (UTC)")
    table.add_column("id", justify="right", no_wrap=True)
    table.add_column("name", no_wrap=True, max_width=20)
    channels = [c for c in CHANNELS if nodes and c.name in nodes[0]]
    for c in channels:
        table.add_column(c.unit, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("report", no_wrap=True)
    for node in nodes:
        values = ("–" if node[c.name] is None else f"{node[c.name]:.1f}" for c in channels)
        last_us = node["last_report_us"]
        at = "–" if last_us is None else _utc(last_us)[:16]
        table.add_row(str(node["id"]), node["name"], *values, node["provenance"], at)
    return table


def _utc(time_us: int) -> str:
    return f"{at_us(time_us):%Y-%m-%d %H:%M:%SZ}"
