# SPDX-License-Identifier: Apache-2.0
"""The gateway as an asyncio service: source -> worker -> subscribers.

The event loop only receives, acknowledges and hands out events. The worker (log, pipeline,
database) has a thread of its own, so that a slow disk never delays an acknowledgement. What
arrives while it writes is written in its next turn.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

import structlog

from qres_gateway.database import LOCK_TIMEOUT_MS, Database
from qres_gateway.events import ClockStepped, ReplicaRebuilt, StateChanged
from qres_gateway.sources.base import SystemClock
from qres_gateway.worker import SETTLE_US, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qres_gateway.events import Event
    from qres_gateway.pipeline import FieldRules
    from qres_gateway.sources.base import Clock, RawFrame, Source

WAITING_FRAMES: Final = 200_000
"""How many frames may wait in memory for a log that cannot be written: below 100 MB, and months
of what a field of 100 nodes sends."""
READ_FRAMES: Final = 4_096
TICK_S: Final = 1.0

_log = structlog.get_logger("qres_gateway")


class Subscription:
    """Events for one subscriber. A slow one loses the oldest, counted, and blocks nobody."""

    def __init__(self, limit: int, on_close: Callable[[Subscription], None]) -> None:
        self._events: deque[Event] = deque()
        self._limit = limit
        self._ready = asyncio.Event()
        self._on_close = on_close
        self._ended = False
        self.missed = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._events.popleft()

    def close(self) -> None:
        """Receive nothing more."""
        self._on_close(self)
        self.end()

    def put(self, events: Sequence[Event]) -> None:
        """Add events; called by the service."""
        self._events.extend(events)
        while len(self._events) > self._limit:
            self._events.popleft()
            self.missed += 1
        self._ready.set()

    def end(self) -> None:
        """No more events will come; what is queued can still be read."""
        self._ended = True
        self._ready.set()


class GatewayService:
    """Runs one source into one log for one field.

    Args:
        source: Not started yet.
        path: The gateway's database file.
        rules: The field.
        clock: The host's clocks.
        live: See `Worker`. If False, the service ends when the source does.
        settle_us: See `Worker`.
        waiting_frames: See WAITING_FRAMES.
        tick_s: Longest time between two turns of the worker. [s]
        lock_timeout_ms: How long to wait for another process's lock on the database. [ms]
    """

    def __init__(
        self,
        source: Source,
        path: Path,
        rules: FieldRules,
        *,
        clock: Clock | None = None,
        live: bool = True,
        settle_us: int = SETTLE_US,
        waiting_frames: int = WAITING_FRAMES,
        tick_s: float = TICK_S,
        lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    ) -> None:
        self._source = source
        self._path = path
        self._rules = rules
        self._clock = clock or SystemClock()
        self._live = live
        self._settle_us = settle_us
        self._waiting_limit = waiting_frames
        self._tick_s = tick_s
        self._lock_timeout_ms = lock_timeout_ms
        self._inbox: list[RawFrame] = []
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping = False
        self._subscriptions: list[Subscription] = []
        self._refused_told: Counter[str] = Counter()
        self._missed_by_closed = 0
        self._worker_stats: dict[str, int | str] = {}
        self.started = asyncio.Event()

    def subscribe(self, limit: int = 10_000) -> Subscription:
        """Events from now on; `limit` of them may wait to be read."""
        subscription = Subscription(limit, self._unsubscribe)
        self._subscriptions.append(subscription)
        return subscription

    async def stop(self) -> None:
        """Take nothing new, finish what has arrived, end `run`."""
        self._stopping = True
        await self._source.close()
        self._room.set()
        self._wake.set()

    def stats(self) -> dict[str, dict[str, int | str]]:
        """Counters, as of the last turn; no I/O. `worker.state` is "ok" or an error's code."""
        return {
            "source": {"name": self._source.name, **self._source.stats()},
            "refused": dict(self._source.refused),
            "worker": {**self._worker_stats, "inbox_frames": len(self._inbox)},
            "subscribers": {
                "count": len(self._subscriptions),
                "missed_events": self._missed_by_closed
                + sum(subscription.missed for subscription in self._subscriptions),
            },
        }

    async def run(self) -> None:
        """
        Run until `stop`, or until the source ends.

        Raises:
            FrameLogError: The log cannot be opened; or, at the end, frames are lost.
            SourceError: The source cannot be opened or read.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "qres-worker") as thread:
            worker = await loop.run_in_executor(thread, self._open)
            reader: asyncio.Task[None] | None = None
            try:
                await self._source.start()
                if self._live:  # a file was listened to by somebody else
                    name, now = self._source.name, self._clock.now()
                    await loop.run_in_executor(thread, worker.listen, name, now)
                _log.info("gateway.started", source=self._source.name, log=str(self._path))
                self.started.set()
                reader = asyncio.create_task(self._read(worker))
                reader.add_done_callback(lambda _: self._wake.set())
                while not reader.done():
                    await self._turn(loop, thread, worker)
                await reader
            finally:
                await self._source.close()
                if reader is not None and not reader.done():
                    self._stopping = True
                    self._room.set()
                    await asyncio.wait([reader])
                await self._finish(loop, thread, worker)

    def _open(self) -> Worker:
        database = Database.open(self._path, lock_timeout_ms=self._lock_timeout_ms)
        try:
            return Worker(database, self._rules, live=self._live, settle_us=self._settle_us)
        except BaseException:
            database.close()
            raise

    async def _read(self, worker: Worker) -> None:
        """Fetch frames until the source ends; wait while too many are waiting already."""
        while frames := await self._source.read(READ_FRAMES):
            self._inbox.extend(frames)
            self._wake.set()
            while (
                len(self._inbox) + len(worker.waiting) >= self._waiting_limit and not self._stopping
            ):
                self._room.clear()
                await self._room.wait()

    async def _turn(
        self, loop: asyncio.AbstractEventLoop, thread: ThreadPoolExecutor, worker: Worker
    ) -> None:
        with suppress(TimeoutError):  # a turn without frames: time passes
            async with asyncio.timeout(self._tick_s):  # wait_for of 3.11 can lose a cancellation
                await self._wake.wait()
        self._wake.clear()
        events, more = await loop.run_in_executor(
            thread, worker.cycle, self._take_inbox(), self._new_refusals(), self._clock.now()
        )
        self._publish(events, worker)
        self._room.set()
        if more:
            self._wake.set()

    async def _finish(
        self, loop: asyncio.AbstractEventLoop, thread: ThreadPoolExecutor, worker: Worker
    ) -> None:
        frames, refused, now = self._take_inbox(), self._new_refusals(), self._clock.now()
        try:
            try:
                events, _ = await loop.run_in_executor(thread, worker.cycle, frames, refused, now)
                self._publish(events, worker)
            finally:
                events, spilled = await loop.run_in_executor(thread, worker.finish, now)
                self._publish(events, worker)
                if spilled is not None:
                    _log.error("gateway.spilled", path=str(spilled), state=worker.state)
        finally:
            for subscription in tuple(self._subscriptions):
                subscription.end()
        _log.info("gateway.stopped", **self._worker_stats)

    def _take_inbox(self) -> list[RawFrame]:
        frames, self._inbox = self._inbox, []
        return frames

    def _new_refusals(self) -> Counter[str]:
        seen = Counter(self._source.refused)
        new = seen - self._refused_told
        self._refused_told = seen
        if new["queue_full"]:
            _log.error("source.dropped", datagrams=new["queue_full"], source=self._source.name)
        return new

    def _publish(self, events: list[Event], worker: Worker) -> None:
        self._worker_stats = worker.stats()
        for event in events:
            _log_event(event)
        if events:
            for subscription in self._subscriptions:
                subscription.put(events)

    def _unsubscribe(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._missed_by_closed += subscription.missed


async def run_until_signal(service: GatewayService) -> None:
    """Run the service; SIGINT or SIGTERM stop it in order, a second one at once.

    Raises what `GatewayService.run` raises.
    """
    loop = asyncio.get_running_loop()
    stops: list[asyncio.Task[None]] = []

    def stop(received: signal.Signals) -> None:
        _log.info("gateway.stopping", signal=received.name)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        stops.append(loop.create_task(service.stop()))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await service.run()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _log_event(event: Event) -> None:
    if isinstance(event, StateChanged):
        if event.state == "ok":
            _log.info("log.recovered")
        else:
            _log.error("log.failed", state=event.state, text=event.text)
    elif isinstance(event, ClockStepped):
        _log.warning("clock.stepped", step_us=event.step_us, at_us=event.at_us)
    elif isinstance(event, ReplicaRebuilt):
        _log.info("replica.rebuilt", cause=event.cause, from_us=event.from_us, frames=event.frames)
