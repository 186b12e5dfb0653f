# SPDX-License-Identifier: Apache-2.0
"""
Send-on-delta on the same weather: an estimate from reconstructed values.

Who sends on delta reports when a value has moved by more than the tolerance since the last report,
or when that is six hours old. The gateway does not know what the nodes measured, only what the
replicas agreed on for each sample: within the tolerance of it, but smoother, because a prediction
that held leaves no trace of the noise that it covered. So a real send-on-delta node would send more
than this counts. Frames, tags, heartbeats, midnight and forms are those of the field (SPEC 6), and
so are beacons and checkpoints, which are taken from the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.core import Status
from qres.fire_state import TOLERANCE_EIGHTHS
from qres_gateway.ledger import Sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.site import Site
    from qres_gateway.audit.store import EpochValues

__all__ = ["SendOnDelta"]

_HEARTBEAT_US: Final = 21_600_000_000
_DAY_US: Final = 86_400_000_000
_TAG: Final = 4
_S_STEPS: Final = 15  # windows of 5, 8 and 10 bits, SPEC 6.1
_R_STEPS: Final = 127
_M_STEPS: Final = 511
_FRESH: Final = (Status.REPORTED, Status.HELD)


@dataclass(slots=True)
class SendOnDelta:
    """
    Counts the reports of such a field; feed it epoch by epoch.

    Attributes:
        site: The field.
        reports: What it would have reported.
        epochs: Epochs seen.
    """

    site: Site
    reports: Sum = field(default_factory=Sum)
    epochs: int = 0
    _sent: NDArray[np.float64] | None = None
    _since_us: NDArray[np.int64] | None = None

    def add(self, epoch: EpochValues) -> None:
        """One epoch. Nodes that are stale, diverged or unknown say nothing and are left out."""
        n, c = len(self.site.nodes), len(self.site.channels)
        if epoch.values.shape != (n, c):
            return
        if self._sent is None or self._since_us is None:
            self._sent = np.full((n, c), np.nan)
            self._since_us = np.full(n, -_DAY_US, dtype=np.int64)
        self.epochs += 1
        midnight_us = epoch.time_us // _DAY_US * _DAY_US
        np.maximum(self._since_us, midnight_us, out=self._since_us, where=self._since_us >= 0)
        primary = np.array([ch.is_primary for ch in self.site.channels])
        tolerance = np.array(self.site.tolerance.values)
        if self.site.follow:
            tolerance = np.where(
                primary, tolerance * TOLERANCE_EIGHTHS[epoch.regime] / 8, tolerance
            )
        values = epoch.values.astype(np.float64)
        fresh = np.isin(epoch.status, _FRESH)[:, None] & ~np.isnan(values)
        away = fresh & ~(np.abs(values - self._sent) <= tolerance)  # not yet sent counts as away
        due = fresh.any(axis=1) & (epoch.time_us - self._since_us >= _HEARTBEAT_US)
        who = np.flatnonzero(away.any(axis=1) | due)
        if who.size == 0:
            return
        steps = np.rint((values - self._sent)[who] / np.array(self.site.tolerance.steps))
        included, sizes = self._forms(away[who], fresh[who], np.abs(steps), primary)
        self._sent[who] = np.where(included, values[who], self._sent[who])
        self._since_us[who] = epoch.time_us
        for n_bytes, count in enumerate(np.bincount(sizes).tolist()):
            if count:
                airtime_us = count * self.site.airtime_us(n_bytes)
                self.reports.add(count, count * n_bytes, airtime_us)

    def _forms(
        self,
        away: NDArray[np.bool_],
        fresh: NDArray[np.bool_],
        steps: NDArray[np.float64],
        primary: NDArray[np.bool_],
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """
        Which channels each report includes, and how many bytes its shortest form has (SPEC 6.1).

        Arrays are of reports x channels, *steps* are how far each value has moved; NaN: not known.
        """
        p, c = int(primary.sum()), len(primary)
        riders = np.flatnonzero(~primary)
        small = -(-(1 + 5 * p) // 8)
        medium = max(small + 1, -(-(9 + 5 * p) // 8)) if riders.size else small
        large = max(medium + 1, -(-(1 + 10 * p) // 8))
        extra = _TAG + (-(-(9 + 5 * p) // 8) if self.site.echo else 0)
        moved = np.where(fresh, steps, 0.0)
        moved[np.isnan(moved)] = np.inf  # never sent: no window holds it
        known = np.isfinite(moved).all(axis=1)
        reach = moved[:, primary].max(axis=1)
        rides = away & ~primary
        alone = ~rides.any(axis=1)
        is_small = known & (reach <= _S_STEPS) & alone
        is_large = known & (reach <= _M_STEPS) & alone & ~is_small
        is_medium = np.zeros_like(alone)
        if riders.size:
            first = riders[0]
            one = rides[:, first] & (rides.sum(axis=1) == 1) & (moved[:, first] <= _R_STEPS)
            is_medium = known & (reach <= _S_STEPS) & one
        full = np.maximum(large + 1, -(-(1 + 2 * c + 16 * fresh.sum(axis=1)) // 8))
        sizes = np.select([is_small, is_medium, is_large], [small, medium, large], full) + extra
        short = (is_small | is_large | is_medium)[:, None]
        included = np.where(short, fresh & (primary | (rides & is_medium[:, None])), fresh)
        return included, sizes.astype(np.int64)
