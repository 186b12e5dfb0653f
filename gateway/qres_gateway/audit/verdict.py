# SPDX-License-Identifier: Apache-2.0
"""One word, its reasons, and one paragraph that a land manager can read out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from qres.site import Site

__all__ = ["NOT_OURS", "REPEATED", "TOLD", "Reason", "group_of", "judge", "paragraph", "verdict_of"]

NOT_OURS: Final = frozenset({"radio", "length", "version", "site"})
"""Refused because another modulation, another length, another protocol or another field."""
REPEATED: Final = frozenset({"duplicate"})
"""Authentic, but known already: delivered twice, or replayed by a stranger."""

_WORDS: Final = {
    "within": "Within every limit.",
    "exceeded": "A limit was exceeded.",
    "not_auditable": "Not auditable.",
}
_UNDECODED_MOST: Final = 0.01
_UNCLEAR_MOST: Final = 0.05
TOLD: Final = 4
"""How many reasons the paragraph names."""
_BEACONS_TELL: Final = 24
_HEARD_LEAST: Final = 0.5


class Reason(NamedTuple):
    """Something that decides the verdict, or qualifies it: severity, short code, sentence."""

    severity: str  # "exceeded", "not_auditable", "caution"
    code: str
    text: str


def judge(figures: dict[str, Any], law_problems: list[tuple[str, str]], site: Site) -> list[Reason]:
    """What speaks against the field, or against the log as evidence."""
    found = [Reason("exceeded", "law_channel", p) for p in figures["law"]["channel_problems"]]
    found += [Reason("exceeded", code, text) for code, text in law_problems]
    budget = figures["budget"]
    if budget["most_60min_bytes"] > budget["bytes_h"]:
        found.append(
            Reason(
                "exceeded",
                "budget",
                f"the field sent {budget['most_60min_bytes']} bytes in 60 minutes, the budget is"
                f" {budget['bytes_h']}; {budget['clock_hours_over']} of"
                f" {figures['hours']['touched']} clock hours are over it",
            )
        )
    return found + _evidence(figures, site)


def _evidence(figures: dict[str, Any], site: Site) -> list[Reason]:
    found, coverage = [], figures["coverage"]
    accepted = figures["accepted"]["total"]["frames"]
    if not accepted:
        reasons = figures["refused"]["reasons"].items()
        why = ", ".join(f"{reason} {part['frames']}" for reason, part in reasons)
        text = "no frame of this field was accepted in the period"
        text += f"; refused were {why}: another key or site file? `qres doctor`" if why else ""
        return [Reason("not_auditable", "no_frames", text)]
    if coverage["share"] < coverage["share_least"]:
        found.append(
            Reason(
                "not_auditable",
                "coverage",
                f"the gateway is shown to have listened for {coverage['share']:.1%} of the period,"
                f" the limit is {coverage['share_least']:.0%}",
            )
        )
    if figures["hours"]["whole"] == 0:
        text = "no clock hour of the period is covered whole, the limit is 1"
        found.append(Reason("not_auditable", "no_whole_hour", text))
    unseen = figures["unseen"]
    if unseen["beacons_due"] >= _BEACONS_TELL and unseen["share_heard"] < _HEARD_LEAST:
        found.append(
            Reason(
                "not_auditable",
                "share_heard",
                f"the gateway heard {unseen['beacons_heard']} of {unseen['beacons_due']} beacons"
                f" that were due while it listened, the limit is {_HEARD_LEAST:.0%}",
            )
        )
    strange = [n["node"] for n in figures["nodes"] if n["node"] not in {*site.ids, None}]
    if strange:
        names = ", ".join(map(str, strange))
        text = f"the log has frames of nodes {names}, which the site file does not name"
        found.append(Reason("not_auditable", "site_nodes", text))
    deliveries = figures["deliveries"]
    if deliveries["undecoded"] > _UNDECODED_MOST * deliveries["all"]:
        found.append(
            Reason(
                "not_auditable",
                "undecoded",
                f"{deliveries['undecoded']} of {deliveries['all']} deliveries are not decoded, the"
                f" limit is {_UNDECODED_MOST:.0%}; start the gateway, or use --anew",
            )
        )
    elif deliveries["undecoded"]:
        text = f"{deliveries['undecoded']} deliveries were not decoded yet and are left out"
        found.append(Reason("caution", "undecoded", text))
    return found + _cautions(figures)


def _cautions(figures: dict[str, Any]) -> list[Reason]:
    """What does not change the verdict, but has to be said."""
    found = []
    accepted = figures["accepted"]["total"]["frames"]
    unclear = figures["refused"]["unclear"]["frames"]
    if unclear > _UNCLEAR_MOST * (accepted + unclear):
        found.append(
            Reason(
                "caution",
                "unclear",
                f"{unclear} frames could not be read and may be of this field; they are in no sum"
                " of a node",
            )
        )
    beyond = [
        n
        for n in figures["nodes"]
        if n["worst_60min_airtime_us"] > n["bound_60min_airtime_us"] and n["node"] is not None
    ]
    if beyond:
        bounds = sorted({n["bound_60min_airtime_us"] for n in beyond})
        text = (
            f"nodes {', '.join(str(n['node']) for n in beyond)} sent more in 60 minutes than the"
            " protocol lets them"
            f" ({' or '.join(f'{bound / 1e6:.2f}' for bound in bounds)} s): a fault, or another"
            " site file"
        )
        found.append(Reason("caution", "beyond_protocol", text))
    ledger = figures["ledger"]
    if ledger["hours_differ"]:
        found.append(
            Reason(
                "caution",
                "ledger",
                f"the gateway's own ledger differs from the frames in {ledger['hours_differ']} of"
                f" {ledger['hours_compared']} hours: the site file has changed since, or the store",
            )
        )
    return found


def verdict_of(reasons: list[Reason]) -> str:
    """The worst that was found: "exceeded", else "not_auditable", else "within"."""
    severities = {r.severity for r in reasons}
    return next((s for s in ("exceeded", "not_auditable") if s in severities), "within")


def paragraph(figures: dict[str, Any], reasons: list[Reason], site: Site) -> str:
    """The verdict in plain words."""
    word = verdict_of(reasons)
    grave = [r.text for r in reasons if r.severity == word]
    parts = [_WORDS[word]]
    if grave:
        more = f"; and {len(grave) - TOLD} more" if len(grave) > TOLD else ""
        parts.append(_sentence("; ".join(grave[:TOLD]) + more))
    parts += [_sentence(r.text) for r in reasons if r.severity not in {word, "caution"}]
    total = figures["accepted"]["total"]
    if total["frames"]:
        parts.append(_heard(figures, site))
        parts.append(_budget(figures))
        parts.append(_law(figures))
    parts += [_sentence(r.text) for r in reasons if r.severity == "caution"]
    return " ".join(part for part in parts if part)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _heard(figures: dict[str, Any], site: Site) -> str:
    total, period, coverage = (
        figures["accepted"]["total"], figures["period"], figures["coverage"]
    )  # fmt: skip
    nodes = len({n["node"] for n in figures["nodes"] if n["frames"] and n["node"] is not None})
    share = figures["unseen"]["share_heard"]
    judging = ""
    if figures["unseen"]["beacons_due"] >= _BEACONS_TELL and share < 1:
        judging = f" Judging by its beacons it heard {share:.1%} of what was sent."
    return (
        f"From {period['from_utc'][:16].replace('T', ' ')} to"
        f" {period['to_utc'][:16].replace('T', ' ')} UTC the gateway of “{site.name}” heard"
        f" {total['frames']:,} frames of {nodes} of {len(site.nodes)} nodes:"
        f" {total['bytes']:,} bytes, {total['airtime_us'] / 1e6:,.1f} s on air. It was listening"
        f" {coverage['share']:.1%} of that time.{judging}"
    )


def _budget(figures: dict[str, Any]) -> str:
    budget, most = figures["budget"], figures["budget"]["most_60min_bytes"]
    mean = figures["hours"]["bytes"]["mean"] or 0.0
    return (
        f"The whole field sent {mean:,.0f} bytes an hour on average and {most:,} in its fullest"
        f" 60 minutes; the budget is {budget['bytes_h']:,}."
    )


def _law(figures: dict[str, Any]) -> str:
    law = figures["law"]
    if law["worst_node"] is None:
        return ""
    worst = f"The busiest transmitter, node {law['worst_node']}, was on air for"
    worst += f" {law['worst_us'] / 1e6:.2f} s in its worst 60 minutes;"
    if law["limit_us_per_hour"] is None:
        rule = f"{law['region']} has no limit for the hour"
        if law["dwell_limit_us"]:
            rule += (
                f" but one of {law['dwell_limit_us'] / 1e3:g} ms for a frame, and the longest had"
                f" {law['longest_frame_us'] / 1e3:.0f} ms"
            )
        return f"{worst} {rule}."
    limit = f"{law['region']} allows {law['limit_us_per_hour'] / 1e6:g} s in sub-band {law['band']}"
    if not law["bound_is_legal"] or law["worst_us"] > law["bound_us"]:
        return f"{worst} {limit}."
    return (
        f"{worst} {limit}. Frames that the gateway did not hear are not in these sums; but even so,"
        f" a node that keeps to the protocol cannot be on air for more than"
        f" {law['bound_us'] / 1e6:.1f} s in any hour."
    )


def group_of(reason: str) -> str:
    """Whose a refused frame is: "not_ours", "repeated" or "unclear"."""
    if reason in NOT_OURS:
        return "not_ours"
    return "repeated" if reason in REPEATED else "unclear"
