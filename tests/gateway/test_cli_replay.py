# SPDX-License-Identifier: Apache-2.0
"""`qres replay`, run as a user runs it: what is found, what is kept, what a second run does."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qres.channels import V1, from_q16
from qres.site import phases
from qres_gateway.cli import main
from qres_gateway.database import Database
from qres_gateway.frame_log import FrameLog
from qres_gateway.replay import run
from qres_gateway.sources.base import RawFrame
from qres_gateway.sources.capture import write_capture
from tests.gateway.recorded_field import Recorded, recorded, write_field

DERIVED = {
    "airtime": "*",
    "refused": "*",
    "hearing": "*",
    "decoded": "rx_us, kind, node, phase, reason",
    "committed": "time_us, phase, digest, nodes, vals, status",
}
"""What is derived from the log, without numbers that depend on when a row was written."""


class Ran:
    """What a run of `qres` came to: exit code, stdout, stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        self.code = stop.value.code
        self.out, self.err = capsys.readouterr()

    @property
    def figures(self) -> dict[str, Any]:
        """The one line of JSON."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1
        figures: dict[str, Any] = json.loads(self.out)
        return figures

    @property
    def last_words(self) -> str:
        """The last line on stderr."""
        return self.err.splitlines()[-1]


@pytest.fixture(scope="module")
def field() -> Recorded:
    """Thirty hours of six nodes: with beacons, a checkpoint, and a change of era."""
    return recorded()


@pytest.fixture
def site(tmp_path: Path, field: Recorded) -> Path:
    """The field's site file."""
    return write_field(tmp_path, field.site)


def capture(path: Path, frames: list[RawFrame]) -> Path:
    """A LoRaTap file of *frames*."""
    write_capture(path, frames)
    return path


def logged(path: Path, frames: list[RawFrame]) -> Path:
    """A gateway's database with *frames* in its log, not decoded."""
    with Database.open(path) as database:
        FrameLog(database).append(frames)
    return path


