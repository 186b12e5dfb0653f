# SPDX-License-Identifier: Apache-2.0
"""Plot of an energy plan as one HTML file that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import plotly.graph_objects as go  # type: ignore[import-untyped]
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

from qres.plan import NOTICE

if TYPE_CHECKING:
    from qres.plan.energy import EnergyPlan

__all__ = ["plot_html"]

_BLUE, _ORANGE, _GREEN, _GREY = "#0072b2", "#d55e00", "#009e73", "#7f7f7f"
_TITLES: Final = (
    "Where a node's day goes [mAh/day]",
    "Sun on {wp:g} Wp against the load [Wh/day]",
    "Charge of {wp:g} Wp with {cell} [% of the aged cell]",
    "Share of node-years without darkness [%]",
)
_COLOURS_FROM_SHARE: Final = ((0.0, "#d55e00"), (0.9, "#f0e442"), (1.0, "#009e73"))


def plot_html(plan: EnergyPlan, title: str) -> str:
    """
    The plan as an HTML page with its own copy of plotly.js.

    Args:
        plan: The plan.
        title: What to call it, e.g. the field's name.

    Returns:
        A whole HTML document in UTF-8, about 5 MB.
    """
    wp, cell = plan.shown.panel_wp, plan.shown.cell
    figure = make_subplots(
        rows=4,
        cols=1,
        vertical_spacing=0.08,
        subplot_titles=[t.format(wp=wp, cell=cell.name) for t in _TITLES],
    )
    lines = plan.day.lines[::-1]
    figure.add_trace(
        go.Bar(
            x=[line.mah for line in lines],
            y=[line.what for line in lines],
            orientation="h",
            marker_color=[_BLUE if line.current.is_verified else _GREY for line in lines],
            hovertext=[f"{line.current.ua:g} uA: {line.current.source}" for line in lines],
            showlegend=False,
        ),
        row=1,
        col=1,
    )
    start = np.datetime64(f"2023-{plan.month:02d}-01")
    dates = (start + np.arange(plan.sun_wh_per_wp.size)).astype("datetime64[ms]").astype(object)
    load = plan.question.margin * plan.day.wh(cell.chemistry.volt)
    for name, y, colour, row in (
        ("sun, mean of the years", plan.sun_wh_per_wp * wp, _ORANGE, 2),
        ("load, with its margin", np.full(dates.size, load), _BLUE, 2),
        ("5th percentile", 100 * plan.charge[:, 0], _ORANGE, 3),
        ("median", 100 * plan.charge[:, 1], _BLUE, 3),
        ("least", 100 * plan.charge[:, 2], _GREY, 3),
    ):
        figure.add_trace(
            go.Scatter(x=dates, y=y, name=name, mode="lines", line={"color": colour, "width": 1.6}),
            row=row,
            col=1,
        )
    cells = list(dict.fromkeys(o.cell.name for o in plan.options))
    panels = list(dict.fromkeys(o.panel_wp for o in plan.options))
    share = {(o.cell.name, o.panel_wp): 100 * o.survival for o in plan.options}
    figure.add_trace(
        go.Heatmap(
            x=[f"{p:g} Wp" for p in panels],
            y=cells,
            z=[[share[c, p] for p in panels] for c in cells],
            zmin=0,
            zmax=100,
            colorscale=_COLOURS_FROM_SHARE,
            texttemplate="%{z:.0f}",
            showscale=False,
        ),
        row=4,
        col=1,
    )
    figure.update_layout(
        title={"text": f"{title}: energy<br><sup>{NOTICE}; grey bars: unverified</sup>"},
        height=1500,
        template="plotly_white",
    )
    return str(figure.to_html(full_html=True, include_plotlyjs=True))
