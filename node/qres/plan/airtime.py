# SPDX-License-Identifier: Apache-2.0
"""How long a site's nodes are on air, and how much of it the law leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qres.plan.load import DAY_S, airtime_per_day_s
from qres.region import region
from qres.site import FRAME_MAX_BYTES, N_PHASES

if TYPE_CHECKING:
    from qres.region import SubBand
    from qres.site import Site

__all__ = ["AirtimePlan", "plan_airtime"]

_FORMS = (("report, form S", 6), ("report, form S with echo", 9), ("report, longest", 14))
_BEACON = ("beacon", 16)
_CHECKPOINT = ("checkpoint fragment, longest", FRAME_MAX_BYTES)
_RELAY = ("relay, longest", FRAME_MAX_BYTES)


@dataclass(frozen=True, slots=True)
class AirtimePlan:
    """
    Airtime of a site.

    Attributes:
        frames: Name, length [bytes] and time on air [us] of each kind of frame.
        window_s: How long a node listens in a phase. [s]
        listen_share: The same over the phase. [1]
        mean_ms_per_hour: A node's airtime in an average hour. [ms]
        worst_ms_per_hour: The same if it reports at every sample, longest form, with a beacon and a
            checkpoint fragment in each beacon-free phase that may carry one; a relay's, with two
            longest frames a phase, on a site that has relays. [ms]
        limit_ms_per_hour: What the law leaves one transmitter; None where there is no duty cycle.
        band: Name of the sub-band.
        dwell_ms: Longest frame that the law allows; None where it has no such rule. [ms]
    """

    frames: tuple[tuple[str, int, int], ...]
    window_s: float
    listen_share: float
    mean_ms_per_hour: float
    worst_ms_per_hour: float
    limit_ms_per_hour: float | None
    band: str
    dwell_ms: float | None

    @property
    def is_legal(self) -> bool:
        """Whether even the worst hour and the longest frame stay inside the law."""
        longest_ms = max(us for _, _, us in self.frames) / 1000
        in_time = self.limit_ms_per_hour is None or self.worst_ms_per_hour <= self.limit_ms_per_hour
        return in_time and (self.dwell_ms is None or longest_ms <= self.dwell_ms)

    def as_dict(self) -> dict[str, Any]:
        """The plan in JSON's types."""
        return {
            "frames": [{"what": w, "bytes": b, "airtime_us": us} for w, b, us in self.frames],
            "window_s": self.window_s,
            "listen_share": self.listen_share,
            "mean_ms_per_hour": self.mean_ms_per_hour,
            "worst_ms_per_hour": self.worst_ms_per_hour,
            "limit_ms_per_hour": self.limit_ms_per_hour,
            "band": self.band,
            "dwell_ms": self.dwell_ms,
            "is_legal": self.is_legal,
        }


def plan_airtime(site: Site, reports_per_hour: float) -> AirtimePlan:
    """
    Airtime of a site's frames, nodes and windows.

    Args:
        site: The field; `qres site check` has found its channel legal.
        reports_per_hour: What a node reports on average.

    Raises:
        RangeError: An impossible number of reports.
    """
    kinds = [f for f in _FORMS if site.echo or "echo" not in f[0]]
    relay = (_RELAY,) if site.relays else ()
    named = (*kinds, _BEACON, _CHECKPOINT, *relay)
    frames = tuple((name, n, site.airtime_us(n)) for name, n in named)
    window_s = site.commit_us / 1e6
    mean_s = sum(airtime_per_day_s(site, reports_per_hour).values()) / 24
    longest = site.airtime_us(14 + (3 if site.echo else 0))
    phases_per_hour = N_PHASES * 3600 / site.epoch_s
    worst_us = (
        3600 / site.epoch_s * longest
        + site.airtime_us(_BEACON[1])
        + max(0.0, phases_per_hour - 1) / 2 * site.airtime_us(FRAME_MAX_BYTES)
        + (2 * phases_per_hour * site.airtime_us(FRAME_MAX_BYTES) if site.relays else 0.0)
    )
    band = _band(site)
    per_hour_us = band.airtime_per_hour_us
    return AirtimePlan(
        frames=frames,
        window_s=window_s,
        listen_share=window_s * phases_per_hour * 24 / DAY_S,
        mean_ms_per_hour=1000 * mean_s,
        worst_ms_per_hour=worst_us / 1000,
        limit_ms_per_hour=None if per_hour_us is None else per_hour_us / 1000,
        band=band.name,
        dwell_ms=band.dwell_us / 1000 if band.dwell_us else None,
    )


def _band(site: Site) -> SubBand:
    """The sub-band of the site's channel; of two that share an edge, the upper one."""
    bands = region(site.region).sub_bands
    inside = [b for b in bands if b.lo_hz <= site.freq_hz <= b.hi_hz]
    return inside[-1]
