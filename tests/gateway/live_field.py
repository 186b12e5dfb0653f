# SPDX-License-Identifier: Apache-2.0
"""A field for tests of the live view: a site, and the events of its gateway made by hand.

The field begins on a day's first phase. A commit sets the judged values of its phase's members,
as the core does; nothing is predicted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qres.channels import V1
from qres.core import Status
from qres.site import N_PHASES, Site, SiteNode, phases
from qres.tolerance import Tolerance
from qres_gateway.events import FrameHeard, PhaseCommitted
from qres_gateway.live import LiveView

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
START_US = 19_000 * DAY_US  # 2022-01-08T00:00:00Z
AIRTIME_US = 123_904
NAN = float("nan")

Values = tuple[float, float, float, float]
MILD: Values = (20.0, 50.0, 2.0, 0.0)


def site_of(n_nodes: int = 4, *, epoch_s: int = 3600, region: str = "EU868") -> Site:
    """A field on a line; ids are 10, 11, ... so that nobody takes an id for a row."""
    return Site(
        name="line",
        field_id=7,
        region=region,
        freq_hz=869_525_000 if region == "EU868" else 903_900_000,
        sf=9,
        bw_hz=125_000,
        cr="4/5",
        preamble_symbols=8,
        tx_power_dbm=14,
        epoch_s=epoch_s,
        range_m=20_000,
        tolerance=Tolerance.of("standard"),
        nodes=tuple(
            SiteNode(10 + i, f"n{i}", 40.0 + 0.01 * i, -120.0, 100.0 + i) for i in range(n_nodes)
        ),
        key_file=Path("field.key"),
    )


class Line:
    """A view of `site_of`, its clock, and events that follow one another."""

    def __init__(
        self,
        n_nodes: int = 4,
        *,
        epoch_s: int = 3600,
        demo: bool = True,
        synthetic: Sequence[bool] | None = None,
        has_clock: bool = False,
    ) -> None:
        self.site = site_of(n_nodes, epoch_s=epoch_s)
        self.n = n_nodes
        self.phase = self.first = START_US // self.site.phase_us
        self.now_us = START_US
        self.view = LiveView(
            self.site,
            demo=demo,
            synthetic=synthetic,
            clock=(lambda: self.now_us) if has_clock else None,
        )
        self._frames = 0
        self._judged = self.array((NAN,) * 4)

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Which phase of an epoch each node samples in."""
        return phases(self.site).astype(np.int64)

    def node_in(self, place: int) -> int:
        """Row of the first node that samples in phase `place` of an epoch."""
        return int(np.flatnonzero(self.place == place)[0])

    def array(self, values: Values | NDArray[np.float64] = MILD) -> NDArray[np.float64]:
        """Nodes x channels."""
        return np.broadcast_to(np.asarray(values, dtype=np.float64), (self.n, len(V1))).copy()

    def status(self, status: int | Sequence[int]) -> NDArray[np.uint8]:
        """One status for all nodes, or one each."""
        return np.broadcast_to(np.asarray(status, dtype=np.uint8), (self.n,)).copy()

    def commit(
        self,
        judged: Values | NDArray[np.float64] | None = MILD,
        *,
        revised: Values | None = None,
        values: Values | NDArray[np.float64] = MILD,
        status: int | Sequence[int] = Status.HELD,
        digest: int = 0,
        health: Mapping[str, int] | None = None,
        phase: int | None = None,
    ) -> PhaseCommitted:
        """
        The next phase, or `phase` and from there on, is committed.

        judged: Of the members of the phase. revised: Of all nodes, from now on. values: What is
        predicted. None for `judged` leaves it out of the event.
        """
        at = self.phase if phase is None else phase
        self.phase = at + 1
        if revised is not None:
            self._judged = self.array(revised)
        elif judged is not None:
            members = self.place == at % N_PHASES
            self._judged[members] = self.array(judged)[members]
        event = PhaseCommitted(
            at,
            at * self.site.phase_us,
            digest,
            self.array(values),
            self.status(status),
            None if judged is None else self._judged.copy(),
            {} if health is None else health,
        )
        self.view.feed(event)
        return event

    def epoch(
        self,
        judged: Values | NDArray[np.float64] = MILD,
        *,
        status: int | Sequence[int] = Status.HELD,
    ) -> None:
        """The phases up to the end of the epoch are committed, all with the same values."""
        for _ in range(N_PHASES - self.phase % N_PHASES):
            self.commit(judged, status=status)

    def hear(
        self,
        row: int | None = 0,
        *,
        rx_us: int | None = None,
        kind: str = "report",
        phase: int | None = None,
        reason: str = "",
        n_bytes: int = 6,
        airtime_us: int = AIRTIME_US,
        late: bool = False,
    ) -> FrameHeard:
        """A frame of the node in row `row`, in the phase that comes next."""
        self._frames += 1
        at = self.phase if phase is None else phase
        event = FrameHeard(
            self._frames,
            at * self.site.phase_us + 1_000_000 if rx_us is None else rx_us,
            "aa555a0000000101",
            "" if reason else kind,
            None if row is None else self.site.nodes[row].id,
            at,
            reason,
            n_bytes,
            airtime_us,
            -97.0,
            5.5,
            late,
        )
        self.view.feed(event)
        return event

    def lines(self) -> list[tuple[str, str, int | None]]:
        """The journal as (kind, severity, node)."""
        return [(e.kind, e.severity, e.node) for e in self.view.snapshot().events]

    def texts(self) -> list[str]:
        """The journal's words."""
        return [e.text for e in self.view.snapshot().events]
