# SPDX-License-Identifier: Apache-2.0
"""
The C core from Python: one field's derived tables, nodes with a slot, replicas without.

The same machine runs in an ESP32. It does no I/O and knows no time but what it is told: ask
`Node.next` what to do, do it, tell it what happened. Values inside are Q16.16 (`qres.channels`).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from qres._core import ffi, lib
from qres.channels import from_q16
from qres.core_field import Field
from qres.errors import RangeError
from qres.fire_state import TOLERANCE_EIGHTHS, Fire, judge

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qres.site import Site

__all__ = ["ERRORS", "Action", "Commit", "Do", "Field", "Heard", "Node", "Replica", "Status"]

MAX_CHANNELS: Final = int(lib.QRES_MAX_CHANNELS)
MAX_NODES: Final = int(lib.QRES_MAX_NODES)
KEY_BYTES: Final = 16
_NO_SLOT: Final = int(lib.QRES_NO_SLOT)

ERRORS: Final = (
    "", "invalid", "length", "tag", "duplicate", "window", "reserved", "version", "site", "limit",
    "full", "pending", "blob", "space", "airtime", "format",
)  # fmt: skip
"""Counted reason for refusing a frame, by the negated error code of the core (SPEC 9)."""

FRAME_KINDS: Final = ("", "report", "beacon", "checkpoint", "relay")
"""Names of frame types, by their number in the core."""


class Do(IntEnum):
    """What `Node.next` answers."""

    SLEEP = 0
    SAMPLE = 1
    TRANSMIT = 2
    LISTEN = 3
    COMMITTED = 4


class Status(IntEnum):
    """Where a node's values come from."""

    UNKNOWN = 0
    REPORTED = 1
    HELD = 2
    STALE = 3
    DIVERGED = 4


class Action(NamedTuple):
    """The next thing a node has to do. Times are its own clock's. [us]"""

    do: int
    phase: int
    from_us: int
    until_us: int
    frame_kind: str
    frame: bytes


class Heard(NamedTuple):
    """
    What became of a frame.

    Attributes:
        kind: "report", "beacon", "checkpoint", "relay"; "" if it was refused.
        node: Id of the sender, None if unknown.
        phase: Phase that the frame belongs to, None if unknown.
        reason: "" if it was accepted, else one of `ERRORS`.
        is_late: Its phase had been committed before: earlier values were revised.
        offset_us: Arrival against the slot that the sender should have used. [us]
    """

    kind: str
    node: int | None
    phase: int | None
    reason: str
    is_late: bool = False
    offset_us: int = 0


class Commit(NamedTuple):
    """One committed phase and the digest of the state after it."""

    phase: int
    digest: int


