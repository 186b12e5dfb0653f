# SPDX-License-Identifier: Apache-2.0
"""
A strict stand-in for Grafana's HTTP API: folders, dashboards, search.

It keeps what it is given in memory and refuses what Grafana's documentation (HTTP API: dashboard,
folder, search; and pkg/services/dashboards/errors.go) says is refused: no or a wrong token, a role
that may not write, an unknown folder, a version that is not the newest, an id that is not the
uid's, a provisioned board, a body that is not JSON.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

__all__ = ["EDITOR", "VIEWER", "Fake", "Refusal", "fake_grafana"]

EDITOR: Final = "glsa_editor-of-the-tests"
VIEWER: Final = "glsa_viewer-of-the-tests"
Json = dict[str, Any]


class Refusal(Exception):  # noqa: N818  an answer, not an error of the program
    """An answer that is no success."""

    def __init__(self, status: int, message: str, word: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message} | ({"status": word} if word else {})


@dataclass(slots=True)
class Fake:
    """
    State of the server.

    Attributes:
        url: Its address.
        folders: By uid.
        boards: By uid: the dashboard, its folder's uid, and whether it is provisioned.
        calls: Method and path of every request.
        raw: What to answer in place of everything: status, type and body.
        before_save: Called with the uid before a board is saved; to play somebody else.
        delay_s: How long each answer takes.
    """

    url: str = ""
    folders: dict[str, Json] = field(default_factory=dict)
    boards: dict[str, Json] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    raw: tuple[int, str, bytes] | None = None
    before_save: Callable[[str], None] | None = None
    delay_s: float = 0.0
    _ids: int = 0

    def next_id(self) -> int:
        """A number of the database."""
        self._ids += 1
        return self._ids

    def answer(self, method: str, target: str, token: str, body: bytes, kind: str) -> Any:
        """
        What the API gives.

        Raises:
            Refusal: It refuses.
        """
        path, _, query = target.partition("?")
        if path == "/api/health":
            return {"database": "ok", "version": "12.3.1"}
        if token not in {EDITOR, VIEWER}:
            raise Refusal(401, "Invalid API key" if token else "Unauthorized")
        sent = self._sent(method, body, kind)
        routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", r"/api/folders/([\w-]+)", self._folder),
            ("GET", r"/api/dashboards/uid/([\w-]+)", self._board),
            ("POST", r"/api/folders", lambda: self._make_folder(sent)),
            ("POST", r"/api/dashboards/db", lambda: self._save(sent)),
            ("GET", r"/api/search", lambda: self._search(urllib.parse.parse_qs(query))),
        ]
        for known, pattern, act in routes:
            match = re.fullmatch(pattern, path)
            if match and known == method:
                if method == "POST" and token != EDITOR:
                    raise Refusal(403, "You'll need additional permissions to perform this action")
                return act(*match.groups())
        raise Refusal(404, "Not found")

    def _sent(self, method: str, body: bytes, kind: str) -> Json:
        if method != "POST":
            return {}
        if not kind.startswith("application/json"):
            raise Refusal(415, "Unsupported Media Type")
        try:
            sent: Json = json.loads(body)
        except ValueError:
            raise Refusal(400, "bad request data") from None
        return sent

    def _folder(self, uid: str) -> Json:
        if uid not in self.folders:
            raise Refusal(404, "folder not found", "not-found")
        return self.folders[uid]

    def _make_folder(self, sent: Json) -> Json:
        uid, title = sent.get("uid") or f"f{self.next_id()}", sent.get("title", "")
        if not title:
            raise Refusal(400, "folder title cannot be empty")
        if uid in self.folders:
            raise Refusal(412, "The folder has been changed by someone else", "version-mismatch")
        url = f"/dashboards/f/{uid}/{title.lower()}"
        self.folders[uid] = {"id": self.next_id(), "uid": uid, "title": title, "url": url}
        return self.folders[uid] | {"version": 1, "canSave": True, "canEdit": True}

    def _board(self, uid: str) -> Json:
        if uid not in self.boards:
            raise Refusal(404, "Dashboard not found")
        kept = self.boards[uid]
        meta = {
            "url": f"/d/{uid}/{_slug(kept['dashboard']['title'])}",
            "slug": _slug(kept["dashboard"]["title"]),
            "folderUid": kept["folder"],
            "provisioned": kept["provisioned"],
            "version": kept["dashboard"]["version"],
            "canSave": not kept["provisioned"],
        }
        return {"meta": meta, "dashboard": kept["dashboard"]}

    def _save(self, sent: Json) -> Json:
        board: Json = dict(sent.get("dashboard") or {})
        if not board.get("title"):
            raise Refusal(400, "Dashboard title cannot be empty", "empty-name")
        uid = board.get("uid") or f"d{self.next_id()}"
        if not re.fullmatch(r"[\w-]{1,40}", uid):
            raise Refusal(400, "uid contains illegal characters")
        if self.before_save:
            self.before_save(uid)
        folder = sent.get("folderUid", "")
        if folder and folder not in self.folders:
            raise Refusal(400, "folder not found", "not-found")
        self._refuse_conflict(uid, board, overwrite=bool(sent.get("overwrite")))
        old = self.boards.get(uid)
        board["uid"] = uid
        board["id"] = old["dashboard"]["id"] if old else self.next_id()
        board["version"] = old["dashboard"]["version"] + 1 if old else 1
        self.boards[uid] = {"dashboard": board, "folder": folder, "provisioned": False}
        return {
            "id": board["id"],
            "uid": uid,
            "url": f"/d/{uid}/{_slug(board['title'])}",
            "status": "success",
            "version": board["version"],
            "slug": _slug(board["title"]),
            "folderUid": folder,
        }

    def _refuse_conflict(self, uid: str, board: Json, *, overwrite: bool) -> None:
        old = self.boards.get(uid)
        if board.get("id") and (not old or old["dashboard"]["id"] != board["id"]):
            raise Refusal(404, "Dashboard not found", "not-found")
        if not old:
            return
        if old["provisioned"]:
            raise Refusal(400, "Cannot save provisioned dashboard")
        if overwrite:
            return
        if not board.get("id"):
            raise Refusal(412, "A dashboard with the same uid already exists", "name-exists")
        if board.get("version") != old["dashboard"]["version"]:
            raise Refusal(412, "The dashboard has been changed by someone else", "version-mismatch")

    def _search(self, query: dict[str, list[str]]) -> list[Json]:
        wanted = query.get("query", [""])[0].lower()
        return [
            {
                "id": kept["dashboard"]["id"],
                "uid": uid,
                "title": kept["dashboard"]["title"],
                "url": f"/d/{uid}/{_slug(kept['dashboard']['title'])}",
                "type": "dash-db",
                "tags": kept["dashboard"].get("tags", []),
                "folderUid": kept["folder"],
                "folderTitle": self.folders.get(kept["folder"], {}).get("title", ""),
            }
            for uid, kept in self.boards.items()
            if wanted in kept["dashboard"]["title"].lower()
        ]


class _Server(ThreadingHTTPServer):
    """Serves one fake below a path; keeps quiet when a client has gone."""

    def __init__(self, fake: Fake, prefix: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake
        self.prefix = prefix
        fake.url = f"http://127.0.0.1:{self.server_port}{prefix}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that did not wait; fail loudly of anything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Takes requests to the fake."""

    server: _Server

    def do_GET(self) -> None:
        """Answer GET."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer POST."""
        self._answer("POST")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base's name
        """Say nothing."""

    def _answer(self, method: str) -> None:
        fake, prefix = self.server.fake, self.server.prefix
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fake.calls.append(f"{method} {self.path}")
        time.sleep(fake.delay_s)
        if fake.raw:
            self._send(*fake.raw)
            return
        if not self.path.startswith(f"{prefix}/"):
            self._send(404, "text/html", b"<html>no message for you: not here</html>")
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        kind = self.headers.get("Content-Type", "")
        target = self.path.removeprefix(prefix)
        try:
            status, answer = 200, fake.answer(method, target, token, body, kind)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        self._send(status, "application/json", json.dumps(answer).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def fake_grafana(prefix: str = "") -> Iterator[Fake]:
    """
    A server on the loopback.

    Args:
        prefix: Path that Grafana is served below, "/grafana"; everything else is 404 in HTML.
    """
    fake = Fake()
    with _Server(fake, prefix) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join(timeout=5)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
