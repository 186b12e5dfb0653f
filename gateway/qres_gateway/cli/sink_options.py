# SPDX-License-Identifier: Apache-2.0
"""Options of `qres gateway` for sinks and for the broker, and what they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import typer

from qres_gateway.sinks.errors import SinkSettingsError
from qres_gateway.sinks.secret import credential, read_secret

if TYPE_CHECKING:
    from qres_gateway.mqtt import Broker
    from qres_gateway.sinks.base import Sink
    from qres_gateway.sinks.field import SinkField
    from qres_gateway.sources.base import Clock, Source

__all__ = [
    "InfluxBucket",
    "InfluxOrg",
    "InfluxTokenFile",
    "InfluxUrl",
    "MqttCaFile",
    "MqttDiscovery",
    "MqttPasswordFile",
    "MqttPrefix",
    "MqttRaw",
    "MqttUrl",
    "SinkOptions",
]

TOKEN_CREDENTIAL: Final = "influx-token"  # noqa: S105  the name of a file
PASSWORD_CREDENTIAL: Final = "mqtt-password"  # noqa: S105  likewise
_PANEL_INFLUX: Final = "InfluxDB"
_PANEL_MQTT: Final = "MQTT"

InfluxUrl = Annotated[
    str | None,
    typer.Option(
        envvar="QRES_INFLUX_URL",
        rich_help_panel=_PANEL_INFLUX,
        help="Write to this server, e.g. http://127.0.0.1:8086. None if left out.",
    ),
]
InfluxOrg = Annotated[
    str,
    typer.Option(envvar="QRES_INFLUX_ORG", rich_help_panel=_PANEL_INFLUX, help="Organisation."),
]
InfluxBucket = Annotated[
    str, typer.Option(envvar="QRES_INFLUX_BUCKET", rich_help_panel=_PANEL_INFLUX, help="Bucket.")
]
InfluxTokenFile = Annotated[
    Path | None,
    typer.Option(
        readable=False,
        envvar="QRES_INFLUX_TOKEN_FILE",
        rich_help_panel=_PANEL_INFLUX,
        help="File with a token that may write to the bucket. If left out, the systemd credential"
        f" {TOKEN_CREDENTIAL}.",
    ),
]
MqttUrl = Annotated[
    str | None,
    typer.Option(
        envvar="QRES_MQTT_URL",
        rich_help_panel=_PANEL_MQTT,
        help="Publish to this broker (MQTT 5), mqtt://user@host:1883, or mqtts:// for TLS. None if"
        " left out.",
    ),
]
MqttPasswordFile = Annotated[
    Path | None,
    typer.Option(
        readable=False,
        envvar="QRES_MQTT_PASSWORD_FILE",
        rich_help_panel=_PANEL_MQTT,
        help=f"File with the user's password. If left out, the systemd credential"
        f" {PASSWORD_CREDENTIAL}.",
    ),
]
MqttCaFile = Annotated[
    Path | None,
    typer.Option(
        readable=False,
        envvar="QRES_MQTT_CA_FILE",
        rich_help_panel=_PANEL_MQTT,
        help="With mqtts://: the broker must be vouched for by this certificate, instead of by one"
        " that this host trusts.",
    ),
]
MqttPrefix = Annotated[
    str,
    typer.Option(
        envvar="QRES_MQTT_PREFIX", rich_help_panel=_PANEL_MQTT, help="First level of every topic."
    ),
]
MqttDiscovery = Annotated[
    bool,
    typer.Option(
        envvar="QRES_MQTT_DISCOVERY",
        rich_help_panel=_PANEL_MQTT,
        help="Let Home Assistant find the nodes.",
    ),
]
MqttRaw = Annotated[
    bool,
    typer.Option(
        envvar="QRES_MQTT_RAW",
        rich_help_panel=_PANEL_MQTT,
        help="Receive raw frames that receivers publish to the broker, too.",
    ),
]


@dataclass(frozen=True, slots=True)
class SinkOptions:
    """What was asked for; the options' names and meanings."""

    influx_url: str | None = None
    influx_org: str = "qres"
    influx_bucket: str = "qres"
    influx_token_file: Path | None = None
    mqtt_url: str | None = None
    mqtt_password_file: Path | None = None
    mqtt_ca_file: Path | None = None
    mqtt_prefix: str = "qres"
    mqtt_discovery: bool = True
    mqtt_raw: bool = False

    def sinks(self, field: SinkField) -> list[Sink]:
        """
        The sinks, not opened yet.

        Raises:
            SinkSettingsError: A setting is missing or a file cannot be used.
        """
        made: list[Sink] = []
        if self.influx_url is not None:
            from qres_gateway.sinks.influx import InfluxSink  # noqa: PLC0415  only if wanted

            if not self.influx_url.startswith(("http://", "https://")):
                raise SinkSettingsError(
                    f"--influx-url {self.influx_url}: must begin with http:// or https://"
                )
            self._token()
            made.append(
                InfluxSink(self.influx_url, self.influx_org, self.influx_bucket, self._token)
            )
        if self.mqtt_url is not None:
            from qres_gateway.sinks.mqtt import MqttSink  # noqa: PLC0415  only if wanted

            announce = "homeassistant" if self.mqtt_discovery else None
            made.append(MqttSink(self._broker, field, prefix=self._prefix(), announce=announce))
        return made

    def raw_source(self, clock: Clock, field: SinkField) -> Source | None:
        """
        The source of raw frames, if it was asked for.

        Raises:
            SinkSettingsError: No broker is named, or a file cannot be used.
        """
        if not self.mqtt_raw:
            return None
        if self.mqtt_url is None:
            raise SinkSettingsError("--mqtt-raw: needs --mqtt-url, the broker to listen to")
        from qres_gateway.sources.mqtt import MqttSource  # noqa: PLC0415  only if wanted

        return MqttSource(clock, self._broker(), f"{self._prefix()}/{field.topic}")

    def _token(self) -> str:
        path = self.influx_token_file or credential(TOKEN_CREDENTIAL)
        if path is None:
            raise SinkSettingsError(
                "--influx-token-file: must be given with --influx-url, unless systemd hands over"
                f" the credential {TOKEN_CREDENTIAL}"
            )
        return read_secret(path, "--influx-token-file")

    def _prefix(self) -> str:
        prefix = self.mqtt_prefix
        if not prefix or prefix.strip("/") != prefix or set(prefix) & set("+#$"):
            raise SinkSettingsError(
                f"--mqtt-prefix {prefix!r}: must be a topic without +, #, $ and outer slashes"
            )
        return prefix

    def _broker(self) -> Broker:
        from qres_gateway.mqtt import Broker  # noqa: PLC0415  only if wanted

        address = _address(self.mqtt_url or "")
        ca_file = self.mqtt_ca_file
        if ca_file is not None and not (address.is_tls and ca_file.is_file()):
            fault = "is not there" if address.is_tls else "needs --mqtt-url mqtts://..."
            raise SinkSettingsError(f"--mqtt-ca-file {ca_file}: {fault}")
        secret = self.mqtt_password_file or credential(PASSWORD_CREDENTIAL)
        if (address.user is None) != (secret is None):
            raise SinkSettingsError(
                "--mqtt-password-file: must be given together with a user,"
                " --mqtt-url mqtt://USER@host"
            )
        password = None if secret is None else read_secret(secret, "--mqtt-password-file")
        return Broker(address.host, address.port, address.user, password, address.is_tls, ca_file)


class _Address(NamedTuple):
    user: str | None
    host: str
    port: int
    is_tls: bool


def _address(url: str) -> _Address:
    """The parts of mqtt[s]://[user@]host[:port]."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SinkSettingsError(f"--mqtt-url: {error}") from error
    if parts.password is not None:
        raise SinkSettingsError(
            "--mqtt-url: must not hold a password, which everybody on this host could read; put it"
            " into a file and name that by --mqtt-password-file"
        )
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.path.strip("/"):
        raise SinkSettingsError(f"--mqtt-url {url}: must be mqtt[s]://[user@]host[:port]")
    is_tls = parts.scheme == "mqtts"
    user = unquote(parts.username) if parts.username else None
    return _Address(user, parts.hostname, port or (8883 if is_tls else 1883), is_tls)
