# SPDX-License-Identifier: Apache-2.0
"""What goes between the process that serves the user and the one that drives esptool."""

from __future__ import annotations

import msgspec

from qres_gateway.flash.partitions import Partition

__all__ = [
    "Done",
    "Failed",
    "Job",
    "Log",
    "Look",
    "Message",
    "Note",
    "Outcome",
    "Part",
    "ReadLog",
    "Seen",
    "Slot",
    "Step",
    "Task",
    "Update",
    "Updated",
    "decode_message",
    "decode_task",
    "encode",
    "encode_task",
]

Identity = dict[str, str | int | float]
"""Who a node is, out of its provisioning record; without the key."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Bytes for a place in flash."""

    offset: int
    data: bytes
    name: str

    def __repr__(self) -> str:
        """Place and length; the bytes may be secret."""
        return f"Part({self.offset:#x}, {len(self.data)} bytes, {self.name!r})"


class Job(msgspec.Struct, frozen=True, tag="flash"):
    """
    One board's work.

    Attributes:
        port: A serial port, or a pyserial URL like socket://127.0.0.1:4000.
        chip: The chip that the firmware is for; "" for any of the known ones.
        parts: Firmware; empty to write the record only.
        record: The provisioning record. It holds the key.
        record_at: Where it goes; None to look it up in the board's partition table. [bytes]
        field_id: Which field the node is of.
        node_id: Which node it becomes.
        mac: The board that already has this id, "" if there is none.
        replace: Overwrite another node, or move the id to another board.
        stub: Let esptool run its own loader in the chip: faster, and reads back faster.
        baud: Speed after the first contact.
    """

    port: str
    chip: str
    parts: tuple[Part, ...]
    record: bytes
    record_at: int | None
    field_id: int
    node_id: int
    mac: str = ""
    replace: bool = False
    stub: bool = True
    baud: int = 460_800

    def __repr__(self) -> str:
        """Port and node only; the record is secret."""
        return f"Job({self.port!r}, node {self.node_id})"


class Look(msgspec.Struct, frozen=True, tag="look"):
    """Find out who a board is. Attributes as of `Job`."""

    port: str
    stub: bool = True
    baud: int = 460_800


class ReadLog(msgspec.Struct, frozen=True, tag="read_log"):
    """Read the partition of the raw log. Attributes as of `Job`; start: start the node then."""

    port: str
    stub: bool = True
    baud: int = 460_800
    start: bool = True


class Update(msgspec.Struct, frozen=True, tag="update"):
    """
    A new application for a node, everything else untouched.

    Attributes:
        port, chip, stub, baud: As of `Job`.
        app: The application. It is whole.
        table: The partitions of its build.
        field_id: The field that the node must be of; None for any.
        start: Start the node then.
    """

    port: str
    chip: str
    app: bytes
    table: tuple[Partition, ...]
    field_id: int | None = None
    stub: bool = True
    baud: int = 460_800
    start: bool = True


Task = Job | Look | ReadLog | Update


class Step(msgspec.Struct, frozen=True, tag="step"):
    """How far it is: what is being done, and of how many bytes."""

    what: str
    done: int = 0
    total: int = 0


class Note(msgspec.Struct, frozen=True, tag="note"):
    """Something a person should know; the work goes on."""

    text: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It was not done; `reason` is one of `errors.REASONS`."""

    reason: str
    text: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """
    Written, verified and read back.

    Attributes:
        chip: The chip that was found.
        mac: Its factory address.
        flash_bytes: Size of its flash. [bytes]
        written_bytes: What was written. [bytes]
        before: Who the board was before: "" nobody, else field and node.
        identity: Who it says it is now, read out of its flash.
    """

    chip: str
    mac: str
    flash_bytes: int
    written_bytes: int
    before: str
    identity: Identity


class Slot(msgspec.Struct, frozen=True):
    """
    One application slot.

    Attributes:
        name: Of its partition.
        state: "confirmed", "new", "on trial", "taken back", "unfit", "unwatched"; "" if the board
            has no entry for it.
        starts: Whether it is what the board starts next, if it is whole.
        project, version, built, idf: What the application says of itself; "" if nothing.
    """

    name: str
    state: str
    starts: bool
    project: str
    version: str
    built: str
    idf: str


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    """
    Who a board is.

    Attributes:
        chip, mac, flash_bytes: As of `Done`.
        identity: As of `Done`; empty if it is no node.
        slots: Application slots; empty if it has no such layout.
        log_places: Places of the raw log that were written, torn ones included; None: no raw log.
        log_first_s: Time of its oldest sample, None if there is none. [s] since 1970
        log_last_s: Time of its newest. [s] since 1970
    """

    chip: str
    mac: str
    flash_bytes: int
    identity: Identity
    slots: tuple[Slot, ...]
    log_places: int | None = None
    log_first_s: int | None = None
    log_last_s: int | None = None


class Log(msgspec.Struct, frozen=True, tag="log"):
    """Who a board is, and the bytes of its raw log."""

    seen: Seen
    data: bytes


class Updated(msgspec.Struct, frozen=True, tag="updated"):
    """
    Written, read back, and to be started next.

    Attributes:
        seen: Who the board was before.
        slot: The slot that was written.
        version: What the new application says of itself.
        keeps: The slot that the board goes back to.
        written_bytes: What was written. [bytes]
    """

    seen: Seen
    slot: str
    version: str
    keeps: str
    written_bytes: int


Outcome = Failed | Done | Seen | Log | Updated
Message = Step | Note | Outcome


def encode_task(task: Task) -> bytes:
    """*task* for a worker's standard input."""
    return msgspec.msgpack.encode(task)


def decode_task(data: bytes) -> Task:
    """What a worker is to do."""
    task: Task = msgspec.msgpack.decode(data, type=Task)
    return task


def encode(message: Message) -> bytes:
    """*message* as one line."""
    return msgspec.json.encode(message) + b"\n"


def decode_message(line: bytes) -> Message:
    """One line of a worker's output."""
    message: Message = msgspec.json.decode(line, type=Message)
    return message
