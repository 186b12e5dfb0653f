# SPDX-License-Identifier: Apache-2.0
"""Checks of the vectors of fold.json against the C core (SPEC 1 to 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from qres._core import ffi, lib
from qres.reference import RefMember, State
from tests.core.vector_rig import (
    c_reports,
    c_state_of,
    new_field,
    site_of,
)
from tests.qres.differential_rig import c_field, c_state, differences
from tests.vectors.as_json import Json, report_from_json, state_from_json
from tests.vectors.fields import tiny_site

__all__ = ["CHECKS"]

ONE: Final = 1 << 24
"""1 in Q24."""

NOISE: Final = {ONE + 838_861: True, ONE + 3_355_443: False}
"""Diagonal of SPEC 5.1, and whether such an observer reports."""


def _numbers(function: Callable[..., int], *names: str) -> Callable[[str, Json], None]:
    """A check of a function of integers."""

    def check(_file: str, v: Json) -> None:
        assert function(*(v[n] for n in names)) == v["result"]

    return check


def check_hash(_file: str, v: Json) -> None:
    """The digest of a state of a field without channels: phase, then absent and last_report."""
    phase, *rest = (w % 2**32 for w in v["words"])
    field = c_field(tiny_site())
    field.site.n_channels, field.site.n_members = 0, len(rest) // 2
    state = ffi.new("qres_state *")
    state.phase = phase
    for i in range(len(rest) // 2):
        state.absent[i], state.last_report[i] = rest[2 * i : 2 * i + 2]
    assert lib.qres_state_digest(field, state) == v["result"]


def check_season(_file: str, v: Json) -> None:
    """A value that is predicted with weight 1 on S(x) and nothing else, from 0 and tolerance 1."""
    site = tiny_site()
    epochs_a_day = site.phases_per_day // 4
    epoch, rest = divmod(v["x"] * epochs_a_day, 65536)
    assert rest == 0, "no epoch of this field begins at x"
    start = State.initial(site, 4 * (20_000 * epochs_a_day + epoch) - 2)
    start.absent[0] = False
    start.last_report[0] = start.phase
    start.e[0], start.q[0] = 10, (0, 0, ONE >> 10, 0)
    field = c_field(site)
    state, scratch = c_state_of(field, start), ffi.new("qres_scratch *")
    lib.qres_commit(field, scratch, state, ffi.NULL, 0)
    assert state.value[0][0] == v["result"]


def check_bfp(_file: str, v: Json) -> None:
    """The weights of a state at start, from those of the channel table."""
    field = c_field(tiny_site())
    field.site.channel[0].w0 = v["w"]
    state = ffi.new("qres_state *")
    lib.qres_state_init(state, field, 1)
    assert (state.e[0], list(state.q[0])) == (v["e"], v["q"])


def check_airtime(_file: str, v: Json) -> None:
    """Time on air."""
    lora = ffi.new("qres_lora *")
    lora.sf, lora.bw_hz, lora.cr, lora.crc = v["sf"], v["bw_hz"], v["cr"], 1
    lora.preamble_symbols = v["preamble_symbols"]
    assert lib.qres_airtime_us(lora, v["payload_bytes"]) == v["result"]


def check_solve(_file: str, v: Json) -> None:
    """
    A commit of n observers: member n + i, who covaries with observer i alone, moves by a_i.

    The kernel is written so that K is the vector's matrix: rho is 2, and g a 512th of K.
    """
    matrix, n = v["matrix"], len(v["r"])
    site = replace(
        tiny_site(),
        members=tuple(RefMember(i, i // n, i % n, 0, 0, 0) for i in range(2 * n)),
    )
    field = c_field(site)
    channel = field.site.channel[0]
    channel.rho, channel.step = 2 << 16, 65536  # a report is in whole units of r
    for i in range(2 * n):
        for j in range(i):
            k = matrix[i][j] if i < n else ONE * (i - n == j)
            field.kernel[i * (i - 1) // 2 + j] = k // 512
            assert field.kernel[i * (i - 1) // 2 + j] * 512 == k
    start = State.initial(site, 20_000 * 96 - 1)
    start.absent[:] = False
    start.last_report[:] = start.phase
    reports = ffi.new("qres_report[]", n)
    reporters = [i for i in range(n) if NOISE[matrix[i][i]]]
    for report, i in zip(reports, reporters, strict=False):
        report.member, report.included, report.k[0] = i, 1, v["r"][i] // 65536
        assert report.k[0] * 65536 == v["r"][i]
    assert all(v["r"][i] == 0 for i in range(n) if i not in reporters)
    state, scratch = c_state_of(field, start), ffi.new("qres_scratch *")
    lib.qres_commit(field, scratch, state, reports, len(reporters))
    assert [state.value[0][n + i] for i in range(n)] == v["result"]


def check_commits(file: str, v: Json) -> None:
    """A run of commits: digest after each, states where the vector has them."""
    site, field = site_of(file, v["site"]), new_field(file, v["site"])
    state, scratch = c_state_of(field, state_from_json(v["start"])), ffi.new("qres_scratch *")
    assert lib.qres_state_digest(field, state) == v["start_digest"]
    for step in v["commits"]:
        reports = [report_from_json(r) for r in step["reports"]]
        lib.qres_commit(field, scratch, state, c_reports(reports), len(reports))
        assert state.phase == step["phase"]
        if "state" in step:
            assert_equal(site, state, step["state"])
        assert lib.qres_state_digest(field, state) == step["digest"], step["phase"]
    assert_equal(site, state, v["end"])


def assert_equal(site: Any, state: Any, expected: Json) -> None:
    """The core's state is that of a vector."""
    assert differences(c_state(site, state), state_from_json(expected)) == []


CHECKS: Final[dict[str, Callable[[str, Json], None]]] = {
    "hash": check_hash,
    "rsh": _numbers(lib.qres_rsh, "x", "n"),
    "rdiv": _numbers(lib.qres_rdiv, "a", "b"),
    "isqrt": _numbers(lib.qres_isqrt, "x"),
    "kernel": _numbers(lib.qres_kernel, "d_m", "range_m"),
    "season": check_season,
    "bfp": check_bfp,
    "airtime": check_airtime,
    "solve": check_solve,
    "commits": check_commits,
}
