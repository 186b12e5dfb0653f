# SPDX-License-Identifier: Apache-2.0
"""What the console shows of a demo: the gateway's view beside what the nodes measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qres_gateway.live import LiveView

if TYPE_CHECKING:
    from qres.site import Site
    from qres.virtual.field import PhaseResult
    from qres.weather_file import WeatherFile
    from qres_gateway.demo.clock import FieldClock
    from qres_gateway.events import Event

__all__ = ["DemoView"]


class DemoView:
    """
    A `LiveView` that is also told the truth.

    Args:
        site: The field.
        weather: What its nodes measure.
        speed: Field seconds per wall second.
        clock: The field's clock.
    """

    def __init__(
        self, site: Site, weather: WeatherFile, speed: float | None, clock: FieldClock
    ) -> None:
        self.console = LiveView(
            site,
            demo=True,
            synthetic=weather.is_synthetic.tolist(),
            speed=speed,
            clock=lambda: clock.now().wall_us,
        )

    def watch(self, event: Event) -> None:
        """An event of the gateway."""
        self.console.feed(event)

    def judge(self, result: PhaseResult) -> None:
        """A phase that the nodes have run."""
        self.console.truth(result.phase, result.time_us, result.members, result.measured_q16)
        for digest in result.digests:
            self.console.compare(result.phase, digest)
