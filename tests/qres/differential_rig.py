# SPDX-License-Identifier: Apache-2.0
"""The same site and the same events for the C core and for the reference."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qres._core import ffi, lib
from qres.core import ERRORS, FRAME_KINDS
from qres.reference import RefChannel, RefMember, RefSite, Replica, State
from qres.reference.channel import fire_channels
from qres.reference.fire_state import FireState
from qres.reference.judge import judge

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
    table = tuple(rng.permutation(np.array(channels, dtype=object)).tolist())
    if rng.random() < 0.5:  # half of the sites measure weather, with roles and without some
        table = tuple(c for c in fire_channels("standard") if rng.random() < 0.9 or c.role < 3)
    fire = {1, 2} <= {c.role for c in table}
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
        epoch_s=int(rng.choice([300, 600, 1200, 2400, 3600])),
        range_m=int(rng.integers(1000, 60_000)),
        sf=int(rng.integers(7, 10)),
        bw_hz=125_000,
        cr=int(rng.integers(1, 5)),
        preamble_symbols=8,
        channels=table,
        members=members,
        echo=bool(rng.integers(0, 2)),
        follow=fire and bool(rng.integers(0, 2)),
    )


def c_field(site: RefSite) -> Any:
    """The core's tables of *site*."""
    s = ffi.new("qres_site *")
    s.field_id, s.epoch_s, s.range_m = site.field_id, site.epoch_s, site.range_m
    s.echo, s.follow = site.echo, site.follow
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
    s.n_relays = len(site.relays)
    for i, index in enumerate(site.relays):
        s.relay[i] = index
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
        fire=c_fire(site, state) if site.fire else None,
    )


def c_fire(site: RefSite, state: Any) -> FireState:
    """The fire part of a state of the core as the reference's type."""
    block, n = state.fire, site.n_members
    return FireState(
        days=int(block.days),
        regime=int(block.regime),
        lull=int(block.lull),
        usual=tuple(block.usual),
        spread=tuple(block.spread),
        apart=(tuple(block.apart[0]), tuple(block.apart[1])),
        rare=(tuple(block.rare[0]), tuple(block.rare[1])),
        fuel=np.array(list(state.fuel)[:n], dtype=np.int64),
        mark=np.array(list(state.mark)[:n], dtype=np.int64),
    )


def assert_judged_alike(site: RefSite, c_field: Any, c_state: Any, state: State) -> None:
    """Both judge *state* alike, member by member."""
    members = ffi.new("qres_fire_member[]", site.n_members)
    whole = ffi.new("qres_fire_field *")
    assert lib.qres_judge(c_field, ffi.addressof(c_state), members, whole) == 0
    said = judge(site, state)
    for i in range(site.n_members):
        m = members[i]
        mine = (m.ffmc, m.anomaly, m.weather, m.local, m.cause)
        assert mine == (
            said.ffmc[i],
            said.anomaly[i],
            said.weather[i],
            said.local[i],
            said.cause[i],
        )
        air = (m.vpd_kpa, m.isi) if m.known else (None, None)
        assert air == (said.vpd[i], said.isi[i])
    assert (whole.regime, whole.anomaly) == (said.regime, said.field_anomaly)


def differences(a: State, b: State) -> list[str]:
    """Names of the items in which two states differ."""
    names = ("phase", "m", "e", "q", "absent", "last_report", "value", "last", "slow")
    wrong = [n for n in names if not np.array_equal(getattr(a, n), getattr(b, n))]
    if a.fire is None or b.fire is None:
        return wrong if a.fire is b.fire else [*wrong, "fire"]
    parts = [f.name for f in fields(FireState)]
    return wrong + [n for n in parts if not np.array_equal(getattr(a.fire, n), getattr(b.fire, n))]


