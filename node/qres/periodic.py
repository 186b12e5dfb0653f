# SPDX-License-Identifier: Apache-2.0
"""
What the same field would have cost with periodic senders: the yardstick of every audit.

Each sender puts one record (temperature, humidity, wind, gust, direction, rain) on air per
interval. Bytes are PHY payloads, headers and integrity codes included; the radio settings are the
field's own unless the sender brings its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from qres.airtime import time_on_air_us
from qres.errors import RangeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qres.channels import Channel

__all__ = ["SENDERS", "PeriodicCost", "Radio", "Sender", "cost", "sender", "senders_of"]

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


_LONG_FAST = Radio(sf=11, bw_hz=250_000, preamble_symbols=16)

SENDERS: Final = (
    Sender(
        "lpp",
        "Cayenne LPP over LoRaWAN",
        frame_bytes=23 + 13,
        interval_s=600,
        radio=None,
        source="LPP: 2 B channel and type before T 2, RH 1, analog 4 x 2 B = 23 B; LoRaWAN 1.0.4:"
        " MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, FPort 1, MIC 4 = 13 B",
    ),
    Sender(
        "packed",
        "packed integers over LoRaWAN",
        frame_bytes=7 + 13,
        interval_s=600,
        radio=None,
        source="7 B hold T 10, RH 7, wind 9, gust 9, direction 6, rain 12 bits; LoRaWAN 13 B",
    ),
    Sender(
        "meshtastic",
        "Meshtastic telemetry, every 10 min",
        frame_bytes=16 + 43,
        interval_s=600,
        radio=_LONG_FAST,
        source="measured with Meshtastic's protobufs: Telemetry 37 B in Data 43 B; header 16 B"
        " (RadioInterface.h); LongFast SF11/250 kHz, preamble 16; no relays counted",
    ),
    Sender(
        "meshtastic-60",
        "Meshtastic telemetry, its default of 60 min",
        frame_bytes=16 + 43,
        interval_s=3600,
        radio=_LONG_FAST,
        source="as meshtastic; the interval is the firmware's default (Default.h)",
    ),
)
"""The senders to compare with."""


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
    The ways of `SENDERS` to send exactly these channels, one record per interval.

    `SENDERS` themselves carry gust and direction, too. Here every sender says what the field says
    and nothing else, so that frame lengths compare.

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
    lorawan = "LoRaWAN 1.0.4 header, FPort and MIC 13 B"
    metrics = "telemetry.proto: a float with its key 5 or 6 B"
    made = {
        "lpp": f"LPP {lpp} B for {what} (2 B channel and type before T 2, RH 1, others 2 B:"
        f" myDevices' Cayenne LPP); {lorawan}",
        "packed": f"{bits} bits in {packed} B for {what}; {lorawan}",
        "meshtastic": f"EnvironmentMetrics {mesh} B for {what} ({metrics}); Telemetry and Data 13 B"
        " more; header 16 B (RadioInterface.h); LongFast SF11/250 kHz, preamble 16",
    }
    size = {
        "lpp": lpp + _LORAWAN_BYTES,
        "packed": packed + _LORAWAN_BYTES,
        "meshtastic": mesh + _MESH_BYTES,
    }
    found = []
    for s in SENDERS:
        kind = s.key.partition("-")[0]
        own = s.key == "meshtastic-60"
        found.append(
            replace(
                s,
                name=s.name.partition(",")[0],
                frame_bytes=size[kind],
                interval_s=s.interval_s if own else interval_s,
                source=made[kind]
                + ("; interval: the firmware's default (Default.h)" if own else ""),
            )
        )
    return tuple(found)


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


def sender(key: str) -> Sender:
    """
    The sender of `SENDERS` called *key*.

    Raises:
        RangeError: There is none; the text lists the known ones.
    """
    for s in SENDERS:
        if s.key == key:
            return s
    raise RangeError("sender", key, f"must be one of {', '.join(s.key for s in SENDERS)}")


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
