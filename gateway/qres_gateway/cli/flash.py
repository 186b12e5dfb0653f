# SPDX-License-Identifier: Apache-2.0
"""
`qres flash`: make boards the nodes of a field, over USB.

Exit codes: 0 every board is written, verified and read back; 1 one was not, or a file cannot be
used (with --json each board has a `reason`); 2 wrong usage; 130 Ctrl-C: a board may be
half-written, flash it again.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from qres.atomic_file import write_atomic
from qres.keys import read_key_file
from qres.provisioning import decode, encode, node_of
from qres.site import load_site
from qres_gateway.cli.output import print_json, stderr
from qres_gateway.flash.errors import FlashError
from qres_gateway.flash.firmware import load_folder, load_image
from qres_gateway.flash.job import Done, Failed, Note, Step
from qres_gateway.flash.label import label_png, label_svg
from qres_gateway.flash.node_time import set_time
from qres_gateway.flash.register import Entry, Keeper, load_register, register_path
from qres_gateway.flash.runner import run_jobs
from qres_gateway.flash.tray import Manner, Place, jobs_for, parse_tray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qres.site import Site
    from qres_gateway.flash.firmware import Firmware
    from qres_gateway.flash.job import Job, Message

__all__ = ["register"]


def register(parent: typer.Typer) -> None:
    """Add `flash` to the `qres` command."""
    parent.command("flash")(flash)


def flash(
    site_file: Annotated[
        Path, typer.Argument(metavar="SITE", help="The site file.", show_default=False)
    ],
    node: Annotated[int | None, typer.Option(help="Id of the node that the board becomes.")] = None,
    port: Annotated[
        str | None, typer.Option(help="Serial port of the board, or a pyserial URL.")
    ] = None,
    tray: Annotated[
        list[str] | None,
        typer.Option(help="Several at once, NODE=PORT each; only PORT: the next free node."),
    ] = None,
    firmware: Annotated[
        Path | None, typer.Option(help="Build folder of ESP-IDF, with flasher_args.json.")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="One merged image for offset 0.")] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Overwrite another node; move an id to another board."),
    ] = False,
    label: Annotated[
        Path | None, typer.Option(help="Folder for a label (SVG) and a QR code (PNG) a node.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Only write the record to this file, readable by you only; it has the key."
        ),
    ] = None,
    baud: Annotated[
        int, typer.Option(min=9600, max=2_000_000, help="Speed of the port (baud).")
    ] = 460_800,
    no_stub: Annotated[
        bool, typer.Option("--no-stub", help="Without esptool's own loader in the chip: slower.")
    ] = False,
    with_time: Annotated[
        bool, typer.Option("--set-time", help="Then tell it the time: the first node needs it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """
    Make boards the nodes of a field: firmware and provisioning, written, verified, read back.

    Without --firmware and --image only the provisioning record is written, for boards that have
    the firmware. The field key never leaves this machine but into the board's flash. No eFuse is
    ever burned.
    """
    _usage(node, port, tray, firmware, image, out)
    if out is not None and with_time:
        raise typer.BadParameter("--set-time goes with a board, not with --out")
    site = load_site(site_file)
    key = read_key_file(site.key_file)
    now_s = int(time.time())
    if out is not None:
        record = encode(site, node_of(site, node or 0).id, key, now_s)
        write_atomic(out, record, mode=0o600, replace=replace)
        stderr.print(f"wrote {out}: {len(record)} bytes; it holds the field key")
        return
    load = load_folder(firmware) if firmware else load_image(image) if image else None
    boards = register_path(site_file)
    known = load_register(boards, site.field_id)
    places = parse_tray(tray, site, known) if tray else (Place(node or 0, port or ""),)
    how = Manner(replace=replace, stub=not no_stub, baud=baud)
    jobs = jobs_for(places, site, key, load, known, now_s=now_s, how=how)
    keeper = Keeper(boards, site.field_id)

    def done(job: Job, result: Done) -> None:
        keeper.add(_entry(job, result, load, now_s))
        if label is not None:
            _label(label, site, job, result.mac)

    results = _run(jobs, done)
    if with_time:
        results = tuple(map(_with_time, jobs, results))
    _report(jobs, results, as_json=as_json)
    if any(isinstance(r, Failed) for r in results):
        raise typer.Exit(1)


def _usage(
    node: int | None,
    port: str | None,
    tray: list[str] | None,
    firmware: Path | None,
    image: Path | None,
    out: Path | None,
) -> None:
    """Refuse options that do not go together."""
    if firmware is not None and image is not None:
        raise typer.BadParameter("give one of --firmware and --image")
    if out is not None:
        if node is None or port is not None or tray:
            raise typer.BadParameter("--out goes with --node, without --port and --tray")
    elif tray:
        if node is not None or port is not None:
            raise typer.BadParameter("give --node and --port, or --tray, not both")
    elif node is None or port is None:
        raise typer.BadParameter("give --node and --port, or --tray NODE=PORT several times")


def _entry(job: Job, result: Done, firmware: Firmware | None, now_s: int) -> Entry:
    return Entry(
        mac=result.mac,
        chip=result.chip,
        node_id=job.node_id,
        site_hash=str(result.identity["site_hash"]),
        firmware=firmware.digest if firmware else "",
        time_s=now_s,
    )


def _with_time(job: Job, result: Done | Failed) -> Done | Failed:
    """Tell a flashed board the time."""
    if isinstance(result, Failed):
        return result
    try:
        told_s = set_time(job.port)
    except FlashError as e:
        return Failed(e.reason, str(e))
    stderr.print(f"{job.port}: node {job.node_id} has the time, {told_s} s", markup=False)
    return result


def _label(folder: Path, site: Site, job: Job, mac: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    site_hash = decode(job.record).site_hash
    for suffix, make in (("svg", label_svg), ("png", label_png)):
        path = folder / f"node-{job.node_id:03d}.{suffix}"
        write_atomic(path, make(site, job.node_id, site_hash, mac), replace=True)
        stderr.print(f"wrote {path}")


def _run(jobs: Sequence[Job], done: Callable[[Job, Done], None]) -> tuple[Done | Failed, ...]:
    """Flash, with a line of progress a board; *done* is called as each one is finished."""
    if not stderr.is_terminal:
        return run_jobs(jobs, _tell_in_lines(), done)
    columns = (
        TextColumn("node {task.fields[node]:>3}  {task.fields[port]}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr) as bars:
        tasks = {
            job.port: bars.add_task("waiting", total=None, node=job.node_id, port=job.port)
            for job in jobs
        }

        def tell(job: Job, message: Message) -> None:
            task = tasks[job.port]
            if isinstance(message, Step):
                total = message.total or None
                bars.update(task, description=message.what, completed=message.done, total=total)
            elif isinstance(message, Note):
                bars.console.print(f"{job.port}: {message.text}", markup=False)
            else:
                ended = "done" if isinstance(message, Done) else "FAILED"
                bars.update(task, description=ended, completed=1, total=1)

        return run_jobs(jobs, tell, done)


def _tell_in_lines() -> Callable[[Job, Message], None]:
    """For logs and pipes: a line when a step begins."""
    last: dict[str, str] = {}

    def tell(job: Job, message: Message) -> None:
        if isinstance(message, Note):
            sys.stderr.write(f"{job.port}: {message.text}\n")
        elif isinstance(message, Step) and last.get(job.port) != message.what:
            last[job.port] = message.what
            sys.stderr.write(f"{job.port}: node {job.node_id}: {message.what}\n")

    return tell


def _report(jobs: Sequence[Job], results: Sequence[Done | Failed], *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    for job, result in zip(jobs, results, strict=True):
        row: dict[str, Any] = {"node": job.node_id, "port": job.port}
        if isinstance(result, Done):
            row |= {"ok": True, **msgspec.to_builtins(result)}
        else:
            row |= {"ok": False, "reason": result.reason, "text": result.text}
        row.pop("type", None)
        rows.append(row)
        if isinstance(result, Failed):
            sys.stderr.write(f"error: {result.text}\n")
        elif not as_json:
            sys.stdout.write(
                f"{job.port}: {result.chip} {result.mac} is node {job.node_id}"
                f" ({result.identity['name']}) of {result.identity['field']}:"
                f" {result.written_bytes} bytes written, verified, read back\n"
            )
    if as_json:
        print_json({"ok": all(row["ok"] for row in rows), "boards": rows})
