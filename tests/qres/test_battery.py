# SPDX-License-Identifier: Apache-2.0
"""A site with batteries: its channel table on air, its file, its record; without, nothing new."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qres import weather_file
from qres._core import ffi, lib
from qres.channels import BATTERY, CHANNELS, V1, site_channels
from qres.core import Field
from qres.densify import densify
from qres.errors import RangeError
from qres.provisioning import decode, encode
from qres.reference.channel import fire_channels
from qres.site import Site, load_site, site_to_toml
from qres.site_check import parse_site
from qres.site_export import site_to_dict
from qres.site_new import new_site, placeholder_nodes
from qres.tolerance import Tolerance
from qres.virtual.battery import FULL_MV, SimulatedBattery
from qres.virtual.field import VirtualField
from qres.virtual.looped import LoopedField
from qres.virtual.measure import run
from qres.virtual.sites import DEMO_KEY, site_for
from tests.qres.site_text import GOOD, found
from tests.qres.test_site import line_of_nodes, make_site

HOUR_US = 3_600_000_000
START_US = 20_000 * 24 * HOUR_US


def with_battery(n: int = 3, tolerance_class: str = "standard") -> Site:
    """A site whose nodes have batteries."""
    tolerance = Tolerance.of(tolerance_class, channels=site_channels(battery=True))
    return make_site(line_of_nodes(n), battery=True, tolerance=tolerance)


def test_without_battery_every_frame_is_what_it_was() -> None:
    """
    Site hash and two days of frames are those of before there was a battery channel.

    source: the same run with the package as of commit 3d63a48.
    """
    weather = weather_file.demo().with_mean_wind()
    field = VirtualField(site_for(weather), DEMO_KEY, weather)
    digest = hashlib.sha256()
    for _ in range(2 * 96):
        for sent in field.run_phase().transmissions:
            digest.update(sent.frame)
    assert field.field.site_hash == 0xAA451AF7
    assert digest.hexdigest()[:16] == "4e47a9733f1cca3a"


@pytest.mark.parametrize(
    ("tolerance_class", "mv"), [("strict", 50), ("standard", 100), ("coarse", 200)]
)
def test_the_battery_is_channel_4_on_air(tolerance_class: str, mv: int) -> None:
    """Its number is its place in the site's table; HOLD, rider, no role; the others are as ever."""
    site = with_battery(tolerance_class=tolerance_class)
    assert site.channels == (*V1, BATTERY)
    assert site.channels.index(BATTERY) == 4 != CHANNELS.index(BATTERY)
    table = Field(site).c.site
    assert table.n_channels == 5
    c = table.channel[4]
    assert (c.tol, c.step, c.lo, c.hi) == (mv << 16, mv << 14, 0, 6000 << 16)
    assert (c.flags, c.rho, list(c.w0)) == (0, 0, [0, 0, 0, 0])
    for got, ref in zip(table.channel, fire_channels(tolerance_class), strict=False):
        assert (got.tol, got.step, got.lo, got.hi) == (ref.tol, ref.step, ref.lo, ref.hi)


def test_lengths_follow_the_table() -> None:
    """Python's slots are the core's, which are longer by what a battery adds to a report."""
    for n in (1, 4, 128):
        site = replace(with_battery(n), epoch_s=3600)
        assert site.commit_us == Field(site).commit_us
    assert with_battery().slot_us >= make_site(line_of_nodes(3)).slot_us


def test_tolerance_must_be_of_the_sites_channels() -> None:
    """A site with batteries and a tolerance without, or the other way round, is refused."""
    site = make_site(line_of_nodes(2))
    with pytest.raises(RangeError, match=r"must be of the site's channels .*rain_mm, batt_mv"):
        replace(site, battery=True)
    with pytest.raises(RangeError, match="must be of the site's channels"):
        replace(with_battery(), battery=False)
    with pytest.raises(RangeError, match="tolerance of = batt_mv: this site does not send it"):
        site.tolerance["batt_mv"]


