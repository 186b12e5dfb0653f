# SPDX-License-Identifier: Apache-2.0
"""Fields of firmware nodes and core nodes on recorded weather, in one `World`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from qres import weather_file
from qres.core import Field, Node
from qres.densify import densify
from qres.provisioning import encode
from qres.virtual.field import Crystal
from qres.virtual.sites import DEMO_KEY, site_for
from tests.firmware import machines
from tests.firmware.mirror import Mirror
from tests.firmware.participants import Clock, CoreNode, FirmwareNode
from tests.firmware.weather_feed import WeatherFeed
from tests.firmware.world import OnAir, World

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from tests.firmware.machines import Machine
    from tests.firmware.participants import Participant

__all__ = ["HOUR_US", "Rig"]

HOUR_US: Final = 3_600_000_000
_DAY_S: Final = 86_400
_HEAD_START_US: Final = 20_000_000
"""Everybody starts that long before a phase begins, so that nobody misses a part of one. [us]"""

_DRIFT_PPM: Final = 20.0
_OFFSET_US: Final = 20_000


class Rig:
    """
    A field of *n_nodes*, on the weather of the demo's record and, if needed, synthetic stations.

    Args:
        folder: Where flash images go.
        n_nodes: How many nodes.
        start_h: When it starts, after the beginning of the record. [h]
        epoch_s: Epoch. [s]
        seed: Crystals follow from it.
        battery: Whether the site has the channel of the battery.
        loss: Share of frames that each receiver loses. 0..1
        echo: Whether reports repeat older ones.
        relays: Which nodes repeat what they hear, in the order of their slots.
        groups: Nodes that hear each other; none: all hear all.
    """

    def __init__(
        self,
        folder: Path,
        n_nodes: int,
        *,
        start_h: float = 1.0,
        epoch_s: int = 600,
        seed: int = 1,
        battery: bool = False,
        loss: float = 0.0,
        echo: bool = False,
        relays: Sequence[int] = (),
        groups: Sequence[Collection[int]] = (),
    ) -> None:
        weather = densify(weather_file.demo(), n_nodes, seed=1).with_mean_wind()
        self.folder = folder
        site = site_for(weather, epoch_s=epoch_s, battery=battery)
        ids = tuple(site.ids[i] for i in relays)
        self.site = dataclasses.replace(site, echo=echo, relays=ids)
        self.field = Field(self.site)
        self.feed = WeatherFeed(weather, has_battery=battery)
        phase_us = self.field.phase_us
        start_us = int(weather.time_s[0]) * 1_000_000 + round(start_h * HOUR_US)
        self.first_phase = start_us // phase_us
        self.start_us = self.first_phase * phase_us - _HEAD_START_US
        self.world = World(self.field, self.start_us, loss=loss, seed=seed)
        self.world.out_of_reach = {
            (a, b)
            for a, b in permutations(range(n_nodes if groups else 0), 2)
            if not any(a in group and b in group for group in groups)
        }
        rng = np.random.default_rng([seed, 0xF1])
        offsets = rng.integers(-_OFFSET_US, _OFFSET_US, n_nodes)
        drifts = rng.uniform(-_DRIFT_PPM, _DRIFT_PPM, n_nodes) * 1000
        self.clocks = [
            Clock(Crystal(self.start_us, int(o), int(d)))
            for o, d in zip(offsets, drifts, strict=True)
        ]
        self.everybody: dict[int, Participant] = {}
        self.firmware: dict[int, FirmwareNode] = {}

    def flash(self, index: int) -> Path:
        """A fresh board's flash with the record of a node."""
        made_s = self.start_us // 1_000_000 - 7 * _DAY_S
        record = encode(self.site, self.site.ids[index], DEMO_KEY, made_s)
        path = self.folder / f"{index}.flash"
        path.write_bytes(machines.flash_image(record))
        return path

    def firmware_node(
        self,
        index: int,
        start: Callable[[Path], Machine],
        *,
        flash: Path | None = None,
        reset: int = 0,
        clock_state: int = 1,
        cuts: Iterable[int] = (),
        setbacks_us: Iterable[int] = (),
        mips: int = 0,
        flash_us: tuple[int, int] = (0, 0),
    ) -> FirmwareNode:
        """A node that runs the firmware; it starts with `begin` or `add`."""
        machine = start(self.flash(index) if flash is None else flash)
        node = FirmwareNode(
            index,
            machine,
            self.clocks[index],
            self.feed,
            reset=reset,
            clock_state=clock_state,
            cuts=cuts,
            setbacks_us=setbacks_us,
            mips=mips,
            flash_us=flash_us,
        )
        self.firmware[index] = self.everybody[index] = node
        return node

    def mirror(self, index: int) -> Mirror:
        """Let the core in this process follow a firmware node; before it starts."""
        first = self.start_us // self.field.phase_us
        node = Node(self.field, DEMO_KEY, index, first_phase=first)
        self.firmware[index].mirror = made = Mirror(node, self.field)
        return made

    def core_node(self, index: int, first_phase: int | None = None) -> CoreNode:
        """A node in this process."""
        first = self.first_phase if first_phase is None else first_phase
        node = Node(self.field, DEMO_KEY, index, first_phase=first)
        self.everybody[index] = made = CoreNode(node, self.clocks[index], self.feed)
        return made

    def core(self, index: int) -> Node:
        """The node of the core that takes part as *index*."""
        made = self.everybody[index]
        assert isinstance(made, CoreNode)
        return made.node

    def begin(self) -> None:
        """Let all start that are not firmware nodes already, as core nodes."""
        for index in range(len(self.site.nodes)):
            if index not in self.everybody:
                self.core_node(index)
        self.world.add(list(self.everybody.values()))

    def run_h(self, hours: float) -> None:
        """Let time pass. [h]"""
        self.world.run_until(self.world.now_us + round(hours * HOUR_US))

    def digests(self, phase: int) -> set[int | None]:
        """The digests that there are after a phase; None if somebody did not commit it."""
        return {who.commits.get(phase) for who in self.everybody.values()}

    def phase_of(self, index: int) -> int:
        """Which of an epoch's four phases is a node's own. 0..3"""
        return int(self.field.c.site.member[index].phase)

    def committed(self) -> range:
        """Phases that all should have committed by now, from the first on."""
        now_us = self.world.now_us - self.field.commit_us - HOUR_US // 3600
        return range(self.first_phase, now_us // self.field.phase_us + 1)

    def unequal(self) -> list[int]:
        """Phases after which not all held the same."""
        return [p for p in self.committed() if len(self.digests(p)) != 1 or None in self.digests(p)]

    def sent_by(self, index: int) -> Counter[tuple[int, str]]:
        """How often a node sent in a phase of its own time, by kind: what makes a nonce."""
        phase_us = self.field.phase_us
        return Counter(
            (frame.field_us // phase_us, self._kind(frame))
            for frame in self.world.sent
            if frame.sender == index
        )

    def relay_place(self, frame: OnAir) -> tuple[int, int]:
        """Relay slot of a frame, negative before them; how long after its due it began. [us]"""
        c = self.field.c
        first_us = c.lead_us + c.slots * c.slot_us + c.common_us
        slot, within_us = divmod(frame.field_us % self.field.phase_us - first_us, c.common_us)
        return int(slot), int(within_us - c.guard_us // 2)

    def _kind(self, sent: OnAir) -> str:
        relays = len(self.site.relays)
        if relays and (slot := self.relay_place(sent)[0]) >= 0:
            return "relay" if slot < relays else "relay back"
        if len(sent.frame) <= 14:
            return "report"
        return "beacon" if len(sent.frame) == 16 else "checkpoint"

    def quit(self) -> list[int]:
        """End all machines; their exit codes."""
        return [node.quit() for node in self.firmware.values()]

    def kill(self) -> None:
        """End whatever still runs."""
        for node in self.firmware.values():
            node.machine.kill()
