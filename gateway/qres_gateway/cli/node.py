# SPDX-License-Identifier: Apache-2.0
"""
`qres node`: what is done with a node that hangs on the cable.

Exit codes: 0 done; 1 not done, or a file cannot be used (with --json there is a `reason`); 2 wrong
usage; 130 Ctrl-C: nothing was written to a file; press RESET on the board.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from qres.atomic_file import write_atomic
from qres.site import load_site
from qres_gateway.cli.output import print_json, stderr
from qres_gateway.flash.errors import FlashError
from qres_gateway.flash.firmware import application, load_folder
from qres_gateway.flash.job import (
    Failed,
    Log,
    Look,
    Note,
    Outcome,
    ReadLog,
    Seen,
    Step,
    Update,
    Updated,
)
from qres_gateway.flash.node_time import set_time
from qres_gateway.flash.register import Entry, Keeper, load_register, register_path
from qres_gateway.flash.runner import run_task
from qres_gateway.node_tools.dump import read_dump
from qres_gateway.node_tools.raw_log import RawLog, RawLogError, decode
from qres_gateway.node_tools.raw_log_table import Origin, summary, to_csv, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from qres.site import Site
    from qres_gateway.flash.firmware import Firmware
    from qres_gateway.flash.job import Identity, Message

__all__ = ["register"]

app = typer.Typer(no_args_is_help=True)

Port = Annotated[
    str, typer.Option(help="Serial port of the node, or a pyserial URL.", show_default=False)
]
Baud = Annotated[int, typer.Option(min=9600, max=2_000_000, help="Speed of the port (baud).")]
NoStub = Annotated[
    bool, typer.Option("--no-stub", help="Without esptool's own loader in the chip: slower.")
]
SetTime = Annotated[bool, typer.Option("--set-time", help="Then tell it the time.")]
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")]

_BAUD = 460_800
_MAKERS = {".csv": to_csv, ".json": to_json}


def register(parent: typer.Typer) -> None:
    """Add `node` to the `qres` command."""
    parent.add_typer(app, name="node", help="A node on the cable: who, raw log, time, update.")


@app.command()
def show(port: Port, baud: Baud = _BAUD, no_stub: NoStub = False, as_json: AsJson = False) -> None:
    """
    Say who a board is: chip, node and field, applications, raw log. Never the key.

    To ask resets the node: its clock is lost, and an application on trial is taken back.
    """
    seen = _run(Look(port, stub=not no_stub, baud=baud), as_json=as_json)
    if not isinstance(seen, Seen):
        raise _unexpected(seen)
    if as_json:
        print_json({"ok": True, "port": port, **_plain(seen)})
        return
    sys.stdout.write("".join(f"{line}\n" for line in _lines(port, seen)))


@app.command()
def log(
    port: Annotated[
        str | None, typer.Option(help="Serial port of the node, or a pyserial URL.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(help="Instead: a dump of the partition raw_log, or of the whole flash."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write to this .csv or .json; CSV on stdout if left out.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite the file if it is there.")
    ] = False,
    baud: Baud = _BAUD,
    no_stub: NoStub = False,
    with_time: SetTime = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON on stdout: a summary with --out, else all of it.")
    ] = False,
) -> None:
    """
    Fetch the raw log: each sample that the node took, before any check.

    The log stays in the node. To read it resets the node: its clock is lost, and an application
    on trial is taken back.
    """
    if (port is None) == (image is None):
        raise typer.BadParameter("give one of --port and --image")
    if image is not None and with_time:
        raise typer.BadParameter("--set-time goes with --port")
    if out is not None and out.suffix not in _MAKERS:
        raise typer.BadParameter(f"--out {out}: must end with {' or '.join(_MAKERS)}")
    if out is not None and not replace and os.path.lexists(out):
        raise FileExistsError(0, "exists already; give --replace to overwrite it", str(out))
    if image is not None:
        data, identity, mac = (*read_dump(image), "")
    else:
        task = ReadLog(port or "", stub=not no_stub, baud=baud, start=not with_time)
        result = _run(task, as_json=as_json)
        if not isinstance(result, Log):
            raise _unexpected(result)
        data, identity, mac = result.data, result.seen.identity, result.seen.mac
    _write(_decoded(data, as_json=as_json), _origin(identity, mac), out, as_json=as_json)
    if with_time:
        _tell_time(port or "", as_json=as_json)


@app.command("time")
def time_(port: Port, as_json: AsJson = False) -> None:
    """
    Tell a node the time: the first node of a field has nobody else to hear it from.

    To tell it resets the node. Not within ten minutes of an update, whose application would be
    taken back: use `qres node update --set-time`.
    """
    told_s = _tell_time(port, as_json=as_json)
    if as_json:
        print_json({"ok": True, "port": port, "time_s": told_s})


@app.command()
def update(
    port: Port,
    firmware: Annotated[
        Path,
        typer.Option(help="Build folder of ESP-IDF, with flasher_args.json.", show_default=False),
    ],
    site_file: Annotated[
        Path | None,
        typer.Option("--site", help="Refuse nodes of other fields; enter it in its register."),
    ] = None,
    baud: Baud = _BAUD,
    no_stub: NoStub = False,
    with_time: SetTime = False,
    as_json: AsJson = False,
) -> None:
    """
    Give a node a new application, and keep the old one to go back to.

    Who it is, its state and its raw log stay. Cut the power when you like: one of the two starts.
    The new one is on trial until it has run for ten minutes with a radio that works; a reset
    before that takes the old one back.
    """
    load = load_folder(firmware)
    site = load_site(site_file) if site_file else None
    if site_file and site:
        load_register(register_path(site_file), site.field_id)  # readable before the port is opened
    task = Update(
        port=port,
        chip=load.chip,
        app=application(load),
        table=load.table,
        field_id=site.field_id if site else None,
        stub=not no_stub,
        baud=baud,
        start=not with_time,
    )
    done = _run(task, as_json=as_json)
    if not isinstance(done, Updated):
        raise _unexpected(done)
    try:
        if with_time:  # its reset starts the new application: a second one would take it back
            _tell_time(port, as_json=as_json)
    finally:
        if site_file and site:
            _enter(site_file, site, load, done.seen)
    if as_json:
        row = {**_plain(done.seen), "slot": done.slot, "version": done.version}
        row |= {"keeps": done.keeps, "written_bytes": done.written_bytes}
        print_json({"ok": True, "port": port, **row})
        return
    sys.stdout.write(
        f"{port}: {done.seen.chip} {done.seen.mac}, {_who(done.seen.identity)}: {done.version} is"
        f" in {done.slot}, {done.written_bytes} bytes written and read back, and on trial. Leave"
        f" it powered for ten minutes; a reset before that goes back to {done.keeps}\n"
    )


def _run(task: Look | ReadLog | Update, *, as_json: bool) -> Outcome:
    """Serve one board, with progress; a failure ends the command."""
    try:
        outcome = _with_progress(task)
    except KeyboardInterrupt:
        _say(f"{task.port}: stopped. The board may wait in download mode: press RESET")
        raise typer.Exit(130) from None
    if isinstance(outcome, Failed):
        _fail(outcome.reason, outcome.text, task.port, as_json=as_json)
    return outcome


def _with_progress(task: Look | ReadLog | Update) -> Outcome:
    if not stderr.is_terminal:
        return run_task(task, _tell_in_lines(task.port))
    columns = (
        TextColumn("{task.fields[port]}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr, transient=True) as bars:
        bar = bars.add_task("waiting", total=None, port=task.port)

        def tell(message: Message) -> None:
            if isinstance(message, Step):
                total = message.total or None
                bars.update(bar, description=message.what, completed=message.done, total=total)
            elif isinstance(message, Note):
                bars.console.print(message.text, markup=False, soft_wrap=True)

        return run_task(task, tell)


def _tell_in_lines(port: str) -> Callable[[Message], None]:
    """For logs and pipes: a line when a step begins, and at each quarter of a long one."""
    last: tuple[str, int] = ("", 0)

    def tell(message: Message) -> None:
        nonlocal last
        if isinstance(message, Note):
            sys.stderr.write(f"{message.text}\n")
        elif isinstance(message, Step):
            quarter = 4 * message.done // message.total if message.total else 0
            if message.what != last[0]:
                sys.stderr.write(f"{port}: {message.what}\n")
            elif quarter > last[1]:
                sys.stderr.write(f"{port}: {message.what}: {25 * quarter} %\n")
            last = (message.what, quarter)

    return tell


def _say(text: str) -> None:
    """A line for people, not broken by a narrow terminal."""
    stderr.print(text, markup=False, soft_wrap=True)


def _fail(reason: str, text: str, port: str, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"ok": False, "port": port, "reason": reason, "text": text})
    sys.stderr.write(f"error: {text}\n")
    raise typer.Exit(1)


def _tell_time(port: str, *, as_json: bool) -> int:
    try:
        told_s = set_time(port)
    except FlashError as e:
        _fail(e.reason, str(e), port, as_json=as_json)
    _say(f"{port}: the node has the time, {_utc(told_s)}")
    return told_s


def _decoded(data: bytes, *, as_json: bool) -> RawLog:
    try:
        return decode(data)
    except RawLogError as e:
        _fail(e.code, str(e), "", as_json=as_json)


def _write(log_: RawLog, origin: Origin, out: Path | None, *, as_json: bool) -> None:
    """The table to *out* or stdout, the summary to whom it concerns."""
    said = summary(log_)
    if out is not None:
        write_atomic(out, _MAKERS[out.suffix](log_, origin), replace=True)
        if as_json:
            print_json({"ok": True, "out": str(out), "origin": origin._asdict(), **said})
    else:
        sys.stdout.write((to_json if as_json else to_csv)(log_, origin).decode("utf-8"))
        sys.stdout.flush()
    where = f"wrote {out}: " if out else ""
    span = f", {said['first_utc']} to {said['last_utc']}" if log_.samples else ""
    lost = f", {log_.torn} torn" if log_.torn else ""
    lost += f", {log_.lost_sectors} sectors lost" if log_.lost_sectors else ""
    _say(f"{where}{len(log_.samples)} samples{span}{lost}")


def _enter(site_file: Path, site: Site, load: Firmware, seen: Seen) -> None:
    """Note in the field's register which firmware the board has."""
    entry = Entry(
        mac=seen.mac,
        chip=seen.chip,
        node_id=int(seen.identity["node_id"]),
        site_hash=str(seen.identity["site_hash"]),
        firmware=load.digest,
        time_s=int(time.time()),
    )
    Keeper(register_path(site_file), site.field_id).add(entry)


