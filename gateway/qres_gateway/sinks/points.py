# SPDX-License-Identifier: Apache-2.0
"""Rows of the store as points: pure functions, no clock, no I/O. `schema` says what each is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from qres.channels import BATTERY, V1, channel
from qres.core import Status
from qres.fire_weather.hdw import surface_hdw
from qres.fire_weather.vpd import vpd_kpa
from qres.site import N_PHASES
from qres_gateway.fire_state import COLUMNS
from qres_gateway.ledger import HOUR_US
from qres_gateway.sinks.point import Point, point

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from qres.channels import Channel
    from qres_gateway.ledger import AirtimeRow, Sum
    from qres_gateway.outbox import HeardFrame, StoredCommit
    from qres_gateway.sinks.field import SinkField

__all__ = [
    "fire_points",
    "frame_point",
    "held",
    "node_points",
    "rf_points",
    "swarm_point",
    "weather_points",
]

_TEMP, _RH, _WIND = (channel(n).index for n in ("temp_degc", "rh_pct", "wind_m_s"))
_STATUS_COUNTS: Final = {
    "nodes_unknown": Status.UNKNOWN,
    "nodes_reported": Status.REPORTED,
    "nodes_held": Status.HELD,
    "nodes_stale": Status.STALE,
    "nodes_diverged": Status.DIVERGED,
}
_HEALTH: Final = (
    "diverged",
    "synced",
    "bits_compared",
    "bits_wrong",
    "beacons_compared",
    "beacons_wrong",
    "adopted",
    "verified",
    "missed_checkpoints",
)


def _some(points: Iterable[Point | None]) -> list[Point]:
    return [p for p in points if p is not None]


def held(commit: StoredCommit, channels: Sequence[Channel] = V1) -> NDArray[np.float64]:
    """
    What is held for each node's own last sample, shape (nodes, *channels*); NaN = absent.

    Rows of an older store have predictions only, which differ from it by less than a tolerance.
    Values are within their channel's range, whatever the rounding of the store.
    """
    values = commit.held(len(channels)).astype(np.float64)
    lower, upper = ([getattr(c, side) for c in channels] for side in ("lower", "upper"))
    return np.asarray(np.clip(values, lower, upper))


def frame_point(field: SinkField, frame: HeardFrame) -> list[Point]:
    """`rf_frame` of an accepted frame."""
    tags = (field.name, field.node_tag(frame.node), frame.kind, frame.receiver)
    fields = {
        "bytes": frame.n_bytes,
        "airtime_us": field.site.airtime_us(frame.n_bytes),
        "rssi_dbm": frame.rssi_dbm,
        "snr_db": frame.snr_db,
        "late": frame.late,
    }
    return _some([point("rf_frame", tags, frame.rx_us, fields)])


def weather_points(field: SinkField, commit: StoredCommit) -> list[Point]:
    """`weather` of the nodes that sample in the commit's phase."""
    values = held(commit)
    status = commit.status
    return _some(
        point(
            "weather",
            (field.name, field.nodes[i]),
            commit.time_us,
            {c.name: values[i, c.index] for c in V1} | {"status": status[i]},
        )
        for i in np.flatnonzero(field.phase_of == commit.phase % N_PHASES).tolist()
    )


