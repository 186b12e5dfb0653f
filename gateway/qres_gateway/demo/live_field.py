# SPDX-License-Identifier: Apache-2.0
"""
A virtual field as a receiver would hear it: in real time over UDP, or its past as frames.

Frames leave here as datagrams of the packet forwarder protocol only, addressed to a gateway; no
radio is involved. Their times are those of a receiver with GNSS, so that what was waiting while
the gateway was away still takes its place in time.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Final

import structlog

from qres.virtual.concentrator import EUI, GnssConcentrator
from qres_gateway.demo.timeline import Timeline
from qres_gateway.sources.base import RawFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from qres.site import Site
    from qres.virtual.air import Transmission
    from qres.virtual.looped import LoopedField

__all__ = ["LiveField", "frames_until"]

RETRY_S: Final = 5.0
"""Time between two tries to reach a gateway that does not answer. [s]"""

KEEPALIVE_S: Final = 10.0
"""`keepalive_interval` of Semtech's packet forwarder as it is shipped. [s]"""

_log = structlog.get_logger("qres_gateway")


def frames_until(field: LoopedField, site: Site, until_us: int) -> Iterator[RawFrame]:
    """
    What the receiver hears of all phases that end by *until_us*.

    Args:
        field: Run on, phase by phase.
        site: Its site.
        until_us: Time. [us since the Unix epoch]
    """
    receiver = GnssConcentrator(site)
    while field.now_us + site.phase_us <= until_us:
        for sent in heard_in_next_phase(field, site):
            packet = receiver.packet(sent)
            yield RawFrame(
                base64.b64decode(packet["data"]),
                sent.end_us,
                "gps",
                EUI.hex(),
                site.freq_hz,
                site.sf,
                site.bw_hz,
                float(packet["rssi"]),
                float(packet["lsnr"]),
                crc_ok=True,
                tmst_us=packet["tmst"],
            )


def heard_in_next_phase(field: LoopedField, site: Site) -> list[Transmission]:
    """Run one phase: what the receiver hears of it, in order of time."""
    receiver = len(site.nodes)
    heard = [r.sent for r in field.run_phase().receptions if r.heard_by[receiver]]
    return sorted(heard, key=lambda sent: sent.end_us)


class LiveField:
    """
    Sends what a receiver hears to a gateway, each frame when it has ended.

    A frame that the gateway does not acknowledge is sent again until it does; later ones wait.

    Args:
        field: Not run yet.
        site: Its site.
        address: Host and UDP port of the gateway.
        timeline: When the field began, and from where on the gateway lacks its frames.
        keep: Where to keep the timeline; None to keep it nowhere.
        clock_us: The time. [us since the Unix epoch]
    """

    def __init__(
        self,
        field: LoopedField,
        site: Site,
        address: tuple[str, int],
        timeline: Timeline,
        keep: Path | None,
        clock_us: Callable[[], int],
    ) -> None:
        self._field = field
        self._site = site
        self._address = address
        self._timeline = timeline
        self._keep = keep
        self._clock_us = clock_us
        self._link: GnssConcentrator | None = None
        self.frames_sent = 0

    async def run(self, until_us: int | None = None) -> None:
        """
        Run until cancelled, or through the phases that end by *until_us*.

        Raises:
            OSError: The timeline cannot be kept.
        """
        while self._field.now_us < self._timeline.delivered_us:
            self._field.run_phase()
        try:
            while until_us is None or self._field.now_us + self._site.phase_us <= until_us:
                await self._phase()
        finally:
            self._unlink()

    async def _phase(self) -> None:
        await self._until(self._field.now_us)
        for sent in heard_in_next_phase(self._field, self._site):
            await self._until(sent.end_us)
            await self._deliver(sent)
        self._timeline = Timeline(self._timeline.start_us, self._field.now_us)
        if self._keep is not None:
            self._timeline.write(self._keep)

    async def _until(self, time_us: int) -> None:
        while (left_us := time_us - self._clock_us()) > 0:
            if self._link is None:
                await self._connect()
            if self._link is not None:
                self._link.keep_alive()
            await asyncio.sleep(min(left_us / 1e6, KEEPALIVE_S))

    async def _connect(self) -> None:
        host, port = self._address
        try:
            self._link = await GnssConcentrator.connect(self._site, host, port)
        except OSError as error:  # no such name, no route
            _log.warning("field.waits", gateway=f"{host}:{port}", reason=str(error))

    async def _deliver(self, sent: Transmission) -> None:
        while True:
            if self._link is None:
                await self._connect()
            if self._link is not None:
                try:
                    await self._link.deliver([sent])
                except OSError as error:  # no answer
                    self._unlink()  # its address may have changed
                    _log.warning("field.waits", reason=str(error))
                else:
                    self.frames_sent += 1
                    return
            await asyncio.sleep(RETRY_S)

    def _unlink(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
