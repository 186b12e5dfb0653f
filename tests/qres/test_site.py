# SPDX-License-Identifier: Apache-2.0
"""The site file: reading, writing, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qres._core import ffi, lib
from qres.errors import SiteError
from qres.reference import RefMember, RefSite, fire_channels
from qres.site import (
    Site,
    SiteNode,
    load_site,
    phases,
    site_to_toml,
    slot_ranks,
    xyz_m,
)
from qres.site_export import site_to_dict
from qres.tolerance import Tolerance

NODES = st.lists(
    st.builds(
        SiteNode,
        id=st.integers(0, 127),
        name=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=32),
        lat_deg=st.floats(45, 45.5).map(lambda v: round(v, 7)),
        lon_deg=st.floats(-120.5, -120).map(lambda v: round(v, 7)),
        elev_m=st.floats(-400, 8000),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda n: n.id,
)


def make_site(nodes: list[SiteNode], folder: Path = Path(), **changes: object) -> Site:
    """A legal site with these nodes."""
    site = Site(
        name="Rim",
        field_id=0xDEADBEEF,
        region="EU868",
        freq_hz=869_525_000,
        sf=9,
        bw_hz=125_000,
        cr="4/5",
        preamble_symbols=8,
        tx_power_dbm=14,
        epoch_s=600,
        range_m=20_000,
        tolerance=Tolerance.of("standard"),
        nodes=tuple(sorted(nodes, key=lambda n: n.id)),
        key_file=folder / "site.key",
    )
    return replace(site, **changes)  # type: ignore[arg-type]  # what a test wants changed


def line_of_nodes(n: int) -> list[SiteNode]:
    """*n* nodes, about 1 km apart, from south to north."""
    return [SiteNode(i, f"n{i}", 50 + i * 0.009, 4.0, 100.0 + i) for i in range(n)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nodes=NODES,
    name=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=64),
    field_id=st.integers(1, 2**32 - 1),
    tolerance=st.sampled_from(
        [Tolerance.of("strict"), Tolerance.of("coarse", {"wind_m_s": 1.7, "rain_mm": 0.4})]
    ),
)
def test_round_trip(
    tmp_path: Path, nodes: list[SiteNode], name: str, field_id: int, tolerance: Tolerance
) -> None:
    """What is written as a site file is read back the same, whatever it is called."""
    site = make_site(nodes, tmp_path, name=name, field_id=field_id, tolerance=tolerance)
    path = tmp_path / "site.toml"
    path.write_text(site_to_toml(site, path), encoding="utf-8")
    assert load_site(path) == site


def test_key_file_elsewhere(tmp_path: Path) -> None:
    """A key file in another folder is written and read with its folder."""
    site = make_site(line_of_nodes(2), key_file=tmp_path / "keys" / "a.key")
    path = tmp_path / "site.toml"
    path.write_text(site_to_toml(site, path), encoding="utf-8")
    assert load_site(path).key_file == tmp_path / "keys" / "a.key"


def test_load_refuses_with_every_error(tmp_path: Path) -> None:
    """A file with errors raises one exception that lists them all, and no warnings."""
    path = tmp_path / "site.toml"
    text = site_to_toml(make_site(line_of_nodes(2), tmp_path), path)
    path.write_text(text.replace("sf = 9", "sf = 13").replace("id = 1\n", "id = 0\n"))
    with pytest.raises(SiteError) as error:
        load_site(path)
    assert [p.key for p in error.value.problems] == ["radio.sf", "node[1].id"]
    assert str(error.value).splitlines() == [str(p) for p in error.value.problems]


def test_load_does_not_need_the_key(tmp_path: Path) -> None:
    """A site can be read where its key is not: planning needs no secret."""
    path = tmp_path / "site.toml"
    path.write_text(site_to_toml(make_site(line_of_nodes(3), tmp_path), path))
    assert load_site(path).ids == (0, 1, 2)


def test_phases_by_hand() -> None:
    """Five nodes on a line: the middle one first, then the ends, then between."""
    # source: by hand. Order of ids 2, 0, 4, 1, 3 (ties to the lower id), dealt to phases 0 1 2 3 0
    site = make_site(line_of_nodes(5))
    assert phases(site).tolist() == [1, 3, 0, 0, 2]
    assert slot_ranks(site).tolist() == [0, 0, 0, 1, 0]
    assert phases(site).dtype == slot_ranks(site).dtype == np.uint8


@given(NODES)
def test_phases_are_balanced_and_slots_without_gaps(nodes: list[SiteNode]) -> None:
    """Phases differ by at most one member, and in each the slots are 0, 1, 2, ..."""
    site = make_site(nodes)
    phase, rank = phases(site), slot_ranks(site)
    for f in range(4):
        assert sorted(rank[phase == f].tolist()) == list(range(int((phase == f).sum())))
    sizes = np.bincount(phase, minlength=4)
    assert sizes.max() - sizes.min() <= 1
    assert sizes.max() == site.phase_members_max


def test_phases_do_not_depend_on_the_order_in_the_file(tmp_path: Path) -> None:
    """Blocks in another order give the same phase to the same id."""
    site = make_site(line_of_nodes(9), tmp_path)
    path = tmp_path / "site.toml"
    head, *blocks = site_to_toml(site, path).split("[[node]]")
    path.write_text(head + "".join(f"[[node]]{b}\n" for b in reversed(blocks)))
    assert load_site(path) == site
    assert phases(load_site(path)).tolist() == phases(site).tolist()


def test_coordinates() -> None:
    """East, north and height in whole metres, height rounded half up."""
    site = make_site([SiteNode(0, "a", 50.0, 4.0, 12.5), SiteNode(1, "b", 50.0, 4.0, -0.4)])
    assert xyz_m(site).tolist() == [[0, 0, 13], [0, 0, 0]]


@pytest.mark.parametrize(("sf", "bw_hz"), [(7, 125_000), (9, 125_000), (11, 500_000)])
@pytest.mark.parametrize("n", [1, 4, 5, 128])
def test_slots_are_those_of_the_core_and_of_the_reference(sf: int, bw_hz: int, n: int) -> None:
    """Slot lengths and commit time equal those that core and reference derive on their own."""
    site = make_site(line_of_nodes(n), sf=sf, bw_hz=bw_hz)
    at = xyz_m(site).tolist()
    members = [
        {"id": i, "phase": p, "slot": s, "x_m": x, "y_m": y, "z_m": z}
        for i, p, s, (x, y, z) in zip(
            site.ids, phases(site).tolist(), slot_ranks(site).tolist(), at, strict=True
        )
    ]
    table = fire_channels("standard")
    reference = RefSite(
        field_id=site.field_id,
        epoch_s=site.epoch_s,
        range_m=site.range_m,
        sf=sf,
        bw_hz=bw_hz,
        cr=1,
        preamble_symbols=8,
        channels=table,
        members=tuple(RefMember(**m) for m in members),
    )
    assert (site.slot_us, site.phase_us) == (reference.slot_us, reference.phase_us)
    assert site.commit_us == reference.commit_us(0)

    core = ffi.new("qres_site *")
    core.field_id, core.epoch_s, core.range_m = site.field_id, site.epoch_s, site.range_m
    core.lora = {"sf": sf, "bw_hz": bw_hz, "cr": 1, "preamble_symbols": 8, "crc": 1}
    core.n_channels, core.n_members = len(table), n
    for i, c in enumerate(table):
        core.channel[i] = {
            name: getattr(c, name) for name in ("tol", "step", "lo", "hi", "rho", "flags", "w0")
        }
    for i, member in enumerate(members):
        core.member[i] = member
    field = ffi.new("qres_field *")
    assert lib.qres_field_init(field, core) == 0
    times = (field.slot_us, field.common_us, field.commit_us, field.phase_us)
    assert (site.slot_us, site.common_us, site.commit_us, site.phase_us) == times


def test_export_has_what_follows(tmp_path: Path) -> None:
    """The exported data hold phase, slot and coordinates of every node, and nothing of the key."""
    site = make_site(line_of_nodes(5), tmp_path)
    data = site_to_dict(site)
    assert [n["phase"] for n in data["nodes"]] == phases(site).tolist()
    assert [n["slot"] for n in data["nodes"]] == slot_ranks(site).tolist()
    assert [n["z_m"] for n in data["nodes"]] == [100, 101, 102, 103, 104]
    assert [c["name"] for c in data["channels"]] == ["temp_degc", "rh_pct", "wind_m_s", "rain_mm"]
    assert data["slot_us"] == site.slot_us
    assert not [k for k in data if "key" in k]