def _lines(port: str, seen: Seen) -> list[str]:
    """A board for people."""
    lines = [
        f"{port}: {seen.chip} {seen.mac}, {seen.flash_bytes // 2**20} MB of flash",
        _who(seen.identity),
    ]
    for slot in seen.slots:
        what = f"{slot.project} {slot.version}, built {slot.built}, ESP-IDF {slot.idf}"
        state = f" ({slot.state})" if slot.state else ""
        starts = ", starts next" if slot.starts else ""
        lines.append(f"{slot.name}: {what if slot.project else 'no application'}{state}{starts}")
    if seen.log_places is None:
        lines.append("raw log: none")
    elif seen.log_first_s is None or seen.log_last_s is None:
        lines.append("raw log: empty")
    else:
        span = f"{_utc(seen.log_first_s)} to {_utc(seen.log_last_s)}"
        lines.append(f"raw log: {seen.log_places} places written, {span}")
    return lines


def _who(identity: Identity) -> str:
    if not identity:
        return "no node: it has no provisioning record"
    return (
        f"node {identity['node_id']} ({identity['name']}) of field {identity['field_id']:#010x}"
        f" ({identity['field']}), site {identity['site_hash']}"
    )


def _plain(seen: Seen) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(seen)
    plain.pop("type", None)
    return plain


def _origin(identity: Identity, mac: str) -> Origin:
    if not identity:
        return Origin(mac)
    return Origin(mac, int(identity["field_id"]), int(identity["node_id"]), str(identity["name"]))


def _utc(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _unexpected(outcome: Outcome) -> TypeError:
    return TypeError(f"a worker answered with {type(outcome).__name__}")
