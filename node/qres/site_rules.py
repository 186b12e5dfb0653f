# SPDX-License-Identifier: Apache-2.0
"""What several keys of a site file say together: ids, distances, slots, the radio's law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qres import region
from qres.geo import distance_m
from qres.site import FRAME_MAX_BYTES, xyz_m

if TYPE_CHECKING:
    from qres.site import Site, SiteNode
    from qres.site_reader import Reader

__all__ = ["check_channel", "check_extent", "check_nodes", "check_slots"]

FAR_M: Final = 100_000
"""Nodes farther apart than this hardly inform each other, and rarely hear each other. [m]"""

EXTENT_MAX_M: Final = 1_000_000
"""Greatest coordinate of a member, SPEC 2. [m]"""

SAME_PLACE_M: Final = 1.0
"""Nodes nearer than this are most likely one position copied. [m]"""


def check_nodes(reader: Reader, nodes: list[tuple[int, SiteNode]]) -> None:
    """
    Note ids that occur twice, and positions that look mistaken.

    Args:
        reader: Where problems are noted.
        nodes: Number of the block in the file, and the node.
    """
    first: dict[int, int] = {}
    names: dict[str, int] = {}
    for block, node in nodes:
        path = ("node", block, "id")
        if node.id in first:
            line = reader.line(("node", first[node.id], "id"))
            reader.add(path, node.id, f"ids must be unique; first used on line {line}")
        elif node.name in names:
            line = reader.line(("node", names[node.name], "name"))
            message = f"two nodes of this name are hard to tell apart; first used on line {line}"
            reader.add(("node", block, "name"), node.name, message, "warning")
        first.setdefault(node.id, block)
        names.setdefault(node.name, block)
    at_sea = [(b, n) for b, n in nodes if abs(n.lat_deg) < 1 and abs(n.lon_deg) < 1]
    if at_sea:
        block, node = at_sea[0]
        more = f", like {len(at_sea) - 1} more" if len(at_sea) > 1 else ""
        message = f"within 1 degree of 0 N 0 E{more}, where there is only sea: set the surveyed"
        reader.add(("node", block, "lat_deg"), node.lat_deg, f"{message} position", "warning")
    _check_distances(reader, nodes)


def _check_distances(reader: Reader, nodes: list[tuple[int, SiteNode]]) -> None:
    if len(nodes) < 2:
        return
    lat = np.array([n.lat_deg for _, n in nodes])
    lon = np.array([n.lon_deg for _, n in nodes])
    apart = distance_m(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
    for j in range(1, len(nodes)):
        i = int(np.argmin(apart[j, :j]))
        if apart[j, i] < SAME_PLACE_M:
            line = reader.line(("node", nodes[i][0], "lat_deg"))
            message = f"same position as node {nodes[i][1].id} on line {line}"
            reader.add(("node", nodes[j][0], "lat_deg"), nodes[j][1].lat_deg, message, "warning")
    a, b = divmod(int(np.argmax(apart)), len(nodes))  # a < b: the first of the two equal cells
    if apart[a, b] > FAR_M:
        reader.add(
            ("node", nodes[b][0], "lat_deg"),
            nodes[b][1].lat_deg,
            f"{apart[a, b] / 1000:.0f} km from node {nodes[a][1].id}: nodes more than"
            f" {FAR_M // 1000} km apart hardly inform each other; is the position right?",
            "warning",
        )


def check_slots(reader: Reader, site: Site) -> None:
    """Note it if the slots of the fullest phase take longer than the phase."""
    if site.commit_us < site.phase_us:
        return
    common, instead = "a common slot", f"or have at most {4 * site.phase_room} nodes"
    if site.relays:
        common = f"{1 + 2 * len(site.relays)} common and relay slots"
        instead = f"have fewer relays than {len(site.relays)}"
        if site.phase_room:
            instead += f", or at most {4 * site.phase_room} nodes"
    reader.add(
        ("radio", "sf"),
        site.sf,
        f"{site.phase_members_max} slots of {site.slot_us / 1e6:.2f} s and {common} of"
        f" {site.common_us / 1e6:.2f} s take {site.commit_us / 1e6:.1f} s: must be below the"
        f" {site.phase_us / 1e6:g} s of a phase (a quarter of epoch_s = {site.epoch_s}); lower sf,"
        f" widen bw_hz, lengthen epoch_s, {instead}",
    )


def check_extent(reader: Reader, site: Site, blocks: dict[int, int]) -> None:
    """
    Note every node that is too far from the centroid for the field's coordinates.

    Args:
        reader: Where problems are noted.
        site: The site.
        blocks: Number of the block in the file by id.
    """
    for node, at in zip(site.nodes, xyz_m(site), strict=True):
        reach_m = int(max(abs(at[:2].astype(int))))
        if reach_m > EXTENT_MAX_M:
            reader.add(
                ("node", blocks[node.id], "lat_deg"),
                node.lat_deg,
                f"{reach_m // 1000} km from the field's centre: must be at most"
                f" {EXTENT_MAX_M // 1000} km, SPEC 2; is a sign or a digit wrong?",
            )


def check_channel(reader: Reader, site: Site) -> None:
    """Note everything about the channel that the region's rules forbid."""
    values = {
        "region": site.region,
        "freq_hz": site.freq_hz,
        "bw_hz": site.bw_hz,
        "tx_power_dbm": site.tx_power_dbm,
    }
    for sentence in region.check_channel(
        site.region, site.freq_hz, site.bw_hz, site.sf, site.tx_power_dbm, FRAME_MAX_BYTES
    ):
        argument, _, text = sentence.partition(": ")
        if argument in values:
            text = text.removeprefix(f"{values[argument]} ")
            reader.add(("radio", argument), values[argument], text)
        else:
            reader.add(("radio", "sf"), site.sf, sentence)
