# SPDX-License-Identifier: Apache-2.0
"""
Fire weather as every node of a field knows it: indices, regime and anomaly score (SPEC 5.5).

The C core computes it in integers from the replicated state, so every replica says the same. For
records and reports, with all codes of a system and in float, see `qres.fire_weather`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from qres._core import ffi, lib
from qres.errors import RangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.core_field import Field

__all__ = ["TOLERANCE_EIGHTHS", "Cause", "Fire", "Regime", "judge"]

TOLERANCE_EIGHTHS: Final = (16, 8, 5)
"""With `Site.follow`: the tolerance in eighths of the site's, by regime (SPEC 6.2)."""


class Regime(IntEnum):
    """How dangerous the field is; up at once, down after six quieter hours."""

    CALM = 0
    WATCH = 1
    RED = 2


class Cause(IntEnum):
    """What an anomaly score of 50 or more is most likely due to."""

    NONE = 0
    WEATHER = 1
    HEAT = 2
    SENSOR = 3


class Fire(NamedTuple):
    """
    Fire weather of a replicated state. Arrays have shape (nodes,); NaN where nothing is known.

    Attributes:
        ffmc: Hourly Fine Fuel Moisture Code of 1977. 0..101
        isi: Initial Spread Index, with the latest wind. 0 or more
        vpd_kpa: Vapour pressure deficit. [kPa]
        anomaly: Anomaly score, the greater of the next two. 0..100
        anomaly_weather: How unusual and dangerous the weather is. 0..100
        anomaly_local: How far the node departs from its neighbours. 0..100
        cause: `Cause` of each node, uint8.
        regime: `Regime` of the field.
        climate: How unusual the field's drying power is for the hour and the season. 0..100
        field_anomaly: Score of the field. 0..100
        field_ffmc: Mean over the nodes that are not stale; NaN if there are none. Likewise:
        field_isi: ISI.
        field_isi_max: Greatest ISI of such a node.
        field_vpd_kpa: VPD. [kPa]
        nodes: How many such nodes there are.
        days: Days learned from, at most 255; the climate is not judged before the seventh.
    """

    ffmc: NDArray[np.float64]
    isi: NDArray[np.float64]
    vpd_kpa: NDArray[np.float64]
    anomaly: NDArray[np.float64]
    anomaly_weather: NDArray[np.float64]
    anomaly_local: NDArray[np.float64]
    cause: NDArray[np.uint8]
    regime: int
    climate: float
    field_anomaly: float
    field_ffmc: float
    field_isi: float
    field_isi_max: float
    field_vpd_kpa: float
    nodes: int
    days: int


_MEMBER: Final = np.dtype(
    [
        *((name, np.int32) for name in ("fuel_pct", "ffmc", "vpd_kpa", "isi")),
        *((name, np.int32) for name in ("anomaly", "weather", "local")),
        ("cause", np.uint8),
        ("known", np.uint8),
        ("_padding", np.uint16),
    ]
)


def judge(field: Field, state: Any) -> Fire:
    """
    Fire weather of *state*, a `qres_state` inside a structure of the core.

    Raises:
        RangeError: The field has no channels with the roles of temperature and humidity.
    """
    n = len(field.ids)
    members: Any = ffi.new("qres_fire_member[]", n)
    whole: Any = ffi.new("qres_fire_field *")
    if lib.qres_judge(field.c, ffi.addressof(state), members, whole):
        raise RangeError("site", field.site.name, "must have temperature and humidity")
    rows = np.frombuffer(ffi.buffer(members), dtype=_MEMBER)
    known = rows["known"] == 1

    def of(name: str) -> NDArray[np.float64]:
        return np.where(known, rows[name] / 65536.0, np.nan)

    def mean(raw: int) -> float:
        return raw / 65536.0 if whole.nodes else float("nan")

    return Fire(
        ffmc=of("ffmc"),
        isi=of("isi"),
        vpd_kpa=of("vpd_kpa"),
        anomaly=of("anomaly"),
        anomaly_weather=of("weather"),
        anomaly_local=of("local"),
        cause=rows["cause"].copy(),
        regime=int(whole.regime),
        climate=mean(whole.climate),
        field_anomaly=mean(whole.anomaly),
        field_ffmc=mean(whole.ffmc),
        field_isi=mean(whole.isi),
        field_isi_max=mean(whole.isi_max),
        field_vpd_kpa=mean(whole.vpd_kpa),
        nodes=int(whole.nodes),
        days=int(whole.days),
    )
