# SPDX-License-Identifier: Apache-2.0
"""The RELAY: what a relay heard, said again in a slot of its own; bits and seal (SPEC 6.6)."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag

from .bits import BitReader, BitWriter
from .frames import FRAME_MAX, TAG_BYTES, ccm_of, nonce
from .reasons import Reason, RefusedError
from .site import ECHO_WIDTH, RefSite

__all__ = [
    "COUNT_BITS",
    "RECORDS_MAX",
    "RECORD_AGE_MAX",
    "RELAY_BACK",
    "RELAY_MIN",
    "RELAY_THERE",
    "Relay",
    "RelayFragment",
    "RelayRecord",
    "decode_relay",
    "encode_relay",
    "open_relay",
    "record_bits",
    "relay_kind",
    "seal_relay",
]

RELAY_THERE, RELAY_BACK = 4, 5
"""Kinds of frames: in a relay slot below Z, in one from Z on, SPEC 6."""

RELAY_MIN = TAG_BYTES + 1
"""Shortest frame that is tried as a RELAY, SPEC 8. [B]"""

COUNT_BITS, AGE_BITS, SLOT_BITS = 4, 2, 5
RECORDS_MAX = 12
RECORD_AGE_MAX = 3
SCRIBE_CODES = (0, 14, 15)
"""What stands for the number of records if it is a fragment of the first, second, third scribe."""

NUMBER_BITS, LENGTH_BITS = 7, 12
FRAGMENT_HEAD_BYTES = 3


@dataclass(frozen=True)
class RelayRecord:
    """
    What a RELAY of phase p says of one report, SPEC 6.6.

    Attributes:
        age: It is about phase p - age. 0..3
        slot: Origin slot of its sender. 0..31
        low: 5 low bits of k of each PRIMARY channel, ascending; None if the record is full.
        included: Mask of the channels with a value; 0 unless the record is full.
        absent: Mask of the absent channels; 0 unless the record is full.
        k: Values of the included channels. [steps] int16
    """

    age: int
    slot: int
    low: tuple[int, ...] | None = None
    included: int = 0
    absent: int = 0
    k: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.age <= RECORD_AGE_MAX:
            raise ValueError(f"age = {self.age}: must be 0..{RECORD_AGE_MAX}")
        if not 0 <= self.slot < 1 << SLOT_BITS:
            raise ValueError(f"slot = {self.slot}: must be 0..31")
        if self.low is not None and (self.included or self.absent or self.k):
            raise ValueError(f"low = {self.low}: must be None beside masks and k")
        if any(not 0 <= x < 1 << ECHO_WIDTH for x in self.low or ()):
            raise ValueError(f"low = {self.low}: must be numbers 0..31")
        if len(self.k) != self.included.bit_count():
            raise ValueError(f"k = {self.k}: must have {self.included.bit_count()} values")


@dataclass(frozen=True)
class RelayFragment:
    """
    A fragment of a checkpoint in a RELAY, SPEC 6.6.

    Attributes:
        rank: Place of its scribe in the order of trial of SPEC 6.4. 0..2
        number: Its number. 0..127
        blob_bytes: Length of the whole blob. [B] 0..4095
        data: The fragment. 1..44 B
    """

    rank: int
    number: int
    blob_bytes: int
    data: bytes

    def __post_init__(self) -> None:
        for name, limit in (("rank", 3), ("number", 1 << NUMBER_BITS),
                            ("blob_bytes", 1 << LENGTH_BITS)):  # fmt: skip
            if not 0 <= (value := getattr(self, name)) < limit:
                raise ValueError(f"{name} = {value}: must be 0..{limit - 1}")
        if not 1 <= len(self.data) <= FRAME_MAX - TAG_BYTES - FRAGMENT_HEAD_BYTES:
            raise ValueError(f"data = {len(self.data)} B: must have 1..44")


@dataclass(frozen=True)
class Relay:
    """
    What a RELAY carries: 1..12 records, or one fragment.

    Attributes:
        records: The records in the order on air; empty if it is a fragment.
        fragment: The fragment; None if it is records.
    """

    records: tuple[RelayRecord, ...] = ()
    fragment: RelayFragment | None = None

    def __post_init__(self) -> None:
        n = len(self.records)
        if self.fragment and n:
            raise ValueError(f"records = {n}: must be 0 beside a fragment")
        if not self.fragment and not 1 <= n <= RECORDS_MAX:
            raise ValueError(f"records = {n}: must be 1..{RECORDS_MAX} without a fragment")


def record_bits(site: RefSite, record: RelayRecord) -> int:
    """Length of a record. [bit]"""
    head = AGE_BITS + SLOT_BITS + 1
    if record.low is not None:
        return head + ECHO_WIDTH * len(site.primaries)
    return head + 2 * site.n_channels + 16 * len(record.k)


def encode_relay(site: RefSite, relay: Relay) -> bytes:
    """
    The payload of a RELAY, before encryption, SPEC 6.6.

    Raises:
        ValueError: The site cannot carry it, or it would be longer than a frame may be.
    """
    out = BitWriter()
    if relay.fragment:
        out.put(SCRIBE_CODES[relay.fragment.rank], COUNT_BITS)
        out.put(relay.fragment.number, NUMBER_BITS)
        out.put(relay.fragment.blob_bytes, LENGTH_BITS)
        return out.to_bytes(FRAGMENT_HEAD_BYTES) + relay.fragment.data
    out.put(len(relay.records), COUNT_BITS)
    for record in relay.records:
        _put_record(site, out, record)
    payload = out.to_bytes()
    if len(payload) + TAG_BYTES > FRAME_MAX:
        raise ValueError(f"payload = {len(payload)} B: must be at most {FRAME_MAX - TAG_BYTES}")
    return payload


def _put_record(site: RefSite, out: BitWriter, record: RelayRecord) -> None:
    """Append one record."""
    out.put(record.age, AGE_BITS)
    out.put(record.slot, SLOT_BITS)
    out.put(record.low is None, 1)
    if record.low is not None:
        if len(record.low) != len(site.primaries):
            raise ValueError(f"low = {record.low}: must have {len(site.primaries)} numbers")
        for low in record.low:
            out.put(low, ECHO_WIDTH)
        return
    if max(record.included, record.absent) >> site.n_channels or record.included & record.absent:
        raise ValueError(f"masks = {record.included}, {record.absent}: must be of channels, apart")
    out.put(record.included, site.n_channels)
    out.put(record.absent, site.n_channels)
    for k in record.k:
        out.put(k, 16)


def decode_relay(site: RefSite, payload: bytes) -> Relay:
    """
    What the payload of an authentic RELAY says, SPEC 6.6.

    Raises:
        RefusedError: RESERVED: 13 records, a length that is not that of the content, a pad bit
            that is set, masks that overlap.
    """
    bits = BitReader(payload)
    try:
        n = bits.take(COUNT_BITS)
        if n in SCRIBE_CODES:
            return _take_fragment(SCRIBE_CODES.index(n), bits, payload)
        if n > RECORDS_MAX:
            raise RefusedError(Reason.RESERVED, f"n = {n}: means nothing")
        records = tuple(_take_record(site, bits) for _ in range(n))
    except EOFError as short:
        raise RefusedError(Reason.RESERVED, f"RELAY of {len(payload)} B: {short}") from None
    if bits.left >= 8 or not bits.rest_is_zero():
        raise RefusedError(Reason.RESERVED, f"RELAY of {len(payload)} B: unused bytes or bits")
    return Relay(records)


def _take_fragment(rank: int, bits: BitReader, payload: bytes) -> Relay:
    """The fragment of the scribe at place *rank*."""
    number, blob_bytes, pad = bits.take(NUMBER_BITS), bits.take(LENGTH_BITS), bits.take(1)
    data = payload[FRAGMENT_HEAD_BYTES:]
    if pad or not data:
        raise RefusedError(Reason.RESERVED, f"fragment {number}: pad bit set, or no data")
    return Relay(fragment=RelayFragment(rank, number, blob_bytes, data))


def _take_record(site: RefSite, bits: BitReader) -> RelayRecord:
    """The next record."""
    age, slot, full = bits.take(AGE_BITS), bits.take(SLOT_BITS), bits.take(1)
    if not full:
        return RelayRecord(age, slot, tuple(bits.take(ECHO_WIDTH) for _ in site.primaries))
    included, absent = bits.take(site.n_channels), bits.take(site.n_channels)
    k = tuple(bits.take_signed(16) for _ in range(included.bit_count()))
    if included & absent:
        raise RefusedError(Reason.RESERVED, f"masks {included}, {absent} of a record overlap")
    return RelayRecord(age, slot, None, included, absent, k)


# ---- the frame


def relay_kind(site: RefSite, r: int) -> int:
    """Kind of the frame in relay slot *r*, for the nonce, SPEC 6."""
    return RELAY_THERE if r < len(site.relays) else RELAY_BACK


def _nonce(site: RefSite, p: int, r: int) -> bytes:
    """The nonce of the RELAY of relay slot *r* of phase *p*."""
    return nonce(site, p, site.members[site.relay_of(r)].id, relay_kind(site, r))


def seal_relay(site: RefSite, key: bytes, p: int, r: int, relay: Relay) -> bytes:
    """The RELAY of relay slot *r* of phase *p* as it goes on air, SPEC 6.6."""
    return ccm_of(site, key, p).encrypt(_nonce(site, p, r), encode_relay(site, relay), None)


def open_relay(site: RefSite, key: bytes, p: int, r: int, frame: bytes) -> Relay:
    """
    Read a frame as the RELAY of relay slot *r* of phase *p*, SPEC 6.6.

    Raises:
        RefusedError: LENGTH, TAG, or RESERVED if it is authentic but breaks a rule.
    """
    if not RELAY_MIN <= len(frame) <= FRAME_MAX:
        raise RefusedError(Reason.LENGTH, f"{len(frame)} B: a RELAY has {RELAY_MIN}..{FRAME_MAX}")
    try:
        payload = ccm_of(site, key, p).decrypt(_nonce(site, p, r), frame, None)
    except InvalidTag:
        raise RefusedError(Reason.TAG, f"RELAY of slot {r} in phase {p}") from None
    return decode_relay(site, payload)
