# SPDX-License-Identifier: Apache-2.0
"""`qres audit`, run as a user runs it: exit codes, files, and what it leaves alone."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from qres.keys import read_key_file
from qres.site import load_site
from qres_gateway.audit import run as audit_run
from qres_gateway.audit.hours_csv import COLUMNS
from qres_gateway.audit.store import AuditStore, open_store
from qres_gateway.database import Database
from qres_gateway.field_rules import rules_for
from qres_gateway.frame_log import FrameLog
from qres_gateway.outbox import Outbox
from qres_gateway.replay.captures import open_capture
from qres_gateway.replay.run import replay
from qres_gateway.sources.capture import write_capture
from tests.gateway.audit.made_store import (
    HOUR_US,
    START_US,
    Made,
    Sent,
    every,
    made,
    make_store,
    run,
    run_json,
)
from tests.gateway.recorded_field import Recorded, recorded, write_field

MINUTE_US = 60_000_000
FIVE_HOURS = every(10 * MINUTE_US, 5 * HOUR_US)


@pytest.fixture
def small(tmp_path: Path) -> Made:
    """Five hours of one node of four."""
    return made(tmp_path / "field", FIVE_HOURS)


def audit_args(m: Made, *more: object) -> tuple[object, ...]:
    """Arguments for a site and its store."""
    return ("audit", m.store, "--site", m.site_file, *more)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder, but for SQLite's shared memory."""
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.iterdir())
        if p.is_file() and not p.name.endswith(("-shm", "-wal"))
    }


def test_exit_codes(small: Made, capsys: pytest.CaptureFixture[str]) -> None:
    """0 within, 1 over a limit, 1 not auditable, 1 no such store, 2 wrong usage."""
    assert run(capsys, *audit_args(small))[0] == 0
    code, out, _ = run(capsys, *audit_args(small, "--limit-bytes-h", 35))
    assert code == 1
    assert "the field sent 36 bytes in 60 minutes" in out.replace("\n", " ").lower()
    code, out, _ = run(capsys, *audit_args(small, "--from", "2024-10-03"))
    assert code == 1
    assert out.startswith("Not auditable.")
    code, _, err = run(capsys, "audit", small.store.with_name("x"), "--site", small.site_file)
    assert code == 1
    assert "No such file" in err


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (("--from", "yesterday"), "--from"),
        (("--to", "2024-13-01"), "--to"),
        (("--html", "out.txt"), ".html"),
        (("--csv", "out.html"), ".csv"),
        (("--html", "nowhere/out.html"), "nowhere"),
        (("--min-coverage", "1.5"), "min-coverage"),
        (("--limit-bytes-h", "0"), "limit-bytes-h"),
    ],
)
def test_wrong_usage(
    small: Made, capsys: pytest.CaptureFixture[str], more: tuple[str, str], named: str
) -> None:
    """Exit code 2, and the option is named."""
    code, _, err = run(capsys, *audit_args(small, *more))
    assert code == 2
    assert named in err


