# SPDX-License-Identifier: Apache-2.0
"""Frames into the log, rows through the pipeline, results into the database: synchronous.

One thread owns a worker, and it is the only writer. `cycle` never raises for a log that cannot
be written: frames wait in `waiting`, the state tells why, and it tries again later.

Order of what happens to a frame: waiting -> row of the log (durable) -> pipeline -> ledger,
outbox and decode cursor in one transaction (durable) -> events to subscribers.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from qres_gateway.errors import FrameLogError
from qres_gateway.events import StateChanged
from qres_gateway.frame_log import FrameLog
from qres_gateway.ledger import Ledger
from qres_gateway.listening import Listening
from qres_gateway.outbox import Outbox
from qres_gateway.pipeline import Batch, Pipeline
from qres_gateway.sources.base import PAYLOAD_MAX_BYTES
from qres_gateway.spill import spill, spill_path, unspill

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qres_gateway.database import Database
    from qres_gateway.events import Event
    from qres_gateway.pipeline import FieldRules
    from qres_gateway.sources.base import Instant, RawFrame

DECODE_CURSOR: Final = "decode"
SETTLE_US: Final = 1_000_000
"""How long rows wait for what another receiver heard at the same time but delivered later."""
APPEND_FRAMES: Final = 8_192
PROCESS_ROWS: Final = 2_000
_RETRY_FIRST_US: Final = 1_000_000
_RETRY_LAST_US: Final = 30_000_000
_TIME_LIMIT_US: Final = 1 << 60  # the year 38,500


class Worker:
    """Everything behind the sources.

    Args:
        database: Open for writing; the worker closes it.
        rules: The field.
        live: Frames come as they are heard, and time passes by the host's clock. False: they
            come from a file, and time passes by their own times.
        settle_us: See SETTLE_US; 0 processes at once. Without effect if not live.
    """

    def __init__(
        self,
        database: Database,
        rules: FieldRules,
        *,
        live: bool = True,
        settle_us: int = SETTLE_US,
    ) -> None:
        self._database = database
        self._live = live
        self._settle_us = settle_us if live else 0
        self.log = FrameLog(database)
        self.ledger = Ledger(database)
        self.outbox = Outbox(database)
        self.listening = Listening(database)
        self._cursor = self.log.cursor(DECODE_CURSOR)
        self._pipeline = Pipeline(
            rules,
            self.log,
            last_id=self._cursor,
            last_commit_us=self.outbox.last_commit_us,
            settle_us=self._settle_us,
        )
        spilled, self._unreadable = unspill(database.path)
        self.waiting: deque[RawFrame] = deque(spilled)
        self._spilled = bool(spilled or self._unreadable)
        self._marks: deque[tuple[int, int]] = deque()  # (appended at, last id)
        self._last_id = self._settled_id = self.log.last_id
        self._unsaved: Batch | None = None
        self._source_refused: Counter[str] = Counter()
        self._state = "ok"
        self._state_text = ""
        self._retry_us = 0
        self._retry_at_us = 0
        self._failures = 0

    @property
    def state(self) -> str:
        """Whether frames reach the log: "ok", or the code of the error that hinders them."""
        return self._state

    def cycle(
        self, frames: Sequence[RawFrame], refused: Mapping[str, int], now: Instant
    ) -> tuple[list[Event], bool]:
        """
        One turn: write what arrived, process some rows, store the results.

        Args:
            frames: New frames, in order of arrival.
            refused: How many the source has refused since the last turn, by reason. Frames that
                are not storable are added as "range".
            now: This host's clocks.

        Returns:
            Events whose causes are durable, and whether rows are left that could be processed
            at once.
        """
        storable = [frame for frame in frames if is_storable(frame)]
        self.waiting.extend(storable)
        self._source_refused.update(refused)
        if len(storable) < len(frames):
            self._source_refused["range"] += len(frames) - len(storable)
        if now.mono_us < self._retry_at_us:
            return [], False
        events: list[Event] = []
        try:
            self._append(now)
            more = self._process(now, events)
        except FrameLogError as error:
            self._failed(error, now, events)
            return events, False
        self._recovered(events)
        return events, more

    def finish(self, now: Instant) -> tuple[list[Event], Path | None]:
        """
        Last turn: everything is written and processed, settled or not; closes the database.

        Returns:
            Events, and the spill file if the log would not take the frames that wait.

        Raises:
            FrameLogError: Frames could be written neither to the log nor to the spill file.
        """
        events: list[Event] = []
        path = None
        try:
            while self.waiting:
                self._append(now)
            self._marks.clear()
            self._settled_id = self._last_id
            while self._process(now, events):
                pass
            self.listening.end()
            if self.listening.is_due(now, ended=True):
                with self._database.transaction():
                    self.listening.write()
        except FrameLogError as error:
            self._failed(error, now, events)
        finally:  # also after an error that nobody foresaw: frames come first
            try:
                if self.waiting:
                    path = spill(self._database.path, self.waiting)
                    self.waiting.clear()
            finally:
                self._database.close()
        return events, path

    def listen(self, source: str, now: Instant) -> None:
        """
        From *now* to the last turn *source* is listened to; the store says so from the next on.

        Raises:
            FrameLogError: The store cannot be read.
        """
        self.listening.begin(source)
        self.listening.see(now, self._pipeline.true_us(now))

    def stats(self) -> dict[str, int | str]:
        """Where frames are, as of the last turn."""
        return {
            "state": self._state,
            "state_text": self._state_text,
            "failures": self._failures,
            "waiting_frames": len(self.waiting),
            "logged_frames": self._last_id,
            "undecoded_rows": self._last_id - self._cursor,
            "unreadable_spilled": self._unreadable,
            **self._pipeline.stats(),
        }

    def _append(self, now: Instant) -> None:
        """Move waiting frames into the log, APPEND_FRAMES at most."""
        batch = [self.waiting[i] for i in range(min(len(self.waiting), APPEND_FRAMES))]
        if batch:
            self._last_id = self.log.append(batch)[-1]
            for _ in batch:
                self.waiting.popleft()
            self._marks.append((now.mono_us, self._last_id))
        if self._spilled and not self.waiting:
            spill_path(self._database.path).unlink(missing_ok=True)
            self._spilled = False
        while self._marks and self._marks[0][0] <= now.mono_us - self._settle_us:
            self._settled_id = self._marks.popleft()[1]

    def _process(self, now: Instant, events: list[Event]) -> bool:
        """One batch through the pipeline and into the database. Whether settled rows are left."""
        if self._unsaved is None:
            rows = self.log.after(self._cursor, PROCESS_ROWS, up_to=self._settled_id)
            reached = rows[-1].id if rows else self._cursor
            more = reached < self._last_id or bool(self.waiting)
            self._unsaved = self._pipeline.process(rows, now if self._live else None, more=more)
        batch = self._unsaved
        for reason, count in self._source_refused.items():
            batch.tally.refuse(now.wall_us, "source", reason, frames=count)
        self._source_refused.clear()
        self.listening.see(now, self._pipeline.true_us(now))
        is_new = batch.last_id != self._cursor or batch.events or batch.tally
        if is_new or self.listening.is_due(now):
            with self._database.transaction():
                self.log.move_cursor(DECODE_CURSOR, self._cursor, batch.last_id)
                self.ledger.add(batch.tally)
                self.outbox.add(batch.events)
                self.listening.write()
            self.listening.written(now)
        self._cursor = batch.last_id
        self._unsaved = None
        events.extend(batch.events)
        return self._cursor < self._settled_id or bool(self.waiting)

    def _failed(self, error: FrameLogError, now: Instant, events: list[Event]) -> None:
        self._failures += 1
        self._retry_us = min(max(2 * self._retry_us, _RETRY_FIRST_US), _RETRY_LAST_US)
        self._retry_at_us = now.mono_us + self._retry_us
        if self._state != error.code:
            events.append(StateChanged(error.code, str(error)))
        self._state, self._state_text = error.code, str(error)

    def _recovered(self, events: list[Event]) -> None:
        self._retry_us = self._retry_at_us = 0
        if self._state != "ok":
            self._state, self._state_text = "ok", ""
            events.append(StateChanged("ok", ""))


def is_storable(frame: RawFrame) -> bool:
    """Whether every number of a frame has a sane size, so that no source can stop the log."""
    return (
        0 <= frame.rx_us < _TIME_LIMIT_US
        and (frame.host_us is None or 0 <= frame.host_us < _TIME_LIMIT_US)
        and (frame.tmst_us is None or 0 <= frame.tmst_us < 1 << 32)
        and 1 <= len(frame.payload) <= PAYLOAD_MAX_BYTES
        and 0 < frame.freq_hz < 1 << 40
        and 5 <= frame.sf <= 12
        and 0 < frame.bw_hz < 1 << 32
    )
