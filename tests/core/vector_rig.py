# SPDX-License-Identifier: Apache-2.0
"""
The C core set up as a vector says.

Structures of qres.h are public and plain, so a node is put into any state by writing it. What the
core then does is asked through its public functions alone.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from qres._core import ffi, lib
from qres.core import ERRORS
from qres.reference import RefSite, Report, State
from qres.reference.fire_state import FireState
from tests.qres.differential_rig import c_field
from tests.vectors.as_json import Json, site_from_json
from tests.vectors.generate import FILES

__all__ = [
    "ALL",
    "IN_PART",
    "MISSED",
    "NOT_RUN",
    "TAKEN_AS_ANOTHERS",
    "Heard",
    "PreparedNode",
    "c_reports",
    "c_state_of",
    "initial",
    "loaded",
    "new_field",
    "report_of",
    "said",
    "site_of",
    "unhex",
]

MISSED: Final = int(lib.QRES_MISSED)
U32: Final = 1 << 32


@cache
def loaded(name: str) -> Json:
    """A file of vectors."""
    folder = Path(__file__).resolve().parent.parent / "vectors"
    content: Json = json.loads((folder / name).read_text(encoding="utf-8"))
    return content


ALL: Final = [(name, v) for name in FILES for v in loaded(name)["vectors"]]
"""Every vector, with the file that it is in."""

NOT_RUN: Final = {
    "hash-000": "SPEC hashes no list without words",
    "hash-005": "SPEC hashes no list of two words: a digest has 1 + 6C + (2 + 3C)N",
    "season-001": "x is floor(65536 * k / epd), and epd at most 288: 1 never occurs",
    "season-004": "as season-001: 32767 never occurs",
    "season-007": "as season-001: 65535 never occurs",
    "solve-001": "its diagonal is 2, and a commit's is 1.05 or 1.2",
}
"""Vectors that the C core cannot be asked, by id, and why: what they say never happens in it."""

IN_PART: Final = {
    "fragments-001": "not joined: a fragment of one byte is too short for a CHECKPOINT frame",
    "schedule-000": "beacons only: no blob makes 8 fragments, K + R is 7 for K = 4, 9 for K = 5",
    "beacon-001": "not sent: p is no beacon phase",
    "checkpoint-001": "not sent: the scribe sends another fragment in this phase",
}
"""Vectors of which the C core is asked a part, by id, and what is left out and why."""

TAKEN_AS_ANOTHERS: Final = "checkpoint-002"
"""Asks for a fragment of member 9. The core tries every member, SPEC 8, and finds 8 to be it."""


@cache
def site_of(file: str, name: str) -> RefSite:
    """A site of a file of vectors."""
    return site_from_json(loaded(file)["sites"][name])


@cache
def new_field(file: str, name: str) -> Any:
    """The core's tables of a site; nobody changes them."""
    return c_field(site_of(file, name))


def unhex(v: Json, name: str) -> bytes:
    """The bytes that a vector has as `<name>_hex`."""
    return bytes.fromhex(v[f"{name}_hex"])


def said(field: Any, v: Json) -> str:
    """
    What a receiver says of a frame; a vector asks for less: "is this a REPORT", "a BEACON".

    SPEC 8: what is longer than a REPORT may be is tried as a CHECKPOINT, and then has a length.
    """
    reason = "" if v["id"] == TAKEN_AS_ANOTHERS else str(v.get("error", ""))
    tried = field.report_max < len(unhex(v, "frame")) <= lib.QRES_MAX_FRAME
    return "tag" if reason == "length" and tried else reason


def initial(site: RefSite, phase: int) -> State:
    """Nothing is known of anybody after *phase*."""
    return State.initial(site, phase)


def write_state(to: Any, field: Any, state: State) -> None:
    """Make the core's structure *to* hold *state*."""
    lib.qres_state_init(to, field, state.phase)
    n, n_channels = state.value.shape
    for c in range(n_channels):
        to.m[c], to.e[c] = int(state.m[c]), int(state.e[c])
        to.q[c] = state.q[c].tolist()
    for name in ("value", "last", "slow"):
        raw = np.frombuffer(ffi.buffer(ffi.addressof(to, name)), dtype=np.int32)
        raw.reshape(6, 128)[:n_channels, :n] = getattr(state, name).T
    for i in range(n):
        to.absent[i] = state.absent_mask(i)
        to.last_report[i] = int(state.last_report[i])
    if state.fire is not None:
        write_fire(to, state.fire)


