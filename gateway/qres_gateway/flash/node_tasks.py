# SPDX-License-Identifier: Apache-2.0
"""
What a node on the cable is asked for: who it is, its raw log, to take a new application.

Runs in the worker process. To ask resets the node. Whatever is refused, it is started again; only
a port that broke leaves it as it is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from qres_gateway.flash.app_image import describe
from qres_gateway.flash.errors import FlashError
from qres_gateway.flash.job import Log, Look, Note, Part, ReadLog, Seen, Step, Updated
from qres_gateway.flash.look import entries_of, holds_whole, see, table_of
from qres_gateway.flash.ota import SECTOR_BYTES, State, plan_update
from qres_gateway.flash.partitions import app_slots, named, ota_data
from qres_gateway.node_tools.raw_log import PARTITION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qres_gateway.flash.board import Board
    from qres_gateway.flash.job import Message, Update
    from qres_gateway.flash.ota import Plan
    from qres_gateway.flash.partitions import Partition

__all__ = ["perform"]

_SLOTS_MIN: Final = 2


def perform(task: Look | ReadLog | Update, tell: Callable[[Message], None]) -> Seen | Log | Updated:
    """
    Do *task*.

    Raises:
        FlashError: The board cannot do it, or must not.
        FatalError: esptool's own error.
        SerialException: The port broke.
    """
    if isinstance(task, Look):
        return _look(task, tell)
    if isinstance(task, ReadLog):
        return _read_log(task, tell)
    return _update(task, tell)


def _look(task: Look, tell: Callable[[Message], None]) -> Seen:
    with _opened(task, tell) as board:
        table = table_of(board)
        seen = see(board, table, with_log=True)
        _warn(task.port, board, table, tell)
        board.start()
        return seen


def _read_log(task: ReadLog, tell: Callable[[Message], None]) -> Log:
    with _opened(task, tell) as board:
        table = _table(task.port, board)
        log = named(table, PARTITION)
        if log is None or log.offset + log.size > board.flash_bytes:
            raise FlashError(
                "no_log",
                f"{task.port}: the board's partition table has no {PARTITION} of whole sectors"
                " within its flash: it keeps no raw log",
            )
        seen = see(board, table)
        _warn(task.port, board, table, tell)
        tell(Step("raw log", 0, log.size))
        data = board.read(log.offset, log.size, lambda a, b: tell(Step("raw log", a, b)))
        if task.start:
            board.start()
        return Log(seen, data)


def _update(task: Update, tell: Callable[[Message], None]) -> Updated:
    with _opened(task, tell) as board:
        if board.chip != task.chip:
            raise FlashError(
                "wrong_chip",
                f"{task.port}: the chip is {board.chip}, the firmware is for {task.chip}; nothing"
                " was written",
            )
        table = _table(task.port, board)
        seen = see(board, table)
        _may_update(task, table, seen)
        slots, place = app_slots(table), ota_data(table)
        if place is None or len(slots) < _SLOTS_MIN:
            raise FlashError("no_slot", f"{task.port}: the board has no two application slots")
        _warn(task.port, board, table, tell)
        plan = _plan(task, board, table, tell)
        target = slots[plan.target]
        for index, sector in plan.before:
            _put(task.port, board, _part(place, index, sector), "write", tell)
        _put(task.port, board, Part(target.offset, task.app, target.name), "write", tell)
        _put(task.port, board, _part(place, *plan.after), "switch", tell)
        if task.start:
            board.start()
        said = describe(task.app)
        written = len(task.app) + SECTOR_BYTES * (1 + len(plan.before))
        return Updated(
            seen, target.name, said.version if said else "", slots[plan.keep].name, written
        )


def _may_update(task: Update, table: tuple[Partition, ...], seen: Seen) -> None:
    port = task.port
    if not seen.identity:
        raise FlashError(
            "no_record",
            f"{port}: the board has no provisioning record: it is no node yet. Make it one: qres"
            f" flash SITE --node ID --port {port} --firmware BUILD",
        )
    if task.field_id is not None and seen.identity["field_id"] != task.field_id:
        raise FlashError(
            "other_field",
            f"{port}: the board is a node of field {seen.identity['field_id']:#010x}"
            f" ({seen.identity['field']}), the site is {task.field_id:#010x}; nothing was written",
        )
    if table != task.table:
        ours = {row.name: row for row in task.table}
        theirs = {row.name: row for row in table}
        names = sorted(n for n in {*ours, *theirs} if ours.get(n) != theirs.get(n))
        raise FlashError(
            "other_table",
            f"{port}: the board's partition table is not the build's: {', '.join(names) or 'order'}"
            " differ. Fetch its raw log, then flash it anew: qres flash SITE --node"
            f" {seen.identity['node_id']} --port {port} --firmware BUILD",
        )


def _plan(
    task: Update, board: Board, table: tuple[Partition, ...], tell: Callable[[Message], None]
) -> Plan:
    slots, entries = app_slots(table), entries_of(board, table)

    def is_whole(number: int) -> bool:
        return holds_whole(board, slots[number], lambda a, b: tell(Step("check", a, b)))

    end = slots[-1].offset + slots[-1].size
    if end > board.flash_bytes:
        raise FlashError(
            "flash_too_small",
            f"{task.port}: needs {end} bytes of flash, the board has {board.flash_bytes}",
        )
    plan = plan_update(entries, len(slots), is_whole)
    if plan is None:
        raise FlashError(
            "no_application",
            f"{task.port}: no slot of the board holds a whole application, so there is none to go"
            f" back to. Flash it anew: qres flash SITE --node ID --port {task.port} --firmware"
            " BUILD",
        )
    return plan


def _put(port: str, board: Board, part: Part, step: str, tell: Callable[[Message], None]) -> None:
    """Write *part* and read it back."""
    from esptool.util import FatalError  # type: ignore[import-untyped]  # noqa: PLC0415

    def progress(what: str) -> Callable[[int, int], None]:
        return lambda done, total: tell(Step(what, done, total))

    tell(Step(step))
    try:
        board.write((part,), progress(step))
    except FatalError as e:
        if "md5" in str(e).lower():
            raise _bad(port, part) from e
        raise
    if board.read(part.offset, len(part.data), progress(step)) != part.data:
        raise _bad(port, part)


def _bad(port: str, part: Part) -> FlashError:
    return FlashError(
        "bad_verify",
        f"{port}: {part.name} does not hold what was written; the node goes on with its old"
        " application. Update it again, and if it happens twice, take another board",
    )


def _part(place: Partition, index: int, sector: bytes) -> Part:
    return Part(place.offset + index * SECTOR_BYTES, sector, place.name)


def _table(port: str, board: Board) -> tuple[Partition, ...]:
    table = table_of(board)
    if not table:
        raise FlashError(
            "no_table",
            f"{port}: the board has no partition table: it is empty, or no node. Make it one: qres"
            f" flash SITE --node ID --port {port} --firmware BUILD",
        )
    return table


def _warn(
    port: str, board: Board, table: tuple[Partition, ...], tell: Callable[[Message], None]
) -> None:
    """Say that the reset which this took ends the trial of a new application."""
    slots = app_slots(table)
    for entry in entries_of(board, table) if slots else ():
        if entry.is_whole and entry.state == State.PENDING:
            name = slots[entry.slot(len(slots))].name
            tell(
                Note(
                    f"{port}: the application in {name} was on trial, and a reset within its first"
                    " ten minutes ends that: the node goes back to the one before it"
                )
            )


@contextmanager
def _opened(task: Look | ReadLog | Update, tell: Callable[[Message], None]) -> Iterator[Board]:
    """The board on the port of *task*, ready to be read; started again if it is refused."""
    from qres_gateway.flash.board import connected  # noqa: PLC0415  esptool takes a while

    tell(Step("connect"))
    with connected(task.port) as board:
        try:
            board.attach(stub=task.stub, baud=task.baud)
            tell(Step("check"))
            yield board
        except FlashError:
            board.start()
            raise
        for warning in board.warnings:
            tell(Note(f"{task.port}: {warning}"))
