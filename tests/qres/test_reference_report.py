# SPDX-License-Identifier: Apache-2.0
"""REPORT in the reference: round trip in every form, windows, decision, refusals (SPEC 6)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qres.reference import (
    Reason,
    RefChannel,
    RefusedError,
    Report,
    State,
    associated_data,
    choose_report,
    encode_report,
    era_key,
    form_of_length,
    nonce,
    open_report,
    predicted_k,
    readings,
    seal_report,
)
from tests.vectors.fields import KEY, make_site, run_field, tiny_channels

SITE = make_site(12)
P0 = 20_000 * SITE.phases_per_day + 8
STATE = run_field(SITE, State.initial(SITE, P0 - 1), 12, 1, lose=10**6, talkative=10)[-1][1]
"""Everything present; the next phase is one of f = 0."""

K_RANGE = ((-240, 340), (0, 80), (0, 300), (0, 32000))


def held(member: int) -> list[int]:
    """Values of a member in steps."""
    return [predicted_k(SITE, STATE, member, c) for c in range(4)]


def off_by(*steps: int) -> list[int | None]:
    """Samples of member 0 that differ from its values by so many steps."""
    return [
        (k + d) * SITE.channels[c].step for c, (k, d) in enumerate(zip(held(0), steps, strict=True))
    ]


def refusal(state: State, frame: bytes) -> Reason:
    """Why a frame is refused as member 0's."""
    with pytest.raises(RefusedError) as caught:
        open_report(SITE, KEY, state.phase + 1, 0, state, frame)
    return caught.value.reason


# ---- forms


def test_lengths_of_the_fire_weather_table() -> None:
    """S 2, R 3, M 4, X 5..10 bytes, and 14 with the tag, as SPEC 6.1 says."""
    assert SITE.form_bytes == {"S": 2, "R": 3, "M": 4}
    assert [SITE.x_bytes(n) for n in range(5)] == [5, 5, 6, 8, 10]
    assert SITE.report_max == 14


@given(st.integers(1, 4), st.integers(0, 5), st.integers(0, 63))
def test_each_length_has_one_form(n_primaries: int, n_riders: int, length: int) -> None:
    """In any table the lengths of the forms differ, and every other length is refused."""
    assume(n_primaries + n_riders <= 6)
    one = tiny_channels()[0]
    rider = RefChannel(one.tol, one.step, one.lo, one.hi, 0, 0, one.w0)
    site = make_site(1, channels=(one,) * n_primaries + (rider,) * n_riders)
    short = list(site.form_bytes.values())
    assert short == sorted(set(short))
    longer = {site.x_bytes(n) for n in range(site.n_channels + 1)}
    assert max(short) < min(longer)
    assert max(longer) + 4 == site.report_max <= 18
    if length in {*short, *longer}:
        form = form_of_length(site, length)
        assert site.form_bytes.get(form, length) == length
    else:
        with pytest.raises(RefusedError, match="no form has this length"):
            form_of_length(site, length)


samples = st.tuples(*(st.one_of(st.none(), st.integers(lo, hi)) for lo, hi in K_RANGE))
missed = st.tuples(*(st.integers(0, 5) for _ in K_RANGE))


@settings(max_examples=300)
@given(samples, missed, st.integers(0, 15), st.integers(0, 1))
def test_what_is_sent_is_what_is_read(
    ks: tuple[int | None, ...], misses: tuple[int, ...], absent: int, bit: int
) -> None:
    """Whatever a member chooses to report, a receiver with the same state reads exactly that."""
    state = STATE.copy()
    for c in range(4):
        if absent >> c & 1:
            state.absent[0, c] = True
            state.value[0, c] = state.last[0, c] = state.slow[0, c] = 0
    read = [None if k is None else k * SITE.channels[c].step for c, k in enumerate(ks)]
    in_a_row = [0 if k is not None else max(1, n) for k, n in zip(ks, misses, strict=True)]
    chosen = choose_report(SITE, state, 0, read, in_a_row)
    if chosen is None:
        return
    form, report = chosen
    p = state.phase + 1
    frame = seal_report(SITE, KEY, p, form, report, bit)
    assert form_of_length(SITE, len(frame) - 4) == form
    for all_windows in (False, True):
        opened = open_report(SITE, KEY, p, 0, state, frame, all_windows=all_windows)
        assert opened.report == report
        assert opened.digest_bit == bit


