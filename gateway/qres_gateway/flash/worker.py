# SPDX-License-Identifier: Apache-2.0
"""
The process that serves one board: a task on standard input, messages on standard output.

One process a port, so that several boards are flashed at once, each with an esptool of its own,
and so that a port that hangs can be given up. The job of flashing holds the field key; it comes
through the pipe and stays in this process's memory.

    python -m qres_gateway.flash.worker < job
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from qres.provisioning import Provisioning, decode
from qres_gateway.flash.errors import FlashError
from qres_gateway.flash.job import (
    Done,
    Failed,
    Job,
    Message,
    Note,
    Outcome,
    Part,
    Step,
    Task,
    decode_task,
    encode,
)
from qres_gateway.flash.look import SECTOR, identity_of, record_at, table_of
from qres_gateway.flash.node_tasks import perform
from qres_gateway.flash.partitions import provisioning_partition

if TYPE_CHECKING:
    from collections.abc import Callable

    from qres_gateway.flash.board import Board

__all__ = ["attempt", "flash", "main"]

_UNTOUCHED: Final = frozenset({"connect", "check", "raw log"})
"""Steps in which nothing is written."""


def main() -> int:
    """Do the one job that is on standard input. Exit code 0 if it was done, else 1."""

    def tell(message: Message) -> None:
        sys.stdout.buffer.write(encode(message))
        sys.stdout.buffer.flush()

    task = decode_task(sys.stdin.buffer.read())
    outcome = attempt(task, tell)
    tell(outcome)
    return 1 if isinstance(outcome, Failed) else 0


def attempt(job: Task, tell: Callable[[Message], None]) -> Outcome:
    """Do *job*, with its errors in words; any other error is a defect, and raised."""
    from esptool.util import FatalError  # type: ignore[import-untyped]  # noqa: PLC0415
    from serial import SerialException  # type: ignore[import-untyped]  # noqa: PLC0415

    stage = "connect"

    def tell_step(message: Message) -> None:
        nonlocal stage
        if isinstance(message, Step):
            stage = message.what
        tell(message)

    try:
        return flash(job, tell_step) if isinstance(job, Job) else perform(job, tell_step)
    except FlashError as e:
        return Failed(e.reason, str(e))
    except (SerialException, OSError) as e:
        return _broken(job, stage, str(e))
    except FatalError as e:
        return _fatal(job, stage, str(e))


def flash(job: Job, tell: Callable[[Message], None]) -> Done:
    """
    Check the board, write, verify, read back, start it.

    The firmware is written first and the record last: a board that was unplugged midway does not
    call itself a node.

    Raises:
        FlashError: The board must not be written, or does not hold what was written.
        FatalError: esptool's own error.
        SerialException: The port broke.
    """
    from qres_gateway.flash.board import connected  # noqa: PLC0415  esptool takes a while

    tell(Step("connect"))
    with connected(job.port) as board:
        _check_board(job, board)
        board.attach(stub=job.stub, baud=job.baud)
        tell(Step("check"))
        at, before = _place_and_owner(job, board)
        if before and job.parts:
            tell(
                Note(
                    f"{job.port}: the board is {before} already; `qres node update` would keep"
                    " its old application to go back to"
                )
            )
        record = Part(at, job.record.ljust(SECTOR, b"\xff"), "provisioning record")
        parts = (*job.parts, record)
        end = max(p.offset + len(p.data) for p in parts)
        if end > board.flash_bytes:
            raise FlashError(
                "flash_too_small",
                f"{job.port}: needs {end} bytes of flash, the board has {board.flash_bytes}",
            )
        if job.parts:
            tell(Step("firmware"))
            board.write(job.parts, lambda done, total: tell(Step("firmware", done, total)))
        tell(Step("record"))
        board.write((record,), lambda done, total: tell(Step("record", done, total)))
        tell(Step("verify"))
        board.verify(parts)
        tell(Step("read back"))
        identity = _read_back(job, board, at)
        board.start()
        for warning in board.warnings:
            tell(Note(warning))
        return Done(
            chip=board.chip,
            mac=board.mac,
            flash_bytes=board.flash_bytes,
            written_bytes=sum(len(p.data) for p in parts),
            before=before,
            identity=identity_of(identity),
        )


def _check_board(job: Job, board: Board) -> None:
    if job.chip and board.chip != job.chip:
        raise FlashError(
            "wrong_chip",
            f"{job.port}: the chip is {board.chip}, the firmware is for {job.chip}; nothing was"
            " written",
        )
    if job.mac and job.mac != board.mac and not job.replace:
        raise FlashError(
            "duplicate",
            f"{job.port}: node {job.node_id} is on board {job.mac} already, this one is"
            f" {board.mac}; two boards with one id would break the field's encryption. If the"
            " other board is gone for good, add --replace",
        )


def _place_and_owner(job: Job, board: Board) -> tuple[int, str]:
    """Where the record goes, and who the board is by now; "" if nobody."""
    now = provisioning_partition(table_of(board))
    at = job.record_at
    if at is None:
        if now is None:
            raise FlashError(
                "no_partition",
                f"{job.port}: the board has no partition qres_prov, hence no node firmware; give"
                " --firmware or --image",
            )
        at = now.offset
    owner = ""
    for place in dict.fromkeys((at, now.offset if now else at)):
        found = record_at(board, place)
        if found is None:
            continue
        owner = f"node {found.node_id} of field {found.field_id:#010x} ({found.field_name})"
        same = (found.field_id, found.node_id) == (job.field_id, job.node_id)
        if not same and not job.replace:
            raise FlashError(
                "other_node",
                f"{job.port}: the board is {owner} already; to make it node {job.node_id} of"
                f" field {job.field_id:#010x}, add --replace",
            )
    return at, owner


def _read_back(job: Job, board: Board, at: int) -> Provisioning:
    data = board.read(at, len(job.record))
    if data != job.record:
        raise FlashError(
            "bad_verify", f"{job.port}: the provisioning record reads back otherwise than written"
        )
    return decode(data)


def _broken(job: Task, stage: str, said: str) -> Failed:
    """The port broke: what that means depends on how far the work was."""
    if stage in _UNTOUCHED:
        state = "nothing was written"
    elif isinstance(job, Job):
        state = "it is half-written: flash it again"
    elif stage == "switch":
        state = "it starts the old application or the new one, both are whole; see `qres node show`"
    else:
        state = "it goes on with its old application; plug it in and update it again"
    return Failed("unplugged", f"{job.port}: the board went away ({stage}); {state} ({said})")


def _fatal(job: Task, stage: str, said: str) -> Failed:
    """What esptool's error means."""
    first = next((line for line in said.splitlines() if line), "no reason given")
    text = said.lower()
    if "verification failed" in text or "md5 of file" in text or "region is empty" in text:
        return Failed(
            "bad_verify",
            f"{job.port}: the flash does not hold what was written ({stage}: {first}); flash it"
            " again, and if it happens twice, take another board",
        )
    silence = ("serial data", "data stream", "transfer stopped", "no more data", "disconnected")
    if any(t in text for t in silence):
        return _broken(job, stage, first)
    restart = "" if isinstance(job, Job) else "; press RESET on the board to start the node"
    return Failed("esptool", f"{job.port}: esptool ({stage}): {first}{restart}")


if __name__ == "__main__":
    sys.exit(main())
