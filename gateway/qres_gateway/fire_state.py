# SPDX-License-Identifier: Apache-2.0
"""What the replicated state says of fire after one commit: values, and as bytes for the store."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLUMNS", "FireState"]

COLUMNS: Final = ("ffmc", "isi", "vpd_kpa", "anomaly", "anomaly_weather", "anomaly_local")
"""Numbers of each node, in the order of the bytes."""

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BBBfffH")  # version, regime, days, anomaly, ffmc, isi, nodes


class _CoreFire(Protocol):
    """`qres.core.Fire`: arrays of shape (nodes,), NaN unknown, and what holds for the field."""

    @property
    def regime(self) -> int: ...
    @property
    def field_anomaly(self) -> float: ...
    @property
    def field_ffmc(self) -> float: ...
    @property
    def field_isi(self) -> float: ...
    @property
    def days(self) -> int: ...
    @property
    def cause(self) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, slots=True, eq=False)
class FireState:
    """
    One commit's.

    Attributes:
        nodes: Of each node the numbers in `COLUMNS`, shape (nodes, 6); NaN unknown.
        cause: Likely cause of a node's anomaly: 0 none, 1 weather, 2 heat, 3 sensor. (nodes,)
        regime: 0 calm, 1 watch, 2 red.
        field_anomaly: Anomaly score of the field, 0..100; NaN unknown. Likewise, as means over
            the nodes that are not stale:
        field_ffmc: Hourly FFMC.
        field_isi: ISI.
        days: Days that the field has learned its climate from, at most 255.
    """

    nodes: NDArray[np.float64]
    cause: NDArray[np.uint8]
    regime: int
    field_anomaly: float
    field_ffmc: float = math.nan
    field_isi: float = math.nan
    days: int = 0

    @classmethod
    def of(cls, fire: _CoreFire) -> Self:
        """A copy of what the core tells."""
        columns = [np.asarray(getattr(fire, name), dtype=np.float64) for name in COLUMNS]
        return cls(
            np.stack(columns, axis=1),
            np.array(fire.cause, dtype=np.uint8),
            int(fire.regime),
            float(fire.field_anomaly),
            float(fire.field_ffmc),
            float(fire.field_isi),
            int(fire.days),
        )

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self | None:
        """
        What `to_bytes` wrote; None for bytes of a version that this program does not know.

        Raises:
            ValueError: The bytes are cut.
        """
        if blob[:1] != bytes((_VERSION,)):
            return None
        size = _HEAD.size
        if len(blob) < size:
            raise ValueError(f"fire state of {len(blob)} bytes: must be {size} or more")
        _, regime, days, anomaly, ffmc, isi, n = _HEAD.unpack_from(blob)
        expected = size + n * (4 * len(COLUMNS) + 1)
        if len(blob) != expected:
            raise ValueError(f"fire state of {len(blob)} bytes: must be {expected}")
        values = np.frombuffer(blob, "<f4", n * len(COLUMNS), size).reshape(n, -1)
        cause = np.frombuffer(blob, "u1", n, size + values.nbytes)
        return cls(values.astype(np.float64), cause, regime, anomaly, ffmc, isi, days)

    def to_bytes(self) -> bytes:
        """Head, then float32 numbers node by node, then the causes; little-endian."""
        means = (self.field_anomaly, self.field_ffmc, self.field_isi)
        head = _HEAD.pack(_VERSION, self.regime, self.days, *means, len(self.cause))
        return head + self.nodes.astype("<f4").tobytes() + self.cause.astype("u1").tobytes()
