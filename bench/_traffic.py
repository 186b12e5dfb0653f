# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  part of a script
"""What a gateway's receiver hears: genuine frames of a virtual field, its clock, and strangers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from qres.site import Site
from qres.virtual.air import Transmission
from qres.virtual.concentrator import EUI, push_data, rxpk
from qres.virtual.field import VirtualField
from qres.virtual.sites import DEMO_KEY, site_for
from qres.weather_file import WeatherFile
from qres_gateway.sources import gwmp
from qres_gateway.sources.base import RawFrame

EPOCH_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    Frames in order of reception.

    Attributes:
        site: The field.
        frames: What was received.
        genuine: How many of them are the field's.
        digests: Digest of every node's state after each phase.
    """

    site: Site
    frames: list[RawFrame]
    genuine: int
    digests: dict[int, int]


def heard(weather: WeatherFile, days: int) -> Traffic:
    """Every frame of a field without loss, at its true time: a receiver with GNSS."""
    site = site_for(weather, epoch_s=EPOCH_S)
    field = VirtualField(site, DEMO_KEY, weather)
    frames, digests = [], {}
    for _ in range(days * 86_400_000_000 // site.phase_us):
        result = field.run_phase()
        [digests[result.phase]] = set(result.digests)
        frames += [_received(site, r.sent.frame, r.sent.end_us) for r in result.receptions]
    return Traffic(site, frames, len(frames), digests)


def _received(site: Site, payload: bytes, rx_us: int) -> RawFrame:
    return RawFrame(
        payload, rx_us, "gps", EUI.hex(), site.freq_hz, site.sf, site.bw_hz, -97.0, 5.5, crc_ok=True
    )


def shifted(traffic: Traffic, error_us: int, seed: int) -> Traffic:
    """The same at a receiver whose times are wrong by up to *error_us*, each by chance."""
    rng = np.random.default_rng(seed)
    errors = rng.integers(-error_us, error_us, len(traffic.frames), endpoint=True).tolist()
    moved = [replace(f, rx_us=f.rx_us + by) for f, by in zip(traffic.frames, errors, strict=True)]
    return replace(traffic, frames=sorted(moved, key=lambda f: f.rx_us))


def with_strangers(traffic: Traffic, share: float, seed: int) -> Traffic:
    """
    The same with frames of strangers, at times by chance.

    They are sent as the field sends, so that only their tags tell them apart, and have lengths
    that its frames have, so that the tags must be tried.

    Args:
        traffic: What is genuine.
        share: Share of the frames that are strangers'. 0..1, below 1
        seed: The same seed gives the same strangers.
    """
    rng = np.random.default_rng(seed)
    n = round(len(traffic.frames) * share / (1 - share))
    lengths = rng.choice([len(f.payload) for f in traffic.frames], n).tolist()
    times = rng.integers(traffic.frames[0].rx_us, traffic.frames[-1].rx_us, n).tolist()
    strange = [
        _received(traffic.site, rng.bytes(length), rx_us)
        for length, rx_us in zip(lengths, times, strict=True)
    ]
    frames = sorted([*traffic.frames, *strange], key=lambda f: f.rx_us)
    return replace(traffic, frames=frames)


def datagram(site: Site, frames: list[RawFrame], token: int) -> bytes:
    """Frames as a concentrator with GNSS sends them; *token* is 0..65535."""
    return push_data(token, [_with_gnss(site, frame) for frame in frames])


def _with_gnss(site: Site, frame: RawFrame) -> dict[str, Any]:
    sent = Transmission(0, frame.rx_us, frame.rx_us, "", 0, frame.payload)
    gps_ms = frame.rx_us // 1000 - (gwmp.GPS_EPOCH_S - gwmp.GPS_UTC_LEAP_S) * 1000
    return rxpk(site, sent, -97.0, 5.5) | {"tmms": gps_ms}
