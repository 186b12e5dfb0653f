# SPDX-License-Identifier: Apache-2.0
"""An independent client of Grafana, mcp-grafana by Grafana Labs, against the same stand-in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from qres_dashboards import generate
from qres_dashboards.push import Grafana
from tests.dashboards.fake_grafana import EDITOR, VIEWER, Fake, fake_grafana

BOARDS = generate.boards()
PROGRAM = Path(sys.executable).with_name("mcp-grafana")


class Client:
    """The client's program, spoken to by JSON-RPC over its pipes."""

    def __init__(self, into: IO[str], out_of: IO[str]) -> None:
        self._into, self._out_of, self._id = into, out_of, 0
        about = {"name": "tests", "version": "1"}
        start = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": about}
        self._call("initialize", start)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def use(self, tool: str, **arguments: Any) -> Any:
        """
        What *tool* gives.

        Raises:
            AssertionError: It says that it failed.
        """
        result = self._call("tools/call", {"name": tool, "arguments": arguments})
        (content,) = result["content"]
        assert not result.get("isError"), content["text"]
        return json.loads(content["text"])

    def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": parameters})
        for line in self._out_of:
            answer = json.loads(line)
            if answer.get("id") == self._id:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
        raise AssertionError("mcp-grafana ended")

    def _send(self, message: dict[str, Any]) -> None:
        self._into.write(json.dumps(message) + "\n")
        self._into.flush()


def client(fake: Fake, token: str, home: Path) -> Iterator[Client]:
    """The program, started for *fake*."""
    program = str(PROGRAM) if PROGRAM.exists() else shutil.which("mcp-grafana")
    if program is None:
        pytest.skip("needs mcp-grafana: pip install mcp-grafana")
    with subprocess.Popen(
        [program, "-t", "stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={
            "GRAFANA_URL": fake.url,
            "GRAFANA_SERVICE_ACCOUNT_TOKEN": token,
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
        },
    ) as process:
        assert process.stdin
        assert process.stdout
        yield Client(process.stdin, process.stdout)
        process.terminate()


@pytest.fixture
def fake() -> Iterator[Fake]:
    """A running stand-in."""
    with fake_grafana() as found:
        yield found


@pytest.fixture
def editor(fake: Fake, tmp_path: Path) -> Iterator[Client]:
    """The client with a token that may write."""
    yield from client(fake, EDITOR, tmp_path)


@pytest.fixture
def viewer(fake: Fake, tmp_path: Path) -> Iterator[Client]:
    """The client with a token that may only read."""
    yield from client(fake, VIEWER, tmp_path)


@pytest.mark.slow
def test_it_finds_and_reads_what_push_sent(fake: Fake, editor: Client) -> None:
    """The client finds every board in its folder, and reads every panel's query out of it."""
    Grafana(fake.url, EDITOR).push(list(BOARDS.values()))
    found = editor.use("search_dashboards", query="QRES")["dashboards"]
    assert {b["uid"] for b in found} == {b["uid"] for b in BOARDS.values()}
    assert {b["folderUid"] for b in found} == {"qres"}
    for board in BOARDS.values():
        targets = [t for panel in board["panels"] for t in panel.get("targets", [])]
        if targets:
            read = editor.use("get_dashboard_panel_queries", uid=board["uid"])
            ours = [t.get("query") or t["expression"] for t in targets]
            assert sorted(q["query"] for q in read) == sorted(ours)


@pytest.mark.slow
def test_its_own_writing_is_taken_and_then_left_alone(fake: Fake, editor: Client) -> None:
    """The stand-in takes what the client writes, so push finds boards that others made the same."""
    editor.use("create_folder", title="QRES", uid="qres")
    for board in BOARDS.values():
        editor.use("update_dashboard", dashboard=board, folderUid="qres", message="by the client")
    pushed = Grafana(fake.url, EDITOR).push(list(BOARDS.values()))
    assert {p.result for p in pushed} == {"unchanged"}


@pytest.mark.slow
def test_the_stand_in_refuses_it_too(fake: Fake, viewer: Client) -> None:
    """A token that may only read is refused for the client as it is for push."""
    with pytest.raises(AssertionError, match="permission"):
        viewer.use("update_dashboard", dashboard=BOARDS["rf"], overwrite=True)
    assert fake.boards == {}
