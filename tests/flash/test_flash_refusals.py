# SPDX-License-Identifier: Apache-2.0
"""`qres flash` refuses what it must, and says so in plain words."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from qres.errors import RangeError
from qres.provisioning import decode
from qres.site import load_site
from qres_gateway.flash import worker
from qres_gateway.flash.errors import REASONS, FlashError
from qres_gateway.flash.job import Done, Failed, Job, Message
from qres_gateway.flash.register import Entry, Keeper, Register, load_register, register_path
from qres_gateway.flash.runner import run_jobs
from qres_gateway.flash.tray import Place, check_places, parse_tray
from tests.flash.builds import RECORD_AT, jobs, make_build, make_site_file, qres_flash
from tests.flash.mock_board import MockBoard, on_pty, on_socket
from tests.qres.site_text import KEY

FIELD = 0x01020304


def refused(job: Job) -> FlashError:
    """Why *job* is refused."""
    with pytest.raises(FlashError) as caught:
        worker.flash(job, list[Message]().append)
    assert caught.value.reason in REASONS
    return caught.value


def failed(job: Job) -> Failed:
    """What a worker says when *job* fails."""
    outcome = worker.attempt(job, list[Message]().append)
    assert isinstance(outcome, Failed)
    assert outcome.reason in REASONS
    assert KEY.hex() not in outcome.text
    return outcome


def in_workers(work: tuple[Job, ...]) -> tuple[Done | Failed, ...]:
    """What becomes of *work* in worker processes."""
    return run_jobs(work, lambda _job, _message: None, lambda _job, _done: None)


def test_wrong_chip(tmp_path: Path) -> None:
    """Firmware for another chip is refused before a byte is written."""
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32s3")
    board = MockBoard("esp32c3")
    with on_socket(board) as port:
        error = refused(jobs(site_file, {3: port}, build)[0])
    assert error.reason == "wrong_chip"
    assert "the chip is esp32c3, the firmware is for esp32s3; nothing was written" in str(error)
    assert not board.flash.data.strip(b"\xff")


def test_chip_that_the_firmware_does_not_know(tmp_path: Path) -> None:
    """A chip outside the four is refused, also without firmware."""
    site_file = make_site_file(tmp_path)
    with on_socket(MockBoard("esp32s2")) as port:
        error = refused(jobs(site_file, {3: port}, None)[0])
    assert error.reason == "wrong_chip"
    assert "must be one of esp32, esp32c3, esp32s3, esp32c6" in str(error)


def test_existing_node_needs_replace(tmp_path: Path) -> None:
    """A board that is node 1 becomes node 3 with --replace only; node 1 again it may become."""
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c3")
    board = MockBoard("esp32c3")
    with on_socket(board) as port:
        worker.flash(jobs(site_file, {1: port}, build)[0], list[Message]().append)
        again = worker.flash(jobs(site_file, {1: port}, build)[0], list[Message]().append)
        before = bytes(board.flash.data)
        error = refused(jobs(site_file, {3: port}, build)[0])
        assert bytes(board.flash.data) == before
        done = worker.flash(
            jobs(site_file, {3: port}, build, replace=True)[0], list[Message]().append
        )
    assert error.reason == "other_node"
    assert "the board is node 1 of field 0x01020304 (Rim) already" in str(error)
    assert "--replace" in str(error)
    assert again.before == done.before == "node 1 of field 0x01020304 (Rim)"
    assert decode(bytes(board.flash.data[RECORD_AT:][:4096])).node_id == 3


def test_id_of_another_board_needs_replace(tmp_path: Path) -> None:
    """An id that the register gives to another board is refused without --replace."""
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c3")
    entry = Entry("24:0a:c4:00:00:01", "esp32c3", 3, "00000000", "", 0)
    Keeper(register_path(site_file), FIELD).add(entry)
    board = MockBoard("esp32c3")
    with on_socket(board) as port:
        error = refused(jobs(site_file, {3: port}, build)[0])
        assert not board.flash.data.strip(b"\xff")
        worker.flash(jobs(site_file, {3: port}, build, replace=True)[0], list[Message]().append)
    assert error.reason == "duplicate"
    assert f"node 3 is on board 24:0a:c4:00:00:01 already, this one is {board.mac}" in str(error)


def test_bad_flash(tmp_path: Path) -> None:
    """A flash cell that does not hold its bit ends in `bad_verify`, never in success."""
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c3")
    board = MockBoard("esp32c3")
    app = (build / "app.bin").read_bytes()
    board.flash.worn_at = 0x10000 + next(i for i in range(5000, 6000) if app[i] & 1)
    with on_socket(board) as port:
        outcome = failed(jobs(site_file, {3: port}, build)[0])
    assert outcome.reason == "bad_verify"
    assert "the flash does not hold what was written (firmware:" in outcome.text


@pytest.mark.parametrize(
    ("share", "state"),
    [(0.6, "half-written"), pytest.param(None, "nothing was written", marks=pytest.mark.slow)],
)
def test_unplugged(tmp_path: Path, share: float | None, state: str) -> None:
    """A board that goes away while it is written to is told apart from one that never began."""
    site_file = make_site_file(tmp_path)
    build = make_build(tmp_path / "build", "esp32c3", app_bytes=60_000)
    board = MockBoard("esp32c3")
    size = (build / "app.bin").stat().st_size
    board.unplug_after = 4000 if share is None else int(share * size)
    with on_socket(board) as port:
        (outcome,) = in_workers(jobs(site_file, {3: port}, build))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "unplugged"
    assert state in outcome.text
    assert bytes(board.flash.data[RECORD_AT:][:4]) != b"QPRV"


@pytest.mark.slow
def test_silent_port(tmp_path: Path) -> None:
    """A port on which nobody answers ends in `no_answer`, with what to press."""
    site_file = make_site_file(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        job = jobs(site_file, {3: f"socket://127.0.0.1:{listener.getsockname()[1]}"}, None)[0]
        error = refused(job)
    assert error.reason == "no_answer"
    assert "hold BOOT" in str(error)


def test_absent_and_busy_ports(tmp_path: Path) -> None:
    """A port that is not there and one that another program holds are told apart."""
    site_file = make_site_file(tmp_path)
    absent = refused(jobs(site_file, {3: str(tmp_path / "ttyUSB9")}, None)[0])
    assert absent.reason == "port_missing"
    import serial  # type: ignore[import-untyped]  # noqa: PLC0415

    with on_pty(MockBoard("esp32c3")) as port, serial.Serial(port, exclusive=True):
        busy = refused(jobs(site_file, {3: port}, None)[0])
    assert busy.reason == "port_busy"
    assert "close serial monitors" in str(busy)


def test_board_without_partition(tmp_path: Path) -> None:
    """Without firmware, a board that has no partition for the record is refused."""
    site_file = make_site_file(tmp_path)
    with on_socket(MockBoard("esp32")) as port:
        error = refused(jobs(site_file, {3: port}, None)[0])
    assert error.reason == "no_partition"
    assert "give --firmware or --image" in str(error)


def test_firmware_larger_than_the_flash(tmp_path: Path) -> None:
    """A layout that ends beyond the board's 4 MB is refused before a byte is written."""
    site_file = make_site_file(tmp_path)
    rows = (("qres_prov", 1, 0x40, 0x400000, 0x1000),)
    build = make_build(tmp_path / "build", "esp32s3", rows)
    board = MockBoard("esp32s3")
    with on_socket(board) as port:
        error = refused(jobs(site_file, {3: port}, build)[0])
    assert error.reason == "flash_too_small"
    assert "needs 4198400 bytes of flash, the board has 4194304" in str(error)
    assert not board.flash.data.strip(b"\xff")


