# SPDX-License-Identifier: Apache-2.0
"""Vectors of integers, states and reports as rows of the tables in isa/vectors.h."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from qres._core import lib
from qres.core import ERRORS
from tests.core.vector_report import repeated
from tests.core.vector_rig import MISSED, new_field, said, site_of, unhex
from tests.firmware.vector_source_c import (
    Array,
    Blob,
    Code,
    Inline,
    Source,
    Value,
    Want,
    report_value,
    state_value,
    struct,
    table_value,
)
from tests.qres.differential_rig import c_field
from tests.vectors.as_json import Json, state_from_json
from tests.vectors.fields import tiny_site

__all__ = ["ROWS", "Row", "code_of", "site_value", "tiny_value"]

Row = dict[str, Value | int]

NUMBERS: Final = {
    "rsh": ("F_RSH", "x", "n"),
    "rdiv": ("F_RDIV", "a", "b"),
    "isqrt": ("F_ISQRT", "x"),
    "kernel": ("F_KERNEL", "d_m", "range_m"),
    "ex2": ("F_EX2", "y"),
    "lg2": ("F_LG2", "x"),
    "vpd": ("F_VPD", "temp", "rh"),
    "ffmc": ("F_FFMC", "fuel"),
    "isi": ("F_ISI", "fuel", "wind"),
    "fuel_hour": ("F_FUEL_HOUR", "fuel", "temp", "rh", "wind", "rain"),
    "grade": ("F_GRADE", "s", "rare"),
}
"""Functions of integers: kind, name in vectors.h, names of the arguments."""


class _Site:
    """A pointer to a site, by the core's tables of it."""

    def __init__(self, field: Any) -> None:
        self.c = struct(field.site)

    def text(self, source: Source) -> str:
        """Name of the site."""
        return "&" + source.constant("qres_site", self.c)

    def broken(self) -> list[Value]:
        """A site is no expectation."""
        return []


def site_value(file: str, name: str) -> Value:
    """Pointer to a site of a file."""
    return _Site(new_field(file, name))


def tiny_value(**changes: int) -> Value:
    """Pointer to the tiny site of vectors that name none."""
    field = c_field(tiny_site())
    for name, x in changes.items():
        setattr(field.site, name, x)
    return _Site(field)


def code_of(file: str, v: Json) -> int:
    """What qres_heard returns."""
    return -ERRORS.index(said(new_field(file, v["site"]), v))


def _number(_file: str, v: Json) -> Row:
    function, *names = NUMBERS[v["kind"]]
    x: list[int] = []
    for name in names:
        x += v[name] if isinstance(v[name], list) else [v[name]]
    return {"function": Code(function), "x": Inline(tuple(x)), "result": Want(v["result"])}


def _airtime(_file: str, v: Json) -> Row:
    lora = (v["bw_hz"], v["preamble_symbols"], v["sf"], v["cr"])
    flags = (int(v.get("crc", True)), int(v.get("implicit_header", False)))
    tolerance_us = v.get("tolerance_us", 0)
    result = v["result"] if "result" in v else v["airtime_us"]
    wrong_by = 2 * tolerance_us + 1
    return {
        "lora": Inline(lora + flags),
        "payload_bytes": v["payload_bytes"],
        "result": Want(_Off(result, wrong_by)),
        "tolerance_us": tolerance_us,
    }


class _Off:
    """A number with a tolerance: the wrong ones are beyond it."""

    def __init__(self, x: int, by: int) -> None:
        self.x, self.by = x, by

    def text(self, _source: Source) -> str:
        """The number."""
        return str(self.x)

    def broken(self) -> list[Value]:
        """Too much, too little."""
        return [Code(str(self.x + self.by)), Code(str(self.x - self.by))]


def _hash(_file: str, v: Json) -> Row:
    words = Array("uint32_t", tuple(w % 2**32 for w in v["words"]))
    return {"words": words, "n_words": len(v["words"]), "result": Want(v["result"])}


def _season(_file: str, v: Json) -> Row:
    return {"site": tiny_value(), "x": v["x"], "result": Want(v["result"])}


def _bfp(_file: str, v: Json) -> Row:
    w, q = Inline(tuple(v["w"])), Inline(tuple(v["q"]))
    return {"site": tiny_value(), "w": w, "e": Want(v["e"]), "q": Want(q)}


def _solve(_file: str, v: Json) -> Row:
    matrix = Array("int32_t", tuple(x for row in v["matrix"] for x in row))
    r, result = (Array("int32_t", tuple(v[name])) for name in ("r", "result"))
    return {"n": len(v["r"]), "matrix": matrix, "r": r, "result": Want(result)}


def _site(file: str, v: Json) -> Row:
    derived = v["derived"]
    row: Row = {"site": site_value(file, v["name"])}
    for name, x in derived.items():
        if name != "form_bytes":
            row[name] = Want(x)
    for form in "SRM":
        row[f"form_{form.lower()}"] = Want(derived["form_bytes"].get(form, 0))
    assert set(derived["form_bytes"]) <= set("SRM"), derived["form_bytes"]
    return row


