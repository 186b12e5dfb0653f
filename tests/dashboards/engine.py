# SPDX-License-Identifier: Apache-2.0
"""A real InfluxQL engine: Debian's influxdb 1.6 on a free port of the loopback."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.dashboards import store

__all__ = ["Engine", "Series", "running"]

_CONFIG: Final = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[logging]
  level = "error"
"""

Series = dict[str, Any]
"""As the engine answers: "tags", "columns", "values"."""


class Engine:
    """Databases of one server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def create(self, database: str, points: Sequence[store.Point]) -> None:
        """
        Make *database* anew out of *points*.

        Raises:
            urllib.error.HTTPError: The engine refuses one of them.
        """
        self._get({"q": f'DROP DATABASE "{database}"'}, is_post=True)
        self._get({"q": f'CREATE DATABASE "{database}"'}, is_post=True)
        if points:
            url = f"{self.url}/write?db={database}&precision=u"
            request = urllib.request.Request(url, data=store.line_protocol(points), method="POST")  # noqa: S310
            urllib.request.urlopen(request, timeout=30).close()  # noqa: S310

    def ask(self, database: str, query: str) -> list[Series]:
        """
        The series that answer *query*, times in seconds.

        Raises:
            AssertionError: The engine does not understand it.
        """
        answer = self._get({"db": database, "q": query, "epoch": "s"})
        (result,) = answer["results"]
        assert "error" not in result, f"{result.get('error')}: {query}"
        found: list[Series] = result.get("series", [])
        return found

    def _get(self, parameters: dict[str, str], *, is_post: bool = False) -> dict[str, Any]:
        query = urllib.parse.urlencode(parameters)
        data = b"" if is_post else None
        try:
            with urllib.request.urlopen(f"{self.url}/query?{query}", data=data, timeout=30) as got:  # noqa: S310
                answer: dict[str, Any] = json.load(got)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.read().decode()}: {parameters['q']}") from error
        return answer


def is_there() -> bool:
    """Whether this host has the server."""
    return shutil.which("influxd") is not None


@contextmanager
def running(folder: Path) -> Iterator[Engine]:
    """A server whose files are in *folder*; ended with the block."""
    http, rpc = _free_port(), _free_port()
    config = folder / "influxdb.conf"
    config.write_text(_CONFIG.format(folder=folder, http=http, rpc=rpc), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["influxd", "-config", str(config)], stdout=log, stderr=log)
        try:
            _wait(http, process, folder / "log")
            yield Engine(http)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise AssertionError(f"influxd ended: {log.read_text(encoding='utf-8')[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("influxd did not answer within 12 s")
