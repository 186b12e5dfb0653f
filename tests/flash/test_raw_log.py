# SPDX-License-Identifier: Apache-2.0
"""The raw log: Python reads what the firmware's C code wrote, whatever power did."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
import typer.main

from qres_gateway.cli import build_app
from qres_gateway.node_tools.raw_log import (
    FIELDS,
    SAMPLE_BYTES,
    SECTOR_BYTES,
    RawLogError,
    decode,
    log_span,
)
from qres_gateway.node_tools.raw_log_table import (
    COLUMNS,
    FAULTS,
    REFUSED,
    Origin,
    bits,
    to_csv,
    to_json,
)
from tests.flash.ring_build import FIRST_S, Ring, build_ring_rig, make_ring
from tests.sources import ROOT

DOC = (ROOT / "docs/raw-log.md").read_text(encoding="utf-8")
RING_H = (ROOT / "firmware/app/ring.h").read_text(encoding="utf-8")
RING_C = (ROOT / "firmware/app/ring.c").read_text(encoding="utf-8")
PER_SECTOR = SECTOR_BYTES // SAMPLE_BYTES - 1


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C ring as a program."""
    return build_ring_rig(tmp_path_factory.mktemp("ring"))


def values(data: bytes) -> list[tuple[int, ...]]:
    """The samples that Python reads, without their places."""
    return [tuple(sample[2:]) for sample in decode(data).samples]


def span_of(ring: Ring) -> tuple[int, int | None, int | None]:
    """What a look at the heads tells."""
    return log_span(lambda at, n: ring.data[at : at + n], len(ring.data))


@pytest.mark.parametrize("samples", [0, 1, 126, 127, 128, 380, 381, 382, 509, 2000])
def test_python_reads_what_was_written(rig: Path, samples: int) -> None:
    """Without power cuts the newest samples come back in order, over every kind of wrap."""
    ring = make_ring(rig, 4, samples)
    assert ring.cuts == ring.unread == 0
    assert values(ring.data) == ring.read == ring.written[len(ring.written) - len(ring.read) :]
    log = decode(ring.data)
    assert (log.torn, log.lost_sectors, log.backwards) == (0, 0, 0)
    in_newest = (samples - 1) % PER_SECTOR + 1 if samples else 0
    assert len(ring.read) == min(samples, 3 * PER_SECTOR + in_newest)
    times = [row[0] for row in ring.read]
    assert span_of(ring) == (len(times), *((times[0], times[-1]) if times else (None, None)))


@pytest.mark.parametrize("seed", range(1, 9))
def test_python_reads_what_the_firmware_reads_after_power_cuts(rig: Path, seed: int) -> None:
    """
    Over a quarter of all appends cut, in heads, samples and erasures: Python and C agree.

    No acknowledged sample of a sector that is still there is missing.
    """
    ring = make_ring(rig, 2 + seed % 3, 150 * seed, seed)
    log = decode(ring.data)
    assert ring.cuts > 10
    assert values(ring.data) == ring.read
    assert log.torn == ring.unread
    oldest = ring.read[0][0]
    there = set(ring.read)
    assert [row for row in ring.written if row[0] >= oldest and row not in there] == []
    assert span_of(ring) == (len(ring.read) + log.torn, oldest, ring.read[-1][0])


def test_a_damaged_head_costs_its_sector_only(rig: Path) -> None:
    """The firmware stops at a head that is gone; Python reads on before it, and says so."""
    ring = make_ring(rig, 4, 500)
    data = bytearray(ring.data)
    data[2 * SECTOR_BYTES] ^= 1  # the third of four
    log = decode(bytes(data))
    assert (log.sectors, log.lost_sectors, log.torn) == (3, 1, 0)
    assert values(bytes(data)) == [*ring.written[: 2 * 127], *ring.written[3 * 127 :]]