def dump(path: Path) -> list[str]:
    """Everything that is in a database, as SQL."""
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def derived(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What follows from the log, in an order of its own."""
    with sqlite3.connect(path) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}"), key=repr)  # noqa: S608
            for table, columns in DERIVED.items()
        }


def test_figures_are_those_of_the_field(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts by kind, bytes and airtime are those on air; the digest is what the nodes held."""
    path = capture(tmp_path / "day.pcap", field.frames)
    figures = Ran(capsys, "replay", path, "--site", site, "--json").figures
    sent = [s for phase in field.sent for s in phase]
    kinds = [s.kind for s in sent]
    assert figures["decoded"] == {k: kinds.count(k) for k in ("beacon", "checkpoint", "report")}
    assert (figures["refused"], figures["copies"]) == ({}, 0)
    assert figures["frames"] == figures["frames_new"] == len(sent)
    assert figures["rf_bytes"] == sum(len(s.frame) for s in sent)
    assert figures["airtime_us"] == sum(field.site.airtime_us(len(s.frame)) for s in sent)
    assert (figures["first_us"], figures["last_us"]) == (sent[0].end_us, sent[-1].end_us)
    hours = (sent[-1].end_us - sent[0].end_us) / 3.6e9
    assert figures["rf_bytes_per_hour"] == pytest.approx(figures["rf_bytes"] / hours, abs=0.01)
    last_phase = sent[-1].end_us // field.site.phase_us
    assert figures["last_phase"] == last_phase
    assert figures["digest"] == f"{field.digests[last_phase]:08x}"
    assert figures["phases_committed"] == last_phase - field.first_phase + 1
    assert figures["checkpoints"] == {"verified": 1, "adopted": 0, "missed_checkpoints": 0}
    assert [n["id"] for n in figures["nodes"]] == list(field.site.ids)
    assert {n["provenance"] for n in figures["nodes"]} <= {"reported", "held"}


def test_the_table_of_values_is_within_the_tolerance(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each sample of each node has one line, and no value is off by more than its tolerance."""
    path, table = capture(tmp_path / "day.pcap", field.frames), tmp_path / "values.csv"
    figures = Ran(capsys, "replay", path, "--site", site, "--csv", table, "--json").figures
    with table.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert figures["csv_lines"] == len(lines)
    assert list(lines[0]) == ["time_utc", "node", *(c.name for c in V1), "provenance"]
    tolerance = from_q16(field.site.tolerance.values_q16())
    seen = set()
    for line in lines:
        phase = round(datetime.fromisoformat(line["time_utc"]).timestamp() * 1e6)
        phase //= field.site.phase_us
        row = field.site.ids.index(int(line["node"]))
        members, samples = field.measured[phase]
        measured = from_q16(samples[members.tolist().index(row)])
        held = np.array([float(line[c.name]) for c in V1])
        assert np.all(np.abs(held - measured) <= tolerance + 1e-3), line
        seen.add((phase, row))
    phase_of = phases(field.site)
    last = figures["last_phase"]
    assert seen == {
        (p, i)
        for p in field.digests
        for i in np.flatnonzero(phase_of == p % 4).tolist()
        if p <= last
    }
    assert {line["provenance"] for line in lines} == {"reported", "held"}


def test_a_database_says_the_same_whatever_its_name(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a capture is follows from its content; a frame log and a pcap file give the same."""
    pcap = capture(tmp_path / "one.sqlite", field.frames)
    database = logged(tmp_path / "other.pcap", field.frames)
    first = Ran(capsys, "replay", pcap, "--site", site, "--json").figures
    second = Ran(capsys, "replay", database, "--site", site, "--json").figures
    assert first["captures"][0]["kind"] == "pcap"
    assert second["captures"][0]["kind"] == "database"
    assert {**first, "captures": []} == {**second, "captures": []}


def test_the_same_capture_again_changes_nothing(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice, and in two files that overlap: the store is the same to the last row."""
    path, store = capture(tmp_path / "day.pcap", field.frames), tmp_path / "store.sqlite"
    first = Ran(capsys, "replay", path, "--site", site, "--store", store, "--json").figures
    before = dump(store)
    half = capture(tmp_path / "half.pcap", field.frames[: len(field.frames) // 2])
    again = Ran(capsys, "replay", half, path, "--site", site, "--store", store, "--json").figures
    assert dump(store) == before
    assert again["frames_new"] == 0
    assert again["frames"] == len(field.frames) * 3 // 2 == again["frames_known"]
    same = ("decoded", "refused", "copies", "rf_bytes", "digest", "nodes", "phases_committed")
    assert {k: again[k] for k in same} == {k: first[k] for k in same}


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.81])
def test_a_hole_that_is_filled_later_leaves_no_trace(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str], cut: float
) -> None:
    """Frames of the middle that come last take their place in time: as if all had come at once."""
    frames = field.frames
    first, last = int(cut * len(frames)), int((cut + 0.15) * len(frames))
    straight, holed = tmp_path / "straight.sqlite", tmp_path / "holed.sqlite"
    outside = capture(tmp_path / "outside.pcap", frames[:first] + frames[last:])
    middle = capture(tmp_path / "middle.pcap", frames[first:last])
    whole = capture(tmp_path / "whole.pcap", frames)
    Ran(capsys, "replay", whole, "--site", site, "--store", straight)
    Ran(capsys, "replay", outside, "--site", site, "--store", holed)
    with_hole = derived(holed)
    filled = Ran(capsys, "replay", middle, "--site", site, "--store", holed, "--json").figures
    assert derived(holed) == derived(straight) != with_hole
    assert filled["frames_new"] == last - first
    assert filled["decoded"] != {}


def test_an_interrupted_replay_is_completed_by_the_next(
    tmp_path: Path,
    site: Path,
    field: Recorded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped between log and replica, the store is whole; once more, and it is complete."""
    half, store = len(field.frames) // 2, tmp_path / "store.sqlite"
    older = capture(tmp_path / "older.pcap", field.frames[:half])
    newer = capture(tmp_path / "newer.pcap", field.frames[half:])
    whole, straight = capture(tmp_path / "whole.pcap", field.frames), tmp_path / "straight.sqlite"
    Ran(capsys, "replay", whole, "--site", site, "--store", straight)
    Ran(capsys, "replay", newer, "--site", site, "--store", store)
    before = derived(store)

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "fold", stopped)
        ran = Ran(capsys, "replay", older, "--site", site, "--store", store)
    assert ran.code == 130
    with Database.open(store) as database:
        assert database.check() == []
        assert FrameLog(database).last_id == len(field.frames)
    assert derived(store) == before
    again = Ran(capsys, "replay", older, "--site", site, "--store", store, "--json").figures
    assert again["frames_new"] == 0
    assert derived(store) == derived(straight)


def test_two_receivers_count_once(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a second receiver heard, too, is a copy: it adds neither bytes nor frames."""
    one = capture(tmp_path / "one.pcap", field.frames)
    sent = [s for phase in field.sent for s in phase]
    other = capture(tmp_path / "two.pcap", [field.frame(s, "00000000000000aa") for s in sent[:50]])
    alone = Ran(capsys, "replay", one, "--site", site, "--json").figures
    both = Ran(capsys, "replay", other, one, "--site", site, "--json").figures
    assert both["copies"] == 50
    for same in ("decoded", "refused", "rf_bytes", "airtime_us", "digest"):
        assert both[same] == alone[same]


def test_export_and_back(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """A frame log written as LoRaTap and replayed into the same store brings nothing new."""
    store = tmp_path / "store.sqlite"
    path = capture(tmp_path / "day.pcap", field.frames)
    Ran(capsys, "replay", path, "--site", site, "--store", store)
    out = tmp_path / "out.pcap"
    ran = Ran(capsys, "replay", store, "--export", out)
    assert (ran.code, ran.out) == (0, f"{out}: {len(field.frames)} frames\n")
    assert out.read_bytes() == path.read_bytes()
    before = dump(store)
    assert (
        Ran(capsys, "replay", out, "--site", site, "--store", store, "--json").figures["frames_new"]
        == 0
    )
    assert dump(store) == before
    refused = Ran(capsys, "replay", store, "--export", out)
    assert refused.code == 1
    assert refused.err == f"error: capture {out}: exists already and is not overwritten\n"


def test_weeks_between_captures_and_a_wrong_year(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Captures months apart are both read; frames of a receiver in the year 2100 commit nothing."""
    half = len(field.frames) // 2
    later_us = 90 * 86_400_000_000
    stray = [
        RawFrame(b"sixby", 4_102_444_800_000_000 + i, "host", "aa555a0000000101",
                 field.site.freq_hz, field.site.sf, field.site.bw_hz, None, None, crc_ok=True)
        for i in range(3)
    ]  # fmt: skip
    moved = [
        RawFrame(f.payload, f.rx_us + later_us, f.rx_time_source, f.receiver, f.freq_hz, f.sf,
                 f.bw_hz, f.rssi_dbm, f.snr_db, f.crc_ok)
        for f in field.frames[:5]
    ]  # fmt: skip
    path = capture(tmp_path / "a.pcap", field.frames[:half] + moved + stray)
    store = tmp_path / "store.sqlite"
    figures = Ran(capsys, "replay", path, "--site", site, "--store", store, "--json").figures
    assert sum(figures["decoded"].values()) == half
    assert "future" not in figures["refused"]
    assert sum(figures["refused"].values()) == 8
    last_us = field.frames[half - 1].rx_us
    with sqlite3.connect(store) as connection:
        committed = connection.execute("SELECT max(time_us), count(*) FROM committed").fetchone()
    assert committed[0] == last_us // field.site.phase_us * field.site.phase_us
    assert committed[1] == committed[0] // field.site.phase_us - field.first_phase + 1


def test_nothing_is_left_behind(
    tmp_path: Path,
    site: Path,
    field: Recorded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without --store and --csv no file is made; progress and tables go where they belong."""
    path = capture(tmp_path / "day.pcap", field.frames)
    before = sorted(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    ran = Ran(capsys, "replay", path)
    assert ran.code == 0
    assert sorted(tmp_path.iterdir()) == before
    assert f"replay: {len(field.frames)} frames read" in ran.err
    assert "decoded: report" in ran.out
    assert site.name == "site.toml"
    assert "node 5" in ran.out


def test_a_database_in_a_folder_that_cannot_be_written(
    tmp_path: Path,
    site: Path,
    field: Recorded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A frame log on a read-only card is read through a copy, its write-ahead log included."""
    card = tmp_path / "card"
    card.mkdir()
    with Database.open(card / "gateway.sqlite") as database:
        FrameLog(database).append(field.frames)
        kept = {p.name: p.read_bytes() for p in card.iterdir() if not p.name.endswith("-shm")}
    for path in card.iterdir():
        path.unlink()
    for name, content in kept.items():
        (card / name).write_bytes(content)
    assert kept["gateway.sqlite-wal"], "the frames are still in the write-ahead log"
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != card and access(path, mode))
    ran = Ran(capsys, "replay", card / "gateway.sqlite", "--site", site, "--json")
    assert ran.figures["frames"] == len(field.frames)
    assert {p.name: p.read_bytes() for p in card.iterdir()} == kept
