# SPDX-License-Identifier: Apache-2.0
"""What the console shows: the typed schema, and the seam through which it gets it.

A value that is absent is `None` here, `null` in JSON and a dash on the page. It is never 0:
no wind and no wind sensor are different facts. All times are integer microseconds since the
Unix epoch, in the time of the field (which in a demo runs faster than the wall clock).
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args

import msgspec

from qres.fire_weather import vpd as fire_weather_vpd

SCHEMA = 1
"""Raised by one whenever a field of the JSON is renamed, removed or changes its meaning."""

Provenance = Literal["reported", "held", "stale", "diverged", "unknown"]
"""Where a value comes from.

reported: received in the current epoch. held: not sent, because the prediction is within the
tolerance (the normal state of a quiet node). stale: silent for longer than the deadline for a
sign of life. diverged: its replica is known to differ. unknown: nothing heard yet.
"""

Channel = Literal["temp_degc", "rh_pct", "wind_m_s", "rain_mm", "batt_mv"]
SeriesChannel = Literal["temp_degc", "rh_pct", "wind_m_s", "rain_mm", "vpd_kpa", "batt_mv"]
FrameType = Literal["report", "beacon", "checkpoint", "relay"]
EventKind = Literal["divergence", "resync", "refused", "stale", "checkpoint", "info"]
Severity = Literal["info", "notice", "danger"]
Regime = Literal["calm", "watch", "red"]
Cause = Literal["none", "weather", "heat", "sensor"]
"""What an anomaly score of 50 or more is likely due to; "none" below that."""

PROVENANCES: tuple[Provenance, ...] = get_args(Provenance)
REGIMES: tuple[Regime, ...] = get_args(Regime)
CAUSES: tuple[Cause, ...] = get_args(Cause)
CHANNELS: tuple[Channel, ...] = ("temp_degc", "rh_pct", "wind_m_s", "rain_mm")
"""What every field has; some have the battery, too."""
SERIES_CHANNELS: tuple[SeriesChannel, ...] = get_args(SeriesChannel)
FRAME_TYPES: tuple[FrameType, ...] = get_args(FrameType)
UNITS: dict[SeriesChannel, str] = {
    "temp_degc": "°C",
    "rh_pct": "%",
    "wind_m_s": "m/s",
    "rain_mm": "mm",
    "vpd_kpa": "kPa",
    "batt_mv": "mV",
}


class UnknownNodeError(LookupError):
    """No node with this id in the field."""

    def __init__(self, node: int) -> None:
        super().__init__(f"no node with id {node} in this field")
        self.node = node


class UnknownChannelError(LookupError):
    """The nodes of the field have no such channel."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"the nodes of this field do not report {channel}")
        self.channel = channel


class FieldInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The field as a whole. `time_us` is the field's own time, not the wall clock."""

    name: str
    time_us: int
    epoch_s: int
    region: str | None = None
    freq_hz: int | None = None
    sf: int | None = None
    bw_hz: int | None = None
    tolerance_class: str | None = None


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One node: its place, the values every replica holds for it, and what it cost.

    `since_us` is when `provenance` began. `last_report_us` is None until the first report.
    `rf_bytes` counts the PHY payload of every accepted frame that this node put on air.
    `ffmc`, `isi`, `anomaly` (0..100) and `cause` are what the replicated state says of fire there.
    `synthetic` marks a node whose weather was made up from real neighbours. `batt_mv` is None
    unless the site has `battery = true`; in a demo it is simulated.
    """

    id: int
    name: str
    lat_deg: float
    lon_deg: float
    elev_m: float | None
    temp_degc: float | None
    rh_pct: float | None
    wind_m_s: float | None
    rain_mm: float | None
    vpd_kpa: float | None
    provenance: Provenance
    since_us: int | None
    last_report_us: int | None
    reports: int
    rf_bytes: int
    synthetic: bool = False
    ffmc: float | None = None
    isi: float | None = None
    anomaly: float | None = None
    cause: Cause = "none"
    batt_mv: float | None = None


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """Fire weather of the field: means over nodes that are not stale, and its anomaly score.

    `days` is how long the field has learned its climate; before the seventh day `anomaly` is 0.
    """

    ffmc: float
    isi: float
    anomaly: float
    days: int


class RfHour(msgspec.Struct, frozen=True, kw_only=True):
    """One hour of radio by frame type; the newest hour is still filling. Missing type = none."""

    start_us: int
    bytes: dict[FrameType, int]
    airtime_us: dict[FrameType, int]
    frames: dict[FrameType, int]


class RfWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Radio in the sliding window that ends now. `span_s` is below 3600 in the first hour."""

    span_s: float
    bytes: int
    frames: int
    airtime_us: int


