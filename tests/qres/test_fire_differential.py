# SPDX-License-Identifier: Apache-2.0
"""The fire weather of the C core and of the reference: any state, any reports, any blob, alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qres._core import ffi, lib
from qres.reference import (
    FireState,
    RefSite,
    RefusedError,
    Report,
    State,
    blob_decode,
    blob_encode,
    commit,
    digest,
    fire_channels,
)
from tests.core.vector_rig import c_reports, c_state_of
from tests.vectors.fields import make_site

from .differential_rig import assert_judged_alike, c_field, c_state, differences

ONE = 1 << 16
INT32 = -(2**31), 2**31
USUAL = {1: (25, 15), 2: (45, 40), 3: (5, 8), 4: (100, 50)}
"""Mean and deviation of plausible values by role."""


def any_site(rng: np.random.Generator) -> RefSite:
    """A fire site of any size and epoch, with or without wind and rain, channels in any order."""
    table = fire_channels(str(rng.choice(["strict", "standard", "coarse"])))
    channels = [c for c in table if c.role < 3 or rng.random() < 0.8]
    return make_site(
        int(rng.choice([1, 2, 3, 4, 5, 8, 12, 30, 64])),
        seed=int(rng.integers(1000)),
        epoch_s=int(rng.choice([300, 480, 600, 900, 1200, 2400, 3456, 3600])),
        channels=tuple(channels[i] for i in rng.permutation(len(channels))),
        extent_m=int(rng.choice([10, 3000, 60_000])),
    )


def any_fire(rng: np.random.Generator, n: int) -> FireState:
    """Fire weather that a state may hold, plausible or at its ends."""
    wild = rng.random() < 0.5

    def row(size: int, lo: int, hi: int) -> tuple[int, ...]:
        return tuple(int(x) for x in rng.integers(lo, hi, size, endpoint=True))

    levels = row(3, 64, 2**21), row(3, 64, 2**21)
    return FireState(
        days=int(rng.choice([0, 1, 6, 7, 8, 60, 254, 255])),
        regime=int(rng.integers(3)),
        lull=int(rng.integers(6)),
        usual=row(8, -300_000, 700_000),
        spread=row(8, 1, 2**24) if wild else row(8, 1000, 100_000),
        apart=(row(4, 1, 2**24 if wild else 200_000), row(4, 1000, 400_000)),
        rare=levels if wild else FireState.initial(make_site(1)).rare,
        fuel=np.exp(rng.uniform(np.log(4097), np.log(250 * ONE), n)).astype(np.int64),
        mark=rng.integers(0, 2**28, n),
    )


def any_state(rng: np.random.Generator, site: RefSite) -> State:
    """A state near a midnight, or anywhere, with gaps, stale members and impossible values."""
    p = site.era_start(int(rng.integers(100, 30_000)))
    p += int(rng.integers(-8, 0)) if rng.random() < 0.5 else int(rng.integers(site.phases_per_day))
    state = State.initial(site, p)
    n = site.n_members
    state.absent[:] = rng.random(state.absent.shape) < rng.choice([0, 0.1, 0.5])
    heard = p - rng.integers(0, site.stale_after + 12, n)
    state.last_report[:] = np.where(rng.random(n) < 0.1, 0, heard)
    for c, channel in enumerate(site.channels):
        plausible = rng.normal(*USUAL[channel.role], n) * ONE
        wild = rng.random(n) < 0.05
        value = np.where(wild, rng.integers(*INT32, n), plausible).astype(np.int64)
        state.value[:, c] = state.last[:, c] = value
        state.slow[:, c] = np.clip(value + rng.normal(0, 2 * ONE, n).astype(np.int64),
                                   INT32[0], INT32[1] - 1)  # fmt: skip
    for table in (state.value, state.last, state.slow):
        table[state.absent] = 0
    return replace(state, fire=any_fire(rng, n))


def any_reports(rng: np.random.Generator, site: RefSite, state: State) -> list[Report]:
    """Reports of the next phase: walks, some of them anywhere in int16, channels given up."""
    reports = []
    for i in site.of_phase((state.phase + 1) % 4):
        if rng.random() < 0.5:
            continue
        included = int(rng.integers(2**site.n_channels))
        gone = int(rng.integers(2**site.n_channels)) & ~included if rng.random() < 0.1 else 0
        k = []
        for c in [c for c in range(site.n_channels) if included >> c & 1]:
            walk = int(state.value[i, c]) // site.channels[c].step + int(rng.integers(-20, 21))
            jump = int(rng.integers(-(2**15), 2**15))
            k.append(jump if rng.random() < 0.05 else max(-(2**15), min(walk, 2**15 - 1)))
        reports.append(Report(i, included, gone, tuple(k)))
    return reports


def same_of_blob(
    rng: np.random.Generator, site: RefSite, tables: Any, c: Any, state: State
) -> None:
    """Both write the same blob, and read it alike, whole and with a bit flipped."""
    try:
        blob = blob_encode(site, state)
    except ValueError:  # a slow mean too far from its value, which no field comes to
        return
    out, scratch = ffi.new("uint8_t[]", lib.QRES_BLOB_MAX), ffi.new("qres_scratch *")
    if len(blob) <= lib.QRES_BLOB_MAX:
        length = lib.qres_blob_encode(tables, c, out, lib.QRES_BLOB_MAX)
        assert bytes(out)[:length] == blob
    era = site.era_of(state.phase + 1)
    read = ffi.new("qres_state *")
    for turn in range(12):
        flipped = bytearray(blob)
        if turn:
            flipped[int(rng.integers(len(blob)))] ^= 1 << int(rng.integers(8))
        code = lib.qres_blob_decode(tables, era, bytes(flipped), len(blob), scratch, read)
        try:
            expected = digest(blob_decode(site, bytes(flipped), era))
        except RefusedError:
            assert code == lib.QRES_ERR_BLOB
        else:
            assert code == 0
            assert lib.qres_state_digest(tables, read) == expected
            assert turn or expected == digest(state)


def run(seed: int) -> int:
    """A few commits of any field, each compared whole and as judged; snapshots as blobs too."""
    rng = np.random.default_rng(seed)
    site = any_site(rng)
    tables, state = c_field(site), any_state(rng, site)
    c, scratch, snapshots = c_state_of(tables, state), ffi.new("qres_scratch *"), 0
    for _ in range(12):
        reports = any_reports(rng, site, state)
        lib.qres_commit(tables, scratch, c, c_reports(reports), len(reports))
        state = commit(site, state, reports)
        assert differences(c_state(site, c), state) == []
        assert lib.qres_state_digest(tables, c) == digest(state)
        assert_judged_alike(site, tables, c[0], state)
        if (state.phase + 1) % site.phases_per_day == 0:
            same_of_blob(rng, site, tables, c, state)
            snapshots += 1
    return snapshots


def test_core_equals_reference_on_any_fire_state() -> None:
    """40 fields: states, digests, judgements and blobs are alike; some pass a midnight."""
    assert sum(run(seed) for seed in range(40)) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_core_equals_reference_on_many_fire_states(block: int) -> None:
    """The same for 2000 fields."""
    assert sum(run(1000 + 200 * block + seed) for seed in range(200)) >= 50
