# SPDX-License-Identifier: Apache-2.0
"""The gateway's one SQLite file: opening it, its schema, transactions, and errors in words.

Durability: write-ahead log with `synchronous=FULL`. Every commit is fsynced before the call
returns, so what was acknowledged survives a killed process *and* a power cut. The price, one
fsync per commit, is paid per batch and not per frame: see `frame_log`.

One connection writes. Readers (console, audit, sinks in other processes) open their own with
`read_only=True` and never block the writer.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from qres_gateway.errors import (
    FrameLogError,
    LogCorruptError,
    LogFullError,
    LogIoError,
    LogLockedError,
    LogOpenError,
    LogReadOnlyError,
    LogSchemaError,
)
from qres_gateway.schema_sql import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION_ID: Final = 0x51524553  # "QRES"
SCHEMA_VERSION: Final = len(STEPS)
LOCK_TIMEOUT_MS: Final = 2_000
_OLDEST_SQLITE: Final = (3, 37, 0)  # first with STRICT tables

_BY_PRIMARY_CODE: Final[dict[int, tuple[type[FrameLogError], str]]] = {
    sqlite3.SQLITE_FULL: (
        LogFullError,
        "no room is left. Free space on its disk; frames wait in memory until then",
    ),
    sqlite3.SQLITE_READONLY: (
        LogReadOnlyError,
        (
            "cannot be written. Check owner and mode of the file and its directory, and whether the"
            " file system is mounted read-only (a worn SD card falls back to that)"
        ),
    ),
    sqlite3.SQLITE_CORRUPT: (
        LogCorruptError,
        (
            "is damaged. Stop the gateway, move the file and its -wal and -shm aside together, and"
            " start again; `sqlite3 FILE .recover` rescues what is readable"
        ),
    ),
    sqlite3.SQLITE_NOTADB: (
        LogCorruptError,
        "is not a database. Choose another path, or move the file aside",
    ),
    sqlite3.SQLITE_BUSY: (
        LogLockedError,
        (
            "another process holds the write lock. Stop the second gateway or the program that"
            " works on this file"
        ),
    ),
    sqlite3.SQLITE_LOCKED: (LogLockedError, "a table is locked by another connection"),
    sqlite3.SQLITE_CANTOPEN: (
        LogOpenError,
        "cannot be opened. Check that its directory exists and may be entered and written",
    ),
    sqlite3.SQLITE_IOERR: (LogIoError, "the system failed to read or write. Check the disk"),
}


def log_error(path: Path, error: sqlite3.Error) -> FrameLogError:
    """The error of this project that an SQLite error is, with SQLite's own name and words."""
    code = getattr(error, "sqlite_errorcode", None)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    primary = -1 if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_CANTOPEN and path.parent.is_dir():
        # SQLite says the same of a missing directory and of one that cannot be written.
        primary = primary if os.access(path.parent, os.W_OK) else sqlite3.SQLITE_READONLY
    kind, advice = _BY_PRIMARY_CODE.get(primary, (FrameLogError, "failed"))
    return kind(path, f"{advice} ({name}: {error})")


class Database:
    """
    One open connection. Use `open`, then as a context manager or with `close`.

    `version` is that of the tables: `SCHEMA_VERSION`, or a lower one if the file is only read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self.version = 0

    @classmethod
    def open(
        cls, path: Path, *, read_only: bool = False, lock_timeout_ms: int = LOCK_TIMEOUT_MS
    ) -> Self:
        """
        Open the file, and create it with its schema if it does not exist and may be written.

        Args:
            path: The database file. SQLite keeps `-wal` and `-shm` beside it.
            read_only: For readers beside the gateway. The file must exist.
            lock_timeout_ms: How long to wait for another process's write lock. 0 or more.

        Raises:
            FrameLogError: One of its kinds; the text says what to do.
        """
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            oldest = ".".join(map(str, _OLDEST_SQLITE))
            raise LogOpenError(path, f"needs SQLite {oldest}, this is {sqlite3.sqlite_version}")
        mode = "ro" if read_only else "rwc"
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=lock_timeout_ms / 1000,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise log_error(path, error) from error
        database = cls(path, connection)
        try:
            database._prepare(read_only=read_only)
        except BaseException:
            connection.close()
            raise
        return database

    def _prepare(self, *, read_only: bool) -> None:
        try:
            version = self._version()
            if read_only:
                if version == 0:
                    raise LogSchemaError(self.path, "is empty: no gateway has written to it yet")
                self.version = version
                return
            mode = self.connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            if mode != "wal":
                raise LogOpenError(
                    self.path,
                    f"its file system allows no write-ahead log (journal mode {mode!r})."
                    " Choose a local disk, not a network share",
                )
            self.connection.execute("PRAGMA synchronous=FULL")
            self.connection.execute("PRAGMA journal_size_limit=67108864")
            with self.transaction():  # also finds out now whether the file can be written
                if self._version() < SCHEMA_VERSION:
                    for step in STEPS[self._version() :]:
                        for statement in _statements(step):
                            self.connection.execute(statement)
                    self.connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
                    self.connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            self.version = SCHEMA_VERSION
        except sqlite3.Error as error:
            raise log_error(self.path, error) from error

    def _version(self) -> int:
        """Schema version; 0 for a new file. Raises LogSchemaError for one that is not ours."""
        application: int = self.connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = self.connection.execute("PRAGMA user_version").fetchone()[0]
        tables: int = self.connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if application != APPLICATION_ID and (tables or version or application):
            raise LogSchemaError(
                self.path,
                f"is a database of another program (application id {application:#x}, expected"
                f" {APPLICATION_ID:#x}). Choose another path",
            )
        if version > SCHEMA_VERSION:
            raise LogSchemaError(
                self.path,
                f"has schema version {version}, this program knows up to {SCHEMA_VERSION}."
                " Use the newer program that wrote it",
            )
        return version

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """
        All or nothing, durable when the block is left without an error.

        Raises:
            FrameLogError: One of its kinds. Nothing of the block is in the file then.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise log_error(self.path, error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Queries, with SQLite's errors turned into ours."""
        try:
            yield self.connection
        except sqlite3.Error as error:
            raise log_error(self.path, error) from error

    def check(self) -> list[str]:
        """What SQLite's integrity check finds wrong; empty if nothing. Reads the whole file."""
        with self.reading() as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close; the last connection also folds the write-ahead log into the file."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def open_to_read(path: Path) -> Iterator[Database]:
    """
    The database *path* for reading; a copy of it where its folder cannot be written.

    Even to read, SQLite makes a file beside the database. An SD card at the end of its life, which
    is when people need this, allows only reading.

    Raises:
        FrameLogError: One of its kinds; the text says what to do.
        OSError: It cannot be copied.
    """
    if os.access(path.parent, os.W_OK):
        with Database.open(path, read_only=True) as database:
            yield database
        return
    with tempfile.TemporaryDirectory(prefix="qres-read-") as folder:
        for suffix in ("", "-wal"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                shutil.copyfile(part, Path(folder) / part.name)
        with Database.open(Path(folder) / path.name, read_only=True) as database:
            yield database


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would commit on its own."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
