# SPDX-License-Identifier: Apache-2.0
"""Raw frames over MQTT: what is a frame, what is refused, and that a broker keeps them for us."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from structlog.testing import capture_logs

from qres_gateway.errors import SourceError
from qres_gateway.mqtt import Broker
from qres_gateway.sources.base import RawFrame, SystemClock
from qres_gateway.sources.gwmp import Packet
from qres_gateway.sources.merged import MergedSource
from qres_gateway.sources.mqtt import EXPIRY_S, MqttSource
from qres_gateway.sources.raw_message import REASONS, parse, receiver_of
from tests.gateway.broker import Listener, Mosquitto, mosquitto, needs_mosquitto
from tests.gateway.fake_field import FakeClock

ROOT = "qres/ridge"
NOW_US = 1_795_000_000_000_000
MESSAGE = {
    "data": base64.b64encode(b"report").decode(), "freq_hz": 869_525_000, "sf": 9,
    "bw_hz": 125_000, "crc": "ok", "rssi_dbm": -97.5, "snr_db": 5.25, "rx_us": NOW_US,
    "rx_time": "utc", "tmst_us": 77,
}  # fmt: skip
PACKET = Packet(b"report", None, NOW_US, 77, 869_525_000, 9, 125_000, -97.5, 5.25)


def message(**changed: Any) -> bytes:
    """The message above with other keys; None leaves one out."""
    keys = {k: v for k, v in (MESSAGE | changed).items() if v is not None}
    return json.dumps(keys).encode()


def test_a_message_is_a_packet() -> None:
    """Every key has its place; times go to whom they are from."""
    assert parse(message()) == PACKET
    gps = parse(message(rx_time="gps"))
    assert isinstance(gps, Packet)
    assert (gps.gps_us, gps.utc_us) == (NOW_US, None)
    least = parse(message(rssi_dbm=None, snr_db=None, rx_us=None, rx_time=None, tmst_us=None))
    assert least == Packet(b"report", None, None, None, 869_525_000, 9, 125_000, None, None)
    unset = parse(message(rx_us=5_000_000))
    assert isinstance(unset, Packet)
    assert unset.utc_us is None, "1970: a clock that was never set"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "json"), (b"not json", "json"), (b"\xff\xfe", "json"), (b"[" * 4000, "json"),
        (b" " * 5000, "size"), (message(crc="bad"), "crc_bad"), (message(crc="none"), "crc_none"),
        (message(crc="fine"), "json"), (message(sf=13), "modulation"), (message(sf="9"), "json"),
        (message(bw_hz=125), "modulation"), (message(freq_hz=868), "frequency"),
        (message(data="*"), "base64"), (message(data="cmVwb3J0\n"), "base64"),
        (message(data=""), "length"), (message(data="A" * 344), "length"),
    ],
)  # fmt: skip
def test_what_is_refused(body: bytes, reason: str) -> None:
    """Each fault has its reason."""
    assert parse(body) == reason
    assert reason in REASONS


@given(body=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_packet_or_refused(body: bytes) -> None:
    """No bytes make the parser fail."""
    found = parse(body)
    assert isinstance(found, Packet) or found in REASONS


@given(
    keys=st.dictionaries(st.sampled_from(sorted(MESSAGE)), st.none() | st.integers() | st.text())
)
def test_any_values_are_a_packet_or_refused(keys: dict[str, Any]) -> None:
    """No value of a key makes the parser fail, or a frame that the log could not hold."""
    found = parse(json.dumps(MESSAGE | keys).encode())
    if isinstance(found, Packet):
        assert 1 <= len(found.payload) <= 255
        assert found.tmst_us is None or 0 <= found.tmst_us < 1 << 32
    else:
        assert found in REASONS


def test_names_of_receivers() -> None:
    """The last level of the topic, if it is a name that a tag and a log can hold."""
    assert receiver_of("qres/ridge/raw/north-1") == "north-1"
    for topic in ("qres/ridge/raw/", "qres/ridge/raw/a b", "qres/ridge/raw/" + "a" * 33):
        assert receiver_of(topic) is None


def source_for(
    broker: Mosquitto, clock: FakeClock | SystemClock, user: str = "gateway"
) -> MqttSource:
    """A source that listens to a broker."""
    return MqttSource(clock, broker.broker(user), ROOT)


async def until(is_true: Any) -> None:
    """Wait for the client's thread."""
    async with asyncio.timeout(20):
        while not is_true():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.005)


