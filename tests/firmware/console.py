# SPDX-License-Identifier: Apache-2.0
"""A cable of two pseudo-terminals, from a node's console to a port of a computer."""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cable", "cable"]

_POLL_S = 0.01


class Cable(NamedTuple):
    """Device paths of the two ends."""

    node: str
    computer: str


@contextmanager
def cable() -> Iterator[Cable]:
    """Two terminals, each of which reads what is written to the other."""
    ends = [pty.openpty() for _ in range(2)]
    masters = [master for master, _ in ends]
    for pair in ends:
        for end in pair:
            tty.setraw(end)
    for master in masters:
        os.set_blocking(master, False)
    pulled = threading.Event()

    def carry() -> None:
        while not pulled.is_set():
            ready, _, _ = select.select(masters, [], [], _POLL_S)
            for master in ready:
                data = os.read(master, 1024)
                with suppress(BlockingIOError):  # nobody reads there: lost, as on a real line
                    os.write(masters[1 - masters.index(master)], data)

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield Cable(*(os.ttyname(slave) for _, slave in ends))
    finally:
        pulled.set()
        thread.join()
        for pair in ends:
            for end in pair:
                os.close(end)
