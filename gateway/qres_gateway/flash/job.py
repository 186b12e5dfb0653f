# SPDX-License-Identifier: Apache-2.0
"""What goes between the process that serves the user and the one that drives esptool."""

from __future__ import annotations

import msgspec

__all__ = ["Done", "Failed", "Job", "Message", "Note", "Part", "Step", "decode_message", "encode"]


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Bytes for a place in flash."""

    offset: int
    data: bytes
    name: str

    def __repr__(self) -> str:
        """Place and length; the bytes may be secret."""
        return f"Part({self.offset:#x}, {len(self.data)} bytes, {self.name!r})"


class Job(msgspec.Struct, frozen=True):
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
    identity: dict[str, str | int | float]


Message = Step | Note | Failed | Done


def encode(message: Message) -> bytes:
    """*message* as one line."""
    return msgspec.json.encode(message) + b"\n"


def decode_message(line: bytes) -> Message:
    """One line of a worker's output."""
    message: Message = msgspec.json.decode(line, type=Message)
    return message
