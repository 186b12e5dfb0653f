# SPDX-License-Identifier: Apache-2.0
"""The tolerance of a field: a class from the channel table, with overrides per channel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qres.channels import TOLERANCE_CLASSES, V1, channel, from_q16, to_q16
from qres.errors import RangeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Tolerance"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """
    What the field promises: no replica's value is further than this from the measured one.

    Attributes:
        class_name: One of `channels.TOLERANCE_CLASSES`.
        values: Tolerance per channel of `channels.V1`, in its order. [unit of the channel]
    """

    class_name: str
    values: tuple[float, ...]

    @classmethod
    def of(cls, class_name: str, overrides: Mapping[str, float] | None = None) -> Tolerance:
        """
        The tolerance class *class_name*, with some channels set apart.

        Args:
            class_name: "strict", "standard" or "coarse".
            overrides: Tolerance by channel name. [unit of the channel]

        Raises:
            RangeError: Unknown class or channel, or a tolerance that is not finite or below what
                the frames can carry.

        >>> Tolerance.of("standard", {"rh_pct": 4.0}).values
        (1.0, 4.0, 1.0, 1.0)
        """
        if class_name not in TOLERANCE_CLASSES:
            known = ", ".join(TOLERANCE_CLASSES)
            raise RangeError("tolerance class", class_name, f"must be one of {known}")
        k = TOLERANCE_CLASSES.index(class_name)
        values = [c.tolerance[k] for c in V1]
        for name, value in (overrides or {}).items():
            c = channel(name)
            if c.is_optional:
                raise RangeError("tolerance of", name, "wire version 1 does not send it")
            if not (math.isfinite(value) and value >= c.tolerance_least):
                limit = f"must be finite and at least {c.tolerance_least:.3g} {c.unit}"
                raise RangeError(f"tolerance {name}", value, limit)
            values[c.index] = float(value)
        return cls(class_name, tuple(values))

    def __getitem__(self, name: str) -> float:
        """Tolerance of the channel called *name*. [its unit]"""
        return self.values[channel(name).index]

    @property
    def overrides(self) -> dict[str, float]:
        """The channels whose tolerance is not their class's own."""
        own = Tolerance.of(self.class_name).values
        return {c.name: self.values[c.index] for c in V1 if self.values[c.index] != own[c.index]}

    @property
    def steps(self) -> tuple[float, ...]:
        """Quantisation step on air per channel of `channels.V1`. [unit of the channel]"""
        return tuple(from_q16(self.steps_q16()).tolist())

    def steps_q16(self) -> NDArray[np.int32]:
        """`steps` as Q16.16, shape (channels,): a quarter of the tolerance; rain one tip."""
        q16 = self.values_q16().tolist()
        return np.array([c.step_q16(q16[c.index]) for c in V1], dtype=np.int32)

    def values_q16(self) -> NDArray[np.int32]:
        """`values` as Q16.16, shape (channels,)."""
        return to_q16(self.values)

    def exceeded(self, held: ArrayLike, measured: ArrayLike) -> NDArray[np.bool_]:
        """
        Where a replica is wrong by more than the tolerance.

        Args:
            held: What a replica holds, shape (..., channels of `V1`).
            measured: What was measured, same shape.

        Returns:
            Same shape. True where the two differ by more than the tolerance, or only one of
            them is missing (NaN).
        """
        h = np.asarray(held, dtype=np.float64)
        m = np.asarray(measured, dtype=np.float64)
        out: NDArray[np.bool_] = np.isnan(h) != np.isnan(m)
        for c in V1:
            error = np.abs(c.difference(h[..., c.index], m[..., c.index]))
            out[..., c.index] |= error > self.values[c.index]
        return out
