# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import errno
import json
import socket
from typing import TYPE_CHECKING

import pytest

from qres_gateway.errors import AddressError, PortBusyError
from qres_gateway.sources.udp import UdpSource, kernel_drops
from tests.gateway.fake_field import DAY_US, FakeClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EUI = bytes.fromhex("aa555a0000000101")
PULL = b"\x02\x00\x07\x02" + EUI
GUARD_S = 20.0  # only a failing test waits this long


def push(*values: int, token: bytes = b"\x12\x34", eui: bytes = EUI) -> bytes:
    """A PUSH_DATA datagram with one frame per value."""
    packets = [
        {
            "tmst": 1000 * value,
            "freq": 868.3,
            "stat": 1,
            "modu": "LORA",
            "datr": "SF9BW125",
            "rssi": -90,
            "lsnr": 2.5,
            "size": 3,
            "data": f"AAA{chr(65 + value)}",
        }
        for value in values
    ]
    return b"\x02" + token + b"\x00" + eui + json.dumps({"rxpk": packets}).encode()


class Forwarder:
    """The other end: a UDP socket on loopback."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(("127.0.0.1", port))

    async def ask(self, datagram: bytes) -> bytes:
        """Send, and wait for the answer."""
        self.socket.send(datagram)
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recv(self.socket, 100), GUARD_S)


def with_source(
    test: Callable[[UdpSource, Forwarder], Awaitable[None]],
    *,
    receivers: tuple[str, ...] = (),
    queue_datagrams: int = 100,
) -> None:
    """Run a test against a started source on a free port."""

    async def run() -> None:
        source = UdpSource(
            FakeClock(), port=0, receivers=receivers, queue_datagrams=queue_datagrams
        )
        await source.start()
        forwarder = Forwarder(source.port)
        try:
            await test(source, forwarder)
        finally:
            forwarder.socket.close()
            await source.close()

    asyncio.run(run())


def test_acknowledged_before_anything_is_parsed() -> None:
    """The answer comes while nobody reads from the source yet; reading then gives the frames."""

    async def test(source: UdpSource, forwarder: Forwarder) -> None:
        assert await forwarder.ask(push(0, 1)) == b"\x02\x12\x34\x01"
        assert source.stats()["packets"] == 0
        frames = await source.read(10)
        assert [frame.payload for frame in frames] == [b"\0\0\0", b"\0\0\1"]
        assert frames[0].receiver == "aa555a0000000101"
        assert frames[0].host_us == DAY_US
        assert source.stats()["packets"] == 2

    with_source(test)


def test_keepalive_is_answered() -> None:
    """PULL_DATA gets PULL_ACK, so that the forwarder does not hold the server for dead."""

    async def test(source: UdpSource, forwarder: Forwarder) -> None:
        assert await forwarder.ask(PULL) == b"\x02\x00\x07\x04"
        assert source.stats()["acknowledged"] == 1

    with_source(test)


def test_full_queue_is_counted_and_not_acknowledged() -> None:
    """What cannot be kept is not acknowledged, and is counted as queue_full."""

    async def test(source: UdpSource, forwarder: Forwarder) -> None:
        assert await forwarder.ask(push(0)) == b"\x02\x12\x34\x01"
        assert await forwarder.ask(push(1)) == b"\x02\x12\x34\x01"
        source.datagram_received(push(2), forwarder.socket.getsockname())
        assert source.stats()["acknowledged"] == 2
        assert source.refused == {"queue_full": 1}
        assert len(await source.read(10)) == 2
        assert await forwarder.ask(push(3, token=b"\0\0")) == b"\x02\0\0\x01"

    with_source(test, queue_datagrams=2)


def test_refusals_are_counted_by_reason() -> None:
    """Rubbish costs a counter; the frames after it are read."""

    async def test(source: UdpSource, forwarder: Forwarder) -> None:
        for rubbish in (b"", b"\x01" + bytes(11), b"\x02\0\0\x09" + EUI):
            forwarder.socket.send(rubbish)
        assert await forwarder.ask(b"\x02\0\0\0" + EUI + b"{") == b"\x02\0\0\x01"
        await forwarder.ask(push(5))
        assert len(await source.read(10)) == 1
        assert source.refused == {"short": 1, "version": 1, "identifier": 1, "json": 1}

    with_source(test)


def test_only_the_named_receivers() -> None:
    """With a list of receivers, frames of others are counted and left out."""

    async def test(source: UdpSource, forwarder: Forwarder) -> None:
        await forwarder.ask(push(0, eui=bytes(8)))
        await forwarder.ask(push(1))
        assert [frame.payload[2] for frame in await source.read(10)] == [1]
        assert source.refused == {"receiver": 1}

    with_source(test, receivers=("aa555a0000000101",))


def test_close_keeps_what_was_acknowledged() -> None:
    """After close the port is free, queued frames can be read, and then the source ends."""

    async def test(source: UdpSource, forwarder: Forwarder) -> None:
        await forwarder.ask(push(4))
        await source.close()
        assert len(await source.read(10)) == 1
        assert await source.read(10) == []
        again = UdpSource(FakeClock(), port=source.port)
        await again.start()
        await again.close()

    with_source(test)


def test_close_wakes_a_waiting_reader() -> None:
    """A reader that waits for frames gets the end, not an eternal wait."""

    async def test(source: UdpSource, _: Forwarder) -> None:
        reader = asyncio.create_task(source.read(10))
        await asyncio.sleep(0)
        await source.close()
        assert await asyncio.wait_for(reader, GUARD_S) == []

    with_source(test)


def test_busy_port() -> None:
    """The error names the port and says how to choose another."""

    async def test(source: UdpSource, _: Forwarder) -> None:
        second = UdpSource(FakeClock(), port=source.port)
        with pytest.raises(PortBusyError, match=rf"UDP port {source.port} on 127.0.0.1") as error:
            await second.start()
        assert f"--udp-port {source.port + 1}" in str(error.value)
        assert "serv_port_up" in str(error.value)

    with_source(test)


def test_address_of_another_machine() -> None:
    """An address that is not this machine's is refused in words (192.0.2.0/24: RFC 5737)."""
    with pytest.raises(AddressError, match=r"192\.0\.2\.1:0: this machine has no such address"):
        asyncio.run(UdpSource(FakeClock(), host="192.0.2.1", port=0).start())


