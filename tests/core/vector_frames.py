# SPDX-License-Identifier: Apache-2.0
"""Checks of the vectors of frames.json against the C core (SPEC 6, 6.3 and 6.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from qres import reference as ref
from qres._core import ffi, lib
from tests.core.vector_rig import (
    IN_PART,
    MISSED,
    Heard,
    PreparedNode,
    initial,
    new_field,
    said,
    site_of,
    unhex,
)
from tests.qres.differential_rig import c_field
from tests.vectors.as_json import Json

__all__ = ["CHECKS"]


# ---- keys and nonces


def check_era_key(file: str, v: Json) -> None:
    """The key schedule that a node keeps for an era is that of the era's key."""
    site = replace(site_of(file, "tiny"), field_id=v["field_id"])
    p = site.era_start(v["era"]) + 2
    node = PreparedNode(site, c_field(site), unhex(v, "key"), initial(site, p - 1))
    assert node.hear(p, 0, bytes(6)).reason == "pending"  # of an unknown member, so it was tried
    expected = ffi.new("qres_aes128 *")
    lib.qres_aes128_init(expected, unhex(v, "era_key"))
    assert node.c.key_era[v["era"] % 2] == v["era"]
    assert list(node.c.key_schedule[v["era"] % 2].rk) == list(expected.rk)


def check_nonce(file: str, v: Json) -> None:
    """A frame that the core seals (REPORT) or opens (BEACON, CHECKPOINT) has this nonce."""
    site, field, p = site_of(file, v["site"]), new_field(file, v["site"]), v["phase"]
    key, iv, kind = bytes(range(16)), unhex(v, "nonce"), v["frame_kind"]
    member = next(i for i, m in enumerate(site.members) if m.id == v["sender_id"])
    ccm = AESCCM(ref.era_key(key, site.field_id, site.era_of(p)), tag_length=4)
    before = initial(site, (p - 1) % 2**32)
    node = PreparedNode(site, field, key, before, member if kind == lib.QRES_FRAME_REPORT else None)
    if kind == lib.QRES_FRAME_REPORT:
        [(_, frame)] = node.open_phase([20 << 16] * site.n_channels)
        k = [ref.clip16(ref.rdiv(20 << 16, channel.step)) for channel in site.channels]
        data = ref.associated_data(len(frame) - 4, (1 << site.n_channels) - 1, 0, k)
        assert ccm.decrypt(iv, frame, data)  # raises InvalidTag under another nonce
        return
    if kind == lib.QRES_FRAME_BEACON:
        head = bytes([0xB1, v["sender_id"]]) + p.to_bytes(4, "little")
        head += site.site_hash16.to_bytes(2, "little")
        frame = head + ccm.encrypt(iv, bytes(4), head)
    else:
        frame = b"\0" + ccm.encrypt(iv, (44).to_bytes(2, "little") + bytes(44), b"\0")
    heard = node.hear_common(p, frame)
    assert heard.kind == kind or heard.reason == "blob"  # 44 zeros are authentic, and no blob
    assert node.c.counters.refused[-lib.QRES_ERR_TAG] == 0


# ---- BEACON and CHECKPOINT


def check_beacon(file: str, v: Json) -> None:
    """A BEACON is taken with its digest, and sent, or refused with its reason."""
    site, field, frame = site_of(file, v["site"]), new_field(file, v["site"]), unhex(v, "frame")
    p = v.get("phase", ref.RefSite.era_start(site, 20_000) + 4)
    node = PreparedNode(site, field, unhex(v, "key"), initial(site, p - 1))
    node.own_digest_is(v.get("digest", 0))
    heard = node.hear_common(p, frame)
    assert heard.reason == said(field, v)
    if heard.reason:
        return
    assert (heard.kind, heard.member, heard.phase) == (lib.QRES_FRAME_BEACON, v["member"], p)
    counters = node.c.counters
    assert (counters.beacons_compared, counters.beacons_wrong) == (1, 0)
    other = PreparedNode(site, field, unhex(v, "key"), initial(site, p - 1))
    other.own_digest_is(v["digest"] ^ 0x8000_0000)
    other.hear_common(p, frame)
    assert other.c.counters.beacons_wrong == 1
    if v["id"] not in IN_PART:
        assert_beacon_sent(site, field, v)


