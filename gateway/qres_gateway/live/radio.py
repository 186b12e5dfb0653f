# SPDX-License-Identifier: Apache-2.0
"""Radio as it was heard: clock hours, a sliding hour, totals, and what each node sent.

Counted as in `qres_gateway.ledger`: PHY payload bytes and time on air of accepted frames, one
transmission once. What was received before the view began is left out of every sum, so that all of
them are over the time that they name.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.periodic import lorawan_of
from qres.region import region
from qres.site import N_PHASES
from qres_gateway.console.view import FRAME_TYPES, FrameType, Rf, RfHour, RfWindow
from qres_gateway.ledger import HOUR_US, Sum

if TYPE_CHECKING:
    from qres.site import Site
    from qres_gateway.events import FrameHeard

HOURS_KEPT: Final = 168
_UNKNOWN: Final = -1


class RadioLedger:
    """
    The radio of one field.

    Args:
        site: The field.
    """

    def __init__(self, site: Site) -> None:
        n = len(site.nodes)
        self._ids = site.ids
        self._phase_us = site.phase_us
        self._periodic = lorawan_of(site).bytes_per_h
        self._duty_limit_pct = duty_limit_pct(site)
        self.since_us: int | None = None
        self.reports = np.zeros(n, dtype=np.int64)
        self.n_bytes = np.zeros(n, dtype=np.int64)
        self.last_report_us = np.full(n, -1, dtype=np.int64)
        self.refused: Counter[str] = Counter()
        self._total = Sum()
        self._hours: dict[int, dict[FrameType, Sum]] = {}
        self._shown: dict[int, RfHour] = {}
        # A member reports once an epoch at most, and a phase has one common slot and two for each
        # relay: SPEC 6. Twice that, because late frames come in bursts.
        frames_per_h = (n + N_PHASES * (1 + 2 * len(site.relays))) * 3600 // site.epoch_s
        kept = 2 * frames_per_h + 64
        self._at_us = np.full(kept, np.iinfo(np.int64).min // 2, dtype=np.int64)
        self._node = np.full(kept, _UNKNOWN, dtype=np.int64)
        self._size = np.zeros(kept, dtype=np.int64)
        self._airtime_us = np.zeros(kept, dtype=np.int64)
        self._next = 0

    def add(self, event: FrameHeard, node: int | None) -> None:
        """
        Count one frame, accepted or refused; a copy of one that was counted is nothing new.

        Args:
            event: The frame.
            node: Row of its sender, None if unknown.

        Raises:
            ValueError: The frame was accepted and is of no known type.
        """
        if event.reason:
            if event.reason != "copy":
                self.refused[event.reason] += 1
            return
        kind = FRAME_TYPES[FRAME_TYPES.index(event.kind)]
        if node is not None and kind == "report":
            self.last_report_us[node] = max(int(self.last_report_us[node]), event.rx_us)
        if self.since_us is None or event.rx_us < self.since_us:
            return
        if node is not None:
            self.reports[node] += kind == "report"
            self.n_bytes[node] += event.n_bytes
        self._total.add(1, event.n_bytes, event.airtime_us)
        hour = event.rx_us // HOUR_US
        self._hours.setdefault(hour, {}).setdefault(kind, Sum()).add(
            1, event.n_bytes, event.airtime_us
        )
        self._shown.pop(hour, None)
        while len(self._hours) > HOURS_KEPT:
            self._forget_hour(min(self._hours))
        at = self._next
        self._next = (at + 1) % len(self._at_us)
        self._at_us[at], self._node[at] = event.rx_us, _UNKNOWN if node is None else node
        self._size[at], self._airtime_us[at] = event.n_bytes, event.airtime_us

    def clock_stepped(self, step_us: int, at_us: int) -> None:
        """The clock by which `since_us` was read jumped by `step_us` and now reads `at_us`."""
        if self.since_us is not None:
            self.since_us += step_us
        self.go_back(at_us)

    def go_back(self, at_us: int) -> None:
        """It is `at_us`: hours after it have not been. Totals stay."""
        if self.since_us is not None:
            self.since_us = min(self.since_us, at_us)
        for hour in [h for h in self._hours if h > at_us // HOUR_US]:
            self._forget_hour(hour)
        self._at_us[self._at_us > at_us + self._phase_us] = np.iinfo(np.int64).min // 2

    def rf(self, now_us: int) -> Rf:
        """Everything as of `now_us`."""
        since_us = now_us if self.since_us is None else self.since_us
        # A demo hands over a phase's frames when its clock still shows the phase's start.
        inside = (self._at_us > now_us - HOUR_US) & (self._at_us <= now_us + self._phase_us)
        node, airtime_us = self._node[inside], self._airtime_us[inside]
        known = node != _UNKNOWN
        by_node = np.bincount(node[known], weights=airtime_us[known], minlength=len(self._ids))
        busiest = int(by_node.argmax())
        return Rf(
            hours=self._hours_until(since_us, now_us),
            last_hour=RfWindow(
                span_s=min(max(now_us - since_us, 0), HOUR_US) / 1e6,
                bytes=int(self._size[inside].sum()),
                frames=int(inside.sum()),
                airtime_us=int(airtime_us.sum()),
            ),
            since_us=since_us,
            total_bytes=self._total.bytes,
            total_frames=self._total.frames,
            total_airtime_us=self._total.airtime_us,
            periodic_bytes_per_hour=self._periodic,
            duty_limit_pct=self._duty_limit_pct,
            duty_worst_pct=float(100 * by_node[busiest] / HOUR_US),
            duty_worst_node=self._ids[busiest] if by_node[busiest] > 0 else None,
            refused=dict(sorted(self.refused.items())),
        )

    def _hours_until(self, since_us: int, now_us: int) -> tuple[RfHour, ...]:
        last = now_us // HOUR_US
        first = max(since_us // HOUR_US, last - HOURS_KEPT + 1)
        return tuple(self._hour(hour) for hour in range(first, last + 1))

    def _hour(self, hour: int) -> RfHour:
        shown = self._shown.get(hour)
        if shown is None:
            sums = self._hours.get(hour, {})
            shown = RfHour(
                start_us=hour * HOUR_US,
                bytes={kind: s.bytes for kind, s in sums.items()},
                airtime_us={kind: s.airtime_us for kind, s in sums.items()},
                frames={kind: s.frames for kind, s in sums.items()},
            )
            if sums:
                self._shown[hour] = shown
        return shown

    def _forget_hour(self, hour: int) -> None:
        del self._hours[hour]
        self._shown.pop(hour, None)


def duty_limit_pct(site: Site) -> float | None:
    """
    What the law allows one transmitter of the site, in percent of any hour.

    None where there is no rule, and where the site's frequency is in no sub-band that may be
    used. On the border of two sub-bands the upper one counts, as in the ledger.

    Raises:
        ValueError: There is no region of the site's name.
    """
    bands = [b for b in region(site.region).sub_bands if b.lo_hz <= site.freq_hz <= b.hi_hz]
    if not bands or not 0 < bands[-1].duty_cycle < 1:
        return None
    return 100 * bands[-1].duty_cycle
