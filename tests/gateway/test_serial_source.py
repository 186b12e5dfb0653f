# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import errno
import os
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest

from qres_gateway.errors import SourceError
from qres_gateway.sources.base import Instant, RawFrame
from qres_gateway.sources.serial import SerialSource, open_read_only
from tests.gateway.sniffer_line import RECEIVER, configuration, frame, status

START = Instant(wall_us=1_790_000_000_000_000, mono_us=50_000_000)


class FakeClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> Instant:
        """As set."""
        return self.instant

    def advance(self, us: int) -> None:
        """Both clocks go on."""
        self.instant = Instant(self.instant.wall_us + us, self.instant.mono_us + us)


class Port:
    """A serial device that a test plugs in and out: a pseudo terminal behind a link."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._master = -1
        self._slave = -1

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def plug(self) -> None:
        """The device appears."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.link.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        """The device is gone."""
        if self._master >= 0:
            self.link.unlink()
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    def write(self, data: bytes) -> None:
        """The sniffer writes."""
        os.write(self._master, data)

    def written_by_host(self) -> bytes:
        """What the host wrote to the sniffer."""
        os.set_blocking(self._master, False)
        try:
            return os.read(self._master, 100)
        except BlockingIOError:
            return b""


def run(
    tmp_path: Path, scenario: Callable[[SerialSource, Port, FakeClock], Awaitable[None]]
) -> None:
    """Run *scenario* with a started source on a plugged device."""

    async def body() -> None:
        clock = FakeClock()
        with Port(tmp_path / "ttySniffer") as port:
            source = SerialSource(clock, port.link, retry_s=0.005, queue_frames=4)
            await source.start()
            try:
                await asyncio.wait_for(scenario(source, port, clock), 10)
            finally:
                await source.close()

    asyncio.run(body())


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until *condition* holds; the scenario's time limit ends it otherwise."""
    while not condition():  # noqa: ASYNC110  what it waits for has no event
        await asyncio.sleep(0.001)


def test_a_frame_arrives_with_its_figures(tmp_path: Path) -> None:
    """A record on the line becomes a RawFrame; rx_us is the arrival, vouched for by the host."""

    async def scenario(source: SerialSource, port: Port, _clock: FakeClock) -> None:
        port.write(configuration(0, 500) + frame(1, 2**32 + 77, b"report") + status(2, 900))
        assert await source.read(10) == [
            RawFrame(
                payload=b"report",
                rx_us=START.wall_us,
                rx_time_source="host",
                receiver=RECEIVER.hex(),
                freq_hz=869_525_000,
                sf=7,
                bw_hz=125_000,
                rssi_dbm=-98.5,
                snr_db=-7.25,
                crc_ok=True,
                tmst_us=77,
                host_us=START.wall_us,
            )
        ]
        assert source.stats()["sniffer_dropped"] == 7

    run(tmp_path, scenario)


def test_nothing_is_ever_written_to_the_sniffer(tmp_path: Path) -> None:
    """The descriptor cannot write: the system refuses it; and nothing arrives at the other end."""

    async def scenario(source: SerialSource, port: Port, _clock: FakeClock) -> None:
        port.write(frame(0, 0, b"x"))
        await source.read(1)
        assert source._fd is not None
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(source._fd, b"reset")
        assert port.written_by_host() == b""

    run(tmp_path, scenario)


def test_a_held_up_record_keeps_its_time(tmp_path: Path) -> None:
    """A record that waited 80 ms in a buffer gets the time its counter says, not its arrival."""

    async def scenario(source: SerialSource, port: Port, clock: FakeClock) -> None:
        port.write(frame(0, 1_000_000, b"fast"))
        [fast] = await source.read(1)
        clock.advance(1_080_000)
        port.write(frame(1, 2_000_000, b"held up"))
        [held_up] = await source.read(1)
        assert held_up.rx_us - fast.rx_us == pytest.approx(1_000_000, abs=100)

    run(tmp_path, scenario)


def test_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    """After the device vanished in mid-record and came back, frames go on; the cut is counted."""

    async def scenario(source: SerialSource, port: Port, _clock: FakeClock) -> None:
        port.write(frame(0, 0, b"before") + frame(1, 1, b"cut off")[:20])
        assert [f.payload for f in await source.read(9)] == [b"before"]
        port.unplug()
        await until(lambda: source.stats()["connected"] == 0)
        await until(lambda: source._count["attempts"] > 2)
        port.plug()
        await until(lambda: source.stats()["connected"] == 1)
        port.write(frame(2, 2, b"after"))
        assert [f.payload for f in await source.read(9)] == [b"after"]
        assert source.stats()["reconnects"] == 1
        assert source.stats()["records_lost"] == 1
        assert source.refused["cut"] == 1

    run(tmp_path, scenario)


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    """Frames beyond the queue's limit are counted as dropped; the first ones are kept."""

    async def scenario(source: SerialSource, port: Port, _clock: FakeClock) -> None:
        port.write(b"".join(frame(i, i, bytes([i + 1])) for i in range(7)))
        await until(lambda: source.refused["queue_full"] == 3)
        assert [f.payload for f in await source.read(9)] == [bytes([i + 1]) for i in range(4)]

    run(tmp_path, scenario)


def test_closing_while_unplugged_ends_the_reader(tmp_path: Path) -> None:
    """A source that waits for its device can be closed; read returns nothing."""

    async def scenario(source: SerialSource, port: Port, _clock: FakeClock) -> None:
        reader = asyncio.create_task(source.read(1))
        port.unplug()
        await until(lambda: source.stats()["connected"] == 0)
        await source.close()
        assert await reader == []

    run(tmp_path, scenario)


def test_two_readers_do_not_share_a_line(tmp_path: Path) -> None:
    """A second reader is refused in plain words: each would get half of the bytes."""

    async def scenario(_source: SerialSource, port: Port, clock: FakeClock) -> None:
        with pytest.raises(SourceError, match="another program reads it"):
            await SerialSource(clock, port.link).start()

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("name", "says"), [("nothing", "Is the sniffer plugged in"), ("file", "not a serial device")]
)
def test_a_wrong_device_is_named(tmp_path: Path, name: str, says: str) -> None:
    """A missing device and a plain file end in words that say what to do."""
    (tmp_path / "file").write_bytes(b"")
    source = SerialSource(FakeClock(), tmp_path / name)
    with pytest.raises(SourceError, match=says):
        asyncio.run(source.start())


def test_a_speed_that_does_not_exist(tmp_path: Path) -> None:
    """115201 baud is no speed of a serial line."""
    with pytest.raises(ValueError, match="115201"):
        open_read_only(tmp_path, 115_201)
    with pytest.raises(OSError, match=r"Is a directory|Inappropriate|not a serial") as caught:
        open_read_only(tmp_path, 115_200)
    assert caught.value.errno in {errno.ENOTTY, errno.EISDIR}
