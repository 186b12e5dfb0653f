# SPDX-License-Identifier: Apache-2.0
"""The RELAY in the reference: site, slots, bits, refusals, what a relay says (SPEC 2, 3, 6.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qres.reference import (
    Entry,
    Key,
    Reason,
    RefSite,
    RefusedError,
    Relay,
    RelayFragment,
    RelayRecord,
    Report,
    choose_records,
    decode_relay,
    encode_relay,
    era_key,
    hash32,
    nonce,
    open_relay,
    seal_relay,
)
from qres.reference.bits import BitWriter
from qres.reference.relay import record_bits
from qres.reference.relay_slots import later_relay_slots, likely_relay_slots
from tests.vectors.fields import KEY, make_site, wide_channels
from tests.vectors.relay_net import relay_site

SITE = relay_site(12, (4, 1, 9))
PLAIN = replace(SITE, relays=())
WIDE = replace(make_site(2, channels=wide_channels()), relays=(1,))
P = 20_000 * SITE.phases_per_day + 8


# ---- site and time


def test_without_relays_nothing_changes() -> None:
    """No relays: hash, commit time and slots are those of a site that knows of none."""
    assert PLAIN.site_hash == make_site(12).site_hash
    assert PLAIN.relay_slots == 0
    assert PLAIN.commit_us(P) == PLAIN.slot_start_us(P, PLAIN.slots) + PLAIN.common_us


def test_site_hash_ends_with_the_relays_in_their_order() -> None:
    """Z and the indices are the last words, so the order of relays counts."""
    words = [1, PLAIN.field_id, PLAIN.epoch_s, PLAIN.range_m, 0, 0, 7, 125_000, 1, 8, 4]
    for c in PLAIN.channels:
        words += [c.tol, c.step, c.lo, c.hi, c.rho, c.flags, *c.w0]
    words.append(12)
    for m in PLAIN.members:
        words += [m.id, m.x_m, m.y_m, m.z_m, m.phase, m.slot]
    assert PLAIN.site_hash == hash32(words)
    assert SITE.site_hash == hash32([*words, 3, 4, 1, 9])
    assert replace(SITE, relays=(1, 4, 9)).site_hash != SITE.site_hash


def test_relay_slots_follow_the_common_slot_and_the_commit_follows_them() -> None:
    """2Z slots as long as the common one; the chain goes there and back."""
    common = SITE.slot_start_us(P, SITE.slots)
    starts = [SITE.relay_slot_start_us(P, r) for r in range(7)]
    assert starts == [common + (1 + r) * SITE.common_us for r in range(7)]
    assert SITE.commit_us(P) == starts[6]
    assert [SITE.relay_of(r) for r in range(6)] == [4, 1, 9, 9, 1, 4]


@pytest.mark.parametrize("relays", [(1, 1), (12,), (-1,), tuple(range(9))])
def test_relays_that_a_site_cannot_have(relays: tuple[int, ...]) -> None:
    """Twice the same, a member that does not exist, nine of them: refused by name."""
    with pytest.raises(ValueError, match="relay"):
        replace(SITE, relays=relays)


def test_a_site_whose_commit_would_come_too_late_is_refused() -> None:
    """Relay slots count: a site that fits without relays may not fit with eight."""
    slow = replace(make_site(12, epoch_s=300), sf=12, preamble_symbols=100)
    assert slow.commit_us(0) < slow.phase_us
    with pytest.raises(ValueError, match="commit_us"):
        replace(slow, relays=tuple(range(8)))


def test_order_of_trial() -> None:
    """The nearest relay slot, the one before, the one after; with search all others, by phase."""

    def accepts(p: int) -> bool:
        return p <= P

    def due(r: int) -> int:
        return SITE.relay_slot_start_us(P, r) + 100_000

    half = SITE.common_us // 2
    assert likely_relay_slots(SITE, due(2), accepts) == [(P, 2), (P, 1), (P, 3)]
    assert likely_relay_slots(SITE, due(2) - half, accepts)[0] == (P, 2)
    assert likely_relay_slots(SITE, due(2) - half - 1, accepts)[0] == (P, 1)
    assert likely_relay_slots(SITE, due(0), accepts) == [(P, 0), (P, 1)]
    assert likely_relay_slots(SITE, due(5), accepts) == [(P, 5), (P, 4)]
    assert likely_relay_slots(SITE, due(60), accepts) == [(P, 5), (P, 4)]
    assert likely_relay_slots(SITE, due(-1), accepts) == []
    assert likely_relay_slots(SITE, due(0), lambda _: False) == []
    assert likely_relay_slots(PLAIN, due(2), accepts) == []
    rest = [(P, r) for r in (0, 4, 5)] + [(P - 1, r) for r in range(6)]
    assert list(later_relay_slots(SITE, due(2), accepts)) == rest


# ---- bits


def records(site: RefSite) -> st.SearchStrategy[RelayRecord]:
    """Any record of a site."""
    n = site.n_channels
    low = st.tuples(*(st.integers(0, 31) for _ in site.primaries))
    k = st.lists(st.integers(-32768, 32767), min_size=n, max_size=n)
    lows = st.builds(RelayRecord, st.integers(0, 3), st.integers(0, 31), low)
    fulls = st.builds(
        lambda age, slot, included, absent, k: RelayRecord(
            age, slot, None, included, absent & ~included, tuple(k[: included.bit_count()])
        ),
        *(
            st.integers(0, 3),
            st.integers(0, 31),
            st.integers(0, 2**n - 1),
            st.integers(0, 2**n - 1),
        ),
        k,
    )
    return st.one_of(lows, fulls)


def relays(site: RefSite) -> st.SearchStrategy[Relay]:
    """Any RELAY of a site, perhaps too long."""
    some = st.lists(records(site), min_size=1, max_size=12).map(lambda r: Relay(tuple(r)))
    fragment = st.builds(
        RelayFragment,
        *(st.integers(0, 2), st.integers(0, 127), st.integers(0, 4095)),
        st.binary(min_size=1, max_size=44),
    )
    return st.one_of(some, fragment.map(lambda f: Relay(fragment=f)))


@pytest.mark.parametrize("site", [SITE, WIDE], ids=["table", "wide"])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_relay_comes_back_as_it_went(site: RefSite, data: st.DataObject) -> None:
    """Encoded and read, sealed and opened, a RELAY says the same; no frame exceeds 51 bytes."""
    relay = data.draw(relays(site))
    bits = 4 + sum(record_bits(site, r) for r in relay.records)
    if bits > 376:
        with pytest.raises(ValueError, match="payload"):
            encode_relay(site, relay)
        assume(False)
    payload = encode_relay(site, relay)
    assert relay.fragment or len(payload) == -(-bits // 8)
    assert decode_relay(site, payload) == relay
    for r in range(site.relay_slots):
        frame = seal_relay(site, KEY, P, r, relay)
        assert len(frame) == len(payload) + 4 <= 51
        assert open_relay(site, KEY, P, r, frame) == relay


def test_bits_by_hand() -> None:
    """A low record and a full one: the fields stand where SPEC 6.6 puts them, LSB first."""
    low = RelayRecord(1, 2, (3, 4, 5))
    full = RelayRecord(3, 31, None, 0b0101, 0b1000, (-1, 256))
    payload = int.from_bytes(encode_relay(SITE, Relay((low, full))), "little")
    hand = 2 | 1 << 4 | 2 << 6 | 0 << 11 | 3 << 12 | 4 << 17 | 5 << 22
    hand |= (3 | 31 << 2 | 1 << 7 | 0b0101 << 8 | 0b1000 << 12 | 0xFFFF << 16 | 256 << 32) << 27
    assert payload == hand
    fragment = Relay(fragment=RelayFragment(1, 82, 2816, b"\x01\x80"))
    assert (
        encode_relay(SITE, fragment)
        == (14 | 82 << 4 | 2816 << 11).to_bytes(3, "little") + b"\x01\x80"
    )


def test_the_longest_fragment_just_fits() -> None:
    """44 bytes of data make a frame of 51."""
    relay = Relay(fragment=RelayFragment(2, 0, 2816, bytes(44)))
    assert len(seal_relay(SITE, KEY, P, 0, relay)) == 51


def sealed(payload: bytes, p: int = P, r: int = 0, kind: int = 4, site: RefSite = SITE) -> bytes:
    """A good tag over any payload."""
    ccm = AESCCM(era_key(KEY, site.field_id, site.era_of(p)), tag_length=4)
    return ccm.encrypt(nonce(site, p, site.members[site.relay_of(r)].id, kind), payload, None)


def _bits(*fields: tuple[int, int], n: int | None = None) -> bytes:
    out = BitWriter()
    for value, width in fields:
        out.put(value, width)
    return out.to_bytes(n)


LOW_BITS = ((1, 2), (2, 5), (0, 1), (7, 15))
RESERVED = {
    "n = 13": _bits((13, 4), *LOW_BITS, n=4),
    "a record is cut off": _bits((2, 4), *LOW_BITS),
    "its first byte is missing": _bits((1, 4), (0, 4)),
    "a byte too many": _bits((1, 4), *LOW_BITS, n=5),
    "a pad bit": _bits((1, 4), *LOW_BITS, (1, 5)),
    "the last pad bit": _bits((1, 4), *LOW_BITS, (16, 5)),
    "masks overlap": _bits((1, 4), (1, 2), (2, 5), (1, 1), (3, 4), (2, 4), (0, 32), n=7),
    "values are cut off": _bits((1, 4), (1, 2), (2, 5), (1, 1), (3, 4), (0, 4), (0, 16)),
    "a fragment of no data": _bits((0, 4), (1, 7), (45, 12), n=3),
    "a fragment without length": _bits((15, 4), (1, 7), n=2),
    "a fragment with its pad bit": _bits((14, 4), (1, 7), (45, 12), (1, 1), n=30),
}


@pytest.mark.parametrize("payload", RESERVED.values(), ids=RESERVED)
def test_authentic_nonsense_is_reserved(payload: bytes) -> None:
    """Each rule of the payload that is broken under a good tag is `reserved`."""
    with pytest.raises(RefusedError) as caught:
        open_relay(SITE, KEY, P, 0, sealed(payload))
    assert caught.value.reason == Reason.RESERVED


def test_a_relay_belongs_to_one_slot_of_one_phase() -> None:
    """Another slot, also the other one of that relay, another phase or a flipped bit: `tag`."""
    frame = sealed(_bits((1, 4), *LOW_BITS))
    assert open_relay(SITE, KEY, P, 0, frame).records == (RelayRecord(1, 2, (7, 0, 0)),)
    wrong = [(P, 1, frame), (P, 5, frame), (P + 1, 0, frame), (P, 0, b"\1" + frame[1:])]
    for p, r, f in wrong:
        with pytest.raises(RefusedError) as caught:
            open_relay(SITE, KEY, p, r, f)
        assert caught.value.reason == Reason.TAG
    back = sealed(_bits((1, 4), *LOW_BITS), r=5, kind=5)
    assert len(open_relay(SITE, KEY, P, 5, back).records) == 1


@pytest.mark.parametrize("n", [0, 4, 52])
def test_lengths_that_no_relay_has(n: int) -> None:
    """Below 5 and above 51 bytes: `length`."""
    with pytest.raises(RefusedError) as caught:
        open_relay(SITE, KEY, P, 0, bytes(n))
    assert caught.value.reason == Reason.LENGTH


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: RelayRecord(4, 0, (0, 0, 0)), "age"),
        (lambda: RelayRecord(0, 32, (0, 0, 0)), "slot"),
        (lambda: RelayRecord(0, 0, (32, 0, 0)), "low"),
        (lambda: RelayRecord(0, 0, (0, 0, 0), 1, 0, (5,)), "low"),
        (lambda: RelayRecord(0, 0, None, 3, 0, (5,)), "k"),
        (lambda: RelayFragment(3, 0, 10, b"x"), "rank"),
        (lambda: RelayFragment(0, 128, 10, b"x"), "number"),
        (lambda: RelayFragment(0, 0, 4096, b"x"), "blob_bytes"),
        (lambda: RelayFragment(0, 0, 10, b""), "data"),
        (Relay, "records"),
        (lambda: Relay((RelayRecord(0, 0, (0, 0, 0)),) * 13), "records"),
        (lambda: Relay((RelayRecord(0, 0, (0,) * 3),), RelayFragment(0, 0, 1, b"x")), "records"),
        (lambda: encode_relay(SITE, Relay((RelayRecord(0, 0, (0, 0)),))), "low"),
        (lambda: encode_relay(SITE, Relay((RelayRecord(0, 0, None, 16, 0, (5,)),))), "masks"),
        (lambda: encode_relay(SITE, Relay((RelayRecord(0, 0, None, 1, 1, (5,)),))), "masks"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(make: object, text: str) -> None:
    """A record, fragment or RELAY outside its limits names the argument."""
    assert callable(make)
    with pytest.raises(ValueError, match=f"^{text} = "):
        make()


# ---- what a relay says


def _report(member: int, k: int = 40) -> Report:
    return Report(member, 0b0111, 0, (k,) * 3)


def test_records_in_order_oldest_first() -> None:
    """By phase, then member; none that is its own, undecoded, said, or older than 3."""
    log: dict[Key, Entry] = {
        (P - 4, 8): Entry("S", report=_report(8)),
        (P - 3, 9): Entry("S", report=_report(9, -1)),
        (P - 1, 3): Entry("S", low=(9, 8, 7)),
        (P - 1, 7): Entry("R", report=Report(7, 15, 0, (1, 2, 3, 4))),
        (P, 4): Entry("S", report=_report(4)),
        (P, 8): Entry("S", frame=bytes(6)),
        (P, 0): Entry("M", report=Report(0, 6, 1, (100, 200))),
        (P - 2, 2): Entry("S", report=_report(2), relayed=True),
        (P + 1, 1): Entry("S", report=_report(1)),
    }
    slots = [m.slot for m in SITE.members]
    assert list(choose_records(SITE, log, P, 4).items()) == [
        ((P - 3, 9), RelayRecord(3, slots[9], (31, 31, 31))),
        ((P - 1, 3), RelayRecord(1, slots[3], (9, 8, 7))),
        ((P - 1, 7), RelayRecord(1, slots[7], None, 15, 0, (1, 2, 3, 4))),
        ((P, 0), RelayRecord(0, slots[0], None, 6, 1, (100, 200))),
    ]


def test_the_first_record_that_does_not_fit_ends_the_frame() -> None:
    """Four full records of 80 bits fill 324 of 376 bits; a low one after them would have fitted."""
    big = relay_site(40, (0,))
    full = {(P, 4 * i): Entry("X", report=Report(4 * i, 15, 0, (1, 2, 3, 4))) for i in range(1, 6)}
    log = {**full, (P, 28): Entry("S", low=(0, 0, 0))}
    assert list(choose_records(big, log, P, 0)) == [(P, 4 * i) for i in range(1, 5)]


def test_at_most_twelve_records() -> None:
    """Twelve low ones, though a thirteenth would fit."""
    big = relay_site(80, (0,))
    log = {(P, 4 * i): Entry("S", low=(1, 2, 3)) for i in range(1, 20)}
    chosen = choose_records(big, log, P, 0)
    assert list(chosen) == [(P, 4 * i) for i in range(1, 13)]
    assert len(encode_relay(big, Relay(tuple(chosen.values())))) == 35
