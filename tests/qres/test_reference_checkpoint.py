# SPDX-License-Identifier: Apache-2.0
"""Blobs, fragments, beacons and their schedule in the reference (SPEC 6.3, 6.4, 7)."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qres.reference import (
    Reason,
    RefusedError,
    State,
    beacon_sender,
    bfp,
    blob_decode,
    blob_encode,
    cut,
    digest,
    fragment_number,
    fragment_shape,
    join,
    open_beacon,
    open_fragment,
    scribe_of,
    seal_beacon,
    seal_fragment,
    stride,
)
from tests.vectors.fields import KEY, make_site, run_field

SITE = make_site(12)
ERA = 20_001
FIRST = SITE.era_start(ERA)
SNAPSHOT = run_field(SITE, State.initial(SITE, FIRST - 14), 13, 9, lose=10**6)[-1][1]
BLOB = blob_encode(SITE, SNAPSHOT)

seeds = st.integers(0, 2**32 - 1)


def refusal_of(blob: bytes) -> Reason:
    """Why a blob is refused."""
    with pytest.raises(RefusedError) as caught:
        blob_decode(SITE, blob, ERA)
    return caught.value.reason


# ---- blob


@settings(max_examples=40)
@given(seeds, st.integers(1, 13), st.integers(1, 30), st.integers(2, 100))
def test_a_blob_carries_a_snapshot_exactly(seed: int, n: int, n_phases: int, lose: int) -> None:
    """Decoding gives the snapshot's digest, encoding again the same bytes; all members or few."""
    site = make_site(n, seed=seed % 99)
    start = State.initial(site, FIRST - 1 - n_phases)
    snapshot = run_field(site, start, n_phases, seed, lose=lose)[-1][1]
    blob = blob_encode(site, snapshot)
    decoded = blob_decode(site, blob, ERA)
    assert digest(decoded) == digest(snapshot)
    assert blob_encode(site, decoded) == blob


def test_a_weight_at_its_clip_survives() -> None:
    """0.95 in Q24 becomes 31130 * 2^9 = 15938560, above the clip itself, and is still valid."""
    snapshot = SNAPSHOT.copy()
    snapshot.e[0], snapshot.q[0] = bfp([15_938_355, 15_938_355, 0, 0])
    assert (int(snapshot.e[0]), snapshot.q[0].tolist()) == (9, [31130, 31130, 0, 0])
    decoded = blob_decode(SITE, blob_encode(SITE, snapshot), ERA)
    assert decoded.q[0].tolist() == [31130, 31130, 0, 0]


def test_an_untidy_state_is_not_encoded() -> None:
    """Values between the steps would be lost, so they are refused."""
    state = SNAPSHOT.copy()
    i = int((~state.absent[:, 0]).argmax())
    state.last[i, 0] += 1
    with pytest.raises(ValueError, match="must be a multiple of 16384 in a snapshot"):
        blob_encode(SITE, state)


def decoded(blob: bytes) -> State | Reason:
    """The state in a blob, or why it is refused."""
    try:
        return blob_decode(SITE, blob, ERA)
    except RefusedError as refused:
        return refused.reason


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(blob: bytes) -> None:
    """A blob of any bytes gives a state within its types, or is refused as blob."""
    for candidate in (blob, b"\1" + blob, BLOB[:40] + blob):
        got = decoded(candidate)
        if isinstance(got, State):
            assert (abs(got.value) < 2**31).all()
            assert (abs(got.q) <= 32768).all()
        else:
            assert got == Reason.BLOB


@given(st.integers(0, 8 * len(BLOB) - 1))
def test_a_flipped_bit_never_passes_unnoticed(bit: int) -> None:
    """A blob with one bit flipped is refused, or decodes to a state with another digest."""
    got = decoded((int.from_bytes(BLOB, "little") ^ 1 << bit).to_bytes(len(BLOB), "little"))
    if isinstance(got, State):
        assert digest(got) != digest(SNAPSHOT)
    else:
        assert got == Reason.BLOB


