# SPDX-License-Identifier: Apache-2.0
"""From the store to a sink: complete, at least once, newest first, and never more than a batch."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from qres_gateway.database import Database
from qres_gateway.sinks import cursors
from qres_gateway.sinks.base import SinkStats
from qres_gateway.sinks.delivery import Delivery
from qres_gateway.sinks.errors import SinkFullError, SinkRefusedError, SinkSlowError
from qres_gateway.sinks.lanes import Lanes
from qres_gateway.sinks.runner import Pace
from tests.gateway.sink_store import (
    FIELD,
    HOURS,
    LONG_H,
    QUICK,
    MemorySink,
    commits,
    f32,
    frames,
    runner,
    store,
    wait_until,
    work,
)


def deliver(sink: MemorySink, path: Path, batch_points: int = 5_000) -> int:
    """Everything of a store, synchronously; how many turns it took."""
    delivery = Delivery(sink, path, FIELD, lambda: 0, batch_points=batch_points)
    delivery.open()
    turns = 1
    while delivery.turn():
        turns += 1
    assert delivery.backlog()[0] == 0
    delivery.close()
    return turns


def test_all_of_the_store_arrives(tmp_path: Path) -> None:
    """Numbers in the sink are the store's: values, status, digests, sums, one point for each."""
    path, sink = store(tmp_path, LONG_H), MemorySink()
    deliver(sink, path)
    stored = commits(path)
    for c in stored:
        swarm = sink.points["swarm", (FIELD.name,), c.time_us]
        assert swarm.fields["digest"] == f"{c.digest:08x}"
        assert swarm.fields["bits_compared"] == c.health["bits_compared"]
        for i, node in enumerate(FIELD.nodes):
            found = sink.points.get(("weather", (FIELD.name, node), c.time_us))
            assert (found is not None) == (FIELD.phase_of[i] == c.phase % 4)
            if found is not None and c.status[i]:
                assert c.judged is not None
                names = ("temp_degc", "rh_pct", "wind_m_s", "rain_mm")
                assert [found.fields[n] for n in names] == f32(c.judged[i])
                assert found.fields["status"] == c.status[i]
    epochs = sum(c.phase % 4 == 3 for c in stored)
    n = len(FIELD.nodes)
    assert len(sink.of("swarm")) == len(stored)
    assert len(sink.of("fire")) == len(sink.of("node")) == epochs * n
    assert len(sink.of("fire_field")) == epochs
    assert len(sink.of("fwi_daily")) == n, "the second noon; the first has no rain of a day"
    with Database.open(path, read_only=True) as database:
        frames = database.connection.execute(
            "SELECT count(*), sum(length(payload)) FROM frame JOIN decoded ON id = frame_id"
            " WHERE reason = ''"
        ).fetchone()
        sums = database.connection.execute(
            "SELECT sum(frames), sum(bytes), sum(airtime_us) FROM airtime"
        ).fetchone()
        refused = database.connection.execute("SELECT sum(frames) FROM refused").fetchone()[0]
    rf = sink.of("rf_frame")
    assert (len(rf), sum(int(p.fields["bytes"]) for p in rf)) == frames
    assert refused == sum(int(p.fields["frames"]) for p in sink.of("rf_refused")) > 0
    hours = sink.of("rf_hour")
    for k, name in enumerate(("frames", "bytes", "airtime_us")):
        assert sum(int(p.fields[name]) for p in hours) == sums[k]
    assert sum(int(p.fields["airtime_us"]) for p in rf) == sums[2]


def test_newest_first_then_the_backlog(tmp_path: Path) -> None:
    """After an outage the last four epochs go out first, then the old ones in order."""
    path, sink = store(tmp_path), MemorySink()
    turns = deliver(sink, path, batch_points=100)
    assert turns > 5
    times = [p.time_us for p in sink.order if p.measurement == "swarm"]
    last = commits(path)[-1].time_us
    assert times[15] == last, "the live lane is sixteen commits"
    assert times[16] == commits(path)[0].time_us
    assert all(a < b for a, b in pairwise(times[16:]))
    assert len(times) == len(set(times)) == len(commits(path)), "nothing twice"


def test_live_rows_do_not_wait_for_the_backlog(tmp_path: Path) -> None:
    """What comes while a backlog is worked off is delivered after one batch at most."""
    path, sink = tmp_path / "gateway.sqlite", MemorySink()
    heard = frames(HOURS)
    work(path, heard[:-3])
    delivery = Delivery(sink, path, FIELD, lambda: 0, batch_points=100)
    delivery.open()
    assert delivery.turn()
    before = len(sink.batches)
    work(path, heard[-3:])
    assert delivery.turn(), "a backlog is left"
    newest = commits(path)[-1].time_us
    at = [k for k, p in enumerate(sink.order) if p.measurement == "swarm" and p.time_us == newest]
    sizes = sink.batches[: before + 3]
    assert at, "delivered in the very next turn"
    assert at[0] < sum(sizes), "before the next batch of the backlog"
    delivery.close()


