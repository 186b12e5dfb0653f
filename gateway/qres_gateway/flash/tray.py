# SPDX-License-Identifier: Apache-2.0
"""Who gets what: ports and nodes of one call, checked before any port is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qres.errors import RangeError
from qres.provisioning import encode, node_of
from qres_gateway.flash.job import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qres.site import Site
    from qres_gateway.flash.firmware import Firmware
    from qres_gateway.flash.register import Register

__all__ = ["Manner", "Place", "jobs_for", "parse_tray"]


class Manner(NamedTuple):
    """How to flash; see the attributes of the same names of `Job`."""

    replace: bool = False
    stub: bool = True
    baud: int = 460_800


class Place(NamedTuple):
    """A port, and the node that the board on it becomes."""

    node_id: int
    port: str


def parse_tray(words: Sequence[str], site: Site, register: Register) -> tuple[Place, ...]:
    """
    The places of a tray.

    Args:
        words: "7=/dev/ttyUSB0", or only "/dev/ttyUSB0" for the next node without a board.
        site: The field.
        register: Which nodes have a board.

    Raises:
        RangeError: A node is not in the site, a node or port is named twice, or no node is left
            without a board.
    """
    named: list[tuple[int | None, str]] = []
    for word in words:
        number, equals, port = word.partition("=")
        if equals and number.isdecimal():
            named.append((node_of(site, int(number)).id, port))
        else:
            named.append((None, word))
    taken = {node for node, _ in named if node is not None}
    free = iter(i for i in site.ids if i not in taken and not register.mac_of(i))
    places = []
    for node, port in named:
        chosen = next(free, None) if node is None else node
        if chosen is None:
            limit = f"every node of the site has a board, see {len(site.nodes)} in the register"
            raise RangeError("tray", port, limit)
        places.append(Place(chosen, port))
    return check_places(places)


def check_places(places: Sequence[Place]) -> tuple[Place, ...]:
    """*places*, if no node and no port is named twice."""
    for what, values in (("node", [p.node_id for p in places]), ("port", [p.port for p in places])):
        twice = next((v for i, v in enumerate(values) if v in values[:i]), None)
        if twice is not None:
            raise RangeError(what, twice, "must be named once only")
    for place in places:
        if not place.port:
            raise RangeError("port", repr(place.port), f"must be named for node {place.node_id}")
    return tuple(places)


def jobs_for(
    places: Sequence[Place],
    site: Site,
    key: bytes,
    firmware: Firmware | None,
    register: Register,
    *,
    now_s: int,
    how: Manner = Manner(),  # noqa: B008  immutable
) -> tuple[Job, ...]:
    """
    The work for each place, in their order.

    Raises:
        RangeError: A node is not in the site, or a node or port is named twice.
    """
    check_places(places)
    return tuple(
        Job(
            port=place.port,
            chip=firmware.chip if firmware else "",
            parts=firmware.parts if firmware else (),
            record=encode(site, place.node_id, key, now_s),
            record_at=firmware.record.offset if firmware else None,
            field_id=site.field_id,
            node_id=place.node_id,
            mac=register.mac_of(place.node_id),
            replace=how.replace,
            stub=how.stub,
            baud=how.baud,
        )
        for place in places
    )
