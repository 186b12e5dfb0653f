# SPDX-License-Identifier: Apache-2.0
"""The tolerance of a field: a class from the channel table, with overrides per channel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qres.channels import TOLERANCE_CLASSES, V1, Channel, channel, from_q16, to_q16
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
        values: Tolerance per channel, in the order of *channels*. [unit of the channel]
        channels: The channels of the site (`Site.channels`).
    """

    class_name: str
    values: tuple[float, ...]
    channels: tuple[Channel, ...] = V1

    @classmethod
    def of(
        cls,
        class_name: str,
        overrides: Mapping[str, float] | None = None,
        channels: tuple[Channel, ...] = V1,
    ) -> Tolerance:
        """
        The tolerance class *class_name*, with some channels set apart.

        Args:
            class_name: "strict", "standard" or "coarse".
            overrides: Tolerance by channel name. [unit of the channel]
            channels: The channels of the site.

        Raises:
            RangeError: Unknown class or channel, a channel that the site does not have, or a
                tolerance that is not finite or not what the frames can carry.

        >>> Tolerance.of("standard", {"rh_pct": 4.0}).values
        (1.0, 4.0, 1.0, 1.0)
        """
        if class_name not in TOLERANCE_CLASSES:
            known = ", ".join(TOLERANCE_CLASSES)
            raise RangeError("tolerance class", class_name, f"must be one of {known}")
        k = TOLERANCE_CLASSES.index(class_name)
        values = [c.tolerance[k] for c in channels]
        for name, value in (overrides or {}).items():
            c = channel(name)
            if c not in channels:
                raise _absent(name, channels)
            if not (math.isfinite(value) and value >= c.tolerance_least):
                limit = f"must be finite and at least {c.tolerance_least:.3g} {c.unit}"
                raise RangeError(f"tolerance {name}", value, limit)
            values[channels.index(c)] = float(value)
        return cls(class_name, tuple(values), channels)

    def __getitem__(self, name: str) -> float:
        """
        Tolerance of the channel called *name*. [its unit]

        Raises:
            RangeError: There is no such channel, or the site does not have it.
        """
        c = channel(name)
        if c not in self.channels:
            raise _absent(name, self.channels)
        return self.values[self.channels.index(c)]

    @property
    def overrides(self) -> dict[str, float]:
        """The channels whose tolerance is not their class's own."""
        own = Tolerance.of(self.class_name, channels=self.channels).values
        each = zip(self.channels, self.values, own, strict=True)
        return {c.name: value for c, value, of_class in each if value != of_class}

    @property
    def steps(self) -> tuple[float, ...]:
        """Quantisation step on air per channel. [unit of the channel]"""
        return tuple(from_q16(self.steps_q16()).tolist())

    def steps_q16(self) -> NDArray[np.int32]:
        """`steps` as Q16.16, shape (channels,): a quarter of the tolerance; rain one tip."""
        each = zip(self.channels, self.values_q16().tolist(), strict=True)
        return np.array([c.step_q16(q16) for c, q16 in each], dtype=np.int32)

    def values_q16(self) -> NDArray[np.int32]:
        """`values` as Q16.16, shape (channels,)."""
        return to_q16(self.values)

    def exceeded(self, held: ArrayLike, measured: ArrayLike) -> NDArray[np.bool_]:
        """
        Where a replica is wrong by more than the tolerance.

        Args:
            held: What a replica holds, shape (..., channels).
            measured: What was measured, same shape.

        Returns:
            Same shape. True where the two differ by more than the tolerance, or only one of
            them is missing (NaN).
        """
        h = np.asarray(held, dtype=np.float64)
        m = np.asarray(measured, dtype=np.float64)
        out: NDArray[np.bool_] = np.isnan(h) != np.isnan(m)
        for i, c in enumerate(self.channels):
            out[..., i] |= np.abs(c.difference(h[..., i], m[..., i])) > self.values[i]
        return out


def _absent(name: str, channels: tuple[Channel, ...]) -> RangeError:
    known = ", ".join(c.name for c in channels)
    return RangeError("tolerance of", name, f"this site does not send it; it sends {known}")
