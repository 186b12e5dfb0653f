# SPDX-License-Identifier: Apache-2.0
"""Fields with relays and bad links: the C core and the reference disagree nowhere (SPEC 6.6)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from qres.reference import RefSite, cut, era_key, nonce
from qres.reference.relay import relay_kind
from tests.lanes import slow

from .differential_rig import KEY, MISSED, Pair, c_field, random_site
from .test_differential import first_values, walk

_PHASES = 100


def _site(rng: np.random.Generator) -> RefSite:
    """A random site of at least three members with 1..3 relays among those that take part."""
    while True:
        site = random_site(rng)
        if site.n_members >= 2:
            n = min(site.n_members, 9)
            z = int(rng.integers(1, min(n, 3) + 1))
            return replace(site, relays=tuple(int(i) for i in rng.permutation(n)[:z]))


def _links(rng: np.random.Generator, n_senders: int, n_receivers: int) -> np.ndarray:
    """Share of frames lost from each sender to each receiver: half of the links are cut."""
    cut_off = rng.random((n_senders, n_receivers)) < 0.5
    return np.where(cut_off, 1.0, rng.choice([0.0, 0.2], (n_senders, n_receivers)))


def _forged(rng: np.random.Generator, site: RefSite, p: int) -> tuple[int, bytes]:
    """A RELAY with a good tag that says anything, and about when it ends. [us]"""
    r, q = int(rng.integers(site.relay_slots)), p + int(rng.integers(-1, 2))
    kind = rng.random()
    payload = rng.bytes(int(rng.integers(1, 48)))
    if kind < 0.4:  # 1..3 records, so that most are read to their end
        payload = bytes([payload[0] & 0xF0 | int(rng.integers(1, 4))]) + payload[1:]
    elif kind < 0.8:
        blob = bytes(range(int(rng.integers(1, 200))))
        number = int(rng.integers(0, len(cut(blob)) + 1))
        head = int(rng.choice([0, 14, 15])) | number << 4 | len(blob) << 11
        payload = head.to_bytes(3, "little") + cut(blob)[min(number, len(cut(blob)) - 1)]
    ccm = AESCCM(era_key(KEY, site.field_id, site.era_of(q)), tag_length=4)
    sender = site.members[site.relay_of(r)].id
    frame = ccm.encrypt(nonce(site, q, sender, relay_kind(site, r)), payload, None)
    end_us = site.relay_slot_start_us(q, r) + 100_000 + site.airtime_us(len(frame))
    return end_us + int(rng.integers(-600_000, 600_000)) * int(rng.integers(0, 2)), frame


class _Field:
    """Members of a random site with relays as pairs, a listener that searches and a late one."""

    def __init__(self, seed: int, *, hostile: bool = False, trial_limit: int = 0) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.site = site = _site(rng)
        self.tables = c_field(site)
        midnight = site.era_start(int(rng.integers(10_000, 20_000)))
        self.phase = midnight - int(rng.integers(1, 40))
        self.members = [
            Pair(site, self.tables, i, self.phase) for i in range(min(site.n_members, 9))
        ]
        self.listeners = [
            Pair(site, self.tables, None, self.phase, search=True, trial_limit=trial_limit)
        ]
        self.late = midnight + int(rng.integers(0, 6))
        self.loss = _links(rng, len(self.members), len(self.members) + 2)
        self.values = first_values(rng, site, len(self.members))
        self.hostile = hostile
        self.waiting: list[tuple[int, int, bytes]] = []

    def air(self, sender: int, end_us: int, frame: bytes) -> None:
        """A frame of a member reaches those that its links let it reach, sometimes changed."""
        rng = self.rng
        for to, pair in enumerate([*self.members, *self.listeners]):
            if to == sender or rng.random() < self.loss[sender, to]:
                continue
            off_us = 3000 if rng.random() < 0.9 or pair.index is not None else 2_000_000
            said = frame
            if self.hostile and rng.random() < 0.05:
                at = int(rng.integers(0, len(frame)))
                said = frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
            self.hear(pair, end_us + int(rng.integers(-off_us, off_us)), said)
        if rng.random() < 0.1:
            self.waiting.append((self.phase + int(rng.integers(0, 8)), end_us, frame))

    def step(self) -> None:
        """One phase."""
        rng, site, p = self.rng, self.site, self.phase
        if p == self.late:
            self.listeners.append(Pair(site, self.tables, None, p))
        self.values = walk(rng, self.values)
        frames: list[tuple[int, int, bytes]] = []
        for i, pair in enumerate(self.members):
            missing = rng.random(site.n_channels) < 0.05
            samples = np.where(missing, MISSED, np.clip(self.values[i], -(2**30), 2**30)).tolist()
            frames += [(end_us, i, frame) for end_us, frame in pair.open_phase(samples)]
        for end_us, sender, frame in sorted(frames):
            self.air(sender, end_us, frame)
        for r in range(site.relay_slots):
            sender = site.relay_of(r)
            sent = self.members[sender].relay(r) if rng.random() < 0.97 else None
            if sent:
                self.air(sender, *sent)
        self.disturb()
        for pair in [*self.members, *self.listeners]:
            pair.commit()
        self.phase += 1

    def hear(self, pair: Pair, end_us: int, frame: bytes) -> None:
        """A frame that may come at any time, but within the phase where trials are limited."""
        start_us = end_us - self.site.airtime_us(len(frame))
        if not pair.trial_limit or self.site.phase_at(start_us) == self.phase:
            pair.hear(end_us, frame)

    def disturb(self) -> None:
        """Frames that come again much later, and, on a hostile field, forged ones."""
        rng = self.rng
        for due, end_us, frame in self.waiting:
            if due == self.phase:
                for pair in self.listeners:
                    self.hear(pair, end_us, frame)
        if not self.hostile:
            return
        for pair in [*self.members, *self.listeners]:
            if rng.random() < 0.2:
                self.hear(pair, *_forged(rng, self.site, self.phase))
            if rng.random() < 0.05:
                at_us = self.phase * self.site.phase_us
                noise = rng.bytes(int(rng.integers(1, 60)))
                pair.hear(at_us + int(rng.integers(0, self.site.commit_us(0))), noise)


def _run(seed: int, phases: int, *, hostile: bool = False, trial_limit: int = 0) -> None:
    field = _Field(seed, hostile=hostile, trial_limit=trial_limit)
    for _ in range(phases):
        field.step()


@pytest.mark.parametrize("seed", [*range(4), *slow(range(4, 6))])
def test_core_equals_reference_with_relays(seed: int) -> None:
    """Frames, states, logs and clocks are equal where half of the links are cut."""
    _run(seed, _PHASES)


@pytest.mark.parametrize("seed", [*range(100, 104), *slow(range(104, 106))])
def test_core_equals_reference_with_forged_relays(seed: int) -> None:
    """The same with noise, flipped bits, and RELAYs under a good tag that say anything."""
    _run(seed, _PHASES, hostile=True, trial_limit=20 * (seed % 2))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1060))
def test_core_equals_reference_with_relays_for_long(seed: int) -> None:
    """More of both, over several checkpoints."""
    _run(seed, 500, hostile=bool(seed % 2), trial_limit=20 * (seed % 4 // 3))
