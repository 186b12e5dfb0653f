# SPDX-License-Identifier: Apache-2.0
"""`relays` of the site file: reading, writing, refusing, and the time that they take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qres.core import Field
from qres.errors import RangeError, SiteError
from qres.site import N_RELAYS_MAX, load_site, site_to_toml
from qres.site_check import parse_site
from qres.site_export import site_to_dict
from tests.qres.site_text import GOOD, HEAD, blocks, found
from tests.qres.test_site import line_of_nodes, make_site


def good(relays: str, text: str = GOOD) -> str:
    """The good site file with this value of `relays`, on line 17."""
    return text.replace("epoch_s = 600", f"epoch_s = 600\nrelays = {relays}")


def load(folder: Path, text: str) -> tuple[int, ...]:
    """The relays of a site file with this text."""
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return load_site(path).relays


def test_relays_are_ids_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Ids are read as they stand, neither sorted nor turned into rows; none is the default."""
    assert load(tmp_path, good("[3, 1]")) == (3, 1)
    assert load(tmp_path, good("[1]")) == (1,)
    assert load(tmp_path, good("[]")) == load(tmp_path, GOOD) == ()
    assert load(tmp_path, good("[3, 17]", HEAD + blocks(20))) == (3, 17)
    assert found(tmp_path, good("[3, 1]")) == []


def test_template_and_text_name_them(tmp_path: Path) -> None:
    """The written file has `relays = [3, 17]` in [protocol], which is read back the same."""
    site = make_site(line_of_nodes(20), tmp_path, relays=(3, 17))
    text = site_to_toml(site, tmp_path / "site.toml")
    protocol = text[text.index("[protocol]") : text.index("[tolerance]")]
    assert "\nrelays = [3, 17]  # " in protocol
    assert load(tmp_path, text) == (3, 17)
    assert "\nrelays = []  # " in site_to_toml(replace(site, relays=()))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(relays=st.lists(st.integers(0, 19), max_size=N_RELAYS_MAX, unique=True))
def test_round_trip(tmp_path: Path, relays: list[int]) -> None:
    """Whichever nodes repeat, the site that is written is the site that is read."""
    site = make_site(line_of_nodes(20), tmp_path, relays=tuple(relays))
    path = tmp_path / "site.toml"
    path.write_text(site_to_toml(site, path), encoding="utf-8")
    assert load_site(path) == site


LIST = "must be a list of node ids, whole numbers like [3, 17]"


@pytest.mark.parametrize(
    ("relays", "said"),
    [
        ("[1, 2]", "a list of 2: the site has no node 2"),
        ("[128, -1]", "a list of 2: the site has no node -1, 128"),
        ("[1, 3, 1]", "a list of 3: names node 1 twice: must name each node once"),
        ("1", f"1: {LIST}"),
        ('"1, 3"', f'"1, 3": {LIST}'),
        ("true", f"true: {LIST}"),
        ("[true]", f"a list of 1: {LIST}"),
        ("[1, true]", f"a list of 2: {LIST}"),
        ("[1.0]", f"a list of 1: {LIST}"),
        ('["1"]', f"a list of 1: {LIST}"),
        ("[[1]]", f"a list of 1: {LIST}"),
        ("{ a = 1 }", f"a table: {LIST}"),
    ],
)
def test_what_are_no_relays_is_refused(tmp_path: Path, relays: str, said: str) -> None:
    """One sentence with file, line, key, value and what would be right."""
    assert found(tmp_path, good(relays)) == [f"site.toml:17: protocol.relays = {said}"]
    assert parse_site(tmp_path / "site.toml")[0] is None


def test_eight_are_the_most(tmp_path: Path) -> None:
    """Eight relays are fine in a field of twenty, nine are not."""
    text = HEAD + blocks(20)
    assert found(tmp_path, good("[0, 1, 2, 3, 4, 5, 6, 7]", text)) == []
    (said,) = found(tmp_path, good("[0, 1, 2, 3, 4, 5, 6, 7, 8]", text))
    assert said == "site.toml:17: protocol.relays = a list of 9: must have at most 8 entries"


def test_nodes_that_cannot_be_used_are_said_alone(tmp_path: Path) -> None:
    """A mistake in a node's block does not make its relay unknown as well."""
    text = good("[3, 1]").replace("lat_deg = 50.98", "lat_deg = 95.0")
    assert found(tmp_path, text) == [
        "site.toml:25: node[0].lat_deg = 95.0: must be a number -90..90 degrees north"
    ]
    (first, second) = found(tmp_path, text.replace("[3, 1]", "[3, 3]"))
    assert first.endswith("a list of 2: names node 3 twice: must name each node once")
    assert second.startswith("site.toml:25: ")


