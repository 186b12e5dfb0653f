# SPDX-License-Identifier: Apache-2.0
"""The same site and the same events for the C core and for the reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qres._core import ffi, lib
from qres.core import ERRORS
from qres.reference import RefChannel, RefMember, RefSite, Replica, State

KEY = bytes(range(16))
MISSED = -(2**31)


def random_site(rng: np.random.Generator) -> RefSite:
    """Any site that SPEC 2 allows, small more often than large."""
    n = int(rng.choice([1, 2, 5, 9, 20, 33]))
    n_channels = int(rng.integers(1, 7))
    n_primary = int(rng.integers(1, min(4, n_channels) + 1))
    channels = []
    for c in range(n_channels):
        tol = int(rng.integers(2000, 400_000))
        lo = int(rng.integers(-(2**22), 2**20))
        channels.append(
            RefChannel(
                tol=tol,
                step=int(rng.integers(max(1, tol // 8), tol // 2 + 1)),
                lo=lo,
                hi=lo + int(rng.integers(2**20, 2**23)),
                rho=int(rng.integers(0, 65537)),
                flags=int(rng.integers(0, 2)) | (2 if c < n_primary else 0),
                w0=(
                    int(rng.integers(0, 15938356)),
                    int(rng.integers(0, 15938356)),
                    int(rng.integers(-(2**23), 2**23)),
                    int(rng.integers(-(2**23), 2**23)),
                ),
            )
        )
    order = rng.permutation(n)
    ids = np.sort(rng.choice(128, n, replace=False))
    at = rng.integers(-30_000, 30_000, (n, 3))
    members = tuple(
        RefMember(
            id=int(ids[i]),
            phase=int(order[i] % 4),
            slot=int(order[i] // 4),
            x_m=int(at[i, 0]),
            y_m=int(at[i, 1]),
            z_m=int(at[i, 2] // 20),
        )
        for i in range(n)
    )
    return RefSite(
        field_id=int(rng.integers(0, 2**32)),
        epoch_s=int(rng.choice([300, 600, 1200, 3600])),
        range_m=int(rng.integers(1000, 60_000)),
        sf=int(rng.integers(7, 10)),
        bw_hz=125_000,
        cr=int(rng.integers(1, 5)),
        preamble_symbols=8,
        channels=tuple(rng.permutation(np.array(channels, dtype=object)).tolist()),
        members=members,
        echo=bool(rng.integers(0, 2)),
    )


def c_field(site: RefSite) -> Any:
    """The core's tables of *site*."""
    s = ffi.new("qres_site *")
    s.field_id, s.epoch_s, s.range_m = site.field_id, site.epoch_s, site.range_m
    s.echo = site.echo
    s.lora.sf, s.lora.bw_hz, s.lora.cr = site.sf, site.bw_hz, site.cr
    s.lora.preamble_symbols, s.lora.crc, s.lora.implicit_header = site.preamble_symbols, 1, 0
    s.n_channels, s.n_members = site.n_channels, site.n_members
    for c, ch in enumerate(site.channels):
        row = s.channel[c]
        row.tol, row.step, row.lo, row.hi, row.rho = ch.tol, ch.step, ch.lo, ch.hi, ch.rho
        row.flags, row.w0 = ch.flags, list(ch.w0)
    for i, m in enumerate(site.members):
        row = s.member[i]
        row.id, row.phase, row.slot = m.id, m.phase, m.slot
        row.x_m, row.y_m, row.z_m = m.x_m, m.y_m, m.z_m
    made = ffi.new("qres_field *")
    problem = lib.qres_site_problem(s)
    assert problem == ffi.NULL, ffi.string(problem)
    assert lib.qres_field_init(made, s) == 0
    return made


def c_state(site: RefSite, state: Any) -> State:
    """A state of the core as the reference's type, for comparison field by field."""
    n, c = site.n_members, site.n_channels

    def table(name: str) -> NDArray[np.int64]:
        raw = np.frombuffer(ffi.buffer(ffi.addressof(state, name)), dtype=np.int32)
        return np.array(raw.reshape(6, 128)[:c, :n].T, dtype=np.int64)

    absent = np.array([state.absent[i] for i in range(n)], dtype=np.int64)
    return State(
        phase=int(state.phase),
        m=np.array(list(state.m)[:c], dtype=np.int64),
        e=np.array(list(state.e)[:c], dtype=np.int64),
        q=np.array([[state.q[k][j] for j in range(4)] for k in range(c)], dtype=np.int64),
        absent=(absent[:, None] >> np.arange(c)) & 1 == 1,
        last_report=np.array(list(state.last_report)[:n], dtype=np.int64),
        value=table("value"),
        last=table("last"),
        slow=table("slow"),
    )


