# SPDX-License-Identifier: Apache-2.0
"""
Points into InfluxDB 2 (or anything that takes its `/api/v2/write`), by `influxdb-client`.

The client's synchronous writer: `write` returns once the server has confirmed, which is the moment
the cursor may move. Its batching writer keeps points in memory and drops them after some retries;
here the store is the queue, so there is nothing for it to do.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError, ReadTimeoutError

from qres_gateway.sinks.errors import (
    SinkError,
    SinkFullError,
    SinkRefusedError,
    SinkRejectedError,
    SinkSlowError,
    SinkUnreachableError,
)
from qres_gateway.sinks.point import line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from influxdb_client.client.write_api import WriteApi

    from qres_gateway.sinks.point import Point

__all__ = ["InfluxSink"]

TIMEOUT_S: Final = 10.0
_WORDS_MOST: Final = 200
_DROPPED: Final = re.compile(r"dropped=(\d+)")
_OF_A_POINT: Final = re.compile(r"(?i)unable to parse|type conflict|beyond retention|partial write")
"""What servers say when the fault lies with some points and not with the request."""


class InfluxSink:
    """
    One bucket.

    Args:
        url: Of the server, e.g. "http://127.0.0.1:8086".
        org: Organisation that owns the bucket.
        bucket: Where points go.
        token: Tells the token, which is allowed to write there. Asked when the sink opens and anew
            after a refusal, so that a file can be mended while the gateway runs. Never logged.
        timeout_s: Longest wait for an answer. [s]
    """

    name: str = "influx"

    def __init__(
        self,
        url: str,
        org: str,
        bucket: str,
        token: Callable[[], str],
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.address: str = f"{url} bucket {bucket}"
        self._url = url
        self._org = org
        self._bucket = bucket
        self._token = token
        self._timeout_s = timeout_s
        self._client: InfluxDBClient | None = None
        self._api: WriteApi | None = None
        self.last_rejection = ""

    def open(self) -> None:
        """Make the client; it connects when it writes."""
        if self._client is None:
            self._client = InfluxDBClient(
                url=self._url,
                token=self._token(),
                org=self._org,
                timeout=round(self._timeout_s * 1000),
                enable_gzip=True,
            )
            self._api = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, points: Sequence[Point]) -> int:
        """As `Sink.write`. Points with a fault are found by halving and left out, counted."""
        return self._send([line(p) for p in points])

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None and self._api is not None:
            self._api.close()  # type: ignore[no-untyped-call]  # the client has no type
            self._client.close()  # type: ignore[no-untyped-call]
        self._client = self._api = None

    def _send(self, lines: list[str]) -> int:
        if self._api is None:
            raise SinkUnreachableError(f"{self._url}: not opened")
        try:
            self._api.write(
                bucket=self._bucket,
                org=self._org,
                record="\n".join(lines),
                write_precision=WritePrecision.US,  # type: ignore[arg-type]  # a str
            )
        except ApiException as error:
            if error.status not in {400, 422}:
                if error.status in {401, 403}:
                    self.close()
                raise self._error(error) from error
            return self._sort_out(lines, _words(error))
        except ReadTimeoutError as error:
            raise SinkSlowError(
                f"{self._url} did not confirm within {self._timeout_s:g} s: {error}"
            ) from error
        except HTTPError as error:
            raise SinkUnreachableError(
                f"{self._url} cannot be reached: {error}. Check that the server runs and that"
                " --influx-url is its address"
            ) from error
        return 0

    def _sort_out(self, lines: list[str], words: str) -> int:
        """Deliver what is good of a batch that was found fault with; how many are not."""
        if not _OF_A_POINT.search(words):
            raise SinkRejectedError(f"{self._url} rejects what it is sent: {words}")
        if "partial write" in words.lower():  # it kept the others
            self.last_rejection = words
            dropped = _DROPPED.search(words)
            return min(len(lines), int(dropped[1]) if dropped else 1)
        if len(lines) == 1:
            self.last_rejection = words
            return 1
        half = len(lines) // 2
        return self._send(lines[:half]) + self._send(lines[half:])

    def _error(self, error: ApiException) -> SinkError:
        status, words = error.status, _words(error)
        said = f"{self._url} answers HTTP {status}: {words}"
        if status in {401, 403}:
            return SinkRefusedError(
                f"{said}. The token may not write to bucket {self._bucket!r} of {self._org!r};"
                " put one that may into the file of --influx-token-file; it is read again"
            )
        if status == 404:
            return SinkRefusedError(
                f"{said}. Check --influx-org {self._org!r} and --influx-bucket {self._bucket!r}"
            )
        if status in {408, 413, 429, 503}:
            return SinkSlowError(said, _retry_after_s(error))
        if status is not None and status >= 500:
            return SinkFullError(f"{said}. Check its disk and its log", _retry_after_s(error))
        return SinkError(said, _retry_after_s(error))


def _words(error: ApiException) -> str:
    """What the server says, short and on one line."""
    body = error.body
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or error.reason)
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        text = str(parsed.get("message") or parsed.get("error") or text)
    return " ".join(text.split())[:_WORDS_MOST]


def _retry_after_s(error: ApiException) -> float:
    """Seconds that the server asks for; 0 if it does not, or names a date."""
    headers: Mapping[str, str] | None = error.headers
    value = "" if headers is None else headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0
