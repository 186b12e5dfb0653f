# SPDX-License-Identifier: Apache-2.0
"""The tables of a report: every figure of a plot, and more."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "by_day",
    "by_kind",
    "by_node",
    "identity",
    "peer_table",
    "refused_table",
    "shows",
    "statistics_table",
]

_WHOSE: Final = {
    "not_ours": "not of this field",
    "repeated": "known already",
    "unclear": "may be of this field",
}
_NONE: Final = "–"


def _table(
    head: Sequence[str], rows: Iterable[Sequence[object]], caption: str, words: Sequence[int] = ()
) -> str:
    """A table; columns *words* hold text, the others but the first numbers. Escapes everything."""

    def cell(column: int, value: object) -> str:
        text = escape(_NONE if value is None else str(value))
        if column == 0:
            return f'<th scope="row">{text}</th>'
        return f'<td class="words">{text}</td>' if column in words else f"<td>{text}</td>"

    heads = "".join(
        f'<th scope="col"{" class=words" if i in words else ""}>{escape(name)}</th>'
        for i, name in enumerate(head)
    )
    lines = "\n".join(
        f"<tr>{''.join(cell(i, value) for i, value in enumerate(row))}</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{lines}\n</tbody></table></div>"
    )


def _int(value: float | None) -> str | None:
    return None if value is None else f"{value:,.0f}"


def _s(airtime_us: float | None, digits: int = 2) -> str | None:
    return None if airtime_us is None else f"{airtime_us / 1e6:,.{digits}f}"


def statistics_table(f: dict[str, Any]) -> str:
    """Mean, median, 99 %, most."""
    hours = f["hours"]
    sliding = f["budget"]["most_60min_bytes"]

    def row(name: str, key: str, scale: float, digits: int, any60: str | None) -> list[object]:
        of = hours[key]
        values = [None if of[k] is None else of[k] / scale for k in ("mean", "median", "p99")]
        shown = [None if v is None else f"{v:,.{digits}f}" for v in values]
        return [name, *shown, f"{of['most'] / scale:,.{digits}f}", any60]

    return _table(
        ("an hour, whole field", "mean", "median", "99 %", "most, clock hour", "most, any 60 min"),
        [
            row("frames", "frames", 1, 1, None),
            row("bytes", "bytes", 1, 0, f"{sliding:,}"),
            row("airtime [s]", "airtime_us", 1e6, 2, None),
        ],
        f"Means over {f['coverage']['covered_h']:,.1f} h covered; median and 99 % over"
        f" {hours['whole']:,} clock hours covered whole.",
    )


def shows(kind: str, f: dict[str, Any]) -> bool:
    """Whether a kind of frame is worth a line: a field without relays has none for theirs."""
    return kind != "relay" or bool(f["site"]["relays"] or f["accepted"]["kinds"][kind]["frames"])


def by_kind(f: dict[str, Any]) -> str:
    """Kinds and sub-bands."""
    rows: list[list[object]] = [
        [name, _int(v["frames"]), _int(v["bytes"]), _s(v["airtime_us"], 1)]
        for name, v in (
            *((k, v) for k, v in f["accepted"]["kinds"].items() if shows(k, f)),
            *((f"sub-band {b}", v) for b, v in f["accepted"]["bands"].items()),
            ("all", f["accepted"]["total"]),
        )
    ]
    return _table(("", "frames", "bytes", "airtime [s]"), rows, "Accepted frames")


def peer_table(f: dict[str, Any]) -> str:
    """Others, with what was assumed as numbered notes."""
    own, hours = f["accepted"]["total"], f["coverage"]["covered_h"]
    mean, share = f["hours"]["bytes"]["mean"], f["unseen"]["share_heard"]
    sent = mean / share if mean and share else mean
    notes: list[str] = []

    def note(text: str) -> str:
        if text not in notes:
            notes.append(text)
        return str(notes.index(text) + 1)

    rows: list[list[object]] = [
        [
            "this field",
            "measured",
            None,
            _int(mean),
            None if not hours else _s(own["airtime_us"] / hours),
            None,
            note("frames that were heard"),
        ]
    ]
    if share:
        said = "what was heard, divided by the share of beacons that were heard"
        rows.append(["this field, sent", "estimated", None, _int(sent), None, "1.0", note(said)])
    rows += [
        [
            p["name"],
            p["basis"],
            p.get("frame_bytes"),
            _int(p["bytes_per_h"]),
            f"{p['airtime_ms_per_h'] / 1e3:,.2f}",
            f"{p['bytes_per_h'] / sent:,.1f}" if sent else None,
            f"{note(p['assumptions'])}, {note(p['source'])}",
        ]
        for p in f["peers"]
    ]
    head = ("way of sending", "", "B a frame", "B/h", "airtime s/h", "times ours", "notes")
    table = _table(
        head, rows, "Frames on air by the same airtime formula; nodes and values as here.", (1,)
    )
    items = "".join(f"<li>{escape(text)}</li>" for text in notes)
    return f'<div class="peers">{table}</div><ol class="soft">{items}</ol>'


def refused_table(f: dict[str, Any]) -> str:
    """What was heard and not accepted."""
    refused, deliveries = f["refused"], f["deliveries"]
    rows: list[list[object]] = [
        [reason, _WHOSE[v["whose"]], _int(v["frames"]), _int(v["bytes"]), _s(v["airtime_us"], 1)]
        for reason, v in refused["reasons"].items()
    ]
    rows += [
        [reason, "refused at the receiver", _int(n), None, None]
        for reason, n in refused["at_receiver"].items()
    ]
    said = (
        f"Deliveries: {deliveries['all']:,}, by receivers: {len(deliveries['by_receiver'])};"
        f" copies of what another had delivered: {deliveries['copies']:,}; not decoded yet:"
        f" {deliveries['undecoded']:,}. Reasons are"
        " those of SPEC 9. Airtime of strangers is computed with the field's preamble."
    )
    if not rows:
        return f"<p>None was refused. {escape(said)}</p>"
    return _table(("reason", "whose", "frames", "bytes", "airtime [s]"), rows, said, (1,))


def by_node(f: dict[str, Any]) -> str:
    """Every transmitter."""
    rows: list[list[object]] = [
        [
            "unknown" if n["node"] is None else n["node"],
            f"{n['name']}, relay" if n["is_relay"] else n["name"],
            n["band"],
            _int(n["frames"]),
            _int(n["bytes"]),
            _s(n["airtime_us"], 1),
            _s(n["worst_60min_airtime_us"], 3),
            f"{n['worst_duty_pct']:.4f}",
            None if n["share_of_limit_pct"] is None else f"{n['share_of_limit_pct']:.3f}",
            n["heartbeats_missing"],
            None if n["last_heard_utc"] is None else n["last_heard_utc"][:16].replace("T", " "),
        ]
        for n in f["nodes"]
    ]
    head = (
        "node", "name", "band", "frames", "bytes", "airtime [s]", "worst 60 min [s]", "duty [%]",
        "of the limit [%]", "six-hour reports missing", "last heard (UTC)",
    )  # fmt: skip
    table = _table(head, rows, "Worst 60 minutes at any minute, duty cycle in them.", (1, 2))
    return f'<div class="wide">{table}</div>'


def by_day(f: dict[str, Any]) -> str:
    """Every UTC day."""
    rows: list[list[object]] = [
        [
            d["day"],
            f"{d['covered_h']:.1f}",
            _int(d["frames"]),
            _int(d["bytes"]),
            _s(d["airtime_us"], 1),
            _int(d["most_bytes_in_clock_hour"]),
            d["clock_hours_over"],
        ]
        for d in f["days"]
    ]
    head = (
        "day (UTC)", "covered [h]", "frames", "bytes", "airtime [s]", "bytes, fullest clock hour",
        "clock hours over budget",
    )  # fmt: skip
    return _table(head, rows, "The table by node and hour: qres audit --csv out.csv")


def identity(f: dict[str, Any]) -> str:
    """What somebody else needs to come to the same figures."""
    made, ledger = f["made"], f["ledger"]
    rows = [
        ("command", made["command"]),
        ("exact period", made["again"]),
        ("audited", ", ".join(made["inputs"])),
        ("software", f"{made['software']}, Python {made['python']}"),
        ("wire version, site hash on air", f"{made['wire_version']}, {made['site_hash']}"),
        ("SHA-256 of the site", made["site_sha256"]),
        (f"SHA-256 of the {made['frames_hashed']:,} deliveries", made["frames_sha256"]),
        ("SHA-256 of the figures", made["figures_sha256"]),
    ]
    lines = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="words hash">{escape(value)}</td></tr>'
        for name, value in rows
    )
    compared = ledger["hours_compared"]
    told = (
        f"The gateway's own ledger, written as the frames came, was compared for {compared:,}"
        f" hours and differs in {ledger['hours_differ']:,}."
        if compared
        else "There was no ledger to compare with."
    )
    return (
        "<p>Whoever has the same store and site file runs the command with the exact period and"
        " compares the hashes. With the field key and --anew every frame is decoded and"
        f" authenticated again. {escape(told)}</p>"
        f'<div class="scroll"><table><tbody>\n{lines}\n</tbody></table></div>'
    )
