# SPDX-License-Identifier: Apache-2.0
"""What relays do for a field whose nodes do not all hear each other, on recorded weather."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qres.links import Terrain, choose_relays, link_loss, reach
from qres.virtual.field import VirtualField
from qres.virtual.measure import run
from qres.virtual.rf_bench import phases_in
from qres.virtual.sites import DEMO_KEY, site_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qres.weather_file import WeatherFile

__all__ = ["WAYS", "relay_bench"]

WAYS = ("neither", "echo", "relays")
"""What is compared at each reach."""


def relay_bench(
    weather: WeatherFile,
    reach_m: Sequence[float],
    *,
    hours: float | None = None,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """
    The same field in terrain of several reaches: as it is, with echo, with relays.

    Args:
        weather: The record; each station is a node with a replica of its own.
        reach_m: Reaches of `qres.links.Terrain` to compare. [m]
        hours: How much of the record; None for all. [h]
        seed: Terrain, losses and clocks follow from it.
        progress: Called with the number of phases done, over all runs.

    Returns:
        By reach: the links, the relays chosen by `choose_relays` (ids), and by `WAYS` what
        `Measurement.as_dict` says.
    """
    plain = site_for(weather, name="bench")
    phases = phases_in(weather, plain, hours)
    found = []
    for i, distance_m in enumerate(reach_m):
        loss = link_loss(weather.lat_deg, weather.lon_deg, Terrain(distance_m, seed=seed))
        links = reach(loss)
        relays = tuple(plain.nodes[row].id for row in choose_relays(loss))
        sites = (plain, replace(plain, echo=True), replace(plain, relays=relays))
        ways = {}
        for j, (way, site) in enumerate(zip(WAYS, sites, strict=True)):
            before = (i * len(WAYS) + j) * phases

            def tell(done: int, before: int = before) -> None:
                if progress is not None:
                    progress(before + done)

            virtual = VirtualField(site, DEMO_KEY, weather, loss=loss, seed=seed)
            ways[way] = run(virtual, phases, tell).as_dict()
        found.append(
            {
                "reach_m": distance_m,
                "good_share": round(links.good_share, 4),
                "mean_loss": round(links.mean_loss, 4),
                "parts": links.parts,
                "hops": links.hops,
                "relays": list(relays),
                "ways": ways,
            }
        )
    return {
        "bench": "relays",
        "radio": "simulated: log-normal shadowing, see qres.links",
        "source": weather.source,
        "nodes": len(plain.nodes),
        "epoch_s": plain.epoch_s,
        "seed": seed,
        "reaches": found,
    }
