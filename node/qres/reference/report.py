# SPDX-License-Identifier: Apache-2.0
"""The REPORT: when to send one, its forms, its bits and their meaning (SPEC 6.1 and 6.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from .bits import BitReader, BitWriter, signed
from .echo import NO_ECHO, Echo, decode_echo, encode_echo
from .fixed import INT16_MAX, INT16_MIN, clip16, rdiv, rsh
from .fold import Report
from .reasons import Reason, RefusedError
from .site import RefSite
from .state import State

__all__ = [
    "HEARTBEAT_MISSES",
    "Reading",
    "associated_data",
    "choose_report",
    "encode_report",
    "form_of_length",
    "nearest_k",
    "predicted_k",
    "readings",
    "tolerance",
]

HEARTBEAT_MISSES = 3
"""Misses in a row after which a channel is given up, SPEC 6.2."""

WIDTH = {"S": 5, "R": 5, "M": 10}
RIDER_WIDTH = 8


def predicted_k(site: RefSite, state: State, member: int, channel: int) -> int:
    """kp: what a receiver expects, SPEC 6.1. [steps] int16"""
    return clip16(rdiv(int(state.value[member, channel]), site.channels[channel].step))


def nearest_k(kp: int, low: int, width: int) -> int:
    """The number in kp - 2^(width-1) .. kp + 2^(width-1) - 1 with these low bits, SPEC 6.1."""
    return kp + signed((low - kp) & ((1 << width) - 1), width)


def _in_window(k: int, kp: int, width: int) -> bool:
    """Whether the receiver's first window around *kp* contains *k*, SPEC 6.1."""
    half = 1 << (width - 1)
    return kp - half <= k < kp + half


# ---- SPEC 6.2: the decision


def tolerance(site: RefSite, state: State, channel: int) -> int:
    """How far a sample may be off before it is told: tol' of SPEC 6.2, a channel's. [Q16.16]"""
    tol = site.channels[channel].tol
    if not (site.follow and state.fire and site.channels[channel].primary):
        return tol
    return (2 * tol, tol, rsh(5 * tol, 3))[state.fire.regime]


def choose_report(
    site: RefSite,
    state: State,
    member: int,
    samples: Sequence[int | None],
    missed: Sequence[int],
    *,
    introduce: bool = False,
) -> tuple[str, Report] | None:
    """
    Whether a member reports in phase p = `state.phase + 1`, and how, SPEC 6.2.

    Args:
        site: The site.
        state: The member's state of phase p-1.
        member: Its index.
        samples: What it measured, one per channel; None for a miss. [Q16.16]
        missed: Misses in a row, this one included, one per channel.
        introduce: One of the member's first two own phases after a start: report in form X.

    Returns:
        Form "S", "R", "M" or "X", and the report; None for silence.
    """
    channels = range(site.n_channels)
    old = state.absent_mask(member)
    present = [c for c in channels if not old >> c & 1]
    sampled = {c: x for c in channels if (x := samples[c]) is not None}
    surprised = [
        c
        for c in present
        if c in sampled
        and abs(sampled[c] - int(state.value[member, c])) > tolerance(site, state, c)
    ]
    given_up = [c for c in channels if missed[c] >= HEARTBEAT_MISSES]
    due = state.phase + 1 - int(state.last_report[member]) >= site.heartbeat
    if not (
        surprised
        or any(c not in present for c in sampled)
        or any(c in present for c in given_up)
        or due
        or introduce
    ):
        return None
    new = old
    for c in channels:
        if c in sampled:
            new &= ~(1 << c)
        elif c in given_up:
            new |= 1 << c
    k = {c: clip16(rdiv(x, site.channels[c].step)) for c, x in sampled.items()}
    if new == old and all(c in sampled for c in present) and not introduce:
        form = _short_form(site, state, member, k, surprised)
        if form:
            carried = [c for c in _carried(site, form) if c in present]
            mask = sum(1 << c for c in carried)
            return form, Report(member, mask, old, tuple(k[c] for c in carried))
    included = sum(1 << c for c in sampled)
    return "X", Report(member, included, new & ~included, tuple(k[c] for c in sorted(k)))


def _short_form(
    site: RefSite, state: State, member: int, k: dict[int, int], surprised: list[int]
) -> str:
    """The first of S, R and M that fits, or the empty string, SPEC 6.2."""

    def fits(channel: int, width: int) -> bool:
        return _in_window(k[channel], predicted_k(site, state, member, channel), width)

    primaries = [c for c in site.primaries if c in k]
    riders = [c for c in surprised if c in site.riders]
    five = all(fits(c, 5) for c in primaries)
    if not riders and five:
        return "S"
    if five and riders == [site.riders[0]] and fits(riders[0], RIDER_WIDTH):
        return "R"
    if not riders and all(fits(c, 10) for c in primaries):
        return "M"
    return ""


# ---- SPEC 6.1: bits


def _carried(site: RefSite, form: str) -> tuple[int, ...]:
    """The channels that a short form has room for, ascending."""
    return tuple(sorted((*site.primaries, site.riders[0]))) if form == "R" else site.primaries