@pytest.mark.parametrize(
    ("steps", "form", "length"),
    [
        ((5, 0, 0, 0), "S", 6),
        ((15, -16, 15, 0), "S", 6),
        ((5, 0, 0, 127), "R", 7),
        ((0, 0, 0, -128), "R", 7),
        ((16, 0, 0, 0), "M", 8),
        ((511, -512, 0, 0), "M", 8),
        ((5, 0, 0, 128), "X", 14),
        ((512, 0, 0, 0), "X", 14),
        ((16, 0, 0, 20), "X", 14),
    ],
)
def test_the_first_form_that_fits(steps: tuple[int, int, int, int], form: str, length: int) -> None:
    """The window's edges decide: -16..15 for S and R, -512..511 for M, -128..127 for rain."""
    chosen = choose_report(SITE, STATE, 0, off_by(*steps), [0] * 4)
    assert chosen is not None
    assert chosen[0] == form
    assert len(seal_report(SITE, KEY, P0, chosen[0], chosen[1], 0)) == length


def test_silence() -> None:
    """A member whose samples are within tolerance, and heard of lately, says nothing."""
    exactly = [int(v) + SITE.channels[c].tol for c, v in enumerate(STATE.value[0].tolist())]
    assert choose_report(SITE, STATE, 0, exactly, [0] * 4) is None
    assert choose_report(SITE, STATE, 0, [None] * 4, [2] * 4) is None
    exactly[1] += 1
    assert choose_report(SITE, STATE, 0, exactly, [0] * 4) is not None


def test_heartbeat() -> None:
    """After HB phases of silence a member reports its prediction, in two bytes."""
    state = STATE.copy()
    state.last_report[0] = state.phase + 1 - SITE.heartbeat
    chosen = choose_report(SITE, state, 0, off_by(0, 0, 0, 0), [0] * 4)
    assert chosen == ("S", Report(0, 0b0111, 0, tuple(held(0)[:3])))
    state.last_report[0] += 1
    assert choose_report(SITE, state, 0, off_by(0, 0, 0, 0), [0] * 4) is None


def test_a_lost_sensor_is_given_up_at_the_third_miss() -> None:
    """Two misses are passed over; with the third the channel is reported absent, in form X."""
    read = off_by(0, 0, 0, 0)
    read[1] = None
    assert choose_report(SITE, STATE, 0, read, [0, 2, 0, 0]) is None
    chosen = choose_report(SITE, STATE, 0, read, [0, 3, 0, 0])
    k = held(0)
    assert chosen == ("X", Report(0, 0b1101, 0b0010, (k[0], k[2], k[3])))


def test_a_passing_miss_leaves_the_channel_alone() -> None:
    """A surprise during another channel's miss: neither included nor absent."""
    read = off_by(9, 0, 0, 0)
    read[2] = None
    chosen = choose_report(SITE, STATE, 0, read, [0, 0, 1, 0])
    assert chosen is not None
    assert (chosen[0], chosen[1].included, chosen[1].absent) == ("X", 0b1011, 0)


def test_a_new_sensor_is_reported_in_form_x() -> None:
    """A member of which nothing is known reports all its values in full."""
    state = State.initial(SITE, P0 - 1)
    read: list[int | None] = [60 * c.step for c in SITE.channels]
    read[3] = None
    chosen = choose_report(SITE, state, 0, read, [0, 0, 0, 1])
    assert chosen == ("X", Report(0, 0b0111, 0b1000, (60, 60, 60)))


