# SPDX-License-Identifier: Apache-2.0
"""What a source has received and nobody has read yet: one queue for every kind of source."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Inbox"]

T = TypeVar("T")


class Inbox(Generic[T]):
    """Filled by callbacks of the event loop, emptied by `read`; still readable once closed."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._changed = asyncio.Event()
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add at the end."""
        self._items.append(item)
        self._changed.set()

    def pop(self) -> T:
        """Take the oldest; there must be one."""
        return self._items.popleft()

    def close(self) -> None:
        """Nothing more comes."""
        self.is_closed = True
        self._changed.set()

    async def filled(self) -> bool:
        """Wait until there is something; False once it is closed and drained."""
        while not self._items:
            if self.is_closed:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True