def assert_beacon_sent(site: ref.RefSite, field: Any, v: Json) -> None:
    """Its sender sends the same header, and its own digest under the same key stream."""
    frame, p = unhex(v, "frame"), v["phase"]
    sender = PreparedNode(site, field, unhex(v, "key"), initial(site, p - 2), v["member"])
    assert sender.commit() == p - 1
    [mine] = [f for kind, f in sender.open_phase([MISSED]) if kind == lib.QRES_FRAME_BEACON]
    stream = int.from_bytes(frame[8:12], "little") ^ v["digest"]
    assert mine[:8] == frame[:8]
    assert int.from_bytes(mine[8:12], "little") ^ stream == lib.qres_digest(sender.c)
    receiver = PreparedNode(site, field, unhex(v, "key"), initial(site, p - 1))
    receiver.own_digest_is(lib.qres_digest(sender.c))
    assert receiver.hear_common(p, mine).reason == ""
    assert receiver.c.counters.beacons_wrong == 0


def check_fragments(_file: str, v: Json) -> None:
    """Blob to fragments; the last K of them, as frames, to the blob."""
    blob, k, r, d = unhex(v, "blob"), v["k"], v["r"], v["d"]
    assert lib.qres_fragment_sources(len(blob)) == k
    assert lib.qres_fragment_parities(len(blob)) == r
    data = ffi.new("uint8_t[44]")
    made = []
    for j in range(k + r):
        assert lib.qres_fragment(blob, len(blob), j, data) == d
        made.append(bytes(data)[:d].hex())
    assert made == v["fragments_hex"]
    assert lib.qres_fragment(blob, len(blob), k + r, data) == lib.QRES_ERR_INVALID
    heard, collected = hear_fragments(len(blob), dict(list(enumerate(made))[-k:]))
    if v["id"] in IN_PART:
        assert {h.kind for h in heard} == {0}
        return
    assert [h.reason for h in heard] == [""] * (k - 1) + ["blob"]  # bytes of chance are no blob
    assert collected == blob


def hear_fragments(blob_bytes: int, fragments: dict[int, str]) -> tuple[list[Heard], bytes]:
    """What a receiver makes of fragments of a blob, and what it put together."""
    file = "frames.json"
    site, key = site_of(file, "twelve"), bytes(range(16))
    p, member = site.era_start(20_000) + 1, 8
    node = PreparedNode(site, new_field(file, "twelve"), key, initial(site, p - 1))
    heard = []
    for j, data in fragments.items():
        frame = ref.seal_fragment(site, key, p, member, j, blob_bytes, bytes.fromhex(data))
        heard.append(node.hear_common(p, frame))
    return heard, bytes(ffi.buffer(node.c.blob, blob_bytes))


def check_shape(_file: str, v: Json) -> None:
    """Numbers of fragments; a length that no blob has can be neither cut nor announced."""
    size = v["blob_bytes"]
    data = ffi.new("uint8_t[44]")
    got = lib.qres_fragment(bytes(size), size, 0, data)
    if "error" in v:
        assert got == lib.QRES_ERR_INVALID
        heard, _ = hear_fragments(size, {0: bytes(44).hex()})
        assert [h.reason for h in heard] == [v["error"]]
        return
    assert got == v["d"]
    assert lib.qres_fragment_sources(size) == v["k"]
    assert lib.qres_fragment_parities(size) == v["r"]


