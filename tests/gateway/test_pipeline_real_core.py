# SPDX-License-Identifier: Apache-2.0
"""The gateway around the real core: its replica must be the nodes' equal, bit for bit."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import qres
from qres.virtual.field import VirtualField
from qres.virtual.sites import site_for
from qres.weather_file import load
from qres_gateway.database import Database
from qres_gateway.field_rules import rules_for
from qres_gateway.outbox import Outbox
from qres_gateway.pipeline import FieldRules
from qres_gateway.sources.base import Instant, RawFrame
from qres_gateway.worker import Worker

KEY = bytes(range(16))
EPOCHS = 60


class Recorded:
    """Some hours of a virtual field without loss: its frames, and its digest after each phase."""

    def __init__(self) -> None:
        weather = load(Path(qres.__file__).parent / "data" / "vlinder_5min.npz")
        site = site_for(weather)
        self.rules: FieldRules = rules_for(site, KEY)
        field = VirtualField(site, KEY, weather)
        self.digests: dict[int, int] = {}
        self.frames: list[RawFrame] = []
        for _ in range(4 * EPOCHS):
            result = field.run_phase()
            assert len(set(result.digests)) == 1
            self.digests[result.phase] = result.digests[0]
            self.frames += [
                RawFrame(
                    sent.frame,
                    sent.end_us,
                    "gps",
                    "aa555a0000000101",
                    site.freq_hz,
                    site.sf,
                    site.bw_hz,
                    -90.0,
                    3.0,
                    crc_ok=True,
                    host_us=sent.end_us,
                )
                for sent in sorted(result.transmissions, key=lambda sent: sent.end_us)
            ]
        self.end_us = field.now_us


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """Made once."""
    return Recorded()


def commits(path: Path) -> dict[int, int]:
    """Digest after each phase, as stored."""
    with Database.open(path, read_only=True) as database:
        return {
            commit.phase: commit.digest for commit in Outbox(database).commits_after(0, 1 << 30)
        }


def test_every_phase_is_the_nodes_equal(recorded: Recorded, tmp_path: Path) -> None:
    """Every frame is accepted, and after every phase the gateway's digest is the nodes'."""
    path = tmp_path / "log.db"
    worker = Worker(Database.open(path), recorded.rules, live=False)
    worker.cycle(recorded.frames, {}, Instant(0, 0))
    worker.finish(Instant(0, 0))
    stats = worker.stats()
    assert (stats["accepted"], stats["refused"]) == (len(recorded.frames), 0)
    found = commits(path)
    assert len(found) > 3 * EPOCHS
    assert found == {phase: recorded.digests[phase] for phase in found}


def test_restarts_change_nothing(recorded: Recorded, tmp_path: Path) -> None:
    """Started anew every 25 frames, the replica folded from the log is the same."""
    path = tmp_path / "log.db"
    for at in range(0, len(recorded.frames), 25):
        worker = Worker(Database.open(path), recorded.rules, settle_us=0)
        frames = recorded.frames[at : at + 25]
        now = Instant(frames[-1].rx_us, 0)
        worker.cycle(frames, {}, now)
        worker.finish(now)
        assert worker.stats()["refused"] == 0
    found = commits(path)
    assert found == {phase: recorded.digests[phase] for phase in found}


def test_late_frames_heal(recorded: Recorded, tmp_path: Path) -> None:
    """A tenth of the frames arrive some frames late: in the end the state is the same."""
    generator = random.Random(3)
    order = sorted(
        range(len(recorded.frames)),
        key=lambda n: n + (generator.randrange(5, 20) if generator.random() < 0.1 else 0),
    )
    path = tmp_path / "log.db"
    worker = Worker(Database.open(path), recorded.rules, settle_us=0)
    now_us = 0
    for n in order:
        now_us = max(now_us, recorded.frames[n].rx_us)
        worker.cycle([recorded.frames[n]], {}, Instant(now_us, now_us))
    worker.finish(Instant(recorded.end_us, recorded.end_us))
    assert int(worker.stats()["late"]) > 0
    found = commits(path)
    last = max(found)
    assert last == max(recorded.digests)
    assert found[last] == recorded.digests[last]
