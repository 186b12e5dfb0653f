# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from qres_gateway.events import ClockStepped, PhaseCommitted
from qres_gateway.pipeline import ERA_US, Pipeline
from qres_gateway.sources.base import RawFrame
from tests.gateway.fake_field import PHASE_US, FakeField, ListHistory, node_frame, raw_frame, report
from tests.gateway.pipeline_bench import NOON_US, Bench, committed, heard, rebuilt, rows


def test_small_clock_corrections_are_harmless() -> None:
    """Back by less than a phase: time waits until it catches up; nothing is repeated."""
    bench = Bench()
    bench.process(pass_us=2 * PHASE_US)
    bench.clock.wall_us -= PHASE_US // 2
    batch = bench.process()
    assert batch.events == [ClockStepped(bench.clock.wall_us, -PHASE_US // 2)]
    assert committed(bench.process(pass_us=PHASE_US)) == []
    assert committed(bench.process(pass_us=PHASE_US // 2)) == [2]


def test_clock_far_ahead_and_back() -> None:
    """A wrong jump of ten days forward and back leaves the right state and the right phases."""
    bench = Bench()
    bench.process(*rows(node_frame(1, 5, NOON_US + 5)), pass_us=PHASE_US)
    bench.clock.wall_us += 10 * ERA_US
    forward = bench.process()
    assert rebuilt(forward) == ["gap"]
    assert len(bench.field.replicas[-1].advances) <= 2 * ERA_US // PHASE_US + 1
    bench.clock.wall_us -= 10 * ERA_US
    back = bench.process()
    assert rebuilt(back) == ["back"]
    batch = bench.process(*rows(node_frame(2, 6, bench.clock.wall_us), first=2), pass_us=PHASE_US)
    assert committed(batch) == [1]
    assert set(bench.field.replicas[-1].reports.values()) == {5, 6}
    assert bench.pipeline.stats()["clock_steps"] == 2


def test_clock_an_hour_back_and_forth() -> None:
    """Rows that were out of reach while the clock was wrong are in the state again after it."""
    bench = Bench()
    bench.process(*rows(node_frame(1, 5, NOON_US + 5)), pass_us=PHASE_US)
    digest = bench.field.replicas[-1].digest
    bench.clock.wall_us -= 3_600_000_000
    assert rebuilt(bench.process()) == ["back"]
    assert bench.field.replicas[-1].digest != digest
    bench.clock.wall_us += 3_600_000_000
    assert rebuilt(bench.process()) == ["missed"]
    assert bench.field.replicas[-1].digest == digest
    assert rebuilt(bench.process(pass_us=10 * PHASE_US)) == []


def test_frames_refused_while_the_host_was_behind_are_not_lost() -> None:
    """The first GNSS frames seem to be in the future; once the host knows better they count."""
    bench = Bench(wall_us=NOON_US - 3_600_000_000)
    reasons = []
    for n in range(4):
        bench.clock.pass_us(1000)
        frame = gnss_frame(n, n, NOON_US + n, bench.clock.wall_us)
        batch = bench.process(*rows(frame, first=n + 1))
        reasons += [event.reason for event in heard(batch)]
    assert reasons == ["future", "future", "", ""]
    assert {node for _, node in bench.field.replicas[-1].reports} == {0, 1, 2, 3}


def gnss_frame(node: int, value: int, rx_us: int, host_us: int) -> RawFrame:
    """As a receiver with GNSS delivers it to a host with its own idea of time."""
    payload = report(node, value, rx_us)
    return raw_frame(payload, rx_us, source="gps", host_us=host_us, receiver="gnss")


def test_host_without_a_clock_lives_by_gnss() -> None:
    """The host believes in 1970; receivers with GNSS put it right after three frames."""
    bench = Bench(wall_us=5_000_000)
    frames = [gnss_frame(n, n, NOON_US + n * 1000, 5_000_000 + n * 1000 + 20_000) for n in range(4)]
    batch = bench.process(*rows(*frames), pass_us=30_000)
    assert [event.reason for event in heard(batch)] == ["", "", "", ""]
    assert bench.pipeline.stats()["host_clock_error_us"] == 5_000_000 + 20_000 - NOON_US
    assert committed(bench.process(pass_us=PHASE_US)) == [0]


def test_host_clock_set_while_running_under_gnss() -> None:
    """When the host's clock is set, what was known of its error moves along at once."""
    bench = Bench(wall_us=NOON_US - 3_600_000_000)
    frames = [gnss_frame(n, n, NOON_US + n, NOON_US - 3_600_000_000 + n) for n in range(4)]
    bench.process(*rows(*frames))
    bench.clock.wall_us += 3_600_000_000
    batch = bench.process(pass_us=PHASE_US)
    assert [type(event) for event in batch.events] == [ClockStepped, PhaseCommitted]
    assert bench.pipeline.stats()["host_clock_error_us"] == 0


def test_times_by_the_wrong_host_clock_are_corrected() -> None:
    """A second receiver without GNSS profits: its arrival times are corrected as well."""
    wrong_us = -3_600_000_000
    bench = Bench(wall_us=NOON_US + wrong_us)
    frames = [gnss_frame(n, n, NOON_US + n, NOON_US + wrong_us + n) for n in range(4)]
    plain = raw_frame(report(5, 9, NOON_US + 5), NOON_US + wrong_us + 5, receiver="plain")
    batch = bench.process(*rows(*frames, plain))
    assert [event.reason for event in heard(batch)] == [""] * 5


def test_capture_without_a_clock() -> None:
    """Replaying a file, time passes by the frames alone, over any gap."""
    field = FakeField()
    pipeline = Pipeline(field.rules(), ListHistory())
    times = [NOON_US, NOON_US + PHASE_US, NOON_US + 20 * ERA_US, NOON_US + 20 * ERA_US + PHASE_US]
    batch = pipeline.process(rows(*(node_frame(1, n, at) for n, at in enumerate(times))), None)
    assert [event.reason for event in heard(batch)] == [""] * 4
    assert rebuilt(batch) == ["start", "gap"]
    assert 0 in committed(batch)
    assert pipeline.process([], None).events == []


def test_one_wrong_time_in_a_capture_does_not_derail_it() -> None:
    """A single record from another decade is refused; its neighbours are heard."""
    pipeline = Pipeline(FakeField().rules(), ListHistory())
    frames = [node_frame(n, 1, NOON_US + n) for n in range(5)]
    frames.insert(2, node_frame(7, 1, NOON_US + 4000 * ERA_US))
    batch = pipeline.process(rows(*frames), None)
    assert [event.reason for event in heard(batch)] == ["", "", "", "", "", "future"]
