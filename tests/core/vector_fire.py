# SPDX-License-Identifier: Apache-2.0
"""Checks of the vectors of fire.json against the C core (SPEC 5.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from qres._core import ffi, lib
from tests.core.vector_rig import c_state_of, new_field
from tests.vectors.as_json import Json, state_from_json

__all__ = ["CHECKS"]


def _numbers(function: Callable[..., int], *names: str) -> Callable[[str, Json], None]:
    """A check of a function of integers."""

    def check(_file: str, v: Json) -> None:
        assert function(*(v[n] for n in names)) == v["result"]

    return check


def check_judge(file: str, v: Json) -> None:
    """The score of every member and of the field, from a state."""
    field = new_field(file, v["site"])
    state = c_state_of(field, state_from_json(v["state"]))
    n = field.site.n_members
    members: Any = ffi.new("qres_fire_member[]", n)
    whole: Any = ffi.new("qres_fire_field *")
    assert lib.qres_judge(field, state, members, whole) == 0
    assert (whole.regime, whole.anomaly) == (v["regime"], v["field_anomaly"])
    rows = [members[i] for i in range(n)]
    for name in ("ffmc", "anomaly", "weather", "local", "cause"):
        assert [getattr(m, name) for m in rows] == v[name], name
    assert [m.vpd_kpa if m.known else None for m in rows] == v["vpd"]
    assert [m.isi if m.known else None for m in rows] == v["isi"]


CHECKS: Final[dict[str, Callable[[str, Json], None]]] = {
    "ex2": _numbers(lib.qres_ex2, "y"),
    "lg2": _numbers(lib.qres_lg2, "x"),
    "vpd": _numbers(lib.qres_vpd_kpa, "temp", "rh"),
    "ffmc": _numbers(lib.qres_ffmc, "fuel"),
    "isi": _numbers(lib.qres_isi, "fuel", "wind"),
    "fuel_hour": _numbers(lib.qres_fuel_hour, "fuel", "temp", "rh", "wind", "rain"),
    "grade": _numbers(lib.qres_grade, "s", "rare"),
    "judge": check_judge,
}
