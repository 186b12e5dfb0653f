# SPDX-License-Identifier: Apache-2.0
"""
A whole frame log through a fresh replica, in order of reception.

The live pipeline takes rows as they were logged, because it cannot wait for what is still to come.
Here everything has come: a frame that was logged a year late takes the place that it has in time.
Time passes by the frames' own times.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from qres_gateway.events import FrameHeard, PhaseCommitted, ReplicaRebuilt
from qres_gateway.pipeline import ERA_US, PHASES_PER_EPOCH, REPLAY_LEAP_US, Batch, Pipeline
from qres_gateway.sources.base import Instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qres_gateway.events import Event
    from qres_gateway.frame_log import LoggedFrame
    from qres_gateway.pipeline import FieldRules

__all__ = ["fold"]

BATCH_ROWS: Final = 2_000
BATCH_SPAN_US: Final = REPLAY_LEAP_US // 2
"""The pipeline takes a row for one from the future if it is `REPLAY_LEAP_US` later than the median
of its batch; no row of a batch that spans less can be."""


class _Nothing:
    """No history: the rows come in order of time, so before the first there is none."""

    def between(self, from_us: int, to_us: int, *, up_to: int) -> Iterable[LoggedFrame]:
        """As `History`."""
        return ()


def fold(rows: Iterable[LoggedFrame], rules: FieldRules, *, until_us: int = 0) -> Iterator[Batch]:
    """
    What the field said.

    A phase is committed only once the replica has accepted a frame: before that, and after a gap
    longer than its horizon, it knows nothing, not even whether the frames' times are right. The
    phase of the last frame is committed, too.

    Args:
        rows: By `rx_us`.
        rules: The field.
        until_us: Time passes up to here at least, if that is within the horizon of the last row;
            e.g. because the gateway is known to have listened until then. [us]

    Yields:
        Batches of events and sums, as of `Pipeline.process`. `last_id` means nothing.
    """
    horizon_us = rules.eras * ERA_US
    phase_us = rules.epoch_us // PHASES_PER_EPOCH
    pipeline = Pipeline(rules, _Nothing())
    silent = _Silence()
    last_us: int | None = None
    for batch in _batches(rows, horizon_us):
        first_us = batch[0].frame.rx_us
        if last_us is not None and first_us - last_us > horizon_us:
            yield silent.until_accepted(_pass_time(pipeline, last_us, phase_us))
        yield silent.until_accepted(pipeline.process(batch, None))
        last_us = batch[-1].frame.rx_us
    if last_us is not None:
        later_us = until_us if until_us - last_us < horizon_us else 0
        yield silent.until_accepted(_pass_time(pipeline, max(last_us, later_us), phase_us))


def _pass_time(pipeline: Pipeline, at_us: int, phase_us: int) -> Batch:
    """Commit up to the phase in which *at_us* lies."""
    end_us = (at_us // phase_us + 1) * phase_us + pipeline.stats()["host_clock_error_us"]
    return pipeline.process([], Instant(end_us, end_us))


def _batches(rows: Iterable[LoggedFrame], gap_us: int) -> Iterator[list[LoggedFrame]]:
    """*rows* in lists of limited length and span, with no gap longer than *gap_us* inside."""
    batch: list[LoggedFrame] = []
    for row in rows:
        if batch and (
            len(batch) >= BATCH_ROWS
            or row.frame.rx_us - batch[0].frame.rx_us > BATCH_SPAN_US
            or row.frame.rx_us - batch[-1].frame.rx_us > gap_us
        ):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


class _Silence:
    """Drops commits of a replica that has accepted nothing yet."""

    def __init__(self) -> None:
        self._accepted = False

    def until_accepted(self, batch: Batch) -> Batch:
        """*batch* without them."""
        batch.events = list(chain.from_iterable(self._judged(event) for event in batch.events))
        return batch

    def _judged(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, ReplicaRebuilt):
            self._accepted = False
        elif isinstance(event, FrameHeard) and not event.reason:
            self._accepted = True
        elif isinstance(event, PhaseCommitted) and not self._accepted:
            return ()
        return (event,)
