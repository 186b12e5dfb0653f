# SPDX-License-Identifier: Apache-2.0
"""
A label for a node's box: a QR code and the same in words.

It holds field, id, name, place and the fingerprint of the site: nothing that is not on air or on
the map already, and never the key.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from qres.provisioning import node_of

if TYPE_CHECKING:
    from qres.site import Site

__all__ = ["label_png", "label_svg", "label_text"]

_WIDTH_MM: Final = 62.0
_HEIGHT_MM: Final = 29.0
_QR_MM: Final = 25.0
_MARGIN_MM: Final = 2.0
_NAME_MAX: Final = 22


def label_text(site: Site, node_id: int, site_hash: int, mac: str = "") -> str:
    """
    What the QR code says, as a URI.

    Args:
        site: The field.
        node_id: Which of its nodes.
        site_hash: Fingerprint of the site.
        mac: The board's factory address, if it is known.

    """
    node = node_of(site, node_id)
    text = (
        f"qres:{site.field_id:#010x}/{node.id}?name={quote(node.name)}"
        f"&at={node.lat_deg:.5f},{node.lon_deg:.5f},{node.elev_m:.0f}&site={site_hash:08x}"
    )
    return f"{text}&mac={mac.replace(':', '')}" if mac else text


def label_svg(site: Site, node_id: int, site_hash: int, mac: str = "") -> bytes:
    """The label as an SVG of 62 x 29 mm, a usual size of label tape; see `label_text`."""
    import segno  # noqa: PLC0415  needed for labels only

    node = node_of(site, node_id)
    code = segno.make(label_text(site, node_id, site_hash, mac), error="m", micro=False)
    modules = code.symbol_size(border=0)[0]
    squares = "".join(
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(code.matrix)
        for x, dark in enumerate(row)
        if dark
    )
    left = 2 * _MARGIN_MM + _QR_MM
    lines = [
        (f"node {node.id}", 5.5, "bold"),
        (_short(node.name), 3.4, "bold"),
        (_short(site.name), 3.0, "normal"),
        (f"{node.lat_deg:.5f}, {node.lon_deg:.5f}", 2.8, "normal"),
        (f"field {site.field_id:08x}", 2.6, "normal"),
        (f"site {site_hash:08x}", 2.6, "normal"),
    ]
    words, y = [], _MARGIN_MM
    for text, size, weight in lines:
        y += size * 1.18
        words.append(
            f'<text x="{left}" y="{y:.2f}" font-size="{size}" font-weight="{weight}">'
            f"{escape(text)}</text>"
        )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH_MM}mm" height="{_HEIGHT_MM}mm"'
        f' viewBox="0 0 {_WIDTH_MM} {_HEIGHT_MM}" font-family="DejaVu Sans, Arial, sans-serif">'
        f"<title>{escape(f'QRES node {node.id}, {node.name}')}</title>"
        f'<rect width="{_WIDTH_MM}" height="{_HEIGHT_MM}" fill="#fff"/>'
        f'<g transform="translate({_MARGIN_MM} {_MARGIN_MM}) scale({_QR_MM / modules:.5f})">'
        f'<path shape-rendering="crispEdges" d="{squares}"/></g>{"".join(words)}</svg>\n'
    )
    return svg.encode("utf-8")


def label_png(site: Site, node_id: int, site_hash: int, mac: str = "") -> bytes:
    """The QR code alone as a PNG, 8 dots a module, for printers that do not take SVG."""
    import segno  # noqa: PLC0415

    out = io.BytesIO()
    code = segno.make(label_text(site, node_id, site_hash, mac), error="m", micro=False)
    code.save(out, kind="png", scale=8, border=4)
    return out.getvalue()


def _short(text: str) -> str:
    return text if len(text) <= _NAME_MAX else text[: _NAME_MAX - 1] + "…"