class Rf(msgspec.Struct, frozen=True, kw_only=True):
    """The radio ledger. Duty figures are per transmitter, as the law counts, in percent.

    `hours` runs oldest first without gaps; a provider keeps at most 168 of them.
    `periodic_bytes_per_hour` is what the same field would send as periodic LoRaWAN.
    `duty_worst_pct` is the busiest single transmitter in the last hour.
    """

    hours: tuple[RfHour, ...]
    last_hour: RfWindow
    since_us: int
    total_bytes: int
    total_frames: int
    total_airtime_us: int
    periodic_bytes_per_hour: float | None
    promise_bytes_per_hour: float = 1024.0
    duty_limit_pct: float | None = None
    duty_worst_pct: float | None = None
    duty_worst_node: int | None = None
    refused: dict[str, int] = {}


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Agreement between replicas. `replicas_equal` is None while nothing could be compared.

    `era` is the UTC day number since 1970-01-01. `digest` is 8 hexadecimal digits.
    """

    digest: str | None
    digests_checked: int
    divergences: int
    replicas_equal: bool | None
    checkpoints: int
    last_checkpoint_us: int | None
    era: int | None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. `id` rises by time and is never used twice."""

    id: int
    time_us: int
    kind: EventKind
    severity: Severity
    text: str
    node: int | None = None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page shows except time series. `nodes` are in order of id.

    `events` are the newest 200 at most, oldest first. `speed` is field seconds per wall second.
    `tolerance` is the largest error that silence may hide, per channel, in the channel's unit.
    `regime` is the field's committed danger regime, None where none is computed.
    """

    field: FieldInfo
    nodes: tuple[Node, ...]
    rf: Rf
    health: Health
    demo: bool
    events: tuple[Event, ...] = ()
    speed: float | None = None
    tolerance: dict[Channel, float] = {}
    regime: Regime | None = None
    fire: Fire | None = None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One node and channel through time; all lists have the length of `time_us`.

    `reconstructed` is what the replicas hold. `true` is what the node measured, known only in
    a demo. `reported` marks the samples at which a report of this node was committed.
    `tolerance` is one number, or one per sample where it follows danger, or None.
    """

    node: int
    channel: SeriesChannel
    unit: str
    time_us: list[int]
    reconstructed: list[float | None]
    true: list[float | None] | None
    reported: list[bool]
    tolerance: float | list[float] | None


class ConsoleData(Protocol):
    """What the console needs from the gateway or the demo.

    Both methods are called in the event loop: they must return in a few milliseconds, do no
    I/O, and return values that nobody changes afterwards.
    """

    def snapshot(self) -> Snapshot:
        """The state now."""
        ...

    def series(self, node: int, channel: Channel) -> Series:
        """Up to 168 hours of one channel, oldest first.

        Raises UnknownNodeError or UnknownChannelError.
        """
        ...


def vpd_kpa(temp_degc: float, rh_pct: float) -> float:
    """
    Vapour pressure deficit: how much more water the air could hold. [kPa]

    Args:
        temp_degc: Air temperature, -60..85. [degC]
        rh_pct: Relative humidity over water, 0..100. [%]

    >>> round(vpd_kpa(30.0, 20.0), 3)
    3.394
    """
    return float(fire_weather_vpd.vpd_kpa(temp_degc, rh_pct))
