# SPDX-License-Identifier: Apache-2.0
"""Runs the console until it is stopped, and says in plain words why it cannot start."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket

import uvicorn

from qres_gateway.console.app import LOOPBACK_HOSTS, create_app
from qres_gateway.console.hub import Hub
from qres_gateway.console.view import ConsoleData
from qres_gateway.errors import GatewayError


class ConsoleError(GatewayError):
    """The console cannot listen where it was told to."""

    code = "console"


class _Server(uvicorn.Server):
    """Ends the open event streams first; uvicorn would wait for them for ever."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


async def run_console(
    data: ConsoleData, host: str = "127.0.0.1", port: int = 8787, *, interval_s: float = 0.5
) -> None:
    """
    Serve the console until Ctrl-C, cancellation, or a failure of the data.

    Args:
        data: What to show.
        host: Address or name to listen on. Loopback unless you mean the whole network to see it.
        port: TCP port, 1..65535, or 0 for any free one.
        interval_s: Time between two looks at the data. [s]

    Raises:
        ConsoleError: The address cannot be listened on.
        ValueError: `port` is out of range.
        Exception: Whatever `data.snapshot()` raised in the feed, unchanged.
    """
    sock = open_socket(host, port)
    app = create_app(
        data, interval_s=interval_s, hosts=LOOPBACK_HOSTS if _is_loopback(sock) else None
    )
    config = uvicorn.Config(app, log_level="warning", lifespan="on", server_header=False)
    server = _Server(config, app.state.hub)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    feed: asyncio.Task[None] | None = None
    try:
        while not serving.done():
            await asyncio.wait([serving], timeout=0.2)
            feed = getattr(app.state, "feed", None)
            if feed is not None and feed.done():
                server.should_exit = True
    finally:
        server.should_exit = True
        await serving
        sock.close()
    if feed is not None and not feed.cancelled() and (error := feed.exception()) is not None:
        raise error


def open_socket(host: str, port: int) -> socket.socket:
    """A bound TCP socket. Raises ConsoleError that names the address, the cause and the fix."""
    if not 0 <= port <= 65535:
        raise ValueError(f"port must be 0..65535, got {port}")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise ConsoleError(
            f"the console cannot listen on {host!r}: no such host name or address"
        ) from error
    sock = socket.socket(family, kind, proto)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise ConsoleError(_bind_failure(host, port, error)) from error
    sock.setblocking(False)
    return sock


def _bind_failure(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"the console cannot use port {port} on {host}: another program already listens "
            f"there (perhaps a console that still runs). Stop it, or choose another port."
        )
    if error.errno == errno.EACCES:
        return (
            f"the console may not use port {port}: ports below 1024 need special rights. "
            f"Choose a port from 1024 to 65535."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"the console cannot listen on {host}: this machine does not have that address."
    return f"the console cannot listen on {host} port {port}: {error.strerror}"


def _is_loopback(sock: socket.socket) -> bool:
    return ipaddress.ip_address(sock.getsockname()[0]).is_loopback
