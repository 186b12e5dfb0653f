# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres_gateway.events import FrameHeard, PhaseCommitted
from qres_gateway.ledger import HOUR_US, Sum
from qres_gateway.pipeline import ERA_US, FieldRules, Pipeline
from qres_gateway.sources.base import Instant, RawFrame
from tests.gateway.fake_field import (
    AIRTIME_US,
    DAY_US,
    EPOCH_US,
    FREQ_HZ,
    PHASE_US,
    FakeClock,
    FakeField,
    ListHistory,
    node_frame,
    raw_frame,
    report,
)
from tests.gateway.pipeline_bench import (
    HOUR,
    NOON_US,
    Bench,
    committed,
    copy_of,
    heard,
    rebuilt,
    rows,
)


def test_a_report_is_heard_and_counted() -> None:
    """A valid frame becomes an event and a row of the ledger, bytes and airtime in integers."""
    bench = Bench()
    batch = bench.process(*rows(node_frame(3, 500, NOON_US + 5)), pass_us=10)
    assert heard(batch) == [
        FrameHeard(
            frame_id=1,
            rx_us=NOON_US + 5,
            receiver="aa555a0000000101",
            kind="report",
            node=3,
            phase=NOON_US // PHASE_US,
            reason="",
            n_bytes=6,
            airtime_us=AIRTIME_US,
            rssi_dbm=-97.0,
            snr_db=5.5,
            late=False,
        )
    ]
    assert batch.tally.airtime == {(HOUR, 3, "report", "M"): Sum(1, 6, AIRTIME_US)}
    assert batch.tally.hearing == {(HOUR, "aa555a0000000101"): [1, 0]}
    assert batch.last_id == 1


def test_phases_are_committed_one_by_one_as_time_passes() -> None:
    """Silence commits too: each phase once, with the state it left behind."""
    bench = Bench()
    assert committed(bench.process()) == []
    assert committed(bench.process(pass_us=PHASE_US)) == [0]
    first = bench.process(
        *rows(node_frame(1, 700, NOON_US + PHASE_US + 9)), pass_us=2 * PHASE_US + 5
    )
    assert committed(first) == [1, 2]
    last = first.events[-1]
    assert isinstance(last, PhaseCommitted)
    assert last.time_us == NOON_US + 2 * PHASE_US
    assert last.values[1, 0] == 700
    assert last.status.tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    assert committed(bench.process()) == []


def test_values_of_an_event_do_not_change_later() -> None:
    """An event holds what was true then, even after the replica has moved on."""
    bench = Bench()
    first = bench.process(*rows(node_frame(1, 700, NOON_US + 9)), pass_us=PHASE_US)
    bench.process(*rows(node_frame(1, 800, NOON_US + PHASE_US), first=2), pass_us=PHASE_US)
    (event,) = [event for event in first.events if isinstance(event, PhaseCommitted)]
    assert event.values[1, 0] == 700


REFUSED = [
    (raw_frame(b"1234567", NOON_US), "length"),
    (raw_frame(report(1, 5, NOON_US + PHASE_US), NOON_US), "tag"),
    (raw_frame(report(1, 5, NOON_US), NOON_US, sf=10), "radio"),
    (raw_frame(report(1, 5, NOON_US), NOON_US, freq_hz=FREQ_HZ + 62_501), "radio"),
    (raw_frame(report(1, 5, NOON_US), NOON_US, crc_ok=False), "crc_bad"),
    (node_frame(1, 5, NOON_US + PHASE_US + 1), "future"),
]


@pytest.mark.parametrize(("frame", "reason"), REFUSED)
def test_refused_frames(frame: RawFrame, reason: str) -> None:
    """What is not of the field is counted by its reason, with its bytes and airtime."""
    bench = Bench()
    batch = bench.process(*rows(frame))
    assert [event.reason for event in heard(batch)] == [reason]
    airtime_us = AIRTIME_US if len(frame.payload) == 6 else 70
    hour = frame.rx_us // HOUR_US
    assert batch.tally.refused == {
        (hour, "frame", reason): Sum(1, len(frame.payload), airtime_us),
    }
    assert batch.tally.airtime == {}
    assert bench.pipeline.stats()["refused"] == 1