def test_a_cursor_moves_only_after_confirmation(tmp_path: Path) -> None:
    """If the server fails, cursors stay; if it failed after taking, points are taken twice."""
    path, sink = store(tmp_path), MemorySink()
    sink.trouble = [SinkFullError("disk full")]
    delivery = Delivery(sink, path, FIELD, lambda: 0)
    delivery.open()
    with pytest.raises(SinkFullError):
        delivery.turn()
    with Database.open(path, read_only=True) as database:
        assert cursors.load(database, "memory", "commits").live_to < commits(path)[-1].seq
    delivery.close()
    sink.after = [SinkSlowError("no answer")] * 3
    again = Delivery(sink, path, FIELD, lambda: 0)
    again.open()
    for _ in range(3):
        with pytest.raises(SinkSlowError):
            again.turn()
    while again.turn():
        pass
    again.close()
    whole = MemorySink()
    deliver(whole, store(tmp_path))
    assert sink.points == whole.points
    assert len(sink.order) > len(sink.points), "some twice, which changed nothing"


def test_a_restart_goes_on(tmp_path: Path) -> None:
    """A new process delivers the rest only; and nothing if there is no rest."""
    path, sink = store(tmp_path), MemorySink()
    delivery = Delivery(sink, path, FIELD, lambda: 0, batch_points=100)
    delivery.open()
    for _ in range(4):
        delivery.turn()
    delivery.close()
    before = len(sink.order)
    deliver(sink, path)
    whole = MemorySink()
    deliver(whole, store(tmp_path))
    assert sink.points == whole.points
    assert len(sink.order) == len(whole.order), "nothing twice"
    assert 0 < before < len(whole.order)
    again = MemorySink()
    deliver(again, path)  # nothing new
    assert len(again.order) == 0 or again.points == whole.points


def test_batches_shrink_for_a_slow_server(tmp_path: Path) -> None:
    """Every "slow" halves the batch; memory is never more than one batch and a row's points."""
    path, sink = store(tmp_path), MemorySink()
    delivery = Delivery(sink, path, FIELD, lambda: 0, batch_points=1_600)
    delivery.open()
    sink.trouble = [SinkSlowError("slow")] * 3
    for _ in range(3):
        with pytest.raises(SinkSlowError):
            delivery.turn()
    delivery.turn()
    assert max(sink.batches[:1]) <= 200 + 2 * len(FIELD.nodes) + 20
    while delivery.turn():
        pass
    delivery.close()
    assert max(sink.batches) <= 1_600 + 30 * len(FIELD.nodes)


