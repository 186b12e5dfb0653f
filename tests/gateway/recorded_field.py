# SPDX-License-Identifier: Apache-2.0
"""A field on recorded weather, run once: its frames as a receiver heard them, and what was true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from qres import weather_file
from qres.densify import densify
from qres.keys import write_key_file
from qres.site import site_to_toml
from qres.virtual.field import VirtualField
from qres.virtual.sites import DEMO_KEY, site_for
from qres_gateway.sources.base import RawFrame

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from qres.site import Site
    from qres.virtual.air import Transmission

EUI = "5152455300000001"


@dataclass(frozen=True)
class Recorded:
    """
    A run.

    Attributes:
        site: The field.
        sent: What was on air, phase by phase.
        measured: By phase: rows of the nodes that sampled, and their samples. [Q16.16]
        digests: What every node held after each phase.
        first_phase: The first phase.
    """

    site: Site
    sent: tuple[tuple[Transmission, ...], ...]
    measured: dict[int, tuple[NDArray[np.intp], NDArray[np.int32]]]
    digests: dict[int, int]
    first_phase: int

    @property
    def frames(self) -> list[RawFrame]:
        """Everything, as one receiver heard it."""
        return [self.frame(sent) for phase in self.sent for sent in phase]

    def frame(self, sent: Transmission, receiver: str = EUI) -> RawFrame:
        """One transmission as a receiver heard it."""
        return RawFrame(
            sent.frame, sent.end_us, "host", receiver, self.site.freq_hz, self.site.sf,
            self.site.bw_hz, -90.0, 7.25, crc_ok=True, tmst_us=sent.end_us % (1 << 32),
        )  # fmt: skip


@cache
def recorded(nodes: int = 6, hours: float = 30.0, *, battery: bool = False) -> Recorded:
    """Some of the demo's stations for some hours from midnight on; nothing is lost."""
    weather = densify(weather_file.demo().with_mean_wind(), nodes, seed=1)
    site = site_for(weather, battery=battery)
    field = VirtualField(site, DEMO_KEY, weather)
    first_phase = field.next_phase
    results = [field.run_phase() for _ in range(int(hours * 3.6e9 / site.phase_us))]
    for result in results:
        assert len(set(result.digests)) == 1, "all nodes hold the same"
    return Recorded(
        site,
        tuple(result.transmissions for result in results),
        {result.phase: (result.members, result.measured_q16) for result in results},
        {result.phase: result.digests[0] for result in results},
        first_phase,
    )


def write_field(folder: Path, site: Site, key: bytes = DEMO_KEY) -> Path:
    """Site file and key file in *folder*, which is made; returns the site file."""
    folder.mkdir(exist_ok=True)
    path, key_file = folder / "site.toml", folder / "field.key"
    write_key_file(key_file, key)
    nodes = tuple(replace(node, name=f"node {node.id}") for node in site.nodes)
    path.write_text(site_to_toml(replace(site, nodes=nodes, key_file=key_file), path))
    return path
