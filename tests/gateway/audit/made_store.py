# SPDX-License-Identifier: Apache-2.0
"""Stores made by hand: each frame at a known time, of a known node, accepted or not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from qres.keys import write_key_file
from qres.region import region
from qres.site import Site, load_site, site_to_toml
from qres.site_new import new_site, placeholder_nodes
from qres_gateway.audit.run import Audited, Question, audit
from qres_gateway.audit.store import open_store
from qres_gateway.cli import main
from qres_gateway.database import Database
from qres_gateway.events import FrameHeard
from qres_gateway.frame_log import FrameLog
from qres_gateway.ledger import Ledger, SubBands, Tally
from qres_gateway.outbox import Outbox
from qres_gateway.sources.base import RawFrame

HOUR_US = 3_600_000_000
START_US = 20_000 * 24 * HOUR_US
"""A midnight, UTC."""


@dataclass(frozen=True)
class Sent:
    """
    One delivery: `size` bytes at `at_us` after START_US.

    `reason` None leaves it undecoded; `corrected_us` is what the gateway adds to its time.
    """

    at_us: int
    node: int | None = 0
    kind: str = "report"
    size: int = 6
    reason: str | None = ""
    phase: int | None = None
    receiver: str = "rx"
    sf: int | None = None
    corrected_us: int = 0


def every(step_us: int, until_us: int, node: int = 0, first_us: int = 0) -> list[Sent]:
    """Reports of one node at even intervals."""
    return [Sent(at, node) for at in range(first_us, until_us, step_us)]


def make_site(folder: Path, *, nodes: int = 4, region_name: str = "EU868", **changes: Any) -> Path:
    """A site file with its key; *changes* to the site."""
    folder.mkdir(exist_ok=True)
    of = placeholder_nodes(nodes)
    path, key = folder / "site.toml", folder / "field.key"
    site = new_site(
        name="made", region_name=region_name, nodes=of, folder=folder, random_bytes=bytes
    )
    if not key.exists():
        write_key_file(key, bytes(range(16)))
    path.write_text(site_to_toml(replace(site, key_file=key, **changes), path))
    return path


def make_store(path: Path, site: Site, sent: list[Sent], *, ledger: bool = True) -> Path:
    """A gateway's database with these deliveries, decoded, and the ledger that they make."""
    frames = [
        RawFrame(
            i.to_bytes(4, "big").rjust(s.size, b"\0")[-s.size :], START_US + s.at_us, "host",
            s.receiver, site.freq_hz, s.sf or site.sf, site.bw_hz, -90.0, 5.0,
            s.reason != "crc_bad", None, None,
        )
        for i, s in enumerate(sent)
    ]  # fmt: skip
    bands = SubBands((b.name, b.lo_hz, b.hi_hz) for b in region(site.region).sub_bands)
    with Database.open(path) as database:
        ids = FrameLog(database).append(frames)
        tally, events = Tally(), []
        for frame_id, s, frame in zip(ids, sent, frames, strict=True):
            if s.reason is None:
                continue
            at_us, n = frame.rx_us + s.corrected_us, len(frame.payload)
            phase = at_us // site.phase_us if s.phase is None else s.phase
            air_us = site.airtime_us(n)
            kind = "" if s.reason else s.kind
            events.append(
                FrameHeard(
                    frame_id, at_us, s.receiver, kind, s.node, phase, s.reason, n, air_us,
                    None, None, late=False,
                )
            )  # fmt: skip
            if not s.reason:
                tally.accept(
                    at_us, s.node, kind=kind, band=bands(frame.freq_hz), n_bytes=n,
                    airtime_us=air_us,
                )  # fmt: skip
        with database.transaction():
            Outbox(database).add(events)
            if ledger:
                Ledger(database).add(tally)
    return path


@dataclass
class Made:
    """A folder with site and store."""

    site_file: Path
    store: Path

    @property
    def site(self) -> Site:
        """The site."""
        return load_site(self.site_file)

    def audit(self, **question: Any) -> Audited:
        """The audit, in this process."""
        with open_store(self.store) as store:
            return audit(store, Question(site=self.site, **question))

    def figures(self, **question: Any) -> dict[str, Any]:
        """Its figures."""
        return self.audit(**question).figures


def made(folder: Path, sent: list[Sent], *, ledger: bool = True, **changes: Any) -> Made:
    """Site and store in *folder*."""
    site_file = make_site(folder, **changes)
    store = folder / "gateway.sqlite"
    make_store(store, load_site(site_file), sent, ledger=ledger)
    return Made(site_file, store)


def add_spans(store: Path, spans: list[tuple[float, float]]) -> None:
    """Have the gateway say that it listened, hours after START_US."""
    with Database.open(store) as database, database.transaction() as connection:
        connection.executemany(
            "INSERT INTO listening (source, from_us, until_us, ended) VALUES ('udp', ?, ?, 1)",
            [(START_US + round(a * HOUR_US), START_US + round(b * HOUR_US)) for a, b in spans],
        )


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[Any, str, str]:
    """Exit code, stdout and stderr of `qres`."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    return stop.value.code, *capsys.readouterr()


def run_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[Any, dict[str, Any]]:
    """Exit code and the one line of JSON."""
    code, out, err = run(capsys, *arguments, "--json")
    assert out.count("\n") == 1, err
    return code, json.loads(out)