def differences(a: State, b: State) -> list[str]:
    """Names of the items in which two states differ."""
    names = ("phase", "m", "e", "q", "absent", "last_report", "value", "last", "slow")
    return [n for n in names if not np.array_equal(getattr(a, n), getattr(b, n))]


@dataclass
class Pair:
    """One replica twice: in C and in the reference. Every call goes to both and must agree."""

    site: RefSite
    c_field: Any
    index: int | None
    first_phase: int
    search: bool = False
    c: Any = field(init=False)
    ref: Replica = field(init=False)

    def __post_init__(self) -> None:
        config = ffi.new("qres_config *")
        config.self = lib.QRES_NO_SLOT if self.index is None else self.index
        config.search, config.first_phase = self.search, self.first_phase
        self.c = ffi.new("qres_node *")
        assert lib.qres_init(self.c, self.c_field, KEY, config) == 0
        self.ref = Replica(
            self.site,
            KEY,
            self.index,
            first_phase=self.first_phase,
            search=self.search,
            log_capacity=lib.QRES_LOG_MAX,
        )
        self._action = ffi.new("qres_action *")
        self._info = ffi.new("qres_heard_info *")
        self._now_us = self.first_phase * self.site.phase_us

    def _next(self) -> Any:
        lib.qres_next(self.c, self._now_us - int(self.c.clock_corr_us), self._action)
        return self._action

    def open_phase(self, samples: list[int]) -> list[tuple[int, bytes]]:
        """Frames of this phase with the end of their transmission, field time. [us]"""
        phase = int(self.c.live.phase) + 1
        self._now_us = phase * self.site.phase_us
        frames: list[tuple[int, bytes]] = []
        while (action := self._next()).kind != lib.QRES_DO_LISTEN:
            if action.kind == lib.QRES_DO_SAMPLE:
                lib.qres_sample(self.c, [*samples, *([MISSED] * (6 - len(samples)))])
            elif action.kind == lib.QRES_DO_TRANSMIT:
                end_us = action.until_us + int(self.c.clock_corr_us)
                frames.append((end_us, bytes(ffi.buffer(action.bytes, action.len))))
            else:
                raise AssertionError(f"unexpected action {action.kind} in phase {phase}")
        assert [f for _, f in frames] == self._reference_frames(phase, samples)
        return frames

    def _reference_frames(self, phase: int, samples: list[int]) -> list[bytes]:
        if self.index is None:
            return []
        frames = []
        if self.site.members[self.index].phase == phase % 4:
            frames.append(self.ref.decide([None if x == MISSED else x for x in samples]))
        if phase != self.first_phase:  # the core prepares the common slot at a commit
            frames.append(self.ref.common_frame())
        return [f for f in frames if f is not None]

    def hear(self, end_us: int, frame: bytes) -> None:
        """A frame ends at *end_us* of the field's time."""
        rx_us = end_us - int(self.c.clock_corr_us)
        code = lib.qres_heard(self.c, rx_us, frame, len(frame), self._info)
        heard = self.ref.hear(rx_us, frame)
        assert str(heard.reason) == ERRORS[-code], (frame.hex(), heard, ERRORS[-code])
        if code == 0:
            node = self.site.members[self._info.member].id
            assert (heard.node, heard.phase) == (node, self._info.phase)

    def commit(self) -> None:
        """End the phase; both must then hold the same, bit for bit."""
        phase = int(self.c.live.phase) + 1
        self._now_us = (phase + 1) * self.site.phase_us - 1
        assert self._next().kind == lib.QRES_DID_COMMIT
        self.ref.advance_to(phase)
        lib.qres_settle(self.c)
        mine = c_state(self.site, self.c.live)
        assert differences(mine, self.ref.state) == []
        assert int(lib.qres_digest(self.c)) == self.ref.digest
        assert bool(self.c.synced) == self.ref.synced
        assert int(self.c.clock_corr_us) == self.ref.clock.corr_us