# ---- windows


@settings(max_examples=100)
@given(st.tuples(*(st.integers(-47, 46) for _ in range(3))))
def test_a_receiver_one_window_off_reads_the_same(shift: tuple[int, int, int]) -> None:
    """A receiver whose values differ by less than a window and a half finds the sender's k."""
    chosen = choose_report(SITE, STATE, 0, off_by(5, 0, 0, 0), [0] * 4)
    assert chosen is not None
    form, report = chosen
    frame = seal_report(SITE, KEY, P0 + 12, form, report, 1)
    mine = STATE.copy()
    for c in range(3):
        # The receiver's nearest window is around its own value: kp' = k + shift.
        mine.value[0, c] = (report.k[c] + shift[c]) * SITE.channels[c].step
    assert open_report(SITE, KEY, P0 + 12, 0, mine, frame).report == report
    far = any(not -16 <= -d <= 15 for d in shift)
    if far:
        with pytest.raises(RefusedError, match="is authentic"):
            open_report(SITE, KEY, P0 + 12, 0, mine, frame, all_windows=False)


def test_order_of_windows() -> None:
    """The nearest window first, then -1, 0, +1 with the lowest channel turning fastest."""
    payload = encode_report(SITE, "S", Report(0, 7, 0, tuple(held(0)[:3])), 0)
    first, *others = [r.k for r in readings(SITE, STATE, 0, payload, all_windows=True)]
    assert list(first) == held(0)[:3]
    turns = [tuple((b - a) // 32 for a, b in zip(first, k, strict=True)) for k in others]
    assert turns[:4] == [(-1, -1, -1), (0, -1, -1), (1, -1, -1), (-1, 0, -1)]
    assert len(set(turns)) == 26
    digits = [sum((d + 1) * 3**i for i, d in enumerate(turn)) for turn in turns]
    assert digits == sorted(digits)


def test_no_window_leaves_int16() -> None:
    """At the end of the number range candidates beyond int16 are left out."""
    state = STATE.copy()
    state.value[0, 0] = 32767 * SITE.channels[0].step
    payload = encode_report(SITE, "S", Report(0, 7, 0, (32760, *held(0)[1:3])), 0)
    found = list(readings(SITE, state, 0, payload, all_windows=True))
    assert found[0].k[0] == 32760
    assert len(found) == 18
    assert all(-32768 <= k <= 32767 for r in found for k in r.k)


# ---- refusals


def sealed(payload: bytes, data: bytes, p: int = STATE.phase + 1) -> bytes:
    """A frame of member 0 with a good tag over whatever is given, by AES blocks alone."""
    key = era_key(KEY, SITE.field_id, SITE.era_of(p))
    iv = nonce(SITE, p, SITE.members[0].id, 1)

    def block(b: bytes) -> bytes:
        one = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  RFC 3610
        return one.update(b) + one.finalize()

    def xor(a: bytes, b: bytes) -> bytes:
        return bytes(x ^ y for x, y in zip(a, b, strict=False))

    # RFC 3610, section 2.2: flags 64 * Adata + 8 * (M - 2) / 2 + (L - 1), then CBC-MAC.
    mac = block(bytes([0x49]) + iv + len(payload).to_bytes(2, "big"))
    covered = len(data).to_bytes(2, "big") + data
    covered += bytes(-len(covered) % 16)
    covered += payload + bytes(-len(payload) % 16)
    for i in range(0, len(covered), 16):
        mac = block(xor(mac, covered[i : i + 16]))
    # Section 2.3: counter blocks with flags L - 1; block 0 hides the tag.
    counters = [block(bytes([1]) + iv + i.to_bytes(2, "big")) for i in range(2)]
    return xor(payload, counters[1]) + xor(mac[:4], counters[0])


def test_frames_are_ccm_as_the_rfc_writes_it() -> None:
    """The frame of a report equals one made from AES blocks by RFC 3610."""
    chosen = choose_report(SITE, STATE, 0, off_by(5, 0, 0, 0), [0] * 4)
    assert chosen is not None
    form, report = chosen
    payload = encode_report(SITE, form, report, 1)
    data = associated_data(len(payload), report.included, report.absent, report.k)
    frame = seal_report(SITE, KEY, STATE.phase + 1, form, report, 1)
    assert frame == sealed(payload, data)


def test_unused_bits_are_refused() -> None:
    """An authentic M (31 of 32 bits used) whose last bit is set is refused as reserved."""
    k = held(0)[:3]
    data = associated_data(4, 7, 0, k)
    payload = encode_report(SITE, "M", Report(0, 7, 0, tuple(k)), 0)
    p = STATE.phase + 1
    assert open_report(SITE, KEY, p, 0, STATE, sealed(payload, data)).report.k == tuple(k)
    spoilt = payload[:3] + bytes([payload[3] | 0x80])
    assert refusal(STATE, sealed(spoilt, data)) == Reason.RESERVED


def test_bits_of_an_absent_primary_are_unused() -> None:
    """A value where the receiver knows that there is none is refused as reserved."""
    state = STATE.copy()
    state.absent[0, 1] = True
    k = held(0)
    payload = encode_report(SITE, "S", Report(0, 7, 0, (k[0], k[1] | 1, k[2])), 0)
    frame = sealed(payload, associated_data(2, 5, 2, (k[0], k[2])))
    assert refusal(state, frame) == Reason.RESERVED


def test_overlapping_masks_are_refused() -> None:
    """An authentic X that includes a channel and calls it absent is refused as reserved."""
    bits = 0 | 0b0001 << 1 | 0b0001 << 5 | 7 << 9
    frame = sealed(bits.to_bytes(5, "little"), associated_data(5, 1, 1, (7,)))
    assert refusal(STATE, frame) == Reason.RESERVED


def test_mask_and_length_must_agree() -> None:
    """An X whose mask calls for another length cannot be authentic."""
    bits = 0 | 0b1111 << 1 | 7 << 9
    frame = sealed(bits.to_bytes(5, "little"), associated_data(5, 15, 0, (7,)))
    assert refusal(STATE, frame) == Reason.TAG


@settings(max_examples=60)
@given(st.integers(0, 47), st.integers(0, 3))
def test_a_flipped_bit_is_refused(bit: int, what: int) -> None:
    """A frame with any bit flipped, or of another phase, member or key, is not authentic."""
    report = Report(0, 7, 0, tuple(held(0)[:3]))
    p = STATE.phase + 1
    frame = seal_report(SITE, KEY, p, "S", report, 0)
    flipped = (int.from_bytes(frame, "little") ^ 1 << bit).to_bytes(6, "little")
    assert refusal(STATE, flipped) == Reason.TAG
    key = bytes(16) if what == 0 else KEY
    args = [(p, 0), (p + 4, 0), (p, 4), (p + SITE.phases_per_day, 0)][what]
    if what:
        with pytest.raises(RefusedError, match="is authentic"):
            open_report(SITE, key, *args, STATE, frame, all_windows=False)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused(frame: bytes) -> None:
    """No bytes make the decoder fail in another way than by refusing them."""
    with pytest.raises(RefusedError) as caught:
        open_report(SITE, KEY, P0, 0, STATE, frame, all_windows=False)
    assert caught.value.reason in {Reason.LENGTH, Reason.TAG}


def test_the_tag_proves_the_values_and_not_just_the_bits() -> None:
    """A receiver too far off to find k refuses the frame instead of taking another value."""
    report = Report(0, 7, 0, tuple(held(0)[:3]))
    frame = seal_report(SITE, KEY, STATE.phase + 1, "S", report, 0)
    mine = STATE.copy()
    mine.value[0, 0] += 49 * SITE.channels[0].step
    assert refusal(mine, frame) == Reason.TAG
