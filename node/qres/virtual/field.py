# SPDX-License-Identifier: Apache-2.0
"""
Virtual nodes on simulated air, phase by phase.

Every node is a core instance of its own with its own crystal: a start offset and a drift that
only frames heard from others correct. Nodes learn nothing from each other but by frames.
Overlaps are looked for among the frames before the relay slots, and in each of those: clocks of
nodes that hear nobody drift apart further than that, but nobody hears them either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import Q16_MISSING, V1, to_q16
from qres.core import Do, Field, Node
from qres.errors import RangeError
from qres.site import phases
from qres.virtual.air import Air, Reception, Transmission
from qres.virtual.battery import SimulatedBattery

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.site import Site
    from qres.weather_file import WeatherFile

__all__ = ["Crystal", "PhaseResult", "VirtualField"]

DRIFT_PPM: Final = 20.0
"""Greatest drift of a 32 kHz watch crystal at room temperature. [ppm]"""

START_OFFSET_US: Final = 20_000
"""Greatest clock error at start, as after provisioning over USB. [us]"""


@dataclass(frozen=True, slots=True)
class Crystal:
    """
    A node's clock against true time.

    Attributes:
        start_us: True time at which *offset_us* holds.
        offset_us: How much it is fast. [us]
        drift_ppb: How much it gains. [1e-9]
    """

    start_us: int
    offset_us: int
    drift_ppb: int

    def reads(self, true_us: int) -> int:
        """What the clock shows at *true_us*. [us]"""
        gained = (true_us - self.start_us) * self.drift_ppb // 1_000_000_000
        return true_us + self.offset_us + gained

    def true_at(self, reading_us: int) -> int:
        """When it shows *reading_us*, to a microsecond or two. [us]"""
        true_us = reading_us - self.offset_us
        return reading_us - (self.reads(true_us) - true_us)


@dataclass(frozen=True, slots=True, eq=False)
class PhaseResult:
    """
    One committed phase.

    Attributes:
        phase: Its number.
        time_us: When it began, true time; its members sampled then. [us]
        members: Rows of the nodes that sampled.
        measured_q16: Their samples, shape (members, channels).
        tolerance_q16: What each was allowed to be silent about, same shape; by its own state.
        receptions: Frames and who heard them.
        digests: Digest of every node's state after the commit.
    """

    phase: int
    time_us: int
    members: NDArray[np.intp]
    measured_q16: NDArray[np.int32]
    tolerance_q16: NDArray[np.int64]
    receptions: tuple[Reception, ...]
    digests: tuple[int, ...]

    @property
    def transmissions(self) -> tuple[Transmission, ...]:
        """What was on air."""
        return tuple(r.sent for r in self.receptions)


class VirtualField:
    """
    All nodes of a site, fed from recorded weather.

    Args:
        site: The field; row i of its nodes is station i of *weather*.
        key: Field key. [16 bytes]
        weather: What the nodes measure: at each phase's start the latest record, nothing
            interpolated; a missing value is a missed sample. The battery of a site that has it is
            *simulated* (`qres.virtual.battery`).
        start_us: True time of the first phase; None for the record's start. [us]
        loss: Share of frames lost: on each link alike, 0..1, or as `Air` takes it.
        burst: Mean run of losses, see `Air`.
        seed: Clocks and losses follow from it.
        extra_receivers: Receivers beside the nodes (gateways).
        field: Derived tables, if they are to differ from the site's own (baselines).

    Raises:
        RangeError: *weather* has not as many stations as the site has nodes, or *loss* not as
            many rows.
    """

    def __init__(
        self,
        site: Site,
        key: bytes,
        weather: WeatherFile,
        *,
        start_us: int | None = None,
        loss: float | NDArray[np.float64] = 0.0,
        burst: float = 1.0,
        seed: int = 1,
        extra_receivers: int = 0,
        field: Field | None = None,
    ) -> None:
        n = len(site.nodes)
        if weather.n_stations != n:
            raise RangeError("stations", weather.n_stations, f"must be {n}, one for each node")
        if np.ndim(loss) == 2 and len(np.asarray(loss)) != n:
            raise RangeError("loss of shape", np.shape(loss), f"must have {n} rows, one a sender")
        self.field = Field(site) if field is None else field
        first_us = int(weather.time_s[0]) * 1_000_000 if start_us is None else start_us
        self.next_phase = -(-first_us // self.field.phase_us)
        self.nodes = [Node(self.field, key, i, first_phase=self.next_phase) for i in range(n)]
        self.air = Air(n + extra_receivers, loss=loss, seed=seed, burst=burst)
        relays = [self.nodes[site.ids.index(i)] for i in site.relays]
        self._relays = relays + relays[::-1]
        self._crystals = _crystals(n, first_us, seed)
        self._wake_us = [c.reads(self.now_us) for c in self._crystals]
        self._phase_of = phases(site)
        self._members = [np.flatnonzero(self._phase_of == f) for f in range(4)]
        self._fixed_tolerance_q16 = np.tile(site.tolerance.values_q16().astype(np.int64), (n, 1))
        self._record_us = weather.time_s * 1_000_000
        self._cadence_us = weather.cadence_s * 1_000_000
        self._records = np.stack(
            [to_q16(getattr(weather, c.name), c) for c in V1], axis=2
        )  # (times, stations, channels of V1)
        self._battery = (
            SimulatedBattery(site, start_us=first_us, seed=seed) if site.battery else None
        )

    @property
    def now_us(self) -> int:
        """Start of the next phase, true time. [us]"""
        return self.next_phase * self.field.phase_us

    def samples_q16(self, time_us: int) -> NDArray[np.int32]:
        """What every node would measure at *time_us*, shape (nodes, channels)."""
        weather = self._weather_q16(time_us)
        if self._battery is None:
            return weather
        return np.column_stack([weather, self._battery.q16(time_us)])

    def _weather_q16(self, time_us: int) -> NDArray[np.int32]:
        """What the record says for *time_us*, shape (nodes, channels of V1)."""
        at = int(np.searchsorted(self._record_us, time_us, side="right")) - 1
        if at < 0 or time_us - int(self._record_us[at]) > self._cadence_us:
            return np.full(self._records.shape[1:], Q16_MISSING, dtype=np.int32)
        return np.asarray(self._records[at])

    def run_phase(self) -> PhaseResult:
        """Run the next phase to its commit on every node."""
        phase, start_us = self.next_phase, self.now_us
        samples = self.samples_q16(start_us)
        members = self._members[phase % 4]
        tolerance = self._tolerance_q16(members)
        sent: list[Transmission] = []
        for node in self.nodes:
            sent += self._talk(node, samples)
        receptions = self._carry(sent)
        for node in self._relays:  # in the order of their slots, there and back
            receptions += self._carry(self._talk(node, samples))
        for node in self.nodes:
            committed = node.next(self._wake_us[node.index])
            if committed.do != Do.COMMITTED or committed.phase != phase:
                raise RuntimeError(f"node {node.index} did not commit phase {phase}: {committed}")
        self.next_phase += 1
        digests = tuple(node.digest for node in self.nodes)
        measured = samples[members]
        heard = tuple(receptions)
        return PhaseResult(phase, start_us, members, measured, tolerance, heard, digests)

    def _tolerance_q16(self, members: NDArray[np.intp]) -> NDArray[np.int64]:
        if not self.field.site.follow or not len(members):
            return self._fixed_tolerance_q16[members]
        return np.stack([self.nodes[i].tolerance_q16 for i in members]).reshape(len(members), -1)

    def _talk(self, node: Node, samples: NDArray[np.int32]) -> list[Transmission]:
        """What a node does until it only listens: to its slot as a relay, or to the commit."""
        sent = []
        crystal = self._crystals[node.index]
        while True:
            action = node.next(self._wake_us[node.index])
            if action.do == Do.SLEEP:
                self._wake_us[node.index] = action.until_us
            elif action.do == Do.SAMPLE:
                node.sample(samples[node.index])
            elif action.do == Do.TRANSMIT:
                start_us = crystal.true_at(action.from_us)
                end_us = start_us + action.until_us - action.from_us
                sent.append(
                    Transmission(
                        node.index, start_us, end_us, action.frame_kind, action.phase, action.frame
                    )
                )
            else:
                self._wake_us[node.index] = action.until_us
                return sent

    def _carry(self, sent: list[Transmission]) -> list[Reception]:
        receptions = self.air.carry(sent)
        for reception in receptions:
            self._deliver(reception)
        return receptions

    def _deliver(self, reception: Reception) -> None:
        frame, end_us = reception.sent.frame, reception.sent.end_us
        for i in np.flatnonzero(reception.heard_by[: len(self.nodes)]):
            self.nodes[i].heard(frame, self._crystals[i].reads(end_us))


def _crystals(n: int, start_us: int, seed: int) -> list[Crystal]:
    rng = np.random.default_rng([seed, 0xC10C])
    offsets = rng.integers(-START_OFFSET_US, START_OFFSET_US, n, endpoint=True)
    drifts = rng.uniform(-DRIFT_PPM, DRIFT_PPM, n) * 1000.0
    return [Crystal(start_us, int(o), int(d)) for o, d in zip(offsets, drifts, strict=True)]
