# SPDX-License-Identifier: Apache-2.0
"""plotly.js, taken from the installed `plotly` package: no copy in the tree, no CDN."""

from __future__ import annotations

import asyncio
import gzip
import importlib.metadata
import importlib.util
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from qres_gateway.errors import GatewayError

_STYLE_ID = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')
_YEAR = "public, max-age=31536000, immutable"


class VendorError(GatewayError):
    """The chart library is not installed, or not where this version of plotly keeps it."""


class PlotlyJs:
    """Serves plotly.js at a path that holds its version, compressed once and then from memory.

    Nothing is read before the first request (4.8 MB, about 1.5 MB compressed, 0.3 s).
    """

    def __init__(self) -> None:
        spec = importlib.util.find_spec("plotly")
        if spec is None or spec.origin is None:
            raise VendorError("the Python package 'plotly' is not installed; it holds plotly.js")
        self._file = Path(spec.origin).parent / "package_data" / "plotly.min.js"
        if not self._file.is_file():
            raise VendorError("plotly has no package_data/plotly.min.js; install plotly 6 or later")
        self.path = f"/vendor/plotly-{importlib.metadata.version('plotly')}.min.js"
        self._loaded: tuple[bytes, tuple[str, ...]] | None = None
        self._lock = asyncio.Lock()

    async def endpoint(self, request: Request) -> Response:
        """GET: the script, compressed where the browser takes it, for a year in its cache."""
        headers = {"cache-control": _YEAR, "vary": "accept-encoding"}
        compressed, _ = await self._load()
        if "gzip" not in request.headers.get("accept-encoding", ""):
            plain = await asyncio.to_thread(gzip.decompress, compressed)
            return Response(plain, media_type="text/javascript", headers=headers)
        headers["content-encoding"] = "gzip"
        return Response(compressed, media_type="text/javascript", headers=headers)

    async def guards(self) -> str:
        """Empty elements with the ids of the style sheets that plotly.js bundles for its tile maps.

        The script skips a style element whose id exists. We draw no tile maps, and our
        content security policy would refuse the element.
        """
        _, ids = await self._load()
        return "".join(f'<template id="{name}"></template>' for name in ids)

    async def _load(self) -> tuple[bytes, tuple[str, ...]]:
        async with self._lock:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(self._read)
        return self._loaded

    def _read(self) -> tuple[bytes, tuple[str, ...]]:
        script = self._file.read_bytes()
        ids = tuple(sorted({m.decode() for m in _STYLE_ID.findall(script)}))
        return gzip.compress(script, compresslevel=6, mtime=0), ids