def _commits(file: str, v: Json) -> Row:
    field = site_of(file, v["site"])
    steps: list[Mapping[str, Value | int]] = []
    for step in v["commits"]:
        reports = sorted(step["reports"], key=lambda r: int(r["member"]))
        rows = [report_value(r) for r in reports]
        steps.append({
            "n_reports": len(rows),
            "reports": _Reports(rows) if rows else Code("NULL"),
            "phase": step["phase"],
            "digest": step["digest"],
            "state": _state(step["state"], field) if "state" in step else Code("NULL"),
        })  # fmt: skip
    return {
        "site": site_value(file, v["site"]),
        "start": _state(v["start"], field),
        "start_digest": Want(v["start_digest"]),
        "n_steps": len(steps),
        "steps": Want(table_value(steps, "commit_step", ("phase", "digest", "state"))),
        "end": Want(_state(v["end"], field)),
    }


def _state(given: Json, site: Any) -> Array:
    state = state_from_json(given)
    assert (state.fire is not None) == site.fire, "the words of a fire site have fire"
    return state_value(state)


class _Reports:
    """A pointer to reports."""

    def __init__(self, rows: list[Value]) -> None:
        self.rows = rows

    def text(self, source: Source) -> str:
        """Name of the array."""
        texts = ", ".join(row.text(source) for row in self.rows)
        return source.constant("qres_report", f"{{{texts}}}", "[]")

    def broken(self) -> list[Value]:
        """Reports are no expectation."""
        return []


def _judge(file: str, v: Json) -> Row:
    row: Row = {
        "site": site_value(file, v["site"]),
        "state": _state(v["state"], site_of(file, v["site"])),
        "regime": Want(v["regime"]),
        "field_anomaly": Want(v["field_anomaly"]),
    }
    known = [int(x is not None) for x in v["vpd"]]
    assert known == [int(x is not None) for x in v["isi"]], v["id"]
    for name in ("ffmc", "anomaly", "weather", "local", "cause"):
        row[name] = Want(Array("int32_t", tuple(v[name])))
    row["known"] = Want(Array("int32_t", tuple(known)))
    where = (known.index(1),) if 1 in known else ()
    for name in ("vpd", "isi"):
        row[name] = Want(Array("int32_t", tuple(x or 0 for x in v[name]), where))
    return row


def _decide(file: str, v: Json) -> Row:
    site, silent = site_of(file, v["site"]), v["form"] is None
    missed = [MISSED] * (6 - len(v["samples"]))
    row: Row = {
        "site": site_value(file, v["site"]),
        "key": Inline(tuple(unhex(v, "key"))),
        "state": _state(v["state"], site),
        "member": v["member"],
        "introduce": int(v["introduce"]),
        "digest_bit": v.get("digest_bit", 0),
        "samples": Inline(tuple([MISSED if x is None else x for x in v["samples"]] + missed)),
        "missed": Inline(tuple(v["missed"])),
        "form": Want(0 if silent else ord(v["form"])),
    }
    if silent:
        return row
    return row | {
        "report": Want(report_value(v["report"])),
        "payload": Want(Blob(unhex(v, "payload"))),
        "frame": Want(Blob(unhex(v, "frame"))),
    }


def _open(file: str, v: Json) -> Row:
    site, code = site_of(file, v["site"]), code_of(file, v)
    row: Row = {
        "site": site_value(file, v["site"]),
        "key": Inline(tuple(unhex(v, "key"))),
        "state": _state(v["state"], site),
        "member": v["member"],
        "phase": v["phase"],
        "all_windows": int(v["all_windows"]),
        "frame": Blob(unhex(v, "frame")),
        "code": Want(code),
    }
    if code == 0:
        row |= {"report": Want(report_value(v["report"])), "digest_bit": Want(v["digest_bit"])}
    if "echo" in v:
        entries = repeated(site, v["phase"], v)
        row |= {"has_echo": 1, "n_restored": Want(len(entries))}
        for phase, member, low in entries:
            row |= {
                "restored_phase": Want(phase),
                "restored_member": Want(member),
                "restored_low": Want(low),
            }
    return row


def _blob(file: str, v: Json) -> Row:
    blob = unhex(v, "blob")
    row: Row = {"site": site_value(file, v["site"]), "era": v["era"], "blob": Blob(blob)}
    if "error" in v:
        assert v["error"] == "blob", v["id"]
        return row | {"code": Want(int(lib.QRES_ERR_BLOB))}
    again = unhex(v, "again" if "again_hex" in v else "blob")
    return row | {
        "again": Want(Blob(again)),
        "code": Want(0),
        "state": Want(_state(v["state"], site_of(file, v["site"]))),
        "digest": Want(v["digest"]),
    }


ROWS: Final[dict[str, tuple[str, Callable[[str, Json], Row]]]] = {
    **dict.fromkeys(NUMBERS, ("number", _number)),
    "airtime": ("airtime", _airtime),
    "hash": ("hash", _hash),
    "season": ("season", _season),
    "bfp": ("bfp", _bfp),
    "solve": ("solve", _solve),
    "site": ("site", _site),
    "commits": ("commits", _commits),
    "judge": ("judge", _judge),
    "decide": ("decide", _decide),
    "open": ("open", _open),
    "blob": ("blob", _blob),
}
"""By kind of vector: what its row is called in vectors.h, and what makes it of file and vector."""
