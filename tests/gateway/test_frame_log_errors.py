# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from qres_gateway.database import SCHEMA_VERSION, Database
from qres_gateway.errors import (
    FrameLogError,
    LogCorruptError,
    LogFullError,
    LogLockedError,
    LogOpenError,
    LogReadOnlyError,
    LogSchemaError,
)
from qres_gateway.frame_log import FrameLog
from tests.gateway.fake_field import DAY_US, node_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qres_gateway.sources.base import RawFrame


def batch(number: int, size: int = 50) -> list[RawFrame]:
    """Frames that are nobody's copies."""
    return [node_frame(n % 8, number, DAY_US + number * 1000 + n) for n in range(size)]


def fill(log: FrameLog) -> int:
    """Append until there is no room; how many frames were acknowledged."""
    acknowledged = 0
    for number in range(10_000):
        try:
            acknowledged += len(log.append(batch(number)))
        except LogFullError as error:
            assert re.search("no room is left.*SQLITE_FULL", str(error))  # noqa: PT017
            return acknowledged
    pytest.fail("the disk never filled up")


def test_full_disk_by_page_limit(tmp_path: Path) -> None:
    """Out of room: a plain error; what was acknowledged is there; it goes on once there is room."""
    with Database.open(tmp_path / "log.db") as database:
        log = FrameLog(database)
        database.connection.execute("PRAGMA max_page_count=60")
        acknowledged = fill(log)
        assert acknowledged > 50
        assert log.last_id == acknowledged == len(log.after(0, 100_000))
        database.connection.execute("PRAGMA max_page_count=1000000")
        assert log.append(batch(60_000))[0] == acknowledged + 1
        assert database.check() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB. Needs root; skipped in words without."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root and mount(8) for a small tmpfs")
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mount.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_full_disk_for_real(small_disk: Path) -> None:
    """On a full file system: a plain error, nothing acknowledged is lost, and it recovers."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    with Database.open(small_disk / "log.db") as database:
        log = FrameLog(database)
        acknowledged = fill(log)
        assert log.last_id == acknowledged
        ballast.unlink()
        assert log.append(batch(60_000))[0] == acknowledged + 1
    with Database.open(small_disk / "log.db") as database:
        assert len(FrameLog(database).after(0, 100_000)) == acknowledged + 50
        assert database.check() == []


def test_file_system_turned_read_only(small_disk: Path) -> None:
    """An SD card that fell back to read-only: named as such, on writing and on opening."""
    path = small_disk / "log.db"
    with Database.open(path) as database:
        FrameLog(database).append(batch(1))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LogReadOnlyError, match="mounted read-only"):
        Database.open(path)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    with Database.open(path) as database:
        assert FrameLog(database).last_id == 50


def test_read_only_connection(tmp_path: Path) -> None:
    """A database that refuses writing says so, and loses nothing it had."""
    with Database.open(tmp_path / "log.db") as database:
        log = FrameLog(database)
        log.append(batch(1))
        database.connection.execute("PRAGMA query_only=ON")
        with pytest.raises(LogReadOnlyError, match="cannot be written"):
            log.append(batch(2))
        database.connection.execute("PRAGMA query_only=OFF")
        assert log.append(batch(2)) == range(51, 101)


def test_locked_by_another_process(tmp_path: Path) -> None:
    """Another program holds the write lock: an error that says so; then it goes on."""
    path = tmp_path / "log.db"
    with Database.open(path, lock_timeout_ms=0) as database:
        log = FrameLog(database)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LogLockedError, match="another process holds the write lock"):
                log.append(batch(1))
            other.execute("ROLLBACK")
        assert log.append(batch(1)) == range(1, 51)


def test_corrupt_file(tmp_path: Path) -> None:
    """Damage in the middle of the file is found on reading and by the check, in plain words."""
    path = tmp_path / "log.db"
    with Database.open(path) as database:
        FrameLog(database).append(batch(1, 5_000))
    data = bytearray(path.read_bytes())
    data[8192 : len(data) - 4096] = os.urandom(len(data) - 12_288)
    path.write_bytes(data)
    with (
        pytest.raises(LogCorruptError, match="move the file and its -wal and -shm aside"),
        Database.open(path) as database,
    ):
        FrameLog(database).after(0, 100_000)


def test_check_finds_damage(tmp_path: Path) -> None:
    """The integrity check names damage that reading by cursor would not meet."""
    path = tmp_path / "log.db"
    with Database.open(path) as database:
        FrameLog(database).append(batch(1, 5_000))
        root = database.connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'frame_rx_us'"
        ).fetchone()[0]
        assert database.check() == []
    data = bytearray(path.read_bytes())
    data[(root - 1) * 4096 + 20 : root * 4096] = bytes(4076)
    path.write_bytes(data)
    with Database.open(path) as database, contextlib.suppress(LogCorruptError):
        assert database.check() != []


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (
            b"no database, but as long as one" * 200,
            LogCorruptError,
            "not a database",
        ),
        (b"", None, ""),
    ],
)
def test_other_files(
    tmp_path: Path, content: bytes, kind: type[FrameLogError] | None, text: str
) -> None:
    """A file that is no database is left alone; an empty one becomes a log."""
    path = tmp_path / "log.db"
    path.write_bytes(content)
    if kind is None:
        with Database.open(path) as database:
            assert FrameLog(database).last_id == 0
    else:
        with pytest.raises(kind, match=text):
            Database.open(path)
        assert path.read_bytes() == content


def test_database_of_another_program(tmp_path: Path) -> None:
    """Somebody else's database is refused and not touched."""
    path = tmp_path / "log.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id)")
    before = path.read_bytes()
    with pytest.raises(LogSchemaError, match="database of another program"):
        Database.open(path)
    assert path.read_bytes() == before


def test_newer_schema(tmp_path: Path) -> None:
    """A log written by a newer version is refused, with both versions named."""
    path = tmp_path / "log.db"
    with Database.open(path) as database:
        database.connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    with pytest.raises(LogSchemaError, match=rf"version {SCHEMA_VERSION + 1}, .*{SCHEMA_VERSION}"):
        Database.open(path)


def test_missing_directory(tmp_path: Path) -> None:
    """The directory is not made up: the error says what to check."""
    with pytest.raises(LogOpenError, match="Check that its directory exists"):
        Database.open(tmp_path / "no" / "log.db")


def test_reader_before_the_writer(tmp_path: Path) -> None:
    """A reader creates nothing."""
    path = tmp_path / "log.db"
    with pytest.raises(LogOpenError):
        Database.open(path, read_only=True)
    path.touch()
    with pytest.raises(LogSchemaError, match="is empty"):
        Database.open(path, read_only=True)


def test_a_failed_batch_leaves_nothing(tmp_path: Path) -> None:
    """A batch is whole or absent, including the names of new receivers."""
    with Database.open(tmp_path / "log.db") as database:
        log = FrameLog(database)
        with pytest.raises(OverflowError):  # no integer of SQLite: sources must not let this by
            log.append([node_frame(1, 1, DAY_US, "new"), node_frame(1, 1, 1 << 64, "new")])
        assert log.last_id == 0
        assert log.append([node_frame(1, 1, DAY_US, "new")]) == range(1, 2)
        assert log.after(0, 9)[0].frame.receiver == "new"
