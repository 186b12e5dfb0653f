# SPDX-License-Identifier: Apache-2.0
"""`--set-time`: what the computer makes of a node's answers. A node's own part: tests/firmware."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qres_gateway.cli import build_app
from qres_gateway.flash.errors import REASONS, FlashError
from qres_gateway.flash.node_time import set_time, time_line
from tests.flash.builds import make_build, make_site_file
from tests.flash.mock_board import MockBoard, on_socket

NOW_US = 1_790_000_000_000_000


@contextmanager
def node(answer: Callable[[bytes, int], bytes]) -> Iterator[str]:
    """A node on a loopback port that says *answer* to each line, given the line and its number."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, client.makefile("rb") as lines:
                client.sendall(b"I (9) boot: noise\r\nI (412) qres: console 15 0\r\n")
                for number, line in enumerate(lines):
                    client.sendall(answer(line, number))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join()


def said(code: int, second: int = NOW_US // 1_000_000) -> bytes:
    """A node's answer, as its log prints it."""
    return b"I (500) qres: time %d %d\r\n" % (code, second)


def test_the_line_is_that_of_the_firmware() -> None:
    """The example of firmware/README.md, which units.c feeds to the firmware."""
    assert time_line(NOW_US) == b"time 1790000000000000 31cd\n"


def test_the_time_is_told_until_it_is_taken() -> None:
    """A line that was damaged is sent again; the time that was taken comes back."""
    with node(lambda _, number: said(-2 if number == 0 else 0)) as port:
        assert set_time(port, lambda: NOW_US) == NOW_US // 1_000_000


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (said(-3), "before the node's provisioning"),
        (said(-4), "has the time already"),
        (said(0, 7), "took another time than it was told"),
        (b"E (1) qres: provision -2 0\r\n", "the board is no node yet"),
        (b"", "did not take the time"),
    ],
)
def test_a_refusal_is_said_in_words(answer: bytes, text: str) -> None:
    """Too early, too late, another time, no node, no answer: each is an error that says so."""
    with node(lambda _line, _number: answer) as port, pytest.raises(FlashError) as caught:
        set_time(port, lambda: NOW_US, patience_s=1.0)
    assert text in str(caught.value)
    assert caught.value.reason in REASONS


def test_a_port_that_is_not_there() -> None:
    """An absent port is an error that names it."""
    with pytest.raises(FlashError, match="/dev/absent: it cannot be opened"):
        set_time("/dev/absent")


@pytest.mark.parametrize("takes_it", [True, False])
def test_flash_tells_the_time_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes_it: bool
) -> None:
    """The board is flashed and registered either way; a time that was not taken is exit code 1."""
    told: list[str] = []

    def tell(port: str) -> int:
        told.append(port)
        if not takes_it:
            raise FlashError("no_time", f"{port}: refused")
        return 1

    monkeypatch.setattr("qres_gateway.cli.flash.set_time", tell)
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c3")
    with on_socket(MockBoard("esp32c3")) as port:
        words = ["flash", str(site_file), "--node", "3", "--port", port, "--set-time"]
        done = CliRunner().invoke(build_app("flash"), [*words, "--firmware", str(build)])
        assert told == [port]
    assert done.exit_code == (0 if takes_it else 1), done.output
    assert (tmp_path / "site.boards.json").is_file()
