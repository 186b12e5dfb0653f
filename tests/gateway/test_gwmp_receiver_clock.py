# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from qres_gateway.sources.base import Instant
from qres_gateway.sources.gwmp import Packet
from qres_gateway.sources.receiver_clock import (
    MAX_RECEIVERS,
    RESTART_EXCESS_US,
    ReceiverClock,
    ReceiverClocks,
)

WRAP = 1 << 32
WALL_US = 1_800_000_000_000_000


def packet(tmst_us: int | None, gps_us: int | None = None, utc_us: int | None = None) -> Packet:
    """A packet of which only the times matter."""
    return Packet(b"123456", gps_us, utc_us, tmst_us, 868_300_000, 9, 125_000, -90.0, 1.0)


def test_jitter_of_the_network_is_taken_off() -> None:
    """After one fast datagram, frames are stamped by the counter to within its drift."""
    generator = random.Random(1)
    clock = ReceiverClock()
    start_us = WRAP - 20_000_000  # the counter wraps during the test
    assert clock.excess_delay_us(start_us, 5_000_000 + 2_000) == 0
    for second in range(1, 120):
        delay_us = 2_000 + generator.randrange(200_000)
        at_us = second * 1_000_000
        excess = clock.excess_delay_us((start_us + at_us) % WRAP, 5_000_000 + at_us + delay_us)
        drift_us = 25 * (second + 1)  # what the estimate may have risen by
        assert -drift_us <= excess - (delay_us - 2_000) <= 0


def test_counter_that_runs_slow_or_fast_is_followed() -> None:
    """A crystal off by 20 ppm either way costs milliseconds, not more with time."""
    for ppm in (-20, 20):
        generator = random.Random(2)
        clock = ReceiverClock()
        for minute in range(3 * 24 * 60):  # three days, 60 wraps
            host_us = minute * 60_000_000
            counter_us = host_us + host_us * ppm // 1_000_000
            delay_us = 1_000 + (generator.randrange(50_000) if minute % 5 else 0)
            excess = clock.excess_delay_us(counter_us % WRAP, host_us + delay_us)
            assert abs(excess - (delay_us - 1_000)) < 20_000
        assert clock.restarts == 0


def test_restart_of_the_counter_is_noticed() -> None:
    """A forwarder that restarts begins counting anew; its frames are not misdated."""
    clock = ReceiverClock()
    clock.excess_delay_us(3_000_000_000, 10_000_000)
    assert clock.excess_delay_us(5_000, 20_000_000) == 0
    assert clock.restarts == 1
    assert clock.excess_delay_us(1_005_000, 21_000_000 + 300) == 300 - 25


def test_restart_that_looks_like_delay_is_noticed_after_a_few_frames() -> None:
    """A counter that restarted 3 s behind looks slow at first; eight frames settle it."""
    clock = ReceiverClock()
    clock.excess_delay_us(0, 0)
    excesses = [
        clock.excess_delay_us(second * 1_000_000 - 3_000_000, second * 1_000_000 + 7 * (second % 3))
        for second in range(10, 30)
    ]
    assert all(excess > 2_900_000 for excess in excesses[:7])
    assert all(excess <= 14 for excess in excesses[7:])


def test_first_datagram_late_corrects_itself() -> None:
    """If the first datagram was the slow one, the next fast one becomes the measure."""
    clock = ReceiverClock()
    assert clock.excess_delay_us(0, 400_000) == 0
    assert clock.excess_delay_us(1_000_000, 1_001_000) == 0
    assert clock.excess_delay_us(2_000_000, 2_051_000) == 50_000 - 26


@given(st.lists(st.tuples(st.integers(0, WRAP - 1), st.integers(0, 1 << 50)), max_size=40))
def test_any_counter_gives_a_bounded_delay(readings: list[tuple[int, int]]) -> None:
    """Whatever a receiver claims, a frame is never dated later, nor much earlier, than it came."""
    clock = ReceiverClock()
    for tmst_us, arrival_us in readings:
        assert 0 <= clock.excess_delay_us(tmst_us, arrival_us) <= RESTART_EXCESS_US


def test_gnss_time_is_trusted_first() -> None:
    """A receiver with GNSS is right even if this host's clock stands in another year."""
    frame = ReceiverClocks().frame("a", packet(5, gps_us=WALL_US), Instant(0, 0))
    assert (frame.rx_us, frame.rx_time_source, frame.host_us) == (WALL_US, "gps", 0)


def test_a_receivers_own_clock_is_trusted_if_it_agrees() -> None:
    """Its clock beats arrival time, unless it differs by more than a minute."""
    clocks = ReceiverClocks()
    arrival = Instant(WALL_US, 77)
    near = clocks.frame("a", packet(None, utc_us=WALL_US - 40_000), arrival)
    assert (near.rx_us, near.rx_time_source) == (WALL_US - 40_000, "utc")
    far = clocks.frame("a", packet(None, utc_us=WALL_US - 61_000_000), arrival)
    assert (far.rx_us, far.rx_time_source) == (WALL_US, "host")
    assert clocks.disbelieved == 1


def test_counter_corrects_arrival_per_receiver() -> None:
    """Each receiver has its own relation between counter and host."""
    clocks = ReceiverClocks()
    clocks.frame("a", packet(0), Instant(WALL_US, 0))
    clocks.frame("b", packet(900_000), Instant(WALL_US, 0))
    late = clocks.frame("a", packet(1_000_000), Instant(WALL_US + 1_080_000, 1_080_000))
    assert late.rx_us == WALL_US + 1_000_000 + 27
    assert clocks.receivers == 2


def test_invented_receivers_do_not_fill_the_memory() -> None:
    """Names are bounded; one that keeps talking is not pushed out by them."""
    clocks = ReceiverClocks()
    for number in range(10 * MAX_RECEIVERS):
        clocks.frame("real", packet(number), Instant(WALL_US + number, number))
        clocks.frame(f"invented {number}", packet(0), Instant(WALL_US, number))
    assert clocks.receivers == MAX_RECEIVERS
    late = clocks.frame("real", packet(640), Instant(WALL_US + 940, 940))
    assert late.rx_us == WALL_US + 640
