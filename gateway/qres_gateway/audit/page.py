# SPDX-License-Identifier: Apache-2.0
"""
The audit as one HTML file: no script, nothing from the network, for screen and A4 paper.

Everything that comes from a site file or a log is escaped; the page's own policy forbids to load
anything, so that it says the same wherever it is opened.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from qres_gateway.audit.plots import NODES_SHOWN, hours_plot, kinds_plot, nodes_plot, peers_plot
from qres_gateway.audit.tables import (
    by_day,
    by_kind,
    by_node,
    identity,
    peer_table,
    refused_table,
    statistics_table,
)
from qres_gateway.audit.verdict import TOLD

if TYPE_CHECKING:
    from qres_gateway.audit.run import Audited

__all__ = ["page"]

_WORDS: Final = {
    "within": "Within every limit",
    "exceeded": "A limit was exceeded",
    "not_auditable": "Not auditable",
}
_LOWER_BOUND: Final = (
    "A receiver sees only what it hears. Every sum above is of frames that were heard: a lower"
    " bound of what was sent."
)
_ONE_GATEWAY: Final = (
    " This field has relays; the figures of LoRaWAN and Meshtastic are as if one gateway heard"
    " every node. What they would need to be heard at all is not in them."
)
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(done: Audited) -> str:
    """A whole HTML document in UTF-8, some ten to some hundred KB."""
    f = done.figures
    title = f"Bandwidth audit: {f['site']['name']}"
    style = files("qres_gateway.audit").joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(
        [
            _head(f, title),
            _tiles(f),
            "<h2>Bytes an hour</h2>",
            _figure(hours_plot(f, done.hours), _hours_caption(f, len(done.hours))),
            statistics_table(f),
            "<h2>Airtime and the law</h2>",
            _figure(nodes_plot(f), _law_caption(f)),
            "<h2>What it was spent on</h2>",
            _figure(kinds_plot(f), "Accepted frames; bytes are PHY payload, tags included."),
            by_kind(f),
            "<h2>What others would have sent</h2>",
            _figure(
                peers_plot(f),
                "The same nodes, the same values, the same time. Only the first bar is measured;"
                " it is of frames that were heard, the others of frames that would be sent."
                + (_ONE_GATEWAY if f["site"]["relays"] else ""),
            ),
            peer_table(f),
            _evidence(f),
            "<h2>Refused frames</h2>",
            refused_table(f),
            "<h2>Node by node</h2>",
            by_node(f),
            "<h2>Day by day</h2>",
            by_day(f),
            "<h2>Do it again</h2>",
            identity(f),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(f: dict[str, Any], title: str) -> str:
    period, site = f["period"], f["site"]
    radio = (
        f"{site['region']}, {site['freq_hz'] / 1e6:g} MHz, SF{site['sf']}, {site['bw_hz'] / 1e3:g}"
        f" kHz, CR {site['cr']}, preamble {site['preamble_symbols']}"
    )
    grave = [r["text"] for r in f["reasons"] if r["severity"] == f["verdict"]]
    reasons = "".join(f"<li>{escape(text)}</li>" for text in grave[TOLD:])
    word = _WORDS[f["verdict"]]
    text = f["text"].removeprefix(f"{word}. ")
    return (
        f"<h1>{escape(title)}</h1>\n"
        f'<p class="soft">{_utc(period["from_utc"])} to {_utc(period["to_utc"])} UTC ·'
        f" {site['nodes']} nodes · {escape(radio)} · made {_utc(f['made']['at_utc'])} UTC by"
        f" {escape(f['made']['software'])}</p>\n"
        f'<section class="verdict {f["verdict"]}" aria-label="Verdict"><strong>{word}</strong>'
        f"<p>{escape(text)}</p>{f'<ul>{reasons}</ul>' if reasons else ''}</section>"
    )


def _tiles(f: dict[str, Any]) -> str:
    budget, law, hours = f["budget"], f["law"], f["hours"]["bytes"]
    tiles = [
        ("–" if hours["mean"] is None else f"{hours['mean']:,.0f} B/h", "mean, whole field"),
        (
            f"{budget['most_60min_bytes']:,} B",
            f"fullest 60 minutes; budget {budget['bytes_h']:,} B",
        ),
    ]
    if law["worst_us"] is not None:
        allowed = law["limit_us_per_hour"]
        said = (
            "no limit for the hour" if allowed is None else f"law allows {allowed / 1e6:g}\u00a0s"
        )
        tiles.append((f"{law['worst_us'] / 1e6:.2f} s", f"busiest node, worst 60 minutes; {said}"))
    tiles.append((f"{f['coverage']['share']:.1%}", "of the period the gateway was listening"))
    cells = "".join(
        f'<div class="tile"><b>{escape(big)}</b><span>{escape(small)}</span></div>'
        for big, small in tiles
    )
    return f'<div class="tiles">{cells}</div>'


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"


def _hours_caption(f: dict[str, Any], n_hours: int) -> str:
    over = f["budget"]["clock_hours_over"]
    said = f"{over:,} of {n_hours:,} clock hours are over the budget"
    return f"{said}. The fullest 60 minutes may begin at any minute; clock hours hold no more."


def _law_caption(f: dict[str, Any]) -> str:
    law = f["law"]
    shown = sum(1 for n in f["nodes"] if n["worst_60min_airtime_us"])
    few = " The 24 with the most; the table below has all." if shown > NODES_SHOWN else ""
    line = "The dotted line is what a node that keeps to the protocol can send in any hour at most"
    which = "heard or not."
    if f["site"]["relays"]:
        line = (
            "The dotted lines are what nodes that keep to the protocol can send in an hour at most"
        )
        which = "heard or not: left a node, right a relay."
    return (
        f"{_rule(law)} Source: {law['source'] or 'none'}. {line} ({law['bound_frames']} frames),"
        f" {which}{few}"
    )


def _rule(law: dict[str, Any]) -> str:
    """What the law says of one transmitter, in words."""
    rules = []
    if law["limit_us_per_hour"] is not None:
        rules.append(f"{law['duty_limit_pct']:g} % of any 60 minutes")
    if law["dwell_limit_us"]:
        longest = law["longest_frame_us"]
        heard = "" if longest is None else f" (longest heard: {longest / 1e3:.0f} ms)"
        rules.append(f"{law['dwell_limit_us'] / 1e3:g} ms a frame{heard}")
    said = " and ".join(rules) or "no limit of airtime"
    return f"{law['region']}, sub-band {law['band']}, each transmitter: {said}."


def _evidence(f: dict[str, Any]) -> str:
    unseen, coverage = f["unseen"], f["coverage"]
    due, heard = unseen["beacons_due"], unseen["beacons_heard"]
    lines = [_LOWER_BOUND]
    if due:
        lines.append(
            f"Beacons are due by a schedule that is known beforehand. While the gateway was"
            f" listening {due:,} were due and {heard:,} were heard: {unseen['share_heard']:.1%},"
            f" 95 % interval {unseen['share_heard_low']:.1%} to {unseen['share_heard_high']:.1%}."
            " If reports fare alike, about"
            f" {unseen['frames_sent_estimate'] or 0:,} frames were sent. This is an estimate."
        )
    if f["site"]["relays"]:
        lines.append(
            "Relays repeat reports that the gateway may not have heard itself, so it can know more"
            " than it heard; beacons are not repeated. Frames of relays are scaled like all others,"
            " although beacons of all nodes are no fair sample of theirs."
        )
    lines.append(
        f"Due and not heard, at least: {unseen['frames_missing_least']:,} (beacons"
        f" {due - heard:,}, six-hour reports {unseen['heartbeats_missing']:,}). Lost, or their"
        " sender was off; from here the two cannot be told apart."
    )
    lines.append(
        "Not knowable: reports that were sent because of a surprise and lost. What bounds them is"
        " the protocol: one report a node and epoch, one frame a common slot"
        + (", two frames a phase and relay." if f["site"]["relays"] else ".")
    )
    lines.append(
        f"Time without any frame of the field for more than {coverage['silence_is_gap_s'] / 60:g}"
        " minutes, in which two beacons were due, counts as not listening and is left out of all"
        f" rates. {_record(coverage)}"
    )
    gaps = coverage["gaps"]
    shown = "".join(
        f"<li>{_utc(g['from_utc'])} to {_utc(g['to_utc'])} UTC, {_length(g['hours'])}</li>"
        for g in gaps[:50]
    )
    more = f"<li>and {len(gaps) - 50} more</li>" if len(gaps) > 50 else ""
    listed = f"<h3>Not listening</h3><ul>{shown}{more}</ul>" if gaps else "<p>No gap.</p>"
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>What was not heard</h2><ul>{items}</ul>{listed}"


def _length(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:,.1f} min"


def _record(coverage: dict[str, Any]) -> str:
    """What is known of shorter outages."""
    since = coverage["recorded_from_utc"]
    if since is None:
        return "Shorter outages cannot be told from silence."
    return (
        f"From {since[:16].replace('T', ' ')} UTC on the gateway kept a record of when it listened:"
        " what is outside of it is left out to the second; where it was killed, its last sign of"
        " life counts, at most a minute too early."
    )


def _utc(iso: str) -> str:
    return escape(iso[:16].replace("T", " "))