def fire_points(field: SinkField, commit: StoredCommit) -> list[Point]:
    """
    `fire` of every node and `fire_field`, from the last phase of an epoch.

    VPD and HDW follow from the values, whether the replica keeps a fire state or not.
    """
    values, status, fire = held(commit), commit.status, commit.fire
    columns: dict[str, NDArray[np.float64]] = {
        "vpd_kpa": vpd_kpa(values[:, _TEMP], values[:, _RH]),
        "surface_hdw": surface_hdw(values[:, _TEMP], values[:, _RH], values[:, _WIND]),
    }
    if fire is not None:
        columns |= {name: fire.nodes[:, k] for k, name in enumerate(COLUMNS)}
    points = [
        point(
            "fire",
            (field.name, node),
            commit.time_us,
            {name: column[i] for name, column in columns.items()}
            | {"cause": None if fire is None else fire.cause[i], "status": status[i]},
        )
        for i, node in enumerate(field.nodes)
    ]
    fresh = (status == Status.REPORTED) | (status == Status.HELD)
    whole: dict[str, float | str | None] = {"nodes": int(fresh.sum())}
    for name in ("vpd_kpa", "ffmc", "isi"):
        whole[name] = _mean(columns[name][fresh]) if name in columns else None
    if fire is not None:
        isi = columns["isi"][fresh & ~np.isnan(columns["isi"])]
        whole["isi_max"] = float(isi.max()) if isi.size else None
        whole |= {"regime": fire.regime, "anomaly": fire.field_anomaly}
        own = {"ffmc": fire.field_ffmc, "isi": fire.field_isi}  # what every replica says
        whole |= {name: mean for name, mean in own.items() if not math.isnan(mean)}
    points.append(point("fire_field", (field.name,), commit.time_us, whole))
    return _some(points)


def swarm_point(field: SinkField, commit: StoredCommit) -> list[Point]:
    """`swarm` of any commit."""
    counts = {name: int((commit.status == s).sum()) for name, s in _STATUS_COUNTS.items()}
    health = {name: commit.health.get(name) for name in _HEALTH}
    fields: dict[str, float | str | None] = {"digest": f"{commit.digest:08x}", **health, **counts}
    return _some([point("swarm", (field.name,), commit.time_us, fields)])


def node_points(
    field: SinkField, commit: StoredCommit, newest: Sequence[HeardFrame | None]
) -> list[Point]:
    """
    `node` of every node, from the last phase of an epoch.

    Args:
        field: The field.
        commit: The commit.
        newest: Each node's newest accepted frame as of the phase's end; None if never heard.
    """
    end_us = commit.time_us + field.phase_us
    channels = field.site.channels
    batt_mv = held(commit, channels)[:, channels.index(BATTERY)] if field.site.battery else None
    points = []
    for i, (node, frame) in enumerate(zip(field.nodes, newest, strict=True)):
        fields: dict[str, float | str | None] = {
            "status": commit.status[i],
            "deadline_s": field.deadline_s,
            "lat_deg": field.site.nodes[i].lat_deg,
            "lon_deg": field.site.nodes[i].lon_deg,
            "batt_mv": None if batt_mv is None else batt_mv[i],
        }
        if frame is not None:
            fields |= {
                "last_heard_s": (end_us - frame.rx_us) / 1e6,
                "offset_us": frame.offset_us,
                "rssi_dbm": frame.rssi_dbm,
                "snr_db": frame.snr_db,
            }
        points.append(point("node", (field.name, node), commit.time_us, fields))
    return _some(points)


def rf_points(
    field: SinkField,
    hour: int,
    rows: Iterable[AirtimeRow],
    refused: Mapping[tuple[str, str], Sum],
) -> list[Point]:
    """`rf_hour`, `rf_refused` and `rf_limit` of an hour since the Unix epoch."""
    time_us = hour * HOUR_US
    points = []
    bands = set()
    for row in rows:
        bands.add(row.band)
        tags = (field.name, field.node_tag(row.node), row.kind, row.band)
        sums = {"frames": row.frames, "bytes": row.bytes, "airtime_us": row.airtime_us}
        points.append(point("rf_hour", tags, time_us, sums))
    for (layer, reason), s in refused.items():
        fields = {"frames": s.frames, "bytes": s.bytes}
        points.append(point("rf_refused", (field.name, layer, reason), time_us, fields))
    for band in sorted(bands):
        limits = {
            "duty_pct": field.duty_pct.get(band, 0.0),
            "budget_bytes_h": field.budget_bytes_h,
            "periodic_bytes_h": field.periodic_bytes_h,
        }
        points.append(point("rf_limit", (field.name, band), time_us, limits))
    return _some(points)


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None
