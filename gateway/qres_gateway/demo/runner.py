# SPDX-License-Identifier: Apache-2.0
"""
Run the demo: virtual nodes -> simulated air -> UDP -> gateway -> store, and keep the score.

The gateway is the real one: it hears frames only through its UDP port, in the packet forwarder
protocol, and knows nothing of the nodes. What the nodes measured is used to judge it, never fed
to it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.periodic import lorawan_of
from qres.virtual.concentrator import Concentrator
from qres.virtual.field import VirtualField
from qres.virtual.measure import Measurement
from qres.virtual.rf_bench import phases_in
from qres.virtual.sites import DEMO_KEY
from qres_gateway.demo.clock import FieldClock
from qres_gateway.demo.proof import Proof
from qres_gateway.events import FrameHeard, PhaseCommitted, StateChanged
from qres_gateway.field_rules import rules_for
from qres_gateway.service import GatewayService
from qres_gateway.sources.udp import UdpSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from qres.site import Site
    from qres.virtual.field import PhaseResult
    from qres.weather_file import WeatherFile
    from qres_gateway.events import Event
    from qres_gateway.service import Subscription

__all__ = ["Demo", "DemoOptions"]

_TICK_S: Final = 0.25
_ANSWER_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """
    What to run.

    Attributes:
        hours: How much of the record; None for all. [h]
        loss: Share of frames lost: on each link alike, the gateway's too, 0..1; or by sender and
            receiver, the gateway in the last column.
        reach_m: Of the terrain that *loss* was made by; None if all hear all alike. [m]
        burst: Mean run of losses. 1 or more
        seed: Clocks and losses follow from it.
        speed: Field seconds per wall second; None for as fast as possible.
        warmup_h: Field hours that run as fast as possible before `speed` holds. [h]
        udp_port: Port of the gateway, 0 for any free one.
    """

    hours: float | None = None
    loss: float | NDArray[np.float64] = 0.0
    reach_m: float | None = None
    burst: float = 1.0
    seed: int = 1
    speed: float | None = None
    warmup_h: float = 24.0
    udp_port: int = 0


class Demo:
    """
    One run.

    Args:
        site: The field.
        weather: What its nodes measure; station i is node i.
        store: The gateway's database file.
        options: What to run.
        progress: Called with (phases done, phases in all).

    Attributes:
        clock: The field's time, which is the gateway's.
        watch: Called for every event of the gateway, if set.
        judge: Called with every phase that the nodes have run, before its frames are delivered,
            if set.
    """

    def __init__(
        self,
        site: Site,
        weather: WeatherFile,
        store: Path,
        options: DemoOptions,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._site = site
        self._weather = weather
        self._options = options
        self.watch: Callable[[Event], None] | None = None
        self.judge: Callable[[PhaseResult], None] | None = None
        self._progress = progress
        self.virtual = VirtualField(
            site,
            DEMO_KEY,
            weather,
            loss=options.loss,
            burst=options.burst,
            seed=options.seed,
            extra_receivers=1,
        )
        self.clock = FieldClock(self.virtual.now_us)
        self.measured = Measurement.of(self.virtual)
        self.proof = Proof()
        self._refused: Counter[str] = Counter()
        self._source = UdpSource(self.clock, port=options.udp_port)
        self.service = GatewayService(
            self._source,
            store,
            rules_for(site, DEMO_KEY),
            clock=self.clock,
            settle_us=0,
            tick_s=_TICK_S,
        )
        self._heard = 0
        self._failure = ""
        self._changed = asyncio.Event()

    @property
    def phases(self) -> int:
        """How many phases the run has in all."""
        return phases_in(self._weather, self._site, self._options.hours)

    async def run(self) -> None:
        """
        Run to the end; on cancellation the gateway stops in order.

        Raises:
            SourceError, FrameLogError: The gateway's port or database is not to be had.
            ConnectionError: The gateway stopped answering.
        """
        events = asyncio.create_task(self._follow(self.service.subscribe()))
        gateway = asyncio.create_task(self.service.run())
        started = asyncio.create_task(self.service.started.wait())
        try:
            await asyncio.wait([gateway, started], return_when=asyncio.FIRST_COMPLETED)
            if not gateway.done():
                await self._drive(gateway)
        finally:
            started.cancel()
            await self.service.stop()
            await asyncio.gather(gateway, events)
            self.measured.finish(self.virtual)

    async def _drive(self, gateway: asyncio.Task[None]) -> None:
        concentrator = await Concentrator.connect(self._site, "127.0.0.1", self._source.port)
        receiver = len(self._site.nodes)
        loop = asyncio.get_running_loop()
        wall_start, field_start_us = loop.time(), 0
        try:
            for done in range(1, self.phases + 1):
                result = self.virtual.run_phase()
                self.measured.add(self.virtual, result)
                self.proof.nodes_hold(result.phase, result.digests)
                if self.judge is not None:
                    self.judge(result)
                heard = [r.sent for r in result.receptions if r.heard_by[receiver]]
                if heard:
                    await concentrator.deliver(heard)
                    await self._until(lambda: self._heard >= concentrator.frames_sent, gateway)
                self.clock.set(self.virtual.now_us - 1)
                if self._progress is not None:
                    self._progress(done, self.phases)
                if self._options.speed is not None:
                    run_us = done * self._site.phase_us - self._options.warmup_h * 3.6e9
                    if run_us <= 0:
                        wall_start = loop.time()
                        field_start_us = done * self._site.phase_us
                    else:
                        due_s = (done * self._site.phase_us - field_start_us) / 1e6
                        await self._pause(wall_start + due_s / self._options.speed, gateway)
                else:
                    await asyncio.sleep(0)
            last = self.virtual.next_phase - 1
            await self._until(lambda: self.proof.last_phase >= last, gateway)
        finally:
            concentrator.close()

    async def _pause(self, until_s: float, gateway: asyncio.Task[None]) -> None:
        """Let wall time pass; ends early if the gateway does."""
        left_s = until_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.wait([gateway], timeout=left_s)

    async def _until(self, is_true: Callable[[], bool], gateway: asyncio.Task[None]) -> None:
        """Wait for the gateway's events."""
        while not is_true():
            if gateway.done():
                raise ConnectionError("the gateway ended before the demo did")
            if self._failure:
                raise ConnectionError(self._failure)
            self._changed.clear()
            try:
                async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                    await self._changed.wait()
            except TimeoutError:
                state = self.service.stats()["worker"].get("state", "unknown")
                text = f"no event from the gateway in {_ANSWER_TIMEOUT_S:g} s; its log is: {state}"
                raise ConnectionError(text) from None

    async def _follow(self, events: Subscription) -> None:
        async for event in events:
            if isinstance(event, FrameHeard):
                self._heard += 1
                if event.reason:
                    self._refused[event.reason] += 1
                else:
                    self.proof.frames_accepted += 1
            elif isinstance(event, PhaseCommitted):
                self.proof.gateway_holds(event.phase, event.digest)
            elif isinstance(event, StateChanged):
                self._failure = event.text
            if self.watch is not None:
                self.watch(event)
            self._changed.set()

    @property
    def _radio(self) -> str:
        if self._options.reach_m is None:
            return "one collision domain"
        return "terrain by log-normal shadowing, see qres.links"

    @property
    def _mean_loss(self) -> float:
        """Over all links between two nodes and from a node to the gateway. 0..1"""
        loss = self._options.loss
        if not isinstance(loss, np.ndarray):
            return loss
        return round(float(loss[~np.eye(*loss.shape, dtype=np.bool_)].mean()), 4)

    def as_dict(self) -> dict[str, Any]:
        """The score, ready for JSON."""
        n = len(self._site.nodes)
        figures = self.measured.as_dict()
        periodic = lorawan_of(self._site)
        rate = figures["rf_bytes_per_hour"]
        return {
            "nodes": n,
            "synthetic_nodes": int(self._weather.is_synthetic.sum()),
            "source": self._weather.source,
            "radio": f"simulated: {self._radio}",
            "reach_m": self._options.reach_m,
            "loss": self._mean_loss,
            "relays": list(self._site.relays),
            "burst": self._options.burst,
            "seed": self._options.seed,
            "tolerance": self._site.tolerance.class_name,
            "epoch_s": self._site.epoch_s,
            "sf": self._site.sf,
            "echo": self._site.echo,
            "battery": "simulated" if self._site.battery else None,
            **figures,
            "periodic_lorawan_bytes_per_hour": periodic.bytes_per_h,
            "saved_factor": round(periodic.bytes_per_h / rate, 1) if rate else None,
            "gateway_frames_heard": self._heard,
            "gateway_frames_decoded": self.proof.frames_accepted,
            "gateway_frames_refused": dict(sorted(self._refused.items())),
            "gateway_phases_compared": self.proof.compared,
            "gateway_phases_equal": self.proof.equal,
            "gateway_state_equal": 0 < self.proof.compared == self.proof.equal,
        }
