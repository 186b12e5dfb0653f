# SPDX-License-Identifier: Apache-2.0
"""
Alert rules as Grafana 12 reads them from files (apiVersion 1).

Grafana puts environment variables into the strings of such a file, except into a query's `model`.
Annotations therefore use `{{ .Labels.node }}`, which needs no dollar sign.
"""

from __future__ import annotations

from typing import Any, Final

from qres_dashboards.alerts import ALERTS, Alert
from qres_dashboards.config import ALERT_FOLDER_TITLE, DATASOURCE_UID, board_uid
from qres_dashboards.panels import panel_id
from qres_dashboards.runbook import RUNBOOK_UID

__all__ = ["INTERVAL_S", "rules"]

INTERVAL_S: Final = 60
"""How often the rules are looked at. [s]"""
_GROUP: Final = "QRES field"
_EXPRESSION: Final = "__expr__"
Json = dict[str, Any]


def rules() -> Json:
    """The content of `alerting/rules.yaml`."""
    group = {
        "orgId": 1,
        "name": _GROUP,
        "folder": ALERT_FOLDER_TITLE,
        "interval": f"{INTERVAL_S}s",
        "rules": [_rule(alert) for alert in ALERTS],
    }
    return {"apiVersion": 1, "groups": [group]}


def _rule(alert: Alert) -> Json:
    data = [_ask("A", alert.query.text(), alert.range_s), _reduce("B", "A")]
    compared, unit = "B", ""
    if alert.over:
        query, range_s = alert.over
        data += [_ask("C", query.text(), range_s), _reduce("D", "C")]
        data.append(_express("E", "math", "100 * $B / $D"))
        compared, unit = "E", " %"
    condition = {"evaluator": {"type": alert.comparison, "params": [alert.limit]}}
    data.append(_express("F", "threshold", compared, conditions=[condition]))
    now = "" if alert.no_data == "Alerting" else f" Now: {{{{ .Values.{compared} }}}}{unit}."
    board, panel = board_uid(alert.board), panel_id(alert.panel)
    return {
        "uid": alert.uid,
        "title": alert.title,
        "condition": "F",
        "for": f"{alert.for_s}s",
        "noDataState": alert.no_data,
        "execErrState": "Error",
        "dashboardUid": board,
        "panelId": panel,
        "labels": {"severity": alert.severity, "kit": "qres"},
        "annotations": {
            "summary": alert.summary,
            "description": f"{alert.means} First: {alert.actions[0]}{now}",
            "runbook_url": (
                f"{{{{ externalURL }}}}d/{RUNBOOK_UID}?viewPanel={panel_id(alert.title)}"
            ),
            "__dashboardUid__": board,
            "__panelId__": str(panel),
        },
        "data": data,
    }


def _ask(ref: str, query: str, range_s: int) -> Json:
    return {
        "refId": ref,
        "datasourceUid": DATASOURCE_UID,
        "relativeTimeRange": {"from": range_s, "to": 0},
        "model": {
            "refId": ref,
            "datasource": {"type": "influxdb", "uid": DATASOURCE_UID},
            "rawQuery": True,
            "query": query,
            "resultFormat": "time_series",
            "intervalMs": 60_000,
            "maxDataPoints": 43_200,
        },
    }


def _reduce(ref: str, source: str) -> Json:
    settings = {"mode": "dropNN"}
    return _express(ref, "reduce", source, reducer="last", settings=settings)


def _express(ref: str, kind: str, expression: str, **more: Any) -> Json:
    return {
        "refId": ref,
        "datasourceUid": _EXPRESSION,
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {
            "refId": ref,
            "datasource": {"type": _EXPRESSION, "uid": _EXPRESSION},
            "type": kind,
            "expression": expression,
            **more,
        },
    }
