# SPDX-License-Identifier: Apache-2.0
"""One reader of the data, any number of browsers.

The data is asked once per tick, and only while somebody watches; a change is encoded once
and handed to every queue. A browser that does not keep up loses its backlog and gets the full
state again, so its memory here is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from qres_gateway.console.feed import delta, full_message, sse
from qres_gateway.console.summary import Summary, summarise
from qres_gateway.console.view import ConsoleData, Snapshot

_QUEUE = 16
_END = b""
_ALIVE = b"event: alive\ndata: {}\n\n"


class Hub:
    """Publishes changes of `data` every `interval_s` seconds. Start with `run`."""

    def __init__(
        self, data: ConsoleData, interval_s: float = 0.5, keepalive_s: float = 5.0
    ) -> None:
        if interval_s <= 0:
            raise ValueError(f"interval_s must be above 0, got {interval_s}")
        self._data = data
        self._interval_s = interval_s
        self._keepalive_s = keepalive_s
        self._queues: set[asyncio.Queue[bytes]] = set()
        self._watched = asyncio.Event()
        self._seq = 0
        self._state: tuple[Snapshot, Summary] | None = None
        self.closed = False
        self.resyncs = 0

    @property
    def watchers(self) -> int:
        """Browsers connected now."""
        return len(self._queues)

    async def run(self) -> None:
        """Publish until cancelled. An error of the data ends it and is the caller's to handle."""
        while True:
            await self._watched.wait()
            self.publish()
            await asyncio.sleep(self._interval_s)

    def publish(self) -> None:
        """Ask the data once and queue what changed since the last time."""
        now = self._data.snapshot()
        summary = summarise(now)
        message: bytes | None = None
        if self._state is not None:
            changed = delta(self._state[0], now, self._state[1], summary)
            if changed == {}:
                return
            if changed is not None:
                message = sse("delta", self._seq + 1, {"seq": self._seq + 1, **changed})
        self._seq += 1
        self._state = (now, summary)
        for queue in self._queues:
            self._put(queue, message)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self.closed = True
        for queue in self._queues:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(_END)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Everything for one browser: the full state first, then changes, then signs of life."""
        if self.closed:
            return
        if self._state is None or not self._queues:
            self.publish()
        queue: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self._queues.add(queue)
        queue.put_nowait(self._full())
        self._watched.set()
        try:
            while True:
                try:
                    async with asyncio.timeout(self._keepalive_s):
                        message = await queue.get()
                except TimeoutError:
                    message = _ALIVE
                if message == _END:
                    return
                yield message
        finally:
            self._queues.discard(queue)
            if not self._queues:
                self._watched.clear()

    def _full(self) -> bytes:
        if self._state is None:
            raise RuntimeError("the hub has no state before its first publish")
        return full_message(self._seq, *self._state)

    def _put(self, queue: asyncio.Queue[bytes], message: bytes | None) -> None:
        if queue.full():
            while not queue.empty():
                queue.get_nowait()
            message = None
            self.resyncs += 1
        queue.put_nowait(self._full() if message is None else message)
