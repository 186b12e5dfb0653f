# SPDX-License-Identifier: Apache-2.0
"""JSON over HTTP to the services beside us, with errors that can be told apart."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

__all__ = ["AnswerError", "UnreachableError", "call"]

TIMEOUT_S: Final = 20.0


class UnreachableError(Exception):
    """Nobody answers there."""


class AnswerError(Exception):
    """
    An answer other than success.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def call(
    method: str,
    url: str,
    body: Any = None,
    *,
    authorization: str = "",
    timeout_s: float = TIMEOUT_S,
) -> Any:
    """
    Ask once.

    Args:
        method: "GET", "POST", ...
        url: `http://host:port/path?query`.
        body: Sent as JSON; None for nothing.
        authorization: The header of that name, e.g. "Token ...".
        timeout_s: How long to wait. [s]

    Returns:
        The answer's JSON; None if it is empty.

    Raises:
        AnswerError: The server refuses. The text has its words, never the authorization.
        UnreachableError: No answer.
    """
    request = Request(url, method=method)  # noqa: S310  our own http:// addresses
    if authorization:
        request.add_header("Authorization", authorization)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urlopen(request, timeout=timeout_s) as answer:  # noqa: S310  as above
            text = answer.read()
    except HTTPError as error:
        said = error.read(500).decode("utf-8", "replace").strip()
        raise AnswerError(error.code, f"{method} {url}: {error.code} {said}") from None
    except (URLError, TimeoutError, ConnectionError) as error:
        raise UnreachableError(f"{method} {url}: {error}") from error
    return json.loads(text) if text.strip() else None
