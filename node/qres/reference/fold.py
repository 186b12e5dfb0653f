# SPDX-License-Identifier: Apache-2.0
"""The commit of a phase: conditioning, reports, ends of hour, epoch and era (SPEC 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from .channel import RAIN
from .fire_hour import fire_hour, hour_that_ends
from .fixed import I64, INT16_MAX, INT16_MIN, clip, clip16, clip32, rdiv, rsh
from .site import RefSite
from .state import State, bfp, weights

__all__ = [
    "Report",
    "begin_epoch",
    "commit",
    "end_epoch",
    "held_value",
    "phi_shared",
    "priors",
    "rain_now",
    "season",
    "snap",
    "solve",
]

NOISE_REPORTER = 838_861  # 0.05 in Q24
NOISE_SILENT = 3_355_443  # 0.2 in Q24
TREND_CLIP = 131_072  # 2 tolerances in Q16
W12_MAX = 15_938_355  # 0.95 in Q24
W34_MAX = 33_554_432  # 2 in Q24
LEARNERS_MIN = 5
_RSH24 = 1 << 23


@dataclass(frozen=True)
class Report:
    """
    What a REPORT says, SPEC 5.

    Attributes:
        member: Index of the member.
        included: Mask of the channels that it carries: bit c for channel c.
        absent: Mask of the channels that the member no longer has; disjoint from *included*.
        k: Value of each included channel, ascending channel number. [steps] int16
    """

    member: int
    included: int
    absent: int
    k: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.included & self.absent:
            raise ValueError(f"absent = {self.absent:#b}: overlaps included {self.included:#b}")
        if len(self.k) != self.included.bit_count():
            raise ValueError(f"k = {self.k}: must have {self.included.bit_count()} numbers")
        if any(not INT16_MIN <= k <= INT16_MAX for k in self.k):
            raise ValueError(f"k = {self.k}: must fit int16")

    def by_channel(self) -> dict[int, int]:
        """K of each included channel by its number."""
        numbers = (c for c in range(self.included.bit_length()) if self.included >> c & 1)
        return dict(zip(numbers, self.k, strict=True))


def held_value(k: int, step: int) -> int:
    """*k* steps as a value, SPEC 5 step 2; bounded to the type of a value, int32."""
    return clip32(k * step)


# ---- SPEC 5: commit


def commit(site: RefSite, state: State, reports: Iterable[Report]) -> State:
    """
    The state of phase p = `state.phase + 1` from that of phase p-1, SPEC 5.

    Args:
        site: The site.
        state: State of phase p-1; left as it is.
        reports: Reports of phase p in any order, at most one of each member.

    Raises:
        ValueError: A member reports twice, or in a phase that is not its own.
    """
    p = state.phase + 1
    f = p % 4
    given = sorted(reports, key=lambda r: r.member)
    members = [r.member for r in given]
    if len(set(members)) != len(members) or not set(members) <= set(site.of_phase(f)):
        raise ValueError(f"members = {members}: must be different members of phase {f}")
    new = state.copy(phase=p)
    if f < 3:
        told = {r.member: r.by_channel() for r in given}
        for c, channel in enumerate(site.channels):
            if channel.linear:
                _condition(site, new, p, c, told)
    for report in given:
        _apply(site, new, p, report)
    if f == 3:
        if new.fire and hour_that_ends(site, p // 4) is not None:
            new = replace(new, fire=fire_hour(site, new))
        new = end_epoch(site, new)
        if (p + 1) % site.phases_per_day == 0:
            new = snap(site, new)
        new = begin_epoch(site, new, (p + 1) // 4)
    return new


def _condition(site: RefSite, new: State, p: int, c: int, told: dict[int, dict[int, int]]) -> None:
    """Let channel *c* of later phases follow what the members of phase *p* show, SPEC 5 step 1."""
    channel = site.channels[c]
    usable = ~new.stale(site, p) & ~new.absent[:, c]
    observers = [i for i in site.of_phase(p % 4) if usable[i] and (i not in told or c in told[i])]
    surprise = [0] * len(observers)
    noise = [NOISE_SILENT] * len(observers)
    for row, i in enumerate(observers):
        if i in told:
            x = held_value(told[i][c], channel.step)
            surprise[row] = clip(x - int(new.value[i, c]), -8 * channel.tol, 8 * channel.tol)
            noise[row] = NOISE_REPORTER
    if not any(surprise):
        return
    k = rsh(channel.rho * site.kernel, 8)
    matrix = k[np.ix_(observers, observers)]
    np.fill_diagonal(matrix, (1 << 24) + np.array(noise, dtype=np.int64))
    a = np.array(solve(matrix, surprise), dtype=object)
    later = [
        t for t, member in enumerate(site.members) if member.phase > p % 4 and not new.absent[t, c]
    ]
    moves = (k[np.ix_(later, observers)].astype(object) @ a).tolist() if later else []
    for t, move in zip(later, moves, strict=True):
        new.value[t, c] = clip(int(new.value[t, c]) + rsh(int(move), 24), channel.lo, channel.hi)


def solve(matrix: I64, r: list[int]) -> list[int]:
    """
    *a* with A a = r, by the integer LDL' factorisation of SPEC 5.1.

    Args:
        matrix: A, symmetric, positive definite, shape (n, n), n <= 32. [Q24]
        r: Right-hand side, n numbers. [Q16.16]

    >>> solve(np.array([[2 << 24, 1 << 24], [1 << 24, 2 << 24]]), [65536, 0])
    [43690, -21845]
    """
    n = len(r)
    v = np.zeros((n, n), dtype=np.int64)
    unit_lower = np.zeros((n, n), dtype=np.int64)
    d = [0] * n
    for j in range(n):
        # Column j of V, the diagonal first: V_jj is D_j.
        sums = v[j:, :j] @ unit_lower[j, :j]
        column = (matrix[j:, j] * (1 << 24) - sums + _RSH24) >> 24
        d[j] = int(column[0])
        v[j + 1 :, j] = column[1:]
        unit_lower[j + 1 :, j] = rdiv(column[1:] * (1 << 24), d[j])
    low = unit_lower.tolist()
    z: list[int] = []
    for i in range(n):
        z.append(r[i] - rsh(sum(low[i][k] * z[k] for k in range(i)), 24))
    a = [rdiv(z[i] << 24, d[i]) for i in range(n)]
    for i in reversed(range(n)):
        a[i] -= rsh(sum(low[k][i] * a[k] for k in range(i + 1, n)), 24)
    return a


def _apply(site: RefSite, new: State, p: int, report: Report) -> None:
    """Take over what a report says, SPEC 5 step 2."""
    i = report.member
    for c, k in report.by_channel().items():
        x = held_value(k, site.channels[c].step)
        if new.absent[i, c]:
            new.last[i, c] = new.slow[i, c] = x
            new.absent[i, c] = False
            _mark(site, new, i, c, x)
        new.value[i, c] = x
    for c in range(site.n_channels):
        if report.absent >> c & 1:
            new.absent[i, c] = True
            new.value[i, c] = new.last[i, c] = new.slow[i, c] = 0
            _mark(site, new, i, c, 0)
    new.last_report[i] = p


def _mark(site: RefSite, new: State, i: int, c: int, x: int) -> None:
    """A rain gauge comes or goes: rain counts from *x* on, SPEC 5 step 2."""
    if new.fire and site.channels[c].role == RAIN:
        new.fire.mark[i] = x


# ---- SPEC 5.2: end of epoch


def season(x: int) -> int:
    """
    S of SPEC 5.2: one turn of a parabolic sine, *x* in 1/65536 of a day. [Q16]

    >>> [season(x) for x in (0, 16384, 32768, 49152)]
    [0, 65536, 0, -65536]
    """
    return (x * (32768 - x)) >> 12 if x < 32768 else -season(x - 32768)


def phi_shared(site: RefSite, state: State, c: int, epoch: int) -> tuple[int, int, int]:
    """The features that all members share: phi1, phi3 and phi4 of SPEC 5.2. [Q16]"""
    tol = site.channels[c].tol
    x = (epoch % site.epochs_per_day) * 65536 // site.epochs_per_day
    phi1 = clip(rdiv(int(state.m[c]) * 65536, tol), -TREND_CLIP, TREND_CLIP)
    return phi1, season(x), season((x + 16384) % 65536)


def _features(site: RefSite, state: State, c: int, epoch: int) -> I64:
    """Phi of every member, shape (N, 4), SPEC 5.2. [Q16]"""
    tol = site.channels[c].tol
    phi = np.empty((site.n_members, 4), dtype=np.int64)
    phi[:, 0], phi[:, 2], phi[:, 3] = phi_shared(site, state, c, epoch)
    lag = rdiv((state.slow[:, c] - state.last[:, c]) * 65536, tol)
    phi[:, 1] = np.clip(lag, -TREND_CLIP, TREND_CLIP)
    return phi


def priors(site: RefSite, state: State, c: int, epoch: int) -> I64:
    """prior_i of every member for LINEAR channel *c*, shape (N,), SPEC 5.2. [Q16.16]"""
    channel = site.channels[c]
    w = np.array(weights(state, c), dtype=np.int64)
    shift = rsh(channel.tol * rsh(_features(site, state, c, epoch) @ w, 24), 16)
    return np.asarray(np.clip(state.last[:, c] + shift, channel.lo, channel.hi))


def end_epoch(site: RefSite, state: State) -> State:
    """
    Learn from the epoch that ends with `state.phase`, SPEC 5.2.

    Args:
        site: The site.
        state: State after the reports of the epoch's last phase.
    """
    new = state.copy()
    for c, channel in enumerate(site.channels):
        if channel.linear:
            _learn(site, state, new, c)
        here = ~state.absent[:, c]
        value, slow = state.value[here, c], state.slow[here, c]
        new.slow[here, c] = slow + rsh(value - slow, 3) if channel.linear else value
        new.last[here, c] = value
    return new


def _learn(site: RefSite, state: State, new: State, c: int) -> None:
    """Weights and trend of one LINEAR channel, SPEC 5.2 points 1 and 2."""
    channel, epoch = site.channels[c], state.phase // 4
    who = ~state.absent[:, c] & ~state.stale(site, state.phase)
    n = int(who.sum())
    if n >= LEARNERS_MIN:
        error = rdiv((state.value[:, c] - priors(site, state, c, epoch)) * 65536, channel.tol)
        error = np.clip(error, -TREND_CLIP, TREND_CLIP)[who]
        phi = _features(site, state, c, epoch)[who]
        drop = 3 * n // 10
        w = weights(state, c)
        for k in range(4):
            kept = np.sort(rsh(error * phi[:, k], 16))[drop : n - drop]
            w[k] += 8 * rdiv(int(kept.sum()), n - 2 * drop)
            w[k] += rsh(channel.w0[k] - w[k], 9)
            w[k] = clip(w[k], 0, W12_MAX) if k < 2 else clip(w[k], -W34_MAX, W34_MAX)
        new.e[c], new.q[c] = bfp(w)
    moves = np.clip(state.value[:, c] - state.last[:, c], -4 * channel.tol, 4 * channel.tol)
    new.m[c] = rdiv(int(moves[who].sum()), n) if n else 0


# ---- SPEC 5.3 and 5.4


def snap(site: RefSite, state: State) -> State:
    """
    Round the state to what a checkpoint carries, at the end of an era, SPEC 5.3.

    Args:
        site: The site.
        state: State of the era's last phase, after `end_epoch`.
    """
    new = state.copy()
    for c, channel in enumerate(site.channels):
        new.m[c] = clip16(rsh(int(state.m[c]), 8)) * 256
        for i in np.flatnonzero(~state.absent[:, c]).tolist():
            last = clip32(clip16(rdiv(int(state.last[i, c]), channel.step)) * channel.step)
            coarse = 4 * channel.step
            slow = clip32(clip16(rdiv(int(state.slow[i, c]), coarse)) * coarse)
            new.value[i, c] = new.last[i, c] = last
            new.slow[i, c] = slow if channel.linear else last
    alive = ~state.stale(site, state.phase)
    new.last_report[:] = np.where(alive, state.phase + 1, 0)
    if new.fire:
        new = replace(new, fire=new.fire.snapped(rain_now(site, new), any_alive=bool(alive.any())))
    return new


def rain_now(site: RefSite, state: State) -> I64:
    """The mark of each member in a snapshot, shape (N,): its rain, 0 without, SPEC 5.3."""
    rain = site.channel_of(RAIN)
    if rain is None:
        return np.zeros(site.n_members, dtype=np.int64)
    return np.where(state.absent[:, rain], 0, state.last[:, rain])


def begin_epoch(site: RefSite, state: State, epoch: int) -> State:
    """Predict the values of *epoch* from the state at the end of the one before, SPEC 5.4."""
    new = state.copy()
    for c, channel in enumerate(site.channels):
        here = ~state.absent[:, c]
        predicted = priors(site, state, c, epoch) if channel.linear else state.last[:, c]
        new.value[here, c] = predicted[here]
    return new
