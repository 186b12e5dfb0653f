# SPDX-License-Identifier: Apache-2.0
"""
The one description of what sinks write: measurements, tags, fields, units.

The InfluxDB sink writes by it, the MQTT sink names its keys by it, dashboards and alerts take their
queries from it, and `docs/schema.md` is printed from it. A field's type never changes: a database
refuses the point otherwise. Tags are few and bounded, so that the number of series is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["MEASUREMENTS", "Column", "Measurement", "measurement"]

Kind = Literal["float", "integer", "string", "boolean"]


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a measurement. `unit` is "" for a number without one."""

    name: str
    kind: Kind
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    One measurement.

    Attributes:
        name: As in the database.
        tags: Names of the tags, all always present.
        columns: Its fields. A field whose value is unknown is left out of the point.
        time: What the timestamp is; with the tags it names the point, so writing twice is harmless.
        text: What it is.
    """

    name: str
    tags: tuple[str, ...]
    columns: tuple[Column, ...]
    time: str
    text: str


_STATUS = Column(
    "status",
    "integer",
    "",
    "where it comes from: 0 unknown, 1 reported, 2 held, 3 stale, 4 diverged",
)

MEASUREMENTS: Final = (
    Measurement(
        "weather",
        ("field", "node"),
        (
            Column("temp_degc", "float", "degC", "air temperature"),
            Column("rh_pct", "float", "%", "relative humidity"),
            Column("wind_m_s", "float", "m/s", "wind, 10-min mean"),
            Column("rain_mm", "float", "mm", "rain, accumulated since the node's start"),
            _STATUS,
        ),
        "beginning of the node's phase: when it measured",
        "what each node measured, within tolerance; one point per node and epoch",
    ),
    Measurement(
        "fire",
        ("field", "node"),
        (
            Column("vpd_kpa", "float", "kPa", "vapour pressure deficit"),
            Column("surface_hdw", "float", "", "surface hot-dry-wind index, a proxy at the ground"),
            Column("ffmc", "float", "", "hourly Fine Fuel Moisture Code, 0..101"),
            Column("isi", "float", "", "Initial Spread Index of the hour"),
            Column("anomaly", "float", "", "anomaly score, 0..100"),
            Column("anomaly_weather", "float", "", "its part from unusual and dangerous weather"),
            Column("anomaly_local", "float", "", "its part from the departure from neighbours"),
            Column("cause", "integer", "", "likely cause: 0 none, 1 weather, 2 heat, 3 sensor"),
            _STATUS,
        ),
        "beginning of the epoch's last phase",
        "what the replicated state says of each node; one point per node and epoch",
    ),
    Measurement(
        "fwi_daily",
        ("field", "node"),
        (
            Column("ffmc", "float", "", "daily FFMC of 1987"),
            Column("dmc", "float", "", "Duff Moisture Code"),
            Column("dc", "float", "", "Drought Code"),
            Column("isi", "float", "", "Initial Spread Index"),
            Column("bui", "float", "", "Buildup Index"),
            Column("fwi", "float", "", "Fire Weather Index"),
            Column("dsr", "float", "", "Daily Severity Rating"),
            _STATUS,
        ),
        "local standard noon at the field's mean longitude",
        "Canadian FWI System 1987; one point per node and day",
    ),
    Measurement(
        "fire_field",
        ("field",),
        (
            Column("regime", "integer", "", "0 calm, 1 watch, 2 red"),
            Column("anomaly", "float", "", "anomaly score of the field, 0..100"),
            Column("vpd_kpa", "float", "kPa", "mean over the nodes whose values are not stale"),
            Column("ffmc", "float", "", "likewise"),
            Column("isi", "float", "", "likewise"),
            Column("isi_max", "float", "", "highest of any such node"),
            Column("nodes", "integer", "", "how many such nodes there are"),
        ),
        "beginning of the epoch's last phase",
        "the field as a whole; one point per epoch",
    ),
    Measurement(
        "rf_frame",
        ("field", "node", "kind", "receiver"),
        (
            Column("bytes", "integer", "B", "PHY payload"),
            Column("airtime_us", "integer", "us", "time on air"),
            Column("rssi_dbm", "float", "dBm", "signal strength"),
            Column("snr_db", "float", "dB", "signal-to-noise ratio"),
            Column("late", "boolean", "", "came after its phase had been committed"),
        ),
        "end of reception",
        "each accepted frame, once, by the receiver that delivered it first",
    ),
    Measurement(
        "rf_hour",
        ("field", "node", "kind", "band"),
        (
            Column("frames", "integer", "", "transmissions"),
            Column("bytes", "integer", "B", "PHY payload"),
            Column("airtime_us", "integer", "us", "time on air"),
        ),
        "beginning of the UTC hour",
        "sums of the RF ledger; written again while the hour lasts",
    ),
    Measurement(
        "rf_refused",
        ("field", "layer", "reason"),
        (
            Column("frames", "integer", "", "frames"),
            Column("bytes", "integer", "B", "PHY payload"),
        ),
        "beginning of the UTC hour",
        "what was heard and not accepted",
    ),
    Measurement(
        "rf_limit",
        ("field", "band"),
        (
            Column("duty_pct", "float", "%", "the region's legal limit per transmitter"),
            Column("budget_bytes_h", "integer", "B/h", "the site's own budget for all nodes"),
            Column("periodic_bytes_h", "integer", "B/h", "the same values sent every epoch"),
        ),
        "beginning of the UTC hour",
        "what the sums are compared with; one point per sub-band in use and hour",
    ),
    Measurement(
        "swarm",
        ("field",),
        (
            Column("digest", "string", "", "32-bit digest of the gateway's replica, hexadecimal"),
            Column("diverged", "integer", "", "1: digests on air differ from the gateway's"),
            Column("synced", "integer", "", "0: some frames cannot be read before a checkpoint"),
            Column("bits_compared", "integer", "", "digest bits compared since the start"),
            Column("bits_wrong", "integer", "", "of them different"),
            Column("beacons_compared", "integer", "", "beacons compared since the start"),
            Column("beacons_wrong", "integer", "", "of them different"),
            Column("adopted", "integer", "", "checkpoints adopted since the start"),
            Column("verified", "integer", "", "checkpoints verified since the start"),
            Column("missed_checkpoints", "integer", "", "checkpoints that came too late"),
            Column("nodes_reported", "integer", "", "nodes whose value was reported"),
            Column("nodes_held", "integer", "", "nodes held by prediction"),
            Column("nodes_stale", "integer", "", "nodes past their deadline"),
            Column("nodes_diverged", "integer", "", "nodes not to be trusted now"),
            Column("nodes_unknown", "integer", "", "nodes never heard"),
        ),
        "beginning of the phase",
        "agreement of the replicas; one point per phase",
    ),
    Measurement(
        "node",
        ("field", "node"),
        (
            _STATUS,
            Column(
                "last_heard_s",
                "float",
                "s",
                "since its newest frame, at that phase's end",
            ),
            Column("deadline_s", "float", "s", "after which silence means that it is out"),
            Column("offset_us", "integer", "us", "newest frame's arrival against its slot"),
            Column("rssi_dbm", "float", "dBm", "of the newest frame"),
            Column("snr_db", "float", "dB", "of the newest frame"),
            Column("batt_mv", "float", "mV", "battery voltage; sites with `battery = true`"),
            Column("lat_deg", "float", "deg", "latitude of the site file, WGS 84"),
            Column("lon_deg", "float", "deg", "longitude of the site file, WGS 84"),
        ),
        "beginning of the epoch's last phase",
        "how each node is; one point per node and epoch",
    ),
    Measurement(
        "gateway",
        ("field", "sink"),
        (
            Column("backlog_rows", "integer", "", "rows of the store that this sink has not got"),
            Column("backlog_age_s", "float", "s", "age of the oldest of them"),
            Column("written_points", "integer", "", "points delivered since the start"),
            Column("failures", "integer", "", "failed deliveries since the start"),
            Column("store_bytes", "integer", "B", "size of the gateway's database"),
            Column("frames", "integer", "", "frames received since the start"),
        ),
        "when it was looked at",
        "the gateway itself; one point per sink and minute",
    ),
)
"""All that a sink may write."""


def measurement(name: str) -> Measurement:
    """
    The measurement of that name.

    Raises:
        KeyError: There is none.
    """
    return {m.name: m for m in MEASUREMENTS}[name]
