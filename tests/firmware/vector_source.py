# SPDX-License-Identifier: Apache-2.0
"""
The core's vectors as C constants, for machines without files: isa/vectors.h has the types.

    python -m tests.firmware.vector_source OUTPUT.c [--broken]

`--broken` changes one expectation, so that the run must fail.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from qres._core import ffi, lib
from qres.core import ERRORS
from tests.core.vector_rig import (
    ALL,
    MISSED,
    c_reports,
    c_state_of,
    loaded,
    new_field,
    said,
    site_of,
    unhex,
)
from tests.vectors.as_json import Json, report_from_json, state_from_json

__all__ = ["vector_source"]

NUMBERS: Final = {
    "rsh": (0, "x", "n"),
    "rdiv": (1, "a", "b"),
    "isqrt": (2, "x", None),
    "kernel": (3, "d_m", "range_m"),
}

RUN: Final = {
    *NUMBERS, "airtime", "commits", "decide", "open", "beacon", "checkpoint", "blob",
}  # fmt: skip
"""Kinds of vectors that are run on every machine; the others need a prepared node's memory."""

_I64_MAX: Final = 2**63
_ZERO: Final = {"0", "{0}"}


def initializer(value: Any) -> str:
    """A C initializer of an integer or a cffi structure or array; zeros at an end are left out."""
    if isinstance(value, int):
        return _number(value)
    kind = ffi.typeof(value)
    if kind.kind == "struct":
        texts = [(name, initializer(getattr(value, name))) for name, _ in kind.fields]
        parts = [f".{name} = {text}" for name, text in texts if text not in _ZERO]
        return "{" + ", ".join(parts) + "}" if parts else "{0}"
    items = [initializer(x) for x in value]
    while items and items[-1] in _ZERO:
        items.pop()
    return "{" + ", ".join(items) + "}" if items else "{0}"


def _number(x: int) -> str:
    if x == MISSED:
        return "QRES_MISSED"
    return f"{x}u" if x > 2**31 - 1 else str(x)


def _long(x: int) -> str:
    if x == -_I64_MAX:
        return "INT64_MIN"
    if x >= _I64_MAX:
        return f"(int64_t){x}u"
    return f"INT64_C({x})"


def _bytes(data: bytes) -> str:
    return "{" + ", ".join(map(str, data or b"\0")) + "}"


class Source:
    """The text while it grows: constants by content, so that equal ones are written once."""

    def __init__(self) -> None:
        self.constants: dict[tuple[str, str], str] = {}
        self.tables: dict[str, list[str]] = {}

    def constant(self, c_type: str, text: str, suffix: str = "") -> str:
        """Name of a constant with that content."""
        return self.constants.setdefault((f"{c_type} %s{suffix}", text), f"c{len(self.constants)}")

    def site(self, file: str, name: str) -> str:
        """Pointer to a site."""
        return "&" + self.constant("qres_site", initializer(new_field(file, name).site))

    def state(self, file: str, name: str, given: Json) -> str:
        """Pointer to a state."""
        made = c_state_of(new_field(file, name), state_from_json(given))
        return "&" + self.constant("qres_state", initializer(made[0]))

    def data(self, data: bytes) -> str:
        """Pointer to bytes."""
        return self.constant("uint8_t", _bytes(data), "[]")

    def row(self, table: str, text: str) -> None:
        """One more vector."""
        self.tables.setdefault(table, []).append(text)

    def report(self, given: Json) -> str:
        """Initializer of a report."""
        return initializer(c_reports([report_from_json(given)])[0])


def _commits(s: Source, file: str, v: Json) -> None:
    steps = []
    for step in v["commits"]:
        reports = c_reports([report_from_json(r) for r in step["reports"]])
        n = len(step["reports"])
        rows = [initializer(reports[i]) for i in range(max(1, n))]
        name = s.constant("qres_report", "{" + ", ".join(rows) + "}", "[]")
        steps.append(f"{{{n}, {name}, {step['digest']}u}}")
    name = s.constant("commit_step", "{" + ", ".join(steps) + "}", "[]")
    start = s.state(file, v["site"], v["start"])
    digest = f"{v['start_digest']}u"
    s.row("commits", f"{{{s.site(file, v['site'])}, {start}, {digest}, {len(steps)}, {name}}}")