def test_tray_names_each_node_and_port_once(tmp_path: Path) -> None:
    """A tray with a node or port twice, an unknown node, or no free node is refused."""
    site = load_site(make_site_file(tmp_path))
    none = Register(1, FIELD)
    assert parse_tray(["/dev/a", "1=/dev/b"], site, none) == (
        Place(3, "/dev/a"),
        Place(1, "/dev/b"),
    )
    for words, text in (
        (["1=/dev/a", "1=/dev/b"], "node = 1: must be named once only"),
        (["1=/dev/a", "3=/dev/a"], "port = /dev/a: must be named once only"),
        (["2=/dev/a"], "node = 2: must be one of the site's ids: 1, 3"),
        (["1=/dev/a", "3=/dev/b", "/dev/c"], "tray = /dev/c: every node of the site has a board"),
        (["1="], "port = '': must be named for node 1"),
    ):
        with pytest.raises(RangeError, match=text):
            check_places(parse_tray(words, site, none))


def test_register_keeps_one_board_a_node(tmp_path: Path) -> None:
    """A board that moves on, and a node that gets a new board, leave no second entry."""
    path = tmp_path / "site.boards.json"
    keeper = Keeper(path, FIELD)
    for mac, node in (("a", 1), ("b", 3), ("a", 3), ("c", 1)):
        keeper.add(Entry(mac, "esp32", node, "0", "", 0))
    assert [(e.mac, e.node_id) for e in load_register(path, FIELD).boards] == [("a", 3), ("c", 1)]
    assert load_register(path, 99).boards == ()


def test_worker_that_cannot_start_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies without a word is a failure of its board, with its last line."""
    monkeypatch.setattr(
        "qres_gateway.flash.runner._COMMAND", ("/bin/sh", "-c", "echo no >&2; exit 3")
    )
    work = jobs(make_site_file(tmp_path), {3: "/dev/null"}, None)
    (outcome,) = in_workers(work)
    assert outcome == Failed("worker", "/dev/null: the flashing process ended early: no")


@pytest.mark.slow
def test_one_bad_board_does_not_stop_the_tray(tmp_path: Path) -> None:
    """Of two boards one is absent: the other is flashed, the exit code is 1, JSON says which."""
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c3")
    with on_socket(MockBoard("esp32c3")) as port:
        done = qres_flash(
            *(site_file, "--tray", f"3={port}", "--tray", f"1={tmp_path}/none"),
            *("--firmware", build, "--json"),
        )
    assert done.returncode == 1, done.stderr
    rows = json.loads(done.stdout)["boards"]
    assert [(r["node"], r["ok"], r.get("reason")) for r in rows] == [
        *((3, True, None), (1, False, "port_missing")),
    ]
    assert "error:" in done.stderr


@pytest.mark.slow
def test_ctrl_c_leaves_no_worker(tmp_path: Path) -> None:
    """Ctrl-C while a port is silent ends with 130 at once, and with it the worker."""
    site_file = make_site_file(tmp_path)
    code = "from qres_gateway.cli import main; main()"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        command = [
            sys.executable,
            "-c",
            code,
            "flash",
            str(site_file),
            "--node",
            "3",
            "--port",
            port,
        ]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == f"{port}: node 3: connect\n"
            client, _ = listener.accept()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 130
            client.settimeout(10)
            while client.recv(4096):  # what the worker had sent; then its end is closed
                pass
            client.close()
