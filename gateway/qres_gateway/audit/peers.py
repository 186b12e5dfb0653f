# SPDX-License-Identifier: Apache-2.0
"""What other ways of sending would have put on air: computed, not measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qres.periodic import costs_of
from qres_gateway.ledger import HOUR_US, Sum

if TYPE_CHECKING:
    from qres.periodic import PeriodicCost
    from qres.site import Site
    from qres_gateway.audit.delta import SendOnDelta

__all__ = ["peers"]

_US: Final = 1_000_000
_LORAWAN: Final = "the field's own radio settings; no join, no acknowledgement, no repetition"
_FLOOR: Final = "every packet sent once and relayed by nobody: a floor, not how the network runs"
_RELAYED: Final = (
    "every packet relayed once, the least that its flooding does where nodes hear one another (hop"
    " limit 3): who hears a packet repeats it, unless it hears another repeat it first;"
    " https://meshtastic.org/docs/overview/mesh-algo/"
)
_DELTA: Final = (
    "estimated from the values that the gateway reconstructed, which are smoother than what the"
    " nodes measured: a real one sends more. Same frames, tolerance and heartbeats; beacons and"
    " checkpoints as heard"
)
_DELTA_RELAYS: Final = "; relays as heard, though they would have more to repeat"
_ONE_GATEWAY: Final = (
    "; as if one gateway heard everybody: what it would take to be heard where this field needs"
    " relays is not counted"
)


def peers(
    site: Site, covered_us: int, delta: SendOnDelta | None, common: Sum
) -> list[dict[str, Any]]:
    """
    Each way of sending for the nodes of the site over the time that was covered.

    Args:
        site: The field.
        covered_us: Time in which the gateway was listening. [us]
        delta: What send-on-delta reports would have been; None if the store does not tell.
        common: Beacons, checkpoint fragments and RELAYs as heard, which send-on-delta needs as
            well.
    """
    hours = covered_us / HOUR_US
    found = []
    if delta is not None and delta.epochs and hours:
        total = Sum(common.frames, common.bytes, common.airtime_us)
        total.add(delta.reports.frames, delta.reports.bytes, delta.reports.airtime_us)
        rates = (total.frames / hours, total.bytes / hours, total.airtime_us / hours)
        entry = _entry("send_on_delta", "send-on-delta, same frames", rates, hours, site)
        assumed = _DELTA + (_DELTA_RELAYS if site.relays else "")
        found.append(entry | {"basis": "estimated", "assumptions": assumed, "source": "SPEC 6"})
    for c in costs_of(site):
        is_mesh = c.sender.radio is not None
        found.append(_periodic(c, site, hours, 1, _FLOOR if is_mesh else _LORAWAN))
        if is_mesh:
            found.append(_periodic(c, site, hours, 2, _RELAYED))
    return found


def _periodic(
    c: PeriodicCost, site: Site, hours: float, times: int, assumptions: str
) -> dict[str, Any]:
    sender = c.sender
    rates = (c.frames_per_h * times, c.bytes_per_h * times, c.airtime_us_per_h * times)
    relays = {1: ", not relayed" if sender.radio else "", 2: ", relayed once"}[times]
    key = sender.key if times == 1 else f"{sender.key}-relayed"
    entry = _entry(key, sender.title + relays, rates, hours, site)
    return entry | {
        "basis": "computed",
        "frame_bytes": sender.frame_bytes,
        "interval_s": sender.interval_s,
        "assumptions": assumptions + (_ONE_GATEWAY if site.relays else ""),
        "source": sender.source,
    }


def _entry(
    key: str, name: str, rates: tuple[float, float, float], hours: float, site: Site
) -> dict[str, Any]:
    frames, n_bytes, airtime_us = rates
    return {
        "key": key,
        "name": name,
        "frames_per_h": round(frames, 3),
        "bytes_per_h": round(n_bytes, 3),
        "airtime_ms_per_h": round(airtime_us / 1000, 3),
        "bytes": round(n_bytes * hours),
        "airtime_s": round(airtime_us * hours / _US, 3),
        "mean_duty_pct_per_node": round(100 * airtime_us / HOUR_US / max(len(site.nodes), 1), 6),
    }
