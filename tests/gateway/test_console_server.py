# SPDX-License-Identifier: Apache-2.0
"""The console on a real socket: the stream, a clean stop, and why it may not start."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import closing
from typing import Any

import httpx
import pytest

from qres_gateway.console import ConsoleError, Snapshot, run_console
from qres_gateway.console.server import open_socket
from tests.gateway.fake_console import HOUR_US, START_US, FakeConsole, flemish_places


class Ticking(FakeConsole):
    """Ten minutes pass with every look."""

    def __init__(self, **options: Any) -> None:
        self.us = START_US + 10 * HOUR_US
        super().__init__(flemish_places(), lambda: self.us, **options)

    def snapshot(self) -> Snapshot:
        """The state after ten more minutes."""
        self.us += 600_000_000
        return super().snapshot()


def free_port() -> int:
    """A port that was free a moment ago."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def until_up(client: httpx.AsyncClient) -> None:
    """Waits for the first answer."""
    for _ in range(200):
        try:
            await client.get("/healthz")
        except httpx.ConnectError:
            await asyncio.sleep(0.02)
        else:
            return
    raise TimeoutError("the console did not answer within 4 s")


async def events(client: httpx.AsyncClient, count: int) -> list[tuple[str, dict[str, Any]]]:
    """The first events of the stream."""
    found: list[tuple[str, dict[str, Any]]] = []
    name = ""
    async with client.stream("GET", "/api/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
            if len(found) == count:
                return found
    return found


def test_the_stream_over_http_and_a_clean_stop() -> None:
    """A browser gets the state and changes; cancelling the console ends it with a stream open."""

    async def run() -> list[tuple[str, dict[str, Any]]]:
        port = free_port()
        console = asyncio.create_task(run_console(Ticking(), port=port, interval_s=0.02))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_up(client)
            found = await events(client, 4)
            async with client.stream("GET", "/api/events") as still_open:
                assert still_open.status_code == 200
                console.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asyncio.wait_for(console, timeout=5)
        return found

    found = asyncio.run(run())
    assert [name for name, _ in found] == ["snapshot", "delta", "delta", "delta"]
    assert [body["seq"] for _, body in found[1:]] == [found[0][1]["seq"] + n for n in (1, 2, 3)]


def test_a_failure_of_the_data_ends_the_console() -> None:
    """The error of the data comes out of run_console; it is not shown as an old, quiet field."""

    class Failing(Ticking):
        def snapshot(self) -> Snapshot:
            if self.us > START_US + 11 * HOUR_US:
                raise ValueError("ledger is closed")
            return super().snapshot()

    async def run() -> None:
        port = free_port()
        console = asyncio.create_task(run_console(Failing(), port=port, interval_s=0.02))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_up(client)
            await events(client, 100)
            with pytest.raises(ValueError, match="ledger is closed"):
                await asyncio.wait_for(console, timeout=5)

    asyncio.run(run())


def test_a_busy_port_is_told_in_words() -> None:
    """The message names the port, the likely cause and the way out."""
    with closing(open_socket("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConsoleError, match=f"cannot use port {port} on 127.0.0.1: another"):
            asyncio.run(run_console(Ticking(), port=port))


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("no such host", "no such host name or address"),
        ("192.0.2.1", "does not have that address"),
    ],
)
def test_a_wrong_host_is_told_in_words(host: str, words: str) -> None:
    """192.0.2.1 is kept for documentation (RFC 5737), so no machine has it."""
    with pytest.raises(ConsoleError, match=words):
        open_socket(host, 0)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    """The error names the limit and the value."""
    with pytest.raises(ValueError, match=rf"port must be 0\.\.65535, got {port}"):
        open_socket("127.0.0.1", port)


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    """The default host of run_console is this machine only."""
    assert run_console.__defaults__ == ("127.0.0.1", 8787)
