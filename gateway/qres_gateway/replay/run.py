# SPDX-License-Identifier: Apache-2.0
"""
Captures into a store: frames first, then everything that follows from them.

Idempotent. A frame that the log has (same receiver, time and payload) is not added again, and if
nothing was added, nothing is written. Interrupted at any moment, the store is whole: the frames
that were added stay, and the next replay derives what is missing.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qres_gateway.database import Database
from qres_gateway.events import PhaseCommitted
from qres_gateway.frame_log import FrameLog
from qres_gateway.outbox import Outbox
from qres_gateway.replay.add import Added, add_frames
from qres_gateway.replay.captures import by_time
from qres_gateway.replay.derived import Derived, behind, mark_begin
from qres_gateway.replay.findings import Findings
from qres_gateway.replay.fold import fold
from qres_gateway.replay.values_csv import ValuesCsv
from qres_gateway.store_lock import lock_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from qres.site import Site
    from qres_gateway.events import Event
    from qres_gateway.frame_log import LoggedFrame
    from qres_gateway.pipeline import FieldRules
    from qres_gateway.replay.captures import Capture

__all__ = ["Replayed", "replay"]

_EVER_US = 1 << 62


class Progress(Protocol):
    """Told how far the two halves are."""

    def added(self, frames: int) -> None:
        """So many frames were read from the captures."""
        ...

    def folded(self, rows: int, of: int) -> None:
        """So many rows of the log went through the replica."""
        ...


@dataclass(frozen=True, slots=True)
class Replayed:
    """
    Outcome.

    Attributes:
        added: What came from the captures.
        findings: What the store says of their time; None if they held no frame.
        csv_lines: Lines written, apart from the head.
    """

    added: Added
    findings: Findings | None
    csv_lines: int


def replay(
    captures: Sequence[Capture],
    store: Path,
    site: Site,
    rules: FieldRules,
    progress: Progress,
    *,
    csv: Path | None = None,
) -> Replayed:
    """
    Add the frames of *captures* to *store*, and decode them with a fresh replica.

    Args:
        captures: At least one.
        store: A gateway's database, or a path for a new one.
        site: The field.
        rules: Its rules, see `field_rules.rules_for`.
        progress: Told how far it is.
        csv: Where to write the values of the captures' time; a new file.

    Raises:
        CaptureError: A capture cannot be read.
        FrameLogError: The store is in use, or cannot be read or written.
        OSError: The table cannot be written.
        RangeError: *csv* exists.
    """
    with ExitStack() as stack:
        table = None if csv is None else stack.enter_context(ValuesCsv(csv, site))
        stack.enter_context(lock_store(store, "qres replay"))
        database = stack.enter_context(Database.open(store))
        log = FrameLog(database)
        mark_begin(database, log)
        added = add_frames(log, by_time(captures), progress.added)
        until_us = max((c.until_us for c in captures if c.until_us is not None), default=None)
        findings = None
        if added.first_us is not None and added.last_us is not None:
            last_us = max(added.last_us, until_us or 0)
            findings = Findings(site, added.ids, added.first_us, last_us)
        _derive(database, log, rules, findings, table, progress, until_us)
    return Replayed(added, findings, 0 if table is None else table.lines)


def _derive(
    database: Database,
    log: FrameLog,
    rules: FieldRules,
    findings: Findings | None,
    table: ValuesCsv | None,
    progress: Progress,
    until_us: int | None,
) -> None:
    """Fold the log, for the findings and for what the store lacks, in one transaction."""
    taken, last_id = behind(log)
    with database.transaction():
        derived = None
        if last_id > taken:
            derived = Derived(database, log, min(r.frame.rx_us for r in _after(log, taken)))
        until_us = max(until_us or 0, Outbox(database).last_commit_us or 0)
        if derived is not None:
            derived.clear()
        rows = _counted(log.between(-_EVER_US, _EVER_US, up_to=last_id), last_id, progress.folded)
        for batch in fold(rows, rules, until_us=until_us):
            if derived is not None:
                derived.add(batch)
            for event in batch.events:
                _tell(event, findings, table)
        Derived(database, log, 0).finish(last_id)


def _tell(event: Event, findings: Findings | None, table: ValuesCsv | None) -> None:
    if findings is None:
        return
    findings.add(event)
    if table is not None and isinstance(event, PhaseCommitted) and findings.covers(event):
        table.add(event)


def _after(log: FrameLog, last_id: int) -> Iterator[LoggedFrame]:
    while rows := log.after(last_id, 10_000):
        yield from rows
        last_id = rows[-1].id


def _counted(
    rows: Iterator[LoggedFrame], total: int, tell: Callable[[int, int], None]
) -> Iterator[LoggedFrame]:
    for done, row in enumerate(rows, 1):
        yield row
        if done % 1_000 == 0 or done == total:
            tell(done, total)
