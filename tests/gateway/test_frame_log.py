# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres_gateway.database import Database
from qres_gateway.errors import CursorConflictError
from qres_gateway.frame_log import COPY_WINDOW_US, RECENT_KEYS, FrameLog, frame_key
from qres_gateway.sources.base import RawFrame
from tests.gateway.fake_field import DAY_US, node_frame, raw_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new database."""
    with Database.open(tmp_path / "log.db") as opened:
        yield opened


@pytest.fixture
def log(database: Database) -> FrameLog:
    """An empty log."""
    return FrameLog(database)


def copies(log: FrameLog, *frames: RawFrame) -> list[int | None]:
    """`copy_of` of each frame, appended one by one."""
    ids = [log.append([frame])[0] for frame in frames]
    return [log.after(frame_id - 1, 1)[0].copy_of for frame_id in ids]


FULL = raw_frame(
    b"\x00\xff", DAY_US, source="gps", tmst_us=(1 << 32) - 1, host_us=DAY_US + 5, crc_ok=False
)
EMPTY = dataclasses.replace(FULL, rssi_dbm=None, snr_db=None, tmst_us=None, host_us=None)


@pytest.mark.parametrize("frame", [FULL, EMPTY])
def test_what_comes_out_is_what_went_in(log: FrameLog, frame: RawFrame) -> None:
    """Every field of a frame survives, present or absent."""
    log.append([frame])
    assert log.after(0, 10)[0].frame == frame


def test_ids_rise_by_one_over_batches_and_reopening(tmp_path: Path) -> None:
    """The id is a cursor: monotonic, gapless, not reused after a restart."""
    path = tmp_path / "log.db"
    for first in (1, 4):
        with Database.open(path) as database:
            log = FrameLog(database)
            assert log.append([node_frame(n, first, DAY_US + n) for n in range(2)]) == range(
                first, first + 2
            )
            assert log.append([]) == range(0)
            assert log.append([node_frame(3, first, DAY_US)]) == range(first + 2, first + 3)
            assert log.last_id == first + 2


def test_reading_by_cursor(log: FrameLog) -> None:
    """Rows come in order of id, after the cursor, up to the limit and the bound."""
    log.append([node_frame(n % 8, n, DAY_US + n) for n in range(10)])
    assert [row.id for row in log.after(3, 4)] == [4, 5, 6, 7]
    assert [row.id for row in log.after(8, 99)] == [9, 10]
    assert [row.id for row in log.after(0, 99, up_to=2)] == [1, 2]
    assert log.after(10, 99) == []


def test_reading_by_time(log: FrameLog) -> None:
    """Rows of a span come by time of reception, in chunks, with none lost at equal times."""
    times = [DAY_US + offset for offset in (5, 3, 3, 3, 9, 1, 3)]
    log.append([node_frame(n, 1, at) for n, at in enumerate(times)])
    found = list(log.between(DAY_US + 3, DAY_US + 5, up_to=6, chunk=2))
    assert [(row.frame.rx_us - DAY_US, row.id) for row in found] == [(3, 2), (3, 3), (3, 4), (5, 1)]


@pytest.mark.parametrize("statement", ["UPDATE frame SET rx_us = 0", "DELETE FROM frame"])
def test_append_only(database: Database, log: FrameLog, statement: str) -> None:
    """The database itself refuses to change or remove a frame."""
    log.append([node_frame(1, 1, DAY_US)])
    with pytest.raises(sqlite3.IntegrityError, match="frame is append-only"):
        database.connection.execute(statement)


def test_every_commit_is_synced(database: Database) -> None:
    """The policy that the documentation states is the one in force: WAL with FULL."""
    assert database.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.connection.execute("PRAGMA synchronous").fetchone() == (2,)  # 2 = FULL


def test_other_receivers_are_copies(log: FrameLog) -> None:
    """One transmission heard by three receivers: three rows, one key, two flagged."""
    frames = [node_frame(1, 7, DAY_US, receiver) for receiver in "abc"]
    assert log.append(frames) == range(1, 4)
    rows = log.after(0, 10)
    assert [row.copy_of for row in rows] == [None, 1, 1]
    assert len({row.key for row in rows}) == 1


def test_copies_end_with_the_window(log: FrameLog) -> None:
    """The same bytes later than the window are another transmission, and found as such again."""
    payload = b"replay"
    times = (0, COPY_WINDOW_US, COPY_WINDOW_US + 1, COPY_WINDOW_US + 2)
    frames = [
        raw_frame(payload, DAY_US + at, receiver=r) for at, r in zip(times, "abcd", strict=True)
    ]
    assert copies(log, *frames) == [None, 1, None, 3]


def test_one_receiver_hears_a_transmission_once(log: FrameLog) -> None:
    """A repetition heard by the same receiver is a new transmission; a repeated delivery is not."""
    first = raw_frame(b"abc", DAY_US, tmst_us=100)
    again = raw_frame(b"abc", DAY_US + 200_000, tmst_us=200_100)
    delivered_twice = raw_frame(b"abc", DAY_US + 210_000, tmst_us=200_100)
    assert copies(log, first, again, delivered_twice) == [None, None, 2]
    plain = raw_frame(b"def", DAY_US)
    later = raw_frame(b"def", DAY_US + 1)
    assert copies(log, plain, plain, later) == [None, 4, None]


def test_copies_are_found_after_a_restart(tmp_path: Path) -> None:
    """What was heard before the restart is still known after it."""
    path = tmp_path / "log.db"
    with Database.open(path) as database:
        FrameLog(database).append([node_frame(1, 7, DAY_US, "a")])
    with Database.open(path) as database:
        assert copies(FrameLog(database), node_frame(1, 7, DAY_US + 5, "b")) == [1]


def test_memory_for_copies_is_bounded(log: FrameLog) -> None:
    """Only the newest transmissions are remembered."""
    log.append([raw_frame(n.to_bytes(4, "big")) for n in range(RECENT_KEYS + 1)])
    assert len(log._recent) == RECENT_KEYS
    assert copies(log, raw_frame(bytes(4), receiver="b")) == [None]
    assert copies(log, raw_frame((5).to_bytes(4, "big"), receiver="b")) == [6]


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_key(one: bytes, other: bytes) -> None:
    """The key is a function of the payload that fits SQLite's integers and tells payloads apart."""
    assert -(1 << 63) <= frame_key(one) < 1 << 63
    assert (frame_key(one) == frame_key(other)) == (one == other)


