# SPDX-License-Identifier: Apache-2.0
"""What sinks must know of a field to name and time its points, worked out once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qres.periodic import lorawan_of
from qres.region import region
from qres.site import N_PHASES, phases
from qres_gateway.ledger import OUT_OF_BAND

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from qres.site import Site

__all__ = ["UNKNOWN", "SinkField", "deadline_us", "topic_name"]

UNKNOWN: Final = "unknown"
"""Tag of a node that could not be named."""

_STALE_US: Final = 21_600_000_000  # SPEC 4: six hours ...
_STALE_PHASES: Final = 2 * N_PHASES  # ... and two epochs


def deadline_us(phase_us: int) -> int:
    """
    After how long a silence a node is stale, SPEC 4. [us]

    >>> deadline_us(150_000_000) // 60_000_000
    380
    """
    return (_STALE_US // phase_us + _STALE_PHASES) * phase_us


def topic_name(name: str) -> str:
    """
    A field's name as a level of an MQTT topic: lower case, what is not a-z, 0-9 becomes "-".

    >>> topic_name("North Ridge / 2"), topic_name("+#/")
    ('north-ridge-2', 'field')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "field"


@dataclass(frozen=True, slots=True, eq=False)
class SinkField:
    """
    A field.

    Attributes:
        site: As its file says.
        name: Tag `field`: the site's name.
        topic: The same as a level of a topic.
        nodes: Tag `node` of each row: the node's id.
        phase_of: Phase of each node, shape (nodes,).
        phase_us: Length of a phase. [us]
        deadline_s: Silence after which a node is stale. [s]
        duty_pct: Legal limit of a transmitter, by sub-band; a forbidden one has 0. [%]
        periodic_bytes_h: What the same values would be on air with Cayenne LPP over LoRaWAN,
            every epoch. [B/h]
        budget_bytes_h: What the field may put on air. [B/h]
    """

    site: Site
    name: str
    topic: str
    nodes: tuple[str, ...]
    phase_of: NDArray[np.uint8]
    phase_us: int
    deadline_s: float
    duty_pct: Mapping[str, float]
    periodic_bytes_h: int
    budget_bytes_h: int

    @classmethod
    def of(cls, site: Site) -> SinkField:
        """What follows from a site file."""
        limits = {band.name: 100.0 * band.duty_cycle for band in region(site.region).sub_bands}
        return cls(
            site=site,
            name=site.name,
            topic=topic_name(site.name),
            nodes=tuple(str(node.id) for node in site.nodes),
            phase_of=phases(site),
            phase_us=site.phase_us,
            deadline_s=deadline_us(site.phase_us) / 1e6,
            duty_pct={**limits, OUT_OF_BAND: 0.0},
            periodic_bytes_h=round(lorawan_of(site).bytes_per_h),
            budget_bytes_h=site.budget_bytes_h,
        )

    def ends_epoch(self, phase: int) -> bool:
        """Whether a phase is the last one of its epoch."""
        return phase % N_PHASES == N_PHASES - 1

    def node_tag(self, node: int | None) -> str:
        """Tag of a node by its id; `UNKNOWN` for None and for ids below 0."""
        return UNKNOWN if node is None or node < 0 else str(node)
