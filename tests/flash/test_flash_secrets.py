# SPDX-License-Identifier: Apache-2.0
"""The field key reaches the flash and nothing else; no eFuse can be burned."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from qres.provisioning import decode
from qres_gateway.cli import build_app
from qres_gateway.flash import worker
from qres_gateway.flash.firmware import load_folder
from qres_gateway.flash.job import Job, Message, Part
from tests.flash.builds import jobs, make_build, make_site_file
from tests.flash.mock_board import MockBoard, on_socket
from tests.qres.site_text import KEY
from tests.sources import ROOT, own_files, relative

CLI = ("gateway/qres_gateway/cli/flash.py", "gateway/qres_gateway/cli/node.py")
EFUSE_WRITERS = ("espefuse", "burn", "write_reg", "write_efuse", "espsecure", "force", "encrypt")


def shown(text: str) -> bool:
    """Whether *text* holds the key in one of the ways in which it could be printed."""
    return KEY.hex() in text.lower() or repr(KEY)[2:-1] in text or str(list(KEY))[1:-1] in text


def test_no_code_can_burn_an_efuse() -> None:
    """Nothing in the kit names espefuse, or calls what could burn, encrypt or force."""
    found = []
    rooms = ("gateway/qres_gateway/flash", "gateway/qres_gateway/node_tools")
    own = [*(p for r in rooms for p in own_files(".py", under=r)), *(ROOT / c for c in CLI)]
    for path in own:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else ""
            name = node.id if isinstance(node, ast.Name) else name
            name = node.arg or "" if isinstance(node, ast.keyword) else name
            name = node.name if isinstance(node, ast.alias) else name
            if name in EFUSE_WRITERS:
                found.append(f"{relative(path)}: {name}")
    assert len(own) > 20
    assert found == []
    assert [
        p for p in own_files(".py", ".sh", under="gateway") if "espefuse" in p.read_text()
    ] == []


def test_key_goes_by_the_pipe_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `qres flash --json` ends with 0 and the board's identity, and enters it in the register.

    Its worker is started without the key, which is on no command line, in no environment, in no
    output, and in no file but the key file.
    """
    started: list[str] = []
    start = subprocess.Popen

    def watched(*args: Any, **kwargs: Any) -> Any:
        started.append(repr((args, kwargs, dict(os.environ))))
        return start(*args, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", watched)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c3")
    board = MockBoard("esp32c3")
    with on_socket(board) as port:
        command = [str(site_file), "--node", "3", "--port", port, "--firmware", str(build)]
        done = CliRunner().invoke(
            build_app("flash"), ["flash", *command, "--label", str(tmp_path / "l"), "--json"]
        )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["ok"] is True
    (row,) = report["boards"]
    assert (row["node"], row["chip"], row["mac"]) == (3, "esp32c3", board.mac)
    assert row["identity"]["name"] == "north"
    (entry,) = json.loads((tmp_path / "site.boards.json").read_text())["boards"]
    assert (entry["mac"], entry["node_id"]) == (board.mac, 3)
    assert entry["firmware"] == load_folder(build).digest

    assert decode(bytes(board.flash.data[0x9000:0xA000])).key == KEY
    assert len(started) == 1
    assert not shown(started[0])
    assert not shown(done.output)
    holding = [
        path.name
        for path in tmp_path.rglob("*")
        if path.is_file() and (KEY in path.read_bytes() or shown(path.read_text("latin-1")))
    ]
    assert holding == ["site.key"]
    assert {"site.boards.json", "node-003.svg", "node-003.png"} <= {
        path.name for path in tmp_path.rglob("*")
    }


def test_nothing_prints_the_key(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Flashing in this process, esptool included, prints and logs nothing that holds the key."""
    caplog.set_level(logging.DEBUG)
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c3")
    told: list[Message] = []
    with on_socket(MockBoard("esp32c3")) as port:
        (job,) = jobs(site_file, {3: port}, build)
        worker.flash(job, told.append)
    out, err = capfd.readouterr()
    assert not shown(out + err + caplog.text + repr(told))
    assert not shown(repr(job) + repr(Part(0, job.record, "record")))


def test_record_in_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """--out writes mode 0600 and does not replace a file unasked."""
    site_file = make_site_file(tmp_path)
    out = tmp_path / "node3.bin"
    command = ["flash", str(site_file), "--node", "3", "--out", str(out)]
    done = CliRunner().invoke(build_app("flash"), command)
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert decode(out.read_bytes()).node_id == 3
    assert not shown(done.output)
    again = CliRunner().invoke(build_app("flash"), command)
    assert isinstance(again.exception, FileExistsError)


def test_job_passes_the_pipe_whole() -> None:
    """A job is the same after the pipe; its printed form names port and node only."""
    job = Job("p", "esp32", (Part(0, b"\x00\xff", "a"),), KEY, None, 1, 2)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(job), type=Job) == job
    assert repr(job) == "Job('p', node 2)"
    assert io.StringIO(f"{job}").read() == "Job('p', node 2)"
