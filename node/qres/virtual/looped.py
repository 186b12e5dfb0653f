# SPDX-License-Identifier: Apache-2.0
"""A virtual field at any time: recorded weather at today's date, over and over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import Q16_MISSING, V1
from qres.virtual.field import VirtualField

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.site import Site
    from qres.weather_file import WeatherFile

__all__ = ["LoopedField"]

_DAY_US: Final = 86_400_000_000
_RAIN: Final = next(i for i, c in enumerate(V1) if c.name == "rain_mm")


class LoopedField(VirtualField):
    """
    A `VirtualField` whose record begins on the day of *start_us* and is repeated without end.

    The record is moved by whole days, so noon stays noon, and a pass lasts whole days. Rain, which
    is accumulated, goes on where the pass before ended. The same arguments give the same field at
    every time, so one that was stopped is had again by running it from its start.

    Args:
        site: The field.
        key: Field key. [16 bytes]
        weather: What the nodes measure.
        start_us: Time of the first phase. [us since the Unix epoch]
        loss: Share of frames lost on each link. 0..1
        seed: Clocks and losses follow from it.

    Raises:
        RangeError: *weather* has not as many stations as the site has nodes.
    """

    def __init__(
        self,
        site: Site,
        key: bytes,
        weather: WeatherFile,
        *,
        start_us: int,
        loss: float = 0.0,
        seed: int = 1,
    ) -> None:
        super().__init__(
            site, key, weather, start_us=start_us, loss=loss, seed=seed, extra_receivers=1
        )
        self._record_start_us = int(weather.time_s[0]) * 1_000_000
        span_us = len(weather.time_s) * weather.cadence_s * 1_000_000
        self._span_us = -(-span_us // _DAY_US) * _DAY_US
        time_of_day_us = self._record_start_us % _DAY_US
        self._origin_us = (start_us - time_of_day_us) // _DAY_US * _DAY_US + time_of_day_us
        rain = self._records[:, :, _RAIN]
        known = np.where(rain == Q16_MISSING, 0, rain)
        self._rain_per_pass_q16: NDArray[np.int64] = known.max(axis=0).astype(np.int64)

    def _weather_q16(self, time_us: int) -> NDArray[np.int32]:
        """What the repeated record says for *time_us*, shape (nodes, channels of V1)."""
        passes, into_us = divmod(time_us - self._origin_us, self._span_us)
        samples = super()._weather_q16(self._record_start_us + into_us).copy()
        rain = samples[:, _RAIN].astype(np.int64)
        later = rain + passes * self._rain_per_pass_q16
        samples[:, _RAIN] = np.where(rain == Q16_MISSING, Q16_MISSING, later)
        return samples
