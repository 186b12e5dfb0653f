# SPDX-License-Identifier: Apache-2.0
"""The live view's memory and journal stay bounded whatever happens, and it answers quickly."""

from __future__ import annotations

import gc
import time
import tracemalloc
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres.core import Status
from qres_gateway.console.view import CHANNELS, Series, Snapshot
from qres_gateway.events import Cause, ClockStepped, ReplicaRebuilt, StateChanged
from qres_gateway.live.agreement import PHASES_KEPT
from tests.gateway.live_field import DAY_US, HOUR_US, START_US, Line

REASONS = ("", "", "", "copy", "tag", "length", "future", "duplicate", "crc_bad")
CAUSES: tuple[Cause, ...] = ("start", "gap", "back")

steps = st.one_of(
    st.tuples(st.just("commit"), st.integers(0, 4), st.floats(-60, 85)),
    st.tuples(st.just("jump"), st.integers(-2000, 2000), st.just(0.0)),
    st.tuples(st.just("hear"), st.integers(0, 8), st.floats(-9e5, 9e5)),
    st.tuples(st.just("step"), st.integers(-30, 30), st.just(0.0)),
    st.tuples(st.just("rebuilt"), st.integers(0, 2), st.just(0.0)),
    st.tuples(st.just("state"), st.integers(0, 1), st.just(0.0)),
    st.tuples(st.just("truth"), st.integers(-900, 900), st.floats(0, 50)),
    st.tuples(st.just("compare"), st.integers(-90, 90), st.just(0.0)),
    st.tuples(st.just("clock"), st.integers(-5, 300), st.just(0.0)),
)


def take(line: Line, step: tuple[str, int, float]) -> None:
    """One thing happens."""
    name, n, x = step
    if name == "commit":
        counted = {"bits_compared": abs(int(x)), "diverged": n % 2, "synced": n // 2 % 2}
        line.commit((x, 50.0, 2.0, abs(x) * 70), status=n % len(Status), health=counted)
    elif name == "jump":
        line.commit(phase=max(line.phase + n, 1))
    elif name == "hear":
        rx_us = line.now_us + round(x * 1e6)
        late = max(1, line.phase - n)
        line.hear(n % line.n, rx_us=rx_us, phase=late, reason=REASONS[n])
    elif name == "step":
        line.view.feed(ClockStepped(line.now_us + n * DAY_US, n * DAY_US))
    elif name == "rebuilt":
        line.view.feed(ReplicaRebuilt(START_US, line.now_us, 3, CAUSES[n]))
    elif name == "state":
        line.view.feed(StateChanged("ok" if n else "full", "disk full"))
    elif name == "truth":
        phase = max(line.phase + n, 1)
        at = line.place == phase % 4
        measured = np.full((int(at.sum()), 4), round(x * 65536), dtype=np.int32)
        line.view.truth(phase, phase * line.site.phase_us, np.flatnonzero(at), measured)
    elif name == "compare":
        line.view.compare(max(line.phase + n, 1), n)
    else:
        line.now_us += n * 60_000_000


@settings(max_examples=60)
@given(st.lists(steps, max_size=80))
def test_whatever_happens_the_state_is_bounded_and_valid(
    happened: list[tuple[str, int, float]],
) -> None:
    """After any events: rings keep their size, ids rise, and what is shown is valid JSON."""
    line = Line(5, epoch_s=600, has_clock=True)
    size = line.view._series.n_bytes
    last_id = 0
    for step in happened:
        take(line, step)
    snapshot = line.view.snapshot()
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot) == snapshot
    assert line.view._series.n_bytes == size
    assert len(snapshot.events) <= 200
    for event in snapshot.events:
        assert event.id > last_id
        last_id = event.id
    assert len(snapshot.rf.hours) <= 168
    starts = [hour.start_us for hour in snapshot.rf.hours]
    assert all(b - a == HOUR_US for a, b in pairwise(starts))
    assert 0 <= snapshot.rf.last_hour.span_s <= 3600
    assert snapshot.rf.total_frames >= snapshot.rf.last_hour.frames
    assert len(line.view._agreement._digest) <= PHASES_KEPT
    assert len(line.view._agreement._ahead) <= PHASES_KEPT
    assert len(line.view._radio._hours) <= 168
    for node in line.site.ids:
        for channel in CHANNELS:
            series = line.view.series(node, channel)
            assert msgspec.json.decode(msgspec.json.encode(series), type=Series) == series
            assert series.true is not None
            lengths = {len(series.reconstructed), len(series.true), len(series.reported)}
            assert lengths == {len(series.time_us)}
            assert len(series.time_us) <= 168 * 6
            assert series.time_us == sorted(set(series.time_us))


def test_ten_thousand_lines_leave_the_newest_200() -> None:
    """Ids count on while old lines go."""
    line = Line(has_clock=True)
    for n in range(10_000):
        line.view.feed(StateChanged("full" if n % 2 else "ok", ""))
    ids = [e.id for e in line.view.snapshot().events]
    assert ids == list(range(9_801, 10_001))


def test_memory_stops_growing() -> None:
    """Once the rings are full, two more weeks of a busy field add no memory."""
    line = Line(4)
    phases_a_week = 7 * 24 * 4

    def week() -> int:
        for n in range(phases_a_week):
            line.hear(n % line.n)
            line.hear(0, reason="tag")
            line.view.compare(line.phase, n)
            line.commit((n % 40, 50.0, 2.0, n / 4), status=1 + n % 3, digest=n)
            if n % 10 == 0:
                line.view.snapshot()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        week()
        first, third = week(), (week(), week())[1]
    finally:
        tracemalloc.stop()
    assert third - first < 16_384


@pytest.mark.bench
def test_128_nodes_are_shown_in_less_than_2_ms() -> None:
    """The best of 50 looks at a full week of 128 nodes, made anew after a commit each."""
    line = Line(128, epoch_s=600, has_clock=True)
    for phase in range(168 * 24):
        for row in np.flatnonzero(line.place == phase % 4)[:4]:
            line.hear(int(row))
        line.commit((phase % 40, 50.0, 2.0, phase / 8))
        line.now_us = START_US + phase * line.site.phase_us
    best_s = {"snapshot": 1.0, "series": 1.0, "rain": 1.0, "commit": 1.0}

    def timed(name: str, began_s: float) -> None:
        best_s[name] = min(best_s[name], time.perf_counter() - began_s)

    for _ in range(50):
        began_s = time.perf_counter()
        line.commit()
        timed("commit", began_s)
        began_s = time.perf_counter()
        line.view.snapshot()
        timed("snapshot", began_s)
        began_s = time.perf_counter()
        line.view.series(40, "temp_degc")
        timed("series", began_s)
        began_s = time.perf_counter()
        line.view.series(40, "rain_mm")
        timed("rain", began_s)
    assert len(line.view.series(40, "temp_degc").time_us) == 1008
    print({name: f"{1e3 * s:.2f} ms" for name, s in best_s.items()}, line.view._series.n_bytes)
    assert max(best_s.values()) < 2e-3