def test_changed_hours_are_told_again(tmp_path: Path) -> None:
    """A sum that grows is written again; one that a replay removed becomes zero."""
    path, sink = store(tmp_path), MemorySink()
    deliver(sink, path)
    with Database.open(path) as database, database.transaction() as connection:
        hour, node = connection.execute("SELECT hour, node FROM airtime ORDER BY hour").fetchone()
        connection.execute("UPDATE airtime SET frames = frames + 5 WHERE hour = ?", (hour + 3,))
        connection.execute("DELETE FROM airtime WHERE hour = ? AND node = ?", (hour, node))
    more = MemorySink()
    deliver(more, path)
    hours = {p.time_us // 3_600_000_000 for p in more.of("rf_hour")}
    assert hours == {hour, hour + 3}
    for p in more.of("rf_hour"):
        was = sink.points[p.measurement, p.tags, p.time_us].fields["frames"]
        if p.time_us // 3_600_000_000 == hour + 3:
            assert p.fields["frames"] == int(was) + 5
        elif p.tags[1] == str(node):
            assert p.fields == {"frames": 0, "bytes": 0, "airtime_us": 0}
        else:
            assert p.fields["frames"] == was


def test_decoded_again_is_told_again(tmp_path: Path) -> None:
    """If a replay decodes frames anew, under their old ids, sinks go back to the first of them."""
    path = store(tmp_path)
    deliver(MemorySink(), path)
    with Database.open(path) as database, database.transaction() as connection:
        rows = connection.execute("SELECT * FROM decoded WHERE frame_id > 10").fetchall()
        connection.execute("DELETE FROM decoded WHERE frame_id > 10")
        connection.executemany("INSERT INTO decoded VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    more = MemorySink()
    deliver(more, path)
    assert len(more.of("rf_frame")) == sum(row[5] == "" for row in rows) > 10


def test_a_changed_site_is_not_mixed_up(tmp_path: Path) -> None:
    """Commits of another number of nodes than the site has are left out, not mislabelled."""
    path, sink = store(tmp_path), MemorySink()
    with Database.open(path) as database, database.transaction() as connection:
        connection.execute("UPDATE committed SET nodes = 3, status = x'010101' WHERE seq < 20")
    deliver(sink, path)
    assert len(sink.of("swarm")) == len(commits(path)) - 19


def test_the_runner_says_what_changed_once(tmp_path: Path) -> None:
    """Down for many tries: one warning, then one line when it works; stats tell the rest."""
    path, sink = store(tmp_path), MemorySink()
    sink.down = SinkRefusedError("the token may not write")
    with capture_logs() as logs:
        made = runner(sink, path)
        made.start()
        wait_until(lambda: made.stats().failures >= 5)
        stats = made.stats()
        assert (stats.state, stats.text) == ("refused", "the token may not write")
        assert stats.backlog_rows > 100
        assert stats.backlog_age_s == pytest.approx(HOURS * 3600 + 60, abs=3_700)
        sink.down = None
        wait_until(lambda: made.stats().state == "ok")
        made.stop()
        assert made.join(5.0)
    assert made.stats().backlog_rows == 0
    assert made.stats().written_points == len(sink.order)
    said = [entry["event"] for entry in logs]
    assert said.count("sink.failed") == 1
    assert said.count("sink.recovered") == 1
    assert sink.closed == 1


def test_a_defect_in_a_sink_is_counted_and_told(tmp_path: Path) -> None:
    """An error that nobody foresaw does not end the thread: it is logged, and tried again."""
    path, sink = store(tmp_path), MemorySink()
    sink.trouble = [ZeroDivisionError("oops")]
    with capture_logs() as logs:
        made = runner(sink, path)
        made.start()
        wait_until(lambda: made.stats().state == "ok")
        made.stop()
        assert made.join(5.0)
    assert made.stats().failures == 1
    assert [e["event"] for e in logs if e["log_level"] == "error"] == ["sink.defect"]


def test_the_last_turn_comes_after_the_stop(tmp_path: Path) -> None:
    """What is in the store when the gateway ends is delivered before the sink is let go."""
    path, sink = tmp_path / "gateway.sqlite", MemorySink()
    heard = frames(HOURS)
    work(path, heard[:20])
    made = runner(sink, path, Pace(poll_s=60.0))
    made.start()
    wait_until(lambda: made.stats().state == "ok")
    work(path, heard[20:30])
    made.stop()
    assert made.join(5.0)
    newest = commits(path)[-1].time_us
    assert ("swarm", (FIELD.name,), newest) in sink.points


def test_a_sink_that_hangs_is_left_behind(tmp_path: Path) -> None:
    """The end of the gateway is bounded whatever a server does."""
    path = store(tmp_path)

    class Hanging(MemorySink):
        def write(self, points: object) -> int:
            wait_until(lambda: bool(released))
            return 0

    released: list[int] = []
    made = runner(Hanging(), path, QUICK)
    made.start()
    made.stop()
    assert not made.join(0.1)
    released.append(1)
    assert made.join(5.0)


def test_gauges_tell_of_every_sink(tmp_path: Path) -> None:
    """A reading has backlog, failures and sizes of all sinks; a bounded number of them waits."""
    path, sink = store(tmp_path), MemorySink()
    delivery = Delivery(sink, path, FIELD, lambda: 0)
    delivery.open()
    stats = [SinkStats("memory", backlog_rows=5, backlog_age_s=7.5), SinkStats("other", failures=3)]
    for minute in range(2_000):
        delivery.gauge(stats, minute * 60_000_000)
    while delivery.turn():
        pass
    delivery.close()
    found = sink.of("gateway")
    assert len(found) == 1_440
    assert [p.tags[1] for p in found[-2:]] == ["memory", "other"]
    assert found[-2].fields["backlog_rows"] == 5
    assert found[-2].fields["backlog_age_s"] == 7.5
    assert found[-1].fields["failures"] == 3
    assert int(found[-1].fields["store_bytes"]) >= path.stat().st_size


def test_cursors_are_of_each_sink(tmp_path: Path) -> None:
    """Two sinks have cursors of their own; forgetting one leaves the other."""
    path = store(tmp_path)
    with Database.open(path) as database:
        cursors.save(database, "a", {"frames": Lanes(1, 5, 9)})
        cursors.save(database, "b", {"frames": Lanes(3, 3, 3)})
        assert cursors.sinks_in(database) == ["a", "b"]
        assert cursors.load(database, "a", "frames") == Lanes(1, 5, 9)
        assert cursors.forget(database, "a") == 3
        assert cursors.load(database, "a", "frames") == Lanes()
        assert cursors.load(database, "b", "frames") == Lanes(3, 3, 3)
