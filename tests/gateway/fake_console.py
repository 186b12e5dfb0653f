# SPDX-License-Identifier: Apache-2.0
"""A made-up field for the console's tests and for working on its looks. Not a measurement.

Weather is a smooth diurnal cycle with a gradient and seeded noise; a node reports when a value
leaves its tolerance. Run it with `python tests/gateway/fake_console.py --nodes 28 --port 8787`.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from qres_gateway.console import Series, Snapshot, UnknownNodeError, run_console
from qres_gateway.console.view import (
    CHANNELS,
    UNITS,
    Channel,
    Event,
    FieldInfo,
    FrameType,
    Health,
    Node,
    Provenance,
    Rf,
    RfHour,
    RfWindow,
    vpd_kpa,
)

START_US = 1_662_508_800_000_000  # 2022-09-07T00:00:00Z
STEP_US = 600_000_000
HOUR_US = 3_600_000_000
DAYS = 4
TOLERANCE: dict[Channel, float] = {
    "temp_degc": 1.0,
    "rh_pct": 5.0,
    "wind_m_s": 1.0,
    "rain_mm": 0.4,
}
_AIRTIME_US: dict[FrameType, int] = {
    "report": 123_900,
    "beacon": 164_900,
    "checkpoint": 328_700,
    "relay": 144_400,
}
_BYTES: dict[FrameType, int] = {"report": 6, "beacon": 16, "checkpoint": 51, "relay": 12}
_SALT = {"temp_degc": 1, "rh_pct": 2, "wind_m_s": 3, "rain_mm": 4}
_TROUBLE = (
    ("refused", "notice", "tag does not match", None),
    ("stale", "notice", "no sign of life for 6 h", 5),
    ("divergence", "danger", "digest of node 8 differs", 8),
    ("resync", "notice", "repair asked for 3 reports", 8),
)
_PLACES = (
    "Melle,50.980,3.816 Sint-Denijs,51.022,3.710 Ravels,51.325,4.952 Weelde,51.336,4.935 "
    "Mariakerke,51.053,3.675 Mechelen,51.027,4.516 Dijle,51.031,4.478 Nekker,51.028,4.477 "
    "Erpe,50.927,4.076 Aalst,50.936,4.041 Linkeroever,51.222,4.382 Deurne,51.216,4.423 "
    "Zuid,51.212,4.398 Kalmthout,51.391,4.415 Asse,50.935,4.193 Verrebroek,51.267,4.293 "
    "Genk,51.005,5.613 Hechtel,51.136,5.457 Elsene,50.841,4.364 Marollen,50.847,4.338 "
    "Oostende,51.220,2.992 Kemmel,50.790,2.856 Oostburg,51.261,3.580 Eeklo,51.167,3.572 "
    "Zelzate,51.155,3.779 Mol,51.182,5.098 Dampoort,51.058,3.748 Gentbrugge,51.035,3.770"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands; `elev_m` None where the source has none."""

    name: str
    lat_deg: float
    lon_deg: float
    elev_m: float | None


def flemish_places() -> list[Place]:
    """28 stations spread over Flanders, some of them within a kilometre of each other."""
    places = []
    for index, word in enumerate(_PLACES.split()):
        name, lat, lon = word.split(",")
        elev_m = 4.0 + 0.9 * index + (120.0 if name == "Kemmel" else 0.0)
        places.append(Place(name, float(lat), float(lon), elev_m))
    return places


def hill_places(count: int, seed: int = 7) -> list[Place]:
    """`count` stations within about 30 km in hilly country."""
    rng = np.random.default_rng(seed)
    places = []
    for index in range(count):
        radius, angle = 0.16 * math.sqrt(rng.random()), 2 * math.pi * rng.random()
        lat, lon = 40.35 + radius * math.sin(angle), -121.4 + 1.3 * radius * math.cos(angle)
        elev = 620 + 900 * math.exp(-((lat - 40.42) ** 2 + (lon + 121.3) ** 2) / 0.008)
        places.append(Place(f"RG-{index:03d}", lat, lon, round(elev + 40 * rng.random())))
    return places


