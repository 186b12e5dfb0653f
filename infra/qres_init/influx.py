# SPDX-License-Identifier: Apache-2.0
"""
InfluxDB 2: organisation, bucket, retention, InfluxQL name, and one token per consumer.

Source:
    InfluxDB OSS 2.7 API: /api/v2/setup, /orgs, /buckets, /dbrps, /authorizations, /users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from qres_init.http import AnswerError, call
from qres_init.secret_files import password

if TYPE_CHECKING:
    from qres_init.secret_files import SecretFolder

__all__ = ["BUCKET", "ORG", "Consumer", "Influx", "SetupError"]

ORG: Final = "qres"
BUCKET: Final = "qres"
USER: Final = "admin"
_DAY_S: Final = 86_400
_ADMIN: Final = "qres administrator"


class SetupError(Exception):
    """The database is not in a state that this job can mend; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """
    Who gets a token of the bucket.

    Attributes:
        description: Names the token in the database.
        action: "read" or "write", and nothing else.
        folder: Where its file `influx_token` is.
    """

    description: str
    action: str
    folder: SecretFolder


class Influx:
    """
    The database as its administrator sees it.

    Args:
        url: Its address.
        admin: Has `influx_token` and `influx_password`.
    """

    def __init__(self, url: str, admin: SecretFolder) -> None:
        self._url = url
        self._admin = admin

    def set_up(self, retention_days: int) -> bool:
        """
        Set the database up if nobody has.

        Returns:
            Whether it was done now.

        Raises:
            SetupError: Somebody has, with another token.
        """
        secret = self._admin.ensure("influx_password")
        token = self._admin.ensure("influx_token", lambda: password() + password())
        if call("GET", f"{self._url}/api/v2/setup")["allowed"]:
            body = {
                "username": USER,
                "password": secret,
                "token": token,
                "org": ORG,
                "bucket": BUCKET,
                "retentionPeriodSeconds": retention_days * _DAY_S,
            }
            call("POST", f"{self._url}/api/v2/setup", body)
            return True
        try:
            self._org_id()
        except AnswerError as error:
            if error.status != 401:
                raise
            raise SetupError(
                "InfluxDB was set up with another administrator's token than the volume `secrets` "
                "holds: the volumes are not of one stack. Restore all of them from one backup"
            ) from error
        return False

    def ensure_bucket(self, retention_days: int) -> bool:
        """The bucket, its retention and its InfluxQL name. Whether anything had to be changed."""
        org_id = self._org_id()
        bucket = self._bucket()
        rules = []
        if retention_days:
            rules = [{"type": "expire", "everySeconds": retention_days * _DAY_S}]
        changed = bucket is None
        if bucket is None:
            body = {"orgID": org_id, "name": BUCKET, "retentionRules": rules}
            bucket = self._call("POST", "buckets", body)
        elif _expires_s(bucket) != retention_days * _DAY_S:
            self._call("PATCH", f"buckets/{bucket['id']}", {"retentionRules": rules})
            changed = True
        query = {"orgID": org_id, "db": BUCKET}
        mapped = self._call("GET", "dbrps", query=query)["content"] or []
        if not any(m["bucketID"] == bucket["id"] and not m.get("virtual") for m in mapped):
            mapping = {
                "orgID": org_id,
                "bucketID": bucket["id"],
                "database": BUCKET,
                "retention_policy": "autogen",
                "default": True,
            }
            self._call("POST", "dbrps", mapping)
            changed = True
        return changed

    def ensure_token(self, consumer: Consumer) -> bool:
        """A token for *consumer*, in its file. Whether a new one was made."""
        if consumer.folder.read("influx_token") and self._current(consumer):
            return False
        self.new_token(consumer)
        return True

    def new_token(self, consumer: Consumer) -> None:
        """Another token for *consumer*, in its file; the old one still works until `revoke`."""
        bucket = self._bucket()
        if bucket is None:
            raise SetupError(f"there is no bucket {BUCKET!r}")
        made = self._authorize(
            consumer.description,
            [
                {
                    "action": consumer.action,
                    "resource": {
                        "type": "buckets",
                        "id": bucket["id"],
                        "orgID": bucket["orgID"],
                    },
                }
            ],
        )
        consumer.folder.write("influx_token", made["token"])
        consumer.folder.write("influx_token_id", made["id"])

    def new_admin(self) -> None:
        """Another token and password for the administrator; the old token works until `revoke`."""
        mine = self._mine()
        made = self._authorize(_ADMIN, mine["permissions"])
        secret = password()
        self._call("POST", f"users/{mine['userID']}/password", {"password": secret})
        self._admin.write("influx_password", secret)
        self._admin.write("influx_token", made["token"])
        self._admin.write("influx_token_id", made["id"])

    def revoke(self, consumers: list[Consumer]) -> int:
        """Delete the tokens that were replaced. How many there were."""
        keep = {consumer.folder.read("influx_token_id") for consumer in consumers}
        names = {consumer.description for consumer in consumers}
        admin_id = self._admin.read("influx_token_id")
        gone = 0
        for found in self._authorizations():
            is_old = found["description"] in names and found["id"] not in keep
            if admin_id is not None and found["user"] == USER and found["id"] != admin_id:
                is_old = is_old or found["description"] in {_ADMIN, f"{USER}'s Token"}
            if is_old:
                self._call("DELETE", f"authorizations/{found['id']}")
                gone += 1
        return gone

    def _mine(self) -> dict[str, Any]:
        """The administrator's authorization: by its kept id, else the one that `set_up` made."""
        kept = self._admin.read("influx_token_id")
        for found in self._authorizations():
            if found["id"] == kept or (kept is None and found["description"] == f"{USER}'s Token"):
                return found
        raise SetupError(f"InfluxDB lists no token of user {USER!r} that is ours")

    def _current(self, consumer: Consumer) -> bool:
        kept = consumer.folder.read("influx_token_id")
        return any(a["id"] == kept and a["status"] == "active" for a in self._authorizations())

    def _authorize(self, description: str, permissions: list[dict[str, Any]]) -> dict[str, Any]:
        body = {"orgID": self._org_id(), "description": description, "permissions": permissions}
        made: dict[str, Any] = self._call("POST", "authorizations", body)
        return made

    def _authorizations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "authorizations")["authorizations"]
        return found

    def _org_id(self) -> str:
        found = self._call("GET", "orgs", query={"org": ORG})["orgs"]
        return str(found[0]["id"])

    def _bucket(self) -> dict[str, Any] | None:
        query = {"org": ORG, "name": BUCKET}
        found: list[dict[str, Any]] = self._call("GET", "buckets", query=query)["buckets"]
        return found[0] if found else None

    def _call(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> Any:
        url = f"{self._url}/api/v2/{path}" + (f"?{urlencode(query)}" if query else "")
        token = self._admin.read("influx_token")
        return call(method, url, body, authorization=f"Token {token}")


def _expires_s(bucket: dict[str, Any]) -> int:
    rules = bucket.get("retentionRules") or []
    return sum(
        int(rule["everySeconds"]) for rule in rules if rule.get("type", "expire") == "expire"
    )