def test_a_strangers_modulation_has_no_airtime() -> None:
    """A bandwidth that the formula does not know costs its airtime figure, not the gateway."""
    field = FakeField().rules()

    def airtime_us(_sf: int, bw_hz: int, _n_bytes: int) -> int:
        raise ValueError(f"bw_hz must be one of 125000, got {bw_hz}")

    strict = dataclasses.replace(field, airtime_us=airtime_us)
    batch = Pipeline(strict, ListHistory()).process(
        rows(dataclasses.replace(raw_frame(b"abc", NOON_US), bw_hz=375_000)), None
    )
    assert batch.tally.refused == {(HOUR, "frame", "radio"): Sum(1, 3, 0)}


def test_a_frame_from_the_future_moves_no_time() -> None:
    """A receiver with a wrong clock must not commit phases that have not happened."""
    bench = Bench()
    bench.process()
    batch = bench.process(*rows(node_frame(1, 5, NOON_US + 40 * ERA_US)))
    assert committed(batch) == []
    assert rebuilt(batch) == []


def test_copies_count_once() -> None:
    """One transmission, three receivers: airtime once, deliveries three times."""
    bench = Bench()
    (first,) = rows(node_frame(2, 9, NOON_US + 5, "a"))
    batch = bench.process(
        first,
        copy_of(first, node_frame(2, 9, NOON_US + 4, "b"), 2),
        copy_of(first, node_frame(2, 9, NOON_US + 6, "c"), 3),
        pass_us=10,
    )
    # "b" was received first by its time, but is flagged as the copy of row 1.
    assert sorted(event.reason for event in heard(batch)) == ["", "copy", "copy"]
    assert batch.tally.airtime == {(HOUR, 2, "report", "M"): Sum(1, 6, AIRTIME_US)}
    assert batch.tally.refused == {}
    assert batch.tally.hearing == {
        (HOUR, "a"): [1, 0],
        (HOUR, "b"): [1, 1],
        (HOUR, "c"): [1, 1],
    }


def test_a_copy_with_the_right_time_saves_a_frame_with_the_wrong_one() -> None:
    """If the first receiver's clock was wrong, the frame is taken from the second, once."""
    bench = Bench()
    payload = report(2, 9, NOON_US + 1)
    (wrong,) = rows(raw_frame(payload, NOON_US - 500_000, receiver="a"))
    right = copy_of(wrong, raw_frame(payload, NOON_US + 1, receiver="b"), 2)
    third = copy_of(wrong, raw_frame(payload, NOON_US + 2, receiver="c"), 3)
    batch = bench.process(wrong, right, third, pass_us=10)
    assert [event.reason for event in heard(batch)] == ["tag", "", "copy"]
    assert batch.tally.airtime == {(HOUR, 2, "report", "M"): Sum(1, 6, AIRTIME_US)}


def test_rows_of_a_batch_are_heard_in_order_of_reception() -> None:
    """What arrived out of order within a batch is put in order before it is heard."""
    bench = Bench()
    frames = [node_frame(n, n, NOON_US + PHASE_US * (3 - n) + 7) for n in range(3)]
    batch = bench.process(*rows(*frames), pass_us=4 * PHASE_US)
    assert [event.node for event in heard(batch)] == [2, 1, 0]
    assert not any(event.late for event in heard(batch))
    assert batch.last_id == 3


def test_a_late_frame_is_flagged() -> None:
    """A frame of a phase already committed is accepted and marked late."""
    bench = Bench()
    bench.process(pass_us=3 * PHASE_US)
    batch = bench.process(*rows(node_frame(1, 5, NOON_US + 5)))
    assert [(event.reason, event.late) for event in heard(batch)] == [("", True)]
    assert bench.pipeline.stats()["late"] == 1


def test_time_waits_for_rows_that_wait() -> None:
    """While rows are waiting, no phase is committed by the clock before its frames were heard."""
    bench = Bench()
    frames = rows(*(node_frame(n, n, NOON_US + n * PHASE_US + 5) for n in range(4)))
    now = bench.clock.pass_us(10 * PHASE_US)
    first = bench.pipeline.process(frames[:2], now, more=True)
    assert committed(first) == [0]
    second = bench.pipeline.process(frames[2:], now)
    assert committed(second) == list(range(1, 10))
    assert not any(event.late for event in heard(second))


def test_time_stays_behind_by_what_frames_need_to_settle() -> None:
    """A phase is committed by the clock only when its last frames must have arrived."""
    clock = FakeClock(NOON_US)
    pipeline = Pipeline(FakeField().rules(), ListHistory(), settle_us=1000)
    assert committed(pipeline.process([], clock.now())) == []
    assert committed(pipeline.process([], clock.pass_us(PHASE_US + 999))) == []
    assert committed(pipeline.process([], clock.pass_us(1))) == [0]


