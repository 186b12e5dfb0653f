# SPDX-License-Identifier: Apache-2.0
"""A site with everything that follows from it, as plain data for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qres.site import phases, slot_ranks, xyz_m

if TYPE_CHECKING:
    from qres.site import Site

__all__ = ["site_to_dict"]


def site_to_dict(site: Site) -> dict[str, Any]:
    """
    *site* in JSON's types; the key file's name is left out, like the key.

    Beside what the site file says: phase, slot and coordinates [m] of every node, the lengths of
    phase and slots [us], and tolerance and step of every channel [its unit].
    """
    steps = site.tolerance.steps
    return {
        "name": site.name,
        "field_id": site.field_id,
        "region": site.region,
        "freq_hz": site.freq_hz,
        "bw_hz": site.bw_hz,
        "sf": site.sf,
        "cr": site.cr,
        "preamble_symbols": site.preamble_symbols,
        "tx_power_dbm": site.tx_power_dbm,
        "budget_bytes_h": site.budget_bytes_h,
        "wind_height_m": site.wind_height_m,
        "epoch_s": site.epoch_s,
        "range_m": site.range_m,
        "echo": site.echo,
        "follow": site.follow,
        "relays": list(site.relays),
        "battery": site.battery,
        "phase_us": site.phase_us,
        "slot_us": site.slot_us,
        "common_us": site.common_us,
        "commit_us": site.commit_us,
        "tolerance_class": site.tolerance.class_name,
        "channels": [
            {
                "index": number,
                "name": c.name,
                "label": c.label,
                "unit": c.unit,
                "tolerance": site.tolerance.values[number],
                "step": steps[number],
            }
            for number, c in enumerate(site.channels)
        ],
        "nodes": [
            {
                "id": n.id,
                "name": n.name,
                "lat_deg": n.lat_deg,
                "lon_deg": n.lon_deg,
                "elev_m": n.elev_m,
                "x_m": int(at[0]),
                "y_m": int(at[1]),
                "z_m": int(at[2]),
                "phase": int(phase),
                "slot": int(slot),
            }
            for n, at, phase, slot in zip(
                site.nodes, xyz_m(site), phases(site), slot_ranks(site), strict=True
            )
        ],
    }