def test_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that cannot be resolved is refused in words."""

    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(AddressError, match="raven:0: the name is not known"):
        asyncio.run(UdpSource(FakeClock(), host="raven", port=0).start())


def test_port_that_needs_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that only root may use is refused in words."""

    async def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_datagram_endpoint", refuse)
    with pytest.raises(AddressError, match=r"127\.0\.0\.1:70: no permission for this port"):
        asyncio.run(UdpSource(FakeClock(), port=70).start())


@pytest.mark.parametrize("port", [-1, 65536])
def test_impossible_port(port: int) -> None:
    """A port outside 0..65535 is refused by name, limit and value."""
    with pytest.raises(ValueError, match=rf"port must be 0..65535, got {port}"):
        UdpSource(FakeClock(), port=port)


def test_drops_in_the_kernel_are_found() -> None:
    """The drop counter of our socket is read from the kernel's table, by inode."""
    # Source: a table printed by Linux 6.1, one drop count edited in.
    table = (
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid"
        "  timeout inode ref pointer drops             \n"
        "  343: 0100007F:06A4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0"
        "        0 31337 2 0000000000000000 42        \n"
    )
    assert kernel_drops(table, 31337) == 42
    assert kernel_drops(table, 1) is None
    assert kernel_drops("", 1) is None


def test_own_socket_is_in_the_kernels_table() -> None:
    """The real table lists the real socket, so the counter is live."""

    async def test(source: UdpSource, _: Forwarder) -> None:
        with open("/proc/net/udp", encoding="ascii") as table:  # noqa: ASYNC230, PTH123  tiny
            assert kernel_drops(table.read(), source._inode) == 0

    with_source(test)
