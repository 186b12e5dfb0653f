# SPDX-License-Identifier: Apache-2.0
"""
Frames of captures into a frame log, each once.

A frame is the same as one in the log if receiver, time of reception and payload are the same. So
the same capture again, or two captures that overlap, add nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qres_gateway.frame_log import FrameLog
    from qres_gateway.sources.base import RawFrame

__all__ = ["Added", "add_frames"]

_BATCH_FRAMES: Final = 8_192

_Key = tuple[str, int, bytes]


@dataclass(slots=True)
class Added:
    """
    What went into the log.

    Attributes:
        read: Frames that were offered.
        new: How many of them the log did not have.
        ids: Rows of the log that hold them, old and new.
        first_us, last_us: Times of reception of the first and the last one offered; None if there
            was none. [us]
    """

    read: int = 0
    new: int = 0
    ids: set[int] = field(default_factory=set)
    first_us: int | None = None
    last_us: int | None = None


def add_frames(
    log: FrameLog, frames: Iterable[RawFrame], progress: Callable[[int], None] | None = None
) -> Added:
    """
    Append those of *frames* that *log* does not have.

    Args:
        log: Open for writing. Batches are durable one by one.
        frames: Best in order of time: batches that span little are looked up quickly.
        progress: Called after each batch with the number of frames read.

    Raises:
        FrameLogError: The log cannot be read or written; whole batches are in it, or not at all.
    """
    added = Added()
    source = iter(frames)
    while batch := list(islice(source, _BATCH_FRAMES)):
        first_us, last_us = min(f.rx_us for f in batch), max(f.rx_us for f in batch)
        old, new = _sort_out(log, batch, first_us, last_us)
        added.ids.update(old, log.append(new))
        added.read += len(batch)
        added.new += len(new)
        added.first_us = first_us if added.first_us is None else min(added.first_us, first_us)
        added.last_us = last_us if added.last_us is None else max(added.last_us, last_us)
        if progress is not None:
            progress(added.read)
    return added


def _sort_out(
    log: FrameLog, batch: Sequence[RawFrame], first_us: int, last_us: int
) -> tuple[set[int], list[RawFrame]]:
    """Rows of the log that frames of *batch* are, and the frames that are none."""
    known = {_key(row.frame): row.id for row in log.between(first_us, last_us, up_to=log.last_id)}
    old: set[int] = set()
    new: dict[_Key, RawFrame] = {}
    for frame in batch:
        key = _key(frame)
        if key in known:
            old.add(known[key])
        else:
            new.setdefault(key, frame)
    return old, list(new.values())


def _key(frame: RawFrame) -> _Key:
    return frame.receiver, frame.rx_us, frame.payload
