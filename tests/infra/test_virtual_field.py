# SPDX-License-Identifier: Apache-2.0
"""`qres field`: a virtual field at today's date, its past as a store, its present over UDP."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from typer.testing import CliRunner

from qres import weather_file
from qres.channels import Q16_MISSING
from qres.errors import RangeError
from qres.keys import write_key_file
from qres.site import Site, site_to_toml
from qres.virtual.field import VirtualField
from qres.virtual.looped import LoopedField
from qres.virtual.sites import DEMO_KEY, site_for
from qres_gateway.cli import build_app
from qres_gateway.database import Database
from qres_gateway.demo.history import make_history
from qres_gateway.demo.live_field import LiveField, frames_until
from qres_gateway.demo.timeline import Timeline
from qres_gateway.errors import SourceError
from qres_gateway.outbox import Outbox
from qres_gateway.sources.gwmp import Datagram, acknowledge, parse

DAY_US = 86_400_000_000
NOON_US = 1_795_348_800_000_000  # 2026-11-22T12:00Z, some day
WEATHER = weather_file.demo().subset(range(8))
RAIN = 3


@pytest.fixture(scope="module")
def site() -> Site:
    """Eight stations, the shortest epoch."""
    made = site_for(WEATHER, name="eight", epoch_s=300)
    return replace(made, nodes=tuple(replace(n, name=n.name[:32]) for n in made.nodes))


def looped(site: Site, start_us: int = NOON_US) -> LoopedField:
    """A field that begins then."""
    return LoopedField(site, DEMO_KEY, WEATHER, start_us=start_us)


def test_at_the_records_own_time_it_is_the_plain_field(site: Site) -> None:
    """Begun when the record begins, every node's state is that of a field without the loop."""
    plain = VirtualField(site, DEMO_KEY, WEATHER, extra_receivers=1)
    same = looped(site, plain.now_us)
    assert [plain.run_phase().digests for _ in range(40)] == [
        same.run_phase().digests for _ in range(40)
    ]


def test_noon_stays_noon(site: Site) -> None:
    """What is measured at noon today is what the record's first noon has."""
    record_noon_us = int(WEATHER.time_s[0]) * 1_000_000 + DAY_US // 2
    plain = VirtualField(site, DEMO_KEY, WEATHER).samples_q16(record_noon_us)
    np.testing.assert_array_equal(looped(site).samples_q16(NOON_US), plain)


def test_the_record_repeats_and_rain_goes_on(site: Site) -> None:
    """A pass later (15 days) weather is the same, and a gauge has one record's rain more."""
    field = looped(site)
    early, late = (field.samples_q16(NOON_US + k * 15 * DAY_US) for k in (0, 1))
    np.testing.assert_array_equal(early[:, :RAIN], late[:, :RAIN])
    total_mm = np.nanmax(WEATHER.rain_mm, axis=0)
    assert total_mm.min() > 0
    known = early[:, RAIN] != Q16_MISSING
    more_mm = (late[:, RAIN].astype(np.int64) - early[:, RAIN])[known] / 65536
    np.testing.assert_allclose(more_mm, total_mm[known], atol=1e-4)


def test_the_past_is_as_if_the_gateway_had_listened(site: Site, tmp_path: Path) -> None:
    """The store's digest after every phase of the past is that of the nodes."""
    until_us = NOON_US + 6 * 3_600_000_000 + 1
    timeline, frames = make_history(
        looped(site), site, DEMO_KEY, tmp_path / "gateway.sqlite", NOON_US, until_us
    )
    assert timeline == Timeline(NOON_US, until_us - 1)
    nodes = looped(site)
    expected = {}
    while nodes.now_us < timeline.delivered_us:
        result = nodes.run_phase()
        assert len(set(result.digests)) == 1
        expected[result.time_us] = result.digests[0]
    with Database.open(tmp_path / "gateway.sqlite", read_only=True) as database:
        found = {c.time_us: c.digest for c in Outbox(database).commits_after(0, 10_000)}
        assert Outbox(database).last_frame_id == frames > 0
    first_us = min(found)
    assert found == {t: d for t, d in expected.items() if t >= first_us}
    assert first_us <= NOON_US + 2 * site.phase_us


