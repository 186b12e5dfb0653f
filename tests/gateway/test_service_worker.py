# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from qres_gateway.database import Database
from qres_gateway.errors import FrameLogError, LogFullError
from qres_gateway.events import Event, FrameHeard, PhaseCommitted, StateChanged
from qres_gateway.frame_log import FrameLog
from qres_gateway.ledger import HOUR_US, Ledger, Sum
from qres_gateway.outbox import Outbox
from qres_gateway.spill import spill, spill_path, unspill
from qres_gateway.worker import DECODE_CURSOR, SETTLE_US, Worker
from tests.gateway.fake_field import (
    AIRTIME_US,
    DAY_US,
    PHASE_US,
    FakeClock,
    FakeField,
    node_frame,
    raw_frame,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qres_gateway.sources.base import RawFrame

NOON_US = DAY_US + 12 * HOUR_US
HOUR = NOON_US // HOUR_US


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of the database."""
    return tmp_path / "log.db"


class Bench:
    """A worker with its clock, on a real database."""

    def __init__(self, path: Path, *, settle_us: int = 0, live: bool = True) -> None:
        self.database = Database.open(path, lock_timeout_ms=0)
        self.worker = Worker(self.database, FakeField().rules(), live=live, settle_us=settle_us)
        self.clock = FakeClock(NOON_US)

    def cycle(self, *frames: RawFrame, pass_us: int = 0) -> list[Event]:
        """One turn; the events."""
        return self.worker.cycle(frames, {}, self.clock.pass_us(pass_us))[0]


@pytest.fixture
def bench(path: Path) -> Iterator[Bench]:
    """A worker without waiting for rows to settle."""
    made = Bench(path)
    yield made
    made.database.close()


def heard(events: list[Event]) -> list[FrameHeard]:
    """Frame events."""
    return [event for event in events if isinstance(event, FrameHeard)]


def states(events: list[Event]) -> list[str]:
    """Changes of state."""
    return [event.state for event in events if isinstance(event, StateChanged)]


def test_a_frame_all_the_way(bench: Bench) -> None:
    """Log, event, ledger, outbox and cursor, all after one turn."""
    events = bench.cycle(node_frame(3, 500, NOON_US + 1), pass_us=PHASE_US)
    assert [event.node for event in heard(events)] == [3]
    assert bench.worker.log.cursor(DECODE_CURSOR) == 1
    assert bench.worker.ledger.total(HOUR, HOUR + 1) == Sum(1, 6, AIRTIME_US)
    (frame,) = bench.worker.outbox.frames_after(0, 10)
    assert (frame.frame_id, frame.kind, frame.node, frame.reason) == (1, "report", 3, "")
    (commit,) = bench.worker.outbox.commits_after(0, 10)
    assert commit.time_us == NOON_US
    assert commit.values[3, 0] == 500
    assert commit.status.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    stats = bench.worker.stats()
    assert (stats["state"], stats["waiting_frames"], stats["undecoded_rows"]) == ("ok", 0, 0)


def test_a_phase_committed_anew_reaches_sinks_again(bench: Bench) -> None:
    """After time went back, phases are stored again under a new seq, one row per phase."""
    bench.cycle(pass_us=0)
    bench.cycle(pass_us=4 * PHASE_US)
    before = bench.worker.outbox.last_seq
    bench.clock.wall_us -= 3 * PHASE_US
    bench.cycle()
    bench.cycle(pass_us=PHASE_US)
    commits = bench.worker.outbox.commits_after(before, 10)
    assert [commit.time_us for commit in commits] == [NOON_US + PHASE_US]
    times = [commit.time_us for commit in bench.worker.outbox.commits_after(0, 10)]
    assert sorted(times) == [NOON_US + n * PHASE_US for n in range(4)]


def test_rows_wait_until_they_have_settled(path: Path) -> None:
    """A frame that another receiver delivers a little later is still put in order before."""
    bench = Bench(path, settle_us=SETTLE_US)
    with contextlib.closing(bench.database):
        bench.cycle()
        assert heard(bench.cycle(node_frame(1, 1, NOON_US + 500, "b"), pass_us=600)) == []
        assert bench.worker.stats()["undecoded_rows"] == 1
        assert heard(bench.cycle(node_frame(2, 2, NOON_US + 400, "a"), pass_us=100)) == []
        events = bench.cycle(pass_us=SETTLE_US)
        assert [event.node for event in heard(events)] == [2, 1]


def test_refusals_of_the_source_reach_the_ledger(bench: Bench) -> None:
    """What the parser refused is summed beside what the replica refused."""
    bench.worker.cycle([raw_frame(b"x", NOON_US)], {"crc_bad": 3, "json": 1}, bench.clock.now())
    bench.worker.cycle([], {"crc_bad": 2}, bench.clock.now())
    assert bench.worker.ledger.refused(HOUR, HOUR + 1) == {
        ("frame", "length"): Sum(1, 1, 10),
        ("source", "crc_bad"): Sum(5),
        ("source", "json"): Sum(1),
    }


BAD_NUMBERS: dict[str, Any] = {
    "rx_us": 1 << 63,
    "host_us": -1,
    "tmst_us": 1 << 32,
    "payload": b"",
    "freq_hz": 0,
    "sf": 13,
    "bw_hz": 1 << 40,
}


@pytest.mark.parametrize("name", BAD_NUMBERS)
def test_no_frame_can_stop_the_log(bench: Bench, name: str) -> None:
    """A number that no database column holds is refused and counted; its neighbours go on."""
    good = node_frame(1, 1, NOON_US)
    bad = dataclasses.replace(good, **{name: BAD_NUMBERS[name]})
    assert len(heard(bench.cycle(bad, good))) == 1
    assert bench.worker.ledger.refused(HOUR, HOUR + 1) == {("source", "range"): Sum(1)}


def test_an_unforeseen_error_at_the_end_still_saves_the_frames(
    bench: Bench, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in the last turn, frames that wait are spilled before it is told."""

    def break_down(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(bench.worker.log, "append", break_down)
    bench.worker.waiting.append(node_frame(1, 1, NOON_US))
    with pytest.raises(RuntimeError, match="a bug"):
        bench.worker.finish(bench.clock.now())
    assert unspill(path) == ([node_frame(1, 1, NOON_US)], 0)


def test_a_locked_log_keeps_frames_waiting(bench: Bench, path: Path) -> None:
    """While another process holds the lock, frames wait and are visible; then all are written."""
    bench.cycle()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert states(bench.cycle(node_frame(1, 1, NOON_US))) == ["log_locked"]
        assert bench.worker.stats()["waiting_frames"] == 1
        assert "another process holds the write lock" in str(bench.worker.stats()["state_text"])
        assert bench.cycle(node_frame(2, 2, NOON_US), pass_us=999_999) == [], (
            "it must wait a second"
        )
        assert bench.cycle(node_frame(3, 3, NOON_US), pass_us=1) == [], "no news of the same state"
        assert bench.worker.stats()["waiting_frames"] == 3
        other.execute("ROLLBACK")
    assert bench.cycle(pass_us=1_999_999) == [], "the pause doubles"
    events = bench.cycle(pass_us=1)
    assert [event.node for event in heard(events)] == [1, 2, 3]
    assert states(events) == ["ok"]
    assert bench.worker.stats()["waiting_frames"] == 0
    assert bench.worker.stats()["failures"] == 2


def test_a_full_disk_loses_nothing(bench: Bench) -> None:
    """Out of room for an hour of frames: all wait, and all are counted once there is room."""
    bench.cycle()
    pages = bench.database.connection.execute("PRAGMA page_count").fetchone()[0]
    bench.database.connection.execute(f"PRAGMA max_page_count={pages}")
    sent = [node_frame(n % 8, n, NOON_US + n // 8 * PHASE_US + 1) for n in range(24 * 8)]
    for number, frame in enumerate(sent):
        bench.cycle(frame, pass_us=PHASE_US // 8 if number else 0)
    assert bench.worker.state == "log_full"
    waiting = int(bench.worker.stats()["waiting_frames"])
    assert waiting + bench.worker.log.last_id == len(sent)
    assert waiting > 100
    bench.database.connection.execute("PRAGMA max_page_count=1000000")
    events = bench.cycle(pass_us=30_000_000)
    assert states(events) == ["ok"]
    assert bench.worker.log.last_id == len(sent)
    assert bench.worker.ledger.total(HOUR, HOUR + 2).frames == len(sent)
    assert not any(event.late for event in heard(events)), "time must not run ahead of the frames"


@pytest.mark.parametrize("part", ["ledger", "outbox"])
def test_results_are_stored_whole_or_not_at_all(
    bench: Bench, path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If storing fails half-way, cursor, ledger and outbox stay; the retry counts once."""
    bench.cycle()
    target = getattr(bench.worker, part)
    real = target.add

    def fail(*_: object) -> None:
        raise LogFullError(path, "injected")

    monkeypatch.setattr(target, "add", fail)
    assert heard(bench.cycle(node_frame(1, 1, NOON_US))) == []
    assert bench.worker.state == "log_full"
    assert bench.worker.log.cursor(DECODE_CURSOR) == 0
    assert bench.worker.ledger.total(HOUR, HOUR + 1) == Sum()
    monkeypatch.setattr(target, "add", real)
    events = bench.cycle(pass_us=1_000_000)
    assert [event.node for event in heard(events)] == [1]
    assert bench.worker.ledger.total(HOUR, HOUR + 1) == Sum(1, 6, AIRTIME_US)
    assert bench.worker.log.cursor(DECODE_CURSOR) == 1


def test_two_gateways_on_one_log_are_noticed(bench: Bench) -> None:
    """If somebody else moves the cursor, this one stops counting and says why."""
    bench.cycle(node_frame(1, 1, NOON_US))
    bench.worker.log.set_cursor(DECODE_CURSOR, 7)
    assert states(bench.cycle(node_frame(2, 2, NOON_US))) == ["log_cursor"]
    assert "another gateway works on this log" in str(bench.worker.stats()["state_text"])
    assert bench.worker.ledger.total(HOUR, HOUR + 1).frames == 1


def test_finish_processes_what_has_not_settled(path: Path) -> None:
    """On an orderly stop nothing stays behind in memory."""
    bench = Bench(path, settle_us=SETTLE_US)
    bench.cycle(*(node_frame(n, n, NOON_US) for n in range(8)))
    events, spilled = bench.worker.finish(bench.clock.now())
    assert len(heard(events)) == 8
    assert spilled is None
    with Database.open(path) as database:
        assert FrameLog(database).cursor(DECODE_CURSOR) == 8


def test_unwritable_at_the_end_is_spilled_and_taken_up_again(path: Path) -> None:
    """Stopped while the log is locked: frames go to a file beside it, and into the log later."""
    bench = Bench(path)
    bench.cycle()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        bench.cycle(node_frame(1, 1, NOON_US), node_frame(2, 2, NOON_US))
        events, spilled = bench.worker.finish(bench.clock.now())
        assert spilled == spill_path(path)
        assert heard(events) == []
        other.execute("ROLLBACK")
    again = Bench(path)
    with contextlib.closing(again.database):
        assert again.worker.stats()["waiting_frames"] == 2
        assert [event.node for event in heard(again.cycle())] == [1, 2]
        assert not spill_path(path).exists()


def test_a_spill_taken_up_twice_counts_once(path: Path) -> None:
    """Died after writing the spilled frames but before removing the file: copies, not frames."""
    spill(path, [node_frame(1, 1, NOON_US)])
    kept = spill_path(path).read_bytes()
    first = Bench(path)
    first.cycle()
    first.database.close()
    spill_path(path).write_bytes(kept)
    second = Bench(path)
    with contextlib.closing(second.database):
        assert [event.reason for event in heard(second.cycle())] == ["copy"]
        assert second.worker.ledger.total(HOUR, HOUR + 1).frames == 1


def test_spill_file(path: Path) -> None:
    """Frames come back as they were; a cut line is counted; what cannot be written is an error."""
    frames = [node_frame(1, 1, NOON_US), raw_frame(bytes(range(256))[:255], tmst_us=9)]
    spill(path, frames[:1])
    spill(path, frames[1:])
    with spill_path(path).open("ab") as file:
        file.write(b'{"payload":"AA')
    assert unspill(path) == (frames, 1)
    with pytest.raises(FrameLogError, match="2 frames are lost"):
        spill(path.parent / "no" / "log.db", frames)


def test_capture_is_processed_without_the_clock(path: Path) -> None:
    """Not live: rows are processed at once and by their own time."""
    bench = Bench(path, live=False)
    with contextlib.closing(bench.database):
        frames = [node_frame(n, n, NOON_US - 700 * 24 * HOUR_US + n * PHASE_US) for n in range(4)]
        events = bench.cycle(*frames)
        assert [event.reason for event in heard(events)] == [""] * 4
        assert sum(isinstance(event, PhaseCommitted) for event in events) == 3


def test_readers_beside_the_worker(bench: Bench, path: Path) -> None:
    """Console and sinks read with connections of their own."""
    bench.cycle(node_frame(1, 1, NOON_US), pass_us=PHASE_US)
    with Database.open(path, read_only=True) as reader:
        assert Ledger(reader).total(HOUR, HOUR + 1).frames == 1
        assert Outbox(reader).last_commit_us == NOON_US
        assert Outbox(reader).last_seq == 1
