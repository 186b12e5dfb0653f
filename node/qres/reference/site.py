# SPDX-License-Identifier: Apache-2.0
"""What all members share: the site, its clock and the kernel (SPEC 2, 3 and 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .channel import RH, TEMP, RefChannel, check
from .fixed import I64, hash32, isqrt
from .kernel import airtime_us, kernel_q16

__all__ = ["WIRE_VERSION", "RefMember", "RefSite"]

WIRE_VERSION = 1
GUARD_US = 200_000
LEAD_US = 500_000
N_PHASES = 4
NEIGHBOURS = 6
RELAYS_MAX = 8
ECHO_WIDTH = 5
"""Bits of each value in an echo, as many as in form S, SPEC 6.5."""


@dataclass(frozen=True)
class RefMember:
    """
    One node of the site, SPEC 2 and 3.

    Attributes:
        id: Number on air. 0..127
        phase: Phase in which it samples. 0..3
        slot: Its slot in that phase. 0..31
        x_m: East of the origin. [m] within +-1000000
        y_m: North of the origin. [m] within +-1000000
        z_m: Height. [m] within +-1000000
    """

    id: int
    phase: int
    slot: int
    x_m: int
    y_m: int
    z_m: int

    def __post_init__(self) -> None:
        check(0 <= self.id <= 127, "id", self.id, "0..127")
        check(0 <= self.phase < N_PHASES, "phase", self.phase, "0..3")
        for name, value in (("x_m", self.x_m), ("y_m", self.y_m), ("z_m", self.z_m)):
            check(abs(value) <= 1_000_000, name, value, "within +-1000000")


@dataclass(frozen=True)
class RefSite:
    """
    The site, SPEC 2, and what follows from it.

    Attributes:
        field_id: Number of the field. u32
        epoch_s: Length of an epoch. [s] 300..3600, divides 86400, divisible by 4
        range_m: Correlation length of the kernel. [m] 1000..1000000
        sf: Spreading factor. 7..12
        bw_hz: Bandwidth. [Hz]
        cr: Coding rate 4/(4 + cr). 1..4
        preamble_symbols: 6..65535
        channels: 1..6 channels, of which 1..4 are PRIMARY.
        members: 1..128 members in ascending order of id.
        echo: Whether every REPORT repeats an older one, SPEC 6.5.
        follow: Whether the tolerance follows the danger, SPEC 6.2; only on a fire site.
        relays: Indices of 0..8 members that repeat what they hear, SPEC 6.6, in order of slot.

    Raises:
        ValueError: Something is outside its limit; the text names it.
    """

    field_id: int
    epoch_s: int
    range_m: int
    sf: int
    bw_hz: int
    cr: int
    preamble_symbols: int
    channels: tuple[RefChannel, ...]
    members: tuple[RefMember, ...]
    echo: bool = False
    follow: bool = False
    relays: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check(0 <= self.field_id < 2**32, "field_id", self.field_id, "a u32")
        check(300 <= self.epoch_s <= 3600, "epoch_s", self.epoch_s, "300..3600")
        check(86400 % self.epoch_s == 0, "epoch_s", self.epoch_s, "a divisor of 86400")
        check(self.epoch_s % 4 == 0, "epoch_s", self.epoch_s, "divisible by 4")
        check(1000 <= self.range_m <= 1_000_000, "range_m", self.range_m, "1000..1000000")
        check(7 <= self.sf <= 12, "sf", self.sf, "7..12")
        check(self.bw_hz > 0, "bw_hz", self.bw_hz, "above 0")
        check(1 <= self.cr <= 4, "cr", self.cr, "1..4")
        check(6 <= self.preamble_symbols <= 65535, "preamble_symbols", self.preamble_symbols,
               "6..65535")  # fmt: skip
        check(1 <= len(self.channels) <= 6, "channels", len(self.channels), "1..6")
        check(1 <= len(self.primaries) <= 4, "primaries", len(self.primaries), "1..4")
        roles = [c.role for c in self.channels if c.role]
        check(len(set(roles)) == len(roles), "roles", roles, "different")
        check(self.fire or not self.follow, "follow", self.follow, "False without roles 1 and 2")
        check(1 <= len(self.members) <= 128, "members", len(self.members), "1..128")
        ids = [m.id for m in self.members]
        check(ids == sorted(set(ids)), "ids", ids, "ascending and unique")
        for f in range(N_PHASES):
            slots = sorted(m.slot for m in self.members if m.phase == f)
            check(slots == list(range(len(slots))), "slots", slots, "0, 1, 2, ... in each phase")
            check(len(slots) <= 32, "members of a phase", len(slots), "at most 32")
        check(len(self.relays) <= RELAYS_MAX, "relays", len(self.relays), f"0..{RELAYS_MAX}")
        check(len(set(self.relays)) == len(self.relays), "relays", self.relays, "different")
        for index in self.relays:
            check(0 <= index < self.n_members, "relay", index, f"0..{self.n_members - 1}")
        check(self.commit_us(0) < self.phase_us, "commit_us", self.commit_us(0),
               f"below phase_us = {self.phase_us}")  # fmt: skip

    # ---- channels and members

    @cached_property
    def primaries(self) -> tuple[int, ...]:
        """Numbers of the PRIMARY channels, ascending."""
        return tuple(c for c, ch in enumerate(self.channels) if ch.primary)

    @cached_property
    def riders(self) -> tuple[int, ...]:
        """Numbers of the other channels, ascending; the first is rider0."""
        return tuple(c for c, ch in enumerate(self.channels) if not ch.primary)

    def channel_of(self, role: int) -> int | None:
        """Number of the channel with *role*, SPEC 2.1; None if there is none."""
        return next((c for c, channel in enumerate(self.channels) if channel.role == role), None)

    @cached_property
    def fire(self) -> bool:
        """Whether it is a fire site: it has temperature and humidity, SPEC 2.1."""
        return {TEMP, RH} <= {c.role for c in self.channels}

    @property
    def n_channels(self) -> int:
        """C of the SPEC."""
        return len(self.channels)

    @property
    def n_members(self) -> int:
        """N of the SPEC."""
        return len(self.members)

    def of_phase(self, f: int) -> tuple[int, ...]:
        """Indices of the members of phase *f* = 0..3, ascending."""
        return tuple(i for i, m in enumerate(self.members) if m.phase == f)

    @cached_property
    def by_slot(self) -> tuple[dict[int, int], ...]:
        """For each phase 0..3: index of the member by its slot."""
        return tuple(
            {m.slot: i for i, m in enumerate(self.members) if m.phase == f} for f in range(N_PHASES)
        )

    @cached_property
    def site_hash(self) -> int:
        """The 32-bit site hash, SPEC 2."""
        words = [1, self.field_id, self.epoch_s, self.range_m, int(self.echo), int(self.follow)]
        words += [self.sf, self.bw_hz, self.cr, self.preamble_symbols, self.n_channels]
        for c in self.channels:
            words += [c.tol, c.step, c.lo, c.hi, c.rho, c.flags, *c.w0]
        words.append(self.n_members)
        for m in self.members:
            words += [m.id, m.x_m, m.y_m, m.z_m, m.phase, m.slot]
        if self.relays:
            words += [len(self.relays), *self.relays]
        return hash32(words)

    @property
    def site_hash16(self) -> int:
        """The lowest 16 bits of the site hash."""
        return self.site_hash & 0xFFFF

    # ---- report lengths, SPEC 6.1 and 6.5

    @property
    def echo_bytes(self) -> int:
        """Length of the echo at the end of every payload; 0 if the site has none. [B]"""
        return (9 + ECHO_WIDTH * len(self.primaries) + 7) // 8 if self.echo else 0

    @cached_property
    def form_bytes(self) -> dict[str, int]:
        """Payload length of the forms S, R (absent without riders) and M, with the echo. [B]"""
        p = len(self.primaries)
        lengths = {"S": (1 + 5 * p + 7) // 8}
        if self.riders:
            lengths["R"] = max(lengths["S"] + 1, (1 + 5 * p + 8 + 7) // 8)
        lengths["M"] = max(lengths.get("R", lengths["S"]) + 1, (1 + 10 * p + 7) // 8)
        return {form: length + self.echo_bytes for form, length in lengths.items()}

    def x_bytes(self, n_included: int) -> int:
        """Payload length of form X with *n_included* channels, with the echo. [B]"""
        bare = (1 + 2 * self.n_channels + 16 * n_included + 7) // 8
        return max(self.form_bytes["M"] + 1, bare + self.echo_bytes)

    @property
    def report_max(self) -> int:
        """Length of the longest REPORT, tag included. [B]"""
        return 4 + self.x_bytes(self.n_channels)

    # ---- time, SPEC 3

    def airtime_us(self, payload_bytes: int) -> int:
        """Time on air of a frame of this site. [us]"""
        return airtime_us(
            payload_bytes,
            sf=self.sf,
            bw_hz=self.bw_hz,
            cr=self.cr,
            preamble_symbols=self.preamble_symbols,
        )

    @property
    def phase_us(self) -> int:
        """Length of a phase. [us]"""
        return self.epoch_s * 250_000

    @property
    def phases_per_day(self) -> int:
        """Ppd of the SPEC."""
        return 345_600 // self.epoch_s

    @property
    def epochs_per_day(self) -> int:
        """Epd of the SPEC."""
        return 86_400 // self.epoch_s

    @cached_property
    def slot_us(self) -> int:
        """Length of an origin slot. [us]"""
        return -(-(self.airtime_us(self.report_max) + GUARD_US) // 10_000) * 10_000

    @cached_property
    def common_us(self) -> int:
        """Length of the common slot. [us]"""
        return -(-(self.airtime_us(51) + GUARD_US) // 10_000) * 10_000

    @cached_property
    def slots(self) -> int:
        """M of the SPEC: origin slots in each phase."""
        return max(len(self.of_phase(f)) for f in range(N_PHASES))

    def slot_start_us(self, p: int, slot: int) -> int:
        """Start of an origin slot of phase *p*; slot M is the common slot. [us]"""
        return p * self.phase_us + LEAD_US + slot * self.slot_us

    def commit_us(self, p: int) -> int:
        """Time at which phase *p* is committed. [us]"""
        return self.relay_slot_start_us(p, self.relay_slots)

    @property
    def relay_slots(self) -> int:
        """2Z of the SPEC: relay slots in each phase."""
        return 2 * len(self.relays)

    def relay_slot_start_us(self, p: int, r: int) -> int:
        """Start of relay slot *r* of phase *p*; after the last one comes the commit. [us]"""
        return self.slot_start_us(p, self.slots) + (1 + r) * self.common_us

    def relay_of(self, r: int) -> int:
        """Index of the member that relay slot *r* = 0..2Z-1 belongs to, SPEC 6.6."""
        z = len(self.relays)
        return self.relays[r if r < z else 2 * z - 1 - r]

    def phase_at(self, time_us: int) -> int:
        """Phase number of a time since 1970. [us]"""
        return time_us // self.phase_us

    def era_of(self, p: int) -> int:
        """Era (UTC day) of phase *p*."""
        return p // self.phases_per_day

    def era_start(self, era: int) -> int:
        """B(E): the first phase of an era."""
        return era * self.phases_per_day

    @property
    def heartbeat(self) -> int:
        """HB: phases after which a silent member reports anyway, SPEC 4."""
        return 21_600_000_000 // self.phase_us

    @property
    def stale_after(self) -> int:
        """SL: phases without report after which a member is stale, SPEC 4."""
        return self.heartbeat + 8

    @property
    def beacon_every(self) -> int:
        """H: phases from beacon to beacon, SPEC 6.3."""
        return 3_600_000_000 // self.phase_us

    # ---- kernel, SPEC 5.1

    @cached_property
    def distance_m(self) -> I64:
        """d_ij of each pair of members, heights tenfold, shape (N, N). [m]"""
        d = np.zeros((self.n_members, self.n_members), dtype=np.int64)
        for i, a in enumerate(self.members):
            for j, b in enumerate(self.members[:i]):
                dx, dy, dz = a.x_m - b.x_m, a.y_m - b.y_m, a.z_m - b.z_m
                d[i, j] = d[j, i] = isqrt(dx * dx + dy * dy + (10 * dz) * (10 * dz))
        return d

    @cached_property
    def kernel(self) -> I64:
        """G of each pair of members, Q16, shape (N, N)."""
        g = np.zeros((self.n_members, self.n_members), dtype=np.int64)
        for i, row in enumerate(self.distance_m.tolist()):
            for j, d in enumerate(row[:i]):
                g[i, j] = g[j, i] = kernel_q16(d, self.range_m)
        return g

    @cached_property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """Of each member the 6 others nearest to it, or all, SPEC 5.5 step 4."""
        nearest = []
        for i, row in enumerate(self.distance_m.tolist()):
            others = sorted((d, j) for j, d in enumerate(row) if j != i)
            nearest.append(tuple(j for _, j in others[:NEIGHBOURS]))
        return tuple(nearest)
