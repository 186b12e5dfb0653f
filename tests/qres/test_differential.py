# SPDX-License-Identifier: Apache-2.0
"""The C core and the reference disagree nowhere: whole states and frames over random histories."""

from __future__ import annotations

import numpy as np
import pytest

from qres.reference import RefSite
from tests.lanes import slow

from .differential_rig import MISSED, Pair, c_field, random_site

_PHASES = 150


def walk(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """The next samples: small moves, sometimes a jump."""
    values = values + rng.integers(-30_000, 30_000, values.shape)
    jumps = rng.random(values.shape) < 0.02
    return np.where(jumps, values + rng.integers(-(2**22), 2**22, values.shape), values)


def first_values(rng: np.random.Generator, site: RefSite, n: int) -> np.ndarray:
    """Samples to begin with; on a fire site weather that the formulas of SPEC 5.5 tell apart."""
    usual = {1: 22, 2: 55, 3: 4, 4: 900} if site.fire else {}
    middle = np.array([usual.get(c.role, 0) * 65536 for c in site.channels])
    return np.asarray(rng.integers(-(2**20), 2**20, (n, site.n_channels)) + middle)


def _run(seed: int, loss: float, phases: int, late: float = 0.0) -> None:
    """All members of a random site as pairs, plus one listener that searches."""
    rng = np.random.default_rng(seed)
    site = random_site(rng)
    tables = c_field(site)
    era = int(rng.integers(10_000, 20_000))
    first = site.era_start(era) - int(rng.integers(1, 40))
    pairs = [Pair(site, tables, i, first) for i in range(min(site.n_members, 9))]
    listener = Pair(site, tables, None, first, search=True)
    values = first_values(rng, site, len(pairs))
    waiting: list[tuple[int, int, bytes]] = []
    for step in range(phases):
        values = walk(rng, values)
        frames: list[tuple[int, int, bytes]] = []
        for i, pair in enumerate(pairs):
            missing = rng.random(site.n_channels) < 0.05
            samples = np.where(missing, MISSED, np.clip(values[i], -(2**30), 2**30)).tolist()
            frames += [(end_us, i, frame) for end_us, frame in pair.open_phase(samples)]
        for end_us, sender, frame in sorted(frames):
            for i, pair in enumerate([*pairs, listener]):
                if i == sender or rng.random() < loss:
                    continue
                off_us = 3000 if pair is not listener or rng.random() < 0.9 else 400_000
                pair.hear(end_us + int(rng.integers(-off_us, off_us)), frame)
            if rng.random() < late:
                waiting.append((step + int(rng.integers(1, 20)), end_us, frame))
        for due, end_us, frame in waiting:
            if due == step:
                listener.hear(end_us, frame)
        for pair in [*pairs, listener]:
            pair.commit()


@pytest.mark.parametrize("seed", [*range(6), *slow(range(6, 12))])
def test_core_equals_reference_without_loss(seed: int) -> None:
    """Frames, states, clocks and digests are equal after every phase of a random field."""
    _run(seed, 0.0, _PHASES)


@pytest.mark.parametrize("seed", [*range(100, 106), *slow(range(106, 112))])
def test_core_equals_reference_with_loss_and_repeats(seed: int) -> None:
    """The same with lost frames, and with repeated ones for the listener."""
    _run(seed, 0.15, _PHASES, late=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1040))
def test_core_equals_reference_over_days(seed: int) -> None:
    """The same over several eras, so that checkpoints are sent, verified and adopted."""
    _run(seed, 0.1 * (seed % 3), 1500, late=0.05)
