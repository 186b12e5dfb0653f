# SPDX-License-Identifier: Apache-2.0
"""
Send the boards to a running Grafana, with `grafana-api`.

What is there already and the same is left alone, so pushing twice is harmless. Alert rules and
contact points are not pushed: `grafana-api` 1.0.3 only knows the API that Grafana 11 removed, so
they go through file provisioning.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import requests
from grafana_api.grafana_api import (
    GrafanaClientError,
    GrafanaException,
    GrafanaServerError,
    GrafanaUnauthorizedError,
)
from grafana_api.grafana_face import GrafanaFace

from qres_dashboards.config import FOLDER_TITLE, FOLDER_UID
from qres_gateway.errors import GatewayError

__all__ = ["Grafana", "PushError", "Pushed", "read_token"]

Json = dict[str, Any]
Result = Literal["created", "updated", "unchanged"]
_OURS_NOT: tuple[str, ...] = ("id", "version")


class PushError(GatewayError):
    """Grafana cannot be reached, refuses, or answers what is no Grafana's answer."""

    code: ClassVar[str] = "push"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one board. `url` is its page."""

    uid: str
    title: str
    result: Result
    url: str


def read_token(path: Path) -> str:
    """
    The token in a file.

    Raises:
        OSError: It cannot be read.
        PushError: It holds no token. The message does not repeat what it holds.
    """
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if not re.fullmatch(r"[!-~]+", token):
        what = "is empty" if not token else "holds more than one word of printable ASCII"
        raise PushError(f"token file {path}: {what}; it must hold one service account token")
    return token


class Grafana:
    """
    One Grafana server.

    Args:
        url: Its address as a browser knows it, "https://host:3000/grafana".
        token: Of a service account with the role Editor.
        timeout_s: For each call.
        ca_file: Certificates to trust instead of the usual ones.

    Raises:
        PushError: The address is none.
    """

    def __init__(
        self, url: str, token: str, *, timeout_s: float = 10.0, ca_file: Path | None = None
    ) -> None:
        try:
            parts = urllib.parse.urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise PushError(f"url: {url!r} is no address: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise PushError(f"url: {url!r} must be http://host:port or https://host:port")
        if parts.username or parts.password:
            raise PushError("url: must not hold a password; use --token-file")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        prefix = parts.path.strip("/")
        self.url = urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        self._api = GrafanaFace(
            auth=token,
            host=host,
            port=port,
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=parts.scheme,
            verify=True if ca_file is None else str(ca_file),
            timeout=timeout_s,
        )

    def push(
        self,
        boards: Sequence[Mapping[str, Any]],
        *,
        overwrite: bool = False,
        tell: Callable[[int, int], None] | None = None,
    ) -> list[Pushed]:
        """
        Make folder and boards what they should be.

        Args:
            boards: As `generate.boards` gives them.
            overwrite: Whether to win against a change that somebody makes meanwhile.
            tell: Called with (done, total).

        Raises:
            PushError: It did not work; the message says why. Boards before it are done.
        """
        self._folder()
        found: list[Pushed] = []
        for i, board in enumerate(boards):
            found.append(self._board(dict(board), overwrite=overwrite))
            if tell:
                tell(i + 1, len(boards))
        return found

    def _folder(self) -> None:
        if self._get(f"folder {FOLDER_UID!r}", self._api.folder.get_folder, FOLDER_UID) is None:
            what = f"folder {FOLDER_UID!r}"
            self._call(what, self._api.folder.create_folder, FOLDER_TITLE, FOLDER_UID)

    def _board(self, board: Json, *, overwrite: bool) -> Pushed:
        uid, what = board["uid"], f"board {board['uid']!r}"
        stored = self._get(what, self._api.dashboard.get_dashboard, uid)
        if stored is None:
            return self._save(board, "created", overwrite=overwrite)
        meta, old = stored["meta"], stored["dashboard"]
        if meta.get("provisioned"):
            raise PushError(
                f"{what}: {self.url} reads it from a file (provisioning), so it cannot be pushed;"
                " change the files and restart Grafana, or take the provisioning out"
            )
        if _content(old) == _content(board) and meta.get("folderUid") == FOLDER_UID:
            return Pushed(uid, board["title"], "unchanged", self._page(meta.get("url", "")))
        board |= {"id": old["id"], "version": old["version"]}
        return self._save(board, "updated", overwrite=overwrite)

    def _save(self, board: Json, result: Result, *, overwrite: bool) -> Pushed:
        board.setdefault("id", None)
        body = {
            "dashboard": board,
            "folderUid": FOLDER_UID,
            "message": "qres dashboards push",
            "overwrite": overwrite,
        }
        what = f"board {board['uid']!r}"
        answer = self._call(what, self._api.dashboard.update_dashboard, body)
        if answer.get("uid") != board["uid"]:
            raise PushError(f"{what}: Grafana saved it as {answer.get('uid')!r}")
        return Pushed(board["uid"], board["title"], result, self._page(answer.get("url", "")))

    def _page(self, path: str) -> str:
        return urllib.parse.urljoin(f"{self.url}/", path)

    def _get(self, what: str, ask: Callable[..., Any], uid: str) -> Json | None:
        """What *ask* finds, None if Grafana says that it is not there."""
        try:
            return self._call(what, ask, uid)
        except PushError as error:
            cause = error.__cause__
            if isinstance(cause, GrafanaClientError):
                is_grafana = isinstance(cause.response, dict)
                if is_grafana and cause.status_code == 404:
                    return None
            raise

    def _call(self, what: str, ask: Callable[..., Any], *arguments: Any) -> Json:
        """
        Call Grafana.

        Raises:
            PushError: In words that say what to do.
        """
        try:
            answer = ask(*arguments)
        except GrafanaException as error:
            raise PushError(f"{what}: {self._refusal(error)}") from error
        except requests.exceptions.JSONDecodeError as error:
            raise PushError(f"{what}: {self._stranger()}") from error
        except TypeError as error:
            # grafana-api looks for "message" in an error's text as if it were JSON.
            raise PushError(f"{what}: {self._stranger()}") from error
        except requests.exceptions.SSLError as error:
            raise PushError(
                f"{what}: the certificate of {self.url} is not trusted; --ca-file names the"
                " authority's"
            ) from error
        except requests.exceptions.Timeout as error:
            raise PushError(f"{what}: {self.url} does not answer in time; is it busy?") from error
        except requests.exceptions.RequestException as error:
            raise PushError(
                f"{what}: cannot reach {self.url}; is Grafana running, and the address right?"
            ) from error
        if not isinstance(answer, dict):
            raise PushError(f"{what}: {self._stranger()}")
        return answer

    def _refusal(self, error: GrafanaException) -> str:
        """Why Grafana refused, in words."""
        said = error.response.get("message", "") if isinstance(error.response, dict) else ""
        if isinstance(error, GrafanaUnauthorizedError):
            return f"{self.url} does not know the token; make one for a service account (Editor)"
        if error.status_code == 403:
            return f"the token may not do this; its service account needs the role Editor ({said})"
        if error.status_code == 404 and not isinstance(error.response, dict):
            return self._stranger()
        if error.status_code == 412:
            return (
                f"somebody changed it meanwhile ({said}); push again, or --overwrite to win"
                " against them"
            )
        if isinstance(error, GrafanaServerError):
            return f"{self.url} fails itself ({error.status_code} {said}); its log says more"
        return f"{self.url} refuses: {error.status_code} {said}"

    def _stranger(self) -> str:
        return (
            f"{self.url} answers, but not as Grafana's API does; is the address right, with the"
            " path if Grafana is served below one, and no login page before it?"
        )


def _content(board: Mapping[str, Any]) -> Json:
    """A board without what Grafana itself counts."""
    return {key: value for key, value in board.items() if key not in _OURS_NOT}
