# SPDX-License-Identifier: Apache-2.0
"""The four plots of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qres_gateway.audit.svg import (
    WIDTH,
    Drawing,
    decades,
    linear_ticks,
    log_scale,
    number,
    time_ticks,
)
from qres_gateway.audit.tables import shows
from qres_gateway.audit.tally import KINDS
from qres_gateway.ledger import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from qres_gateway.audit.statistics import ClockHour

__all__ = ["NODES_SHOWN", "hours_plot", "kinds_plot", "nodes_plot", "peers_plot"]

_HOURS_SHOWN: Final = 800
"""More hours than this are drawn day by day."""
NODES_SHOWN: Final = 24
_LEFT: Final = 58
_RIGHT: Final = WIDTH - 12
_NAMES: Final = 230
_CHARS: Final = 34
_CHAR_WIDTH: Final = 7.0  # of a label, roughly, in the drawing's units


def hours_plot(f: dict[str, Any], hours: list[ClockHour]) -> str:
    """Bytes an hour over time against the budget."""
    budget = int(f["budget"]["bytes_h"])
    top = float(1.12 * max(budget, max((h.total.bytes for h in hours), default=0)))
    bottom, above = 236.0, 12.0
    text = (
        f"Mean {number(f['hours']['bytes']['mean'] or 0)} bytes an hour, most in 60 minutes"
        f" {f['budget']['most_60min_bytes']:,}, budget {budget:,}."
    )
    d = Drawing("hours", "Bytes an hour of the whole field over time", text, 286)
    first, end = (hours[0].hour, hours[-1].hour + 1) if hours else (0, 1)

    def x(hour: float) -> float:
        return _LEFT + (hour - first) / max(end - first, 1) * (_RIGHT - _LEFT)

    def y(value: float) -> float:
        return bottom - value / top * (bottom - above)

    for tick in linear_ticks(top):
        d.line(_LEFT, y(tick), _RIGHT, y(tick), "grid")
        d.text(_LEFT - 6, y(tick) + 4, f"{tick:,}", anchor="end")
    written_to = 0.0
    for hour, label in time_ticks(first, end):
        d.line(x(hour), bottom, x(hour), bottom + 4, "axis")
        is_last = x(hour) > _RIGHT - 40
        width = _CHAR_WIDTH * len(label)
        left = x(hour) - (width if is_last else width / 2)
        if left >= written_to:  # the last label is moved inwards, where another may stand
            d.text(x(hour), bottom + 17, label, anchor="end" if is_last else "middle")
            written_to = left + width
    silent = [h for h in hours if h.covered_us < HOUR_US / 2]
    d.bars(((x(h.hour), above, x(1) - x(0), bottom - above) for h in silent), "gap")
    if len(hours) <= _HOURS_SHOWN:
        _by_hour(d, hours, x, y)
        legend = [(kind, kind) for kind in KINDS if shows(kind, f)]
    else:
        _by_day(d, hours, x, y)
        legend = [("most", "fullest clock hour of the day"), ("report", "mean of the day")]
    d.line(_LEFT, y(budget), _RIGHT, y(budget), "limit")
    d.text(_RIGHT, y(budget) - 5, f"budget {budget:,} B/h", "limit-text", "end")
    d.line(_LEFT, bottom, _RIGHT, bottom, "axis")
    if silent:
        legend.append(("gap", "not listening"))
    _legend(d, legend, 276)
    return str(d)


def _by_hour(
    d: Drawing, hours: list[ClockHour], x: Callable[[float], float], y: Callable[[float], float]
) -> None:
    width = max((x(1) - x(0)) * 0.92, 0.6)
    base = dict.fromkeys((h.hour for h in hours), 0)
    for kind in KINDS:
        bars = []
        for h in hours:
            part = h.of.kinds.get(kind) if h.of is not None else None
            if part is not None:
                low = base[h.hour]
                base[h.hour] = low + part.bytes
                height = y(low) - y(low + part.bytes)
                bars.append((x(h.hour), y(low + part.bytes), width, height))
        d.bars(bars, kind)


def _by_day(
    d: Drawing, hours: list[ClockHour], x: Callable[[float], float], y: Callable[[float], float]
) -> None:
    days: dict[int, list[ClockHour]] = {}
    for h in hours:
        days.setdefault(h.hour // 24, []).append(h)
    most, mean = [], []
    for day, of in days.items():
        left, width = x(max(day * 24, hours[0].hour)), (x(24) - x(0)) * 0.96
        top = max(h.total.bytes for h in of)
        most.append((left, y(top), width, y(0) - y(top)))
        covered_us = sum(h.covered_us for h in of)
        average = sum(h.total.bytes for h in of) * HOUR_US / covered_us if covered_us else 0.0
        mean.append((left, y(average), width, y(0) - y(average)))
    d.bars(most, "most")
    d.bars(mean, "report")


def nodes_plot(f: dict[str, Any]) -> str:
    """Airtime of each transmitter in its worst 60 minutes against what the law allows."""
    law = f["law"]
    nodes = sorted(
        (n for n in f["nodes"] if n["worst_60min_airtime_us"]),
        key=lambda n: -n["worst_60min_airtime_us"],
    )[:NODES_SHOWN]
    limit_s = None if law["limit_us_per_hour"] is None else law["limit_us_per_hour"] / 1e6
    bounds_s = sorted({n["bound_60min_airtime_us"] / 1e6 for n in f["nodes"]})
    seconds = [n["worst_60min_airtime_us"] / 1e6 for n in nodes]
    ticks = decades(min([*seconds, *bounds_s]), max([*seconds, *bounds_s, limit_s or 0]))
    row, above = 15, 34 + 14 * (len(bounds_s) - 1)
    bottom = above + row * max(len(nodes), 1)
    rule = "no limit for the hour" if limit_s is None else f"the limit is {limit_s:g} s"
    worst = f"{seconds[0]:.2f} s" if seconds else "nothing"
    text = f"The most of any transmitter is {worst}; {rule}. Logarithmic axis."
    d = Drawing("nodes", "Airtime in the worst 60 minutes by transmitter", text, bottom + 42)
    x = log_scale(ticks, _NAMES, _RIGHT - 16)
    for tick in ticks:
        d.line(x(tick), above - 4, x(tick), bottom, "grid")
        d.text(x(tick), bottom + 16, f"{tick:g} s", anchor="middle")
    for i, (n, s) in enumerate(zip(nodes, seconds, strict=True)):
        at = above + row * i + row / 2
        d.text(_NAMES - 8, at + 4, _clip(_who(n)), anchor="end")
        d.line(_NAMES, at, x(s), at, "stem")
        d.circle(x(s), at, 4, "over" if limit_s is not None and s > limit_s else "dot")
    for i, bound_s in enumerate(bounds_s):
        top = above - 14 * i
        d.line(x(bound_s), top - 4, x(bound_s), bottom, "bound")
        of = f"protocol{', relay' if i else ''} {bound_s:.3g} s"
        d.text(x(bound_s), top - 10, of, "bound-text", "middle")
    if limit_s is not None:
        d.line(x(limit_s), above - 4, x(limit_s), bottom, "limit")
        share = f"{law['duty_limit_pct']:g} %"
        d.text(x(limit_s), above - 10, f"law {limit_s:g} s ({share})", "limit-text", "middle")
    d.line(_NAMES, bottom, _RIGHT, bottom, "axis")
    d.text((_NAMES + _RIGHT) / 2, bottom + 34, "on air in 60 minutes, logarithmic", anchor="middle")
    return str(d)


def kinds_plot(f: dict[str, Any]) -> str:
    """What bytes and airtime went into."""
    kinds = {k: v for k, v in f["accepted"]["kinds"].items() if v["frames"]}
    total = f["accepted"]["total"]
    text = "; ".join(
        f"{kind} {_share(v['bytes'], total['bytes'])} of bytes,"
        f" {_share(v['airtime_us'], total['airtime_us'])} of airtime"
        for kind, v in kinds.items()
    )
    d = Drawing("kinds", "Bytes and airtime by kind of frame", f"{text or 'No frame'}.", 128)
    for i, (name, field) in enumerate(
        (("frames", "frames"), ("bytes", "bytes"), ("airtime", "airtime_us"))
    ):
        top, at = 6 + 32 * i, 90.0
        d.text(82, top + 17, name, anchor="end")
        for kind, v in kinds.items():
            share = v[field] / total[field] if total[field] else 0.0
            width = share * (_RIGHT - 90)
            d.rect(at, top, width, 24, kind if kind in KINDS else "most")
            if width > 44:
                d.text(at + width / 2, top + 17, f"{share:.0%}", f"in-{kind}", "middle")
            at += width
    _legend(d, [(k if k in KINDS else "most", k) for k in kinds], 120)
    return str(d)


def peers_plot(f: dict[str, Any]) -> str:
    """Bytes an hour, measured, against what others would have sent."""
    own = f["hours"]["bytes"]["mean"] or 0.0
    bars = [("this field, measured", own, "report")]
    bars += [(p["name"], p["bytes_per_h"], p["basis"]) for p in f["peers"]]
    values = [v for _, v, _ in bars if v > 0] or [1.0]
    budget = f["budget"]["bytes_h"]
    ticks = decades(min([*values, budget]) / 10, max([*values, budget]))
    row, above, names = 24, 22, 350
    bottom = above + row * len(bars)
    text = "; ".join(f"{name} {number(value)} bytes an hour" for name, value, _ in bars)
    d = Drawing("peers", "Bytes an hour against other ways of sending", f"{text}.", bottom + 52)
    x = log_scale(ticks, names, _RIGHT - 46)
    for tick in ticks:
        d.line(x(tick), above - 2, x(tick), bottom, "grid")
        d.text(x(tick), bottom + 16, f"{tick:,.0f}", anchor="middle")
    for i, (name, value, style) in enumerate(bars):
        top = above + row * i + 3
        d.text(names - 8, top + 13, _clip(name, 58), "strong" if i == 0 else "label", "end")
        d.rect(names, top, x(value) - names, row - 7, style)
        d.text(x(value) + 5, top + 13, number(value))
    d.line(x(budget), above - 2, x(budget), bottom, "limit")
    d.text(x(budget), above - 8, f"budget {budget:,}", "limit-text", "middle")
    d.line(names, bottom, _RIGHT, bottom, "axis")
    d.text((names + _RIGHT) / 2, bottom + 32, "bytes an hour, logarithmic", anchor="middle")
    _legend(
        d, [("report", "measured"), ("estimated", "estimated"), ("computed", "computed")],
        bottom + 48,
    )  # fmt: skip
    return str(d)


def _legend(d: Drawing, entries: list[tuple[str, str]], y: float) -> None:
    at = float(_LEFT)
    for style, name in entries:
        d.rect(at, y - 9, 12, 10, style)
        d.text(at + 17, y, name)
        at += 30 + 6.6 * len(name)


def _who(node: dict[str, Any]) -> str:
    if node["node"] is None:
        return "unknown"
    return f"{node['name'] or ''} ({node['node']})".strip()


def _clip(text: str, chars: int = _CHARS) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"