def form_of_length(site: RefSite, payload_bytes: int) -> str:
    """
    The form of a payload of this length, SPEC 6.1.

    Raises:
        RefusedError: No form has it (LENGTH).
    """
    for form, length in site.form_bytes.items():
        if length == payload_bytes:
            return form
    if any(site.x_bytes(n) == payload_bytes for n in range(site.n_channels + 1)):
        return "X"
    raise RefusedError(Reason.LENGTH, f"payload of {payload_bytes} B: no form has this length")


def encode_report(
    site: RefSite, form: str, report: Report, digest_bit: int, echo: Echo = NO_ECHO
) -> bytes:
    """
    The payload of a REPORT, before encryption, SPEC 6.1 and 6.5.

    Args:
        site: The site.
        form: "S", "R", "M" or "X".
        report: What to say. Nothing checks that it is inside the receiver's windows.
        digest_bit: Bit 0 of the digest of the sender's state of the phase before.
        echo: What it repeats.
    """
    tail = encode_echo(site, echo)
    out = BitWriter()
    out.put(digest_bit, 1)
    k = report.by_channel()
    if form == "X":
        out.put(report.included, site.n_channels)
        out.put(report.absent, site.n_channels)
        for value in report.k:
            out.put(value, 16)
        return out.to_bytes(site.x_bytes(len(report.k)) - len(tail)) + tail
    for c in site.primaries:
        out.put(k.get(c, 0), WIDTH[form])
    if form == "R":
        out.put(k[site.riders[0]], RIDER_WIDTH)
    return out.to_bytes(site.form_bytes[form] - len(tail)) + tail


def associated_data(payload_bytes: int, included: int, absent: int, k: Sequence[int]) -> bytes:
    """What the tag covers beside the payload, SPEC 6.1."""
    head = bytes([payload_bytes, included, absent])
    return head + b"".join(x.to_bytes(2, "little", signed=True) for x in k)


@dataclass(frozen=True)
class Reading:
    """
    One way to read a payload, to be proved by the tag.

    Attributes:
        included: Mask of the channels with a value.
        absent: Mask of the absent channels.
        k: Values of the included channels. [steps]
        digest_bit: The sender's digest bit.
        problem: The empty string, or why it is refused even if the tag is right.
        echo: What the frame repeats.
    """

    included: int
    absent: int
    k: tuple[int, ...]
    digest_bit: int
    problem: str
    echo: Echo


def readings(
    site: RefSite, state: State, member: int, payload: bytes, *, all_windows: bool
) -> Iterator[Reading]:
    """
    The candidates for the meaning of a decrypted payload, in order of trial, SPEC 6.1.

    Args:
        site: The site.
        state: The receiver's state of the phase before, or its newest.
        member: Index of the supposed sender.
        payload: Decrypted payload.
        all_windows: Try the neighbouring windows too.

    Raises:
        RefusedError: No form has this length (LENGTH).
    """
    form = form_of_length(site, len(payload))
    body = payload[: len(payload) - site.echo_bytes]
    echo, problem = decode_echo(site, payload[len(body) :])
    bits = BitReader(body)
    digest_bit = bits.take(1)
    if form == "X":
        reading = _reading_of_x(site, bits, digest_bit, len(payload))
        if reading:
            yield replace(reading, echo=echo, problem=reading.problem or problem)
        return
    absent = state.absent_mask(member)
    if form == "R" and absent >> site.riders[0] & 1:
        return
    raw = {c: bits.take(WIDTH[form]) for c in site.primaries}
    if form == "R":
        raw[site.riders[0]] = bits.take(RIDER_WIDTH)
    unused = [c for c in site.primaries if absent >> c & 1 and raw[c]]
    if unused or not bits.rest_is_zero():
        problem = "unused bits are not 0"
    included = [c for c in sorted(raw) if not absent >> c & 1]
    mask = sum(1 << c for c in included)
    first = {}
    for c in included:
        width = WIDTH[form] if c in site.primaries else RIDER_WIDTH
        first[c] = nearest_k(predicted_k(site, state, member, c), raw[c], width)
    for turn in _window_turns(site, included) if all_windows else [dict.fromkeys(included, 0)]:
        k = tuple(first[c] + (turn[c] << WIDTH[form]) for c in included)
        if all(INT16_MIN <= x <= INT16_MAX for x in k):
            yield Reading(mask, absent, k, digest_bit, problem, echo)


def _window_turns(site: RefSite, included: list[int]) -> Iterator[dict[int, int]]:
    """Windows to try: offset of each included channel, the nearest first, SPEC 6.1."""
    nearest = dict.fromkeys(included, 0)
    yield nearest
    moving = [c for c in included if c in site.primaries]
    # product() turns its last place fastest; the lowest digit belongs to the lowest channel.
    for digits in product((-1, 0, 1), repeat=len(moving)):
        turn = nearest | dict(zip(reversed(moving), digits, strict=True))
        if turn != nearest:
            yield turn


def _reading_of_x(
    site: RefSite, bits: BitReader, digest_bit: int, payload_bytes: int
) -> Reading | None:
    """The one candidate of form X, echo aside; None if its masks call for another length."""
    included = bits.take(site.n_channels)
    absent = bits.take(site.n_channels)
    n = included.bit_count()
    if site.x_bytes(n) != payload_bytes:
        return None
    k = tuple(bits.take_signed(16) for _ in range(n))
    problem = "" if bits.rest_is_zero() else "unused bits are not 0"
    if included & absent:
        problem = "masks overlap"
    return Reading(included, absent, k, digest_bit, problem, NO_ECHO)
