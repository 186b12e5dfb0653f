# SPDX-License-Identifier: Apache-2.0
"""What the site check says of whole files, and of what several keys say together."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qres.keys import write_key_file
from qres.site_check import check_site, parse_site
from tests.qres.site_text import GOOD, HEAD, KEY, blocks, found


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        # The words after the value are those of the region's own check.
        ("869_525_000", "915_000_000", "site.toml:8: radio.freq_hz = 915000000: ", "outside EU868"),
        ("869_525_000", "868_650_000", "site.toml:8: radio.freq_hz = 868650000: ", "forbidden gap"),
        ("869_525_000", "869_400_000", "site.toml:9: radio.bw_hz = 125000: ", "over the edge"),
        ("bw_hz = 125_000", "bw_hz = 500_000", "site.toml:9: radio.bw_hz = 500000: ", "edge"),
        ("dbm = 14", "dbm = 30", "site.toml:13: radio.tx_power_dbm = 30: ", "27 dBm ERP"),
        ('"EU868"', '"KR920"', 'site.toml:7: radio.region = "KR920": ', "listen-before-talk"),
    ],
)
def test_the_law_of_the_region(tmp_path: Path, old: str, new: str, key: str, words: str) -> None:
    """What the region forbids is said at the key that is to be changed."""
    said = found(tmp_path, GOOD.replace(old, new))
    assert len(said) == 1
    assert said[0].startswith(key)
    assert words in said[0]


def test_single_channel_of_125_khz_is_not_legal_in_the_us(tmp_path: Path) -> None:
    """US915 asks for 500 kHz (47 CFR 15.247(a)(2)), and then the same file is fine."""
    text = GOOD.replace('"EU868"', '"US915"').replace("869_525_000", "917_500_000")
    (said,) = found(tmp_path, text)
    assert said.startswith("site.toml:9: radio.bw_hz = 125000: is below 500000")
    assert found(tmp_path, text.replace("125_000", "500_000")) == []


def test_too_many_nodes(tmp_path: Path) -> None:
    """128 nodes are fine; the 129th is named by line, and its id is too large as well."""
    assert found(tmp_path, HEAD + blocks(128)) == []
    assert found(tmp_path, HEAD + blocks(129)) == [
        (
            "site.toml:661: node[128] = a table: this is block 129 of 129: must be 1..128 blocks"
            " [[node]]"
        ),
        "site.toml:662: node[128].id = 128: must be a whole number 0..127",
    ]


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ("", "site.toml:1: node is missing: must be 1..128 blocks [[node]]"),
        ("[node]\nid = 1\n", "site.toml:21: node = a table: must be 1..128 blocks [[node]]"),
    ],
)
def test_no_nodes(tmp_path: Path, nodes: str, said: str) -> None:
    """A field without nodes, or with one that is no list, is refused."""
    assert found(tmp_path, HEAD + nodes) == [said]


def test_nodes_as_inline_tables(tmp_path: Path) -> None:
    """Nodes may be written as a list of inline tables; problems still find their line."""
    text = "node = [\n{ id = 1, lat_deg = 50, lon_deg = 4 },\n{ id = 1, lat_deg = 50.1, lon_deg = 4"
    text += " },\n]\n" + HEAD
    assert found(tmp_path, text) == [
        "site.toml:3: node[1].id = 1: ids must be unique; first used on line 2",
    ]


def slow(n: int) -> str:
    """A site of *n* nodes with the slowest radio and the shortest epoch."""
    text = (HEAD + blocks(n)).replace("sf = 9", "sf = 12").replace("= 600", "= 300")
    return text.replace("bw_hz = 125_000", "bw_hz = 62_500")


def test_slots_that_do_not_fit(tmp_path: Path) -> None:
    """Slots that take longer than a phase are refused, with what would help."""
    # source: SPEC 3 by hand. A symbol lasts 65.536 ms, with optimisation for low data rate.
    # Report, 14 B: 12.25 + 8 + 5 * ceil((112 + 16 - 48 + 28) / 40) = 35.25 symbols = 2310.1 ms;
    # with 200 ms of guard, rounded up, 2.52 s. 51 B: 75.25 symbols = 4931.6 ms, so 5.14 s.
    # 0.5 + 32 * 2.52 + 5.14 = 86.3 s. In 75 s there is room for 27: 0.5 + 68.04 + 5.14 = 73.7 s.
    assert found(tmp_path, slow(128)) == [
        (
            "site.toml:10: radio.sf = 12: 32 slots of 2.52 s and a common slot of 5.14 s take 86.3"
            " s: must be below the 75 s of a phase (a quarter of epoch_s = 300); lower sf, widen"
            " bw_hz, lengthen epoch_s, or have at most 108 nodes"
        )
    ]
    assert found(tmp_path, slow(108)) == []
    assert len(found(tmp_path, slow(109))) == 1


def test_nodes_at_sea(tmp_path: Path) -> None:
    """Positions near 0 N 0 E are most likely not filled in: one warning for all of them."""
    text = HEAD + blocks(2).replace("lat_deg = 50", "lat_deg = 0").replace("4.0", "0.0")
    (said,) = found(tmp_path, text)
    assert said.startswith("site.toml:23: warning: node[0].lat_deg = 0.0: within 1 degree of 0 N")


def test_a_node_on_another_continent(tmp_path: Path) -> None:
    """A node beyond the reach of the field's coordinates is an error, not only a warning."""
    said = found(tmp_path, GOOD.replace("lon_deg = 3.80", "lon_deg = -73.80"))
    assert any("km from the field's centre: must be at most 1000 km" in s for s in said)
    assert parse_site(tmp_path / "site.toml")[0] is None


