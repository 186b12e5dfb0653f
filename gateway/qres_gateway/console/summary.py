# SPDX-License-Identifier: Apache-2.0
"""The few numbers read from across the room, worked out once per snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from qres_gateway.console.view import PROVENANCES, Health, Provenance, Rf, Snapshot

State = Literal["healthy", "attention", "diverged", "waiting"]

_LIVE: frozenset[Provenance] = frozenset({"reported", "held"})
_MIN_SPAN_S = 900.0
"""No rate is stated from less than a quarter of an hour: one frame would swing it."""


class Extreme(msgspec.Struct, frozen=True):
    """A value and the node that holds it."""

    value: float
    node: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Derived figures. `saving_factor` compares rates over all time since `rf.since_us`.

    `last_hour_rate` is bytes per hour over the sliding window. Rates are None for the first
    quarter of an hour.
    """

    state: State
    counts: dict[Provenance, int]
    synthetic: int
    max_vpd_kpa: Extreme | None
    max_temp_degc: Extreme | None
    min_rh_pct: Extreme | None
    max_wind_m_s: Extreme | None
    last_hour_rate: float | None
    promise_used: float | None
    saving_factor: float | None
    channel_use_pct: float | None


def summarise(snapshot: Snapshot) -> Summary:
    """Count provenances, find extremes among live nodes and compare the radio with its yardsticks.

    Stale, diverged and unknown nodes never set an extreme: a wall must not show yesterday's
    maximum as now.
    """
    counts: dict[Provenance, int] = dict.fromkeys(PROVENANCES, 0)
    for node in snapshot.nodes:
        counts[node.provenance] += 1
    live = [node for node in snapshot.nodes if node.provenance in _LIVE]
    rate = _rate(snapshot.rf.last_hour.bytes, snapshot.rf.last_hour.span_s)
    elapsed_s = (snapshot.field.time_us - snapshot.rf.since_us) / 1e6
    return Summary(
        state=_state(counts, len(snapshot.nodes), snapshot.health),
        counts=counts,
        synthetic=sum(node.synthetic for node in snapshot.nodes),
        max_vpd_kpa=_largest((node.vpd_kpa, node.id) for node in live),
        max_temp_degc=_largest((node.temp_degc, node.id) for node in live),
        min_rh_pct=_smallest((node.rh_pct, node.id) for node in live),
        max_wind_m_s=_largest((node.wind_m_s, node.id) for node in live),
        last_hour_rate=rate,
        promise_used=None if rate is None else rate / snapshot.rf.promise_bytes_per_hour,
        saving_factor=_saving(snapshot.rf, elapsed_s),
        channel_use_pct=_percent(snapshot.rf.last_hour.airtime_us, snapshot.rf.last_hour.span_s),
    )


def _state(counts: dict[Provenance, int], nodes: int, health: Health) -> State:
    if counts["diverged"]:
        return "diverged"
    if counts["unknown"] == nodes:
        return "waiting"
    # Digests differ as soon as one report was lost anywhere: no reason to doubt every value.
    if counts["stale"] or counts["unknown"] or health.replicas_equal is False:
        return "attention"
    return "healthy"


def _largest(pairs: Iterable[tuple[float | None, int]]) -> Extreme | None:
    found = [(value, node) for value, node in pairs if value is not None]
    return Extreme(*max(found)) if found else None


def _smallest(pairs: Iterable[tuple[float | None, int]]) -> Extreme | None:
    found = [(value, node) for value, node in pairs if value is not None]
    return Extreme(*min(found)) if found else None


def _rate(amount: float, span_s: float) -> float | None:
    return None if span_s < _MIN_SPAN_S else amount * 3600.0 / span_s


def _percent(airtime_us: int, span_s: float) -> float | None:
    return None if span_s < _MIN_SPAN_S else 100.0 * airtime_us / (span_s * 1e6)


def _saving(rf: Rf, elapsed_s: float) -> float | None:
    """How many times fewer bytes than periodic; None while nothing was sent or compared."""
    rate = _rate(rf.total_bytes, elapsed_s)
    if rf.periodic_bytes_per_hour is None or not rate:
        return None
    return rf.periodic_bytes_per_hour / rate
