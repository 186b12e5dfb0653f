# SPDX-License-Identifier: Apache-2.0
"""Vectors of the echo: lengths, bits, and frames that must be refused (SPEC 6.5)."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from qres.reference import (
    NO_ECHO,
    Echo,
    RefSite,
    Report,
    State,
    associated_data,
    encode_report,
    era_key,
    nonce,
    predicted_k,
    seal_report,
)
from tests.vectors.as_json import Json
from tests.vectors.cases_fold import SITES
from tests.vectors.cases_report import Samples, decision, near, opening, settled
from tests.vectors.fields import KEY

__all__ = ["echo_vectors"]


def echo_vectors() -> Iterator[Json]:
    """All vectors of echo.json."""
    yield from _lengths()
    yield from _echoes()
    yield from _refused()


def _lengths() -> Iterator[Json]:
    """Nothing to repeat yet: the forms as they are decided on, longer by the echo."""
    site = SITES["echo"]
    state = settled(site)
    cases: list[tuple[str, tuple[int | None, ...], list[int], bool]] = [
        ("S, age 0: 9 bytes", (5, 0, 0, 0), [0] * 4, False),
        ("R, age 0: 10 bytes", (5, 0, 0, 127), [0] * 4, False),
        ("M, age 0: 11 bytes", (16, 0, 0, 0), [0] * 4, False),
        ("X, age 0: 12 bytes, all given up", (None,) * 4, [3] * 4, False),
        ("X, age 0: 17 bytes, introduction", (0, 0, 0, 0), [0] * 4, True),
    ]
    for n, (what, steps, missed, introduce) in enumerate(cases):
        yield decision(n, what, state, near(site, state, 0, *steps), missed, introduce=introduce,
                       name="echo", prefix="echo-report", spec="6.1, 6.2 and 6.5")  # fmt: skip
    wide = SITES["echo-wide"]
    first: Samples = [20 * c.step for c in wide.channels]
    yield decision(5, "X, age 0: 22 bytes, no REPORT is longer", State.initial(wide, state.phase),
                   first, [0] * 6, name="echo-wide", prefix="echo-report",
                   spec="6.1, 6.2 and 6.5")  # fmt: skip


def _held(site: RefSite, state: State, form: str) -> Report:
    """Member 0 says what is held of it, in a form."""
    carried = {
        "R": sorted((*site.primaries, site.riders[0])),
        "X": range(site.n_channels),
    }.get(form, site.primaries)
    included = sum(1 << c for c in carried)
    return Report(0, included, 0, tuple(predicted_k(site, state, 0, c) for c in carried))


def _echoes() -> Iterator[Json]:
    site = SITES["echo"]
    state = settled(site)
    p = state.phase + 1
    cases = [
        ("S: a report of the phase before", "S", Echo(1, 2, (1, 2, 3))),
        ("S: the greatest numbers", "S", Echo(15, 31, (31, 31, 31))),
        ("S: every low bit is 0", "S", Echo(3, 0, (0, 0, 0))),
        ("S: the sender's own report is no reason to refuse", "S", Echo(4, 0, (5, 6, 7))),
        ("R with an echo", "R", Echo(5, 1, (8, 0, 16))),
        ("M with an echo", "M", Echo(6, 2, (16, 8, 4))),
        ("X with an echo", "X", Echo(2, 1, (30, 20, 10))),
        ("S, age 0", "S", NO_ECHO),
    ]
    for n, (what, form, echo) in enumerate(cases):
        frame = seal_report(site, KEY, p, form, _held(site, state, form), n % 2, echo)
        yield opening(f"echo-open-{n:03}", what, state, p, frame, all_windows=True, name="echo",
                      spec="6.5")  # fmt: skip


def _refused() -> Iterator[Json]:
    good = 1 | 2 << 4 | 7 << 9 | 8 << 14 | 9 << 19
    cases = [
        ("age 0, but a slot", "echo", _sealed("echo", "S", 1 << 4)),
        ("age 0, but low bits", "echo", _sealed("echo", "S", 1 << 23)),
        ("X, age 0, but low bits", "echo", _sealed("echo", "X", 1 << 9)),
        ("the tag counts the payload without the echo", "echo",
         _sealed("echo", "S", good, counted=2)),
        ("no echo, as on a site without", "echo", _sealed("echo", "S", 0, cut=3)),
        ("an echo of two bytes", "echo", _sealed("echo", "S", good, cut=1)),
        ("one bit of the echo flipped", "echo", _flipped(_sealed("echo", "S", good), 4)),
        ("four primaries: the greatest numbers", "echo-wide",
         _sealed("echo-wide", "S", (1 << 29) - 1)),
        ("four primaries: the unused bit 29 of the echo is set", "echo-wide",
         _sealed("echo-wide", "S", good | 1 << 29)),
        ("X: the unused bit 31 of the echo is set", "echo-wide",
         _sealed("echo-wide", "X", good | 1 << 31)),
        ("age 0, but the unused bit 30", "echo-wide", _sealed("echo-wide", "S", 1 << 30)),
    ]  # fmt: skip
    for n, (what, name, frame) in enumerate(cases, 8):
        state = settled(SITES[name])
        yield opening(f"echo-open-{n:03}", what, state, state.phase + 1, frame, all_windows=True,
                      name=name, spec="6.5")  # fmt: skip


def _sealed(name: str, form: str, echo: int, counted: int = 0, cut: int = 0) -> bytes:
    """A good tag over any bits of an echo; *cut* leaves bytes out, *counted* counts others."""
    site = SITES[name]
    state = settled(site)
    p = state.phase + 1
    ccm = AESCCM(era_key(KEY, site.field_id, site.era_of(p)), tag_length=4)
    iv = nonce(site, p, site.members[0].id, 1)
    report = _held(site, state, form)
    tail = echo.to_bytes(site.echo_bytes, "little")
    payload = encode_report(site, form, report, 0)[: -len(tail)] + tail[: len(tail) - cut]
    data = associated_data(counted or len(payload), report.included, report.absent, report.k)
    return ccm.encrypt(iv, payload, data)


def _flipped(frame: bytes, at: int) -> bytes:
    """The frame with one bit of byte *at* flipped."""
    return frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
