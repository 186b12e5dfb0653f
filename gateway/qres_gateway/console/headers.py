# SPDX-License-Identifier: Apache-2.0
"""Response headers for every answer, and the names under which a loopback console answers."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds `SECURITY_HEADERS`, and a `cache-control` where the answer has none.

    With `hosts` given, a request under any other host name is refused: it stops a foreign web
    page from reading a loopback console by pointing its own name at 127.0.0.1.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None = None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI wants it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        host = _host_name(Headers(scope=scope).get("host", ""))
        if self._hosts is not None and host not in self._hosts:
            refusal = {"error": f"host must be one of {', '.join(sorted(self._hosts))}"}
            await JSONResponse(refusal, status_code=400)(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _host_name(host: str) -> str:
    """The name without port; an IPv6 address keeps its brackets.

    >>> _host_name("[::1]:8787"), _host_name("localhost:8787"), _host_name("localhost")
    ('[::1]', 'localhost', 'localhost')
    """
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()