@needs_mosquitto
def test_frames_come_from_the_broker(tmp_path: Path) -> None:
    """What receivers publish is read as frames; refusals are counted by reason."""

    async def run() -> tuple[list[RawFrame], MqttSource]:
        source = source_for(broker, FakeClock(NOW_US + 250_000))
        await source.start()
        await until(lambda: source.is_subscribed)
        with Listener(broker.broker("receiver")) as receiver:
            receiver.publish(f"{ROOT}/raw/north", message(crc="bad"))
            receiver.publish(f"{ROOT}/raw/no name", message())
            receiver.publish(f"{ROOT}/raw/north", message())
            receiver.publish(f"{ROOT}/raw/south", message(rx_us=None), qos=0)
        frames: list[RawFrame] = []
        while len(frames) < 2:
            frames += await source.read(10)
        await source.close()
        assert await source.read(10) == []
        return frames, source

    with mosquitto(tmp_path / "broker") as broker:
        (north, south), source = asyncio.run(run())
    assert north == RawFrame(
        b"report", NOW_US, "utc", "north", 869_525_000, 9, 125_000, -97.5, 5.25,
        crc_ok=True, tmst_us=77, host_us=NOW_US + 250_000,
    )  # fmt: skip
    assert (south.receiver, south.rx_time_source, south.rx_us) == (
        "south",
        "host",
        NOW_US + 250_000,
    )
    assert source.refused == {"crc_bad": 1, "topic": 1}
    assert source.stats()["messages"] == 4
    assert source.stats()["receivers"] == 2


@needs_mosquitto
def test_the_broker_keeps_frames_while_the_gateway_is_down(tmp_path: Path) -> None:
    """A session that was begun once gets everything that was published meanwhile."""

    async def listen(many: int) -> list[RawFrame]:
        source = source_for(broker, FakeClock(NOW_US))
        await source.start()
        await until(lambda: source.is_subscribed)
        frames: list[RawFrame] = []
        while len(frames) < many:
            frames += await source.read(10)
        await source.close()
        return frames

    with mosquitto(tmp_path / "broker") as broker:
        assert asyncio.run(listen(0)) == []
        with Listener(broker.broker("receiver")) as receiver:
            for n in range(300):
                receiver.publish(f"{ROOT}/raw/north", message(rx_us=NOW_US - n))
        found = asyncio.run(listen(300))
        assert [f.rx_us for f in found] == [NOW_US - n for n in range(300)]
        broker.stop()
        broker.start()
        with Listener(broker.broker("receiver")) as receiver:
            receiver.publish(f"{ROOT}/raw/north", message(rx_us=NOW_US + 1))
        assert [f.rx_us for f in asyncio.run(listen(1))] == [NOW_US + 1], "no other comes again"


@needs_mosquitto
@pytest.mark.slow
def test_the_wait_at_the_broker_is_known(tmp_path: Path) -> None:
    """A frame that waited is dated back by what the broker counted off its expiry interval."""

    async def listen(clock: FakeClock, *, read: bool) -> RawFrame | None:
        source = source_for(broker, clock)
        await source.start()
        await until(lambda: source.is_subscribed)
        found = (await source.read(1))[0] if read else None
        await source.close()
        return found

    with mosquitto(tmp_path / "broker") as broker:
        asyncio.run(listen(FakeClock(NOW_US), read=False))
        with Listener(broker.broker("receiver")) as receiver:
            receiver.publish(f"{ROOT}/raw/north", message(rx_us=None), expiry_s=EXPIRY_S - 3_600)
        found = asyncio.run(listen(FakeClock(NOW_US), read=True))
    assert found is not None
    assert abs(found.rx_us - (NOW_US - 3_600_000_000)) <= 2_000_000, "an hour, to the second"