@pytest.mark.parametrize(
    ("relays", "said"),
    [
        ((0, 5), r"relays = \(0, 5\): the site has no node 5"),
        ((1, 1), r"relays = \(1, 1\): at most 8, all different"),
        (tuple(range(9)), "at most 8, all different"),
    ],
)
def test_a_site_made_in_python_keeps_the_rules(relays: tuple[int, ...], said: str) -> None:
    """The same rules hold for a site that comes from no file."""
    with pytest.raises(RangeError, match=said):
        make_site(line_of_nodes(4), relays=relays)


@pytest.mark.parametrize(("sf", "bw_hz"), [(7, 125_000), (9, 125_000), (10, 500_000)])
@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("z", [0, 1, 3, 8])
def test_time_is_that_of_the_core(sf: int, bw_hz: int, *, echo: bool, z: int) -> None:
    """Commit time, and the members that a phase has room for, are those that the core derives."""
    site = make_site(line_of_nodes(41), relays=tuple(range(40, 40 - z, -1)), echo=echo)
    site = replace(site, sf=sf, bw_hz=bw_hz)
    core = Field(site)
    assert site.commit_us == core.commit_us
    assert site.slot_us == int(core.c.slot_us)
    assert site.common_us == int(core.c.common_us)
    assert site.commit_us == replace(site, relays=()).commit_us + 2 * z * site.common_us
    room = min(site.phase_room, 32)
    full = replace(site, nodes=tuple(line_of_nodes(4 * room)))
    assert Field(full).commit_us < site.phase_us


@pytest.mark.parametrize("z", [0, 2, 5])
def test_room_is_all_that_there_is(z: int) -> None:
    """With one member more than `phase_room` in a phase, the core refuses the site."""
    site = make_site(line_of_nodes(20), relays=tuple(range(z)), epoch_s=300, sf=12, bw_hz=62_500)
    room = site.phase_room
    assert 5 < room < 32
    Field(replace(site, nodes=tuple(line_of_nodes(4 * room))))
    with pytest.raises(RangeError, match="a phase is too short for its slots"):
        Field(replace(site, nodes=tuple(line_of_nodes(4 * room + 1))))


def slow(n: int, relays: str) -> str:
    """A site of *n* nodes with the slowest radio and the shortest epoch, with relays."""
    text = good(relays, HEAD + blocks(n)).replace("sf = 9", "sf = 12").replace("= 600", "= 300")
    return text.replace("bw_hz = 125_000", "bw_hz = 62_500")


def test_relays_for_which_a_phase_is_too_short(tmp_path: Path) -> None:
    """Relays that do not fit are refused, with what would help."""
    # source: SPEC 3 by hand, slots of 2.52 s and 5.14 s as in test_slots_that_do_not_fit.
    # 6 relays: 0.5 + 5 * 2.52 + 13 * 5.14 = 79.92 s of 75 s; without members 67.32 s, so for
    # floor(7.68 / 2.52) = 3 in each phase there is room. 5 relays: 0.5 + 12.6 + 56.54 = 69.64 s.
    assert found(tmp_path, slow(20, "[0, 1, 2, 3, 4, 5]")) == [
        (
            "site.toml:10: radio.sf = 12: 5 slots of 2.52 s and 13 common and relay slots of"
            " 5.14 s take 79.9 s: must be below the 75 s of a phase (a quarter of epoch_s = 300);"
            " lower sf, widen bw_hz, lengthen epoch_s, have fewer relays than 6, or at most"
            " 12 nodes"
        )
    ]
    assert found(tmp_path, slow(20, "[0, 1, 2, 3, 4]")) == []
    assert found(tmp_path, slow(12, "[0, 1, 2, 3, 4, 5]")) == []
    assert len(found(tmp_path, slow(13, "[0, 1, 2, 3, 4, 5]"))) == 1
    (said,) = found(tmp_path, slow(20, "[0, 1, 2, 3, 4, 5, 6, 7]"))
    assert said.endswith("lengthen epoch_s, have fewer relays than 8")  # no node would fit
    with pytest.raises(SiteError, match="have fewer relays than 8"):
        load_site(tmp_path / "site.toml")


def test_export_has_relays_and_their_time(tmp_path: Path) -> None:
    """The exported data name the relays, as ids, and the commit that they delay."""
    site = make_site(line_of_nodes(5), tmp_path, relays=(4, 2))
    data = site_to_dict(site)
    assert data["relays"] == [4, 2]
    assert data["commit_us"] == site.commit_us
    assert site_to_dict(replace(site, relays=()))["relays"] == []


def test_the_core_is_told_rows() -> None:
    """Ids of the file become rows of the core, in the same order."""
    nodes = [replace(n, id=10 * n.id + 3) for n in line_of_nodes(5)]
    core = Field(make_site(nodes, relays=(43, 3))).c.site
    assert list(core.relay[0 : core.n_relays]) == [4, 0]
