# SPDX-License-Identifier: Apache-2.0
"""A thread for each sink, beside the gateway and never in its way."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog

from qres_gateway.errors import FrameLogError
from qres_gateway.sinks.backoff import Backoff
from qres_gateway.sinks.base import SinkStats
from qres_gateway.sinks.delivery import BATCH_POINTS, Delivery
from qres_gateway.sinks.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qres_gateway.sinks.base import Sink
    from qres_gateway.sinks.field import SinkField
    from qres_gateway.sources.base import Clock

__all__ = ["Pace", "SinkRunner", "Sinks"]

STOP_S: Final = 5.0
"""How long the end of the gateway waits for a sink; what it has not got waits in the store."""
_MINUTE_US: Final = 60_000_000

_log = structlog.get_logger("qres_gateway")


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How often a sink is served.

    Attributes:
        poll_s: Pause between two turns without a backlog. [s]
        retry_first_s, retry_most_s: First and longest pause after a failure. [s]
        batch_points: Largest batch.
        random: For jitter.
    """

    poll_s: float = 1.0
    retry_first_s: float = 1.0
    retry_most_s: float = 60.0
    batch_points: int = BATCH_POINTS
    random: Callable[[], float] = random.random


class SinkRunner:
    """
    One sink's thread.

    Args:
        sink: Where points go.
        store: The gateway's database.
        field: The field.
        clock: This host's clock.
        pace: How often.
        all_stats: Stats of every sink, for the readings that each sink gets once a minute.
    """

    def __init__(
        self,
        sink: Sink,
        store: Path,
        field: SinkField,
        clock: Clock,
        *,
        pace: Pace | None = None,
        all_stats: Callable[[], Sequence[SinkStats]] | None = None,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._pace = pace or Pace()
        self._all_stats = all_stats or (lambda: [self.stats()])
        self._delivery = Delivery(
            sink, store, field, self._now_us, batch_points=self._pace.batch_points
        )
        self._backoff = Backoff(
            self._pace.retry_first_s, self._pace.retry_most_s, self._pace.random
        )
        self._stop = threading.Event()
        self._stats = SinkStats(sink.name)
        self._failed_since_s: float | None = None
        self._minute = -1
        self._thread = threading.Thread(
            target=self._run, name=f"qres-sink-{sink.name}", daemon=True
        )

    @property
    def name(self) -> str:
        """Of the sink."""
        return self._sink.name

    def start(self) -> None:
        """Begin. The store must exist."""
        self._thread.start()

    def stop(self) -> None:
        """Begin to end; `join` waits for it."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end. Whether it came within the time. [s]"""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def stats(self) -> SinkStats:
        """As of the last turn; no I/O, from any thread."""
        return self._stats

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                pause_s = self._turn()
                if pause_s > 0.0:
                    self._stop.wait(pause_s)
            if self._failed_since_s is None:
                self._turn()  # what the gateway's last turn left in the store
        finally:
            self._delivery.close()

    def _turn(self) -> float:
        """One turn; the pause after it. [s]"""
        try:
            self._delivery.open()
            self._gauge()
            has_backlog = self._delivery.turn()
            rows, age_s = self._delivery.backlog()
        except SinkError as error:
            return self._failed(error.code, str(error), error.retry_after_s)
        except FrameLogError as error:
            return self._failed("store", str(error))
        except Exception as error:  # noqa: BLE001  the thread's top loop: a defect must not end it unseen
            _log.exception("sink.defect", sink=self.name)
            return self._failed("defect", repr(error))
        self._delivered(has_backlog=has_backlog, rows=rows, age_s=age_s)
        return 0.0 if has_backlog else self._pace.poll_s

    def _now_us(self) -> int:
        return self._clock.now().wall_us

    def _gauge(self) -> None:
        minute = self._now_us() // _MINUTE_US
        if minute != self._minute:
            self._minute = minute
            self._delivery.gauge(self._all_stats(), minute * _MINUTE_US)

    def _failed(self, code: str, text: str, retry_after_s: float = 0.0) -> float:
        if self._failed_since_s is None:
            self._failed_since_s = time.monotonic()
        if self._stats.state != code:
            _log.warning(
                "sink.failed",
                sink=self.name,
                at=self._sink.address,
                state=code,
                text=text,
                meanwhile="nothing is lost: rows wait in the store",
            )
        rows, age_s = self._stats.backlog_rows, self._stats.backlog_age_s
        try:
            rows, age_s = self._delivery.backlog()
        except FrameLogError as error:
            text = f"{text}; {error}" if code != "store" else text
        self._stats = replace(
            self._stats,
            state=code,
            text=text,
            failures=self._stats.failures + 1,
            backlog_rows=rows,
            backlog_age_s=age_s,
            written_points=self._delivery.written,
        )
        return self._backoff.next_s(retry_after_s)

    def _delivered(self, *, has_backlog: bool, rows: int, age_s: float) -> None:
        state = "catching up" if has_backlog else "ok"
        if self._failed_since_s is not None:
            down_s = round(time.monotonic() - self._failed_since_s, 1)
            _log.info("sink.recovered", sink=self.name, after_s=down_s, backlog_rows=rows)
        elif self._stats.state == "catching up" and not has_backlog:
            _log.info("sink.caught_up", sink=self.name, written_points=self._delivery.written)
        rejected = self._delivery.rejected
        if rejected > self._stats.rejected_points == 0:
            _log.warning(
                "sink.rejected",
                sink=self.name,
                points=rejected,
                text=getattr(self._sink, "last_rejection", ""),
                meanwhile="the store has them still; they are counted and left out",
            )
        self._failed_since_s = None
        self._backoff.reset()
        self._stats = replace(
            self._stats,
            state=state,
            text="",
            backlog_rows=rows,
            backlog_age_s=age_s,
            written_points=self._delivery.written,
            rejected_points=rejected,
        )


class Sinks:
    """
    All sinks of a gateway.

    Args:
        sinks: Each with a name of its own; may be empty.
        store: The gateway's database.
        field: The field.
        clock: This host's clock.
        pace: How often.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        store: Path,
        field: SinkField,
        clock: Clock,
        *,
        pace: Pace | None = None,
    ) -> None:
        self._runners = [
            SinkRunner(sink, store, field, clock, pace=pace, all_stats=self.stats) for sink in sinks
        ]

    def start(self) -> None:
        """Begin, once the store exists."""
        for runner in self._runners:
            runner.start()

    def stats(self) -> list[SinkStats]:
        """Of every sink."""
        return [runner.stats() for runner in self._runners]

    def stop(self, timeout_s: float = STOP_S) -> None:
        """
        Deliver what is in the store as far as the sinks take it at once, and end.

        Args:
            timeout_s: How long to wait for all of them together. A sink that hangs longer is left
                to end with the process; its cursors are where the server confirmed. [s]
        """
        until_s = time.monotonic() + timeout_s
        for runner in self._runners:
            runner.stop()
        for runner in self._runners:
            if not runner.join(max(0.0, until_s - time.monotonic())):
                _log.warning(
                    "sink.abandoned",
                    sink=runner.name,
                    text=f"did not end within {timeout_s:g} s; it goes on where it was confirmed",
                )