def test_cursors(log: FrameLog) -> None:
    """Each reader has its own place; nobody's is 0."""
    log.set_cursor("influx", 5)
    log.set_cursor("mqtt", 7)
    log.set_cursor("influx", 6)
    assert log.cursors() == {"influx": 6, "mqtt": 7}
    assert log.cursor("nobody") == 0


def test_cursor_moves_only_from_where_it_was(database: Database, log: FrameLog) -> None:
    """Two gateways on one log are found out before anything is counted twice."""
    with database.transaction():
        log.move_cursor("decode", 0, 5)
    with (
        pytest.raises(CursorConflictError, match="is at 5, expected 0: another gateway"),
        database.transaction(),
    ):
        log.move_cursor("decode", 0, 9)
    assert log.cursor("decode") == 5


def test_readers_see_what_is_committed_while_the_writer_writes(tmp_path: Path) -> None:
    """A second, read-only connection reads beside an open write transaction."""
    path = tmp_path / "log.db"
    with Database.open(path) as database:
        log = FrameLog(database)
        log.append([node_frame(1, 1, DAY_US)])
        with database.transaction() as connection, Database.open(path, read_only=True) as reader:
            connection.execute("INSERT INTO cursor VALUES ('x', 1)")
            assert FrameLog(reader).last_id == 1
            assert FrameLog(reader).cursors() == {}
