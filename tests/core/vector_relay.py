# SPDX-License-Identifier: Apache-2.0
"""Checks of the vectors of relay.json against the C core (SPEC 6.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from qres._core import ffi, lib
from qres.core import ERRORS, FRAME_KINDS
from qres.reference import RefSite
from tests.core.vector_rig import PreparedNode, initial, new_field, site_of, unhex
from tests.qres.differential_rig import c_field, c_log
from tests.vectors.as_json import Json

__all__ = ["CHECKS", "is_of_a_blob", "is_sent"]

OLDEST: Final = 4
"""A record is of a phase less than that ago, SPEC 6.6."""


def _node(file: str, v: Json, own: int | None, first: int, *, search: bool) -> Any:
    """A node of the core that is about to commit phase *first*."""
    config = ffi.new("qres_config *")
    config.self = lib.QRES_NO_SLOT if own is None else own
    config.first_phase, config.search = first, search
    node = ffi.new("qres_node *")
    assert lib.qres_init(node, new_field(file, v["site"]), unhex(v, "key"), config) == 0
    return node


def check_times(file: str, v: Json) -> None:
    """Each relay may speak when its slots begin, not before; the commit comes after the last."""
    field, site = new_field(file, v["site"]), site_of(file, v["site"])
    assert field.site_hash == v["site_hash"]
    assert field.commit_us == v["commit_us"] - v["phase"] * site.phase_us
    action = ffi.new("qres_action *")
    for r, (member, start_us) in enumerate(zip(v["relays"], v["starts_us"], strict=True)):
        node = _node(file, v | {"key_hex": bytes(16).hex()}, member, v["phase"], search=False)
        z = len(v["relays"]) // 2
        if r >= z:  # its first slot has passed
            lib.qres_next(node, v["starts_us"][2 * z - 1 - r], action)
        lib.qres_next(node, start_us - 1, action)
        assert (action.kind, action.until_us) == (lib.QRES_DO_LISTEN, start_us), r


def is_sent(v: Json) -> bool:
    """Whether a relay would put the frame together so: the records go back in time."""
    ages = [record["age"] for record in v.get("records", [])]
    return ages == sorted(ages)


def is_of_a_blob(v: Json) -> bool:
    """Whether there is a blob that has such a fragment, SPEC 6.4."""
    size = v["blob_bytes"]
    if not 0 < size <= lib.QRES_BLOB_MAX:
        return False
    n_fragments = lib.qres_fragment_sources(size) + lib.qres_fragment_parities(size)
    d = -(-size // int(lib.qres_fragment_sources(size)))
    return bool(v["number"] < n_fragments and len(unhex(v, "data")) == d)


def check_open(file: str, v: Json) -> None:
    """A frame in its slot is taken with its content, once, and sent, or refused."""
    site, p, r = site_of(file, v["site"]), v["phase"], v["relay_slot"]
    field, frame, key = c_field(site), unhex(v, "frame"), unhex(v, "key")
    for n, record in enumerate(v.get("records", [])):  # each slot told of has a member of its own
        field.slot_member[(p - record["age"]) % 4][record["slot"]] = n
    node = PreparedNode(site, field, key, initial(site, p - 1))
    node.c.base.phase = p - 1 - OLDEST
    info = ffi.new("qres_heard_info *")
    end_us = site.relay_slot_start_us(p, r) + 100_000 + site.airtime_us(len(frame))
    code = lib.qres_heard(node.c, end_us, frame, len(frame), info)
    assert ERRORS[-code] == v.get("error", "")
    if code != 0:
        assert (info.kind, node.c.n_log) == (0, 0)
        return
    assert (info.kind, info.relay_slot) == (lib.QRES_FRAME_RELAY, r)
    assert (info.member, info.phase, info.offset_us) == (site.relay_of(r), p, 0)
    if "records" in v:
        assert_told(node, field, v)
    else:
        assert_collected(node, v)
    assert ERRORS[-lib.qres_heard(node.c, end_us, frame, len(frame), info)] == "duplicate"
    if is_sent(v):
        assert_sent(v, site, field)


def assert_told(node: PreparedNode, field: Any, v: Json) -> None:
    """The log is what the records say: the first of those of one phase and slot."""
    said: dict[tuple[int, int], Json] = {}
    for record in v["records"]:
        q = v["phase"] - record["age"]
        said.setdefault((q, field.slot_member[q % 4][record["slot"]]), record)
    log = {(e.phase, e.member): e for e in node.log()}
    assert node.c.counters.restored == len(log)
    assert log.keys() == said.keys()
    for at, record in said.items():
        entry = log[at]
        assert entry.echoes == 0
        if "low" in record:
            assert (entry.raw_len, entry.is_s) == (lib.QRES_LOG_ECHO, 1)
            assert int.from_bytes(bytes(entry.u.raw), "little") == packed(record["low"])
        else:
            assert (entry.raw_len, entry.is_s) == (0, 0)
            assert (entry.included, entry.absent) == (record["included"], record["absent"])
            k = [entry.u.k[c] for c in range(6) if entry.included >> c & 1]
            assert k == record["k"]


def packed(low: list[int]) -> int:
    """Low bits of the primaries, 5 each, the first lowest."""
    return sum(bits << 5 * at for at, bits in enumerate(low))


def assert_collected(node: PreparedNode, v: Json) -> None:
    """The fragment is the first one collected, or there is none."""
    collected, data = node.c.assembly, unhex(v, "data")
    assert collected.have == is_of_a_blob(v)
    if collected.have:
        assert (collected.order, collected.index[0]) == (v["rank"], v["number"])
        assert collected.len == v["blob_bytes"]
        assert bytes(collected.data[0])[: len(data)] == data


def assert_sent(v: Json, site: RefSite, field: Any) -> None:
    """A relay with that log, or that fragment, sends the frame, once."""
    p, r = v["phase"], v["relay_slot"]
    own = site.relay_of(r)
    node = PreparedNode(site, field, unhex(v, "key"), initial(site, p - 1), own)
    for n, record in enumerate(v.get("records", [])):
        log_record(node, p - record["age"], n + (n >= own), record)
    if "rank" in v:
        held, data = node.c.relaying, unhex(v, "data")
        held.order, held.number, held.blob_len = v["rank"], v["number"], v["blob_bytes"]
        held.era, held.held = site.era_of(p), len(data)
        ffi.memmove(held.data, data, len(data))
    action = ffi.new("qres_action *")
    lib.qres_next(node.c, site.relay_slot_start_us(p, r), action)
    assert (action.kind, action.frame_kind) == (lib.QRES_DO_TRANSMIT, lib.QRES_FRAME_RELAY)
    assert bytes(ffi.buffer(action.bytes, action.len)) == unhex(v, "frame")
    assert action.from_us == site.relay_slot_start_us(p, r) + 100_000
    lib.qres_next(node.c, site.relay_slot_start_us(p, r), action)
    assert action.kind == lib.QRES_DO_LISTEN


def log_record(node: PreparedNode, phase: int, member: int, record: Json) -> None:
    """Have a relay know of a report of *member*, whose slot the record names."""
    log = node.c.log
    at = sum(log[i].phase <= phase for i in range(node.c.n_log))
    for i in range(node.c.n_log, at, -1):
        log[i] = log[i - 1]
    node.c.n_log += 1
    entry = log[at]
    ffi.memmove(ffi.addressof(log, at), bytes(ffi.sizeof("qres_log_entry")), ffi.sizeof(entry))
    entry.phase, entry.member, entry.is_s = phase, member, "low" in record
    node.field.site.member[member].slot = record["slot"]
    if "low" in record:
        entry.raw_len = lib.QRES_LOG_ECHO
        ffi.memmove(entry.u.raw, packed(record["low"]).to_bytes(4, "little"), 4)
        return
    entry.included, entry.absent = record["included"], record["absent"]
    for c, x in zip((c for c in range(6) if entry.included >> c & 1), record["k"], strict=True):
        entry.u.k[c] = x


def check_run(file: str, v: Json) -> None:
    """What a replica hears, says and holds, step by step."""
    site = site_of(file, v["site"])
    node = _node(file, v, v["self"], v["first_phase"], search=v["search"])
    action, info = ffi.new("qres_action *"), ffi.new("qres_heard_info *")
    for step in v["steps"]:
        p, corr_us = int(node.live.phase) + 1, int(node.clock_corr_us)
        if "commit" in step:
            lib.qres_next(node, site.commit_us(p) - corr_us, action)
            assert (action.kind, p) == (lib.QRES_DID_COMMIT, step["commit"])
            assert lib.qres_digest(node) == step["digest"], p
        elif "relay_slot" in step:
            lib.qres_next(node, site.relay_slot_start_us(p, step["relay_slot"]) - corr_us, action)
            said = action.kind == lib.QRES_DO_TRANSMIT
            frame = bytes(ffi.buffer(action.bytes, action.len)).hex() if said else None
            assert frame == step["frame_hex"]
            due_us = site.relay_slot_start_us(p, step["relay_slot"]) + 100_000
            assert not said or action.from_us == due_us - corr_us
        else:
            frame_ = unhex(step, "frame")
            code = lib.qres_heard(node, step["rx_end_us"], frame_, len(frame_), info)
            assert ERRORS[-code] == step["reason"]
            if code == 0:
                node_id = site.members[info.member].id
                given = (step["kind"], step["node"], step["phase"])
                assert (FRAME_KINDS[info.kind], node_id, info.phase) == given
    lib.qres_settle(node)
    assert [[*key, *entry] for key, entry in sorted(c_log(node).items())] == v["log"]
    count = node.counters
    events = {"verified": count.verified, "adopted": count.adopted,
              "missed": count.missed_checkpoints}  # fmt: skip
    assert {name: n for name, n in events.items() if n} == v["events"]
    assert (bool(node.synced), int(node.clock_corr_us)) == (v["synced"], v["corr_us"])


CHECKS: Final[dict[str, Callable[[str, Json], None]]] = {
    "relay_times": check_times,
    "relay_open": check_open,
    "relay_run": check_run,
}