def test_restart_goes_on_where_it_stopped() -> None:
    """After a restart the state is folded from the log; nothing is counted or committed twice."""
    bench = Bench()
    frames = rows(*(node_frame(n % 8, n, NOON_US + n * PHASE_US // 2) for n in range(12)))
    before = bench.process(*frames, pass_us=6 * PHASE_US + 1)
    assert committed(before) == [0, 1, 2, 3, 4, 5]

    again = FakeField()
    pipeline = Pipeline(
        again.rules(), bench.history, last_id=12, last_commit_us=NOON_US + 5 * PHASE_US
    )
    new = rows(node_frame(0, 77, bench.clock.wall_us + 5), first=13)
    after = pipeline.process(new, bench.clock.pass_us(2 * PHASE_US))
    assert rebuilt(after) == ["start"]
    assert [event.frame_id for event in heard(after)] == [13]
    assert committed(after) == [6, 7]
    assert after.tally.airtime == {(HOUR, 0, "report", "M"): Sum(1, 6, AIRTIME_US)}
    bench.process(*new)
    assert again.replicas[-1].digest == bench.field.replicas[-1].digest


def test_phases_missed_while_it_was_down_are_made_up() -> None:
    """Down for ten minutes: the phases in between are committed by the replay."""
    history = ListHistory(rows(node_frame(1, 5, NOON_US + 5)))
    pipeline = Pipeline(FakeField().rules(), history, last_id=1, last_commit_us=NOON_US)
    batch = pipeline.process([], Instant(NOON_US + 4 * PHASE_US, 0))
    assert committed(batch) == [1, 2, 3]
    assert heard(batch) == []


def test_first_start_commits_nothing_of_the_past() -> None:
    """A new gateway knows nothing of the phases before it existed."""
    batch = Bench(wall_us=NOON_US + 7).process()
    assert committed(batch) == []
    assert rebuilt(batch) == ["start"]


def test_replay_covers_whole_days() -> None:
    """Two eras: the replica starts at yesterday's midnight, so one whole checkpoint is in it."""
    bench = Bench()
    bench.process()
    assert bench.field.replicas[0].start_us == DAY_US - ERA_US


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 40), cut=st.integers(1, 40))
def test_order_batches_and_restarts_do_not_matter(seed: int, n_frames: int, cut: int) -> None:
    """Shuffled, cut into batches, restarted in between: same reports, same ledger."""
    generator = random.Random(seed)
    slots = [(phase, node) for phase in range(6) for node in range(8)]
    frames = [
        node_frame(node, n, NOON_US + phase * PHASE_US + generator.randrange(PHASE_US))
        for n, (phase, node) in enumerate(generator.sample(slots, n_frames))
    ]
    end = Instant(NOON_US + 6 * PHASE_US, 0)

    straight = FakeField()
    whole = Pipeline(straight.rules(), ListHistory()).process(
        rows(*sorted(frames, key=lambda frame: frame.rx_us)), end
    )

    shuffled = generator.sample(frames, n_frames)
    history = ListHistory(rows(*shuffled))
    field = FakeField()
    last_id = 0
    commit_us: int | None = None
    sums: dict[object, int] = {}
    while last_id < n_frames:
        pipeline = Pipeline(field.rules(), history, last_id=last_id, last_commit_us=commit_us)
        batch = pipeline.process(history.rows[last_id : last_id + cut], end)
        last_id = batch.last_id
        for key, total in batch.tally.airtime.items():
            sums[key] = sums.get(key, 0) + total.airtime_us
        for event in batch.events:
            if isinstance(event, PhaseCommitted):
                commit_us = event.time_us
    assert field.replicas[-1].digest == straight.replicas[-1].digest
    assert sums == {key: total.airtime_us for key, total in whole.tally.airtime.items()}


@pytest.mark.parametrize("epoch_us", [0, -1, 7_000_000, ERA_US * 2, 1])
def test_impossible_epochs(epoch_us: int) -> None:
    """An epoch that does not divide the day, or not into phases, is refused by value."""
    rules = FakeField().rules()
    with pytest.raises(ValueError, match=f"epoch_us must divide a day and by 4, got {epoch_us}"):
        FieldRules(epoch_us, rules.radio, rules.new_replica, rules.airtime_us, rules.band_of)


def test_impossible_horizon() -> None:
    """At least one day is replayed."""
    with pytest.raises(ValueError, match="eras must be at least 1, got 0"):
        FakeField().rules(eras=0)


def test_epoch_of_the_tests() -> None:
    """The fake field and the rules agree on what a phase is."""
    assert EPOCH_US == 4 * PHASE_US