def check_checkpoint(file: str, v: Json) -> None:
    """A CHECKPOINT is taken with its data, and sent, or refused with its reason."""
    site, field, p = site_of(file, v["site"]), new_field(file, v["site"]), v["phase"]
    frame, key = unhex(v, "frame"), unhex(v, "key")
    node = PreparedNode(site, field, key, initial(site, p - 1))
    heard = node.hear_common(p, frame)
    assert heard.reason == said(field, v)
    if "error" in v:
        assert heard.kind == 0 or heard.member != v["member"]
        return
    collected, data = node.c.assembly, unhex(v, "data")
    assert (heard.kind, heard.member, heard.phase) == (lib.QRES_FRAME_CHECKPOINT, v["member"], p)
    assert (collected.have, collected.index[0], collected.len) == (1, v["number"], v["blob_bytes"])
    assert bytes(collected.data[0])[: len(data)] == data
    if v["id"] not in IN_PART:
        assert v["number"] == 0  # so its data are the blob's first bytes
        scribe = PreparedNode(site, field, key, initial(site, p - 2), v["member"])
        give_blob(scribe, data.ljust(v["blob_bytes"], b"\0"), site.era_of(p))
        assert scribe.commit() == p - 1
        sent = [f for kind, f in scribe.open_phase([MISSED]) if kind == lib.QRES_FRAME_CHECKPOINT]
        assert sent == [frame]


def give_blob(node: PreparedNode, blob: bytes, era: int) -> None:
    """Make a node the scribe of an era with a blob that is not its own."""
    ffi.memmove(node.c.blob, blob, len(blob))
    node.c.blob_len, node.c.snap_era, node.c.snap_valid = len(blob), era, 1


def blob_bytes_of(n_fragments: int) -> int:
    """Length of a blob that makes so many fragments; 0 if none does."""
    for size in range(44, lib.QRES_BLOB_MAX + 1, 44):
        if lib.qres_fragment_sources(size) + lib.qres_fragment_parities(size) == n_fragments:
            return size
    return 0


def check_schedule(file: str, v: Json) -> None:
    """Who sends what in the common slots of a day: every member lives through it."""
    site, field = site_of(file, v["site"]), new_field(file, v["site"])
    first, size = site.era_start(v["era"]), blob_bytes_of(v["n_fragments"])
    beacons, fragments = [], []
    for member in range(site.n_members):
        node = PreparedNode(site, field, bytes(16), initial(site, first - 2), member)
        assert node.commit() == first - 1
        if member == 0:
            give_blob(node, bytes(size), v["era"])
        for at in range(site.phases_per_day):
            for kind, frame in node.open_phase([MISSED]):
                if kind == lib.QRES_FRAME_BEACON:
                    beacons.append([at, member])
                elif kind == lib.QRES_FRAME_CHECKPOINT:
                    fragments.append([at, frame[0]])
            node.commit()
    assert sorted(beacons) == v["beacons"]
    assert (size == 0) == (v["id"] in IN_PART)
    assert fragments == (v["fragments"] if size else [])


def check_scribe(file: str, v: Json) -> None:
    """Of all members just the scribe has a blob after the midnight."""
    site, field = site_of(file, v["site"]), new_field(file, v["site"])
    first = site.era_start(v["era"])
    before = initial(site, first - 2)
    before.absent[:] = False
    before.last_report[:] = [first - 1 if x else 0 for x in v["last_report"]]
    scribes = []
    for member in range(site.n_members):
        node = PreparedNode(site, field, bytes(16), before, member)
        node.commit()
        assert list(node.c.live.last_report)[: site.n_members] == v["last_report"]
        scribes += [member] if node.c.blob_len else []
    assert scribes == ([] if v["scribe"] is None else [v["scribe"]])


CHECKS: Final[dict[str, Callable[[str, Json], None]]] = {
    "era_key": check_era_key,
    "nonce": check_nonce,
    "beacon": check_beacon,
    "fragments": check_fragments,
    "shape": check_shape,
    "checkpoint": check_checkpoint,
    "schedule": check_schedule,
    "scribe": check_scribe,
}
