# SPDX-License-Identifier: Apache-2.0
"""A good site file to be spoilt, and what the check says of it."""

from __future__ import annotations

from pathlib import Path

from qres.keys import write_key_file
from qres.site_check import check_site

KEY = bytes(range(16))

GOOD = """\
[site]
name = "Rim"
field_id = 0x01020304
key_file = "site.key"

[radio]
region = "EU868"
freq_hz = 869_525_000
bw_hz = 125_000
sf = 9
cr = "4/5"
preamble_symbols = 8
tx_power_dbm = 14

[protocol]
epoch_s = 600

[tolerance]
class = "standard"

[[node]]
id = 3
name = "north"
lat_deg = 50.98
lon_deg = 3.81

[[node]]
id = 1
name = "south"
lat_deg = 50.90
lon_deg = 3.80
elev_m = 12.5
"""


def found(folder: Path, text: str) -> list[str]:
    """What the check says of a site file with this text and a good key."""
    if not (folder / "site.key").exists():
        write_key_file(folder / "site.key", KEY)
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return [str(p).removeprefix(str(folder) + "/") for p in check_site(path)]


HEAD = GOOD[: GOOD.index("[[node]]")]
"""All but the nodes."""


def blocks(n: int) -> str:
    """*n* node blocks of 5 lines, 0.1 km apart, from the line after the tolerance on."""
    return "".join(
        f"[[node]]\nid = {i}\nlat_deg = {50 + i / 1000}\nlon_deg = 4.0\n\n" for i in range(n)
    )
