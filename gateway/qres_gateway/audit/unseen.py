# SPDX-License-Identifier: Apache-2.0
"""
What the protocol proves about frames that were not heard.

- A BEACON is due every H phases, from a member that is known beforehand (SPEC 6.3).
- A member reports when its last report is `HB` phases old (SPEC 6.2); the snap at midnight UTC
  starts that count anew (SPEC 5.3).

What of this is missing while the gateway listened was lost, or its sender was off: a lower bound of
what was lost. A report that was sent because of a surprise and lost leaves no trace that the log
could show: it is not knowable from here. From above, a member sends at most one report an epoch and
one frame in a common slot, and a relay two more (SPEC 6.6), so what a node *can* have sent has a
bound, heard or not.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from qres.site import FRAME_MAX_BYTES, N_PHASES
from qres_gateway.audit.coverage import beacon_phases
from qres_gateway.ledger import HOUR_US

if TYPE_CHECKING:
    from qres.site import Site
    from qres_gateway.audit.coverage import Coverage

__all__ = ["Bound", "Unseen", "heartbeats_between", "most_per_hour", "wilson"]

_HEARTBEAT_US: Final = 21_600_000_000  # SPEC 4
_DAY_S: Final = 86_400
_BEACON_BYTES: Final = 16
_FRAGMENTS_MOST: Final = 64 + 2 + 16  # SPEC 6.4: 2816 bytes in sources of 44, and their parity
_HALF_GUARD_US: Final = 100_000
_RELAYS_A_PHASE: Final = 2  # SPEC 3 and 6.6: there and back
_Z95: Final = 1.959963984540054


class Bound(NamedTuple):
    """
    What one node that keeps to the protocol can send in any hour at most.

    Attributes:
        frames: Reports, beacons, checkpoint fragments and RELAYs together.
        n_bytes: Their PHY payload. [bytes]
        airtime_us: Their time on air. [us]
        longest_us: The longest frame. [us]
    """

    frames: int
    n_bytes: int
    airtime_us: int
    longest_us: int


def most_per_hour(site: Site, *, is_relay: bool | None = None) -> Bound:
    """
    The bound of a node: a report an epoch, its beacon, and fragments at their closest stride.

    A relay sends two RELAYs a phase as well (SPEC 6.6). One more of each than an hour has places: a
    clock that is being corrected may bring the first and the last of them together within 60
    minutes.

    Args:
        site: The field.
        is_relay: Of a relay, or of any other node; None for the most of any node of the site.
    """
    if is_relay is None:
        is_relay = bool(site.relays)
    phases = HOUR_US // site.phase_us
    a_day = _DAY_S * 1_000_000 // site.phase_us
    free = a_day - math.ceil(a_day / beacon_phases(site))
    stride = min(max(free // (2 * _FRAGMENTS_MOST), 1), beacon_phases(site))
    fragments = phases // stride + 1
    reports = 3600 // site.epoch_s + 1
    beacons = 1 if len(site.nodes) > 1 else 2
    longest = 4 + max(5, -(-(1 + 18 * len(site.channels)) // 8)) + (3 if site.echo else 0)
    relayed = _RELAYS_A_PHASE * (phases + 1) if is_relay else 0
    parts = ((reports, longest), (beacons, _BEACON_BYTES), (fragments + relayed, FRAME_MAX_BYTES))
    return Bound(
        sum(n for n, _ in parts),
        sum(n * size for n, size in parts),
        sum(n * site.airtime_us(size) for n, size in parts),
        max(site.airtime_us(size) for _, size in parts),
    )


def heartbeats_between(first: int, second: int, phase_us: int) -> int:
    """
    How many reports of a running node were due strictly between two that were heard.

    Args:
        first: Phase of the earlier report.
        second: Phase of the later one.
        phase_us: Length of a phase. [us]

    >>> heartbeats_between(4, 4 + 144, 150_000_000), heartbeats_between(4, 4 + 292, 150_000_000)
    (0, 2)
    """
    beat, a_day = _HEARTBEAT_US // phase_us, _DAY_S * 1_000_000 // phase_us
    due_before, last = 0, first
    while True:
        wait = last + beat - first
        due = first + -(-wait // N_PHASES) * N_PHASES
        midnight = (last // a_day + 1) * a_day
        if midnight <= due:
            last = midnight
            continue
        if due >= second:
            return due_before
        due_before, last = due_before + 1, due


def wilson(heard: int, due: int) -> tuple[float, float]:
    """
    95 % interval of a share, by Wilson's score.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.
    """
    if due == 0:
        return 0.0, 1.0
    share, z2 = heard / due, _Z95 * _Z95
    centre = (share + z2 / (2 * due)) / (1 + z2 / due)
    half = _Z95 / (1 + z2 / due) * math.sqrt(share * (1 - share) / due + z2 / (4 * due * due))
    return max(0.0, centre - half), min(1.0, centre + half)


class Unseen:
    """
    Counts what was due and not heard.

    Args:
        site: The field.
        coverage: When the gateway was listening; the caller tells it of each frame first.

    Attributes:
        heartbeats: Reports due and not heard, by id of the node.
    """

    def __init__(self, site: Site, coverage: Coverage) -> None:
        self._site = site
        self._coverage = coverage
        self._last: dict[int, int] = {}
        self._gaps = 0
        self._beacons: set[int] = set()
        self.heartbeats: Counter[int] = Counter()

    def heard(self, kind: str, node: int | None, phase: int | None) -> None:
        """One accepted frame, in order of time."""
        if phase is None:
            return
        if len(self._coverage.gaps) > self._gaps:
            self._gaps = len(self._coverage.gaps)
            self._last.clear()  # what was due in a gap cannot be asked for
        if kind == "beacon":
            self._beacons.add(phase)
        elif kind == "report" and node is not None:
            before = self._last.get(node)
            if before is not None and phase > before:
                missed = heartbeats_between(before, phase, self._site.phase_us)
                if missed:
                    self.heartbeats[node] += missed
            self._last[node] = max(phase, before or 0)

    def beacons(self) -> tuple[int, int]:
        """Beacons heard, and due while the gateway was listening. After `Coverage.finish`."""
        site, coverage = self._site, self._coverage
        step = beacon_phases(site)
        slots = 1 + _RELAYS_A_PHASE * len(site.relays)  # the common one comes before the relays'
        offset_us = site.commit_us - slots * site.common_us + _HALF_GUARD_US
        offset_us += site.airtime_us(_BEACON_BYTES)
        first = -(-(coverage.from_us - offset_us) // site.phase_us)
        due = {
            phase
            for phase in range(-(-first // step) * step, coverage.to_us // site.phase_us + 1, step)
            if coverage.is_covered(phase * site.phase_us + offset_us)
        }
        heard = {phase for phase in self._beacons if phase % step == 0}
        return len(heard), len(due | heard)
