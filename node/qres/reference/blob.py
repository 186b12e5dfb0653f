# SPDX-License-Identifier: Apache-2.0
"""The checkpoint blob: a snapshot of the state in as few bits as carry it (SPEC 7)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .bits import BitReader, BitWriter
from .fire import FUEL_CODE_MAX, fuel_code, fuel_of, pack, unpack
from .fire_state import RARE_CODE_MAX, FireState, rare_code
from .fixed import INT16_MAX, INT16_MIN, clip32, rsh
from .fold import W12_MAX, W34_MAX, begin_epoch, rain_now
from .reasons import Reason, RefusedError
from .site import WIRE_VERSION, RefSite
from .state import State

__all__ = ["blob_decode", "blob_encode"]

WIDTH_MAX = 17
EXPONENT_MAX = 12
FUEL_WIDTH_MAX = 10
REGIME_MAX = 2
LULL_MAX = 5


def blob_encode(site: RefSite, snapshot: State) -> bytes:
    """
    A snapshot as a checkpoint blob, SPEC 7.

    Args:
        site: The site.
        snapshot: State after `fold.snap`, whether or not the next epoch has begun.

    Raises:
        ValueError: It is not a snapshot: the blob would not carry it exactly.
    """
    out = BitWriter()
    out.put(WIRE_VERSION, 8)
    for c in range(site.n_channels):
        out.put(int(snapshot.e[c]), 4)
        for q in snapshot.q[c].tolist():
            out.put(q, 16)
        out.put(_exact(int(snapshot.m[c]), 256, "m"), 16)
    stale = snapshot.last_report == 0
    irregular = bool(stale.any() or snapshot.absent.any())
    out.put(int(irregular), 1)
    if irregular:
        for i in range(site.n_members):
            out.put(snapshot.absent_mask(i), site.n_channels)
            out.put(int(stale[i]), 1)
    for c, channel in enumerate(site.channels):
        here = (~snapshot.absent[:, c]).tolist()
        last = snapshot.last[:, c].tolist()
        slow = snapshot.slow[:, c].tolist()
        k = [_exact(x, channel.step, "last") if on else None
             for x, on in zip(last, here, strict=True)]  # fmt: skip
        _put_column(out, k)
        if channel.linear:
            _put_column(out, [
                None if n is None else _exact(x, 4 * channel.step, "slow") - n // 4
                for x, n in zip(slow, k, strict=True)
            ])  # fmt: skip
    if snapshot.fire:
        _put_fire(out, snapshot.fire)
    return out.to_bytes()


def _put_fire(out: BitWriter, fire: FireState) -> None:
    """The fire weather, SPEC 7."""
    out.put(fire.days, 8)
    out.put(fire.regime, 2)
    out.put(fire.lull, 3)
    for x in fire.usual:
        out.put(_exact(x, 1024, "usual"), 12)
    for x in (*fire.spread, *fire.apart[0], *fire.apart[1]):
        out.put(_known(x, pack(x), unpack(pack(x))), 8)
    for x in (*fire.rare[0], *fire.rare[1]):
        out.put(_known(x, rare_code(x), rare_code(x) * 64), 16)
    codes = [_known(x, fuel_code(x), fuel_of(fuel_code(x))) for x in fire.fuel.tolist()]
    width = (max(codes) - min(codes)).bit_length()
    out.put(min(codes), 10)
    out.put(width, 4)
    for code in codes:
        out.put(code - min(codes), width)


def _known(x: int, code: int, back: int) -> int:
    """The *code* of *x*, which must be what the code stands for in a snapshot."""
    if x != back:
        raise ValueError(f"x = {x}: must be {back} in a snapshot")
    return code


def _exact(x: int, unit: int, name: str) -> int:
    """*x* / *unit*, which must be an integer in a snapshot."""
    if x % unit:
        raise ValueError(f"{name} = {x}: must be a multiple of {unit} in a snapshot")
    return x // unit


def _put_column(out: BitWriter, numbers: list[int | None]) -> None:
    """One number per member: least one, width, differences; None writes 0, SPEC 7."""
    present = [n for n in numbers if n is not None]
    least = min(present, default=0)
    width = (max(present, default=0) - least).bit_length()
    if not INT16_MIN <= least <= INT16_MAX or width > WIDTH_MAX:
        raise ValueError(f"numbers from {least}, {width} bits: must start in int16, 0..17 bits")
    out.put(least, 16)
    out.put(width, 5)
    for n in numbers:
        out.put(0 if n is None else n - least, width)


def blob_decode(site: RefSite, blob: bytes, era: int) -> State:
    """
    The state that a checkpoint blob carries, with the era's first epoch begun, SPEC 7.

    Args:
        site: The site.
        blob: As `blob_encode` makes it.
        era: Era E; the state is the one of phase B(E) - 1.

    Raises:
        RefusedError: The blob is not valid (BLOB).
    """
    bits = BitReader(blob)
    try:
        state = _decode(site, bits, site.era_start(era))
    except EOFError as error:
        raise RefusedError(Reason.BLOB, f"blob of {len(blob)} B is too short") from error
    if bits.left >= 8:
        raise RefusedError(Reason.BLOB, f"blob of {len(blob)} B is too long")
    if not bits.rest_is_zero():
        raise RefusedError(Reason.BLOB, "pad bits are not 0")
    return begin_epoch(site, state, site.era_start(era) // 4)


def _decode(site: RefSite, bits: BitReader, first: int) -> State:
    """The snapshot with phase *first* - 1, SPEC 7; pad bits are left in *bits*."""
    version = bits.take(8)
    if version != WIRE_VERSION:
        raise RefusedError(Reason.BLOB, f"wire version {version}, not {WIRE_VERSION}")
    state = State.initial(site, first - 1)
    for c in range(site.n_channels):
        e = bits.take(4)
        q = [bits.take_signed(16) for _ in range(4)]
        _check_weights(e, q)
        state.e[c], state.q[c], state.m[c] = e, q, 256 * bits.take_signed(16)
    state.absent[:] = False
    state.last_report[:] = first
    if bits.take(1):
        for i in range(site.n_members):
            absent = bits.take(site.n_channels)
            state.absent[i] = [absent >> c & 1 for c in range(site.n_channels)]
            if bits.take(1):
                state.last_report[i] = 0
    _take_values(site, bits, state)
    if state.fire:
        fire = _take_fire(bits, state.fire)
        state = replace(state, fire=replace(fire, mark=rain_now(site, state)))
    return state


def _take_values(site: RefSite, bits: BitReader, state: State) -> None:
    """The values of all channels, SPEC 7, into *state*, which says who has them."""
    for c, channel in enumerate(site.channels):
        here = (~state.absent[:, c]).tolist()
        last = _take_column(bits, here)
        slow = last
        unit = channel.step
        if channel.linear:
            lag = _take_column(bits, here)
            slow = [d + k // 4 for d, k in zip(lag, last, strict=True)]
            unit = 4 * channel.step
        for i in np.flatnonzero(here).tolist():
            if not (INT16_MIN <= last[i] <= INT16_MAX and INT16_MIN <= slow[i] <= INT16_MAX):
                raise RefusedError(Reason.BLOB, f"member {i}, channel {c}: outside int16")
            state.value[i, c] = state.last[i, c] = clip32(last[i] * channel.step)
            state.slow[i, c] = clip32(slow[i] * unit)


def _take_fire(bits: BitReader, start: FireState) -> FireState:
    """The fire weather, SPEC 7; marks are left as they are in *start*."""
    days, regime, lull = bits.take(8), bits.take(2), bits.take(3)
    if regime > REGIME_MAX or lull > LULL_MAX:
        raise RefusedError(Reason.BLOB, f"regime {regime}, lull {lull}: must be 0..2, 0..5")
    usual = tuple(bits.take_signed(12) * 1024 for _ in start.usual)
    codes = [bits.take(8) for _ in range(16)]
    if 0 in codes:
        raise RefusedError(Reason.BLOB, "pack of 0")
    x = tuple(unpack(code) for code in codes)
    rare = [bits.take(16) for _ in range(6)]
    if not all(1 <= code <= RARE_CODE_MAX for code in rare):
        raise RefusedError(Reason.BLOB, f"rare {rare}: must be 1..{RARE_CODE_MAX}")
    levels = tuple(code * 64 for code in rare)
    least, width = bits.take(10), bits.take(4)
    if width > FUEL_WIDTH_MAX:
        raise RefusedError(Reason.BLOB, f"width {width} of fuel: must be 0..{FUEL_WIDTH_MAX}")
    fuel = [least + bits.take(width) for _ in range(len(start.fuel))]
    if max(fuel) > FUEL_CODE_MAX:
        raise RefusedError(Reason.BLOB, f"code {max(fuel)} of fuel: must be 0..{FUEL_CODE_MAX}")
    return replace(
        start,
        days=days,
        regime=regime,
        lull=lull,
        usual=usual,
        spread=x[:8],
        apart=(x[8:12], x[12:16]),
        rare=(levels[:3], levels[3:]),
        fuel=np.array([fuel_of(code) for code in fuel], dtype=np.int64),
    )


def _check_weights(e: int, q: list[int]) -> None:
    """Refuse weights that no replica can hold, SPEC 7."""
    if e > EXPONENT_MAX:
        raise RefusedError(Reason.BLOB, f"exponent {e}: must be 0..{EXPONENT_MAX}")
    # bfp() rounds after the clips of SPEC 5.2, so the bounds are rounded as well.
    lo, hi = (0, 0, -W34_MAX, -W34_MAX), (W12_MAX, W12_MAX, W34_MAX, W34_MAX)
    for k in range(4):
        if not rsh(lo[k], e) <= q[k] <= rsh(hi[k], e):
            raise RefusedError(Reason.BLOB, f"weight {q[k]} * 2^{e}: outside its bounds")


def _take_column(bits: BitReader, here: list[bool]) -> list[int]:
    """What `_put_column` wrote; the number of a member that is not *here* means nothing."""
    least = bits.take_signed(16)
    width = bits.take(5)
    if width > WIDTH_MAX:
        raise RefusedError(Reason.BLOB, f"width {width}: must be 0..{WIDTH_MAX}")
    return [least + bits.take(width) for _ in here]