def write_fire(to: Any, fire: FireState) -> None:
    """The fire part of a state into the core's structure."""
    block = to.fire
    block.days, block.regime, block.lull = fire.days, fire.regime, fire.lull
    block.usual, block.spread = list(fire.usual), list(fire.spread)
    for k in (0, 1):
        block.apart[k], block.rare[k] = list(fire.apart[k]), list(fire.rare[k])
    for i, (fuel, mark) in enumerate(zip(fire.fuel.tolist(), fire.mark.tolist(), strict=True)):
        to.fuel[i], to.mark[i] = fuel, mark


def c_state_of(field: Any, state: State) -> Any:
    """*state* as the core's own structure."""
    made = ffi.new("qres_state *")
    write_state(made, field, state)
    return made


def c_reports(reports: list[Report]) -> Any:
    """Reports as the core wants them: by ascending member, k by number of the channel."""
    made = ffi.new("qres_report[]", max(1, len(reports)))
    for at, report in enumerate(sorted(reports, key=lambda r: r.member)):
        to = made[at]
        to.member, to.included, to.absent = report.member, report.included, report.absent
        included = [c for c in range(6) if report.included >> c & 1]
        for c, k in zip(included, report.k, strict=True):
            to.k[c] = k
    return made


def report_of(report: Any) -> Report:
    """A report of the core as the reference's type."""
    k = tuple(int(report.k[c]) for c in range(6) if report.included >> c & 1)
    return Report(int(report.member), int(report.included), int(report.absent), k)


class Heard(NamedTuple):
    """What the core made of a frame: `reason` is "" if it took it."""

    reason: str
    kind: int
    member: int
    phase: int
    report: Report


class PreparedNode:
    """
    A node of the core with a state that it did not come to by itself.

    Args:
        site: The site.
        field: Its tables.
        key: Field key. [16 bytes]
        state: What it holds, and its base; frames of later phases are accepted.
        self_index: Index of the member that it is; None for a replica without a slot.
    """

    def __init__(
        self, site: RefSite, field: Any, key: bytes, state: State, self_index: int | None = None
    ) -> None:
        self.site = site
        self.field = field
        self.c = ffi.new("qres_node *")
        config = ffi.new("qres_config *")
        config.self = lib.QRES_NO_SLOT if self_index is None else self_index
        config.first_phase = 1
        assert lib.qres_init(self.c, field, key, config) == 0
        for part in (self.c.base, self.c.live):
            write_state(ffi.addressof(part), field, state)
        self._action = ffi.new("qres_action *")
        self._info = ffi.new("qres_heard_info *")

    def start_us(self, phase: int) -> int:
        """When a phase starts. [us since 1970]"""
        return phase * int(self.field.phase_us)

    def own_digest_is(self, digest: int) -> None:
        """Have the node believe that its newest state has *digest*."""
        at = self.c.live.phase % lib.QRES_DIGEST_HISTORY
        self.c.recent_phase[at] = self.c.live.phase
        self.c.recent_digest[at] = digest

    def hear(self, phase: int, slot: int, frame: bytes) -> Heard:
        """A frame comes just when it is due in that slot; the common one is number M."""
        field = self.field
        due_us = self.start_us(phase) + field.lead_us + field.guard_us // 2 + slot * field.slot_us
        end_us = due_us + field.airtime_us[min(len(frame), 51)]
        code = lib.qres_heard(self.c, end_us, frame, len(frame), self._info)
        info = self._info
        return Heard(ERRORS[-code], info.kind, info.member, info.phase, report_of(info.report))

    def log(self) -> list[Any]:
        """Its log, in order of phase and member."""
        return [self.c.log[i] for i in range(self.c.n_log)]

    def hear_common(self, phase: int, frame: bytes) -> Heard:
        """A frame comes in the common slot."""
        return self.hear(phase, int(self.field.slots), frame)

    def open_phase(self, samples: list[int]) -> list[tuple[int, bytes]]:
        """Kind and bytes of what it sends in the phase after its state's."""
        phase = (int(self.c.live.phase) + 1) % U32
        now_us = self.start_us(phase) + int(self.field.guard_us) // 2
        sent = []
        while (action := self._next(now_us)).kind != lib.QRES_DO_LISTEN:
            if action.kind == lib.QRES_DO_SAMPLE:
                lib.qres_sample(self.c, [*samples, *([MISSED] * (6 - len(samples)))])
            else:
                assert action.kind == lib.QRES_DO_TRANSMIT, action.kind
                frame = bytes(ffi.buffer(action.bytes, action.len))
                sent.append((int(action.frame_kind), frame))
        return sent

    def commit(self) -> int:
        """End the phase after its state's; its number."""
        phase = int(self.c.live.phase) + 1
        now_us = self.start_us(phase) + int(self.field.commit_us)
        assert self._next(now_us).kind == lib.QRES_DID_COMMIT
        return phase

    def _next(self, now_us: int) -> Any:
        lib.qres_next(self.c, now_us, self._action)
        return self._action
