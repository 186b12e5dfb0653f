# SPDX-License-Identifier: Apache-2.0
"""Run a virtual field and count everything: the one place where its figures come from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qres.virtual.fidelity import Fidelity
from qres.virtual.recovery import Recovery
from qres.virtual.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from qres.virtual.field import PhaseResult, VirtualField

__all__ = ["Measurement", "run"]


@dataclass(slots=True)
class Measurement:
    """
    Totals over a run.

    Attributes:
        traffic: What was on air.
        fidelity: Errors over all replicas.
        recovery: What checkpoints did.
        phases: Phases run.
        phases_equal: Those after which all replicas were equal.
        phase_us: Length of a phase. [us]
    """

    fidelity: Fidelity
    phase_us: int
    traffic: Traffic = field(default_factory=Traffic)
    recovery: Recovery = field(default_factory=Recovery)
    phases: int = 0
    phases_equal: int = 0
    counters: Counter[str] = field(default_factory=Counter)
    collisions: int = 0

    @classmethod
    def of(cls, virtual: VirtualField) -> Measurement:
        """An empty measurement of *virtual*."""
        return cls(Fidelity(virtual.field.site.channels), virtual.field.phase_us)

    def add(self, virtual: VirtualField, result: PhaseResult) -> None:
        """Count one phase that *virtual* has just run."""
        self.traffic.add(result.transmissions)
        alike: dict[int, list[int]] = {}
        for i, digest in enumerate(result.digests):
            alike.setdefault(digest, []).append(i)
        for rows in alike.values():
            node = virtual.nodes[rows[0]]
            self.fidelity.add(
                result.measured_q16,
                node.judged_q16[result.members],
                node.present[result.members],
                result.tolerance_q16,
                len(rows),
            )
        self.phases += 1
        self.phases_equal += len(alike) == 1
        self.recovery.add(virtual.field, result.phase, virtual.nodes)

    def finish(self, virtual: VirtualField) -> None:
        """Take over the counters of all nodes."""
        self.collisions = virtual.air.collisions
        for node in virtual.nodes:
            self.counters.update(node.counters)

    @property
    def hours(self) -> float:
        """How long the run was, in the field's time. [h]"""
        return self.phases * self.phase_us / 3.6e9

    def as_dict(self) -> dict[str, Any]:
        """The figures, ready for JSON; rates are per hour of the whole field."""
        t, f, h = self.traffic, self.fidelity, max(self.hours, 1e-9)
        compared = max(self.counters["bits_compared"], 1)
        return {
            "hours": round(self.hours, 3),
            "frames": t.total_frames,
            "frames_by_type": dict(sorted(t.frames.items())),
            "report_frames_by_bytes": {str(k): n for k, n in sorted(t.report_sizes.items())},
            "rf_bytes": t.total_bytes,
            "rf_bytes_per_hour": round(t.total_bytes / h, 2),
            "rf_bytes_per_hour_by_type": {k: round(n / h, 2) for k, n in sorted(t.n_bytes.items())},
            "rf_bytes_busiest_hour": t.busiest_hour_bytes,
            "airtime_ms_per_hour": round(t.total_airtime_us / 1000 / h, 1),
            "worst_node_duty_cycle": round(t.worst_duty_cycle, 6),
            "outside_tolerance": f.outside_share,
            "outside_tolerance_unknown": f.unknown / f.samples if f.samples else 0.0,
            "samples_times_replicas": f.samples,
            "max_error": _by_channel(f, f.max_error),
            "rmse": _by_channel(f, f.rmse),
            "replicas_equal": self.phases_equal == self.phases,
            "phases": self.phases,
            "phases_equal": self.phases_equal,
            "collisions": self.collisions,
            "digest_bits_wrong_share": round(self.counters["bits_wrong"] / compared, 4),
            "beacon_digests_wrong": self.counters["beacons_wrong"],
            "beacon_digests_compared": self.counters["beacons_compared"],
            "reports_restored_by_echo": self.counters["restored"],
            "checkpoints_verified": self.counters["verified"],
            "checkpoints_adopted": self.counters["adopted"],
            "checkpoints_missed": self.counters["missed_checkpoints"],
            "eras": [
                {
                    "era": e.era,
                    "replicas": e.replicas,
                    "equal_at_start": e.equal_at_start,
                    "equal": e.equal,
                    "hours_until_all_equal": None if e.hours is None else round(e.hours, 2),
                }
                for e in self.recovery.eras.values()
            ],
        }


def _by_channel(fidelity: Fidelity, values: NDArray[np.float64]) -> dict[str, float]:
    each = zip(fidelity.channels, values.tolist(), strict=True)
    return {c.name: round(v, 4) for c, v in each}


def run(
    virtual: VirtualField, phases: int, progress: Callable[[int], None] | None = None
) -> Measurement:
    """
    Run *phases* phases of *virtual*.

    Args:
        virtual: The field; it goes on from where it is.
        phases: How many, 0 or more.
        progress: Called after each with the number done.
    """
    measured = Measurement.of(virtual)
    for done in range(1, phases + 1):
        measured.add(virtual, virtual.run_phase())
        if progress is not None:
            progress(done)
    measured.finish(virtual)
    return measured
