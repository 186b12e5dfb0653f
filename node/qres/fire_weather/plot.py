# SPDX-License-Identifier: Apache-2.0
"""Plot of a table of indices as one HTML file that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import plotly.graph_objects as go  # type: ignore[import-untyped]
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

from qres.fire_weather.provenance import Status

if TYPE_CHECKING:
    from qres.fire_weather.report import IndexTable

__all__ = ["plot_html"]

_MEANING: Final = {
    "ffmc": "FFMC: litter",
    "dmc": "DMC: duff",
    "dc": "DC: deep soil",
    "isi": "ISI: spread",
    "bui": "BUI: fuel available",
    "fwi": "FWI: intensity",
    "dsr": "DSR: severity",
    "gfmc": "GFMC: grass",
    "gsi": "GSI: spread in grass",
    "gfwi": "GFWI: intensity in grass",
    "vpd_kpa": "VPD [kPa]",
    "surface_hdw": "surface HDW [m/s hPa]",
    "fosberg_ffwi": "Fosberg FFWI",
}
_COLOURS: Final = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7f7f7f"),
)  # told apart by the colour-blind (Okabe & Ito 2008)
_STATIONS_MAX: Final = len(_COLOURS)
_CAVEAT: Final = "Fire danger from weather, not an alarm: it sees no fire and saves no life."


def plot_html(table: IndexTable, title: str) -> str:
    """
    The table as an HTML page with its own copy of plotly.js.

    Each index has a panel; each station a line. Of more than eight stations the median and the
    range are drawn. What is not reported (held, stale, diverged) is drawn dotted.

    Args:
        table: The indices.
        title: What to call the plot, e.g. the name of the file.

    Returns:
        A whole HTML document in UTF-8, about 5 MB.
    """
    names = [name for name in table.values if name in _MEANING]
    figure = make_subplots(
        rows=len(names),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.25 / max(len(names), 1),
        subplot_titles=[_MEANING[name] for name in names],
    )
    time = table.axis.astype("datetime64[ms]").astype(object)
    for row, name in enumerate(names, start=1):
        values = table.values[name]
        if len(table.station_id) > _STATIONS_MAX:
            lines = _median_and_range(values)
        else:
            lines = _by_station(table, values)
        for label, colour, dash, y in lines:
            figure.add_trace(
                go.Scatter(
                    x=time,
                    y=y,
                    name=label,
                    legendgroup=label,
                    showlegend=row == 1,
                    mode="lines",
                    line={"color": colour, "dash": dash, "width": 1.6},
                ),
                row=row,
                col=1,
            )
    figure.update_layout(
        title={"text": f"{title} – {table.system}<br><sup>{_CAVEAT}</sup>"},
        height=160 + 190 * len(names),
        template="plotly_white",
        hovermode="x unified",
    )
    return str(figure.to_html(full_html=True, include_plotlyjs=True))


_Line = tuple[str, str, str, np.ndarray]


def _by_station(table: IndexTable, values: np.ndarray) -> list[_Line]:
    reported = table.status == Status.REPORTED
    lines: list[_Line] = []
    for s, station in enumerate(table.station_id):
        colour = _COLOURS[s]
        y, sure = values[:, s], reported[:, s]
        lines.append((station, colour, "solid", np.where(sure, y, np.nan)))
        if not sure.all():
            # The dotted line reaches one step into what is reported, so that nothing is cut.
            unsure = ~sure | np.roll(~sure, -1) | np.roll(~sure, 1)
            dotted = np.where(unsure, y, np.nan)
            lines.append((f"{station}, not reported", colour, "dot", dotted))
    return lines


def _median_and_range(values: np.ndarray) -> list[_Line]:
    known = ~np.isnan(values).all(axis=1)
    out = []
    for label, share, colour, dash in (
        ("lowest station", 0.0, "#56b4e9", "dot"),
        ("median station", 0.5, "#0072b2", "solid"),
        ("highest station", 1.0, "#d55e00", "solid"),
    ):
        y = np.full(values.shape[0], np.nan)
        y[known] = np.nanquantile(values[known], share, axis=1)
        out.append((label, colour, dash, y))
    return out
