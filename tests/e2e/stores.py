# SPDX-License-Identifier: Apache-2.0
"""What tests see of a store that another process works on."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from qres_gateway.database import Database
from tests.e2e.clocked_gateway import FileClock
from tests.e2e.qres_process import GUARD_S


def payloads(store: Path) -> list[bytes]:
    """The frames that are durable in a store, in their order, seen by another process."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        return [row[0] for row in connection.execute("SELECT payload FROM frame ORDER BY id")]


def last_commit(store: Path) -> tuple[int, int]:
    """The last committed phase and the digest after it, seen by another process; -1 for none."""
    query = "SELECT phase, digest FROM committed ORDER BY phase DESC LIMIT 1"
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        phase, digest = connection.execute(query).fetchone() or (-1, 0)
    return phase, digest


def wait_for_commit(store: Path, phase: int) -> None:
    """Wait until the gateway has committed a phase."""
    wait_until(lambda: last_commit(store)[0] == phase)


def decode_cursor(store: Path) -> int:
    """Up to which row the frames of a store were decoded."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        row = connection.execute("SELECT last_id FROM cursor WHERE name = 'decode'").fetchone()
    return int(row[0]) if row else 0


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait for another process."""
    until = time.monotonic() + GUARD_S
    while not is_true():
        assert time.monotonic() < until, f"not in {GUARD_S} s"
        time.sleep(0.02)


def pass_time(clock: FileClock, at_us: int, store: Path, frames: int) -> None:
    """Once so many frames are logged, it is so late that the gateway waits for no others."""
    wait_until(lambda: len(payloads(store)) == frames)
    clock.set(at_us + 2_000_000)


def whole(store: Path) -> bool:
    """Whether SQLite finds nothing wrong with a store, which is then closed in order."""
    with Database.open(store) as database:
        return database.check() == []


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