class _Machine:
    """One `qres_node` of the core, with a slot or without."""

    def __init__(
        self,
        field: Field,
        key: bytes,
        *,
        first_phase: int,
        index: int = _NO_SLOT,
        search: bool = False,
        trial_limit: int = 0,
        tx_not_before: int = 0,
    ) -> None:
        if len(key) != KEY_BYTES:
            raise RangeError("key", f"{len(key)} bytes", f"must have {KEY_BYTES}")
        self.field = field
        self.c: Any = ffi.new("qres_node *")
        config = ffi.new("qres_config *")
        config.self, config.search, config.trial_limit = index, search, trial_limit
        config.first_phase, config.tx_not_before = first_phase, tx_not_before
        if lib.qres_init(self.c, field.c, key, config) != 0:
            raise RangeError("first_phase", first_phase, "must be at least 1")
        self._action: Any = ffi.new("qres_action *")
        self._info: Any = ffi.new("qres_heard_info *")
        shape, self.n_channels = (MAX_CHANNELS, MAX_NODES), len(field.site.channels)
        part = (slice(self.n_channels), slice(len(field.ids)))
        raw = np.frombuffer(ffi.buffer(ffi.addressof(self.c.live, "value")), dtype=np.int32)
        self._value: NDArray[np.int32] = raw.reshape(shape)[part]
        judged = np.frombuffer(ffi.buffer(ffi.addressof(self.c, "judged")), dtype=np.int32)
        self._judged: NDArray[np.int32] = judged.reshape(shape)[part]
        absent = np.frombuffer(ffi.buffer(ffi.addressof(self.c.live, "absent")), dtype=np.uint8)
        self._absent: NDArray[np.uint8] = absent[: len(field.ids)]

    @property
    def phase(self) -> int:
        """The last committed phase."""
        return int(self.c.live.phase)

    @property
    def digest(self) -> int:
        """32 bits over the replicated state. A late report counts from the next commit on."""
        at = self.phase % lib.QRES_DIGEST_HISTORY
        return int(self.c.recent_digest[at])

    @property
    def is_synced(self) -> bool:
        """False while some node's frames cannot be read for want of a checkpoint."""
        return bool(self.c.synced)

    @property
    def is_diverged(self) -> bool:
        """True while other replicas' digests disagree with this one's (SPEC 8, health)."""
        return bool(self.c.diverged)

    @property
    def snapshot(self) -> tuple[int, int] | None:
        """Era and digest of the era's start as this replica holds it; None before the first."""
        if not self.c.snap_valid:
            return None
        return int(self.c.snap_era), int(self.c.snap_digest)

    @property
    def values_q16(self) -> NDArray[np.int32]:
        """Replicated values, shape (nodes, channels), a view of the core's memory. [Q16.16]"""
        return self._value.T

    @property
    def judged_q16(self) -> NDArray[np.int32]:
        """
        Values at each node's own last sample, shape (nodes, channels), a view. [Q16.16]

        Within tolerance of what was measured then. `values_q16` has moved on since: it predicts
        the next sample.
        """
        return self._judged.T

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which values are known, shape (nodes, channels)."""
        bits = self._absent[:, None] >> np.arange(self.n_channels, dtype=np.uint8)
        return np.asarray(bits & 1 == 0)

    @property
    def values(self) -> NDArray[np.float64]:
        """Replicated values in physical units, shape (nodes, channels); NaN where absent."""
        return np.where(self.present, from_q16(self.values_q16), np.nan)

    @property
    def judged(self) -> NDArray[np.float64]:
        """`judged_q16` in physical units, shape (nodes, channels); NaN where absent."""
        return np.where(self.present, from_q16(self.judged_q16), np.nan)

    @property
    def fire(self) -> Fire:
        """What the replicated state says of the fire weather now, SPEC 5.5."""
        return judge(self.field, self.c.live)

    @property
    def tolerance_q16(self) -> NDArray[np.int64]:
        """What each channel may be wrong by now: with `Site.follow` it depends on the regime."""
        tolerance = self.field.site.tolerance.values_q16().astype(np.int64)
        if not self.field.site.follow:
            return tolerance
        primary = np.array([c.is_primary for c in self.field.site.channels])
        factor8 = TOLERANCE_EIGHTHS[int(self.c.live.fire.regime)]
        return np.where(primary, (factor8 * tolerance + 4) >> 3, tolerance)

    @property
    def status(self) -> NDArray[np.uint8]:
        """`Status` of every node, shape (nodes,)."""
        n = len(self.field.ids)
        return np.fromiter((lib.qres_status(self.c, i) for i in range(n)), np.uint8, n)

    @property
    def counters(self) -> dict[str, int]:
        """Everything the core counts, refusals as `refused_<reason>`."""
        c = self.c.counters
        names = (
            "accepted", "restored", "late", "rebuilds", "commits", "deferred", "adopted",
            "verified", "missed_checkpoints", "bits_compared", "bits_wrong", "beacons_compared",
            "beacons_wrong",
        )  # fmt: skip
        counted = {name: int(getattr(c, name)) for name in names}
        counted |= {f"refused_{r}": int(c.refused[i]) for i, r in enumerate(ERRORS) if r}
        return counted

    @property
    def health(self) -> dict[str, int]:
        """
        Agreement with other replicas, SPEC 8.

        Counts: bits_compared, bits_wrong, beacons_compared, beacons_wrong, adopted, verified,
        missed_checkpoints. Flags, 0 or 1: diverged, synced.
        """
        c = self.c.counters
        names = (
            "bits_compared", "bits_wrong", "beacons_compared", "beacons_wrong", "adopted",
            "verified", "missed_checkpoints",
        )  # fmt: skip
        flags = {"diverged": int(self.is_diverged), "synced": int(self.is_synced)}
        return {name: int(getattr(c, name)) for name in names} | flags

    def heard(self, frame: bytes, rx_end_us: int) -> int:
        """
        Take a frame whose reception ended at *rx_end_us* of the node's clock.

        Returns:
            0, or the negative error code of the core. For words see `Replica.hear`.
        """
        return int(lib.qres_heard(self.c, rx_end_us, frame, len(frame), self._info))

    def settle(self) -> None:
        """Apply late reports now."""
        lib.qres_settle(self.c)


class Node(_Machine):
    """
    One node with a slot.

    Args:
        field: The field.
        key: Field key. [16 bytes]
        index: Its row in the site's nodes.
        first_phase: First phase that it commits.
        tx_not_before: First phase in which it may send: what its predecessor may have used is
            never used again.
    """

    def __init__(
        self, field: Field, key: bytes, index: int, *, first_phase: int, tx_not_before: int = 0
    ) -> None:
        super().__init__(
            field, key, first_phase=first_phase, index=index, tx_not_before=tx_not_before
        )
        self.index = index
        self._samples = ffi.new("int32_t[]", MAX_CHANNELS)

    def next(self, now_us: int) -> Action:
        """What to do at *now_us* of the node's own clock. [us]"""
        a = self._action
        lib.qres_next(self.c, now_us, a)
        frame = bytes(ffi.buffer(a.bytes, a.len)) if a.len else b""
        return Action(a.kind, a.phase, a.from_us, a.until_us, FRAME_KINDS[a.frame_kind], frame)

    def sample(self, samples_q16: ArrayLike) -> None:
        """Answer `Do.SAMPLE`: one Q16.16 value per channel, `channels.Q16_MISSING` for a miss."""
        self._samples[0 : self.n_channels] = np.asarray(samples_q16, dtype=np.int32).tolist()
        lib.qres_sample(self.c, self._samples)

    def not_sent(self) -> None:
        """The report that `next` gave could not be sent; the node tries again in an epoch."""
        lib.qres_not_sent(self.c)

    @property
    def clock_correction_us(self) -> int:
        """What the node adds to its own clock. [us]"""
        return int(self.c.clock_corr_us)