@needs_mosquitto
def test_who_may_not_listen_is_told(tmp_path: Path) -> None:
    """A wrong password is told as such; the gateway goes on without these frames."""

    async def run() -> None:
        wrong = broker.broker("gateway", "wrong")
        source = MqttSource(SystemClock(), wrong, ROOT)
        await source.start()
        await until(lambda: source._state)
        await source.close()
        assert source._state == "refused"

    with mosquitto(tmp_path / "broker") as broker, capture_logs() as logs:
        asyncio.run(run())
    (said,) = [e for e in logs if e["event"] == "source.failed"]
    assert "--mqtt-password-file" in said["text"]
    assert "wrong" not in str(logs)


def test_a_refused_subscription_is_told() -> None:
    """A broker that tells who may not read is believed. (mosquitto 2.0 does not tell.)"""

    async def run(code: int) -> str:
        source = MqttSource(SystemClock(), Broker("127.0.0.1", 1), ROOT)
        source._loop = asyncio.get_running_loop()
        answer = ReasonCode(PacketTypes.SUBACK, identifier=code)
        source._on_subscribe(Client(CallbackAPIVersion.VERSION2), None, 1, [answer], None)
        await until(lambda: source._state)
        return source._state

    assert asyncio.run(run(0x87)) == "refused"
    assert asyncio.run(run(0x01)) == "ok"


def test_a_ca_file_that_is_not_there(tmp_path: Path) -> None:
    """Said before work begins, as any source's error."""
    broker = Mosquitto.__new__(Mosquitto)
    broker.port, broker.ca_file = 1, tmp_path / "none.pem"
    with pytest.raises(SourceError, match="CA file"):
        asyncio.run(source_for(broker, SystemClock()).start())


class ListSource:
    """Yields lists of frames, then ends, or fails."""

    def __init__(self, name: str, *lists: list[RawFrame] | SourceError) -> None:
        self.name = name
        self.refused: Any = {}
        self.lists = list(lists)
        self.state = "new"

    async def start(self) -> None:
        """Open."""
        if self.state == "broken":
            raise SourceError(self.name)
        self.state = "open"

    async def read(self, limit: int) -> list[RawFrame]:
        """The next list."""
        await asyncio.sleep(0)
        found = self.lists.pop(0) if self.lists else []
        if isinstance(found, SourceError):
            raise found
        return found

    async def close(self) -> None:
        """Close."""
        self.state = "closed"

    def stats(self) -> dict[str, int]:
        """One number of its own, one in common."""
        return {self.name: 1, "all": 2}


def frame(n: int) -> RawFrame:
    """Frame n."""
    return RawFrame(bytes([n]), n, "host", "rx", 869_525_000, 9, 125_000, None, None, True)


def test_merged_sources_are_one() -> None:
    """Frames of each come in its order; it ends when all have ended; counters add up."""

    async def run() -> list[RawFrame]:
        a = ListSource("a", [frame(1)], [frame(2), frame(3)])
        b = ListSource("b", *[[frame(n)] for n in range(10, 20)])
        source = MergedSource([a, b])
        await source.start()
        assert source.name == "a and b"
        assert source.stats() == {"a": 1, "b": 1, "all": 4}
        found: list[RawFrame] = []
        while more := await source.read(5):
            found += more
        assert await source.read(5) == []
        await source.close()
        assert (a.state, b.state) == ("closed", "closed")
        return found

    found = asyncio.run(run())
    assert [f.rx_us for f in found if f.rx_us < 10] == [1, 2, 3]
    assert [f.rx_us for f in found if f.rx_us >= 10] == list(range(10, 20))


def test_merged_sources_start_all_or_none() -> None:
    """If one cannot be opened the others are closed; an error while reading is raised."""

    async def run() -> None:
        good, bad = ListSource("good"), ListSource("bad")
        bad.state = "broken"
        with pytest.raises(SourceError, match="bad"):
            await MergedSource([good, bad]).start()
        assert good.state == "closed"
        failing = ListSource("f", SourceError("gone"))
        with pytest.raises(SourceError, match="gone"):
            await MergedSource([failing]).read(1)
        with pytest.raises(ValueError, match="at least one"):
            MergedSource([])

    asyncio.run(run())
