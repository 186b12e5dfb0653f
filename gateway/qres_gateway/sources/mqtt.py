# SPDX-License-Identifier: Apache-2.0
"""
Raw frames that receivers elsewhere publish to an MQTT 5 broker. It subscribes, and nothing else.

The session outlives the gateway: while it is down the broker keeps the frames. How long a message
waited there is known, because MQTT 5 counts its expiry interval down meanwhile; receivers set it
to `EXPIRY_S`. The wait is taken off the time of arrival, so a frame that comes late is still told
from one whose receiver has a wrong clock. A message is acknowledged when the gateway fetches it,
so what waits in the queue at a crash is delivered again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from qres_gateway.errors import SourceError
from qres_gateway.mqtt import KEEPALIVE_S, Broker, client, is_refusal
from qres_gateway.sources import raw_message
from qres_gateway.sources.base import Instant
from qres_gateway.sources.inbox import Inbox
from qres_gateway.sources.receiver_clock import ReceiverClocks

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

    from qres_gateway.sources.base import Clock, RawFrame

__all__ = ["EXPIRY_S", "MqttSource"]

EXPIRY_S: Final = 604_800
"""Message expiry interval that receivers set: one week. [s]"""
QUEUE_MESSAGES: Final = 8_192
_RECEIVE_MOST: Final = 1_000
"""How many messages the broker may send ahead of acknowledgements."""
_RETRY_MOST_S: Final = 60

_log = structlog.get_logger("qres_gateway")


class MqttSource:
    """
    Listens on `<prefix>/<field>/raw/+`.

    Args:
        clock: Read on arrival of every message.
        broker: Where, and who we are.
        root: `<prefix>/<field>`.
        queue_messages: Messages that may wait to be read.
    """

    def __init__(
        self, clock: Clock, broker: Broker, root: str, *, queue_messages: int = QUEUE_MESSAGES
    ) -> None:
        self._clock = clock
        self._broker = broker
        self._topic = f"{root}/raw/+"
        self._client_id = f"qres-raw-{root.replace('/', '-')}"
        self._limit = queue_messages
        self._inbox: Inbox[tuple[MQTTMessage, Instant]] = Inbox()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._state = ""
        self._clocks = ReceiverClocks()
        self._refused: Counter[str] = Counter()
        self._count: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """Kind and address, for logs."""
        return f"{self._broker.address} {self._topic}"

    @property
    def refused(self) -> Counter[str]:
        """Messages refused or dropped since the start, by reason."""
        return self._refused

    @property
    def is_subscribed(self) -> bool:
        """Whether the broker has confirmed the subscription."""
        return self._state == "ok"

    async def start(self) -> None:
        """
        Begin to connect, and go on trying: a broker that is down is no reason not to start.

        Raises:
            SourceError: The CA file cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        try:
            made = client(self._broker, self._client_id, manual_ack=True)
        except OSError as error:
            raise SourceError(f"{self._broker.address}: CA file cannot be used: {error}") from error
        made.on_connect = self._on_connect
        made.on_connect_fail = self._on_connect_fail
        made.on_disconnect = self._on_disconnect
        made.on_subscribe = self._on_subscribe
        made.on_message = self._on_message
        made.reconnect_delay_set(1, _RETRY_MOST_S)
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # no type
        session.SessionExpiryInterval = EXPIRY_S
        session.ReceiveMaximum = _RECEIVE_MOST
        made.connect_async(
            self._broker.host,
            self._broker.port,
            KEEPALIVE_S,
            clean_start=False,
            properties=session,
        )
        made.loop_start()
        self._client = made

    async def read(self, limit: int) -> list[RawFrame]:
        """Wait for at least one frame. Empty once the source is closed and drained."""
        while await self._inbox.filled():
            frames: list[RawFrame] = []
            while self._inbox and len(frames) < limit:
                message, arrival = self._inbox.pop()
                frames.extend(self._frames(message, arrival))
                self._acknowledge(message)
            if frames:
                return frames
        return []

    async def close(self) -> None:
        """Disconnect; the broker keeps what comes from now on."""
        if self._client is not None:
            self._client.disconnect()
            await asyncio.to_thread(self._client.loop_stop)
            await asyncio.sleep(0)  # what the client's last callbacks asked for
        self._inbox.close()

    def stats(self) -> dict[str, int]:
        """Counters to show."""
        return {
            "messages": self._count["messages"],
            "waited_at_broker": self._count["waited"],
            "queued_messages": len(self._inbox),
            "connects": self._count["connects"],
            "receivers": self._clocks.receivers,
            "counter_restarts": self._clocks.restarts,
            "receiver_clock_disbelieved": self._clocks.disbelieved,
        }

    def _frames(self, message: MQTTMessage, arrival: Instant) -> list[RawFrame]:
        receiver = raw_message.receiver_of(message.topic)
        if receiver is None or message.retain:
            self._refused["topic" if receiver is None else "retained"] += 1
            return []
        packet = raw_message.parse(bytes(message.payload))
        if isinstance(packet, str):
            self._refused[packet] += 1
            return []
        waited_us = self._waited_us(message)
        at = Instant(arrival.wall_us - waited_us, arrival.mono_us - waited_us)
        frame = self._clocks.frame(receiver, packet, at)
        return [frame]

    def _waited_us(self, message: MQTTMessage) -> int:
        """How long the broker has kept a message; 0 if its sender did not let it tell. [us]"""
        left_s: int | None = getattr(message.properties, "MessageExpiryInterval", None)
        if left_s is None or left_s > EXPIRY_S:
            return 0
        self._count["waited"] += left_s < EXPIRY_S
        return (EXPIRY_S - left_s) * 1_000_000

    def _acknowledge(self, message: MQTTMessage) -> None:
        if self._client is not None and message.qos:
            self._client.ack(message.mid, message.qos)

    def _arrived(self, message: MQTTMessage, arrival: Instant) -> None:
        self._count["messages"] += 1
        if len(self._inbox) >= self._limit:
            self._refused["queue_full"] += 1
            return
        self._inbox.put((message, arrival))

    def _tell(self, state: str, text: str) -> None:
        """Say in the log what has changed, once."""
        if state == self._state:
            return
        self._state = state
        if state == "ok":
            _log.info("source.connected", source=self.name)
        else:
            _log.warning("source.failed", source=self.name, state=state, text=text)

    # Called by the client's thread: hand over to the event loop, touch nothing.

    def _soon(self, function: object, *arguments: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]  # any

    def _on_connect(
        self,
        of: Client,
        _data: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not code.is_failure:
            of.subscribe(self._topic, qos=1)
            self._soon(self._count.update, ("connects",))
        elif is_refusal(code):
            fix = "put the right password into the file of --mqtt-password-file"
            self._soon(self._tell, "refused", f"user {self._broker.user!r}: {code}; {fix}")
        else:
            self._soon(self._tell, "failed", f"the broker does not let us in: {code}")

    def _on_connect_fail(self, _of: Client, _data: object) -> None:
        text = "nobody answers. Check that the broker runs, --mqtt-url"
        self._soon(self._tell, "unreachable", text)

    def _on_disconnect(
        self,
        _of: Client,
        _data: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._soon(self._lost, str(code))

    def _lost(self, code: str) -> None:
        if self._state == "ok":
            self._tell("unreachable", f"the connection broke: {code}; it is tried again")

    def _on_subscribe(
        self,
        _of: Client,
        _data: object,
        _mid: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [code for code in codes if code.is_failure]
        if refused:
            text = f"the broker's ACL does not let us read {self._topic}: {refused[0]}"
            self._soon(self._tell, "refused", text)
        else:
            self._soon(self._tell, "ok", "")

    def _on_message(self, _of: Client, _data: object, message: MQTTMessage) -> None:
        self._soon(self._arrived, message, self._clock.now())
