# SPDX-License-Identifier: Apache-2.0
"""One audit: rows in, figures out."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import qres
from qres.core_field import Field
from qres.errors import RangeError
from qres_gateway.audit.coverage import Coverage, silence_us
from qres_gateway.audit.delta import SendOnDelta
from qres_gateway.audit.figures import (
    accepted_dict,
    coverage_dict,
    days_list,
    nodes_list,
    refused_dict,
    unseen_dict,
)
from qres_gateway.audit.hours_csv import utc
from qres_gateway.audit.identity import FramesHash, json_sha256, site_sha256
from qres_gateway.audit.law import Law
from qres_gateway.audit.peers import peers
from qres_gateway.audit.statistics import ClockHour, clock_hours, hour_statistics
from qres_gateway.audit.tally import Tally
from qres_gateway.audit.unseen import Unseen
from qres_gateway.audit.verdict import judge, paragraph, verdict_of
from qres_gateway.ledger import HOUR_US, Sum

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qres.site import Site
    from qres_gateway.audit.hours_csv import HoursCsv
    from qres_gateway.audit.store import AuditStore
    from qres_gateway.listening import Span

__all__ = ["COVERAGE_LEAST", "FOLLOWS", "SCHEMA", "Audited", "Question", "audit"]

SCHEMA: Final = 1
"""Version of the figures; a reader refuses one that it does not know."""
COVERAGE_LEAST: Final = 0.9
FOLLOWS: Final = (
    "schema", "verdict", "site", "period", "coverage", "accepted", "hours", "budget", "law",
    "unseen", "nodes", "days",
)  # fmt: skip
"""Figures that follow from frames, spans of listening, site and options alone: these are hashed."""
_TOLD_EVERY: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What to audit.

    Attributes:
        site: The field.
        from_us: Beginning; None for the first accepted frame. [us]
        to_us: End, not included; None for right after the last accepted frame. [us]
        budget_bytes_h: What the field may send in an hour; None for the site's. [bytes/h]
        coverage_least: Covered share below which nothing is certified. 0..1
        same_ledger: Whether the store's ledger is of these frames, and so must agree.
        command: The command line, for who wants to do it again.
        made_utc: When; ISO 8601.
        inputs: Files, as given.
        listening: When gateways listened; None for what the store says.
    """

    site: Site
    from_us: int | None = None
    to_us: int | None = None
    budget_bytes_h: int | None = None
    coverage_least: float = COVERAGE_LEAST
    same_ledger: bool = True
    command: str = "qres audit"
    made_utc: str = ""
    inputs: tuple[str, ...] = ()
    listening: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True)
class Audited:
    """
    The outcome.

    Attributes:
        figures: Everything, in JSON's types; `docs/audit.md` says what each means.
        hours: Clock hours of the period, for plots.
    """

    figures: dict[str, Any]
    hours: list[ClockHour]


