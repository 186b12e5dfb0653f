# SPDX-License-Identifier: Apache-2.0
"""The governor's books: what is left, when a frame fits, and saving them."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres._core import ffi, lib
from tests.core.governor_rig import (
    BIN,
    BINS,
    EU_K,
    EU_M,
    EU_P,
    FRAME,
    GAP,
    HOUR,
    LIMIT,
    SECOND,
    SIZE,
    UNLIMITED,
    US,
    band_of,
    governor,
    load,
    save,
)

NEVER = 2**64 - 1


@given(
    st.lists(st.tuples(st.integers(0, GAP), st.integers(1, 400_000)), max_size=120),
    st.integers(0, HOUR),
)
def test_books_agree_with_a_list_of_all_frames(
    script: list[tuple[int, int]], start_us: int
) -> None:
    """Available airtime is the limit less what was granted in the current and 19 earlier bins."""
    which, time_us = governor(EU_K, start_us), 0
    granted: list[tuple[int, int]] = []
    for sleep_us, airtime_us in script:
        time_us += sleep_us
        held = sum(us for bin_, us in granted if time_us // BIN - bin_ < BINS)
        left = LIMIT["K"] - held
        assert lib.qres_governor_available_us(which, start_us + time_us) == left
        answer = lib.qres_governor_charge(which, start_us + time_us, airtime_us)
        assert answer == (lib.QRES_OK if airtime_us <= left else lib.QRES_ERR_AIRTIME)
        if answer == lib.QRES_OK:
            granted.append((time_us // BIN, airtime_us))
    assert which.charged_us == sum(us for _, us in granted)


@given(
    st.lists(st.tuples(st.integers(0, GAP), st.integers(1, 3_600_000)), max_size=40),
    st.integers(1, 3_600_000),
    st.integers(0, GAP),
)
def test_next_ok_is_the_first_moment(
    script: list[tuple[int, int]], airtime_us: int, later_us: int
) -> None:
    """A frame is granted at the moment told, and a microsecond earlier it is not."""
    which, now_us = governor(EU_K), 0
    for sleep_us, used_us in script:
        now_us += sleep_us
        lib.qres_governor_charge(which, now_us, used_us)
    now_us += later_us
    at_us = lib.qres_governor_next_ok_us(which, now_us, airtime_us)
    assert at_us >= now_us
    lib.qres_governor_tick(which, now_us)
    for wait_until in (at_us - 1, at_us):
        while now_us < wait_until:
            now_us = min(wait_until, now_us + GAP)
            lib.qres_governor_tick(which, now_us)
        if wait_until == at_us - 1 and now_us == wait_until:
            assert lib.qres_governor_available_us(which, now_us) < airtime_us
    assert lib.qres_governor_charge(which, at_us, airtime_us) == lib.QRES_OK


@given(st.integers(0, 100 * HOUR), st.integers(-(2**63), 2**63 - 1))
def test_an_announced_step_changes_nothing(before_us: int, step_us: int) -> None:
    """After qres_governor_clock_step the new clock is credited as the old one would have been."""
    which = governor(EU_M, before_us)
    lib.qres_governor_charge(which, before_us, SECOND)
    lib.qres_governor_tick(which, before_us + 100 * SECOND)
    lib.qres_governor_clock_step(which, step_us)
    after_us = before_us + 100 * SECOND + step_us
    if 0 <= after_us < 2**64:
        lib.qres_governor_tick(which, after_us + 50 * SECOND)
        assert which.phase_us == 150 * SECOND
        assert which.disbelieved == 0
    else:
        assert which.last_us == (0 if after_us < 0 else 2**64 - 1)


def test_unknown_history_is_taken_as_a_spent_hour() -> None:
    """A node that lost its books is silent for 4800 s, and then has the whole budget."""
    which, now_us = governor(EU_M, 0, UNLIMITED), 0
    assert lib.qres_governor_available_us(which, 0) == 0
    assert lib.qres_governor_next_ok_us(which, 0, 1) == 4800 * SECOND
    while now_us < 4800 * SECOND - 1:
        now_us = min(now_us + GAP, 4800 * SECOND - 1)
        assert lib.qres_governor_charge(which, now_us, 1) == lib.QRES_ERR_AIRTIME
    lib.qres_governor_tick(which, 4800 * SECOND)
    assert lib.qres_governor_available_us(which, 4800 * SECOND) == LIMIT["M"]


def test_a_question_costs_nothing() -> None:
    """Asking what a later time would allow changes no field, so it cannot be used to gain time."""
    which = governor()
    lib.qres_governor_charge(which, 0, SECOND)
    before = save(which)
    for now_us in (0, BIN, GAP, GAP + 1, 100 * HOUR):
        lib.qres_governor_available_us(which, now_us)
        lib.qres_governor_next_ok_us(which, now_us, SECOND)
    assert save(which) == before


@pytest.mark.parametrize(
    ("band", "frame_max_us"),
    [(EU_K, 3_600_000), (EU_M, FRAME), (EU_P, FRAME), (US, 400_000)],
)
def test_a_frame_that_can_never_be_sent_is_an_invalid_argument(
    band: Any, frame_max_us: int
) -> None:
    """Zero, and more than dwell, budget or 20 s, are refused for good."""
    which = governor(band)
    assert which.frame_max_us == frame_max_us
    for airtime_us in (0, frame_max_us + 1, UNLIMITED):
        assert lib.qres_governor_charge(which, 0, airtime_us) == lib.QRES_ERR_INVALID
        assert lib.qres_governor_next_ok_us(which, 0, airtime_us) == NEVER
    assert lib.qres_governor_charge(which, 0, frame_max_us) == lib.QRES_OK


def test_without_a_duty_cycle_only_the_dwell_time_binds() -> None:
    """In US915 a node may send frame after frame; the sum of the books saturates, not overflows."""
    which = governor(US)
    for _ in range(12_000):  # 4800 s: more than 32 bits of microseconds
        assert lib.qres_governor_charge(which, 0, 400_000) == lib.QRES_OK
    assert lib.qres_governor_available_us(which, 0) == UNLIMITED
    assert lib.qres_governor_next_ok_us(which, 5, 400_000) == 5
    assert which.charged_us == 12_000 * 400_000
    assert which.bin_us[0] == 2**32 - 1


def test_a_forbidden_sub_band_has_no_governor() -> None:
    """The alarm gaps and NULL are refused, by init and by load."""
    which, gap = governor(), band_of("EU868", "alarms")
    before = save(which)
    for band in (gap, ffi.NULL):
        assert lib.qres_governor_init(which, band, 0, 0) == lib.QRES_ERR_INVALID
        assert load(which, band, before) == lib.QRES_ERR_INVALID
    assert save(which) == before


@given(
    st.lists(st.tuples(st.integers(0, GAP), st.integers(1, FRAME)), max_size=40),
    st.integers(0, 2**64 - 1 - 40 * GAP),
)
def test_saved_and_loaded_is_the_same(script: list[tuple[int, int]], start_us: int) -> None:
    """Loading what was saved restores every field, and saves to the same bytes."""
    which, now_us = governor(EU_P, start_us), start_us
    for sleep_us, airtime_us in script:
        now_us += sleep_us
        lib.qres_governor_charge(which, now_us, airtime_us)
    restored = ffi.new("qres_governor *")
    assert load(restored, EU_P, save(which)) == lib.QRES_OK
    assert bytes(ffi.buffer(restored)) == bytes(ffi.buffer(which))
    assert save(restored) == save(which)


@given(st.integers(0, 8 * SIZE - 1))
def test_a_flipped_bit_in_the_saved_state_is_noticed(bit: int) -> None:
    """One wrong bit anywhere in the stored bytes refuses them, and changes nothing."""
    which = governor(EU_M, 7 * HOUR)
    lib.qres_governor_charge(which, 7 * HOUR, 12_345_678)
    data = bytearray(save(which))
    data[bit // 8] ^= 1 << bit % 8
    other = governor(EU_M, 1)
    before = save(other)
    assert load(other, EU_M, bytes(data)) == lib.QRES_ERR_FORMAT
    assert save(other) == before


@pytest.mark.parametrize("length", [0, 1, SIZE - 1, SIZE + 1])
def test_saved_state_of_another_length_is_refused(length: int) -> None:
    """Truncated or padded bytes are refused; too small a buffer is not written to."""
    data = (save(governor()) + b"\0")[:length]
    assert load(governor(), EU_M, data) == lib.QRES_ERR_FORMAT
    out = ffi.new("uint8_t[]", length)
    expected = SIZE if length >= SIZE else lib.QRES_ERR_SPACE
    assert lib.qres_governor_save(governor(), out, length) == expected
    if length < SIZE:
        assert bytes(out) == bytes(length)


def test_the_books_of_another_sub_band_are_refused() -> None:
    """Airtime spent in P says nothing about K, and is not taken for it."""
    data = save(governor(EU_P))
    assert load(governor(EU_K), EU_K, data) == lib.QRES_ERR_FORMAT


def test_the_stored_format_does_not_drift() -> None:
    """
    The bytes of version 1, worked out by hand from the layout in governor.c.

    CRC-32 by zlib, the same polynomial from another hand.
    """
    which = governor(EU_M, 1_000_000)
    lib.qres_governor_charge(which, 1_000_000, 0x01020304 // 2)
    lib.qres_governor_charge(which, 1_000_000 + BIN + 5, 77)
    body = (
        bytes([1, 1, 0, 0])
        + (868_000_000).to_bytes(4, "little")
        + (1_000_000 + BIN + 5).to_bytes(8, "little")
        + (0x01020304 // 2 + 77).to_bytes(8, "little")
        + (5).to_bytes(4, "little")
        + (0).to_bytes(4, "little")
        + (0x01020304 // 2).to_bytes(4, "little")
        + (77).to_bytes(4, "little")
        + bytes(4 * 18)
    )
    assert save(which) == body + zlib.crc32(body).to_bytes(4, "little")
