# SPDX-License-Identifier: Apache-2.0
"""
What a board's flash says of it: table, provisioning record, application slots, raw log.

Runs in the worker process. The provisioning record holds the field key: it is decoded here, and
only what identifies the node goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qres.provisioning import Provisioning, ProvisioningError, decode
from qres_gateway.flash.app_image import HEAD_BYTES, describe, image_length, is_whole
from qres_gateway.flash.job import Identity, Seen, Slot
from qres_gateway.flash.ota import (
    ENTRY_BYTES,
    SECTOR_BYTES,
    State,
    parse_entry,
    start_order,
)
from qres_gateway.flash.partitions import (
    TABLE_BYTES,
    TABLE_OFFSET,
    app_slots,
    named,
    ota_data,
    parse_table,
    provisioning_partition,
)
from qres_gateway.node_tools.raw_log import PARTITION, LogSpan, log_span

if TYPE_CHECKING:
    from collections.abc import Callable

    from qres_gateway.flash.board import Board
    from qres_gateway.flash.ota import Entry
    from qres_gateway.flash.partitions import Partition

__all__ = [
    "SECTOR",
    "entries_of",
    "holds_whole",
    "identity_of",
    "record_at",
    "see",
    "table_of",
]

SECTOR: Final = 4096

_WORDS: Final[dict[int, str]] = {
    State.NEW: "new",
    State.PENDING: "on trial",
    State.VALID: "confirmed",
    State.INVALID: "unfit",
    State.ABORTED: "taken back",
}


def table_of(board: Board) -> tuple[Partition, ...]:
    """The partitions of *board*, none if it has no table."""
    return parse_table(board.read(TABLE_OFFSET, TABLE_BYTES))


def record_at(board: Board, offset: int) -> Provisioning | None:
    """The provisioning record at *offset*, if there is one. [bytes]"""
    if offset + SECTOR > board.flash_bytes:
        return None
    try:
        return decode(board.read(offset, SECTOR))
    except ProvisioningError:
        return None


def identity_of(record: Provisioning) -> Identity:
    """Who a node is; nothing of it is secret."""
    return {
        "field_id": record.field_id,
        "field": record.field_name,
        "node_id": record.node_id,
        "name": record.node_name,
        "lat_deg": record.lat_deg,
        "lon_deg": record.lon_deg,
        "site_hash": f"{record.site_hash:08x}",
    }


def entries_of(board: Board, table: tuple[Partition, ...]) -> tuple[Entry, ...]:
    """The two entries of otadata; none if *board* has no such partition."""
    at = ota_data(table)
    if at is None or at.offset + 2 * SECTOR_BYTES > board.flash_bytes:
        return ()
    return tuple(
        parse_entry(board.read(at.offset + i * SECTOR_BYTES, ENTRY_BYTES)) for i in range(2)
    )


def holds_whole(
    board: Board, slot: Partition, progress: Callable[[int, int], None] | None = None
) -> bool:
    """Whether *slot* holds a whole application; reads all of it."""
    if slot.offset + slot.size > board.flash_bytes:
        return False
    length = image_length(lambda at, n: board.read(slot.offset + at, n), slot.size)
    return length is not None and is_whole(board.read(slot.offset, length, progress))


def see(board: Board, table: tuple[Partition, ...], *, with_log: bool = False) -> Seen:
    """Who *board* is, from its *table*; with_log: look at the raw log's heads, too."""
    place = provisioning_partition(table)
    record = record_at(board, place.offset) if place else None
    span = _span(board, table) if with_log else None
    return Seen(
        chip=board.chip,
        mac=board.mac,
        flash_bytes=board.flash_bytes,
        identity=identity_of(record) if record else {},
        slots=_slots(board, table),
        log_places=span.places if span else None,
        log_first_s=span.first_s if span else None,
        log_last_s=span.last_s if span else None,
    )


def _span(board: Board, table: tuple[Partition, ...]) -> LogSpan | None:
    log = named(table, PARTITION)
    if log is None or log.offset + log.size > board.flash_bytes:
        return None
    return log_span(lambda at, n: board.read(log.offset + at, n), log.size)


def _slots(board: Board, table: tuple[Partition, ...]) -> tuple[Slot, ...]:
    slots, entries = app_slots(table), entries_of(board, table)
    if not slots or not entries or slots[-1].offset + HEAD_BYTES > board.flash_bytes:
        return ()
    first = start_order(entries, len(slots))[0]
    return tuple(
        _slot(board, slot, _state(entries, number, len(slots)), starts=number == first)
        for number, slot in enumerate(slots)
    )


def _slot(board: Board, slot: Partition, state: str, *, starts: bool) -> Slot:
    said = describe(board.read(slot.offset, HEAD_BYTES))
    return Slot(slot.name, state, starts, *(said or ("", "", "", "")))


def _state(entries: tuple[Entry, ...], slot: int, slots: int) -> str:
    """What otadata knows of a slot: the word for the newest entry that selects it."""
    own = [e for e in entries if e.is_whole and e.slot(slots) == slot]
    newest = max(own, key=lambda e: e.sequence, default=None)
    return "" if newest is None else _WORDS.get(newest.state, "unwatched")
