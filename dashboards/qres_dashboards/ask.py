# SPDX-License-Identifier: Apache-2.0
"""Let a running InfluxDB 1, 2 or 3 execute every query: does it understand them all?"""

from __future__ import annotations

from collections.abc import Iterator

import requests

from qres_dashboards.alerts import ALERTS
from qres_dashboards.boards import BOARDS
from qres_dashboards.layout import panels_of
from qres_dashboards.macros import Situation, substitute
from qres_dashboards.targets import Ask

__all__ = ["every_query", "query_problems"]

_TIMEOUT_S = 30.0


def every_query() -> list[tuple[str, str]]:
    """Name and text, with Grafana's macros, of each query of each panel and alert."""
    return list(_queries())


def query_problems(url: str, database: str, token: str, at: Situation) -> Iterator[tuple[str, str]]:
    """
    Ask each query.

    Args:
        url: "http://host:8086".
        database: Its database, or what the bucket is mapped to.
        token: To read with; "" for none.
        at: Range of time and variables.

    Yields:
        Name of each query and what is wrong with it, "" if nothing is.

    Raises:
        requests.exceptions.RequestException: The server cannot be reached.
    """
    headers = {"Authorization": f"Token {token}"} if token else {}
    with requests.Session() as session:
        for name, text in every_query():
            parameters = {"db": database, "q": substitute(text, at), "epoch": "s"}
            answer = session.get(
                f"{url.rstrip('/')}/query", params=parameters, headers=headers, timeout=_TIMEOUT_S
            )
            yield name, _problem(answer)


def _queries() -> Iterator[tuple[str, str]]:
    for board in BOARDS:
        for panel in panels_of(board):
            for ref, ask in panel.asks.items():
                if isinstance(ask, Ask):
                    yield f"{board.title}, {panel.title}, {ref}", ask.query.text()
    for alert in ALERTS:
        yield f"alert {alert.title}", alert.query.text()
        if alert.over:
            yield f"alert {alert.title}, limit", alert.over[0].text()


def _problem(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except requests.exceptions.JSONDecodeError:
        return f"{answer.status_code}, and no InfluxDB's answer"
    if answer.status_code != 200:
        return f"{answer.status_code} {body.get('error', body.get('message', ''))}"
    return "; ".join(r["error"] for r in body.get("results", []) if "error" in r)