class FakeConsole:
    """`ConsoleData` over a precomputed field. `now_us` gives the field time when asked."""

    def __init__(
        self,
        places: list[Place],
        now_us: Callable[[], int],
        *,
        seed: int = 1,
        speed: float | None = None,
        trouble: bool = False,
        demo: bool = True,
    ) -> None:
        self._places = places
        self._now_us = now_us
        self._speed = speed
        self._trouble = trouble
        self._demo = demo
        steps = DAYS * 86_400_000_000 // STEP_US
        self._time_us = START_US + STEP_US * np.arange(steps, dtype=np.int64)
        self._true = _weather(places, self._time_us, seed)
        self._held, self._sent = _replay(self._true)

    def snapshot(self) -> Snapshot:
        """The state at the last step before now."""
        now_us = self._clamped()
        step = self._step(now_us)
        nodes = tuple(self._node(i, step, now_us) for i in range(len(self._places)))
        return Snapshot(
            field=FieldInfo(
                name="Vlaanderen" if len(nodes) == 28 else "Red Gulch",
                time_us=now_us,
                epoch_s=600,
                region="EU868",
                freq_hz=869_525_000,
                sf=9,
                bw_hz=125_000,
                tolerance_class="standard",
            ),
            nodes=nodes,
            rf=self._rf(step, now_us),
            health=self._health(step),
            demo=self._demo,
            events=self._events(step),
            speed=self._speed,
            tolerance=TOLERANCE,
        )

    def series(self, node: int, channel: Channel) -> Series:
        """Everything up to now for one node and channel."""
        if not 0 <= node < len(self._places):
            raise UnknownNodeError(node)
        stop = self._step(self._clamped()) + 1
        k = CHANNELS.index(channel)
        return Series(
            node=node,
            channel=channel,
            unit=UNITS[channel],
            time_us=self._time_us[:stop].tolist(),
            reconstructed=[round(v, 3) for v in self._held[:stop, node, k].tolist()],
            true=[round(v, 3) for v in self._true[:stop, node, k].tolist()] if self._demo else None,
            reported=self._sent[:stop, node].tolist(),
            tolerance=TOLERANCE[channel],
        )

    def _clamped(self) -> int:
        return min(max(self._now_us(), START_US), int(self._time_us[-1]))

    def _step(self, now_us: int) -> int:
        return (now_us - START_US) // STEP_US

    def _provenance(self, i: int, step: int) -> Provenance:
        if self._trouble and i % 11 == 5:
            return "stale"
        if self._trouble and i == 8:
            return "diverged"
        if self._trouble and i == 13:
            return "unknown"
        return "reported" if self._sent[step, i] else "held"

    def _node(self, i: int, step: int, now_us: int) -> Node:
        place = self._places[i]
        provenance = self._provenance(i, step)
        heard = provenance != "unknown"
        sent = np.flatnonzero(self._sent[: step + 1, i])
        last_us = int(self._time_us[sent[-1]]) if heard and sent.size else None
        temp, rh, wind, rain = (float(v) for v in self._held[step, i].round(3))
        return Node(
            id=i,
            name=place.name,
            lat_deg=place.lat_deg,
            lon_deg=place.lon_deg,
            elev_m=place.elev_m,
            temp_degc=temp if heard else None,
            rh_pct=rh if heard else None,
            wind_m_s=wind if heard and not (self._trouble and i == 2) else None,
            rain_mm=rain if heard else None,
            vpd_kpa=round(vpd_kpa(temp, rh), 3) if heard else None,
            provenance=provenance,
            since_us=now_us - 7 * HOUR_US if provenance == "stale" else last_us,
            last_report_us=last_us,
            reports=int(sent.size) if heard else 0,
            rf_bytes=6 * int(sent.size) if heard else 0,
            synthetic=len(self._places) > 40 and i % 4 == 0,
        )

    def _frames(self, first: int, stop: int) -> dict[FrameType, int]:
        hours = max(0, (stop - first) * STEP_US) / HOUR_US
        return {
            "report": int(self._sent[first:stop].sum()),
            "beacon": math.ceil(hours),
            "checkpoint": round(hours * len(self._places) / 100),
        }

    def _rf(self, step: int, now_us: int) -> Rf:
        per_hour = HOUR_US // STEP_US
        hours = []
        for first in range(0, step + 1, per_hour):
            frames = self._frames(first, min(first + per_hour, step + 1))
            hours.append(
                RfHour(
                    start_us=int(self._time_us[first]),
                    bytes={t: n * _BYTES[t] for t, n in frames.items()},
                    airtime_us={t: n * _AIRTIME_US[t] for t, n in frames.items()},
                    frames=frames,
                )
            )
        first = max(0, step + 1 - per_hour)
        last = self._frames(first, step + 1)
        busiest = self._sent[first : step + 1].sum(axis=0)
        return Rf(
            hours=tuple(hours),
            last_hour=RfWindow(
                span_s=(step + 1 - first) * STEP_US / 1e6,
                bytes=sum(n * _BYTES[t] for t, n in last.items()),
                frames=sum(last.values()),
                airtime_us=sum(n * _AIRTIME_US[t] for t, n in last.items()),
            ),
            since_us=START_US,
            total_bytes=sum(sum(h.bytes.values()) for h in hours),
            total_frames=sum(sum(h.frames.values()) for h in hours),
            total_airtime_us=sum(sum(h.airtime_us.values()) for h in hours),
            periodic_bytes_per_hour=6.0 * 28 * len(self._places),
            duty_limit_pct=10.0,
            duty_worst_pct=float(busiest.max()) * 0.1239 / 36.0,
            duty_worst_node=int(busiest.argmax()),
            refused={"tag": 3, "replay": 1, "length": 2} if self._trouble else {},
        )

    def _health(self, step: int) -> Health:
        eras = int((self._time_us[step] - START_US) // 86_400_000_000)
        return Health(
            digest=f"{(0x9E3779B1 * (step + 1)) & 0xFFFFFFFF:08x}",
            digests_checked=step * 2,
            divergences=2 if self._trouble else 0,
            replicas_equal=not self._trouble,
            checkpoints=eras + 1,
            last_checkpoint_us=START_US + eras * 86_400_000_000,
            era=START_US // 86_400_000_000 + eras,
        )

    def _events(self, step: int) -> tuple[Event, ...]:
        """Routine every six hours; with trouble also something every half hour."""
        events = []
        for at in range(step + 1):
            kind, severity, text, node = "", "", "", None
            if at % 144 == 0:
                kind, severity, text = "checkpoint", "info", "era complete"
            elif at % 36 == 0:
                kind, severity, text = "info", "info", "front: 9 reports in one phase"
            elif self._trouble and at % 3 == 0:
                kind, severity, text, node = _TROUBLE[at // 3 % len(_TROUBLE)]
            if kind:
                event = {"kind": kind, "severity": severity, "text": text, "node": node}
                event |= {"id": at, "time_us": int(self._time_us[at])}
                events.append(msgspec.convert(event, Event))
        return tuple(events[-200:])


def _weather(places: list[Place], time_us: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """[time, node, channel] in physical units: warm and dry afternoons, a shower on day two."""
    rng = np.random.default_rng(seed)
    lat = np.array([p.lat_deg for p in places])
    lon = np.array([p.lon_deg for p in places])
    east = (lon - lon.min()) / (np.ptp(lon) + 1e-9)
    north = (lat - lat.min()) / (np.ptp(lat) + 1e-9)
    elev = np.array([p.elev_m or 0.0 for p in places])
    hour = ((time_us - START_US) / HOUR_US)[:, None]
    sun = np.sin((hour - 9.0) / 24.0 * 2 * np.pi)
    shape = (time_us.size, len(places))
    temp = 21 + 3 * east - 0.0065 * elev + (6 + 2 * east) * sun + _noise(rng, shape, 0.12)
    rh = 62 - 12 * east - (20 + 6 * east) * sun + 6 * north + _noise(rng, shape, 0.7)
    wind = 2.6 + 1.6 * (1 - east) + 1.4 * np.maximum(sun, 0) + _noise(rng, shape, 0.12)
    shower = np.exp(-(((hour - 30 - 4 * east) / 1.5) ** 2)) * (0.5 + north)
    rain = np.round(np.cumsum(shower, axis=0) * 0.6 / 0.2) * 0.2
    return np.stack(
        [temp, np.clip(rh, 4, 100), np.maximum(wind, 0), np.broadcast_to(rain, shape)], axis=2
    )


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> NDArray[np.float64]:
    """Slow red noise, different at each node."""
    out = np.zeros(shape)
    for i in range(1, shape[0]):
        out[i] = 0.97 * out[i - 1] + scale * rng.standard_normal(shape[1])
    return out


def _replay(true: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Send-on-delta: what a listener holds, and who sent when."""
    limit = np.array([TOLERANCE[c] for c in CHANNELS])
    held, sent = np.empty_like(true), np.zeros(true.shape[:2], dtype=bool)
    held[0], sent[0] = true[0], True
    for i in range(1, len(true)):
        sent[i] = (np.abs(true[i] - held[i - 1]) > limit).any(axis=1)
        held[i] = np.where(sent[i][:, None], true[i], held[i - 1])
    return held, sent


def _main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=28)
    parser.add_argument("--port", type=int, default=8787)
    parser.add_argument("--speed", type=float, default=600.0)
    parser.add_argument("--at-hours", type=float, default=38.0)
    parser.add_argument("--trouble", action="store_true")
    args = parser.parse_args()
    began = time.monotonic()

    def now_us() -> int:
        wall_s = time.monotonic() - began
        return START_US + int(args.at_hours * HOUR_US) + int(wall_s * args.speed * 1e6)

    places = flemish_places() if args.nodes == 28 else hill_places(args.nodes)
    data = FakeConsole(places, now_us, speed=args.speed, trouble=args.trouble)
    asyncio.run(run_console(data, port=args.port))


if __name__ == "__main__":
    print(f"fake field of {Path(__file__).name}; Ctrl-C stops it")
    _main()
