# SPDX-License-Identifier: Apache-2.0
"""A field for tests of the gateway: frames, clocks, and a replica simple enough to predict.

The fake protocol: a frame is node (1 byte), value (2 bytes, big-endian) and a 3-byte tag over
both and the phase in which it was received. Its replica folds the *set* of accepted reports, as
the real one does, so order of arrival must not matter and tests can compare digests.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qres_gateway.pipeline import ERA_US, FieldRadio, FieldRules
from qres_gateway.sources.base import Instant, RawFrame, RxTimeSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres_gateway.frame_log import LoggedFrame

EPOCH_US = 600_000_000
PHASE_US = EPOCH_US // 4
DAY_US = 20_000 * ERA_US  # 2024-10-04T00:00:00Z
NODES = 8
FREQ_HZ = 868_300_000
AIRTIME_US = 123_904


class FakeHeard(NamedTuple):
    """As `Heard` of the core."""

    kind: str
    node: int | None
    phase: int | None
    reason: str


class FakeCommit(NamedTuple):
    """As `Commit` of the core."""

    phase: int


def report(node: int, value: int, rx_us: int) -> bytes:
    """The payload that `node` sends for a value, received at `rx_us`."""
    body = bytes((node, value >> 8, value & 0xFF))
    return body + _tag(body, rx_us // PHASE_US)


def _tag(body: bytes, phase: int) -> bytes:
    return zlib.crc32(body + phase.to_bytes(8, "big")).to_bytes(4, "big")[:3]


class FakeReplica:
    """Accepts reports of the phase they were received in; a phase closes when it ends."""

    def __init__(self, start_us: int) -> None:
        self.start_us = start_us
        self.now_us = start_us
        self.reports: dict[tuple[int, int], int] = {}
        self.advances: list[int] = []
        self.digest = 0  # of the set of reports, whatever their order
        self.values: NDArray[np.float64] = np.full((NODES, 1), np.nan)  # the last of each node
        self.status: NDArray[np.uint8] = np.zeros(NODES, np.uint8)  # 1 for nodes that spoke
        self._last_phase = [-1] * NODES

    @property
    def judged(self) -> NDArray[np.float64]:
        """It predicts nothing: what was heard last is what holds."""
        return self.values

    @property
    def health(self) -> dict[str, int]:
        """It compares nothing and needs no checkpoint."""
        return {"bits_compared": 0, "diverged": 0, "synced": 1}

    def advance(self, now_us: int, /) -> list[FakeCommit]:
        """Commit the phases that ended."""
        assert now_us >= self.now_us, "time handed to a replica never goes back"
        self.advances.append(now_us)
        phases = range(self.now_us // PHASE_US, now_us // PHASE_US)
        self.now_us = now_us
        return [FakeCommit(phase) for phase in phases]

    def hear(self, frame: bytes, rx_us: int, /) -> FakeHeard:
        """Take a report."""
        phase = rx_us // PHASE_US
        if len(frame) != 6 or frame[0] >= NODES:
            return FakeHeard("", None, None, "length")
        if frame[3:] != _tag(frame[:3], phase):
            return FakeHeard("", None, None, "tag")
        if (phase, frame[0]) in self.reports:
            return FakeHeard("", frame[0], phase, "replay")
        node, value = frame[0], int.from_bytes(frame[1:3], "big")
        self.reports[phase, node] = value
        self.digest ^= zlib.crc32(f"{phase} {node} {value}".encode())
        if phase > self._last_phase[node]:
            self._last_phase[node] = phase
            self.values[node, 0] = value
            self.status[node] = 1
        return FakeHeard("report", node, phase, "")


@dataclass
class FakeField:
    """Rules with the fake replica, remembering every replica that was made."""

    replicas: list[FakeReplica] = field(default_factory=list)

    def new_replica(self, start_us: int) -> FakeReplica:
        """As the core's constructor."""
        self.replicas.append(FakeReplica(start_us))
        return self.replicas[-1]

    def rules(self, eras: int = 2) -> FieldRules:
        """What the pipeline needs to know."""
        return FieldRules(
            epoch_us=EPOCH_US,
            radio=FieldRadio(FREQ_HZ, 9, 125_000),
            new_replica=self.new_replica,
            airtime_us=lambda _sf, _bw_hz, n_bytes: AIRTIME_US if n_bytes == 6 else 10 * n_bytes,
            band_of=lambda freq_hz: "M" if freq_hz == FREQ_HZ else "none",
            eras=eras,
        )


class FakeClock:
    """Both clocks, moved by the test."""

    def __init__(self, wall_us: int = DAY_US, mono_us: int = 0) -> None:
        self.wall_us = wall_us
        self.mono_us = mono_us

    def now(self) -> Instant:
        """As `Clock`."""
        return Instant(self.wall_us, self.mono_us)

    def pass_us(self, span_us: int) -> Instant:
        """Let time pass on both clocks."""
        self.wall_us += span_us
        self.mono_us += span_us
        return self.now()


def raw_frame(
    payload: bytes,
    rx_us: int = DAY_US,
    *,
    receiver: str = "aa555a0000000101",
    source: RxTimeSource = "host",
    tmst_us: int | None = None,
    host_us: int | None = None,
    freq_hz: int = FREQ_HZ,
    sf: int = 9,
    crc_ok: bool = True,
) -> RawFrame:
    """A frame with plain radio metadata."""
    return RawFrame(
        payload, rx_us, source, receiver, freq_hz, sf, 125_000, -97.0, 5.5, crc_ok, tmst_us, host_us
    )


def node_frame(node: int, value: int, rx_us: int, receiver: str = "aa555a0000000101") -> RawFrame:
    """A valid report as one receiver hears it."""
    return raw_frame(report(node, value, rx_us), rx_us, receiver=receiver, host_us=rx_us)


class ListHistory:
    """`History` over a list of rows."""

    def __init__(self, rows: list[LoggedFrame] | None = None) -> None:
        self.rows = rows if rows is not None else []

    def between(self, from_us: int, to_us: int, *, up_to: int) -> list[LoggedFrame]:
        """As `FrameLog.between`."""
        found = [
            row for row in self.rows if from_us <= row.frame.rx_us <= to_us and row.id <= up_to
        ]
        return sorted(found, key=lambda row: (row.frame.rx_us, row.id))
