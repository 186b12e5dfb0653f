# SPDX-License-Identifier: Apache-2.0
"""
What the same field would have cost with periodic senders: the yardstick of every audit.

Each sender puts one record (temperature, humidity, wind, gust, direction, rain) on air per
interval. Bytes are PHY payloads, headers and integrity codes included; the radio settings are the
field's own unless the sender brings its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qres.airtime import time_on_air_us
from qres.errors import RangeError

__all__ = ["SENDERS", "PeriodicCost", "Radio", "Sender", "cost", "sender"]

HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Radio:
    """
    LoRa settings that decide the time on air.

    Attributes:
        sf: Spreading factor. 7..12
        bw_hz: Bandwidth. [Hz]
        preamble_symbols: Length of the preamble. [symbols]
    """

    sf: int
    bw_hz: int
    preamble_symbols: int = 8


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
        radio.sf, radio.bw_hz, of.frame_bytes, preamble_symbols=radio.preamble_symbols
    )
    frames_per_h = n_nodes * HOUR_S / of.interval_s
    return PeriodicCost(
        sender=of,
        n_nodes=n_nodes,
        frames_per_h=frames_per_h,
        bytes_per_h=frames_per_h * of.frame_bytes,
        airtime_us_per_h=frames_per_h * air_us,
    )
