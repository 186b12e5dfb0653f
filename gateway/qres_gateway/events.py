# SPDX-License-Identifier: Apache-2.0
"""What the gateway tells its subscribers. Values only; nothing here points back into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from qres_gateway.fire_state import FireState


Cause = Literal["start", "gap", "back", "missed"]

_NO_HEALTH: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FrameHeard:
    """One row of the frame log, and what the replica made of it.

    frame_id: Row of the frame log.
    rx_us: End of reception, after correction of this host's clock. [us since the Unix epoch]
    kind: "report", "beacon", "checkpoint", "relay"; "" if refused or a copy.
    node, phase: Who sent it in which phase; None where that is not known.
    reason: "" if accepted; "copy" if another receiver had delivered it; else why it was refused.
    late: Accepted after its phase had been committed, so earlier values were revised.
    offset_us: Arrival against the slot that its sender should have used; None if not accepted.
    """

    frame_id: int
    rx_us: int
    receiver: str
    kind: str
    node: int | None
    phase: int | None
    reason: str
    n_bytes: int
    airtime_us: int
    rssi_dbm: float | None
    snr_db: float | None
    late: bool
    offset_us: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PhaseCommitted:
    """The replica's state right after a phase was committed.

    phase: Absolute number; the phase began at `time_us` = phase * epoch / 4.
    digest: 32 bits over the replicated state.
    values: Current predictions in physical units, nodes x channels; NaN = absent at its source.
    status: Provenance per node, as the core numbers it.
    judged: Each node's value at its own last sample, which was within tolerance of what it
        measured; shape and units as `values`. None if the replica does not keep it.
    health: The replica's own counters and flags, see `qres.core.Replica.health`; may be empty.
    fire: What the replicated state says of fire. None if the replica does not keep it.
    """

    phase: int
    time_us: int
    digest: int
    values: NDArray[np.float64]
    status: NDArray[np.uint8]
    judged: NDArray[np.float64] | None = None
    health: Mapping[str, int] = field(default_factory=lambda: _NO_HEALTH)
    fire: FireState | None = None

    @property
    def held(self) -> NDArray[np.float64]:
        """What is held for each node's own last sample: judged values, else predictions."""
        return self.values if self.judged is None else self.judged


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """This host's wall clock jumped by `step_us`; it now reads `at_us`."""

    at_us: int
    step_us: int


@dataclass(frozen=True, slots=True)
class ReplicaRebuilt:
    """The replica was made anew at `at_us` by replaying `frames` rows received since `from_us`.

    cause: "start"; "gap" (time leapt by more than the horizon); "back" (time went back);
    "missed" (time reached rows that had been left out because they seemed to be in the future).
    """

    from_us: int
    at_us: int
    frames: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The frame log failed, or works again. `state` is "ok" or the error's code."""

    state: str
    text: str


Event = FrameHeard | PhaseCommitted | ClockStepped | ReplicaRebuilt | StateChanged
