# SPDX-License-Identifier: Apache-2.0
"""
The API of InfluxDB 2, as far as the stack uses it, in front of a real InfluxDB 1 engine.

Rights are enforced here; points and queries go to the engine unchanged, so line protocol and
InfluxQL are judged by the real thing. What the real server would do beyond that is not shown.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).parent))
from state import RefusedError, State  # type: ignore[import-not-found]  # beside this file

DATA = Path(os.environ.get("STANDIN_DATA", "/var/lib/influxdb2"))
PORT = int(os.environ.get("STANDIN_PORT", "8086"))
ENGINE = f"http://127.0.0.1:{PORT + 1}"
PRECISIONS = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}
CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{data}/meta"
[data]
  dir = "{data}/data"
  wal-dir = "{data}/wal"
  query-log-enabled = false
  index-version = "tsi1"
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[logging]
  level = "warn"
[monitor]
  store-enabled = false
"""


def engine(path: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """Ask the engine; its refusal becomes ours."""
    request = Request(ENGINE + path, data=data, headers=headers or {})  # noqa: S310
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return bytes(answer.read())
    except HTTPError as error:
        text = error.read().decode("utf-8", "replace")
        raise RefusedError(error.code, json.loads(text).get("error", text)) from None
    except URLError as error:
        raise RefusedError(503, str(error)) from None


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """GET."""
        self.answer()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def answer(self) -> None:
        """Find who is asked, and send what it returns."""
        url = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, value = self.route(url.path.removeprefix("/api/v2/"))
        except RefusedError as error:
            status, value = error.status, {"code": "refused", "message": str(error)}
        except (KeyError, ValueError) as error:
            status, value = 400, {"code": "invalid", "message": repr(error)}
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        data = b"" if status == 204 else data
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Influxdb-Version", "v2.7.12 (stand-in)")
        self.end_headers()
        self.wfile.write(data)

    def route(self, path: str) -> tuple[int, Any]:
        """Status and body."""
        state = self.state
        if path in {"/health", "/ping"}:
            engine("/ping")
            return (200, {"name": "influxdb", "status": "pass"}) if path == "/health" else (204, "")
        if path == "setup":
            if self.command == "GET":
                return 200, {"allowed": not state.data}
            body = json.loads(self.body)
            made = state.set_up(body)
            self.create(body["bucket"])
            return 201, made
        auth = state.who(self.headers.get("Authorization", ""))
        if path == "write":
            return self.write(auth)
        if path == "/query":
            return self.influxql(auth)
        state.need(auth, "write" if self.command != "GET" else "read", "admin")
        kind, _, rest = path.partition("/")
        make = getattr(self, f"{self.command.lower()}_{kind}", None)
        if make is None:
            raise RefusedError(404, f"path not found: {self.path}")
        result: tuple[int, Any] = make(rest)
        return result

    def create(self, bucket: str) -> None:
        """The engine's database for a bucket."""
        engine("/query", urlencode({"q": f'CREATE DATABASE "{bucket}"'}).encode())

    def write(self, auth: dict[str, Any]) -> tuple[int, Any]:
        """Line protocol."""
        bucket = self.state.bucket(self.query["bucket"])
        self.state.need(auth, "write", "buckets", bucket["id"])
        precision = PRECISIONS[self.query.get("precision", "ns")]
        where = urlencode({"db": bucket["name"], "precision": precision})
        headers = {"Content-Type": "text/plain"}
        if "Content-Encoding" in self.headers:
            headers["Content-Encoding"] = self.headers["Content-Encoding"]
        engine(f"/write?{where}", self.body, headers)
        return 204, ""

    def influxql(self, auth: dict[str, Any]) -> tuple[int, Any]:
        """A query that only reads."""
        if self.command == "POST":
            self.query |= {name: values[0] for name, values in parse_qs(self.body.decode()).items()}
        bucket = self.state.of_database(self.query["db"])
        self.state.need(auth, "read", "buckets", bucket["id"])
        if self.query["q"].split(None, 1)[0].upper() not in {"SELECT", "SHOW"}:
            raise RefusedError(403, "only queries are served")
        asked = {**self.query, "db": bucket["name"]}
        return 200, engine(f"/query?{urlencode(asked)}")

    def get_orgs(self, _: str) -> tuple[int, Any]:
        """Organisations by name."""
        org = self.state.data["org"]
        return 200, {"orgs": [org] if self.query.get("org", org["name"]) == org["name"] else []}

    def get_buckets(self, _: str) -> tuple[int, Any]:
        """Buckets by name."""
        name = self.query.get("name")
        found = [b for b in self.state.data["buckets"] if name in {None, b["name"]}]
        return 200, {"buckets": found}

    def post_buckets(self, _: str) -> tuple[int, Any]:
        """A new bucket."""
        body = json.loads(self.body)
        seconds = sum(rule["everySeconds"] for rule in body["retentionRules"])
        made = self.state.add_bucket(body["name"], seconds)
        self.create(body["name"])
        return 201, made

    def patch_buckets(self, which: str) -> tuple[int, Any]:
        """Another retention."""
        bucket = next(b for b in self.state.data["buckets"] if b["id"] == which)
        bucket["retentionRules"] = json.loads(self.body)["retentionRules"]
        self.state.save()
        return 200, bucket

    def get_dbrps(self, _: str) -> tuple[int, Any]:
        """Names for InfluxQL."""
        found = [m for m in self.state.data["dbrps"] if m["database"] == self.query["db"]]
        return 200, {"content": found}

    def post_dbrps(self, _: str) -> tuple[int, Any]:
        """A name for InfluxQL."""
        made = {**json.loads(self.body), "id": secrets.token_hex(8), "virtual": False}
        self.state.data["dbrps"].append(made)
        self.state.save()
        return 201, made

    def get_authorizations(self, _: str) -> tuple[int, Any]:
        """Every token, without the token itself."""
        found = [{**a, "token": ""} for a in self.state.data["authorizations"]]
        return 200, {"authorizations": found}

    def post_authorizations(self, _: str) -> tuple[int, Any]:
        """A new token."""
        body = json.loads(self.body)
        return 201, self.state.add_authorization(body["description"], body["permissions"])

    def delete_authorizations(self, which: str) -> tuple[int, Any]:
        """A token no more."""
        left = [a for a in self.state.data["authorizations"] if a["id"] != which]
        if len(left) == len(self.state.data["authorizations"]):
            raise RefusedError(404, "authorization not found")
        self.state.data["authorizations"] = left
        self.state.save()
        return 204, ""

    def post_users(self, rest: str) -> tuple[int, Any]:
        """users/ID/password."""
        if rest != f"{self.state.data['user']['id']}/password":
            raise RefusedError(404, "user not found")
        self.state.data["user"]["password"] = json.loads(self.body)["password"]
        self.state.save()
        return 204, ""


def main() -> None:
    """Run engine and API until SIGTERM; end with the engine."""
    config = DATA / "engine.conf"
    config.write_text(CONFIG.format(data=DATA / "engine", http=PORT + 1, rpc=PORT + 2))
    child = subprocess.Popen(["/usr/bin/influxd", "run", "-config", str(config)])
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    Handler.state = State(DATA / "standin.json")
    server = ThreadingHTTPServer(("0.0.0.0", PORT), Handler)  # noqa: S104  inside a container
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while child.poll() is None:
        time.sleep(0.2)
    raise SystemExit(0 if child.returncode in {0, -signal.SIGTERM} else 1)


if __name__ == "__main__":
    main()
