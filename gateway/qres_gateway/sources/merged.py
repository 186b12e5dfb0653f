# SPDX-License-Identifier: Apache-2.0
"""Several sources as one, so that a gateway can listen in several ways at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qres_gateway.sources.base import RawFrame, Source

__all__ = ["MergedSource"]


class MergedSource:
    """
    Reads from each source as it has frames; it ends when all have ended.

    Args:
        sources: At least one, not started yet.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        if not sources:
            raise ValueError("sources: must be at least one, got none")
        self._sources = tuple(sources)
        self._reads: dict[asyncio.Task[list[RawFrame]], Source] = {}
        self._ended = False

    @property
    def name(self) -> str:
        """Names of all."""
        return " and ".join(source.name for source in self._sources)

    @property
    def refused(self) -> Counter[str]:
        """Sums by reason."""
        return sum((source.refused for source in self._sources), Counter())

    async def start(self) -> None:
        """Open all, or none. Raises SourceError."""
        started: list[Source] = []
        try:
            for source in self._sources:
                await source.start()
                started.append(source)
        except BaseException:
            for source in started:
                await source.close()
            raise

    async def read(self, limit: int) -> list[RawFrame]:
        """Frames of whichever has some first; a source's error is raised once."""
        if not self._reads and not self._ended:
            for source in self._sources:
                self._begin(source, limit)
        while self._reads:
            done, _ = await asyncio.wait(self._reads, return_when=asyncio.FIRST_COMPLETED)
            frames: list[RawFrame] = []
            for task in done:
                source = self._reads.pop(task)
                found = task.result()
                if found:
                    frames.extend(found)
                    self._begin(source, limit)
            if frames:
                return frames
        self._ended = True
        return []

    async def close(self) -> None:
        """Close all. What has arrived can still be read."""
        for source in self._sources:
            await source.close()

    def stats(self) -> dict[str, int]:
        """Counters of all; equal names are added up."""
        total: Counter[str] = Counter()
        for source in self._sources:
            total.update(source.stats())
        return dict(total)

    def _begin(self, source: Source, limit: int) -> None:
        self._reads[asyncio.create_task(source.read(limit))] = source
