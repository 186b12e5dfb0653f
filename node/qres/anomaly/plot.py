# SPDX-License-Identifier: Apache-2.0
"""Plot of an evaluation as one HTML file that needs no network."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go  # type: ignore[import-untyped]
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

__all__ = ["plot_html"]

_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_CAVEAT: Final = (
    "Injected events on recorded weather, simulated radio. Not an alarm: it saves no life."
)
_SHOWN: Final = (
    "z-score",
    "z-score, warm and dry",
    "score, standard",
    "heat alarm, standard",
    "score, coarse",
    "score, true data",
    "heat alarm, true data",
)
_HEIGHT_PX: Final = 330


def plot_html(figures: dict[str, Any]) -> str:
    """
    What `qres.anomaly.evaluate` returned, as an HTML page with its own copy of plotly.js.

    For each record a row: recall of injected events by method at one false alarm per node-month;
    how often scores are reached against how often they should be; and what each tolerance costs
    in bytes and in error of the daily peak ISI.

    Returns:
        A whole HTML document in UTF-8, about 5 MB.
    """
    records = figures["records"]
    titles = []
    for r in records:
        titles += [
            f"{r['name']}: recall at 1 false alarm per node-month",
            f"{r['name']}: how often a score is reached",
            f"{r['name']}: bytes and error of the day's peak ISI",
        ]
    figure = make_subplots(
        rows=max(len(records), 1),
        cols=3,
        subplot_titles=titles,
        vertical_spacing=0.3 / max(len(records), 1),
        horizontal_spacing=0.08,
    )
    for row, record in enumerate(records, start=1):
        _recall(figure, record, row)
        _reliability(figure, record, row)
        _cost(figure, record, row)
    figure.update_layout(
        title={"text": f"QRES anomaly score<br><sup>{_CAVEAT}</sup>"},
        height=160 + _HEIGHT_PX * len(records),
        template="plotly_white",
        barmode="group",
    )
    return str(figure.to_html(full_html=True, include_plotlyjs=True))


def _recall(figure: go.Figure, record: dict[str, Any], row: int) -> None:
    methods = [m for m in record["methods"] if m["method"] in _SHOWN]
    for k, method in enumerate(methods):
        kinds = method["at"][0]["kinds"]
        name = method["method"]
        figure.add_trace(
            go.Bar(
                x=[f"{kind} ({f['events']})" for kind, f in kinds.items()],
                y=[100.0 * f["recall"] for f in kinds.values()],
                name=name,
                legendgroup=name,
                showlegend=row == 1,
                marker={"color": _COLOURS[k % len(_COLOURS)]},
            ),
            row=row,
            col=1,
        )
    figure.update_yaxes(title_text="recall [%]", range=[0, 100], row=row, col=1)


def _reliability(figure: go.Figure, record: dict[str, Any], row: int) -> None:
    curve = record["calibration"]["curve"]
    lines = (
        ("stated", "stated", "#7f7f7f", "dash"),
        ("local", "node's score", _COLOURS[0], "solid"),
        ("climate", "climate", _COLOURS[1], "solid"),
        ("field", "field's score (at most as often)", _COLOURS[2], "dot"),
    )
    for key, name, colour, dash in lines:
        figure.add_trace(
            go.Scatter(
                x=curve["score"],
                y=[v or None for v in curve[key]],
                name=name,
                legendgroup=f"curve {name}",
                showlegend=row == 1,
                mode="lines",
                line={"color": colour, "dash": dash},
            ),
            row=row,
            col=2,
        )
    figure.update_xaxes(title_text="score", row=row, col=2)
    figure.update_yaxes(title_text="share of hours", type="log", tickformat=",.2~%", row=row, col=2)


def _cost(figure: go.Figure, record: dict[str, Any], row: int) -> None:
    cost = {name: c for name, c in record["cost"].items() if name != "all said"}
    figure.add_trace(
        go.Scatter(
            x=[c["report_bytes_per_hour"] for c in cost.values()],
            y=[c["peak_isi_rmse_dry"] for c in cost.values()],
            text=list(cost),
            textposition="bottom left",
            mode="markers+text",
            marker={"color": _COLOURS[0], "size": 9},
            showlegend=False,
        ),
        row=row,
        col=3,
    )
    figure.update_xaxes(title_text="reports [bytes/h]", rangemode="tozero", row=row, col=3)
    figure.update_yaxes(
        title_text="RMSE, peak ISI of 5 or more", rangemode="tozero", row=row, col=3
    )