class Replica(_Machine):
    """
    A replica that only listens: the gateway's. It has no way to send.

    Args:
        site: The field.
        key: Field key. [16 bytes]
        start_us: Time from which on it commits. [us since the Unix epoch]
        trial_limit: Most tag trials per phase, 0 for no limit.
    """

    def __init__(self, site: Site, key: bytes, start_us: int, *, trial_limit: int = 0) -> None:
        field = Field(site)
        first_phase = field.phase_at(start_us)
        super().__init__(field, key, first_phase=first_phase, search=True, trial_limit=trial_limit)

    def advance(self, now_us: int) -> list[Commit]:
        """Commit every phase whose window has closed by *now_us*; returns those, in order."""
        done: list[Commit] = []
        a = self._action
        while True:
            lib.qres_next(self.c, now_us, a)
            if a.kind != Do.COMMITTED:
                return done
            done.append(Commit(a.phase, self.digest))

    def hear(self, frame: bytes, rx_us: int) -> Heard:
        """Take a frame whose reception ended at *rx_us*. [us since the Unix epoch]"""
        code = self.heard(frame, rx_us)
        info = self._info
        if code == 0:
            return Heard(
                FRAME_KINDS[info.kind],
                self.field.ids[info.member],
                info.phase,
                "",
                bool(info.late),
                info.offset_us,
            )
        node = self.field.ids[info.member] if info.kind else None
        return Heard("", node, info.phase if info.kind else None, ERRORS[-code])
