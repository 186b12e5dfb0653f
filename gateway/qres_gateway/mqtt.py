# SPDX-License-Identifier: Apache-2.0
"""What the MQTT sink and the MQTT source share: how to reach a broker."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

if TYPE_CHECKING:
    from pathlib import Path

    from paho.mqtt.reasoncodes import ReasonCode

__all__ = ["KEEPALIVE_S", "Broker", "client", "is_refusal"]

KEEPALIVE_S: Final = 30
"""A broker declares the gateway offline after one and a half of these without a sign. [s]"""

_REFUSALS: Final = {
    0x86: "bad user name or password",
    0x87: "not authorised",
    0x8A: "banned",
    0x8C: "bad authentication method",
}


@dataclass(frozen=True, slots=True)
class Broker:
    """
    A broker, and who we are there.

    Attributes:
        host, port: Its address.
        user, password: None for a broker that asks for neither. The password is never shown.
        is_tls: Whether the connection is encrypted and the broker must prove who it is.
        ca_file: Certificates of who vouches for it; None for whom this host trusts.
        timeout_s: Longest wait for its answer. [s]
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    is_tls: bool = False
    ca_file: Path | None = None
    timeout_s: float = 10.0

    @property
    def address(self) -> str:
        """For people."""
        return f"{'mqtts' if self.is_tls else 'mqtt'}://{self.host}:{self.port}"


def client(broker: Broker, client_id: str, *, manual_ack: bool = False) -> Client:
    """
    A client of MQTT 5, not connected yet.

    Args:
        broker: Where it will connect.
        client_id: The same one after a restart, different for every gateway and use.
        manual_ack: Messages are acknowledged by `Client.ack` only.

    Raises:
        OSError, ssl.SSLError: The CA file cannot be read.
    """
    made = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=manual_ack,
    )
    made.connect_timeout = broker.timeout_s
    if broker.user is not None:
        made.username_pw_set(broker.user, broker.password)
    if broker.is_tls:
        ca_file = None if broker.ca_file is None else str(broker.ca_file)
        made.tls_set(ca_certs=ca_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    return made


def is_refusal(code: ReasonCode) -> bool:
    """Whether a reason code means that we may not, rather than that it cannot."""
    return code.value in _REFUSALS
