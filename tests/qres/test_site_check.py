# SPDX-License-Identifier: Apache-2.0
"""What the site check says of a single mistake, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from qres.site_check import parse_site
from tests.qres.site_text import GOOD, found


def test_good(tmp_path: Path) -> None:
    """A good file has no problems and is read with its defaults."""
    assert found(tmp_path, GOOD) == []
    site, _ = parse_site(tmp_path / "site.toml")
    assert site is not None
    assert site.ids == (1, 3)
    assert (site.range_m, site.nodes[1].elev_m) == (20_000, 0.0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "id = 1\n",
            "id = 3\n",
            "site.toml:28: node[1].id = 3: ids must be unique; first used on line 22",
        ),
        ("id = 3\n", "id = 128\n", "site.toml:22: node[0].id = 128: must be a whole number 0..127"),
        ("id = 3\n", "id = -1\n", "site.toml:22: node[0].id = -1: must be a whole number 0..127"),
        ("id = 3\n", "id = 3.0\n", "site.toml:22: node[0].id = 3.0: must be a whole number 0..127"),
        (
            "id = 3\n",
            "id = true\n",
            "site.toml:22: node[0].id = true: must be a whole number 0..127",
        ),
        ("id = 3\n", "", "site.toml:21: node[0].id is missing: must be a whole number 0..127"),
        (
            "lat_deg = 50.98\n",
            "",
            "site.toml:21: node[0].lat_deg is missing: must be a number -90..90 degrees north",
        ),
        (
            "lat_deg = 50.98",
            "lat_deg = 90.1",
            "site.toml:24: node[0].lat_deg = 90.1: must be a number -90..90 degrees north",
        ),
        (
            "lon_deg = 3.81",
            "lon_deg = -181",
            "site.toml:25: node[0].lon_deg = -181: must be a number -180..180 degrees east",
        ),
        (
            "lon_deg = 3.81",
            "lon_deg = nan",
            "site.toml:25: node[0].lon_deg = nan: must be a number -180..180 degrees east",
        ),
        (
            "lon_deg = 3.81",
            'lon_deg = "3.81"',
            'site.toml:25: node[0].lon_deg = "3.81": must be a number -180..180 degrees east',
        ),
        (
            "elev_m = 12.5",
            "elev_m = 12500",
            "site.toml:32: node[1].elev_m = 12500: must be a number -500..9000 m above sea level",
        ),
        (
            'name = "north"',
            'name = ""',
            'site.toml:23: node[0].name = "": must be "1..32 printable characters" in quotes',
        ),
        (
            'region = "EU868"',
            'region = "EU433"',
            'site.toml:7: radio.region = "EU433": must be one of "EU868", "US915", "AU915"',
        ),
        (
            "epoch_s = 600",
            "epoch_s = 700",
            (
                "site.toml:16: protocol.epoch_s = 700: must divide a day"
                " of 86400 s, and by 4 into whole phases; the nearest is 720"
            ),
        ),
        (
            "epoch_s = 600",
            "epoch_s = 450",
            (
                "site.toml:16: protocol.epoch_s = 450: must divide a day"
                " of 86400 s, and by 4 into whole phases; the nearest is 432"
            ),
        ),
        (
            "epoch_s = 600",
            "epoch_s = 288",
            "site.toml:16: protocol.epoch_s = 288: must be a whole number 300..3600",
        ),
        (
            "epoch_s = 600",
            "epoch_s = 7200",
            "site.toml:16: protocol.epoch_s = 7200: must be a whole number 300..3600",
        ),
        ("sf = 9", "sf = 13", "site.toml:10: radio.sf = 13: must be a whole number 7..12"),
        ("sf = 9", "sf = 6", "site.toml:10: radio.sf = 6: must be a whole number 7..12"),
        (
            "bw_hz = 125_000",
            "bw_hz = 200_000",
            "site.toml:9: radio.bw_hz = 200000: must be one of 62500, 125000, 250000, 500000",
        ),
        (
            'cr = "4/5"',
            'cr = "5/4"',
            'site.toml:11: radio.cr = "5/4": must be one of "4/5", "4/6", "4/7", "4/8"',
        ),
        (
            "field_id = 0x01020304",
            "field_id = 0",
            "site.toml:3: site.field_id = 0: must be a whole number 1..4294967295",
        ),
        (
            'class = "standard"',
            'class = "tight"',
            (
                'site.toml:19: tolerance.class = "tight": must be'
                ' one of "strict", "standard", "coarse"'
            ),
        ),
        (
            'class = "standard"',
            'class = "standard"\nrh_pct = 0',
            "site.toml:20: tolerance.rh_pct = 0: must be a number 0.02..100 %",
        ),
        (
            'class = "standard"',
            'class = "standard"\nrh_pct = -5.0',
            "site.toml:20: tolerance.rh_pct = -5.0: must be a number 0.02..100 %",
        ),
        (
            'class = "standard"',
            'class = "standard"\nrh_pct = nan',
            "site.toml:20: tolerance.rh_pct = nan: must be a number 0.02..100 %",
        ),
        (
            'class = "standard"',
            'class = "standard"\nrain_mm = 0.2',
            "site.toml:20: tolerance.rain_mm = 0.2: must be a number 0.4..256 mm",
        ),
        (
            "preamble_symbols",
            "preample_symbols",
            (
                "site.toml:12: radio.preample_symbols = 8: unknown"
                " key; did you mean preamble_symbols?"
            ),
        ),
        (
            "elev_m",
            "colour",
            (
                "site.toml:32: node[1].colour = 12.5: unknown key; known are id, name,"
                " lat_deg, lon_deg, elev_m"
            ),
        ),
        (
            "[tolerance]",
            "[tolerances]\n[tolerance]",
            "site.toml:18: tolerances = a table: unknown key; did you mean tolerance?",
        ),
        (
            "[protocol]\nepoch_s = 600\n",
            "",
            (
                "site.toml:1: protocol is missing:"
                " must be a table [protocol] with epoch_s, range_m, echo, follow, relays, battery"
            ),
        ),
        (
            'class = "standard"',
            'class = "standard',
            "site.toml:19: not valid TOML: Illegal character '\\n' (at line 19, column 18)",
        ),
        (
            "epoch_s = 600",
            "epoch_s = 600\nepoch_s = 600",
            "site.toml:17: not valid TOML: Cannot overwrite a value (at line 17, column 14)",
        ),
        (
            '"site.key"',
            '"other.key"',
            (
                'site.toml:4: site.key_file = "other.key": not found; copy'
                " the field's key there, or make a new field with `qres site new`"
            ),
        ),
    ],
)
def test_one_error(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each single mistake is named once, with file, line, key, value and limit."""
    assert GOOD.count(old) == 1
    assert found(tmp_path, GOOD.replace(old, new)) == [said]
    assert parse_site(tmp_path / "site.toml", with_key=True)[0] is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "lat_deg = 50.90\nlon_deg = 3.80",
            "lat_deg = 50.98\nlon_deg = 3.81",
            "site.toml:30: warning: node[1].lat_deg = 50.98: same position as node 3 on line 24",
        ),
        (
            "lat_deg = 50.90",
            "lat_deg = 52.90",
            (
                "site.toml:30: warning: node[1].lat_deg = 52.9: 213 km from node 3: nodes more than"
                " 100 km apart hardly inform each other; is the position right?"
            ),
        ),
        (
            'name = "south"',
            'name = "north"',
            (
                'site.toml:29: warning: node[1].name = "north": two'
                " nodes of this name are hard to tell apart; first used on line 23"
            ),
        ),
    ],
)
def test_one_warning(tmp_path: Path, old: str, new: str, said: str) -> None:
    """What is merely suspicious is a warning: the file can still be used."""
    assert GOOD.count(old) == 1
    assert found(tmp_path, GOOD.replace(old, new)) == [said]
    assert parse_site(tmp_path / "site.toml", with_key=True)[0] is not None
