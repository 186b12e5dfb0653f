# SPDX-License-Identifier: Apache-2.0
"""Checks of the vectors of report.json, echo.json and blob.json against the C core (SPEC 6, 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from qres import reference as ref
from qres._core import ffi, lib
from tests.core.vector_rig import (
    MISSED,
    PreparedNode,
    c_state_of,
    new_field,
    report_of,
    said,
    site_of,
    unhex,
)
from tests.qres.differential_rig import c_state, differences
from tests.vectors.as_json import Json, report_from_json, state_from_json

__all__ = ["CHECKS"]

OLDEST_ECHO: Final = 15
"""An echo is of a phase at most so long ago, SPEC 6.5."""


def check_decide(file: str, v: Json) -> None:
    """Samples to report, payload and frame, and back to the report."""
    site, field = site_of(file, v["site"]), new_field(file, v["site"])
    state, member = state_from_json(v["state"]), v["member"]
    samples = [MISSED if x is None else x for x in v["samples"]]
    decide = lib.qres_announce if v["introduce"] else lib.qres_decide
    report = ffi.new("qres_report *")
    padded = samples + [MISSED] * (6 - len(samples))
    length = decide(field, c_state_of(field, state), member, padded, v["missed"], report)

    node = PreparedNode(site, field, unhex(v, "key"), state, member)
    node.own_digest_is(v.get("digest_bit", 0))
    node.c.announced = 0 if v["introduce"] else 2
    for c, (x, missed) in enumerate(zip(samples, v["missed"], strict=True)):
        node.c.missed[c] = missed - (x == MISSED)  # this miss is still to come
    sent = node.open_phase(samples)
    if v["form"] is None:
        assert (length, sent) == (0, [])
        return
    assert form_of(field, length) == v["form"]
    assert report_of(report) == report_from_json(v["report"])
    payload = ffi.new("uint8_t[]", length)
    nothing = ffi.new("qres_echo *")  # to repeat
    assert lib.qres_report_encode(field, report, v["digest_bit"], nothing, payload, length) == 0
    assert bytes(payload) == unhex(v, "payload")
    assert sent == [(lib.QRES_FRAME_REPORT, unhex(v, "frame"))]
    heard = PreparedNode(site, field, unhex(v, "key"), state).hear(
        state.phase + 1, site.members[member].slot, unhex(v, "frame")
    )
    assert (heard.reason, heard.report) == ("", report_of(report))


def form_of(field: Any, payload_bytes: int) -> str:
    """The form that a length of payload stands for, SPEC 6.1."""
    short = {field.form_m: "M", field.form_r: "R", field.form_s: "S"}
    return "X" if payload_bytes >= field.form_x_min else short[payload_bytes]


def check_open(file: str, v: Json) -> None:
    """Frame to report or error: in its own slot all windows are tried, in the next only one."""
    site, field, p = site_of(file, v["site"]), new_field(file, v["site"]), v["phase"]
    state = state_from_json(v["state"]).copy(p - 1)
    node = PreparedNode(site, field, unhex(v, "key"), state)
    node.c.base.phase = p - 1 - OLDEST_ECHO  # so that what is repeated is accepted
    node.own_digest_is(0)
    slot = site.members[v["member"]].slot + (not v["all_windows"])
    heard = node.hear(p, slot, unhex(v, "frame"))
    assert heard.reason == said(field, v)
    if not heard.reason:
        assert (heard.kind, heard.phase) == (lib.QRES_FRAME_REPORT, p)
        assert heard.report == report_from_json(v["report"])
        assert node.c.counters.bits_compared == 1
        assert node.c.counters.bits_wrong == v["digest_bit"]
    if "echo" in v:
        assert restored(node, v["member"]) == repeated(site, p, v)


def restored(node: PreparedNode, sender: int) -> list[tuple[int, int, int]]:
    """Phase, member and low bits of the reports that a node knows from an echo."""
    entries = [e for e in node.log() if e.member != sender]
    assert all(e.raw_len == lib.QRES_LOG_ECHO and e.echoes == 1 for e in entries)
    return [(e.phase, e.member, int.from_bytes(bytes(e.u.raw), "little")) for e in entries]


def repeated(site: ref.RefSite, p: int, v: Json) -> list[tuple[int, int, int]]:
    """The same, as the vector's echo calls for: nothing of nobody, nothing of the sender."""
    echo = v["echo"]
    q = p - echo["age"]
    member = site.by_slot[q % 4].get(echo["slot"], v["member"])
    low = sum(bits << 5 * at for at, bits in enumerate(echo["low"]))
    return [] if echo["age"] == 0 or member == v["member"] else [(q, member, low)]


def check_blob(file: str, v: Json) -> None:
    """Blob to state and back, or refused."""
    site, field, blob = site_of(file, v["site"]), new_field(file, v["site"]), unhex(v, "blob")
    state, scratch = ffi.new("qres_state *"), ffi.new("qres_scratch *")
    code = lib.qres_blob_decode(field, v["era"], blob, len(blob), scratch, state)
    if "error" in v:
        assert (code, v["error"]) == (lib.QRES_ERR_BLOB, "blob")
        return
    assert code == 0
    assert differences(c_state(site, state), state_from_json(v["state"])) == []
    assert lib.qres_state_digest(field, state) == v["digest"]
    again = ffi.new("uint8_t[]", lib.QRES_BLOB_MAX)
    length = lib.qres_blob_encode(field, state, again, lib.QRES_BLOB_MAX)
    assert bytes(again)[:length].hex() == v.get("again_hex", v["blob_hex"])


CHECKS: Final[dict[str, Callable[[str, Json], None]]] = {
    "decide": check_decide,
    "open": check_open,
    "blob": check_blob,
}