def audit(
    store: AuditStore,
    question: Question,
    *,
    csv: HoursCsv | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Audited:
    """
    Audit what *store* holds.

    Args:
        store: Open.
        question: What to audit.
        csv: Takes node-hours as they are complete; None if nobody wants them.
        progress: Called with (deliveries read, deliveries in the log) now and then.

    Raises:
        FrameLogError: The store cannot be read.
        OSError: The table cannot be written.
        RangeError: The period ends before it begins.
    """
    site = question.site
    from_us, to_us = _period(store, question)
    listened = store.listening() if question.listening is None else question.listening
    coverage = Coverage(from_us, to_us, silence_us(site), listened)
    unseen = Unseen(site, coverage)
    tally = Tally(site, csv)
    if csv is not None:
        csv.begin(coverage)
    frames = FramesHash()
    total = store.count()
    for row in store.rows(from_us, to_us):
        frames.add(row)
        if row.reason == "":
            coverage.heard(row.at_us)
            unseen.heard(row.kind or "", row.node, row.phase)
        tally.add(row)
        if progress is not None and frames.frames % _TOLD_EVERY == 0:
            progress(frames.frames, total)
    coverage.finish()
    tally.finish()
    if csv is not None:
        csv.finish()
    if progress is not None:
        progress(total, total)
    hours = list(clock_hours(coverage, tally.hours))
    figures = _figures(store, question, tally, coverage, unseen, hours)
    reasons = judge(figures, _law_problems(site, tally), site)
    figures = {
        "schema": SCHEMA,
        "verdict": verdict_of(reasons),
        "text": paragraph(figures, reasons, site),
        "reasons": [r._asdict() for r in reasons],
        **figures,
    }
    figures["made"] = _made(question, frames, figures, from_us, to_us)
    return Audited(figures, hours)


def _period(store: AuditStore, question: Question) -> tuple[int, int]:
    span = store.span_us()
    first_us, last_us = (0, -1) if span is None else span
    from_us = first_us if question.from_us is None else question.from_us
    to_us = last_us + 1 if question.to_us is None else question.to_us
    if question.from_us is not None and question.to_us is None:
        to_us = max(to_us, from_us)
    if question.to_us is not None and question.from_us is None:
        from_us = min(from_us, to_us)
    if to_us < from_us:
        raise RangeError("--to", utc(to_us), f"must not be before --from = {utc(from_us)}")
    return from_us, to_us


def _figures(
    store: AuditStore,
    question: Question,
    tally: Tally,
    coverage: Coverage,
    unseen: Unseen,
    hours: list[ClockHour],
) -> dict[str, Any]:
    site, law = question.site, Law(question.site)
    budget = site.budget_bytes_h if question.budget_bytes_h is None else question.budget_bytes_h
    most = tally.window.most_bytes
    from_hour, to_hour = coverage.from_us // HOUR_US, -(-coverage.to_us // HOUR_US)
    return {
        "site": {
            "name": site.name,
            "nodes": len(site.nodes),
            "region": site.region,
            "freq_hz": site.freq_hz,
            "sf": site.sf,
            "bw_hz": site.bw_hz,
            "cr": site.cr,
            "preamble_symbols": site.preamble_symbols,
            "epoch_s": site.epoch_s,
            "tolerance_class": site.tolerance.class_name,
            "relays": list(site.relays),
        },
        "period": {
            "from_us": coverage.from_us,
            "to_us": coverage.to_us,
            "from_utc": utc(coverage.from_us),
            "to_utc": utc(coverage.to_us),
            "hours": round((coverage.to_us - coverage.from_us) / HOUR_US, 4),
        },
        "coverage": coverage_dict(coverage, question.coverage_least),
        "deliveries": {
            "all": sum(tally.receivers.values()),
            "copies": tally.copies,
            "undecoded": tally.undecoded,
            "time_corrected": tally.corrected,
            "by_receiver": dict(sorted(tally.receivers.items())),
        },
        "accepted": accepted_dict(tally),
        "refused": refused_dict(tally, store.source_refused(from_hour, to_hour)),
        "hours": hour_statistics(hours, coverage.covered_us),
        "budget": {
            "bytes_h": budget,
            "most_60min_bytes": most.value,
            "most_60min_end_us": most.end_us,
            "margin_bytes": budget - most.value,
            "clock_hours_over": sum(h.total.bytes > budget for h in hours),
        },
        "law": law.as_dict(tally.senders),
        "unseen": unseen_dict(unseen, tally),
        "peers": _peers(store, site, coverage, tally),
        "nodes": nodes_list(site, tally, unseen, law),
        "days": days_list(tally, coverage, budget, hours),
        "ledger": _ledger(store, question, tally.hours, coverage),
    }


def _law_problems(site: Site, tally: Tally) -> list[tuple[str, str]]:
    law = Law(site)
    return [
        problem
        for (node, band), sender in sorted(tally.senders.items())
        for problem in law.problems(node, band, sender)
    ]


def _peers(store: AuditStore, site: Site, coverage: Coverage, tally: Tally) -> list[dict[str, Any]]:
    delta = SendOnDelta(site)
    for epoch in store.epochs(coverage.from_us, coverage.to_us):
        if coverage.is_covered(epoch.time_us):
            delta.add(epoch)
    common = Sum()
    for kind in ("beacon", "checkpoint", "relay"):
        part = tally.total.kinds.get(kind, Sum())
        common.add(part.frames, part.bytes, part.airtime_us)
    return peers(site, coverage.covered_us, delta, common)


def _ledger(
    store: AuditStore, question: Question, hours: Mapping[int, Any], coverage: Coverage
) -> dict[str, int]:
    """Hours that lie in the period whole, compared with what the gateway wrote at the time."""
    if not (question.same_ledger and store.is_derived()):
        return {"hours_compared": 0, "hours_differ": 0}
    first, end = -(-coverage.from_us // HOUR_US), coverage.to_us // HOUR_US
    told = dict(store.ledger(first, end))
    own = {hour: of.total for hour, of in hours.items() if first <= hour < end}
    every = told.keys() | own.keys()
    differ = sum(told.get(hour, Sum()) != own.get(hour, Sum()) for hour in every)
    return {"hours_compared": len(every), "hours_differ": differ}


def _made(
    question: Question, frames: FramesHash, figures: dict[str, Any], from_us: int, to_us: int
) -> dict[str, Any]:
    return {
        "command": question.command,
        "again": f"--from {from_us}us --to {to_us}us",
        "inputs": list(question.inputs),
        "at_utc": question.made_utc,
        "software": f"qres-field-kit {qres.__version__}",
        "python": platform.python_version(),
        "wire_version": qres.WIRE_VERSION,
        "site_hash": f"{Field(question.site).site_hash:08x}",
        "site_sha256": site_sha256(question.site),
        "frames_hashed": frames.frames,
        "frames_sha256": frames.hexdigest,
        "figures_sha256": json_sha256({name: figures[name] for name in FOLLOWS}),
    }
