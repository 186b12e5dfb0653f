# SPDX-License-Identifier: Apache-2.0
"""The web application: the page, its data as JSON, and the stream of changes. It only reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from qres_gateway.console.headers import SecurityHeaders
from qres_gateway.console.hub import Hub
from qres_gateway.console.series import SeriesAnswer, newest, series_stats, vpd_series
from qres_gateway.console.summary import summarise
from qres_gateway.console.vendor import PlotlyJs
from qres_gateway.console.view import (
    SCHEMA,
    SERIES_CHANNELS,
    Channel,
    ConsoleData,
    Series,
    UnknownChannelError,
    UnknownNodeError,
)

STATIC = Path(__file__).parent / "static"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOURS_MAX = 168.0
_HOURS_DEFAULT = 24.0
_PLOTLY_MARK = "{{plotly}}"
_GUARDS_MARK = "{{plotly-guards}}"


def create_app(
    data: ConsoleData, *, interval_s: float = 0.5, hosts: frozenset[str] | None = LOOPBACK_HOSTS
) -> Starlette:
    """
    Build the console for one field.

    Args:
        data: Where snapshots and series come from.
        interval_s: Time between two looks at the data while somebody watches. [s]
        hosts: Host names it answers to, None for any.

    Raises:
        VendorError: plotly.js is not installed.
    """
    hub = Hub(data, interval_s)
    console = _Console(data, hub, PlotlyJs())
    app = Starlette(
        routes=[
            Route("/", console.page),
            Route("/healthz", console.healthz),
            Route("/api/snapshot", console.snapshot),
            Route("/api/series/{node}/{channel}", console.series),
            Route("/api/events", console.events),
            Route(console.plotly.path, console.plotly.endpoint),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(SecurityHeaders, hosts=hosts),
            Middleware(GZipMiddleware, minimum_size=1024),
        ],
        exception_handlers={HTTPException: _json_error},
        lifespan=console.lifespan,
    )
    app.state.hub = hub
    return app


class _Console:
    def __init__(self, data: ConsoleData, hub: Hub, plotly: PlotlyJs) -> None:
        self._data = data
        self._hub = hub
        self.plotly = plotly
        self._feed: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._feed = asyncio.create_task(self._hub.run(), name="console feed")
        self._feed.add_done_callback(lambda _: self._hub.close())
        app.state.feed = self._feed
        try:
            yield
        finally:
            self._hub.close()
            self._feed.cancel()
            await asyncio.wait([self._feed])

    async def page(self, request: Request) -> Response:
        html = (STATIC / "index.html").read_text(encoding="utf-8")
        html = html.replace(_PLOTLY_MARK, self.plotly.path)
        html = html.replace(_GUARDS_MARK, await self.plotly.guards())
        return Response(html, media_type="text/html")

    async def healthz(self, request: Request) -> Response:
        """200 while the feed runs, else 503 with the reason."""
        feed = self._feed
        if feed is not None and feed.done() and not feed.cancelled():
            return _json({"status": "failed", "error": repr(feed.exception())}, 503)
        return _json({"status": "ok", "schema": SCHEMA, "watchers": self._hub.watchers})

    async def snapshot(self, request: Request) -> Response:
        snapshot = self._data.snapshot()
        body = {"schema": SCHEMA, "snapshot": snapshot, "summary": summarise(snapshot)}
        return _json(body)

    async def series(self, request: Request) -> Response:
        node = _int(request.path_params["node"])
        channel = request.path_params["channel"]
        if channel not in SERIES_CHANNELS:
            wanted = ", ".join(SERIES_CHANNELS)
            raise HTTPException(404, f"channel must be one of {wanted}, got {channel!r}")
        hours = _hours(request.query_params.get("hours"))
        try:
            series = newest(self._series(node, channel), hours)
        except (UnknownNodeError, UnknownChannelError) as error:
            raise HTTPException(404, str(error)) from error
        return _json(SeriesAnswer(series=series, stats=series_stats(series), hours=hours))

    def _series(self, node: int, channel: str) -> Series:
        if channel == "vpd_kpa":
            return vpd_series(
                self._data.series(node, "temp_degc"), self._data.series(node, "rh_pct")
            )
        return self._data.series(node, cast(Channel, channel))

    async def events(self, request: Request) -> Response:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            self._hub.stream(), media_type="text/event-stream", headers=headers
        )


def _json(body: Any, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(body), status, headers, "application/json")


async def _json_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _json({"error": error.detail, "path": request.url.path}, error.status_code)


def _int(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise HTTPException(400, f"node must be a whole number 0..999999999, got {text!r}")
    return int(text)


def _hours(text: str | None) -> float:
    if text is None:
        return _HOURS_DEFAULT
    try:
        hours = float(text)
    except ValueError:
        hours = float("nan")
    if not 0 < hours <= _HOURS_MAX:
        raise HTTPException(400, f"hours must be above 0 and at most {_HOURS_MAX:g}, got {text!r}")
    return hours
