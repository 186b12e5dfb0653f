# SPDX-License-Identifier: Apache-2.0
"""Vectors of relays as rows of isa/vectors.h."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from qres.core import ERRORS, FRAME_KINDS
from tests.core.vector_relay import is_of_a_blob, is_sent
from tests.core.vector_rig import site_of, unhex
from tests.firmware.vector_source_c import (
    Array,
    Blob,
    Code,
    Inline,
    Value,
    Want,
    steps_value,
)
from tests.firmware.vector_source_rows import Row, site_value
from tests.vectors.as_json import Json

__all__ = ["ROWS"]

Fields = tuple[Mapping[str, Value | int], tuple[str, ...]]
"""A structure's members, and which of them are expectations."""

KNOWN: Final = {
    "report": "RELAY_KNOWN_REPORT",
    "low": "RELAY_KNOWN_LOW",
    "frame": "RELAY_KNOWN_FRAME",
}
"""What is known of an entry of the log, as vectors.h names it."""


class _Named:
    """A name of vectors.h, and what the broken ones have in its place."""

    def __init__(self, name: str, *others: str) -> None:
        self.name, self.others = name, others

    def text(self, _source: object) -> str:
        """The name."""
        return self.name

    def broken(self) -> list[Value]:
        """The others."""
        return [Code(name) for name in self.others]


def _times(file: str, v: Json) -> Row:
    return {
        "site": site_value(file, v["site"]),
        "phase": v["phase"],
        "site_hash": Want(v["site_hash"]),
        "n_slots": len(v["relays"]),
        "relays": Want(Array("uint32_t", tuple(v["relays"]))),
        "starts_us": Want(Array("uint64_t", tuple(v["starts_us"]))),
        "commit_us": Want(v["commit_us"]),
    }


def _record(record: Json) -> Fields:
    row: dict[str, Value | int] = {"age": record["age"], "slot": record["slot"]}
    if "low" in record:
        row["low"] = sum(bits << 5 * at for at, bits in enumerate(record["low"]))
        return row | {"full": 0}, ("age", "slot", "full", "low")
    places = tuple(c for c in range(6) if record["included"] >> c & 1)
    k = [0] * 6
    for c, x in zip(places, record["k"], strict=True):
        k[c] = x
    row |= {"full": 1, "included": record["included"], "absent": record["absent"]}
    return row | {"k": Inline(tuple(k), places)}, (*row, "k")


def _open(file: str, v: Json) -> Row:
    row: Row = {
        "site": site_value(file, v["site"]),
        "key": Inline(tuple(unhex(v, "key"))),
        "phase": v["phase"],
        "relay_slot": v["relay_slot"],
        "frame": Blob(unhex(v, "frame")),
        "code": Want(-ERRORS.index(v.get("error", ""))),
    }
    if "error" in v:
        return row
    row["sent"] = int(is_sent(v))
    if "records" in v:
        records = [_record(record) for record in v["records"]]
        return row | {
            "n_records": len(records),
            "records": Want(steps_value(records, "relay_record")),
        }
    return row | {
        **{name: Want(v[name]) for name in ("rank", "number", "blob_bytes")},
        "data": Want(Blob(unhex(v, "data"))),
        "collected": int(is_of_a_blob(v)),
    }


def _step(site: Any, step: Json) -> Fields:
    if "commit" in step:
        row = {"what": Code("RELAY_COMMIT"), "phase": step["commit"], "digest": step["digest"]}
        return row, ("phase", "digest")
    if "relay_slot" in step:
        slot = {"slot": step["relay_slot"]}
        if step["frame_hex"] is None:
            return slot | {"what": _Named("RELAY_SILENT", "RELAY_SAY")}, ("what",)
        return slot | {"what": Code("RELAY_SAY"), "frame": Blob(unhex(step, "frame"))}, ("frame",)
    row = {
        "what": Code("RELAY_HEAR"),
        "at_us": step["rx_end_us"],
        "frame": Blob(unhex(step, "frame")),
        "code": -ERRORS.index(step["reason"]),
    }
    if step["reason"]:
        return row, ("code",)
    member = next(i for i, m in enumerate(site.members) if m.id == step["node"])
    heard = {"kind": FRAME_KINDS.index(step["kind"]), "member": member, "phase": step["phase"]}
    return row | heard, ("code", *heard)


def _entry(entry: list[Any]) -> Fields:
    phase, member, known, form_s, echoes, relayed = entry
    others = [c for name, c in KNOWN.items() if name != known]
    row: dict[str, Value | int] = {"phase": phase, "member": member}
    row |= {
        "known": _Named(KNOWN[known], *others),
        "is_s": int(bool(form_s)),
        "echoes": echoes,
        "relayed": int(relayed),
    }
    return row, tuple(row)


def _run(file: str, v: Json) -> Row:
    assert set(v["events"]) <= {"verified", "adopted", "missed"}, v["events"]
    site = site_of(file, v["site"])
    return {
        "site": site_value(file, v["site"]),
        "key": Inline(tuple(unhex(v, "key"))),
        "self": 255 if v["self"] is None else v["self"],
        "search": int(v["search"]),
        "first_phase": v["first_phase"],
        "n_steps": len(v["steps"]),
        "steps": Want(steps_value([_step(site, step) for step in v["steps"]], "relay_step")),
        "n_log": Want(len(v["log"])),
        "log": Want(steps_value([_entry(entry) for entry in v["log"]], "relay_entry")),
        "synced": Want(int(v["synced"])),
        **{name: Want(v["events"].get(name, 0)) for name in ("verified", "adopted", "missed")},
        "corr_us": Want(v["corr_us"]),
    }


ROWS: Final[dict[str, tuple[str, Callable[[str, Json], Row]]]] = {
    "relay_times": ("relay_times", _times),
    "relay_open": ("relay_open", _open),
    "relay_run": ("relay_run", _run),
}
"""By kind of vector: what its row is called in vectors.h, and what makes it of file and vector."""
