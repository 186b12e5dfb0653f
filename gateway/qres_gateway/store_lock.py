# SPDX-License-Identifier: Apache-2.0
"""
One writer to a gateway's database at a time: `qres gateway` or `qres replay`, not both.

SQLite keeps two writers from damaging the file, but not from decoding the same frames twice. The
lock is an advisory one of the operating system on a file beside the database, so it ends with its
holder, however that ends; the file itself stays and means nothing on its own.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qres_gateway.errors import FrameLogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["StoreBusyError", "lock_path", "lock_store", "store_holder"]


class StoreBusyError(FrameLogError):
    """Another process writes to this database."""

    code = "log_busy"


def lock_path(store: Path) -> Path:
    """The file whose lock stands for *store*."""
    return store.with_name(store.name + ".lock")


@contextmanager
def lock_store(store: Path, who: str) -> Iterator[None]:
    """
    Hold *store* while the block runs.

    Args:
        store: The database file; it need not exist, its folder must.
        who: Who holds it, for whoever finds it held, e.g. "qres gateway".

    Raises:
        StoreBusyError: Somebody else holds it; the text says who.
        FrameLogError: The lock file cannot be written.
    """
    path = lock_path(store)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        text = f"cannot be locked: {path}: {error.strerror}. Check that its folder exists and may"
        raise FrameLogError(store, f"{text} be written") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _read(fd) or "another process"
            raise StoreBusyError(
                store, f"is in use by {holder}. Stop that, or choose another --store"
            ) from error
        _say(fd, f"{who} (process {os.getpid()})")
        yield
        _say(fd, "")
    finally:
        os.close(fd)


def store_holder(store: Path) -> str | None:
    """Who holds *store*, in words; None if nobody does."""
    try:
        fd = os.open(lock_path(store), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(fd) or "another process"
    finally:
        os.close(fd)
    return None


def _read(fd: int) -> str:
    return os.pread(fd, 200, 0).decode("utf-8", "replace").strip()


def _say(fd: int, text: str) -> None:
    """What the file says is for people: a full disk must not keep anybody from holding it."""
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode(), 0)
    except OSError:
        return
