# SPDX-License-Identifier: Apache-2.0
"""Vectors of keys, frames, the checkpoint's way and ciphers as rows of isa/vectors.h."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from qres import reference as ref
from qres._core import lib
from tests.core.vector_frames import blob_bytes_of
from tests.core.vector_rig import IN_PART, TAKEN_AS_ANOTHERS, loaded, site_of, unhex
from tests.firmware.vector_source_c import Array, Blob, Inline, Want
from tests.firmware.vector_source_rows import Row, code_of, site_value, tiny_value
from tests.vectors.as_json import Json

__all__ = ["ROWS"]

KEY: Final = bytes(range(16))
SCRIBE: Final = 8
"""Who sends the fragments of vectors that name nobody, in phase 1 of era 20000 of the twelve."""

_FILE: Final = "frames.json"


def _key(v: Json, name: str = "key") -> Inline:
    return Inline(tuple(unhex(v, name)))


def _era_key(_file: str, v: Json) -> Row:
    return {
        "site": tiny_value(field_id=v["field_id"]),
        "key": _key(v),
        "era_key": Want(_key(v, "era_key")),
        "era": v["era"],
    }


def _nonce(file: str, v: Json) -> Row:
    plain = {name: int(v[name]) for name in ("phase", "sender_id", "frame_kind")}
    return {"site": site_value(file, v["site"]), **plain, "nonce": Want(_key(v, "nonce"))}


def _beacon(file: str, v: Json) -> Row:
    code = code_of(file, v)
    row: Row = {
        "site": site_value(file, v["site"]),
        "key": _key(v),
        "phase": v.get("phase", site_of(file, v["site"]).era_start(20_000) + 4),
        "frame": Blob(unhex(v, "frame")),
        "code": Want(code),
    }
    if code == 0:
        row |= {"member": Want(v["member"]), "digest": Want(v["digest"])}
        row["sent"] = int(v["id"] not in IN_PART)
    return row


def _checkpoint(file: str, v: Json) -> Row:
    row: Row = {
        "site": site_value(file, v["site"]),
        "key": _key(v),
        "phase": v["phase"],
        "frame": Blob(unhex(v, "frame")),
        "code": Want(code_of(file, v)),
    }
    if v["id"] == TAKEN_AS_ANOTHERS:  # a candidate before: what that one's vector says of it
        [good] = [
            x
            for x in loaded(file)["vectors"]
            if x["kind"] == "checkpoint" and "error" not in x and x["frame_hex"] == v["frame_hex"]
        ]
        assert good["member"] != v["member"]
        v = good
    if "error" in v:
        return row
    assert v["number"] == 0 or v["id"] in IN_PART, v["id"]
    return row | {
        "member": Want(v["member"]),
        "number": Want(v["number"]),
        "blob_bytes": Want(v["blob_bytes"]),
        "data": Want(Blob(unhex(v, "data"))),
        "sent": int(v["id"] not in IN_PART),
    }


def _fragments(_file: str, v: Json) -> Row:
    site, blob, joined = site_of(_FILE, "twelve"), unhex(v, "blob"), v["id"] not in IN_PART
    phase = site.era_start(20_000) + 1
    made = [bytes.fromhex(x) for x in v["fragments_hex"]]
    frames = [
        ref.seal_fragment(site, KEY, phase, SCRIBE, j, len(blob), data)
        for j, data in list(enumerate(made))[-v["k"] :]
    ]
    [frame_bytes] = {len(frame) for frame in frames}
    return {
        "site": site_value(_FILE, "twelve"),
        "blob": Blob(blob),
        "k": Want(v["k"]),
        "r": Want(v["r"]),
        "d": Want(v["d"]),
        "fragments": Want(Blob(b"".join(made))),
        "key": Inline(tuple(KEY)),
        "phase": phase,
        "frame_bytes": frame_bytes,
        "frames": Blob(b"".join(frames)),
        "joined": Want(int(joined)),
    }


def _shape(_file: str, v: Json) -> Row:
    size, site = v["blob_bytes"], site_of(_FILE, "twelve")
    row: Row = {"site": site_value(_FILE, "twelve"), "blob_bytes": size}
    if "error" not in v:
        return row | {"k": Want(v["k"]), "r": Want(v["r"]), "d": Want(v["d"])}
    assert v["error"] == "blob", v["id"]
    phase = site.era_start(20_000) + 1
    frame = ref.seal_fragment(site, KEY, phase, SCRIBE, 0, size, bytes(44))
    return row | {
        "code": Want(int(lib.QRES_ERR_BLOB)),
        "key": Inline(tuple(KEY)),
        "phase": phase,
        "frame": Blob(frame),
    }


def _schedule(file: str, v: Json) -> Row:
    site, size = site_of(file, v["site"]), blob_bytes_of(v["n_fragments"])
    assert (size == 0) == (v["id"] in IN_PART), v["id"]
    beacons, fragments = ([255] * site.phases_per_day for _ in range(2))
    for at, member in v["beacons"]:
        beacons[at] = member
    for at, j in v["fragments"] if size else []:
        fragments[at] = j
    return {
        "site": site_value(file, v["site"]),
        "era": v["era"],
        "blob_len": size,
        "beacons": Want(Blob(bytes(beacons))),
        "fragments": Want(Blob(bytes(fragments))),
    }


def _scribe(file: str, v: Json) -> Row:
    return {
        "site": site_value(file, v["site"]),
        "era": v["era"],
        "last_report": Array("uint32_t", tuple(v["last_report"])),
        "scribe": Want(255 if v["scribe"] is None else v["scribe"]),
    }


def _hex(v: Json, name: str) -> bytes:
    return bytes.fromhex(v[name]) * (v.get("aad_repeat", 1) if name == "aad" else 1)


def _block(_file: str, v: Json) -> Row:
    key, plain, cipher = (
        Inline(tuple(_hex(v, name))) for name in ("key", "plaintext", "ciphertext")
    )
    return {"key": key, "plaintext": plain, "ciphertext": Want(cipher)}


def _ccm(_file: str, v: Json) -> Row:
    assert len(_hex(v, "plaintext")) <= lib.QRES_BLOB_MAX, f"{v['id']}: rig_buffer is too short"
    return {
        "key": Inline(tuple(_hex(v, "key"))),
        **{name: Blob(_hex(v, name)) for name in ("nonce", "aad", "plaintext")},
        **{name: Want(Blob(_hex(v, name))) for name in ("ciphertext", "tag")},
    }


def _invalid(_file: str, v: Json) -> Row:
    return {
        "key": Inline(tuple(_hex(v, "key"))),
        **{name: Blob(_hex(v, name)) for name in ("nonce", "aad", "ciphertext", "tag")},
        "error": Want(int(getattr(lib, v["error"]))),
    }


ROWS: Final[dict[str, tuple[str, Callable[[str, Json], Row]]]] = {
    "era_key": ("era_key", _era_key),
    "nonce": ("nonce", _nonce),
    "beacon": ("beacon", _beacon),
    "checkpoint": ("checkpoint", _checkpoint),
    "fragments": ("fragments", _fragments),
    "shape": ("shape", _shape),
    "schedule": ("schedule", _schedule),
    "scribe": ("scribe", _scribe),
    "block": ("block", _block),
    "ccm": ("ccm", _ccm),
    "invalid": ("invalid", _invalid),
}
"""By kind of vector: what its row is called in vectors.h, and what makes it of file and vector."""
