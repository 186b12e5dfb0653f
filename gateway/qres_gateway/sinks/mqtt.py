# SPDX-License-Identifier: Apache-2.0
"""
Points to an MQTT 5 broker, by `paho-mqtt`: QoS 1, confirmed one by one, with a last will.

After any failure the client is thrown away with what it had queued, and a new one is made when
the runner asks again: the store is the queue, and memory stays bounded.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from qres_gateway.mqtt import KEEPALIVE_S, Broker, client, is_refusal
from qres_gateway.sinks.discovery import discovery
from qres_gateway.sinks.errors import (
    SinkError,
    SinkFullError,
    SinkRefusedError,
    SinkSlowError,
    SinkUnreachableError,
)
from qres_gateway.sinks.topics import Message, Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

    from qres_gateway.sinks.field import SinkField
    from qres_gateway.sinks.point import Point

__all__ = ["OFFLINE", "ONLINE", "MqttSink"]

ONLINE: Final = "online"
OFFLINE: Final = "offline"
WILL_DELAY_S: Final = 15
"""How long the broker waits with the last will, so that a restart does not look like an end. [s]"""
_GOODBYE_S: Final = 1.0
_QUOTA: Final = 0x97


class MqttSink:
    """
    One broker.

    Args:
        broker: Tells where it is and who we are. Asked each time it connects, so that a file of
            secrets can be mended while the gateway runs.
        field: The field.
        prefix: First level of every topic.
        announce: Prefix of Home Assistant's discovery; None to leave it out.
    """

    name: str = "mqtt"

    def __init__(
        self,
        broker: Callable[[], Broker],
        field: SinkField,
        *,
        prefix: str = "qres",
        announce: str | None = "homeassistant",
    ) -> None:
        self._broker = broker
        self._field = field
        self._topics = Topics(field, prefix)
        self._announce = announce
        self.address: str = broker().address
        self._client: Client | None = None
        self._timeout_s = 10.0
        self._change = threading.Condition()
        self._connected: ReasonCode | None = None
        self._lost: str | None = None
        self._confirmed: dict[int, ReasonCode] = {}

    def open(self) -> None:
        """Connect, say "online", and tell what the field is. Raises SinkError."""
        if self._client is not None and self._lost is None:
            return
        self._drop()
        broker = self._broker()
        self._timeout_s = broker.timeout_s
        self._connected, self._lost = None, None
        made = client(broker, f"qres-{self._topics.root.replace('/', '-')}")
        made.on_connect = self._on_connect
        made.on_disconnect = self._on_disconnect
        made.on_publish = self._on_publish
        made.reconnect_delay_set(1, 1)
        will = _properties(PacketTypes.WILLMESSAGE)
        will.WillDelayInterval = WILL_DELAY_S
        made.will_set(self._topics.status, OFFLINE, qos=1, retain=True, properties=will)
        session = _properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 4 * WILL_DELAY_S
        try:
            made.connect(
                broker.host, broker.port, KEEPALIVE_S, clean_start=True, properties=session
            )
        except (OSError, ValueError) as error:
            raise SinkUnreachableError(
                f"{broker.address} cannot be reached: {error}. Check that the broker runs and that"
                " --mqtt-url is its address"
            ) from error
        made.loop_start()
        self._client = made
        try:
            self._wait_connected(broker)
            hello = [Message(self._topics.status, ONLINE, retain=True), self._topics.site()]
            if self._announce is not None:
                hello += discovery(self._field, self._topics, self._announce)
            self._publish(hello)
        except SinkError:
            self._drop()
            raise

    def write(self, points: Sequence[Point]) -> int:
        """As `Sink.write`; a broker rejects no message for what is in it."""
        messages, newest = self._topics.messages(points)
        try:
            self._publish(messages)
        except SinkError:
            self._drop()
            raise
        self._topics.delivered(newest)
        return 0

    def close(self) -> None:
        """Say "offline" and disconnect."""
        if self._client is None:
            return
        told = self._client.publish(self._topics.status, OFFLINE, qos=1, retain=True)
        with self._change:
            self._change.wait_for(
                lambda: told.mid in self._confirmed or self._lost is not None, _GOODBYE_S
            )
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def _wait_connected(self, broker: Broker) -> None:
        with self._change:
            self._change.wait_for(
                lambda: self._connected is not None or self._lost is not None, self._timeout_s
            )
            code, lost = self._connected, self._lost
        if code is None:
            if lost is None:
                raise SinkSlowError(f"{broker.address} did not answer in {self._timeout_s:g} s")
            raise SinkUnreachableError(f"{broker.address} hung up: {lost}")
        if is_refusal(code):
            raise SinkRefusedError(
                f"{broker.address} refuses user {broker.user!r}: {code}. Put the right password"
                " into the file of --mqtt-password-file, which is read again"
            )
        if code.is_failure:
            raise SinkError(f"{broker.address} does not let us in: {code}")

    def _publish(self, messages: Sequence[Message]) -> None:
        """Publish, and wait until the broker has confirmed every message."""
        if self._client is None:
            raise SinkUnreachableError(f"{self.address}: not connected")
        with self._change:
            self._confirmed.clear()
        sent: dict[int, str] = {}
        for m in messages:
            told = self._client.publish(m.topic, m.payload, qos=1, retain=m.retain)
            if told.rc not in {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN}:
                raise SinkError(f"{self.address}: cannot publish to {m.topic}: {told.rc!r}")
            sent[told.mid] = m.topic
        until_s = time.monotonic() + self._timeout_s
        seen = -1
        with self._change:
            while len(self._confirmed.keys() & sent.keys()) < len(sent) and self._lost is None:
                if len(self._confirmed) > seen:  # it goes on: slow is only who stands still
                    seen, until_s = len(self._confirmed), time.monotonic() + self._timeout_s
                if not self._change.wait(max(0.0, until_s - time.monotonic())):
                    raise SinkSlowError(
                        f"{self.address} confirmed {max(seen, 0)} of {len(sent)} messages, then"
                        f" none for {self._timeout_s:g} s"
                    )
            lost, confirmed = self._lost, {m: self._confirmed.get(m) for m in sent}
        for mid, code in confirmed.items():
            if code is not None and code.is_failure:
                raise self._refusal(sent[mid], code)
        if lost is not None and None in confirmed.values():
            raise SinkUnreachableError(f"{self.address}: the connection broke: {lost}")

    def _refusal(self, topic: str, code: ReasonCode) -> SinkError:
        if is_refusal(code):
            return SinkRefusedError(
                f"{self.address} does not let us publish to {topic}: {code}. Allow it in the"
                " broker's ACL"
            )
        if code.value == _QUOTA:
            return SinkFullError(f"{self.address} has no room for {topic}: {code}")
        return SinkError(f"{self.address} does not take {topic}: {code}")

    def _on_connect(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._change:
            if self._connected is None:
                self._connected = code
            self._change.notify_all()

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._change:
            self._lost = str(code)
            self._change.notify_all()

    def _on_publish(
        self, _client: Client, _data: object, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        with self._change:
            self._confirmed[mid] = code
            self._change.notify_all()


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho has no type
