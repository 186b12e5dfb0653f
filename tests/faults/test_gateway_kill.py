# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment: nothing acknowledged is lost, nothing is counted twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from qres_gateway.database import Database
from qres_gateway.frame_log import FrameLog
from qres_gateway.ledger import HOUR_US, Ledger, Sum
from qres_gateway.outbox import Outbox
from qres_gateway.worker import DECODE_CURSOR, Worker
from tests.faults.gateway_processes import (
    FRAMES_PER_PHASE,
    NOON_US,
    field_frame,
    instant_of,
    numbered_frame,
)
from tests.gateway.fake_field import PHASE_US, FakeField

if TYPE_CHECKING:
    from pathlib import Path

HOUR = NOON_US // HOUR_US


def run_and_kill(name: str, path: Path, lines: int, total: int = 0) -> list[str]:
    """Start a program, read so many lines of it, kill it with -9; what it had printed by then."""
    command = [sys.executable, "-m", "tests.faults.gateway_processes", name, str(path), str(total)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed: list[str] = []
        for line in process.stdout:
            printed.append(line.strip())
            if len(printed) > lines or line == "done\n":
                break
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()  # acknowledged after the last line we waited for
    printed += [line for line in rest.splitlines(keepends=False) if line]
    if rest and not rest.endswith("\n"):
        printed.pop()  # cut by the kill: not acknowledged
    return printed


@pytest.mark.parametrize("rounds", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_acknowledged_frames_survive_a_kill(tmp_path: Path, rounds: int) -> None:
    """Killed again and again in mid-stream: each acknowledged frame is there, the file is whole."""
    generator = random.Random(20261122)
    path = tmp_path / "log.db"
    acknowledged = 0
    for _ in range(rounds):
        printed = run_and_kill("append", path, generator.randrange(1, 60))
        assert int(printed[0].split()[1]) >= acknowledged, "lost what had been acknowledged"
        acknowledged = max(int(line.split()[1]) for line in printed)
        with Database.open(path) as database:
            assert database.check() == []
            assert FrameLog(database).last_id >= acknowledged
    with Database.open(path) as database:
        rows = FrameLog(database).after(0, 10_000_000)
    assert acknowledged > 60 * rounds
    assert [row.id for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.frame == numbered_frame(row.id) for row in rows)


@pytest.mark.parametrize("rounds", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_ledger_is_exact_after_kills(tmp_path: Path, rounds: int) -> None:
    """Killed between log, ledger and cursor: at the end every frame is counted exactly once."""
    total = 12 * FRAMES_PER_PHASE * rounds
    path = tmp_path / "log.db"
    generator = random.Random(7)
    kills = 0
    while run_and_kill("work", path, generator.randrange(1, 22), total)[-1] != "done":
        kills += 1
    assert kills >= rounds / 2

    straight = tmp_path / "straight.db"
    worker = Worker(Database.open(straight), FakeField().rules(), settle_us=0)
    worker.cycle([field_frame(number) for number in range(total)], {}, instant_of(total - 1))
    worker.finish(instant_of(total - 1))

    with Database.open(path) as killed, Database.open(straight) as whole:
        assert killed.check() == []
        assert FrameLog(killed).last_id == total == FrameLog(killed).cursor(DECODE_CURSOR)
        end = HOUR + 1 + total // FRAMES_PER_PHASE * PHASE_US // HOUR_US
        ours, theirs = Ledger(killed), Ledger(whole)
        assert ours.rows(HOUR, end) == theirs.rows(HOUR, end)
        assert ours.total(HOUR, end).frames == total * 8 // 10
        assert ours.hearing(HOUR, end) == theirs.hearing(HOUR, end)
        assert ours.hearing(HOUR, end)["other"] == (total // 10, total // 10)
        foreign = ours.refused(HOUR, end)["frame", "length"]
        assert foreign == theirs.refused(HOUR, end)["frame", "length"] != Sum()
        commits = [Outbox(database).commits_after(0, 1 << 30) for database in (killed, whole)]
        assert [commit.time_us for commit in commits[0]] == [c.time_us for c in commits[1]]
        assert commits[0][-1].digest == commits[1][-1].digest
        decoded = [Outbox(database).frames_after(0, 1 << 30) for database in (killed, whole)]
        assert decoded[0] == decoded[1]
