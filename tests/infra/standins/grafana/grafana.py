# SPDX-License-Identifier: Apache-2.0
"""
Enough of Grafana to start a stack.

Provisioning is read strictly; it knows health, the admin's password, and queries through a data
source with the token that was provisioned for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import yaml  # type: ignore[import-not-found,import-untyped,unused-ignore]  # in the image

ETC = Path(os.environ.get("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning"))
DATA = Path(os.environ.get("GF_PATHS_DATA", "/var/lib/grafana"))
PORT = int(os.environ.get("GF_SERVER_HTTP_PORT", "3000"))


def expanded(value: Any) -> Any:
    """`$__file{path}` replaced by what the file holds, as Grafana does; fails without the file."""
    if isinstance(value, dict):
        return {k: expanded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [expanded(v) for v in value]
    if isinstance(value, str):
        return re.sub(r"\$__file\{([^}]+)\}", lambda m: Path(m[1]).read_text().strip(), value)
    return value


def documents(kind: str) -> list[dict[str, Any]]:
    """The provisioning files of a kind."""
    files = sorted(p for p in (ETC / kind).glob("*") if p.suffix in {".yml", ".yaml"})
    found = [expanded(yaml.safe_load(p.read_text())) for p in files]
    for document in found:
        if not isinstance(document, dict) or document.get("apiVersion") != 1:
            raise ValueError(f"{kind}: apiVersion must be 1")
    return found


def provision() -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    """Data sources by uid, and what there is of each kind."""
    sources = {s["uid"]: s for d in documents("datasources") for s in d["datasources"]}
    boards = 0
    for document in documents("dashboards"):
        for provider in document["providers"]:
            for path in Path(provider["options"]["path"]).rglob("*.json"):
                board = json.loads(path.read_text())
                if not board["title"] or not board["uid"]:
                    raise ValueError(f"{path}: a dashboard needs title and uid")
                boards += 1
    rules = 0
    for document in documents("alerting"):
        for group in document.get("groups", []):
            for rule in group["rules"]:
                if not rule["uid"] or not rule["data"]:
                    raise ValueError(f"alert rule {rule.get('title')!r} lacks uid or data")
                rules += 1
    return sources, {"datasources": len(sources), "dashboards": boards, "rules": rules}


class Password:
    """The admin's: from the file on the first start, from the database afterwards."""

    def __init__(self) -> None:
        self._path = DATA / "standin.json"
        if not self._path.exists():
            first = Path(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"]).read_text().strip()
            self.change(first)

    def change(self, new: str) -> None:
        """Another password."""
        self._path.write_text(json.dumps(hashlib.sha256(new.encode()).hexdigest()))

    def is_right(self, header: str) -> bool:
        """Whether a header of basic authentication is the admin's."""
        scheme, _, code = header.partition(" ")
        user, _, given = base64.b64decode(code).decode().partition(":")
        known = json.loads(self._path.read_text())
        return (
            scheme == "Basic"
            and user == "admin"
            and hashlib.sha256(given.encode()).hexdigest() == known
        )


class Handler(BaseHTTPRequestHandler):
    """One request."""

    password: Password
    sources: dict[str, dict[str, Any]]
    count: dict[str, int]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """Health, who I am, and queries through a data source."""
        if self.path == "/api/health":
            self.send(200, {"database": "ok", "version": "stand-in", **self.count})
        elif not self.password.is_right(self.headers.get("Authorization", "")):
            self.send(401, {"message": "Invalid username or password"})
        elif self.path == "/api/user":
            self.send(200, {"login": "admin"})
        elif match := re.fullmatch(r"/api/datasources/proxy/uid/([^/]+)(/.*)", self.path):
            self.send(*self.through(self.sources[match[1]], match[2]))
        else:
            self.send(404, {"message": "Not found"})

    def do_PUT(self) -> None:
        """A new password for the admin."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.password.is_right(self.headers.get("Authorization", "")):
            self.send(401, {"message": "Invalid username or password"})
        else:
            self.password.change(body["newPassword"])
            self.send(200, {"message": "User password changed"})

    def through(self, source: dict[str, Any], path: str) -> tuple[int, Any]:
        """Ask the data source, with the header that was provisioned."""
        request = Request(source["url"] + path)  # noqa: S310
        name = source["jsonData"]["httpHeaderName1"]
        request.add_header(name, source["secureJsonData"]["httpHeaderValue1"])
        try:
            with urlopen(request, timeout=20) as answer:  # noqa: S310
                return 200, json.loads(answer.read())
        except HTTPError as error:
            return error.code, {"message": error.read().decode()}

    def send(self, status: int, value: Any) -> None:
        """JSON."""
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    """Serve until SIGTERM."""
    Handler.sources, Handler.count = provision()
    Handler.password = Password()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    ThreadingHTTPServer(("0.0.0.0", PORT), Handler).serve_forever()  # noqa: S104


if __name__ == "__main__":
    main()
