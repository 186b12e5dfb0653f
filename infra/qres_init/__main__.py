# SPDX-License-Identifier: Apache-2.0
"""
What the stack's `init` service runs.

    init      make what is missing: site, secrets, database, tokens; changes nothing that is there
    rotate    replace every secret but the field key; what is running keeps the old ones meanwhile
    revoke    delete the database tokens that `rotate` replaced
    show      print passwords for people: of Grafana's admin, of the broker's reader and receiver

Exit codes: 0 done; 1 not done, the last line on stderr says why; 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
import time
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qres.errors import QresError
from qres_init.http import AnswerError, UnreachableError, call
from qres_init.influx import Consumer, Influx, SetupError
from qres_init.mosquitto import ensure_users, rotate_users
from qres_init.secret_files import GATEWAY, GRAFANA, MOSQUITTO, ROOT, SecretFolder, password
from qres_init.site import install_site

WAIT_S: Final = 60.0
_NEXT: Final = "grafana_password_next"
GRAFANA_URL: Final = "http://grafana:3000"


@dataclass(frozen=True, slots=True)
class Folders:
    """The volumes as `init` sees them."""

    given: Path
    field: SecretFolder
    admin: SecretFolder
    gateway: SecretFolder
    grafana: SecretFolder
    broker: SecretFolder

    @classmethod
    def below(cls, volumes: Path, given: Path) -> Folders:
        """Those of docker-compose.yml."""
        return cls(
            given,
            SecretFolder(volumes / "field", GATEWAY),
            SecretFolder(volumes / "secrets", ROOT),
            SecretFolder(volumes / "secrets-gateway", GATEWAY),
            SecretFolder(volumes / "secrets-grafana", GRAFANA),
            SecretFolder(volumes / "secrets-mosquitto", MOSQUITTO),
        )

    @property
    def consumers(self) -> list[Consumer]:
        """Who gets a token of the database."""
        return [
            Consumer("qres gateway", "write", self.gateway),
            Consumer("qres grafana", "read", self.grafana),
        ]


def say(text: str) -> None:
    """A line of the log; never a secret."""
    sys.stdout.write(f"init: {text}\n")


def init(folders: Folders, influx: Influx, retention_days: int) -> None:
    """Make what is missing."""
    for folder in (folders.field, folders.admin, folders.gateway, folders.grafana, folders.broker):
        folder.prepare()
    say(install_site(folders.given, folders.field))
    changed = ensure_users(folders.admin, folders.broker, folders.gateway)
    say(f"broker: {'users and rights written' if changed else 'as it was'}")
    secret = folders.admin.ensure("grafana_password")
    if folders.grafana.read("admin_password") != secret:
        folders.grafana.write("admin_password", secret)
    made = influx.set_up(retention_days)
    changed = influx.ensure_bucket(retention_days)
    tokens = [c.description for c in folders.consumers if influx.ensure_token(c)]
    say(f"database: {'set up' if made else 'bucket changed' if changed else 'as it was'}")
    if tokens:
        say(f"database: new tokens for {', '.join(tokens)}")


def rotate(folders: Folders, influx: Influx) -> None:
    """Replace every secret but the field key."""
    # A run that was interrupted leaves it open which of the two Grafana knows.
    known = [folders.admin.read(name) or "" for name in ("grafana_password", _NEXT)]
    new = password()
    if known[1]:
        change_grafana_password([known[1], known[0]], known[0])
    folders.admin.write(_NEXT, new)
    change_grafana_password(known[:1], new)
    folders.admin.write("grafana_password", new)
    folders.grafana.write("admin_password", new)
    (folders.admin.path / _NEXT).unlink()
    rotate_users(folders.admin, folders.broker, folders.gateway)
    for consumer in folders.consumers:
        influx.new_token(consumer)
    influx.new_admin()
    say("secrets replaced; restart mosquitto, grafana and gateway, then `revoke`")


def change_grafana_password(known: list[str], new: str) -> None:
    """
    Change the password of Grafana's admin.

    Args:
        known: What it may be now, in the order to try.
        new: What it shall be.

    Raises:
        AnswerError: It is none of *known*.
    """
    for i, old in enumerate(known, 1):
        login = b64encode(f"admin:{old}".encode()).decode()
        body = {"oldPassword": old, "newPassword": new, "confirmNew": new}
        try:
            call("PUT", f"{GRAFANA_URL}/api/user/password", body, authorization=f"Basic {login}")
        except AnswerError as error:
            if error.status != 401 or i == len(known):
                raise
        else:
            return


def show(folders: Folders) -> None:
    """Print passwords for people."""
    for label, name in (
        ("Grafana, user admin", "grafana_password"),
        ("MQTT, user reader", "mqtt_reader"),
        ("MQTT, user receiver", "mqtt_receiver"),
    ):
        sys.stdout.write(f"{label}: {folders.admin.read(name) or '(not made yet)'}\n")


def wait_for(url: str) -> None:
    """
    Wait until the database answers.

    Raises:
        UnreachableError: It does not within WAIT_S.
    """
    until = time.monotonic() + WAIT_S
    while True:
        try:
            call("GET", f"{url}/health", timeout_s=5.0)
        except (UnreachableError, AnswerError):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return


def main() -> None:
    """Run the job of the command line."""
    job = sys.argv[1] if len(sys.argv) == 2 else ""
    if job not in {"init", "rotate", "revoke", "show"}:
        sys.stderr.write((__doc__ or "").lstrip())
        raise SystemExit(2)
    os.umask(0o077)
    folders = Folders.below(Path("/volumes"), Path("/site"))
    url = os.environ.get("QRES_INFLUX_URL", "http://influxdb:8086")
    influx = Influx(url, folders.admin)
    try:
        if job == "show":
            show(folders)
            return
        wait_for(url)
        if job == "init":
            init(folders, influx, _retention_days())
        elif job == "rotate":
            rotate(folders, influx)
        else:
            say(f"{influx.revoke(folders.consumers)} old tokens deleted")
    except (AnswerError, UnreachableError, SetupError, QresError, OSError, ValueError) as error:
        sys.stderr.write(f"init: error: {error}\n")
        raise SystemExit(1) from None


def _retention_days() -> int:
    text = os.environ.get("QRES_RETENTION_DAYS", "0")
    if not text.isascii() or not text.isdigit() or int(text) > 36_500:
        raise ValueError(f"RETENTION_DAYS must be a whole number 0..36500, got {text!r}")
    return int(text)


if __name__ == "__main__":
    main()