def test_a_period_that_ends_before_it_begins(
    small: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, both ends are named."""
    code, _, err = run(capsys, *audit_args(small, "--from", "2024-10-05", "--to", "2024-10-04"))
    assert code == 1
    assert "--to = 2024-10-04T00:00:00Z: must not be before --from = 2024-10-05T00:00:00Z" in err


def test_the_figures_have_their_schema(
    small: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of JSON that the published schema describes, with and without a frame."""
    schema = json.loads(
        files("qres_gateway.audit").joinpath("schema.json").read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    code, figures = run_json(capsys, *audit_args(small))
    assert (code, figures["verdict"]) == (0, "within")
    jsonschema.validate(figures, schema)
    code, figures = run_json(capsys, *audit_args(made(tmp_path / "empty", [])))
    assert (code, figures["verdict"]) == (1, "not_auditable")
    jsonschema.validate(figures, schema)


def test_the_store_is_only_read(small: Made, capsys: pytest.CaptureFixture[str]) -> None:
    """Its bytes, and those of every other file beside it, are what they were."""
    before = digests(small.store.parent)
    assert run(capsys, *audit_args(small))[0] == 0
    assert digests(small.store.parent) == before


def test_what_a_killed_gateway_left(
    small: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A write-ahead log that nobody has folded in is read with the store, and left as it is."""
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with Database.open(small.store) as database:
        database.connection.execute("DELETE FROM decoded WHERE frame_id > 20")
        for suffix in ("", "-wal"):
            part = small.store.with_name(small.store.name + suffix)
            shutil.copyfile(part, crashed / part.name)
    names = ("gateway.sqlite", "gateway.sqlite-wal")
    before = [(crashed / name).read_bytes() for name in names]
    assert before[1], "the log holds what was written last"
    code, figures = run_json(capsys, "audit", crashed / "gateway.sqlite", "--site", small.site_file)
    assert (code, figures["accepted"]["total"]["frames"]) == (0, 20)
    assert [(crashed / name).read_bytes() for name in names] == before


def test_an_open_store_refuses_to_be_written(small: Made) -> None:
    """Not by convention: SQLite itself refuses."""
    with open_store(small.store) as store, pytest.raises(OperationalError, match="readonly"):
        store._database.connection.execute("DELETE FROM airtime")


def test_a_store_on_a_read_only_medium(
    small: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be written is no hindrance, and nothing appears in it."""
    before = sorted(p.name for p in small.store.parent.iterdir())
    monkeypatch.setattr(os, "access", lambda *_: False)  # what the system would say
    assert run(capsys, *audit_args(small))[0] == 0
    assert sorted(p.name for p in small.store.parent.iterdir()) == before


def test_while_the_gateway_writes(small: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer is not held up, and what it adds while rows are read is not in the sums."""
    alone = small.figures()
    original = AuditStore.count

    def count_and_write(self: AuditStore) -> int:
        n = original(self)
        make_more(small)
        return n

    monkeypatch.setattr(AuditStore, "count", count_and_write)
    during = small.figures()
    monkeypatch.undo()
    assert during["accepted"] == alone["accepted"]
    assert during["made"]["frames_sha256"] == alone["made"]["frames_sha256"]
    after = small.figures()
    assert (alone["deliveries"]["undecoded"], after["deliveries"]["undecoded"]) == (0, 1)
    assert after["deliveries"]["all"] == alone["deliveries"]["all"] + 1


def make_more(m: Made) -> None:
    """A frame more in the log, durable."""
    with Database.open(m.store, lock_timeout_ms=0) as database:
        log = FrameLog(database)
        (row,) = log.after(0, 1)
        log.append([row.frame])
        assert Outbox(database).last_frame_id > 0


def test_the_table_has_a_row_for_each_node_and_hour(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Silent ones too; its columns sum to the figures; names cannot be formulas."""
    hole = [s for s in every(10 * MINUTE_US, 9 * HOUR_US) if not 2 < s.at_us / HOUR_US < 6]
    m = made(tmp_path / "field", [*hole, Sent(8 * HOUR_US + 5, 1, "beacon", 16)])
    named = m.site_file.read_text().replace(m.site.nodes[2].name, "=cmd|x")
    m.site_file.write_text(named)
    path = tmp_path / "out.csv"
    path.write_text("an older one")
    code, figures = run_json(capsys, *audit_args(m, "--csv", path, "--min-coverage", 0.1))
    assert code == 0
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 9 * 4
    assert len({(r["hour_utc"], r["node"]) for r in rows}) == len(rows)
    for name in ("frames", "bytes", "airtime_us"):
        assert sum(int(r[name]) for r in rows) == figures["accepted"]["total"][name]
    assert sum(int(r["beacon_bytes"]) for r in rows) == 16
    assert {r["name"] for r in rows if r["node"] == "2"} == {"'=cmd|x"}
    covered = {r["hour_utc"][11:13]: float(r["covered_s"]) for r in rows}
    assert covered["00"] == 3600
    assert covered["03"] == 0
    worst = {int(r["worst_60min_airtime_us"]) for r in rows if r["node"] == "0"}
    assert max(worst) == figures["law"]["worst_us"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_what_is_interrupted_leaves_the_old_files(
    small: Made,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Any,
) -> None:
    """Ctrl-C or a full disk in the middle: the older table and report stay, and nothing else."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.csv", "a.html"):
        (out / name).write_text("older")

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(audit_run, "clock_hours", fails)
    args = audit_args(small, "--csv", out / "a.csv", "--html", out / "a.html")
    code, _, err = run(capsys, *args)
    assert code == (130 if error is KeyboardInterrupt else 1), err
    assert {p.name: p.read_text() for p in out.iterdir()} == {"a.csv": "older", "a.html": "older"}


@pytest.fixture(scope="module")
def field() -> Recorded:
    """Thirty hours of six nodes on recorded weather."""
    return recorded()


@pytest.fixture
def decoded(tmp_path: Path, field: Recorded) -> Callable[[], Made]:
    """Their frames as capture, and the store that a replay makes of it."""

    def make() -> Made:
        site_file = write_field(tmp_path / "real", field.site)
        site = load_site(site_file)
        write_capture(tmp_path / "day.pcap", field.frames)
        store = tmp_path / "real" / "gateway.sqlite"
        rules = rules_for(site, read_key_file(site.key_file))
        replay([open_capture(tmp_path / "day.pcap")], store, site, rules, _Quiet())
        return Made(site_file, store)

    return make


class _Quiet:
    def added(self, frames: int) -> None:
        """Nobody watches."""

    def folded(self, rows: int, of: int) -> None:
        """Nobody watches."""


def test_the_audit_of_a_field_is_what_was_on_air(
    decoded: Callable[[], Made],
    field: Recorded,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing lost: the sums are those of the transmitters; store, capture and --anew agree."""
    m = decoded()
    code, of_store = run_json(capsys, *audit_args(m))
    assert code == 0
    sent = [t for phase in field.sent for t in phase]
    assert of_store["accepted"]["total"] == {
        "frames": len(sent),
        "bytes": sum(len(t.frame) for t in sent),
        "airtime_us": sum(t.end_us - t.start_us for t in sent),
    }
    for node in of_store["nodes"]:
        own = [t for t in sent if field.site.ids[t.sender] == node["node"]]
        assert (node["frames"], node["bytes"]) == (len(own), sum(len(t.frame) for t in own))
    assert of_store["ledger"]["hours_differ"] == 0
    assert of_store["unseen"]["beacons_heard"] >= of_store["unseen"]["beacons_due"] - 1
    assert of_store["unseen"]["heartbeats_missing"] == 0
    assert next(p for p in of_store["peers"] if p["key"] == "send_on_delta")["bytes"] > 0
    m.site.key_file.rename(tmp_path / "away.key")
    assert run(capsys, *audit_args(m))[0] == 0  # the key is not needed for a store
    (tmp_path / "away.key").rename(m.site.key_file)
    _, of_capture = run_json(capsys, "audit", tmp_path / "day.pcap", "--site", m.site_file)
    _, anew = run_json(capsys, *audit_args(m, "--anew"))
    for other in (of_capture, anew):
        for name in ("frames_sha256", "site_sha256", "figures_sha256"):
            assert other["made"][name] == of_store["made"][name]


def test_the_exact_period_gives_the_same_hashes(
    small: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the report says under "exact period" is what somebody else has to type."""
    _, first = run_json(capsys, *audit_args(small))
    _, again = run_json(capsys, *audit_args(small, *first["made"]["again"].split()))
    for name in ("frames_sha256", "figures_sha256"):
        assert again["made"][name] == first["made"][name]
    begin = datetime.fromtimestamp(START_US / 1e6, UTC).isoformat()
    _, whole = run_json(capsys, *audit_args(small, "--from", begin, "--to", "2024-10-04T05:00"))
    assert whole["hours"]["whole"] == 5


def test_frames_of_a_lossy_field_are_asked_for(tmp_path: Path, field: Recorded) -> None:
    """Every third frame lost: beacons tell the share, and the true one is in its interval."""
    site_file = write_field(tmp_path / "lossy", field.site)
    site = load_site(site_file)
    kept = [f for i, f in enumerate(field.frames) if i % 3]
    write_capture(tmp_path / "lossy.pcap", kept)
    store = tmp_path / "lossy" / "gateway.sqlite"
    rules = rules_for(site, read_key_file(site.key_file))
    replay([open_capture(tmp_path / "lossy.pcap")], store, site, rules, _Quiet())
    f = Made(site_file, store).figures()
    unseen = f["unseen"]
    assert unseen["beacons_heard"] < unseen["beacons_due"]
    assert unseen["share_heard_low"] < 2 / 3 < unseen["share_heard_high"]
    lost = len(field.frames) - f["accepted"]["total"]["frames"]
    assert 0 < unseen["frames_missing_least"] <= lost


def test_make_store_counts_as_a_gateway_does(tmp_path: Path) -> None:
    """The helper of these tests writes a store whose ledger is that of its frames."""
    m = made(tmp_path / "a", FIVE_HOURS)
    other = make_store(tmp_path / "other.sqlite", m.site, FIVE_HOURS)
    with open_store(other) as store:
        assert sum(s.frames for _, s in store.ledger(0, 1 << 40)) == len(FIVE_HOURS)
