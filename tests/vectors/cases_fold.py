# SPDX-License-Identifier: Apache-2.0
"""Vectors of the integers and of the fold (SPEC 1, 2, 3, 4, 5)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qres.reference import (
    RefSite,
    Report,
    State,
    airtime_us,
    bfp,
    commit,
    digest,
    fire_channels,
    hash32,
    isqrt,
    kernel_q16,
    rdiv,
    rsh,
    season,
    solve,
)
from tests.vectors.as_json import Json, report_to_json, state_to_json, vector
from tests.vectors.fields import make_site, run_field, tiny_site, wide_channels

__all__ = ["DAY", "SITES", "commits_vector", "fold_vectors", "follow_plan"]

SITES = {
    "tiny": tiny_site(),
    "twelve": make_site(12),
    "thirty": make_site(30, seed=2, channels=fire_channels("strict"), extent_m=60_000),
    "coarse": make_site(6, seed=3, epoch_s=300, channels=fire_channels("coarse"), sf=9),
    "echo": make_site(12, seed=4, echo=True),
    "echo-wide": make_site(2, seed=5, channels=wide_channels(), echo=True),
    "follow": make_site(4, seed=6, follow=True),
    "few": make_site(3, seed=7),
    "bare": make_site(5, seed=8, channels=fire_channels()[:2]),
    "epoch-600": make_site(7, seed=9, epoch_s=600),
    "epoch-900": make_site(8, seed=10, epoch_s=900, extent_m=3000),
    "epoch-2400": make_site(9, seed=11, epoch_s=2400),
    "epoch-3456": make_site(10, seed=12, epoch_s=3456),
}
"""Fields that the vectors refer to by name."""

DAY = 20_000  # 2024-10-04


def fold_vectors() -> Iterator[Json]:
    """All vectors of fold.json."""
    yield from _numbers()
    yield from _solutions()
    yield from _by_hand()
    yield from _runs()


def _numbers() -> Iterator[Json]:
    for n, words in enumerate(([], [0], [1, 2, 3], [-1], [0xFFFFFFFF], [-(2**31), 0x9E3779B1])):
        yield vector(f"hash-{n:03}", "hash", f"{len(words)} words; -1 is 4294967295", "1.1",
                     words=words, result=hash32(words))  # fmt: skip
    for n, (x, by) in enumerate(((3, 1), (-3, 1), (-1, 1), (7, 3), (-4, 3), (-5, 3), (9, 0))):
        yield vector(f"rsh-{n:03}", "rsh", f"{x} / 2^{by}, half up", "1 and 4",
                     x=x, n=by, result=rsh(x, by))  # fmt: skip
    for n, (a, b) in enumerate(((5, 2), (-5, 2), (-6, 4), (7, 3), (-7, 3), (0, 9))):
        yield vector(f"rdiv-{n:03}", "rdiv", f"{a} / {b}, half up", "1",
                     a=a, b=b, result=rdiv(a, b))  # fmt: skip
    for n, x in enumerate((0, 1, 3, 4, 99, 10**14 + 1, 408_000_000_000_000)):
        yield vector(f"isqrt-{n:03}", "isqrt", "floor of the root", "1", x=x, result=isqrt(x))
    for n, d in enumerate((0, 1, 433, 434, 10_000, 13_863, 20_000, 100_000, 221_000, 250_000)):
        yield vector(f"kernel-{n:03}", "kernel", f"g at {d} m, L = 20 km", "5.1",
                     d_m=d, range_m=20_000, result=kernel_q16(d, 20_000))  # fmt: skip
    for n, x in enumerate((0, 1, 8192, 16384, 32767, 32768, 49152, 65535)):
        yield vector(f"season-{n:03}", "season", f"S({x})", "5.2", x=x, result=season(x))
    for n, w in enumerate((
        [0, 0, 0, 0], [32767, -32767, 1, -1], [32768, 3, -3, 1], [10_066_330, 0, 0, 0],
        [15_938_355, 15_938_355, -33_554_432, 33_554_432], [2**30, -(2**30), 1, 0],
    )):  # fmt: skip
        e, q = bfp(w)
        yield vector(f"bfp-{n:03}", "bfp", "weights as exponent and mantissas", "4",
                     w=w, e=e, q=q)  # fmt: skip
    for n, (size, sf, bw, cr, preamble) in enumerate((
        (6, 7, 125_000, 1, 8), (6, 9, 125_000, 1, 8), (14, 12, 125_000, 1, 8),
        (51, 10, 250_000, 4, 12), (51, 11, 125_000, 2, 8), (16, 8, 62_500, 3, 6),
    )):  # fmt: skip
        yield vector(f"airtime-{n:03}", "airtime", f"{size} B at SF{sf}", "3 (SX1261/2 6.1.4)",
                     payload_bytes=size, sf=sf, bw_hz=bw, cr=cr, preamble_symbols=preamble,
                     result=airtime_us(size, sf=sf, bw_hz=bw, cr=cr,
                                       preamble_symbols=preamble))  # fmt: skip


def _solutions() -> Iterator[Json]:
    one = 1 << 24
    cases = (
        ("one observer: 65536 / 1.05", [[one + 838_861]], [65536]),
        ("two alike: a = (2/3, -1/3)", [[2 * one, one], [one, 2 * one]], [65536, 0]),
        (
            "a reporter and a silent one that share half",
            [[one + 838_861, one // 2], [one // 2, one + 3_355_443]],
            [131_072, 0],
        ),
    )
    for n, (what, matrix, r) in enumerate(cases):
        result = solve(np.array(matrix, dtype=np.int64), r)
        yield vector(f"solve-{n:03}", "solve", what, "5.1", matrix=matrix, r=r, result=result)


def commits_vector(
    vector_id: str,
    what: str,
    name: str,
    start: State,
    steps: list[tuple[list[Report], State]],
    *,
    every_state: bool = False,
    spec: str = "4 and 5",
) -> Json:
    """A run of commits: reports and digest of each, and states."""
    commits = []
    for reports, state in steps:
        entry: Json = {
            "phase": state.phase,
            "reports": [report_to_json(r) for r in reports],
            "digest": digest(state),
        }
        if every_state:
            entry["state"] = state_to_json(state)
        commits.append(entry)
    last = steps[-1][1]
    return vector(vector_id, "commits", what, spec, site=name, start=state_to_json(start),
                  start_digest=digest(start), commits=commits,
                  end=state_to_json(last))  # fmt: skip


def follow_plan(
    site: RefSite, start: State, plan: list[list[Report]]
) -> list[tuple[list[Report], State]]:
    """States of a planned run."""
    steps, state = [], start
    for reports in plan:
        state = commit(site, state, reports)
        steps.append((reports, state))
    return steps


def _by_hand() -> Iterator[Json]:
    site = SITES["tiny"]
    start = State.initial(site, DAY * 96 + 3)
    plan: list[list[Report]] = [[Report(i, 1, 0, (80,))] for i in range(4)]
    plan += [[Report(0, 1, 0, (88,))], [], [], []]
    plan += [[], [Report(1, 0, 1, ())], [], []]
    yield commits_vector("commits-000", "four on a line: all at 20, the first rises by 2, the "
                   "second loses its sensor", "tiny", start, follow_plan(site, start, plan),
                   every_state=True)  # fmt: skip


def _runs() -> Iterator[Json]:
    near_midnight = (DAY + 1) * 96 - 17
    twelve = SITES["twelve"]
    start = State.initial(twelve, near_midnight - 1)
    yield commits_vector("commits-001", "twelve members through a midnight", "twelve", start,
                   run_field(twelve, start, 40, 1))  # fmt: skip
    quiet = run_field(twelve, start, 12, 2)[-1][1]
    steps = follow_plan(twelve, quiet, [[] for _ in range(48)])
    yield commits_vector("commits-002", "all fall silent and become stale", "twelve", quiet, steps)
    faulty = run_field(twelve, State.initial(twelve, DAY * 96 - 1), 8, 3)[-1][1]
    yield commits_vector("commits-003", "sensors come and go", "twelve", faulty,
                   run_field(twelve, faulty, 24, 4, lose=3, talkative=8))  # fmt: skip
    thirty = SITES["thirty"]
    begin = State.initial(thirty, near_midnight - 1)
    yield commits_vector("commits-004", "thirty members, class strict, through a midnight",
                   "thirty", begin, run_field(thirty, begin, 24, 5, talkative=7))  # fmt: skip
    coarse = SITES["coarse"]
    edge = State.initial(coarse, (DAY + 1) * coarse.phases_per_day - 9)
    yield commits_vector("commits-005", "six members, class coarse, 5 min epochs", "coarse", edge,
                   run_field(coarse, edge, 24, 6))  # fmt: skip
