# SPDX-License-Identifier: Apache-2.0
"""What the law of the site's region says of every transmitter that was heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qres.region import check_channel, region
from qres.site import FRAME_MAX_BYTES
from qres_gateway.audit.unseen import most_per_hour
from qres_gateway.ledger import HOUR_US, OUT_OF_BAND, UNKNOWN_NODE

if TYPE_CHECKING:
    from qres.region import SubBand
    from qres.site import Site
    from qres_gateway.audit.tally import Transmitter

__all__ = ["SOURCES", "Law"]

SOURCES: Final = {
    "EU868": "ETSI EN 300 220-2 V3.2.1, annex B; ERC/REC 70-03 annex 1",
    "US915": "47 CFR 15.247(a)(2), (b), (e); the 400 ms are those of (f)",
    "AU915": "Radiocommunications (Low Interference Potential Devices) Class Licence, 915-928 MHz",
}
"""Where the limits in the region table of the core come from."""


class Law:
    """
    Judges transmitters against the region table.

    Args:
        site: The field.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._bands = {b.name: b for b in region(site.region).sub_bands}
        inside = [b for b in region(site.region).sub_bands if b.lo_hz <= site.freq_hz <= b.hi_hz]
        self.band: SubBand | None = inside[-1] if inside else None

    @property
    def limit_us(self) -> int | None:
        """Airtime that the site's sub-band allows a transmitter in any hour. [us]"""
        return None if self.band is None else self.band.airtime_per_hour_us

    def channel_problems(self) -> list[str]:
        """What is wrong with the site's channel itself, in words."""
        s = self._site
        return check_channel(s.region, s.freq_hz, s.bw_hz, s.sf, s.tx_power_dbm, FRAME_MAX_BYTES)

    def limit_of(self, band: str) -> int | None:
        """As `limit_us`, of any sub-band; 0 where sending is forbidden. [us]"""
        found = self._bands.get(band)
        if band == OUT_OF_BAND or found is None or found.duty_cycle == 0:
            return 0
        return found.airtime_per_hour_us

    def longest_of(self, band: str) -> int | None:
        """Longest frame that a sub-band's rule allows; None without such a rule. [us]"""
        found = self._bands.get(band)
        return found.dwell_us if found is not None and found.dwell_us else None

    def problems(self, node: int, band: str, of: Transmitter) -> list[tuple[str, str]]:
        """What a transmitter did against the law: (code, sentence)."""
        who = "an unknown node" if node == UNKNOWN_NODE else f"node {node}"
        worst_us, limit_us = of.window.most_airtime_us.value, self.limit_of(band)
        found = []
        if limit_us == 0:
            text = f"{who} sent {of.total.frames} frames in sub-band {band!r}, where no sending is"
            found.append(("law_band", f"{text} allowed in {self._site.region}"))
        elif limit_us is not None and worst_us > limit_us:
            text = f"{who} was on air for {worst_us / 1e6:.3f} s of 60 minutes in sub-band {band}"
            found.append(("law_duty", f"{text}, the limit is {limit_us / 1e6:g} s"))
        dwell_us = self.longest_of(band)
        if dwell_us is not None and of.longest_us > dwell_us:
            text = f"{who} sent a frame of {of.longest_us / 1e3:.1f} ms in sub-band {band}"
            found.append(("law_dwell", f"{text}, the limit is {dwell_us / 1e3:g} ms"))
        return found

    def as_dict(self, senders: dict[tuple[int, str], Transmitter]) -> dict[str, Any]:
        """Limits, the busiest transmitter, and how much it leaves."""
        band, limit_us = self.band, self.limit_us
        bound = most_per_hour(self._site)
        known = {key: t for key, t in senders.items() if key[0] != UNKNOWN_NODE}
        worst = max(
            known, key=lambda key: (known[key].window.most_airtime_us.value, -key[0]), default=None
        )
        peak = None if worst is None else known[worst].window.most_airtime_us
        return {
            "region": self._site.region,
            "source": SOURCES.get(self._site.region),
            "band": None if band is None else band.name,
            "band_lo_hz": None if band is None else band.lo_hz,
            "band_hi_hz": None if band is None else band.hi_hz,
            "duty_limit_pct": _pct(limit_us),
            "limit_us_per_hour": limit_us,
            "dwell_limit_us": None if band is None or not band.dwell_us else band.dwell_us,
            "channel_problems": self.channel_problems(),
            "worst_node": None if worst is None else worst[0],
            "worst_us": None if peak is None else peak.value,
            "worst_end_us": None if peak is None else peak.end_us,
            "worst_duty_pct": None if peak is None else _pct(peak.value),
            "margin_us": None if peak is None or limit_us is None else limit_us - peak.value,
            "longest_frame_us": max((t.longest_us for t in senders.values()), default=None),
            "bound_frames": bound.frames,
            "bound_bytes": bound.n_bytes,
            "bound_us": bound.airtime_us,
            "bound_is_legal": self._bound_is_legal(bound.airtime_us, bound.longest_us),
        }

    def _bound_is_legal(self, airtime_us: int, longest_us: int) -> bool:
        if self.band is None or self.band.duty_cycle == 0:
            return False
        in_time = self.limit_us is None or airtime_us <= self.limit_us
        return in_time and (not self.band.dwell_us or longest_us <= self.band.dwell_us)


def _pct(airtime_us: int | None) -> float | None:
    return None if airtime_us is None else round(100 * airtime_us / HOUR_US, 6)