def test_two_mistakes_are_both_said(tmp_path: Path) -> None:
    """The check does not stop at the first problem, and sorts by line."""
    text = GOOD.replace("sf = 9", "sf = 99").replace("id = 1\n", "id = 3\n").replace("Rim", "")
    assert [s.split(": ")[0] for s in found(tmp_path, text)] == [
        "site.toml:2", "site.toml:10", "site.toml:28",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("00112233", "has 8 digits: must be 32 hexadecimal digits (128 bits)"),
        ("0" * 31 + "\n", "has 31 digits: must be 32 hexadecimal digits (128 bits)"),
        ("zz" * 16, "character 1 is no digit: must be 32 hexadecimal digits (128 bits)"),
    ],
)
def test_key_files(tmp_path: Path, content: str, said: str) -> None:
    """A short, odd or garbled key is a problem of the key that names the file."""
    (tmp_path / "site.key").write_text(content)
    assert found(tmp_path, GOOD) == [f'site.toml:4: site.key_file = "site.key": {said}']


def test_key_that_others_can_read(tmp_path: Path) -> None:
    """A key readable by others is a warning with the mode and the remedy."""
    write_key_file(tmp_path / "site.key", KEY)
    (tmp_path / "site.key").chmod(0o644)
    assert found(tmp_path, GOOD) == [
        (
            'site.toml:4: warning: site.key_file = "site.key": its mode is 0644, so others than its'
            " owner can use the key: must be 0600 (chmod 600 site.key)"
        )
    ]


def test_files_that_are_none(tmp_path: Path) -> None:
    """An absent file, a folder, binary and huge files are said to be so."""
    path = tmp_path / "site.toml"
    assert [str(p) for p in check_site(path)] == [
        f"{path}: not found; `qres site new` writes a new one"
    ]
    assert [p.message for p in check_site(tmp_path)] == [
        "Is a directory; `qres site new` writes a new one"
    ]
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    assert [str(p) for p in check_site(path)] == [f"{path}:2: must be UTF-8 text, as TOML is"]
    path.write_bytes(b"#" * 1_000_001)
    assert [p.message for p in check_site(path)] == ["1000001 bytes long: must be at most 1000000"]
    path.write_bytes(b"")
    assert {p.key for p in check_site(path)} == {"site", "radio", "protocol", "tolerance", "node"}


def test_windows_line_ends(tmp_path: Path) -> None:
    """CRLF line ends do not shift the lines."""
    (said,) = found(tmp_path, GOOD.replace("sf = 9", "sf = 13").replace("\n", "\r\n"))
    assert said.startswith("site.toml:10: radio.sf = 13: ")


VALUES = st.sampled_from(
    ["-1", "0", "1e400", "nan", '""', '"x"', "[]", "{}", "true", "2026-01-01", "9999999999999999"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, GOOD.count(" = ") - 1), VALUES)
def test_any_value_anywhere_is_read_or_refused(tmp_path: Path, which: int, value: str) -> None:
    """Whatever stands at a key, the check ends with a site or with an error on that line."""
    lines = GOOD.split("\n")
    at = [i for i, line in enumerate(lines) if " = " in line][which]
    lines[at] = lines[at].split(" = ")[0] + " = " + value
    path = tmp_path / "site.toml"
    path.write_text("\n".join(lines))
    site, problems = parse_site(path)
    assert (site is not None) == (not [p for p in problems if p.is_error])
    if site is None:
        assert at + 1 in {p.line for p in problems} or {p.key for p in problems} & {"radio.sf"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """Random bytes never crash the check: they are a problem, like every other."""
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    assert any(p.is_error for p in check_site(path))
