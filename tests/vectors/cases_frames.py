# SPDX-License-Identifier: Apache-2.0
"""Vectors of keys, nonces, BEACON, CHECKPOINT and their schedule (SPEC 6, 6.3, 6.4)."""

from __future__ import annotations

from collections.abc import Iterator

from qres.reference import (
    RefusedError,
    State,
    beacon_sender,
    cut,
    era_key,
    fragment_number,
    fragment_shape,
    nonce,
    open_beacon,
    open_fragment,
    scribe_of,
    seal_beacon,
    seal_fragment,
    stride,
)
from tests.vectors.as_json import Json, vector
from tests.vectors.cases_fold import DAY, SITES
from tests.vectors.fields import KEY, Lcg

__all__ = ["frame_vectors"]


def frame_vectors() -> Iterator[Json]:
    """All vectors of frames.json."""
    yield from _keys()
    yield from _beacons()
    yield from _fragments()
    yield from _checkpoints()
    yield from _schedule()


def _keys() -> Iterator[Json]:
    for n, (field_id, era) in enumerate(((1, 0), (0x5EED0001, 20_000), (0xFFFFFFFF, 20_001))):
        yield vector(f"key-{n:03}", "era_key", f"era {era} of field {field_id:#x}", "6",
                     key_hex=KEY.hex(), field_id=field_id, era=era,
                     era_key_hex=era_key(KEY, field_id, era).hex())  # fmt: skip
    for n, (name, p, sender, kind) in enumerate((
        ("tiny", 0, 10, 1), ("twelve", DAY * 96, 110, 2), ("coarse", 0xFFFFFFFF, 0, 3),
    )):  # fmt: skip
        yield vector(f"nonce-{n:03}", "nonce", f"kind {kind} of id {sender}", "6", site=name,
                     phase=p, sender_id=sender, frame_kind=kind,
                     nonce_hex=nonce(SITES[name], p, sender, kind).hex())  # fmt: skip


def _beacon(n: int, what: str, frame: bytes) -> Json:
    fields: Json = {"site": "twelve", "key_hex": KEY.hex(), "frame_hex": frame.hex()}
    try:
        beacon = open_beacon(SITES["twelve"], KEY, frame)
    except RefusedError as refused:
        fields["error"] = str(refused.reason)
    else:
        fields |= {"member": beacon.member, "phase": beacon.phase, "digest": beacon.digest}
    return vector(f"beacon-{n:03}", "beacon", what, "6.3", **fields)


def _beacons() -> Iterator[Json]:
    site = SITES["twelve"]
    p = DAY * 96 + 4
    good = seal_beacon(site, KEY, p, 1, 0xDEADBEEF)

    def changed(at: int, by: int) -> bytes:
        return good[:at] + bytes([good[at] ^ by]) + good[at + 1 :]

    cases = [
        ("of member 1", good),
        ("digest 0, the last member, the end of time", seal_beacon(site, KEY, 2**32 - 1, 11, 0)),
        ("of wire version 2", changed(0, 3)),
        ("of another site", changed(6, 1)),
        ("of an id that the site does not have", changed(1, 1)),
        ("said to be of another member", changed(1, 0x0A ^ 0x14)),
        ("said to be of the next phase", changed(2, 1)),
        ("another digest", changed(8, 1)),
        ("one bit of the tag", changed(15, 0x80)),
        ("one byte short", good[:-1]),
        ("under another key", seal_beacon(site, bytes(16), p, 1, 0xDEADBEEF)),
        ("first byte is not 0xB.", changed(0, 0x10)),
    ]
    for n, (what, frame) in enumerate(cases):
        yield _beacon(n, what, frame)


def _blob(n: int, seed: int) -> bytes:
    """Bytes that look like a blob."""
    lcg = Lcg(seed)
    return bytes(lcg.below(256) for _ in range(n))