def test_site_file_round_trip(tmp_path: Path) -> None:
    """What is written is read back, with an own tolerance of the battery; by default none is."""
    tolerance = Tolerance.of("coarse", {"batt_mv": 150.0}, site_channels(battery=True))
    site = make_site(line_of_nodes(2), tmp_path, battery=True, tolerance=tolerance)
    path = tmp_path / "site.toml"
    path.write_text(site_to_toml(site, path))
    assert load_site(path) == site
    assert site.tolerance.overrides == {"batt_mv": 150.0}
    plain = make_site(line_of_nodes(2), tmp_path)
    text = site_to_toml(plain, path)
    assert "batt_mv" not in text
    assert parse_site(path, text.replace("battery = false", ""))[0] == plain


def test_site_new_and_export() -> None:
    """A new site can have batteries; the export numbers its channels as on air."""
    site = new_site(
        name="a",
        region_name="EU868",
        nodes=placeholder_nodes(2, 50.0),
        folder=Path(),
        battery=True,
    )
    out = site_to_dict(site)
    assert out["battery"] is True
    assert [c["index"] for c in out["channels"]] == [0, 1, 2, 3, 4]
    assert out["channels"][4]["name"] == "batt_mv"
    assert (out["channels"][4]["tolerance"], out["channels"][4]["step"]) == (100.0, 25.0)


@pytest.mark.parametrize(
    ("protocol", "tolerance", "said"),
    [
        ("", "80", "20: tolerance.batt_mv = 80: this site does not send it; battery = true in"),
        ("battery = 1\n", "80", "17: protocol.battery = 1: must be true or false"),
        ("battery = true\n", "0.5", "21: tolerance.batt_mv = 0.5: must be a number 0.8..256 mV"),
        ("battery = true\n", "300", "21: tolerance.batt_mv = 300: must be a number 0.8..256 mV"),
    ],
)
def test_mistakes_in_the_site_file(
    tmp_path: Path, protocol: str, tolerance: str, said: str
) -> None:
    """Each is named once, with file, line, key, value and limit."""
    (problem,) = found(tmp_path, _spoilt(protocol, tolerance))
    assert problem.startswith(f"site.toml:{said}")


def _spoilt(protocol: str, batt_mv: str) -> str:
    text = GOOD.replace("epoch_s = 600\n", f"epoch_s = 600\n{protocol}")
    return text.replace('class = "standard"\n', f'class = "standard"\nbatt_mv = {batt_mv}\n')


def test_limits_of_the_tolerance_are_the_cores(tmp_path: Path) -> None:
    """What the check lets pass at either end, the core takes."""
    for value in (0.8, 256):
        text = _spoilt("battery = true\n", str(value))
        site, problems = parse_site(tmp_path / "site.toml", text)
        assert site is not None, problems
        assert Field(site).c.site.channel[4].tol == round(value * 65536)


def test_provisioning_record_carries_five_channels() -> None:
    """The record is 40 bytes longer, says five, holds the battery's row, and reads back."""
    site = with_battery()
    record = encode(site, 1, bytes(16), 1_795_305_600)
    assert len(record) == 144 + 5 * 40 + 3 * 16 + 4
    assert record[38:41] == bytes([5, 3, 1])
    assert struct.unpack_from("<4i", record, 144 + 4 * 40) == (100 << 16, 25 << 16, 0, 6000 << 16)
    read = decode(record)
    assert (read.site_hash, read.n_members) == (Field(site).site_hash, 3)


