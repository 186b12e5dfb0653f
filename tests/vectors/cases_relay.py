# SPDX-License-Identifier: Apache-2.0
"""Vectors of relays: site and times, payloads, sealed frames, runs of a replica (SPEC 6.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from qres.reference import (
    Entry,
    Key,
    RefSite,
    RefusedError,
    Relay,
    RelayFragment,
    RelayRecord,
    Replica,
    encode_relay,
    era_key,
    nonce,
    open_relay,
    seal_relay,
)
from tests.vectors.as_json import Json, vector
from tests.vectors.fields import KEY, make_site, wide_channels
from tests.vectors.relay_net import RelayNet, relay_site
from tests.vectors.virtual_net import Sent

__all__ = ["RELAY_SITES", "entry_to_json", "relay_to_json", "relay_vectors"]

RELAY_SITES: dict[str, RefSite] = {
    "chain": relay_site(3, (1,)),
    "relays": relay_site(5, (4, 0, 2), echo=True, seed=2),
    "relay-wide": replace(make_site(2, channels=wide_channels(), seed=3), relays=(1, 0)),
}
"""Fields with relays that the vectors refer to by name."""

ERA = 20_001  # first scribe: of "chain" member 0, of "relays" member 1
FIRST = RELAY_SITES["chain"].era_start(ERA) + 4
LOW = RelayRecord(1, 0, (1, 2, 3))


def relay_vectors() -> Iterator[Json]:
    """All vectors of relay.json."""
    yield from _times()
    yield from _payloads()
    yield from _frames()
    yield from _runs()


def _times() -> Iterator[Json]:
    for n, (name, site) in enumerate(RELAY_SITES.items()):
        slots = range(site.relay_slots)
        yield vector(f"relay-times-{n:03}", "relay_times", "slots there and back, then the commit",
                     "2, 3 and 6.6", site=name, phase=FIRST, site_hash=site.site_hash,
                     relays=[site.relay_of(r) for r in slots],
                     starts_us=[site.relay_slot_start_us(FIRST, r) for r in slots],
                     commit_us=site.commit_us(FIRST))  # fmt: skip


# ---- payloads


def relay_to_json(relay: Relay) -> Json:
    """What a RELAY says: records (low, or masks and k) or a fragment."""
    if relay.fragment:
        f = relay.fragment
        return {"rank": f.rank, "number": f.number, "blob_bytes": f.blob_bytes,
                "data_hex": f.data.hex()}  # fmt: skip
    return {"records": [_record_to_json(r) for r in relay.records]}


def _record_to_json(record: RelayRecord) -> Json:
    head = {"age": record.age, "slot": record.slot}
    if record.low is not None:
        return head | {"low": list(record.low)}
    return head | {"included": record.included, "absent": record.absent, "k": list(record.k)}


def _sealed(site: RefSite, p: int, r: int, payload: bytes) -> bytes:
    """A good tag over any payload."""
    ccm = AESCCM(era_key(KEY, site.field_id, site.era_of(p)), tag_length=4)
    kind = 4 if r < len(site.relays) else 5
    return ccm.encrypt(nonce(site, p, site.members[site.relay_of(r)].id, kind), payload, None)


def _opened(n: int, what: str, name: str, r: int, payload: bytes, **how: Any) -> Json:
    site = RELAY_SITES[name]
    frame = how.get("frame", _sealed(site, FIRST, r, payload))
    fields: Json = {"site": name, "key_hex": KEY.hex(), "phase": FIRST, "relay_slot": r,
                    "payload_hex": payload.hex(), "frame_hex": frame.hex()}  # fmt: skip
    try:
        fields |= relay_to_json(open_relay(site, KEY, FIRST, r, frame))
    except RefusedError as refused:
        fields["error"] = str(refused.reason)
    return vector(f"relay-open-{n:03}", "relay_open", what, "6.6", **fields)


def _payloads() -> Iterator[Json]:
    full = RelayRecord(3, 31, None, 0b0101, 0b1000, (-32768, 32767))
    nothing = RelayRecord(0, 0, None, 0, 15, ())
    fragments = (
        RelayFragment(0, 0, 44, bytes(range(44))),
        RelayFragment(1, 127, 4095, b"x"),
        RelayFragment(2, 2, 100, bytes(range(34))),
    )
    high = replace(LOW, low=(31,) * 3)
    wide = RelayRecord(2, 1, None, 63, 0, (1, -2, 3, -4, 5, -6))
    cases = [
        ("one record of low bits", "chain", 0, Relay((LOW,))),
        ("the greatest low bits, on the way back", "chain", 1, Relay((high,))),
        ("a full record, a low one, one with nothing", "relays", 2, Relay((full, LOW, nothing))),
        ("twelve records", "relays", 4,
         Relay(tuple(replace(LOW, age=i % 4, slot=i) for i in range(12)))),
        ("three full records of six channels", "relay-wide", 0, Relay((wide,) * 3)),
        ("low bits of four primaries", "relay-wide", 3, Relay((replace(LOW, low=(1, 2, 4, 8)),))),
        *((f"a fragment of scribe {f.rank}", "relays", 1 + i, Relay(fragment=f))
          for i, f in enumerate(fragments)),
    ]  # fmt: skip
    for n, (what, name, r, relay) in enumerate(cases):
        yield _opened(n, what, name, r, encode_relay(RELAY_SITES[name], relay))


def _frames() -> Iterator[Json]:
    site = RELAY_SITES["chain"]
    low = encode_relay(site, Relay((LOW,)))
    good = _sealed(site, FIRST, 0, low)
    bits = int.from_bytes(low, "little")
    overlap = (1 | 1 << 11 | 3 << 12 | 2 << 16).to_bytes(7, "little")
    reserved = [
        ("13 records", bytes([low[0] & 0xF0 | 13]) + low[1:]),
        ("two records, of which one is there", bytes([low[0] + 1]) + low[1:]),
        ("nothing but a number", b"\1"),
        ("a byte too many", low + b"\0"),
        ("the first pad bit", (bits | 1 << 27).to_bytes(4, "little")),
        ("the last pad bit", (bits | 1 << 31).to_bytes(4, "little")),
        ("masks overlap", overlap),
        ("a value is cut off", overlap[:6]),
        ("a fragment without data", bytes(3)),
        ("a fragment without length", b"\x0e\0"),
        ("the pad bit of a fragment", b"\x0f\0\x80\1"),
    ]
    for n, (what, payload) in enumerate(reserved, 9):
        yield _opened(n, what, "chain", 0, payload)
    others = [
        ("one bit flipped", good[:1] + bytes([good[1] ^ 8]) + good[2:]),
        ("one bit of the tag", good[:-1] + bytes([good[-1] ^ 1])),
        ("of the phase before", seal_relay(site, KEY, FIRST - 1, 0, Relay((LOW,)))),
        ("under another key", seal_relay(site, bytes(16), FIRST, 0, Relay((LOW,)))),
    ]
    for n, (what, frame) in enumerate(others, 20):
        yield _opened(n, what, "chain", 0, low, frame=frame)


# ---- runs


def entry_to_json(key: Key, entry: Entry) -> list[Any]:
    """An entry of the log: phase, member, what is known, whether of form S, echoes, relayed."""
    known = "frame" if entry.frame is not None else "report" if entry.report else "low"
    form_s = None if entry.frame is not None else entry.form == "S"
    return [*key, known, form_s, entry.echoes, entry.relayed]


class _Run:
    """A replica that is driven step by step, and the notes of what it did."""

    def __init__(
        self, name: str, first: int, own: int | None = None, *, search: bool = False
    ) -> None:
        self.site = RELAY_SITES[name]
        self.one = Replica(self.site, KEY, own, first_phase=first, search=search)
        self.head: Json = {"site": name, "key_hex": KEY.hex(), "self": own, "search": search,
                           "first_phase": first}  # fmt: skip
        self.steps: list[Json] = []

    def hear(self, rx_end_us: int, frame: bytes) -> None:
        """A frame comes."""
        heard = self.one.hear(rx_end_us, frame)
        step: Json = {"rx_end_us": rx_end_us, "frame_hex": frame.hex(), "reason": heard.reason}
        if not heard.reason:
            step |= {"kind": heard.kind, "node": heard.node, "phase": heard.phase}
        self.steps.append(step)

    def say(self, r: int) -> None:
        """Its relay slot begins."""
        frame = self.one.relay_frame(r)
        self.steps.append({"relay_slot": r, "frame_hex": frame.hex() if frame else None})

    def commit(self) -> None:
        """The phase ends."""
        self.one.advance_to(self.one.next_phase)
        self.steps.append({"commit": self.one.state.phase, "digest": self.one.digest})

    def relay(self, r: int, relay: Relay, p: int | None = None, at: int | None = None) -> None:
        """A RELAY of slot *r* comes when it is due; *at*: in another slot."""
        p = self.one.next_phase if p is None else p
        frame = seal_relay(self.site, KEY, p, r, relay)
        start_us = self.site.relay_slot_start_us(self.one.next_phase, r if at is None else at)
        self.hear(start_us + 100_000 + self.site.airtime_us(len(frame)), frame)

    def to_json(self, n: int, what: str) -> Json:
        """The vector."""
        log = [entry_to_json(*item) for item in sorted(self.one.log.items())]
        return vector(f"relay-run-{n:03}", "relay_run", what, "6.6 and 8", **self.head,
                      steps=self.steps, log=log, synced=self.one.synced,
                      events=dict(self.one.events), corr_us=self.one.clock.corr_us)  # fmt: skip


def _in_sight(to: int, sent: Sent) -> bool:
    """The chain: neighbours by index; a listener hears the last of them."""
    return abs(to - sent.member) == 1


def _follow(run: _Run, sent: list[Sent], p: int, own: int | None, sources: set[int]) -> None:
    """What a replica that hears *sources* does in phase *p* of a field."""
    for s in sent:
        if s.phase == p and s.member in sources:
            run.hear(s.rx_end_us, s.frame)
        elif s.phase == p and s.member == own and s.kind == "relay":
            late_us = s.rx_end_us - run.site.relay_slot_start_us(p, 0)
            run.say(late_us // run.site.common_us)
    run.commit()


def _runs() -> Iterator[Json]:
    net = RelayNet(RELAY_SITES["chain"], FIRST, hears=_in_sight)
    net.run(10)
    listener, relay = _Run("chain", FIRST), _Run("chain", FIRST, 1)
    for p in range(FIRST, FIRST + 10):
        _follow(listener, net.sent, p, None, {1})
    yield listener.to_json(0, "a receiver that hears the relay alone: the third's REPORTs too")
    own = [s for s in net.sent if s.member != 1 or s.kind == "relay"]
    for p in range(FIRST, FIRST + 10):
        _follow(relay, own, p, 1, {0, 2})
    yield relay.to_json(1, "the relay, which has nothing to report itself")
    yield _checkpoint_run()
    yield _records_run()
    yield _fragment_run()
    yield _search_run()


def _checkpoint_run() -> Json:
    """A late one that hears the relay alone."""
    site = RELAY_SITES["chain"]
    midnight = site.era_start(ERA)
    net = RelayNet(site, midnight - 12, hears=_in_sight)
    net.run(40)
    run = _Run("chain", midnight - 1)
    for p in range(midnight - 1, midnight + 28):
        _follow(run, [s for s in net.sent if s.kind == "relay"], p, None, {1})
        if run.one.events:
            break
    return run.to_json(2, "a late one adopts the checkpoint that it hears from the relay alone")


def _records_run() -> Json:
    """What records do to a log, and duplicates."""
    run, slots = _Run("relays", FIRST, 3), RELAY_SITES["relays"].members
    full = RelayRecord(0, slots[0].slot, None, 15, 0, (80, 40, 12, 5))
    run.relay(1, Relay((replace(LOW, age=0, slot=1), full, replace(full, k=(0, 0, 0, 0)))))
    run.relay(2, Relay((replace(LOW, age=0, slot=1), replace(full, slot=1, k=(70, 41, 12, 5)))))
    run.relay(2, Relay((LOW,)))
    run.commit()
    run.relay(
        0, Relay((LOW, replace(LOW, age=0, slot=9), replace(LOW, age=2), replace(LOW, age=3)))
    )
    run.commit()
    run.commit()
    run.relay(5, Relay((replace(LOW, age=0), replace(full, age=3, slot=0), replace(full, age=1))))
    run.relay(5, Relay((LOW,)), FIRST + 2)
    run.relay(2, Relay((LOW,)), FIRST)
    run.commit()
    run.commit()
    return run.to_json(3, "records: new, known, replaced, of oneself, of nobody; duplicates")


def _fragment_run() -> Json:
    """What a relay holds; member 1 is the first scribe, 2 the second, 3 the third."""
    run = _Run("relays", FIRST, 2)

    def fragment(rank: int, number: int, n: int = 130) -> Relay:
        return Relay(
            fragment=RelayFragment(rank, number, n, bytes([number]) * -(-n // -(-n // 44)))
        )

    run.relay(0, fragment(2, 0))
    run.say(2)
    run.relay(1, fragment(2, 1))
    run.say(3)
    run.relay(4, fragment(2, 1))
    run.commit()
    run.relay(0, fragment(0, 3))
    run.relay(1, fragment(2, 2))
    run.say(2)
    run.say(3)
    run.commit()
    run.relay(0, fragment(1, 1))
    run.relay(1, fragment(0, 8))
    run.say(2)
    run.relay(4, fragment(0, 1, 100))
    run.commit()
    run.relay(0, fragment(0, 4))
    run.relay(1, Relay((replace(LOW, age=0),)))
    run.say(2)
    run.say(3)
    run.commit()
    return run.to_json(4, "fragments: held, said once, passed over, refused; a relay and scribe")


def _search_run() -> Json:
    """Times that are wrong, for a receiver that searches."""
    run = _Run("relays", FIRST, search=True)
    said = Relay((replace(LOW, age=0), replace(LOW, age=0, slot=1)))
    run.relay(0, said, at=1)
    run.relay(1, said, at=5)
    run.commit()
    run.relay(4, said, FIRST, at=-1)
    run.relay(5, said, FIRST + 2, at=-2)
    run.relay(3, said, FIRST - 1, at=2)
    frame = seal_relay(run.site, KEY, FIRST + 1, 0, said)
    start_us = run.site.slot_start_us(FIRST + 1, 0) + 100_000
    run.hear(start_us + run.site.airtime_us(len(frame)), frame)
    run.hear(start_us, frame[:4])
    run.commit()
    return run.to_json(5, "a search finds RELAYs at other times, in the phases beside too")
