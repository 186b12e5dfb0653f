# SPDX-License-Identifier: Apache-2.0
"""
The core's vectors as C constants, for machines without files: isa/vectors.h has the types.

    python -m tests.firmware.vector_source OUTPUT.c [--broken]

`--broken` writes each expectation of each kind of vector once, of some kinds of each vector, and
wrong: not one of them may be found true.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.core.vector_rig import loaded
from tests.firmware import vector_source_frames, vector_source_relay, vector_source_rows
from tests.firmware.vector_source_c import Source, Want, row_text
from tests.firmware.vector_source_rows import Row
from tests.vectors.as_json import Json
from tests.vectors.generate import FILES

__all__ = ["all_vectors", "vector_source"]

ROWS: Final = vector_source_rows.ROWS | vector_source_frames.ROWS | vector_source_relay.ROWS

ALL_BROKEN: Final = frozenset(vector_source_relay.ROWS)
"""Kinds of which each vector is broken, not the first alone: they expect different things."""

TABLE_TOLERANCE_US: Final = 50
"""The planning table of airtime.json is in milliseconds, to one decimal."""


def all_vectors() -> Iterator[tuple[str, str, str, Json]]:
    """File, kind, id and content of every vector of every file: none is left out."""
    for file in FILES:
        for name, site in loaded(file)["sites"].items():
            yield file, "site", f"{file} {name}", {"name": name, "derived": site["derived"]}
        for v in loaded(file)["vectors"]:
            yield file, v["kind"], v["id"], v
    yield from _published()


def _published() -> Iterator[tuple[str, str, str, Json]]:
    """Of the two files that others have computed."""
    given = loaded("airtime.json")
    for v in given["airtime"]:
        yield "airtime.json", "airtime", v["id"], v
    table = given["table_125khz_ms"]
    modulation = {"bw_hz": 125_000, "cr": 1, "preamble_symbols": 8}
    for payload, row in table["rows"].items():
        for sf, ms in zip(table["sf"], row, strict=True):
            v = modulation | {"sf": sf, "payload_bytes": int(payload), "result": round(1000 * ms)}
            name = f"table SF{sf} {payload} B"
            yield "airtime.json", "airtime", name, v | {"tolerance_us": TABLE_TOLERANCE_US}
    for kind in ("block", "ccm", "invalid"):
        for v in loaded("ccm.json")[kind]:
            yield "ccm.json", kind, v["id"], v


def _wrong_rows(rows: list[tuple[str, Row]], *, every: bool) -> list[tuple[str, Row]]:
    """Each expectation of a kind, wrong in each way, by the first vector with it or by each."""
    made, seen = [], set()
    for vector_id, row in rows:
        for name, value in row.items():
            if not isinstance(value, Want) or (name in seen and not every):
                continue
            wrong = value.broken()
            if wrong:
                seen.add(name)
            made += [(f"{vector_id} {name} {i}", row | {name: w}) for i, w in enumerate(wrong)]
    expected = {name for _, row in rows for name, x in row.items() if isinstance(x, Want)}
    assert seen == expected, f"never wrong: {expected - seen}"
    return made


def vector_source(*, broken: bool = False) -> tuple[str, list[tuple[str, str]]]:
    """The C source, and kind and id of the vectors in it, in their order."""
    kinds: dict[str, list[tuple[str, Row]]] = {kind: [] for kind in ROWS}
    for file, kind, vector_id, v in all_vectors():
        kinds[kind].append((vector_id, ROWS[kind][1](file, v)))
    source, tables, index = Source(), [], []
    names: list[tuple[str, str]] = []
    for kind, right in kinds.items():
        rows = _wrong_rows(right, every=kind in ALL_BROKEN) if broken else right
        name = ROWS[kind][0]
        tables.append(f"static const {name}_row {kind}_rows[] = {{")
        tables += [f"    {row_text(source, row)}," for _, row in rows]
        tables += ["};", f"static const char *const {kind}_ids[] = {{"]
        tables += [f'    "{vector_id}",' for vector_id, _ in rows]
        tables.append("};")
        size = f"sizeof {kind}_rows[0]"
        index.append(f'    {{"{kind}", {name}_ok, {kind}_rows, {size}, {len(rows)}, {kind}_ids}},')
        names += [(kind, vector_id) for vector_id, _ in rows]
    text = ['#include "vectors.h"', "", *source.lines(), *tables]
    text += ["const vector_table vector_tables[] = {", *index, "};"]
    text.append(f"const uint32_t vector_table_count = {len(index)};")
    return "\n".join(text) + "\n", names


def main() -> None:
    """Write the file that the first argument names."""
    text, _ = vector_source(broken="--broken" in sys.argv)
    Path(sys.argv[1]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