def test_a_damaged_sample_is_left_out(rig: Path) -> None:
    """One bit of a sample, anywhere in it: that sample is counted as torn, the others stay."""
    ring = make_ring(rig, 2, 100)
    for bit in range(0, 8 * SAMPLE_BYTES, 7):
        data = bytearray(ring.data)
        data[50 * SAMPLE_BYTES + bit // 8] ^= 1 << bit % 8
        assert values(bytes(data)) == ring.written[:49] + ring.written[50:]
        assert decode(bytes(data)).torn == 1


def test_a_place_that_was_passed_over_is_torn(rig: Path) -> None:
    """Erased places in a full sector were begun without effect; behind the newest they are free."""
    ring = make_ring(rig, 3, 200)
    data = bytearray(ring.data)
    data[SECTOR_BYTES - SAMPLE_BYTES : SECTOR_BYTES] = b"\xff" * SAMPLE_BYTES
    assert decode(bytes(data)).torn == 1
    assert values(bytes(data)) == ring.written[:126] + ring.written[127:]


def test_what_is_no_raw_log() -> None:
    """An erased log is empty; another length, and bytes that are no log, are refused with words."""
    assert decode(b"\xff" * 8192).samples == ()
    for size in (0, 4096, 8191, 8192 + 32):
        with pytest.raises(RawLogError, match=f"{size} bytes: must be a multiple of 4096"):
            decode(bytes(size))
    with pytest.raises(RawLogError, match="this is no raw log"):
        decode(bytes(8192))


def test_a_clock_that_was_set_back_is_told(rig: Path) -> None:
    """Samples stay in the order of writing; how often time goes back is counted."""
    first, second = make_ring(rig, 2, 127), make_ring(rig, 3, 2 * 127)
    later = second.data[SECTOR_BYTES : 2 * SECTOR_BYTES]  # sequence 2, later times
    data = bytearray(later + first.data[:SECTOR_BYTES])
    assert decode(bytes(data)).backwards == 0
    newer = make_ring(rig, 2, 3 * 127).data[:SECTOR_BYTES]  # sequence 3
    data = bytearray(newer[:SAMPLE_BYTES] + first.data[SAMPLE_BYTES:SECTOR_BYTES] + later)
    assert decode(bytes(data)).backwards == 1


def test_table_has_units_and_no_value_where_none_was_measured(rig: Path) -> None:
    """CSV and JSON hold what was stored, in the columns' units; missing is empty, or null."""
    ring = make_ring(rig, 2, 60)
    log = decode(ring.data)
    gone = log.samples[0]._replace(
        temp_cdegc=-(2**15), rh_cpct=65535, pressure_dhpa=65535, wind_dir_deg=65535,
        battery_mv=65535, panel_mv=65535, faults=5, refused=0x91, rain_um=1,
    )  # fmt: skip
    log = log._replace(samples=(gone, *log.samples[1:]))
    origin = Origin("24:0a:c4:00:00:01", 0x01020304, 7, "north, upper")
    rows = list(csv.DictReader(io.StringIO(to_csv(log, origin).decode())))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 60
    assert {k: v for k, v in rows[0].items() if not v} == dict.fromkeys(
        ("temp_degc", "rh_pct", "pressure_hpa", "wind_dir_deg", "battery_v", "panel_v"), ""
    )
    first = {k: rows[0][k] for k in ("mac", "field_id", "node_id", "node_name", "rain_sum_mm")}
    assert first == {
        "mac": "24:0a:c4:00:00:01",
        "field_id": "0x01020304",
        "node_id": "7",
        "node_name": "north, upper",
        "rain_sum_mm": "0.001",
    }
    assert (rows[0]["faults"], rows[0]["refused"]) == ("humidity+vane", "temp_degc+batt_mv+bit_7")
    assert rows[0]["time_utc"] == "2026-09-21T14:23:20Z"  # source: date -u -d @1790000600
    whole = json.loads(to_json(log, origin))
    assert whole["origin"]["node_id"] == 7
    assert whole["summary"]["samples"] == 60
    for row, sample, plain in zip(rows[1:], log.samples[1:], whole["samples"][1:], strict=True):
        assert round(float(row["temp_degc"]) * 100) == sample.temp_cdegc
        assert round(float(row["battery_v"]) * 1000) == sample.battery_mv
        assert plain["battery_v"] == float(row["battery_v"])
        assert round(float(row["rain_sum_mm"]) * 1000) == sample.rain_um
        assert int(row["sector_place"]) == sample.place == plain["sector_place"]
    assert whole["samples"][0]["temp_degc"] is None


def test_bits_are_those_of_the_firmware() -> None:
    """Words of the fault bits are in the order of sensor.h; of refused ones, of the channels."""
    header = (ROOT / "firmware/include/sensor.h").read_text(encoding="utf-8")
    found = {int(n): w.lower() for w, n in re.findall(r"SENSOR_FAULT_(\w+) = (\d+)", header)}
    assert found == {1 << i: word for i, word in enumerate(FAULTS)}
    assert bits(0, REFUSED) == ""
    assert bits(0b10011, REFUSED) == "temp_degc+rh_pct+batt_mv"


def test_fields_are_those_of_ring_h() -> None:
    """Names, order and types of ring_sample, places of ring.c, and missing values of the types."""
    struct = RING_H.split("typedef struct {")[1].split("} ring_sample;")[0]
    declared = re.findall(r"\b(u?)int(\d+)_t (\w+);", struct)
    assert [(f"{'u' if u else 'i'}{n}", name) for u, n, name in declared] == [
        (f.type, f.name) for f in FIELDS
    ]
    put = re.findall(r"(?:put(?:16|32)\(p(?: \+ (\d+))?, .*|p\[(\d+)\] = )s->(\w+)", RING_C)
    assert {name: int(a or b or 0) for a, b, name in put} == {f.name: f.offset for f in FIELDS}
    lowest = {"i16": -(2**15), "u16": 2**16 - 1}
    assert all(f.missing in {None, lowest[f.type]} for f in FIELDS if f.type in lowest)
    assert re.search(r"RING_SAMPLE_BYTES (\d+)", RING_H)[1] == str(SAMPLE_BYTES)  # type: ignore[index]


def table_of_fields() -> str:
    """The table of docs/raw-log.md."""
    rows = ["| offset | type | value | none | column |", "|---|---|---|---|---|"]
    for f in FIELDS:
        none = "" if f.missing is None else str(f.missing)
        rows.append(f"| {f.offset} | {f.type} | `{f.name}` [{f.unit}] | {none} | `{f.column}` |")
    return "\n".join(rows) + "\n"


def test_the_document_has_the_fields_and_columns_that_there_are() -> None:
    """Tables of docs/raw-log.md are those of the code; a failure prints the right one."""
    shown = DOC.split("<!-- fields: begin -->\n")[1].split("<!-- fields: end -->")[0]
    assert shown == table_of_fields(), table_of_fields()
    named = re.findall(r"(?m)^\| `(\w+)` \|", DOC.split("## The table")[1])
    assert tuple(named) == COLUMNS
    assert f"{PER_SECTOR} samples" in DOC
    for i, word in enumerate(FAULTS):
        assert re.search(rf"bit {i} `{word}`", DOC), word
    assert FIRST_S == 1_790_000_600


def test_commands_of_the_document_exist() -> None:
    """Each `qres node log` line of docs/raw-log.md has options that the verb has."""
    group = typer.main.get_command(build_app("node")).commands["node"]  # type: ignore[attr-defined]
    known = {o for p in group.commands["log"].params for o in p.opts}
    lines = re.findall(r"(?m)^ {4}qres node log (.*)$", DOC)
    assert len(lines) == 2
    for line in lines:
        assert set(re.findall(r"--[a-z-]+", line)) <= known
    assert set(re.findall(r"`(--[a-z-]+)`", DOC)) <= known