@pytest.mark.parametrize(
    ("what", "blob"),
    [
        ("empty", b""),
        ("other version", b"\2" + BLOB[1:]),
        ("one byte short", BLOB[:-1]),
        ("one byte long", BLOB + b"\0"),
        ("exponent 13", BLOB[:1] + bytes([BLOB[1] & 0xF0 | 13]) + BLOB[2:]),
        ("w1 below 0", BLOB[:2] + bytes([BLOB[2], BLOB[3] | 0x08]) + BLOB[4:]),
    ],
)
def test_invalid_blobs(what: str, blob: bytes) -> None:
    """Each rule of SPEC 7 for decoders refuses what breaks it."""
    assert refusal_of(blob) == Reason.BLOB, what


# ---- fragments


@settings(max_examples=40)
@given(st.integers(1, 2816), seeds, st.randoms(use_true_random=False))
def test_any_k_fragments_restore_the_blob(n: int, seed: int, chance: Random) -> None:
    """Of K + R fragments any K restore the blob, whichever are lost."""
    blob = bytes((seed + i * i * 7 + i // 13) % 256 for i in range(n))
    k, r, d = fragment_shape(n)
    fragments = cut(blob)
    assert len(fragments) == k + r
    assert {len(f) for f in fragments} == {d}
    assert d <= 44
    kept = chance.sample(range(k + r), k)
    assert join(n, {j: fragments[j] for j in kept}) == blob


def test_fewer_than_k_are_not_enough() -> None:
    """One fragment less than K is refused, and so are blobs without bytes or beyond 2816."""
    fragments = dict(enumerate(cut(BLOB)))
    k, _, _ = fragment_shape(len(BLOB))
    with pytest.raises(RefusedError, match=f"{k - 1} fragments: {k} are needed"):
        join(len(BLOB), {j: fragments[j] for j in range(k - 1)})
    for n in (0, 2817):
        with pytest.raises(RefusedError, match=r"must have 1\.\.2816"):
            fragment_shape(n)


def test_first_parity_by_hand() -> None:
    """
    Two sources 1 and 1, parity 0 = 1 / 128 + 1 / 129.

    In GF(256) modulo 0x11D, 2^8 = 0x1D; the inverses are found here by trial, in bit arithmetic.
    """

    def times(a: int, b: int) -> int:
        product = 0
        for i in range(8):
            product ^= (a << i) * (b >> i & 1)
        for i in range(14, 7, -1):
            product ^= (0x11D << (i - 8)) * (product >> i & 1)
        return product

    inverse = {x: next(y for y in range(256) if times(x, y) == 1) for x in (128, 129)}
    blob = b"\1" + bytes(43) + b"\1" + bytes(43)
    assert cut(blob)[2][0] == inverse[128] ^ inverse[129]


def test_fragment_frames() -> None:
    """A CHECKPOINT frame opens for its sender and phase only, with any bit flipped for nobody."""
    fragments = cut(BLOB)
    frame = seal_fragment(SITE, KEY, FIRST + 1, 2, 1, len(BLOB), fragments[1])
    assert len(frame) == 7 + len(fragments[1]) <= 51
    assert open_fragment(SITE, KEY, FIRST + 1, 2, frame) == (1, len(BLOB), fragments[1])
    wrong = [(FIRST + 2, 2, frame), (FIRST + 1, 3, frame)]
    for bit in range(0, 8 * len(frame), 5):
        flipped = int.from_bytes(frame, "little") ^ 1 << bit
        wrong.append((FIRST + 1, 2, flipped.to_bytes(len(frame), "little")))
    for p, member, bad in wrong:
        with pytest.raises(RefusedError) as caught:
            open_fragment(SITE, KEY, p, member, bad)
        assert caught.value.reason == Reason.TAG


# ---- schedule


@settings(max_examples=40)
@given(
    st.sampled_from([300, 320, 384, 400, 480, 600, 720, 900, 960, 1200, 1800, 2160, 2400, 3600]),
    st.integers(1, 82),
    st.integers(19_000, 22_000),
)
def test_fragments_are_sent_once_and_in_order(epoch_s: int, n_fragments: int, era: int) -> None:
    """Each fragment has one phase of its era, a stride apart, never one of a beacon."""
    site = make_site(4, epoch_s=epoch_s)
    first = site.era_start(era)
    phases = range(first, first + site.phases_per_day)
    sent = [(p, j) for p in phases if (j := fragment_number(site, p, n_fragments)) is not None]
    quiet = [p for p in phases if beacon_sender(site, p) is None]
    step = stride(site, era, n_fragments)
    room = -(-len(quiet) // step)
    assert [j for _, j in sent] == list(range(min(n_fragments, room)))
    assert [p for p, _ in sent] == quiet[::step][:n_fragments]
    assume(len(quiet) >= 2 * n_fragments)
    assert len(sent) == n_fragments
    assert sent[-1][0] < first + site.phases_per_day


@settings(max_examples=40)
@given(
    st.sampled_from([300, 600, 900, 1800, 3600]), st.integers(1, 36), st.integers(19_000, 22_000)
)
def test_two_neighbours_as_scribes_share_the_day(epoch_s: int, n_fragments: int, era: int) -> None:
    """The era's own member and the next one both send every fragment, and never in one phase."""
    site = make_site(5, epoch_s=epoch_s)
    first = site.era_start(era)
    phases = range(first, first + site.phases_per_day)
    sent = [
        {p: j for p in phases if (j := fragment_number(site, p, n_fragments, scribe)) is not None}
        for scribe in (era % 5, (era + 1) % 5)
    ]
    assert [list(s.values()) for s in sent] == [list(range(n_fragments))] * 2
    assert not sent[0].keys() & sent[1].keys()
    own = {p: fragment_number(site, p, n_fragments) for p in phases}
    assert sent[0] == {p: j for p, j in own.items() if j is not None}


def test_beacons_go_round() -> None:
    """Once an hour, one member after the other."""
    hour = SITE.beacon_every
    assert hour == 4
    senders = [beacon_sender(SITE, p) for p in range(0, 52, hour)]
    assert senders == [*range(12), 0]
    assert [p for p in range(FIRST, FIRST + 8) if beacon_sender(SITE, p) is not None] == [
        FIRST,
        FIRST + 4,
    ]


def test_the_scribe_is_the_first_that_is_alive() -> None:
    """The era's own member, or the next in cyclic order that is not stale."""
    snapshot = SNAPSHOT.copy()
    snapshot.last_report[:] = FIRST
    assert scribe_of(SITE, snapshot, ERA) == ERA % 12 == 9
    snapshot.last_report[9:] = 0
    assert scribe_of(SITE, snapshot, ERA) == 0
    snapshot.last_report[:] = 0
    assert scribe_of(SITE, snapshot, ERA) is None


# ---- beacon


def test_beacon_frame() -> None:
    """A BEACON says its phase in the clear and opens to its sender and digest."""
    frame = seal_beacon(SITE, KEY, FIRST, 3, 0xDEADBEEF)
    assert len(frame) == 16
    assert frame[:2] == bytes([0xB1, SITE.members[3].id])
    assert int.from_bytes(frame[2:6], "little") == FIRST
    beacon = open_beacon(SITE, KEY, frame)
    assert (beacon.member, beacon.phase, beacon.digest) == (3, FIRST, 0xDEADBEEF)


@given(st.integers(0, 127))
def test_a_beacon_with_a_flipped_bit(bit: int) -> None:
    """Every bit of a BEACON is checked, by version, site or tag."""
    frame = seal_beacon(SITE, KEY, FIRST, 3, 0xDEADBEEF)
    flipped = (int.from_bytes(frame, "little") ^ 1 << bit).to_bytes(16, "little")
    with pytest.raises(RefusedError) as caught:
        open_beacon(SITE, KEY, flipped)
    expected = {Reason.TAG}
    if bit < 4:
        expected = {Reason.VERSION}
    elif 8 <= bit < 16:
        expected = {Reason.SITE, Reason.TAG}
    elif 48 <= bit < 64:
        expected = {Reason.SITE}
    assert caught.value.reason in expected