def _fragments() -> Iterator[Json]:
    hand = b"\1" + bytes(43) + b"\1" + bytes(43)
    cases = [("two sources of a single 1", hand)]
    cases += [(f"{n} bytes", _blob(n, n)) for n in (1, 44, 45, 62, 300, 1000)]
    for n, (what, blob) in enumerate(cases):
        k, r, d = fragment_shape(len(blob))
        yield vector(f"fragments-{n:03}", "fragments", what, "6.4", blob_hex=blob.hex(), k=k, r=r,
                     d=d, fragments_hex=[f.hex() for f in cut(blob)])  # fmt: skip
    for n, size in enumerate((0, 2817)):
        yield vector(f"shape-{n:03}", "shape", "no blob has this length", "6.4",
                     blob_bytes=size, error="blob")  # fmt: skip
    k, r, d = fragment_shape(2816)
    yield vector("shape-002", "shape", "the longest blob", "6.4", blob_bytes=2816, k=k, r=r, d=d)


def _checkpoint(n: int, what: str, p: int, member: int, frame: bytes) -> Json:
    fields: Json = {
        "site": "twelve",
        "key_hex": KEY.hex(),
        "phase": p,
        "member": member,
        "frame_hex": frame.hex(),
    }
    try:
        j, blob_bytes, data = open_fragment(SITES["twelve"], KEY, p, member, frame)
    except RefusedError as refused:
        fields["error"] = str(refused.reason)
    else:
        fields |= {"number": j, "blob_bytes": blob_bytes, "data_hex": data.hex()}
    return vector(f"checkpoint-{n:03}", "checkpoint", what, "6.4", **fields)


def _checkpoints() -> Iterator[Json]:
    site = SITES["twelve"]
    p, blob = DAY * 96 + 1, _blob(300, 7)
    fragments = cut(blob)
    good = seal_fragment(site, KEY, p, 8, 0, len(blob), fragments[0])
    parity = seal_fragment(site, KEY, p + 2, 8, 10, len(blob), fragments[10])
    cases = [
        ("first source", p, 8, good),
        ("a parity fragment", p + 2, 8, parity),
        ("tried as another member", p, 9, good),
        ("tried in another phase", p + 1, 8, good),
        ("another number", p, 8, b"\1" + good[1:]),
        ("one bit of the data", p, 8, good[:9] + bytes([good[9] ^ 4]) + good[10:]),
        ("52 bytes", p, 8, good + bytes(52 - len(good))),
    ]
    for n, (what, phase, member, frame) in enumerate(cases):
        yield _checkpoint(n, what, phase, member, frame)


def _schedule() -> Iterator[Json]:
    for n, (name, n_fragments) in enumerate(
        (("twelve", 8), ("twelve", 40), ("coarse", 12), ("coarse", 82))
    ):
        site = SITES[name]
        first = site.era_start(DAY)
        phases = range(first, first + site.phases_per_day)
        sent = {p: fragment_number(site, p, n_fragments) for p in phases}
        yield vector(f"schedule-{n:03}", "schedule", "phase of each fragment, from B(E) on",
                     "6.3 and 6.4", site=name, era=DAY, n_fragments=n_fragments,
                     stride=stride(site, DAY, n_fragments),
                     beacons=[[p - first, b] for p in phases
                              if (b := beacon_sender(site, p)) is not None],
                     fragments=[[p - first, j] for p, j in sent.items()
                                if j is not None])  # fmt: skip
    site = SITES["twelve"]
    for n, stale in enumerate(([], [8], [8, 9, 10, 11], list(range(12)))):
        snapshot = State.initial(site, DAY * 96 - 1)
        snapshot.last_report[:] = DAY * 96
        snapshot.last_report[stale] = 0
        yield vector(f"scribe-{n:03}", "scribe", f"stale: {stale}", "6.4", site="twelve",
                     era=DAY, last_report=snapshot.last_report.tolist(),
                     scribe=scribe_of(site, snapshot, DAY))  # fmt: skip
