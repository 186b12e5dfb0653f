# SPDX-License-Identifier: Apache-2.0
"""
A real InfluxDB engine for tests: Debian's influxd 1.6.7 behind a door that speaks version 2.

influxd 1.x has no `/api/v2/write`. The door passes it on to `/write`, checks the token as version
2 does, and can be told to misbehave: that is all it adds. What is stored, and what is refused as
malformed or of the wrong type, is the engine's own doing.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from tests.e2e.stores import free_port

TOKEN = "a-token-for-tests"  # noqa: S105  made up
BUCKET = "weather"
ORG = "field"
GUARD_S = 20.0

needs_influxd = pytest.mark.skipif(
    shutil.which("influxd") is None, reason="needs influxd: apt-get install influxdb"
)

_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "2s"
  compact-full-write-cold-duration = "5s"
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "error"
"""


class Influxd:
    """The engine: start, kill, query. Its data stay in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._rpc = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers; make the database."""
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "influxdb.conf"
        config.write_text(_CONFIG.format(folder=self.folder, port=self.port, rpc=self._rpc))
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                ["influxd", "run", "-config", str(config)], stdout=log, stderr=log
            )
        until = time.monotonic() + GUARD_S
        while True:
            try:
                self.query(f"CREATE DATABASE {BUCKET}")
            except OSError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def query(self, text: str) -> list[dict[str, Any]]:
        """Series of an InfluxQL query, times in microseconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_S)
        try:
            form = urllib.parse.urlencode({"db": BUCKET, "epoch": "u", "q": text})
            head = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/query", form, head)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        result = answer["results"][0]
        assert "error" not in result, result
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def rows(self, text: str) -> list[dict[str, Any]]:
        """Rows of a query, each by its columns' names and its group's tags."""
        return [
            dict(zip(series["columns"], row, strict=True)) | series.get("tags", {})
            for series in self.query(text)
            for row in series["values"]
        ]

    def count(self, measurement: str, column: str) -> int:
        """How many points have that field."""
        found = self.rows(  # names from the schema
            f'SELECT count("{column}") AS n FROM "{measurement}"'  # noqa: S608
        )
        return int(found[0]["n"]) if found else 0


class Door:
    """
    `/api/v2/write` in front of an engine.

    Attributes:
        faults: Answers (status, body) to give in place of passing on, one for each request.
        cut: How many coming requests are passed on, but their answer is swallowed.
        delay_s: How long to wait before each answer.
        requests: Status of each answer.
        lines: Lines that the engine confirmed, with repetitions.
    """

    def __init__(self, engine: Influxd | None) -> None:
        self.engine = engine
        self.token = TOKEN
        self.faults: list[tuple[int, str]] = []
        self.always: tuple[int, str] | None = None
        self.headers: dict[str, str] = {}
        self.cut = 0
        self.delay_s = 0.0
        self.requests: list[int] = []
        self.lines = 0
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def open(self) -> None:
        """Answer from now on."""
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                door._answer(self)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def shut(self) -> None:
        """Nobody listens any more."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        time.sleep(self.delay_s)
        status, text = self._judged(request, body)
        self.requests.append(status)
        if self.cut and status == 204:
            self.cut -= 1
            request.close_connection = True
            return
        data = text.encode()
        request.send_response(status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        if status != 204:
            request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if status != 204:
            request.wfile.write(data)

    def _judged(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str]:
        if request.headers.get("Authorization") != f"Token {self.token}":
            return 401, '{"code":"unauthorized","message":"unauthorized access"}'
        if self.always is not None:
            return self.always
        if self.faults:
            return self.faults.pop(0)
        where = urllib.parse.urlsplit(request.path)
        asked = urllib.parse.parse_qs(where.query)
        if where.path != "/api/v2/write" or asked["bucket"] != [BUCKET]:
            return 404, '{"code":"not found","message":"bucket not found"}'
        assert asked["precision"] == ["us"], asked
        if self.engine is None:
            return 204, ""
        return self._pass_on(request, body)

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str]:
        assert self.engine is not None
        connection = http.client.HTTPConnection("127.0.0.1", self.engine.port, timeout=GUARD_S)
        try:
            head = {k: v for k, v in request.headers.items() if k.startswith("Content-")}
            connection.request("POST", f"/write?db={BUCKET}&precision=u", body, head)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as error:
            return 503, json.dumps({"message": f"engine: {error}"})
        finally:
            connection.close()


@contextmanager
def influx(folder: Path) -> Iterator[tuple[Influxd, Door]]:
    """An engine and its door, for the time of a test."""
    engine = Influxd(folder)
    engine.start()
    try:
        with Door(engine) as door:
            yield engine, door
    finally:
        engine.kill()
