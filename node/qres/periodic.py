# SPDX-License-Identifier: Apache-2.0
"""
What the same field would have cost with periodic senders.

The one yardstick of audit, bench, demo, console and sinks. Each sender puts what the field's own
nodes report on air once an epoch: the same channels and nothing else, so that frame lengths
compare. Bytes are PHY payloads, headers and integrity codes included; the radio settings are the
field's own unless the sender brings its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qres.airtime import time_on_air_us
from qres.errors import RangeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qres.channels import Channel
    from qres.site import Site

__all__ = ["PeriodicCost", "Radio", "Sender", "cost", "costs_of", "lorawan_of", "senders_of"]

HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Radio:
    """
    LoRa settings that decide the time on air.

    Attributes:
        sf: Spreading factor. 7..12
        bw_hz: Bandwidth. [Hz]
        preamble_symbols: Length of the preamble. [symbols]
        cr: Coding rate, 1..4 for 4/5..4/8.
    """

    sf: int
    bw_hz: int
    preamble_symbols: int = 8
    cr: int = 1


@dataclass(frozen=True, slots=True)
class Sender:
    """
    One way to send a record periodically.

    Attributes:
        key: Short name for machines.
        name: Name for people.
        frame_bytes: PHY payload of one record. [bytes]
        interval_s: Time between two records of a node. [s]
        radio: Its own settings; None to use the field's.
        source: Where the number of bytes and the interval come from.
    """

    key: str
    name: str
    frame_bytes: int
    interval_s: int
    radio: Radio | None
    source: str

    @property
    def title(self) -> str:
        """Name with the interval, for people."""
        return f"{self.name}, every {self.interval_s / 60:g} min"


_LONG_FAST = Radio(sf=11, bw_hz=250_000, preamble_symbols=16)

_LORAWAN_BYTES: Final = 13
_MESH_BYTES: Final = 16 + 2 + 2 + 2 + 5 + 2
"""Meshtastic: header, port, head of the payload, bit field, time, head of the metrics."""

_FIELD_COST: Final = {  # channel: LPP bytes, packed bits, bytes in Meshtastic's EnvironmentMetrics
    "temp_degc": (4, 10, 5),
    "rh_pct": (3, 7, 5),
    "wind_m_s": (4, 9, 5),
    "rain_mm": (4, 12, 6),  # rainfall_1h is field 19, so its key takes 2 bytes
    "wind_dir_deg": (4, 9, 3),
    "batt_mv": (4, 8, 5),
}


def senders_of(channels: Iterable[Channel], interval_s: int) -> tuple[Sender, ...]:
    """
    The ways to send these channels, one record an interval; Cayenne LPP over LoRaWAN comes first.

    Args:
        channels: What a record holds.
        interval_s: Time between two records of a node, but for what keeps its own default. [s]

    Raises:
        RangeError: *interval_s* is below 1, or a channel has no known place in the layouts.
    """
    if interval_s < 1:
        raise RangeError("interval_s", interval_s, "must be 1 or more")
    names = [c.name for c in channels]
    for name in names:
        if name not in _FIELD_COST:
            raise RangeError("channel", name, f"must be one of {', '.join(_FIELD_COST)}")
    lpp, bits, mesh = (sum(_FIELD_COST[n][k] for n in names) for k in range(3))
    packed = -(-bits // 8)
    what = ", ".join(names)
    lorawan = "LoRaWAN 1.0.4: MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, FPort 1, MIC 4 = 13 B"
    mesh_source = (
        f"EnvironmentMetrics {mesh} B for {what} (telemetry.proto: a float with its key 5 or 6 B);"
        " Telemetry and Data 13 B more; header 16 B (RadioInterface.h); LongFast SF11/250 kHz,"
        " preamble 16"
    )
    mesh_bytes = mesh + _MESH_BYTES
    return (
        Sender(
            "lpp",
            "Cayenne LPP over LoRaWAN",
            lpp + _LORAWAN_BYTES,
            interval_s,
            None,
            f"LPP {lpp} B for {what} (2 B channel and type before T 2, RH 1, others 2 B:"
            f" myDevices' Cayenne LPP); {lorawan}",
        ),
        Sender(
            "packed",
            "packed integers over LoRaWAN",
            packed + _LORAWAN_BYTES,
            interval_s,
            None,
            f"{bits} bits in {packed} B for {what}; {lorawan}",
        ),
        Sender(
            "meshtastic", "Meshtastic telemetry", mesh_bytes, interval_s, _LONG_FAST, mesh_source
        ),
        Sender(
            "meshtastic-60",
            "Meshtastic telemetry",
            mesh_bytes,
            HOUR_S,
            _LONG_FAST,
            f"{mesh_source}; interval: the firmware's default (Default.h)",
        ),
    )


@dataclass(frozen=True, slots=True)
class PeriodicCost:
    """
    What a field of periodic senders costs.

    Attributes:
        sender: The way of sending.
        n_nodes: Nodes in the field.
        frames_per_h: Frames of all nodes. [1/h]
        bytes_per_h: RF bytes of all nodes. [bytes/h]
        airtime_us_per_h: Time on air of all nodes. [us/h]
    """

    sender: Sender
    n_nodes: int
    frames_per_h: float
    bytes_per_h: float
    airtime_us_per_h: float


def cost(of: Sender, n_nodes: int, field: Radio) -> PeriodicCost:
    """
    What *n_nodes* nodes that send as *of* does would put on air in an hour, relays apart.

    Args:
        of: The way of sending.
        n_nodes: Nodes in the field, 0 or more.
        field: The field's radio settings, for senders without their own.

    Raises:
        RangeError: *n_nodes* is below 0.
    """
    if n_nodes < 0:
        raise RangeError("n_nodes", n_nodes, "must be 0 or more")
    radio = of.radio or field
    air_us = time_on_air_us(
        radio.sf,
        radio.bw_hz,
        of.frame_bytes,
        preamble_symbols=radio.preamble_symbols,
        cr=radio.cr,
    )
    frames_per_h = n_nodes * HOUR_S / of.interval_s
    return PeriodicCost(
        sender=of,
        n_nodes=n_nodes,
        frames_per_h=frames_per_h,
        bytes_per_h=frames_per_h * of.frame_bytes,
        airtime_us_per_h=frames_per_h * air_us,
    )


def costs_of(site: Site) -> tuple[PeriodicCost, ...]:
    """What each way of sending would cost the nodes of *site*, one record an epoch."""
    field = Radio(site.sf, site.bw_hz, site.preamble_symbols, int(site.cr[-1]) - 4)
    senders = senders_of(site.channels, site.epoch_s)
    return tuple(cost(of, len(site.nodes), field) for of in senders)


def lorawan_of(site: Site) -> PeriodicCost:
    """What Cayenne LPP over LoRaWAN would cost *site*: the figure that others are held against."""
    return costs_of(site)[0]
