# SPDX-License-Identifier: Apache-2.0
"""Do the replicas agree? From the digests on air, and in a demo from the nodes themselves.

On air a report carries one bit of its sender's digest and a beacon all of it; the core compares
them and counts. A demo can look into every node: it tells the digest that a node held after a
phase, before or after the gateway committed that phase.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from qres_gateway.console.view import EventKind, Health, Severity
from qres_gateway.live.journal import many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qres_gateway.live.journal import Journal

PHASES_KEPT: Final = 64
"""How many phases the gateway may lag behind the nodes, or they behind it."""
_ERA_US: Final = 86_400_000_000


class _Flag(NamedTuple):
    """A flag of the core: the value that is bad, and the lines for its beginning and end."""

    bad: int
    kind: EventKind
    severity: Severity
    begins: str
    ends: str


_FLAGS: Final = {
    "diverged": _Flag(
        1,
        "divergence",
        "danger",
        "digests on air differ from the gateway's",
        "digests on air agree with the gateway's again",
    ),
    "synced": _Flag(
        0,
        "resync",
        "notice",
        "some frames cannot be read before a checkpoint has come",
        "a checkpoint has come: every frame can be read again",
    ),
}
_CHECKPOINTS: Final[dict[str, tuple[Severity, str]]] = {
    "verified": ("info", "verified: it is what the gateway holds"),
    "adopted": ("notice", "adopted: the gateway now holds what it says"),
    "missed_checkpoints": ("notice", "came too late to be used"),
}


class Agreement:
    """
    Digests and counters of the gateway's replica, and what they say.

    Args:
        journal: Where changes are told.
        phase_us: Length of a phase. [us]
    """

    def __init__(self, journal: Journal, phase_us: int) -> None:
        self._journal = journal
        self._phase_us = phase_us
        self._digest: dict[int, int] = {}  # of the gateway, by phase
        self._newest = -1
        self._ahead: dict[int, Counter[int]] = {}  # of nodes, for phases not committed yet
        self._compared = 0
        self._wrong = 0
        self._phase = -1  # the newest phase compared, and how many nodes differed in it
        self._differ = 0
        self._was_equal = True
        self._counts: Mapping[str, int] | None = None
        self._bad: set[str] = set()
        self._last_checkpoint_us: int | None = None

    def commit(self, phase: int, time_us: int, digest: int, health: Mapping[str, int]) -> None:
        """Take the gateway's digest after `phase`, which began at `time_us`, and its counters."""
        if phase <= self._newest:
            self._digest = {p: d for p, d in self._digest.items() if p < phase}
            self._phase = min(self._phase, phase - 1)
        self._newest = phase
        self._digest[phase] = digest
        _drop_oldest(self._digest)
        for other, times in self._ahead.pop(phase, Counter[int]()).items():
            self._judge(phase, times, equal=other == digest)
        self._tell_flags(time_us, health)
        self._tell_checkpoints(time_us, health)
        self._counts = health

    def compare(self, phase: int, digest: int) -> bool | None:
        """
        Whether a node that held `digest` after `phase` held what the gateway did.

        None if the gateway has not committed the phase yet, in which case it is compared then;
        or if that was more than `PHASES_KEPT` phases ago.
        """
        if phase in self._digest:
            equal = self._digest[phase] == digest
            self._judge(phase, 1, equal=equal)
            return equal
        if phase > self._newest:
            self._ahead.setdefault(phase, Counter())[digest] += 1
            _drop_oldest(self._ahead)
        return None

    def replica_made_anew(self) -> None:
        """Counters start again: the next ones are no changes of these."""
        self._counts = None

    def health(self) -> Health:
        """
        What the page shows.

        `digests_checked` and `divergences` are of the replica as it runs now, its replay at the
        start included, and of `compare`: comparisons of a digest or of a bit of it, and how many
        of them differed. `replicas_equal` is the newest phase's outcome if nodes were compared,
        else whether the core holds its replica for sound, None before it has compared anything.
        `last_checkpoint_us` is None for a checkpoint that only that replay has seen.
        """
        heard = self._count("bits_compared") + self._count("beacons_compared")
        is_diverged = "diverged" in self._bad
        equal: bool | None = None
        if self._phase >= 0:
            equal = self._differ == 0
        elif heard or is_diverged:
            equal = not is_diverged
        any_yet = self._newest >= 0
        return Health(
            digest=f"{self._digest[self._newest]:08x}" if any_yet else None,
            digests_checked=heard + self._compared,
            divergences=self._count("bits_wrong") + self._count("beacons_wrong") + self._wrong,
            replicas_equal=equal,
            checkpoints=self._count("verified") + self._count("adopted"),
            last_checkpoint_us=self._last_checkpoint_us,
            era=self._newest * self._phase_us // _ERA_US if any_yet else None,
        )

    def _count(self, name: str) -> int:
        return (self._counts or {}).get(name, 0)

    def _judge(self, phase: int, times: int, *, equal: bool) -> None:
        self._compared += times
        self._wrong += 0 if equal else times
        if phase > self._phase:
            if not self._was_equal and self._differ == 0:
                self._was_equal = True
                text = "every node compared holds what the gateway holds again"
                self._journal.add(self._phase * self._phase_us, "resync", "info", text)
            self._phase, self._differ = phase, 0
        if phase < self._phase or equal:
            return
        self._differ += times
        if self._was_equal:
            self._was_equal = False
            text = "some node does not hold what the gateway holds"
            self._journal.add(phase * self._phase_us, "divergence", "danger", text)

    def _tell_flags(self, time_us: int, health: Mapping[str, int]) -> None:
        for name, flag in _FLAGS.items():
            is_bad = health.get(name, 1 - flag.bad) == flag.bad
            if is_bad and name not in self._bad:
                self._bad.add(name)
                self._journal.add(time_us, flag.kind, flag.severity, flag.begins)
            elif not is_bad and name in self._bad:
                self._bad.remove(name)
                self._journal.add(time_us, "resync", "info", flag.ends)

    def _tell_checkpoints(self, time_us: int, health: Mapping[str, int]) -> None:
        before = self._counts
        if before is None or any(health.get(name, 0) < n for name, n in _counters(before)):
            return  # a replica made anew: what it has counted happened before
        for name, (severity, text) in _CHECKPOINTS.items():
            more = health.get(name, 0) - before.get(name, 0)
            if more > 0:
                times = "" if more == 1 else f" ({many(more, 'time')})"
                self._journal.add(time_us, "checkpoint", severity, text + times)
                if name != "missed_checkpoints":
                    self._last_checkpoint_us = time_us


def _counters(health: Mapping[str, int]) -> list[tuple[str, int]]:
    """What only rises while a replica lives."""
    return [(name, n) for name, n in health.items() if name not in _FLAGS]


def _drop_oldest(by_phase: dict[int, int] | dict[int, Counter[int]]) -> None:
    while len(by_phase) > PHASES_KEPT:
        del by_phase[min(by_phase)]
