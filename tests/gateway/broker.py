# SPDX-License-Identifier: Apache-2.0
"""A real broker for tests: mosquitto 2 with passwords and an access list, with TLS if wanted."""

from __future__ import annotations

import datetime as dt
import getpass
import ipaddress
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from qres_gateway.mqtt import Broker, client
from tests.e2e.stores import free_port

GUARD_S = 30.0
PASSWORD = "a-password-for-tests"  # noqa: S105  made up
_SBIN = "/usr/sbin:/usr/local/sbin"

needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto") is None and shutil.which("mosquitto", path=_SBIN) is None,
    reason="needs mosquitto: apt-get install mosquitto",
)

_ACL = """
user gateway
topic readwrite qres/#
topic write homeassistant/#
user mute
topic read qres/#
user receiver
topic write qres/+/raw/+
user reader
topic read #
"""


class Mosquitto:
    """
    The broker: start, kill, start again with the same sessions and retained messages.

    Args:
        folder: Where it keeps everything.
        tls: With a certificate that `ca_file` vouches for.
    """

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.ca_file = folder / "ca.pem" if tls else None
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)
        (folder / "acl").write_text(_ACL)
        for user in ("gateway", "mute", "receiver", "reader"):
            subprocess.run(
                ["mosquitto_passwd", "-b", *([] if (folder / "passwd").exists() else ["-c"]),
                 str(folder / "passwd"), user, PASSWORD],
                check=True, capture_output=True,
            )  # fmt: skip
        lines = [
            f"listener {self.port} 127.0.0.1", "allow_anonymous false",
            f"password_file {folder}/passwd", f"acl_file {folder}/acl",
            "persistence true", f"persistence_location {folder}/",
            "max_queued_messages 100000", "log_dest stderr",
            f"user {getpass.getuser()}",  # else it leaves root for a user who may not read this
        ]  # fmt: skip
        if tls:
            make_certificates(folder)
            lines += [f"cafile {folder}/ca.pem", f"certfile {folder}/cert.pem"]
            lines += [f"keyfile {folder}/key.pem"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start and wait until it listens."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)
        assert program is not None
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [program, "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        until = time.monotonic() + GUARD_S
        while True:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.01)

    def kill(self) -> None:
        """As a power cut would."""
        self._end(kill=True)

    def stop(self) -> None:
        """In order: it saves its sessions."""
        self._end(kill=False)

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait()
            self._process = None

    def broker(self, user: str = "gateway", password: str = PASSWORD, wait_s: float = 5) -> Broker:
        """How to reach it."""
        tls = self.ca_file is not None
        return Broker("127.0.0.1", self.port, user, password, tls, self.ca_file, wait_s)


@contextmanager
def mosquitto(folder: Path, *, tls: bool = False) -> Iterator[Mosquitto]:
    """A broker for the time of a test."""
    made = Mosquitto(folder, tls=tls)
    made.start()
    try:
        yield made
    finally:
        made.kill()


class Listener:
    """
    Follows topics, and publishes; a context manager.

    Attributes:
        got: (topic, payload, was retained before) in order.
    """

    def __init__(self, broker: Broker, *topics: str, name: str = "listener") -> None:
        self.got: list[tuple[str, str, bool]] = []
        self._broker = broker
        self._topics = topics
        self._more = threading.Condition()
        self._subscribed = threading.Event()
        self._client = client(broker, name)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_connect = self._on_connect

    def __enter__(self) -> Self:
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(GUARD_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_for(self, topic: str, many: int = 1) -> list[str]:
        """Payloads of a topic, once there are so many."""
        until = time.monotonic() + GUARD_S
        with self._more:
            while len(found := [p for t, p, _ in self.got if t == topic]) < many:
                left = until - time.monotonic()
                assert left > 0, f"{len(found)} of {many} on {topic}; {len(self.got)} in all"
                self._more.wait(left)
        return found

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, expiry_s: int = 604_800) -> None:
        """Publish and wait for the broker."""
        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # no type
        properties.MessageExpiryInterval = expiry_s
        told = self._client.publish(topic, payload, qos=qos, properties=properties)
        told.wait_for_publish(GUARD_S)

    def _on_connect(self, of: Client, *_: object) -> None:
        if self._topics:
            of.subscribe([(topic, 1) for topic in self._topics])
        else:
            self._subscribed.set()

    def _on_message(self, _of: Client, _data: object, message: MQTTMessage) -> None:
        with self._more:
            self.got.append((message.topic, bytes(message.payload).decode(), message.retain))
            self._more.notify_all()


def make_certificates(folder: Path) -> None:
    """A certificate authority, and a certificate of it for 127.0.0.1."""
    now = dt.datetime.now(dt.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def begun(subject: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("test CA"))
            .public_key(key).serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )  # fmt: skip

    authority = ec.generate_private_key(ec.SECP256R1())
    own = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = (
        begun("test CA", authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), False)
        .sign(authority, hashes.SHA256())
    )
    local = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    cert = (
        begun("127.0.0.1", own.public_key())
        .add_extension(local, critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "cert.pem").write_bytes(cert.public_bytes(pem))
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(own.private_bytes(pem, form, none))
