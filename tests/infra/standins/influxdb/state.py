# SPDX-License-Identifier: Apache-2.0
"""What InfluxDB 2 keeps beside its data: users, buckets, names for InfluxQL, tokens and rights."""

from __future__ import annotations

import json
import secrets
import threading
from pathlib import Path
from typing import Any


class RefusedError(Exception):
    """A request that the server refuses with a status and a text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class State:
    """Kept in one JSON file; every change is on disk before it is answered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self.data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def save(self) -> None:
        """Write the file anew."""
        partial = self._path.with_suffix(".part")
        with self._lock:
            partial.write_text(json.dumps(self.data))
            partial.chmod(0o600)
            partial.replace(self._path)

    def set_up(self, body: dict[str, Any]) -> dict[str, Any]:
        """First user, organisation, bucket and an all-access token."""
        if self.data:
            raise RefusedError(422, "onboarding has already been completed")
        org = {"id": secrets.token_hex(8), "name": body["org"]}
        user = {"id": secrets.token_hex(8), "name": body["username"], "password": body["password"]}
        self.data = {"org": org, "user": user, "buckets": [], "dbrps": [], "authorizations": []}
        bucket = self.add_bucket(body["bucket"], body.get("retentionPeriodSeconds", 0))
        everything = [{"action": a, "resource": {"type": "*"}} for a in ("read", "write")]
        name = f"{user['name']}'s Token"
        auth = self.add_authorization(name, everything, body["token"])
        return {"user": user["name"], "org": org, "bucket": bucket, "auth": auth}

    def add_bucket(self, name: str, seconds: int) -> dict[str, Any]:
        """A bucket that keeps its points for *seconds*; 0 for ever."""
        bucket = {
            "id": secrets.token_hex(8),
            "orgID": self.data["org"]["id"],
            "name": name,
            "retentionRules": [{"type": "expire", "everySeconds": seconds}] if seconds else [],
        }
        self.data["buckets"].append(bucket)
        self.save()
        return bucket

    def add_authorization(
        self, description: str, permissions: list[dict[str, Any]], token: str | None = None
    ) -> dict[str, Any]:
        """A token with those rights."""
        auth = {
            "id": secrets.token_hex(8),
            "token": token or secrets.token_urlsafe(64),
            "status": "active",
            "description": description,
            "orgID": self.data["org"]["id"],
            "user": self.data["user"]["name"],
            "userID": self.data["user"]["id"],
            "permissions": permissions,
        }
        self.data["authorizations"].append(auth)
        self.save()
        return auth

    def who(self, header: str) -> dict[str, Any]:
        """The authorization of an Authorization header; 401 if it is none."""
        scheme, _, token = header.partition(" ")
        for auth in self.data.get("authorizations", []):
            if scheme in {"Token", "Bearer"} and secrets.compare_digest(auth["token"], token):
                return dict(auth)
        raise RefusedError(401, "unauthorized access")

    def need(self, auth: dict[str, Any], action: str, kind: str, which: str = "") -> None:
        """403 unless the token may *action* that resource."""
        for right in auth["permissions"]:
            resource = right["resource"]
            covers = resource["type"] == "*" or (
                resource["type"] == kind and resource.get("id", which) == which
            )
            if right["action"] == action and covers:
                return
        raise RefusedError(403, f"insufficient permissions for {action}")

    def bucket(self, name: str) -> dict[str, Any]:
        """The bucket of that name; 404 if there is none."""
        for bucket in self.data.get("buckets", []):
            if bucket["name"] == name:
                return dict(bucket)
        raise RefusedError(404, f'bucket "{name}" not found')

    def of_database(self, name: str) -> dict[str, Any]:
        """The bucket behind a name of InfluxQL; 404 if none is mapped."""
        for mapping in self.data.get("dbrps", []):
            if mapping["database"] == name:
                return next(b for b in self.data["buckets"] if b["id"] == mapping["bucketID"])
        raise RefusedError(404, f"no dbrp mapping found for {name!r}")
