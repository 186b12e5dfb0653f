# SPDX-License-Identifier: Apache-2.0
"""
What is wrong with a site file, in plain words: file, line, key, value and limit in one sentence.

`parse_site` reads every key and goes on after an error, so that one run shows all of them;
`qres.site_rules` then looks at what several keys say together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from qres import site_rules
from qres.channels import BATTERY, TOLERANCE_CLASSES, site_channels
from qres.errors import KeyFileError
from qres.keys import loose_permissions, read_key_file
from qres.region import regions
from qres.site import BUDGET_BYTES_H, N_NODES_MAX, N_RELAYS_MAX, WIND_HEIGHT_M, Site, SiteNode
from qres.site_reader import Problem, Reader, Table
from qres.tolerance import Tolerance

__all__ = ["Problem", "check_site", "parse_site"]

BANDWIDTHS_HZ: Final = (62_500, 125_000, 250_000, 500_000)
"""LoRa bandwidths that an SX1262 has and a field would use."""

CODING_RATES: Final = ("4/5", "4/6", "4/7", "4/8")

_SITE: Final = ("name", "field_id", "wind_height_m", "key_file")
_RADIO: Final = (
    "region", "freq_hz", "bw_hz", "sf", "cr", "preamble_symbols", "tx_power_dbm", "budget_bytes_h",
)  # fmt: skip
_PROTOCOL: Final = ("epoch_s", "range_m", "echo", "follow", "relays", "battery")
_NODE: Final = ("id", "name", "lat_deg", "lon_deg", "elev_m")


def check_site(path: Path) -> list[Problem]:
    """
    Everything that is wrong with the site file *path* and with the key file that it names.

    Returns:
        Errors and warnings in order of line; empty if the file is fine.
    """
    return parse_site(path, with_key=True)[1]


def parse_site(
    path: Path, text: str | None = None, *, with_key: bool = False
) -> tuple[Site | None, list[Problem]]:
    """
    Read and check the site file *path*.

    Args:
        path: The file.
        text: What is going to be in the file; None to read it.
        with_key: Whether to look at the key file, too.

    Returns:
        The site, None if there is any error; and all errors and warnings in order of line.
    """
    reader = Reader(str(path))
    document = reader.read(path) if text is None else reader.parse(text)
    site = None if document is None else _parse(reader, document, path, with_key=with_key)
    problems = sorted(reader.problems, key=lambda p: p.line)
    return (None if any(p.is_error for p in problems) else site), problems


def _parse(reader: Reader, document: dict[str, Any], path: Path, *, with_key: bool) -> Site | None:
    reader.known(document, (), ("site", "radio", "protocol", "tolerance", "node"))

    about = reader.table(document, "site", _SITE)
    name = about.text("name", 64)
    field_id = about.integer("field_id", 1, 2**32 - 1)
    wind_height_m = about.number("wind_height_m", 1, 30, "m", WIND_HEIGHT_M)
    key_name = about.text("key_file", 255)
    key_file = path.parent / (key_name or "")
    if with_key and key_name is not None:
        _check_key_file(reader, about, key_file)

    radio = reader.table(document, "radio", _RADIO)
    region = _region(radio)
    freq_hz = radio.integer("freq_hz", 137_000_000, 1_020_000_000)
    bw_hz = radio.integer("bw_hz", BANDWIDTHS_HZ[0], BANDWIDTHS_HZ[-1])
    if bw_hz is not None and bw_hz not in BANDWIDTHS_HZ:
        radio.refuse("bw_hz", f"must be one of {', '.join(map(str, BANDWIDTHS_HZ))}")
        bw_hz = None
    sf = radio.integer("sf", 7, 12)
    cr = radio.one_of("cr", CODING_RATES, "4/5")
    preamble_symbols = radio.integer("preamble_symbols", 6, 65_535, 8)
    # SX1262: -9..22 dBm (data sheet 13.4.4); boards with an amplifier behind it: up to 30.
    tx_power_dbm = radio.integer("tx_power_dbm", -9, 30)
    budget_bytes_h = radio.integer("budget_bytes_h", 1, 10_000_000, BUDGET_BYTES_H)

    protocol = reader.table(document, "protocol", _PROTOCOL)
    epoch_s = _epoch(protocol)
    range_m = protocol.integer("range_m", 1_000, 1_000_000, 20_000)
    echo = protocol.flag("echo", default=False)
    follow = protocol.flag("follow", default=False)
    battery = protocol.flag("battery", default=False)
    tolerance = _tolerance(reader, document, battery=battery)
    nodes = _nodes(reader, document)
    relays = _relays(protocol, {node.id for _, node in nodes})

    if (
        name is None
        or field_id is None
        or wind_height_m is None
        or key_name is None
        or region is None
        or freq_hz is None
        or bw_hz is None
        or sf is None
        or cr is None
        or preamble_symbols is None
        or tx_power_dbm is None
        or budget_bytes_h is None
        or epoch_s is None
        or range_m is None
        or echo is None
        or follow is None
        or relays is None
        or battery is None
        or tolerance is None
        or not nodes
    ):
        return None
    site = Site(
        name=name,
        field_id=field_id,
        wind_height_m=wind_height_m,
        region=region,
        freq_hz=freq_hz,
        sf=sf,
        bw_hz=bw_hz,
        cr=cr,
        preamble_symbols=preamble_symbols,
        tx_power_dbm=tx_power_dbm,
        budget_bytes_h=budget_bytes_h,
        epoch_s=epoch_s,
        range_m=range_m,
        tolerance=tolerance,
        nodes=tuple(sorted((node for _, node in nodes), key=lambda n: n.id)),
        key_file=key_file,
        echo=echo,
        follow=follow,
        relays=relays,
        battery=battery,
    )
    site_rules.check_extent(reader, site, {node.id: block for block, node in nodes})
    site_rules.check_slots(reader, site)
    site_rules.check_channel(reader, site)
    return site


def _region(radio: Table) -> str | None:
    name = radio.raw("region")
    if name in [r.name for r in regions()]:
        return str(name)  # if it is not supported, the rules of the channel say why
    return radio.one_of("region", [r.name for r in regions() if not r.unsupported])


def _epoch(protocol: Table) -> int | None:
    epoch_s = protocol.integer("epoch_s", 300, 3600)
    if epoch_s is None or (86_400 % epoch_s == 0 and epoch_s % 4 == 0):
        return epoch_s
    near = min(
        (s for s in range(300, 3601, 4) if 86_400 % s == 0), key=lambda s: (abs(s - epoch_s), s)
    )
    protocol.refuse(
        "epoch_s",
        f"must divide a day of 86400 s, and by 4 into whole phases; the nearest is {near}",
    )
    return None


def _relays(protocol: Table, ids: set[int]) -> tuple[int, ...] | None:
    """The relays; *ids* is empty if the nodes cannot be used, which is said elsewhere."""
    given = protocol.raw("relays")
    if given is None:
        return ()
    if not isinstance(given, list) or any(type(x) is not int for x in given):
        protocol.refuse("relays", "must be a list of node ids, whole numbers like [3, 17]")
        return None
    twice = sorted({i for i in given if given.count(i) > 1})
    unknown = sorted(set(given) - ids) if ids else []
    if len(given) > N_RELAYS_MAX:
        protocol.refuse("relays", f"must have at most {N_RELAYS_MAX} entries")
    elif twice:
        protocol.refuse("relays", f"names node {twice[0]} twice: must name each node once")
    elif unknown:
        protocol.refuse("relays", f"the site has no node {', '.join(map(str, unknown))}")
    else:
        return tuple(given)
    return None


def _tolerance(
    reader: Reader, document: dict[str, Any], *, battery: bool | None
) -> Tolerance | None:
    """The tolerance; *battery* is None if the file says neither true nor false."""
    channels = site_channels(battery=battery is not False)
    absent = () if battery is not False else (BATTERY.name,)
    table = reader.table(document, "tolerance", ("class", *(c.name for c in channels), *absent))
    name = table.one_of("class", TOLERANCE_CLASSES)
    overrides = {}
    complete = True
    for unsent in absent:
        if table.raw(unsent) is not None:
            table.refuse(unsent, "this site does not send it; battery = true in [protocol] does")
    for c in channels:
        if table.raw(c.name) is None:
            continue
        value = table.number(c.name, c.tolerance_least, c.tolerance_most, c.unit)
        complete &= value is not None
        if value is not None:
            overrides[c.name] = value
    return Tolerance.of(name, overrides, channels) if name is not None and complete else None


def _nodes(reader: Reader, document: dict[str, Any]) -> list[tuple[int, SiteNode]]:
    """Number of the block and node, for each; an empty list if any of them cannot be used."""
    blocks = document.get("node")
    limit = f"must be 1..{N_NODES_MAX} blocks [[node]]"
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks) or not blocks:
        reader.add(("node",), blocks, limit)
        return []
    if len(blocks) > N_NODES_MAX:
        place = f"this is block {N_NODES_MAX + 1} of {len(blocks)}"
        reader.add(("node", N_NODES_MAX), blocks[N_NODES_MAX], f"{place}: {limit}")
    nodes: list[tuple[int, SiteNode]] = []
    for index, values in enumerate(blocks):
        node = _node(reader, values, index)
        if node is not None:
            nodes.append((index, node))
    site_rules.check_nodes(reader, nodes)
    unique = len({node.id for _, node in nodes})
    return nodes if unique == len(blocks) <= N_NODES_MAX else []


def _node(reader: Reader, values: dict[str, Any], index: int) -> SiteNode | None:
    reader.known(values, ("node", index), _NODE)
    table = Table(reader, values, ("node", index))
    node_id = table.integer("id", 0, N_NODES_MAX - 1)
    name = table.text("name", 32, f"node {node_id}")
    lat_deg = table.number("lat_deg", -90, 90, "degrees north")
    lon_deg = table.number("lon_deg", -180, 180, "degrees east")
    elev_m = table.number("elev_m", -500, 9000, "m above sea level", 0.0)
    if node_id is None or name is None or lat_deg is None or lon_deg is None or elev_m is None:
        return None
    return SiteNode(node_id, name, lat_deg, lon_deg, elev_m)


def _check_key_file(reader: Reader, about: Table, key_file: Path) -> None:
    try:
        read_key_file(key_file)
    except KeyFileError as e:
        about.refuse("key_file", e.reason)
        return
    mode = loose_permissions(key_file)
    if mode is not None:
        reader.add(
            ("site", "key_file"),
            about.raw("key_file"),
            f"its mode is {mode:04o}, so others than its owner can use the key: must be 0600"
            f" (chmod 600 {key_file.name})",
            "warning",
        )