def test_largest_checkpoint_with_batteries_fits_its_frames() -> None:
    """128 nodes with values all over the range of five channels make a blob that can be sent."""
    field = Field(replace(with_battery(128), epoch_s=3600))
    state = ffi.new("qres_state *")
    lib.qres_state_init(state, field.c, 4 * 24 * 20_000 - 1)
    rng = np.random.default_rng(1)
    for i in range(128):
        state.absent[i], state.last_report[i] = 0, state.phase + 1
        for number, c in enumerate(field.site.channels):
            step = field.c.site.channel[number].step
            k = int(rng.integers(c.lower * 65536 // step, c.upper * 65536 // step))
            state.last[number][i], state.slow[number][i] = k * step, k // 4 * 4 * step
    blob = ffi.new("uint8_t[]", lib.QRES_BLOB_MAX)
    length = lib.qres_blob_encode(field.c, state, blob, lib.QRES_BLOB_MAX)
    assert 128 < length <= lib.QRES_BLOB_MAX


def test_every_replica_holds_every_battery_within_tolerance() -> None:
    """A day of six nodes: all replicas equal, no battery further off than 100 mV, all known."""
    weather = densify(weather_file.demo().with_mean_wind(), 6, seed=1)
    field = VirtualField(site_for(weather, battery=True), DEMO_KEY, weather)
    figures = run(field, 96).as_dict()
    assert figures["replicas_equal"]
    assert figures["outside_tolerance"] == 0.0
    assert list(figures["max_error"]) == [c.name for c in field.field.site.channels]
    assert 25 < figures["max_error"]["batt_mv"] <= 100.0
    node = field.nodes[0]
    assert node.values.shape == node.present.shape == (6, 5)
    assert node.present.all()
    assert ((node.judged[:, 4] > 3000) & (node.judged[:, 4] <= FULL_MV + 100)).all()


def test_following_danger_leaves_the_battery_alone() -> None:
    """With `follow` the tolerances of the primary channels change with the regime, no rider's."""
    weather = densify(weather_file.demo().with_mean_wind(), 4, seed=1)
    field = VirtualField(site_for(weather, follow=True, battery=True), DEMO_KEY, weather)
    result = field.run_phase()
    assert result.tolerance_q16.shape == (1, 5)
    assert (result.tolerance_q16[0] / 65536).tolist() == [2.0, 10.0, 2.0, 1.0, 100.0]


def test_simulated_battery_is_like_one() -> None:
    """Seeded, whole millivolts, in a cell's range; fuller at three than at dawn; declining."""
    site = with_battery(128)
    battery = SimulatedBattery(site, start_us=START_US, seed=3)
    solar_us = round(4.0 / 360 * 24 * HOUR_US)  # the nodes are at 4 degrees east

    def at(day: int, hour: float) -> np.ndarray:
        return battery.mv(START_US - solar_us + round((24 * day + hour) * HOUR_US))

    again = SimulatedBattery(site, start_us=START_US, seed=3)
    assert (again.mv(START_US + 5) == battery.mv(START_US + 5)).all()
    assert (SimulatedBattery(site, start_us=START_US, seed=4).mv(START_US) != at(0, 0)).any()
    every = np.stack([at(day, hour) for day in range(0, 60, 7) for hour in range(0, 24, 5)])
    assert (every == np.rint(every)).all()
    assert 3000 <= every.min() < every.max() <= FULL_MV
    for day in range(5):
        assert (at(day, 15) - at(day, 5.9)).mean() > 15
    lost = at(0, 5.9) - at(30, 5.9)
    assert 0 < np.median(lost[~battery.is_weak]) < 150
    assert lost[battery.is_weak].mean() > 2 * lost[~battery.is_weak].mean()
    assert 3 < battery.is_weak.sum() < 32


def test_a_repeated_record_has_batteries_that_go_on() -> None:
    """In a looped field the weather repeats; the battery has the time that it is."""
    weather = densify(weather_file.demo().with_mean_wind(), 2, seed=1)
    field = LoopedField(site_for(weather, battery=True), DEMO_KEY, weather, start_us=START_US)
    span_us = 15 * 24 * HOUR_US  # the demo's record
    first, second = field.samples_q16(START_US), field.samples_q16(START_US + span_us)
    assert (first[:, :3] == second[:, :3]).all()
    assert (first[:, 4] != second[:, 4]).any()
