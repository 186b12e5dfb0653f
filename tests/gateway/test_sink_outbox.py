# SPDX-License-Identifier: Apache-2.0
"""The store of version 2: what is kept for sinks, and that stores of version 1 go on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from qres_gateway.database import APPLICATION_ID, SCHEMA_VERSION, Database, _statements
from qres_gateway.events import FrameHeard, PhaseCommitted
from qres_gateway.fire_state import COLUMNS, FireState
from qres_gateway.outbox import Outbox
from qres_gateway.schema_sql import STEPS
from qres_gateway.sinks.feed import streams
from tests.gateway.sink_store import FIELD, LONG_H, commits, store

N = len(FIELD.nodes)


def old_store(path: Path) -> None:
    """A file as version 1 wrote it, with a frame, a commit and an hour."""
    connection = sqlite3.connect(path)
    for statement in _statements(STEPS[0]):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("PRAGMA user_version=1")
    values = np.arange(4 * N, dtype="<f4").tobytes()
    connection.execute("INSERT INTO receiver VALUES (1, 'rx')")
    connection.execute(
        "INSERT INTO frame VALUES"
        " (1, 5, 2, 5, 1, 868000000, 9, 125000, -90, 5, 1, 0, x'00', 1, NULL)"
    )
    connection.execute("INSERT INTO decoded VALUES (1, 5, 'report', 0, 3, '')")
    row = (3 * FIELD.phase_us, 3, 9, N, values, bytes(N))
    connection.execute("INSERT INTO committed VALUES (1, ?, ?, ?, ?, ?, ?)", row)
    connection.execute("INSERT INTO airtime VALUES (7, 0, 'report', 'P', 1, 6, 100)")
    connection.commit()
    connection.close()


def test_an_old_store_is_read_as_it_is(tmp_path: Path) -> None:
    """Opened to be read, a file of version 1 stays as it is and says what it knows."""
    path = tmp_path / "old.sqlite"
    old_store(path)
    before = path.read_bytes()
    with Database.open(path, read_only=True) as database:
        assert database.version == 1
        outbox = Outbox(database)
        (commit,) = outbox.commits_after(0, 9)
        (frame,) = outbox.frames_after(0, 9)
    assert commit.judged is None
    assert commit.fire is None
    assert commit.health == {}
    assert commit.values[1, 0] == 4.0
    assert (frame.late, frame.offset_us) == (False, None)
    assert path.read_bytes() == before


def test_an_old_store_is_brought_up_to_date(tmp_path: Path) -> None:
    """Opened to be written, it becomes version 2 without losing a row; sinks get all of it."""
    path = tmp_path / "old.sqlite"
    old_store(path)
    with Database.open(path) as database:
        assert database.version == SCHEMA_VERSION
        assert database.connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        made = {
            stream.name: stream.read(0, stream.head(), 100).points
            for stream in streams(database, FIELD)
        }
        assert database.check() == []
    assert [p.measurement for p in made["frames"]] == ["rf_frame"]
    assert {p.measurement for p in made["commits"]} >= {"weather", "swarm", "fire", "node"}
    assert [p.measurement for p in made["hours"]] == ["rf_hour", "rf_limit"]
    with Database.open(path) as again:
        assert again.version == SCHEMA_VERSION


def test_what_is_told_is_kept(tmp_path: Path) -> None:
    """Judged values, counters, fire state, lateness and offset come back as they were given."""
    fire = FireState(
        np.arange(N * len(COLUMNS), dtype=float).reshape(N, -1), np.ones(N, np.uint8), 1, 5.5
    )
    judged = np.arange(4.0 * N).reshape(N, 4) + 0.5
    status = np.ones(N, np.uint8)
    told = [
        PhaseCommitted(p, p * 10, 9, judged - 1, status, judged, {"synced": 1}, fire)
        for p in (2, 3)
    ]
    heard = FrameHeard(1, 7, "rx", "report", 0, 2, "", 6, 100, None, None, True, -42)
    with Database.open(tmp_path / "a.sqlite") as database:
        outbox = Outbox(database)
        with database.transaction():
            outbox.add([heard, *told])
        middle, last = outbox.commits_after(0, 9)
        (frame,) = outbox.frames_after(0, 9)
    assert (frame.late, frame.offset_us) == (True, -42)
    for commit in (middle, last):
        assert commit.judged is not None
        np.testing.assert_array_equal(commit.judged, judged)
        assert commit.health == {"synced": 1}
    assert middle.fire is None, "kept for the last phase of an epoch only"
    assert last.fire is not None
    np.testing.assert_array_equal(last.fire.nodes, fire.nodes)
    assert (last.fire.regime, last.fire.field_anomaly) == (1, 5.5)


def test_the_gateway_keeps_it(tmp_path: Path) -> None:
    """The real pipeline over the real core fills every column, within tolerance of the samples."""
    stored = commits(store(tmp_path, LONG_H))
    with Database.open(tmp_path / "gateway.sqlite", read_only=True) as database:
        offsets = database.connection.execute(
            "SELECT count(*), sum(offset_us IS NULL) FROM decoded WHERE reason = ''"
        ).fetchone()
    assert offsets[0] > 100
    assert offsets[1] == 0
    assert all(c.judged is not None and c.health for c in stored)
    assert {c.phase % 4 for c in stored if c.fire is not None} <= {3}
