# SPDX-License-Identifier: Apache-2.0
"""From rows of the frame log to events and ledger: pure, no I/O, no clock of its own.

Rows of one call are put in order of reception before they reach the replica; what arrives later
than that is the replica's business (it replays from its checkpoint). Time passes by reception
times and by `now`; without `now` (a capture is replayed) by reception times alone.

Restart. The replica's state is not stored: it is folded again from the rows of the last `eras`
UTC days. A checkpoint is spread over one day, so two days always hold a whole one. That replay
is silent (no ledger, no frame events); phases that had not been committed before are.

Clocks. If `now` runs away by more than the horizon, or goes back, the replica is rebuilt at the
new time in the same way; it never walks through years of phases. Rows from the future (a clock
is wrong) are refused as "future" and move no time; should time reach them because it was this
host's clock that was wrong, the replica is rebuilt with them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median_low
from typing import TYPE_CHECKING, Final, Protocol

from qres_gateway.events import ClockStepped, FrameHeard, PhaseCommitted, ReplicaRebuilt
from qres_gateway.fire_state import FireState
from qres_gateway.host_clock import STEP_US, HostClock
from qres_gateway.ledger import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qres_gateway.events import Cause, Event
    from qres_gateway.frame_log import LoggedFrame
    from qres_gateway.replica import Replica
    from qres_gateway.sources.base import Instant, RawFrame

PHASES_PER_EPOCH: Final = 4
ERA_US: Final = 86_400_000_000
REPLAY_LEAP_US: Final = 30 * ERA_US
"""Without `now`, a row this much later than its neighbours has a wrong time."""
_REFUSED_KEPT: Final = 1024


class History(Protocol):
    """Old rows, for folding the replica anew."""

    def between(self, from_us: int, to_us: int, *, up_to: int) -> Iterable[LoggedFrame]:
        """Rows with from_us <= rx_us <= to_us and an id of at most `up_to`, by rx_us."""
        ...


@dataclass(frozen=True, slots=True)
class FieldRadio:
    """How the field sends: what else is heard is not of the field."""

    freq_hz: int
    sf: int
    bw_hz: int

    def matches(self, frame: RawFrame) -> bool:
        """Same spreading factor and bandwidth, centre within half a bandwidth."""
        return (
            frame.sf == self.sf
            and frame.bw_hz == self.bw_hz
            and 2 * abs(frame.freq_hz - self.freq_hz) <= self.bw_hz
        )


@dataclass(frozen=True, slots=True)
class FieldRules:
    """What the pipeline must know of a field.

    epoch_us: Epoch length; divides a day. eras: UTC days to replay on restart, at least 1.
    new_replica: Makes a replica that begins at the given time.
    airtime_us: Time on air of (sf, bw_hz, payload bytes) with the field's preamble and coding.
        ValueError for a modulation that it has no formula for; airtime then counts as 0.
    band_of: Names the sub-band of a frequency.
    """

    epoch_us: int
    radio: FieldRadio
    new_replica: Callable[[int], Replica]
    airtime_us: Callable[[int, int, int], int]
    band_of: Callable[[int], str]
    eras: int = 2

    def __post_init__(self) -> None:
        if self.epoch_us <= 0 or ERA_US % self.epoch_us or self.epoch_us % PHASES_PER_EPOCH:
            raise ValueError(f"epoch_us must divide a day and by 4, got {self.epoch_us}")
        if self.eras < 1:
            raise ValueError(f"eras must be at least 1, got {self.eras}")


@dataclass(slots=True)
class Batch:
    """What one call made: store it whole, or not at all, together with the cursor."""

    last_id: int
    events: list[Event] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


class Pipeline:
    """Folds rows into a replica. Keeps state in memory only.

    Args:
        rules: The field.
        history: Where rows for a rebuild come from.
        last_id: Decode cursor: rows up to it were processed before.
        last_commit_us: Beginning of the phase that was committed and stored last; None if none.
        settle_us: How far time stays behind `now`, for frames that are still on their way.
    """

    def __init__(
        self,
        rules: FieldRules,
        history: History,
        *,
        last_id: int = 0,
        last_commit_us: int | None = None,
        settle_us: int = 0,
    ) -> None:
        self._rules = rules
        self._history = history
        self._phase_us = rules.epoch_us // PHASES_PER_EPOCH
        self._horizon_us = rules.eras * ERA_US
        self._airtime_us = lru_cache(maxsize=1024)(self._airtime)
        self._band_of = lru_cache(maxsize=1024)(rules.band_of)
        self._replica: Replica | None = None
        self._time_us = 0
        self._settle_us = settle_us
        self._last_id = last_id
        self._last_phase = None if last_commit_us is None else last_commit_us // self._phase_us
        self._missed_us: int | None = None  # reception of the earliest row left out as future
        self._before: Instant | None = None
        self._host = HostClock()
        self._refused: OrderedDict[int, None] = OrderedDict()
        self._count: Counter[str] = Counter()

    def process(
        self, rows: Sequence[LoggedFrame], now: Instant | None, *, more: bool = False
    ) -> Batch:
        """
        Take the next rows of the log, and let time pass.

        Args:
            rows: In order of id, directly after those of the call before. May be empty.
            now: This host's clocks, or None if they mean nothing for these rows.
            more: Further rows are waiting already, so time passes by these rows alone: no phase
                is committed by the clock while its frames are still to come.

        Returns:
            Events in the order they happened, what they add to the ledger, and the new cursor.
        """
        batch = Batch(rows[-1].id if rows else self._last_id)
        if now is not None:
            self._watch_clock(now, batch)
        for row in rows:
            self._host.observe(row.frame)
        timed = sorted((self._host.rx_us(row.frame), row.id, row) for row in rows)
        now_us = None if now is None else self._host.true_us(now.wall_us)
        if now_us is not None:
            latest_us = now_us + self._phase_us
            self._follow(now_us, [rx_us for rx_us, _, _ in timed], batch)
        else:
            latest_us = median_low([t for t, _, _ in timed]) + REPLAY_LEAP_US if timed else 0
        for rx_us, _, row in timed:
            self._take(row, rx_us, latest_us, batch)
        if now_us is not None and not more:
            self._advance(now_us - self._settle_us, batch)
        self._last_id = batch.last_id
        return batch

    def true_us(self, now: Instant) -> int:
        """The host's clock as the times of frames are corrected, as of the last rows. [us]"""
        return self._host.true_us(now.wall_us)

    def stats(self) -> dict[str, int]:
        """Counters since the start, and `host_clock_error_us`."""
        names = ("accepted", "refused", "copies", "late", "commits", "rebuilds", "clock_steps")
        return {
            **{name: self._count[name] for name in names},
            "time_us": self._time_us,
            "host_clock_error_us": self._host.error_us,
        }

    def _watch_clock(self, now: Instant, batch: Batch) -> None:
        before, self._before = self._before, now
        if before is None:
            return
        step_us = (now.wall_us - before.wall_us) - (now.mono_us - before.mono_us)
        if abs(step_us) > STEP_US:
            self._host.stepped(step_us)
            self._count["clock_steps"] += 1
            batch.events.append(ClockStepped(now.wall_us, step_us))

    def _follow(self, now_us: int, rows_us: list[int], batch: Batch) -> None:
        """Have a replica that can be led to `now_us` through rows received at `rows_us`."""
        latest_us = now_us + self._phase_us
        if self._replica is None:
            recent = [rx_us for rx_us in rows_us if now_us - self._horizon_us < rx_us <= now_us]
            self._rebuild(min(recent, default=now_us), latest_us, "start", batch)
        elif now_us - self._time_us > self._horizon_us:
            self._rebuild(now_us, latest_us, "gap", batch)
        elif now_us < self._time_us - self._phase_us:
            self._last_phase = now_us // self._phase_us - 1
            self._rebuild(now_us, latest_us, "back", batch)
        elif self._missed_us is not None and now_us >= self._missed_us:
            self._rebuild(now_us, latest_us, "missed", batch)

    def _rebuild(self, at_us: int, latest_us: int, cause: Cause, batch: Batch) -> None:
        """Fold the replica anew, to be led on from `at_us`, with rows up to `latest_us`."""
        from_us = (at_us // ERA_US - self._rules.eras + 1) * ERA_US
        if self._last_phase is None:
            self._last_phase = at_us // self._phase_us - 1
        self._replica = self._rules.new_replica(from_us)
        self._time_us = from_us
        frames = 0
        for row in self._history.between(from_us, latest_us, up_to=self._last_id):
            rx_us = self._host.rx_us(row.frame)
            if from_us <= rx_us <= latest_us:
                self._hear(row, rx_us, batch)
                frames += 1
        ahead = self._history.between(
            latest_us + 1, latest_us + self._horizon_us, up_to=self._last_id
        )
        self._missed_us = next((row.frame.rx_us for row in ahead), None)
        self._count["rebuilds"] += 1
        batch.events.append(ReplicaRebuilt(from_us, at_us, frames, cause))

    def _take(self, row: LoggedFrame, rx_us: int, latest_us: int, batch: Batch) -> None:
        frame = row.frame
        airtime_us = self._airtime_us(frame.sf, frame.bw_hz, len(frame.payload))
        batch.tally.heard(rx_us, frame.receiver, copy=row.copy_of is not None)
        kind, node, phase, late, offset_us = "", None, None, False, None
        if rx_us > latest_us:
            reason = "future"
            self._missed_us = min(rx_us, self._missed_us or rx_us)
        else:
            if self._replica is None or rx_us - self._time_us > self._horizon_us:
                cause: Cause = "start" if self._replica is None else "gap"
                self._rebuild(rx_us, latest_us, cause, batch)
            before = self._last_phase
            kind, node, phase, reason, offset_us = self._hear(row, rx_us, batch)
            late = not reason and phase is not None and before is not None and phase <= before
        size = len(frame.payload)
        if not reason:
            self._count["accepted"] += 1
            self._count["late"] += late
            batch.tally.accept(
                rx_us,
                node,
                kind=kind,
                band=self._band_of(frame.freq_hz),
                n_bytes=size,
                airtime_us=airtime_us,
            )
        elif reason == "copy":
            self._count["copies"] += 1
        else:
            self._count["refused"] += 1
            if row.copy_of is None:  # one transmission counts once, refused or not
                batch.tally.refuse(rx_us, "frame", reason, n_bytes=size, airtime_us=airtime_us)
        batch.events.append(
            FrameHeard(
                row.id,
                rx_us,
                frame.receiver,
                kind,
                node,
                phase,
                reason,
                size,
                airtime_us,
                frame.rssi_dbm,
                frame.snr_db,
                late,
                offset_us,
            )
        )

    def _hear(
        self, row: LoggedFrame, rx_us: int, batch: Batch
    ) -> tuple[str, int | None, int | None, str, int | None]:
        """Show a row to the replica: (kind, node, phase, reason, offset_us).

        A copy is shown only if the first of its kind was refused: that receiver's clock may
        have been the wrong one.
        """
        if row.copy_of is not None and row.copy_of not in self._refused:
            return "", None, None, "copy", None
        if not row.frame.crc_ok:
            reason = "crc_bad"
        elif not self._rules.radio.matches(row.frame):
            reason = "radio"
        else:
            self._advance(rx_us, batch)
            assert self._replica is not None  # noqa: S101  callers have made one
            heard = self._replica.hear(row.frame.payload, rx_us)
            if not heard.reason:
                if row.copy_of is not None:
                    self._refused.pop(row.copy_of, None)
                offset_us = getattr(heard, "offset_us", None)  # a fake may not know it
                return heard.kind, heard.node, heard.phase, "", offset_us
            reason = heard.reason
        if row.copy_of is None:
            self._refused[row.id] = None
            if len(self._refused) > _REFUSED_KEPT:
                self._refused.popitem(last=False)
        return "", None, None, reason, None

    def _airtime(self, sf: int, bw_hz: int, n_bytes: int) -> int:
        try:
            return self._rules.airtime_us(sf, bw_hz, n_bytes)
        except ValueError:  # a stranger's modulation; its frames and bytes still count
            return 0

    def _advance(self, to_us: int, batch: Batch) -> None:
        """Let time pass in steps of one phase, so that each step commits at most one."""
        replica = self._replica
        while replica is not None and self._time_us < to_us:
            self._time_us = min(self._time_us + self._phase_us, to_us)
            for commit in replica.advance(self._time_us):
                if self._last_phase is not None and commit.phase <= self._last_phase:
                    continue
                self._last_phase = commit.phase
                self._count["commits"] += 1
                batch.events.append(
                    PhaseCommitted(
                        commit.phase,
                        commit.phase * self._phase_us,
                        replica.digest,
                        replica.values.copy(),
                        replica.status.copy(),
                        replica.judged.copy(),
                        dict(replica.health),
                        _fire_of(replica),
                    )
                )


def _fire_of(replica: Replica) -> FireState | None:
    """What the replica says of fire, if it says anything."""
    fire = getattr(replica, "fire", None)
    return None if fire is None else FireState.of(fire)
