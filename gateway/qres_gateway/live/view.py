# SPDX-License-Identifier: Apache-2.0
"""What the console shows, gathered from the gateway's events: no I/O, memory of a fixed size.

Values shown for a node are those that every replica held for its own last sample, which is what
the tolerance promises something about (`qres.core.Replica.judged`); the replica's prediction of
the next sample is not shown. Rain is an accumulated counter on air; here it is the rain of the
last 24 hours, or since the view began where that is less.

Not thread-safe: events, truth and the console's questions come from one thread, the event loop.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from qres.channels import Q16_ONE, to_q16
from qres.core import Status
from qres.errors import RangeError
from qres_gateway.console.view import (
    UNITS,
    Channel,
    FieldInfo,
    Node,
    Series,
    Snapshot,
    UnknownChannelError,
    UnknownNodeError,
    vpd_kpa,
)
from qres_gateway.events import (
    ClockStepped,
    FrameHeard,
    PhaseCommitted,
    ReplicaRebuilt,
    StateChanged,
)
from qres_gateway.live.agreement import Agreement
from qres_gateway.live.fire import FireView
from qres_gateway.live.journal import Journal, many
from qres_gateway.live.nodes import Provenances
from qres_gateway.live.radio import RadioLedger
from qres_gateway.live.refusals import Refusals
from qres_gateway.live.series import SeriesStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from qres.site import Site
    from qres_gateway.events import Event

_DECIMALS: Final = 3
_REBUILT: Final = {
    "start": "replica made from the frame log",
    "gap": "replica made anew: no time had passed on for days",
    "back": "replica made anew: time went back",
}


class LiveView:
    """
    `ConsoleData` of one field.

    Args:
        site: The field.
        demo: Whether nodes are virtual, so that what they measured is known (`truth`).
        synthetic: Which nodes' weather was made up, in order of the site's nodes; None: none.
        speed: Field seconds per wall second, None for the wall clock's own.
        clock: Tells the field's time [us since the Unix epoch]: the host's wall clock, or that
            of the virtual field. None: it is what the events say, as for a capture.

    Raises:
        RangeError: `synthetic` has not one entry per node.
        ValueError: There is no radio region of the site's name.
    """

    def __init__(
        self,
        site: Site,
        *,
        demo: bool,
        synthetic: Sequence[bool] | None = None,
        speed: float | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        n = len(site.nodes)
        self._is_synthetic = (False,) * n if synthetic is None else tuple(synthetic)
        if len(self._is_synthetic) != n:
            raise RangeError("synthetic", f"{len(self._is_synthetic)} entries", f"must have {n}")
        self._site = site
        self._row = {node_id: i for i, node_id in enumerate(site.ids)}
        self._demo = demo
        self._speed = speed
        self._clock = clock
        self._latest_us: int | None = None
        self._journal = Journal()
        self._agreement = Agreement(self._journal, site.phase_us)
        self._provenances = Provenances(site, self._journal)
        self._refusals = Refusals(self._journal)
        self._radio = RadioLedger(site)
        self._radio.since_us = None if clock is None else clock()
        self._series = SeriesStore(site, keeps_truth=demo)
        self._fire = FireView(n)
        self._values: NDArray[np.float64] = np.full((n, len(site.channels)), np.nan)
        self._nodes: tuple[Node, ...] | None = None
        # What the replicas compare with, not the decimal number in the site file.
        self._channels: list[Channel] = [cast("Channel", c.name) for c in site.channels]
        self._tolerances = [q16 / Q16_ONE for q16 in site.tolerance.values_q16().tolist()]

    def feed(self, event: Event) -> None:
        """
        Take the gateway's next event.

        Raises:
            RangeError: The values of a commit are not nodes x channels of the site.
        """
        if isinstance(event, FrameHeard):
            self._frame_heard(event)
        elif isinstance(event, PhaseCommitted):
            self._phase_committed(event)
        elif isinstance(event, ClockStepped):
            self._clock_stepped(event)
        elif isinstance(event, ReplicaRebuilt):
            self._replica_rebuilt(event)
        else:
            self._state_changed(event)

    def truth(
        self, phase: int, time_us: int, members: NDArray[np.intp], measured_q16: ArrayLike
    ) -> None:
        """
        Take what nodes measured, which only a demo knows; before or after the commit.

        Args:
            phase: Phase in which they sampled.
            time_us: Its start. [us since the Unix epoch]
            members: Rows of the nodes that belong to the phase, shape (members,).
            measured_q16: Samples, shape (members, channels), `Q16_MISSING` for a miss. [Q16.16]

        Raises:
            RangeError: This view is not a demo's, or time or shape are not those of the phase.
        """
        if time_us != phase * self._site.phase_us:
            raise RangeError("time_us", time_us, f"must be {phase * self._site.phase_us}")
        self._series.truth(phase, members, measured_q16)

    def compare(self, phase: int, digest: int) -> bool | None:
        """
        Compare a node's own digest after `phase` with the gateway's; before or after its commit.

        Returns:
            Whether they are equal; None if it is not known yet (it is counted at the commit) or
            any more.
        """
        return self._agreement.compare(phase, digest)

    def snapshot(self) -> Snapshot:
        """The state now."""
        site, now_us = self._site, self._now_us()
        if self._nodes is None:
            self._nodes = self._make_nodes()
        return Snapshot(
            field=FieldInfo(
                name=site.name,
                time_us=now_us,
                epoch_s=site.epoch_s,
                region=site.region,
                freq_hz=site.freq_hz,
                sf=site.sf,
                bw_hz=site.bw_hz,
                tolerance_class=site.tolerance.class_name,
            ),
            nodes=self._nodes,
            rf=self._radio.rf(now_us),
            health=self._agreement.health(),
            demo=self._demo,
            events=self._journal.events,
            speed=self._speed,
            tolerance={name: site.tolerance[name] for name in self._channels},
            regime=self._fire.regime,
            fire=self._fire.field,
        )

    def series(self, node: int, channel: Channel) -> Series:
        """
        Up to 168 hours of one channel, oldest first, values exact.

        Rain is that of the 24 hours before each sample; as the difference of two counts, it may
        be off by twice the tolerance.

        Raises:
            UnknownNodeError: The field has no node with the id `node`.
            UnknownChannelError: Its nodes do not report `channel`.
        """
        row = self._row.get(node)
        if row is None:
            raise UnknownNodeError(node)
        if channel not in self._channels:
            raise UnknownChannelError(channel)
        index = self._channels.index(channel)
        found = self._series.series(row, index)
        tolerance = self._tolerances[index]
        return Series(
            node=node,
            channel=channel,
            unit=UNITS[channel],
            time_us=found.time_us.tolist(),
            reconstructed=_list(found.held),
            true=None if found.measured is None else _list(found.measured),
            reported=found.reported.tolist(),
            tolerance=2 * tolerance if channel == "rain_mm" else tolerance,
        )

    def _now_us(self) -> int:
        if self._clock is not None:
            return self._clock()
        return 0 if self._latest_us is None else self._latest_us

    def _passed(self, time_us: int) -> None:
        """Something true happened at `time_us`."""
        if self._latest_us is None or time_us > self._latest_us:
            self._latest_us = time_us
        if self._radio.since_us is None:
            self._radio.since_us = time_us

    def _frame_heard(self, event: FrameHeard) -> None:
        node = None if event.node is None else self._row.get(event.node)
        if not event.reason:
            self._passed(event.rx_us)
            self._nodes = None
            if event.kind == "report" and node is not None and event.phase is not None:
                self._series.report_heard(node, event.phase)
        elif event.reason != "copy":
            self._refusals.add(event.reason)
        self._radio.add(event, node)

    def _phase_committed(self, event: PhaseCommitted) -> None:
        held = event.held
        wanted = (len(self._site.nodes), len(self._channels))
        if held.shape != wanted or event.status.shape != wanted[:1]:
            raise RangeError("values", f"shape {held.shape}", f"must have {wanted}")
        self._passed(event.time_us)
        self._values = held
        self._fire.commit(event.fire)
        self._series.commit(
            event.phase,
            to_q16(held),
            event.status == Status.REPORTED,
            members_only=event.judged is None,
        )
        own_us = self._series.own_phase(event.phase) * self._site.phase_us
        self._provenances.commit(event.status, own_us, event.time_us)
        health = event.health or {"diverged": int((event.status == Status.DIVERGED).any())}
        self._agreement.commit(event.phase, event.time_us, event.digest, health)
        self._refusals.tell(event.time_us)
        self._nodes = None

    def _clock_stepped(self, event: ClockStepped) -> None:
        if self._clock is not None:
            self._radio.clock_stepped(event.step_us, event.at_us)
        text = f"this host's clock was set {'forward' if event.step_us > 0 else 'back'} by"
        self._journal.add(event.at_us, "info", "notice", f"{text} {abs(event.step_us) / 1e6:.1f} s")

    def _replica_rebuilt(self, event: ReplicaRebuilt) -> None:
        self._agreement.replica_made_anew()
        if event.cause == "back":
            self._latest_us = event.at_us
            self._radio.go_back(event.at_us)
        self._journal.add(
            event.at_us,
            "info",
            "info" if event.cause == "start" else "notice",
            f"{_REBUILT[event.cause]}, {many(event.frames, 'frame')}",
        )

    def _state_changed(self, event: StateChanged) -> None:
        if event.state == "ok":
            self._journal.add(self._now_us(), "info", "info", "the frame log works again")
        else:
            text = f"the frame log cannot be written: {event.text}"
            self._journal.add(self._now_us(), "info", "danger", text)

    def _make_nodes(self) -> tuple[Node, ...]:
        radio = self._radio
        temp, rh, wind, counter, *more = map(_list, self._values.T.round(_DECIMALS))
        batt_mv = more[0] if more else [None] * len(temp)
        rain = self._series.rain_24h_mm().round(_DECIMALS).tolist()
        provenance, since_us = self._provenances.provenances(), self._provenances.since_us()
        # Of nodes out of this receiver's reach only a relay or an echo tells that they reported.
        last_us = np.maximum(radio.last_report_us, self._provenances.reported_us)
        last_report_us, reports = last_us.tolist(), radio.reports.tolist()
        rf_bytes = radio.n_bytes.tolist()
        return tuple(
            Node(
                id=node.id,
                name=node.name,
                lat_deg=node.lat_deg,
                lon_deg=node.lon_deg,
                elev_m=node.elev_m,
                temp_degc=temp[i],
                rh_pct=rh[i],
                wind_m_s=wind[i],
                rain_mm=None if counter[i] is None else rain[i],
                vpd_kpa=_vpd_kpa(temp[i], rh[i]),
                provenance=provenance[i],
                since_us=since_us[i],
                last_report_us=None if last_report_us[i] < 0 else last_report_us[i],
                reports=reports[i],
                rf_bytes=rf_bytes[i],
                synthetic=self._is_synthetic[i],
                batt_mv=batt_mv[i],
                **self._fire.of_node(i),
            )
            for i, node in enumerate(self._site.nodes)
        )


def _vpd_kpa(temp_degc: float | None, rh_pct: float | None) -> float | None:
    if temp_degc is None or rh_pct is None:
        return None
    return round(vpd_kpa(temp_degc, rh_pct), _DECIMALS)


def _list(values: NDArray[np.float64]) -> list[float | None]:
    """A row of values for JSON; None where NaN."""
    return [None if math.isnan(v) else v for v in values.tolist()]
