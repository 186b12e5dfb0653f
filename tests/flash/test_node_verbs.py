# SPDX-License-Identifier: Apache-2.0
"""`qres node show`, `log` and `time`: what is read, said, written to files, and never printed."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from qres_gateway.cli import COMMANDS, build_app
from qres_gateway.flash import worker
from qres_gateway.flash.errors import REASONS
from qres_gateway.flash.firmware import CHIPS
from qres_gateway.flash.job import (
    Failed,
    Log,
    Look,
    Message,
    Note,
    Outcome,
    ReadLog,
    Seen,
    Slot,
    Step,
    Task,
    Update,
)
from qres_gateway.node_tools.raw_log import decode
from tests.flash.mock_board import MockBoard, app_image, on_pty, on_socket
from tests.flash.nodes import (
    ABORTED,
    AT,
    LOG_BYTES,
    PENDING,
    ROWS,
    SLOTS,
    VALID,
    entry,
    make_node,
    put,
    qres_node,
)
from tests.flash.ring_build import FIRST_S, Ring, build_ring_rig, make_ring
from tests.flash.test_flash_secrets import shown
from tests.flash.test_flash_time import node, said
from tests.lanes import slow


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Ring:
    """A log of the length of these boards' partition, that has wrapped, with power cuts."""
    return make_ring(build_ring_rig(tmp_path_factory.mktemp("ring")), LOG_BYTES // 4096, 700, 5)


@pytest.fixture(autouse=True)
def worker_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """`invoke` does a worker's work in this process."""

    def run_here(task: Task, tell: Callable[[Message], None]) -> Outcome:
        outcome = worker.attempt(task, tell)
        tell(outcome)
        return outcome

    monkeypatch.setattr("qres_gateway.cli.node.run_task", run_here)


def invoke(*words: str | Path) -> Result:
    """`qres node` in this process."""
    return CliRunner().invoke(build_app("node"), ["node", *map(str, words)])


@pytest.mark.parametrize("chip", ["esp32c3", *slow(sorted(set(CHIPS) - {"esp32c3"}))])
def test_a_look_says_who_the_board_is(tmp_path: Path, ring: Ring, chip: str) -> None:
    """For each chip: identity, slots with their states, span of the log; nothing is written."""
    board, _ = make_node(tmp_path, chip, entry(1, VALID), entry(2, ABORTED), log=ring.data)
    put(board, SLOTS[1], app_image(CHIPS[chip], 4_000, version="1.1.0"))
    before = bytes(board.flash.data)
    with on_pty(board) as port:
        seen = worker.attempt(Look(port), list[Message]().append)
    assert isinstance(seen, Seen)
    assert (seen.chip, seen.mac, seen.flash_bytes) == (chip, board.mac, 4 << 20)
    assert (seen.identity["node_id"], seen.identity["name"]) == (3, "north")
    what = ("qres_node", "1.0.0", "Nov 22 2026 12:00:00", "v6.0.2")
    assert seen.slots == (
        Slot("ota_0", "confirmed", True, *what),
        Slot("ota_1", "taken back", False, "qres_node", "1.1.0", *what[2:]),
    )
    assert seen.log_places == len(ring.read) + ring.unread
    assert (seen.log_first_s, seen.log_last_s) == (ring.read[0][0], ring.read[-1][0])
    assert bytes(board.flash.data) == before
    assert board.flash.changes == []


def test_the_key_stays_in_the_worker(tmp_path: Path) -> None:
    """Neither what a worker says, nor what `show` prints, holds the key."""
    board, _ = make_node(tmp_path, "esp32c3", entry(1, VALID), entry(2, PENDING))
    with on_pty(board) as port:
        done = invoke("show", "--port", port, "--json")
    assert done.exit_code == 0, done.output
    assert not shown(done.output)
    row = json.loads(done.stdout)
    assert (row["ok"], row["log_places"], row["log_first_s"]) == (True, 0, None)
    assert [(s["name"], s["state"], s["starts"]) for s in row["slots"]] == [
        *(("ota_0", "confirmed", True), ("ota_1", "on trial", False)),
    ]
    told = list[Message]()
    with on_pty(board) as port:
        seen = worker.attempt(Look(port), told.append)
    assert not shown(repr(seen) + repr(told))
    (note,) = (m.text for m in told if isinstance(m, Note))
    assert "ota_1 was on trial" in note


def test_show_for_people(tmp_path: Path, ring: Ring) -> None:
    """Every fact in words; a board that is no node, and one that is empty, say so."""
    board, _ = make_node(tmp_path, "esp32s3", entry(1, VALID), log=ring.data)
    with on_pty(board) as port:
        text = invoke("show", "--port", port).stdout
    first, last = (r[0] for r in (ring.read[0], ring.read[-1]))
    state = "(confirmed), starts next"
    assert text.splitlines()[1:] == [
        f"node 3 (north) of field 0x01020304 (Rim), site {text.split('site ')[1][:8]}",
        f"ota_0: qres_node 1.0.0, built Nov 22 2026 12:00:00, ESP-IDF v6.0.2 {state}",
        "ota_1: no application",
        f"raw log: {len(ring.read) + ring.unread} places written, {utc(first)} to {utc(last)}",
    ]
    put(board, AT["qres_prov"], b"\xff" * 4096)
    put(board, AT["raw_log"], b"\xff" * LOG_BYTES)
    with on_pty(board) as port:
        text = invoke("show", "--port", port).stdout
    assert "no node: it has no provisioning record" in text
    assert "raw log: empty" in text
    with on_pty(MockBoard("esp32s3")) as port:
        text = invoke("show", "--port", port).stdout
    assert text.splitlines()[1:] == [
        *("no node: it has no provisioning record", "raw log: none"),
    ]


def utc(time_s: int) -> str:
    """As ISO 8601, from a known moment on."""
    days, rest = divmod(time_s - FIRST_S + (14 * 60 + 23) * 60 + 20, 86_400)
    return f"2026-09-{21 + days:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


@pytest.mark.parametrize("stub", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_log_is_read_whole(tmp_path: Path, ring: Ring, stub: bool) -> None:
    """From where the board's table says, with progress, with and without the loader in RAM."""
    board, _ = make_node(tmp_path, "esp32", entry(1, VALID), log=ring.data)
    told = list[Message]()
    with on_pty(board) as port:
        log = worker.attempt(ReadLog(port, stub=stub), told.append)
    assert isinstance(log, Log)
    assert log.data == ring.data
    assert [tuple(s[2:]) for s in decode(log.data).samples] == ring.read
    done = [(m.done, m.total) for m in told if isinstance(m, Step) and m.what == "raw log"]
    assert done[0] == (0, LOG_BYTES)
    assert done[-1] == (LOG_BYTES, LOG_BYTES)
    assert done == sorted(done)
    assert board.flash.changes == []


def test_log_from_board_and_from_dumps_is_the_same(tmp_path: Path, ring: Ring) -> None:
    """CSV of a board, of a dump of its flash, and of its partition alone: the same samples."""
    board, _ = make_node(tmp_path, "esp32c3", entry(1, VALID), log=ring.data)
    whole, part = tmp_path / "whole.bin", tmp_path / "part.raw"
    whole.write_bytes(board.flash.data)
    part.write_bytes(ring.data)
    out = tmp_path / "node3.csv"
    with on_pty(board) as port:
        done = invoke("log", "--port", port, "--out", out, "--json")
        assert done.exit_code == 0, done.output
        again = invoke("log", "--port", port, "--out", out)
    assert again.exit_code == 1
    assert "exists already; give --replace" in str(again.exception)
    said_ = json.loads(done.stdout)
    assert (said_["samples"], said_["torn"]) == (len(ring.read), ring.unread)
    assert said_["origin"]["mac"] == board.mac
    tables = [out.read_text(), *(invoke("log", "--image", p).stdout for p in (whole, part))]
    rows = [list(csv.DictReader(io.StringIO(text))) for text in tables]
    assert [r["node_id"] for r in (rows[0][0], rows[1][0], rows[2][0])] == ["3", "3", ""]
    assert [r["mac"] for r in (rows[0][0], rows[1][0])] == [board.mac, ""]
    own = ("mac", "field_id", "node_id", "node_name")
    plain = [[{k: v for k, v in row.items() if k not in own} for row in table] for table in rows]
    assert plain[0] == plain[1] == plain[2]
    assert len(plain[0]) == len(ring.read)
    parsed = json.loads(invoke("log", "--image", whole, "--json").stdout)
    assert len(parsed["samples"]) == len(ring.read)


def test_what_cannot_be_read_leaves_no_file(tmp_path: Path) -> None:
    """No raw log, no table, no node port, a foreign dump: exit code 1, the reason, and no file."""
    out = tmp_path / "x.csv"
    board, _ = make_node(tmp_path, "esp32c3")
    bare = MockBoard("esp32c3")
    for board_, reason in ((board, "raw_log"), (bare, "no_table")):
        put(board, AT["raw_log"], bytes(LOG_BYTES))
        with on_pty(board_) as port:
            done = invoke("log", "--port", port, "--out", out, "--json")
        assert done.exit_code == 1, done.output
        assert json.loads(done.stdout)["reason"] == reason
    absent = invoke("log", "--port", tmp_path / "none", "--out", out, "--json")
    assert (absent.exit_code, json.loads(absent.stdout)["reason"]) == (1, "port_missing")
    foreign = tmp_path / "foreign.bin"
    foreign.write_bytes(bytes(8192))
    done = invoke("log", "--image", foreign, "--out", out)
    assert done.exit_code == 1
    assert "this is no raw log of a node" in done.output
    assert not out.exists()


def test_a_board_without_a_raw_log(tmp_path: Path) -> None:
    """A table without the partition is refused in words, and the board is started again."""
    board, _ = make_node(tmp_path, "esp32c3")
    put(board, 0x8000 + 32 * (len(ROWS) - 1), b"\xff" * 32)
    with on_pty(board) as port:
        outcome = worker.attempt(ReadLog(port), list[Message]().append)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "no_log"
    assert "it keeps no raw log" in outcome.text


@pytest.mark.parametrize("share", [pytest.param(0.2, marks=pytest.mark.slow), 0.8])
def test_unplugged_while_it_is_read(tmp_path: Path, share: float) -> None:
    """A cable that breaks while the log is read: the reason, that nothing was written."""
    board, _ = make_node(tmp_path, "esp32c3", entry(1, VALID))
    with on_pty(board) as port:
        worker.attempt(ReadLog(port), list[Message]().append)
    whole = board.received
    board.received, board.unplug_after = 0, whole - int(40 * (1 - share))
    with on_pty(board) as port:
        outcome = worker.attempt(ReadLog(port), list[Message]().append)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "unplugged"
    assert "the board went away (raw log); nothing was written" in outcome.text


def test_busy_port(tmp_path: Path) -> None:
    """A port that another program holds is refused with what to close."""
    import serial  # type: ignore[import-untyped]  # noqa: PLC0415

    board, _ = make_node(tmp_path, "esp32c3")
    with on_pty(board) as port, serial.Serial(port, exclusive=True):
        outcome = worker.attempt(Look(port), list[Message]().append)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, "close serial monitors" in outcome.text) == ("port_busy", True)
    assert outcome.reason in REASONS


def test_time_is_a_verb_of_its_own() -> None:
    """`qres node time` tells the time as --set-time does; a refusal is exit code 1 and a reason."""
    with node(lambda line, _n: said(0, int(line.split()[1]) // 1_000_000)) as port:
        done = invoke("time", "--port", port, "--json")
    assert done.exit_code == 0, done.output
    row = json.loads(done.stdout)
    assert row["ok"] is True
    assert row["time_s"] > FIRST_S
    with node(lambda _line, _n: said(-4)) as port:
        done = invoke("time", "--port", port, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["reason"] == "no_time"
    assert "has the time already" in done.output


@pytest.mark.parametrize("verb", ["log", "update"])
def test_the_reset_that_tells_the_time_is_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """With --set-time the worker does not start the node: a second start would end a trial."""
    started: list[bool] = []

    def run(task: ReadLog | Update, _tell: object) -> Failed:
        started.append(task.start)
        return Failed("esptool", "enough")

    monkeypatch.setattr("qres_gateway.cli.node.run_task", run)
    make_node(tmp_path, "esp32c3")
    build = tmp_path / "old"
    words = ("log", "--port", "p") if verb == "log" else ("update", "--port", "p", "--firmware")
    command = words if verb == "log" else (*words, str(build))
    assert invoke(*command, "--set-time").exit_code == invoke(*command).exit_code == 1
    assert started == [False, True]


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    """Options that do not go together, and endings that cannot be written, are refused."""
    for words in (
        ["log"],
        ["log", "--port", "p", "--image", "f"],
        ["log", "--image", "f", "--set-time"],
        ["log", "--port", "p", "--out", str(tmp_path / "x.parquet")],
        ["update", "--port", "p"],
        ["show"],
    ):
        assert invoke(*words).exit_code == 2, words
    assert COMMANDS["node"].module == "qres_gateway.cli.node"


@pytest.mark.slow
def test_ctrl_c_leaves_no_file_and_no_worker(tmp_path: Path) -> None:
    """Ctrl-C while the port is silent: exit code 130, what to press, no file, no worker."""
    code = "from qres_gateway.cli import main; main()"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        out = tmp_path / "x.csv"
        command = [sys.executable, "-c", code, "node", "log", "--port", port, "--out", str(out)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == f"{port}: connect\n"
            client, _ = listener.accept()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 130
            assert "press RESET" in process.stderr.read()
            client.settimeout(10)
            while client.recv(4096):  # what the worker had sent; then its end is closed
                pass
            client.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_over_a_socket(tmp_path: Path, ring: Ring) -> None:
    """`qres node log` as a user runs it, over a pyserial URL: CSV on stdout, words on stderr."""
    board, _ = make_node(tmp_path, "esp32c6", entry(1, VALID), log=ring.data)
    with on_socket(board) as port:
        done = qres_node("log", "--port", port)
    assert done.returncode == 0, done.stderr
    assert len(list(csv.DictReader(io.StringIO(done.stdout)))) == len(ring.read)
    assert f"{len(ring.read)} samples, {utc(ring.read[0][0])} to" in done.stderr
    assert "raw log: 50 %" in done.stderr
