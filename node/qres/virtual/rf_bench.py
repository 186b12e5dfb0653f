# SPDX-License-Identifier: Apache-2.0
"""
The bandwidth benchmark: QRES against send-on-delta and periodic senders on the same weather.

Send-on-delta here is the same core with prediction switched off (every value is held at what was
last reported): same frames, tags, heartbeats, beacons, checkpoints and tolerance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qres.core import Field
from qres.periodic import costs_of
from qres.virtual.field import VirtualField
from qres.virtual.measure import Measurement, run
from qres.virtual.sites import DEMO_KEY, site_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from qres.site import Site
    from qres.weather_file import WeatherFile

__all__ = ["phases_in", "rf_bench"]


def phases_in(weather: WeatherFile, site: Site, hours: float | None = None) -> int:
    """How many phases *hours* of the record have, all of it if None."""
    span_us = (int(weather.time_s[-1] - weather.time_s[0]) + weather.cadence_s) * 1_000_000
    if hours is not None:
        span_us = min(span_us, round(hours * 3.6e9))
    return span_us // site.phase_us


def _measure(
    weather: WeatherFile,
    site: Site,
    phases: int,
    seed: int,
    progress: Callable[[int], None] | None,
    *,
    predicts: bool,
) -> Measurement:
    field = Field(site, predicts=predicts)
    return run(VirtualField(site, DEMO_KEY, weather, seed=seed, field=field), phases, progress)


def rf_bench(
    weather: WeatherFile,
    *,
    tolerance: str = "standard",
    hours: float | None = None,
    sf: int = 9,
    echo: bool = False,
    follow: bool = False,
    battery: bool = False,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """
    Figures of QRES and its baselines on recorded weather, without loss.

    Args:
        weather: The record; each station is a node with a replica of its own.
        tolerance: Tolerance class.
        hours: How much of the record; None for all. [h]
        sf: Spreading factor, for the airtime.
        echo: Whether reports repeat older ones, in both runs.
        follow: Whether the tolerance follows the danger, in both runs (SPEC 6.2).
        battery: Whether nodes report their battery's voltage, in both runs; it is simulated.
        seed: Clocks and batteries follow from it.
        progress: Called with the number of phases done, over both runs.

    Returns:
        What `Measurement.as_dict` says of QRES, and in `baselines` by name the same of
        `send_on_delta` and the rates of periodic senders.
    """
    site = site_for(
        weather,
        name="bench",
        tolerance=tolerance,
        sf=sf,
        echo=echo,
        follow=follow,
        battery=battery,
    )
    phases = phases_in(weather, site, hours)
    nodes = len(site.nodes)

    def second(done: int) -> None:
        if progress is not None:
            progress(phases + done)

    qres = _measure(weather, site, phases, seed, progress, predicts=True)
    delta = _measure(weather, site, phases, seed, second, predicts=False)
    figures = qres.as_dict()
    rate, delta_rate = figures["rf_bytes_per_hour"], delta.as_dict()["rf_bytes_per_hour"]
    baselines: dict[str, Any] = {"send_on_delta": delta.as_dict()}
    for periodic in costs_of(site):
        baselines[periodic.sender.key] = {
            "name": periodic.sender.title,
            "frame_bytes": periodic.sender.frame_bytes,
            "rf_bytes_per_hour": periodic.bytes_per_h,
            "airtime_ms_per_hour": periodic.airtime_us_per_h / 1000,
        }
    return {
        "bench": "rf",
        "radio": "simulated: one collision domain, no loss",
        "source": weather.source,
        "nodes": nodes,
        "synthetic_nodes": int(weather.is_synthetic.sum()),
        "tolerance": tolerance,
        "epoch_s": site.epoch_s,
        "sf": sf,
        "echo": echo,
        "follow": follow,
        "battery": "simulated" if battery else None,
        **figures,
        "reports_per_node_hour": qres.traffic.frames["report"] / nodes / max(qres.hours, 1e-9),
        "ratio_to_send_on_delta": round(rate / delta_rate, 4) if delta_rate else None,
        "baselines": baselines,
    }