def c_log(node: Any) -> dict[tuple[int, int], tuple[object, ...]]:
    """The core's log: what is known of each entry, how often repeated, whether relayed."""
    entries = [node.log[i] for i in range(node.n_log)]
    return {
        (int(e.phase), int(e.member)): (
            "frame"
            if e.raw_len not in {0, lib.QRES_LOG_ECHO}
            else "low"
            if e.raw_len
            else "report",
            bool(e.is_s) if e.raw_len in {0, lib.QRES_LOG_ECHO} else None,
            int(e.echoes),
            bool(e.relayed),
        )
        for e in entries
    }


def ref_log(ref: Replica) -> dict[tuple[int, int], tuple[object, ...]]:
    """The same of the reference's log."""
    return {
        key: (
            "frame" if e.frame is not None else "low" if e.low is not None else "report",
            e.form == "S" if e.frame is None else None,
            min(e.echoes, 255),
            e.relayed,
        )
        for key, e in ref.log.items()
    }


@dataclass
class Pair:
    """One replica twice: in C and in the reference. Every call goes to both and must agree."""

    site: RefSite
    c_field: Any
    index: int | None
    first_phase: int
    search: bool = False
    trial_limit: int = 0
    c: Any = field(init=False)
    ref: Replica = field(init=False)

    def __post_init__(self) -> None:
        config = ffi.new("qres_config *")
        config.self = lib.QRES_NO_SLOT if self.index is None else self.index
        config.search, config.first_phase = self.search, self.first_phase
        config.trial_limit = self.trial_limit
        self.c = ffi.new("qres_node *")
        assert lib.qres_init(self.c, self.c_field, KEY, config) == 0
        self.ref = Replica(
            self.site,
            KEY,
            self.index,
            first_phase=self.first_phase,
            search=self.search,
            trial_limit=self.trial_limit,
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

    def relay(self, r: int) -> tuple[int, bytes] | None:
        """What this relay sends in relay slot *r*, with the end of its transmission. [us]"""
        phase = int(self.c.live.phase) + 1
        self._now_us = self.site.relay_slot_start_us(phase, r)
        action = self._next()
        expected = self.ref.relay_frame(r)
        if action.kind == lib.QRES_DO_LISTEN:
            assert expected is None, expected
            return None
        assert (action.kind, action.frame_kind) == (lib.QRES_DO_TRANSMIT, lib.QRES_FRAME_RELAY)
        frame = bytes(ffi.buffer(action.bytes, action.len))
        assert frame == expected
        return action.until_us + int(self.c.clock_corr_us), frame

    def hear(self, end_us: int, frame: bytes) -> None:
        """A frame ends at *end_us* of the field's time."""
        rx_us = end_us - int(self.c.clock_corr_us)
        code = lib.qres_heard(self.c, rx_us, frame, len(frame), self._info)
        heard = self.ref.hear(rx_us, frame)
        assert str(heard.reason) == ERRORS[-code], (frame.hex(), heard, ERRORS[-code])
        if code == 0:
            node = self.site.members[self._info.member].id
            assert (heard.node, heard.phase) == (node, self._info.phase)
            assert heard.kind == FRAME_KINDS[self._info.kind]
            if heard.relay_slot is not None:
                assert heard.relay_slot == self._info.relay_slot

    def commit(self) -> None:
        """End the phase; both must then hold the same, bit for bit."""
        phase = int(self.c.live.phase) + 1
        self._now_us = (phase + 1) * self.site.phase_us - 1
        assert self._next().kind == lib.QRES_DID_COMMIT
        self.ref.advance_to(phase)
        lib.qres_settle(self.c)
        mine = c_state(self.site, self.c.live)
        wrong = differences(mine, self.ref.state)
        assert wrong == [], wrong
        if self.site.fire:
            assert_judged_alike(self.site, self.c_field, self.c.live, self.ref.state)
        assert int(lib.qres_digest(self.c)) == self.ref.digest
        assert bool(self.c.synced) == self.ref.synced
        assert int(self.c.clock_corr_us) == self.ref.clock.corr_us
        assert c_log(self.c) == ref_log(self.ref)