class Gateway(asyncio.DatagramProtocol):
    """Acknowledges and keeps what comes."""

    def __init__(self) -> None:
        self.got: list[Datagram] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer as a gateway."""
        parsed = parse(data)
        assert isinstance(parsed, Datagram)
        self.got.append(parsed)
        cast("asyncio.DatagramTransport", self.transport).sendto(acknowledge(data), addr)


async def heard(
    site: Site, timeline: Timeline, keep: Path, until_us: int
) -> list[tuple[int, bytes]]:
    """Times and payloads that a gateway gets, long after they were due."""
    loop = asyncio.get_running_loop()
    transport, gateway = await loop.create_datagram_endpoint(Gateway, local_addr=("127.0.0.1", 0))
    address = ("127.0.0.1", transport.get_extra_info("sockname")[1])
    field = looped(site, timeline.start_us)
    live = LiveField(field, site, address, timeline, keep, lambda: until_us)
    await live.run(until_us)
    transport.close()
    packets = [p for d in gateway.got for p in d.packets]
    assert all(p.gps_us is not None for p in packets)
    return [(p.gps_us or 0, p.payload) for p in packets]


def test_the_present_is_what_the_receiver_hears(site: Site, tmp_path: Path) -> None:
    """Every frame arrives in order with the time of its end, to the microsecond, as from GNSS."""
    until_us = NOON_US + 3_600_000_000
    expected = [(f.rx_us, f.payload) for f in frames_until(looped(site), site, until_us)]
    begin = Timeline(NOON_US, NOON_US)
    got = asyncio.run(heard(site, begin, tmp_path / "timeline", until_us))
    assert len(expected) > 3
    assert got == expected


def test_a_restart_goes_on_with_the_same_field(site: Site, tmp_path: Path) -> None:
    """Stopped and started again, the gateway gets each frame once, as without a stop."""
    half_us, end_us = NOON_US + 1_800_000_000, NOON_US + 3_600_000_000
    keep = tmp_path / "timeline"
    got = asyncio.run(heard(site, Timeline(NOON_US, NOON_US), keep, half_us))
    kept = Timeline.read(keep)
    assert kept == Timeline(NOON_US, half_us)
    got += asyncio.run(heard(site, kept, keep, end_us))
    assert got == [(f.rx_us, f.payload) for f in frames_until(looped(site), site, end_us)]


def test_a_damaged_timeline_is_refused(tmp_path: Path) -> None:
    """Half a file is an error that names it; no file is no timeline."""
    assert Timeline.read(tmp_path / "none") is None
    (tmp_path / "half").write_text('{"start_us": 1')
    with pytest.raises(SourceError, match="half"):
        Timeline.read(tmp_path / "half")


def test_a_real_field_is_never_mixed_with_virtual_nodes(site: Site, tmp_path: Path) -> None:
    """A site whose id is not the virtual fields' is refused, before anything is sent."""
    real = replace(site, field_id=0x1234, key_file=tmp_path / "site.key")
    write_key_file(tmp_path / "site.key", bytes(range(16)))
    (tmp_path / "site.toml").write_text(site_to_toml(real, tmp_path / "site.toml"))
    words = ["field", "--site", str(tmp_path / "site.toml"), "--to", "127.0.0.1:9"]
    done = CliRunner().invoke(build_app("field"), words)
    assert isinstance(done.exception, RangeError)
    assert "field_id" in str(done.exception)


@pytest.mark.parametrize("to", ["host", "host:0", "host:70000", ":1700", "host:port"])
def test_an_address_needs_host_and_port(to: str) -> None:
    """What is not HOST:PORT is refused by name."""
    done = CliRunner().invoke(build_app("field"), ["field", "--to", to])
    assert isinstance(done.exception, RangeError)
    assert "--to" in str(done.exception)


def test_history_is_made_once(tmp_path: Path) -> None:
    """The command leaves a timeline; run again it finds that and adds nothing."""
    made = site_for(weather_file.demo(), epoch_s=3600, key_file=tmp_path / "site.key")
    made = replace(made, nodes=tuple(replace(n, name=n.name[:32].strip()) for n in made.nodes))
    write_key_file(tmp_path / "site.key", bytes(range(16)))
    (tmp_path / "site.toml").write_text(site_to_toml(made, tmp_path / "site.toml"))
    words = ["field", "--site", str(tmp_path / "site.toml"), "--days", "0"]
    words += ["--timeline", str(tmp_path / "timeline"), "--history", str(tmp_path / "g.sqlite")]
    assert CliRunner().invoke(build_app("field"), words).exit_code == 0
    first = json.loads((tmp_path / "timeline").read_text())
    assert first["start_us"] % DAY_US == 0
    size = (tmp_path / "g.sqlite").stat().st_size
    assert CliRunner().invoke(build_app("field"), words).exit_code == 0
    if first["delivered_us"] > first["start_us"]:
        assert json.loads((tmp_path / "timeline").read_text()) == first
        assert (tmp_path / "g.sqlite").stat().st_size == size
