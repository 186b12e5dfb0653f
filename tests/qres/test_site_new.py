# SPDX-License-Identifier: Apache-2.0
"""New fields: their files, their channels, their nodes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from qres import weather_file
from qres.errors import KeyFileError, QresError, RangeError, SiteError
from qres.keys import KEY_BYTES, read_key_file
from qres.region import regions
from qres.site import Site, SiteNode, load_site
from qres.site_check import check_site
from qres.site_new import (
    new_site,
    nodes_from_csv,
    nodes_from_weather,
    placeholder_nodes,
    write_site,
)


def make(folder: Path, region: str = "EU868", n: int = 3) -> Site:
    """A new site of *n* nodes in Flanders."""
    nodes = placeholder_nodes(n, 51.0, 4.0)
    return new_site(name="Rim", region_name=region, nodes=nodes, folder=folder)


def test_new_field_passes_its_own_check(tmp_path: Path) -> None:
    """Site file and key are written, the key is private, and the check finds nothing."""
    path, problems = write_site(make(tmp_path / "a" / "b"))
    assert problems == []
    assert check_site(path) == []
    assert path == tmp_path / "a" / "b" / "site.toml"
    key = path.parent / "site.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(read_key_file(key)) == KEY_BYTES
    assert read_key_file(key).hex() not in path.read_text()
    assert sorted(p.name for p in path.parent.iterdir()) == ["site.key", "site.toml"]


def test_every_supported_region_has_a_legal_start(tmp_path: Path) -> None:
    """In each region that the core supports, a new field of 128 nodes passes the check."""
    supported = [r.name for r in regions() if not r.unsupported]
    assert "EU868" in supported
    for name in supported:
        path, problems = write_site(make(tmp_path / name, name, 128))
        assert problems == []
        assert check_site(path) == []


def test_us_starts_with_500_khz(tmp_path: Path) -> None:
    """In the US a single channel is legal at 500 kHz only, so that is where a new field starts."""
    # source: 47 CFR 15.247(a)(2)
    assert make(tmp_path, "US915").bw_hz == 500_000


def test_randomness_makes_field_id_and_key(tmp_path: Path) -> None:
    """The field id comes from the given source, and never is 0."""
    site = new_site(
        name="a",
        region_name="EU868",
        nodes=placeholder_nodes(1),
        folder=tmp_path,
        random_bytes=lambda n: bytes(range(1, n + 1)),
    )
    assert site.field_id == 0x04030201
    zero = new_site(name="a", region_name="EU868", nodes=[], folder=tmp_path, random_bytes=bytes)
    assert zero.field_id == 1
    assert make(tmp_path).field_id != make(tmp_path).field_id


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    """A field that is there stays as it is, whichever of its files is there."""
    path, _ = write_site(make(tmp_path))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(QresError, match=r"site\.toml: exists already; --force replaces it"):
        write_site(make(tmp_path))
    path.unlink()
    with pytest.raises(KeyFileError, match=r"site\.key: exists already; --keep-key keeps it"):
        write_site(make(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["site.key"]
    assert (tmp_path / "site.key").read_bytes() == before["site.key"]


def test_replacing_and_keeping_the_key(tmp_path: Path) -> None:
    """Replacing makes a new key; keeping keeps it, and needs one that is good."""
    with pytest.raises(KeyFileError, match="not found"):
        write_site(make(tmp_path), keep_key=True)
    assert list(tmp_path.iterdir()) == []
    path, _ = write_site(make(tmp_path))
    first = read_key_file(tmp_path / "site.key")
    write_site(make(tmp_path, n=9), replace=True, keep_key=True)
    assert read_key_file(tmp_path / "site.key") == first
    assert len(load_site(path).nodes) == 9
    write_site(make(tmp_path), replace=True)
    assert read_key_file(tmp_path / "site.key") != first


@pytest.mark.parametrize("there_before", [False, True])
def test_ctrl_c_between_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there_before: bool
) -> None:
    """Ctrl-C after the key and before the site file leaves what was there before."""
    if there_before:
        write_site(make(tmp_path))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    replace = Path.replace

    def stop(self: Path, target: Path) -> Path:
        if target.name == "site.toml":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_site(make(tmp_path), replace=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_site_that_breaks_a_rule_is_not_written(tmp_path: Path) -> None:
    """A new site goes through the same check as any other, before anything is written."""
    nodes = [SiteNode(0, "a", 51.0, 4.0), SiteNode(0, "b", 51.1, 4.0)]
    site = new_site(name="Rim", region_name="EU868", nodes=nodes, folder=tmp_path / "x")
    with pytest.raises(SiteError, match=r"node\[1\]\.id = 0: ids must be unique"):
        write_site(site)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("eu868", "region = eu868: must be one of EU868, US915, AU915"),
        ("KR920", "region = KR920: the rules ask for listen-before-talk"),
    ],
)
def test_regions_without_a_start(tmp_path: Path, region: str, said: str) -> None:
    """An unknown region lists the known ones; an unsupported one says why it is not."""
    with pytest.raises(RangeError) as error:
        make(tmp_path, region)
    assert str(error.value).startswith(said)
    assert "must be one of EU868, US915, AU915" in str(error.value)


def test_placeholders_are_a_kilometre_apart() -> None:
    """Nodes on the grid are 1 km apart, about the centre that was asked for."""
    nodes = placeholder_nodes(4, 60.0, 10.0)
    # source: 1 km / 111.195 km per degree, halved; in longitude divided by cos 60 = 0.5
    assert [(n.lat_deg, n.lon_deg) for n in nodes] == [
        (59.995503, 9.991007),
        (59.995503, 10.008993),
        (60.004497, 9.991007),
        (60.004497, 10.008993),
    ]
    assert [n.id for n in placeholder_nodes(128)] == list(range(128))


@pytest.mark.parametrize(
    ("n", "lat", "lon", "said"),
    [
        (0, 0.0, 0.0, "nodes = 0: must be 1..128"),
        (129, 0.0, 0.0, "nodes = 129: must be 1..128"),
        (1, 81.0, 0.0, "lat = 81.0: must be -80..80 degrees north"),
        (1, float("nan"), 0.0, "lat = nan: must be -80..80 degrees north"),
        (1, 0.0, 181.0, "lon = 181.0: must be -180..180 degrees east"),
    ],
)
def test_placeholders_have_limits(n: int, lat: float, lon: float, said: str) -> None:
    """Counts and centres outside the limits are refused."""
    with pytest.raises(RangeError) as error:
        placeholder_nodes(n, lat, lon)
    assert str(error.value) == said


def test_nodes_from_recorded_weather() -> None:
    """A node per station, with its name and position; more stations than nodes are refused."""
    demo = weather_file.demo()
    nodes = nodes_from_weather(demo)
    assert nodes[1] == SiteNode(1, "Gent Sterre", 51.022379, 3.709695, 0.0)
    assert len(nodes) == 28
    with pytest.raises(RangeError, match=r"stations = 140: must be 1\.\.128"):
        nodes_from_weather(demo.subset(list(range(28)) * 5))


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("lat,lon\n50,4\n51,5\n", [(0, "node 0", 50, 4, 0), (1, "node 1", 51, 5, 0)]),
        (
            "\ufeffID;Station;Latitude;Longitude;Elevation;x\r\n7;Rim;50,5;4;;\r\n".replace(
                "50,5", "50.5"
            ),
            [(7, "Rim", 50.5, 4, 0)],
        ),
        ('elev_m\tlon_deg\tlat_deg\tname\n12\t4\t50\t"A, b"\n\n', [(0, "A, b", 50, 4, 12)]),
    ],
)
def test_nodes_from_a_table(
    tmp_path: Path, text: str, nodes: list[tuple[int, str, float, float, float]]
) -> None:
    """Tables with the usual names, separators and gaps are understood."""
    path = tmp_path / "stations.csv"
    path.write_text(text, encoding="utf-8")
    assert nodes_from_csv(path) == [SiteNode(*n) for n in nodes]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: columns are : must have lat and lon"),
        ("a,b\n1,2\n", ":1: columns are a, b: must have lat and lon"),
        ("lat,lon\n50,x\n", ":2: id, lat, lon and elev must be numbers: could not convert"),
        ("lat,lon\n50,4\n50\n", ":3: id, lat, lon and elev must be numbers: could not convert"),
        ("id,lat,lon\n1.5,50,4\n", ":2: id, lat, lon and elev must be numbers: invalid literal"),
    ],
)
def test_tables_without_positions(tmp_path: Path, text: str, said: str) -> None:
    """A table without positions, or with a cell that is no number, is refused by line."""
    path = tmp_path / "stations.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(QresError) as error:
        nodes_from_csv(path)
    assert str(error.value).startswith(f"{path}{said}")
    with pytest.raises(QresError, match="cannot be read as a table"):
        nodes_from_csv(tmp_path / "none.csv")
