# SPDX-License-Identifier: Apache-2.0
"""`qres replay` when it cannot: one line that names what is wrong, and nothing is broken."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from qres_gateway.database import Database
from qres_gateway.errors import LogFullError
from qres_gateway.frame_log import FrameLog
from qres_gateway.sources.capture import write_capture
from qres_gateway.store_lock import lock_path, lock_store, store_holder
from tests.gateway.recorded_field import Recorded, recorded, write_field
from tests.gateway.test_cli_replay import Ran, capture, dump, logged


@pytest.fixture(scope="module")
def field() -> Recorded:
    """Thirty hours of six nodes."""
    return recorded()


@pytest.fixture
def site(tmp_path: Path, field: Recorded) -> Path:
    """The field's site file."""
    return write_field(tmp_path, field.site)


@pytest.fixture
def path(tmp_path: Path, field: Recorded) -> Path:
    """Its frames."""
    return capture(tmp_path / "day.pcap", field.frames)


def beacons(field: Recorded) -> int:
    """How many beacons there are among the frames."""
    return sum(sent.kind == "beacon" for phase in field.sent for sent in phase)


def test_a_wrong_key_is_named(
    tmp_path: Path, path: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beacons of the right site without proof: the key does not fit; exit code 1."""
    folder = tmp_path / "wrong"
    wrong = write_field(folder, field.site, key=bytes(range(16)))
    ran = Ran(capsys, "replay", path, "--site", wrong)
    assert ran.code == 1
    assert ran.last_words.startswith(
        f"error: The key does not fit: {beacons(field)} beacons came with"
    )
    assert f"{folder / 'field.key'} does not prove them" in ran.last_words
    assert "decoded: report" not in ran.out


def test_a_wrong_site_file_is_named(
    tmp_path: Path, path: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beacons with another site hash: the site file does not fit."""
    folder = tmp_path / "wrong"
    node = replace(field.site.nodes[0], lat_deg=field.site.nodes[0].lat_deg + 0.01)
    other = replace(field.site, name="moved", nodes=(node, *field.site.nodes[1:]))
    ran = Ran(capsys, "replay", path, "--site", write_field(folder, other))
    assert ran.code == 1
    assert ran.last_words.startswith(f"error: The site file does not fit: {beacons(field)} beacons")
    assert "that of the field 'moved'" in ran.last_words


def test_a_wrong_clock_is_named(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """A capture whose times are five hours late: the clocks disagree, and by how much."""
    late = [replace(f, rx_us=f.rx_us + 5 * 3_600_000_000) for f in field.frames]
    ran = Ran(capsys, "replay", capture(tmp_path / "late.pcap", late), "--site", site)
    assert ran.code == 1
    assert ran.last_words.startswith(f"error: The clocks disagree: {beacons(field)} beacons came")
    assert " 5.0 h back (the field says 2022-09-0" in ran.last_words


def test_another_channel_is_named(
    tmp_path: Path, path: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames of another spreading factor than the site file's: both channels are named."""
    folder = tmp_path / "wrong"
    wrong = write_field(folder, replace(field.site, sf=8))
    ran = Ran(capsys, "replay", path, "--site", wrong)
    assert ran.code == 1
    assert "frames on 869.525 MHz SF9/125 kHz, the site file says 869.525 MHz SF8/" in (
        ran.last_words
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty, 0 bytes"),
        (b"time,temp\n1,2\n", "no gateway's database and not a classic pcap file: it begins with"),
        (b"\xd4\xc3", "ends within its file header"),
        (bytes.fromhex("0a0d0d0a") + bytes(40), "pcapng, convert it: tshark -F pcap"),
        (bytes.fromhex("d4c3b2a1") + bytes(20), "link type must be 270, the file has 0"),
        (b"SQLite format 3\0" + bytes(4080), "is not a database"),
    ],
)
def test_a_file_that_is_no_capture(
    tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    """One line that names the file and what is wrong with it; exit code 1."""
    path, store = tmp_path / "x.pcap", tmp_path / "store.sqlite"
    path.write_bytes(content)
    ran = Ran(capsys, "replay", path, "--site", site, "--store", store)
    assert ran.code == 1
    assert str(path) in ran.last_words
    assert said in ran.last_words
    assert store_holder(store) is None


def test_files_of_others(
    tmp_path: Path, path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing capture, another program's database, a table that exists: named, and left alone."""
    ran = Ran(capsys, "replay", tmp_path / "none.pcap", "--site", site)
    assert (ran.code, ran.err) == (
        1,
        f"error: capture {tmp_path / 'none.pcap'}: No such file or directory\n",
    )
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    for arguments in ([foreign, "--site", site], [path, "--site", site, "--store", foreign]):
        ran = Ran(capsys, "replay", *arguments)
        assert ran.code == 1
        assert f"frame log {foreign}: is a database of another program" in ran.last_words
    table = tmp_path / "values.csv"
    table.write_text("mine")
    ran = Ran(capsys, "replay", path, "--site", site, "--csv", table)
    assert ran.code == 1
    assert ran.last_words == f"error: --csv = {table}: must be a new file; this one exists"
    assert table.read_text() == "mine"


def test_a_store_in_use(
    tmp_path: Path, path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store that a gateway holds is not touched, and the holder is named."""
    store = logged(tmp_path / "store.sqlite", [])
    before = dump(store)
    with lock_store(store, "qres gateway"):
        ran = Ran(capsys, "replay", path, "--site", site, "--store", store)
    assert ran.code == 1
    assert f"frame log {store}: is in use by qres gateway (process " in ran.last_words
    assert "choose another --store" in ran.last_words
    assert dump(store) == before
    assert store_holder(store) is None
    assert lock_path(store).exists(), "the file stays; only its lock meant anything"
    assert Ran(capsys, "replay", path, "--site", site, "--store", store).code == 0


def test_a_store_that_another_program_locks(
    tmp_path: Path, path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that works on the file with SQL is told from a gateway: the write lock is held."""
    store = logged(tmp_path / "store.sqlite", [])
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        ran = Ran(capsys, "replay", path, "--site", site, "--store", store)
    finally:
        other.close()
    assert ran.code == 1
    assert "another process holds the write lock" in ran.last_words


def test_a_full_store(
    tmp_path: Path,
    path: Path,
    site: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLITE_FULL in the middle: exit code 1, said in words, and the store is whole."""
    store = logged(tmp_path / "store.sqlite", [])
    opened = Database.open.__func__  # type: ignore[attr-defined]  # a classmethod's function

    def small(cls: type[Database], path: Path, /, **options: bool) -> Database:
        database: Database = opened(cls, path, **options)
        pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
        database.connection.execute(f"PRAGMA max_page_count={pages + 20}")
        return database

    with monkeypatch.context() as patch:
        patch.setattr(Database, "open", classmethod(small))
        ran = Ran(capsys, "replay", path, "--site", site, "--store", store)
    assert ran.code == 1
    assert f"frame log {store}: no room is left. Free space on its disk" in ran.last_words
    assert LogFullError.code == "log_full"
    with Database.open(store) as database:
        assert database.check() == []
    assert Ran(capsys, "replay", path, "--site", site, "--store", store).code == 0


def test_export_of_what_cannot_be(
    tmp_path: Path, path: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two files are wrong usage; a pcap file is one already; 62.5 kHz do not fit into LoRaTap."""
    out = tmp_path / "out.pcap"
    assert Ran(capsys, "replay", path, path, "--export", out).code == 2
    ran = Ran(capsys, "replay", path, "--export", out)
    assert ran.last_words == f"error: capture {path}: is a pcap file already"
    narrow = logged(tmp_path / "n.sqlite", [replace(f, bw_hz=62_500) for f in field.frames[:3]])
    ran = Ran(capsys, "replay", narrow, "--export", out)
    assert ran.code == 1
    assert "bw_hz must be a multiple of 125000" in ran.last_words
    assert not out.exists()


@pytest.mark.parametrize("arguments", [["replay"], ["replay", "x", "--speed", "3"]])
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """No capture, or an option that there is not: exit code 2 and how it is used."""
    ran = Ran(capsys, *arguments)
    assert ran.code == 2
    assert "Usage: qres replay" in ran.err


def test_an_empty_log_is_no_error(
    tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A capture without a frame is read, and said to have none."""
    write_capture(tmp_path / "empty.pcap", [])
    with Database.open(tmp_path / "empty.sqlite") as database:
        assert FrameLog(database).last_id == 0
    ran = Ran(capsys, "replay", tmp_path / "empty.pcap", tmp_path / "empty.sqlite", "--site", site)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "no frames"
