# SPDX-License-Identifier: Apache-2.0
"""Small drawings as inline SVG: no script, no font, no colour of its own (see page.css)."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

from qres_gateway.ledger import HOUR_US
from qres_gateway.unix_time import at_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["WIDTH", "Drawing", "decades", "linear_ticks", "log_scale", "number", "time_ticks"]

WIDTH: Final = 760
_DAY_H: Final = 24


class Drawing:
    """
    A picture that is made piece by piece. Lengths are in the picture's own pixels.

    Args:
        key: Short and unique on the page.
        title: What it is, for who cannot see it.
        text: What it shows, likewise.
        height: Height; the width is `WIDTH`.
    """

    def __init__(self, key: str, title: str, text: str, height: float) -> None:
        self._key = key
        self._title = title
        self._text = text
        self._height = height
        self._parts: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, style: str) -> None:
        """A filled rectangle; nothing if it is empty."""
        if width > 0 and height > 0:
            self._parts.append(
                f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}"'
                f' height="{height:.1f}"/>'
            )

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        self._parts.append(
            f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
        )

    def circle(self, x: float, y: float, radius: float, style: str) -> None:
        """A filled circle."""
        self._parts.append(f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>')

    def bars(self, bars: Iterable[tuple[float, float, float, float]], style: str) -> None:
        """Many rectangles (x, y, width, height) as one path."""
        path = "".join(
            f"M{x:.1f} {y:.1f}h{w:.2f}v{h:.1f}h{-w:.2f}z" for x, y, w, h in bars if h > 0 and w > 0
        )
        if path:
            self._parts.append(f'<path class="{style}" d="{path}"/>')

    def text(
        self, x: float, y: float, text: str, style: str = "label", anchor: str = "start"
    ) -> None:
        """A line of text."""
        self._parts.append(
            f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def __str__(self) -> str:
        """The picture as an element of a page."""
        key = self._key
        return (
            f'<svg viewBox="0 0 {WIDTH} {self._height:g}" role="img"'
            f' aria-labelledby="{key}-title {key}-text"><title id="{key}-title">'
            f'{escape(self._title)}</title><desc id="{key}-text">{escape(self._text)}</desc>'
            f"{''.join(self._parts)}</svg>"
        )


def number(value: float) -> str:
    """
    A number for people, three digits or so.

    >>> number(0.01234), number(12.34), number(4704.0)
    ('0.0123', '12.3', '4,704')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def linear_ticks(top: float, about: int = 5) -> list[float]:
    """
    Round numbers from 0 to *top*.

    >>> linear_ticks(1100)
    [0, 250, 500, 750, 1000]
    """
    raw = max(top, 1e-9) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= raw * 0.999)
    count = int(top / step + 1e-9)
    ticks = [step * i for i in range(count + 1)]
    return [int(t) if t == int(t) else t for t in ticks]


def decades(low: float, high: float) -> list[float]:
    """
    Powers of ten around low..high.

    >>> decades(128, 16800)
    [100.0, 1000.0, 10000.0, 100000.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**k for k in range(first, max(last, first + 1) + 1)]


def log_scale(ticks: list[float], left: float, right: float) -> Callable[[float], float]:
    """Where a value lies between *left* and *right*; what is below the axis lies at its start."""
    low, high = math.log10(ticks[0]), math.log10(ticks[-1])

    def place(value: float) -> float:
        share = (math.log10(max(value, ticks[0])) - low) / (high - low)
        return left + min(share, 1.0) * (right - left)

    return place


def time_ticks(first_hour: int, end_hour: int, about: int = 9) -> Iterator[tuple[float, str]]:
    """Hours since the Unix epoch and what to write there: whole days, or hours if it is short."""
    span = max(end_hour - first_hour, 1)
    if span <= 3 * _DAY_H:
        steps = (1, 2, 3, 6, 12)
        step = next((s for s in steps if span / s <= about), 12)
    else:
        days = (1, 2, 5, 7, 14, 30, 61, 91, 182, 365)
        step = _DAY_H * next((d for d in days if span / _DAY_H / d <= about), 730)
    for hour in range(-(-first_hour // step) * step, end_hour + 1, step):
        at = at_us(hour * HOUR_US)
        short = step < _DAY_H
        yield hour, f"{at:%d %b %H h}" if short else f"{at:%d %b}" if span < 9000 else f"{at:%b %y}"