def _decide(s: Source, file: str, v: Json) -> None:
    samples = [MISSED if x is None else x for x in v["samples"]]
    silent = v["form"] is None
    report = "{0}" if silent else s.report(v["report"])
    payload = b"" if silent else unhex(v, "payload")
    s.row(
        "decide",
        f"{{{s.site(file, v['site'])}, {s.state(file, v['site'], v['state'])}, {v['member']},"
        f" {int(v['introduce'])}, {v.get('digest_bit', 0)},"
        f" {{{', '.join(map(_number, samples))}}}, {{{', '.join(map(str, v['missed']))}}},"
        f" {len(payload)}, {report}, {_bytes(payload)}}}",
    )


def _heard(s: Source, file: str, v: Json) -> None:
    site, field, frame = site_of(file, v["site"]), new_field(file, v["site"]), unhex(v, "frame")
    phase = v.get("phase", site.era_start(20_000) + 4)
    reason = said(field, v)
    kind = {"open": 1, "beacon": 2, "checkpoint": 3}[v["kind"]]
    state, slot, report = "NULL", int(field.slots), "{0}"
    if v["kind"] == "open":
        state = s.state(file, v["site"], v["state"])
        slot = site.members[v["member"]].slot + (not v["all_windows"])
        report = "{0}" if reason else s.report(v["report"])
    # A vector that names another as the sender is found to be member 8's (vector_rig).
    member = 8 if v["id"] == "checkpoint-002" else v.get("member", 0)
    s.row(
        "heard",
        f"{{{s.site(file, v['site'])}, {state}, {_bytes(unhex(v, 'key'))}, {phase}u, {slot},"
        f" {len(frame)}, {_bytes(frame)}, {-ERRORS.index(reason)}, {kind}, {member}, {report}}}",
    )


def _blob(s: Source, file: str, v: Json) -> None:
    blob = unhex(v, "blob")
    again = unhex(v, "again" if "again_hex" in v else "blob")
    code = lib.QRES_ERR_BLOB if "error" in v else 0
    s.row(
        "blob",
        f"{{{s.site(file, v['site'])}, {v['era']}, {len(blob)}, {len(again)},"
        f" {s.data(blob)}, {s.data(again)}, {int(code)}, {v.get('digest', 0)}u}}",
    )


def _crypto(s: Source) -> None:
    given = loaded("ccm.json")
    for v in given["block"]:
        texts = (_bytes(bytes.fromhex(v[n])) for n in ("key", "plaintext", "ciphertext"))
        s.row("block", "{" + ", ".join(texts) + "}")
    for v in given["ccm"]:
        key, nonce, plain, cipher, tag = (
            bytes.fromhex(v[n]) for n in ("key", "nonce", "plaintext", "ciphertext", "tag")
        )
        aad = bytes.fromhex(v["aad"]) * v.get("aad_repeat", 1)
        names = [s.data(d) for d in (nonce, aad, plain, cipher + tag)]
        sizes = [len(d) for d in (nonce, aad, plain, tag)]
        s.row("ccm", f"{{{_bytes(key)}, {', '.join(names)}, {', '.join(map(str, sizes))}}}")


def vector_source(*, broken: bool = False) -> tuple[str, int]:
    """The C source and how many vectors it has."""
    s = Source()
    for file, v in ALL:
        if v["kind"] in NUMBERS:
            kind, a, b = NUMBERS[v["kind"]]
            row = (v[a], 0 if b is None else v[b], v["result"])
            s.row("number", f"{{{kind}, {', '.join(map(_long, row))}}}")
        elif v["kind"] == "airtime":
            lora = f"{{{v['bw_hz']}, {v['preamble_symbols']}, {v['sf']}, {v['cr']}, 1, 0}}"
            s.row("airtime", f"{{{lora}, {v['payload_bytes']}, {v['result']}u}}")
        elif v["kind"] in {"open", "beacon", "checkpoint"}:
            _heard(s, file, v)
        elif v["kind"] in RUN:
            {"commits": _commits, "decide": _decide, "blob": _blob}[v["kind"]](s, file, v)
    _crypto(s)
    if broken:
        last = s.tables["commits"][-1].split(", ")
        last[2] = "1u"
        s.tables["commits"][-1] = ", ".join(last)
    lines = ['#include "vectors.h"', ""]
    lines += [f"static const {c % n} = {text};" for (c, text), n in s.constants.items()]
    for table, rows in s.tables.items():
        lines.append(f"const {table}_vector {table}_vectors[] = {{")
        lines += [f"    {row}," for row in rows]
        lines += ["};", f"const uint32_t {table}_count = {len(rows)};"]
    return "\n".join(lines) + "\n", sum(map(len, s.tables.values()))


def main() -> None:
    """Write the file that the first argument names."""
    text, _ = vector_source(broken="--broken" in sys.argv)
    Path(sys.argv[1]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
