# SPDX-License-Identifier: Apache-2.0
"""Vectors of REPORT: decision, forms, and frames that must be refused (SPEC 6.1, 6.2)."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from qres.reference import (
    RefSite,
    RefusedError,
    State,
    associated_data,
    choose_report,
    encode_report,
    era_key,
    nonce,
    open_report,
    predicted_k,
    seal_report,
)
from tests.vectors.as_json import Json, echo_to_json, report_to_json, state_to_json, vector
from tests.vectors.cases_fold import DAY, SITES
from tests.vectors.fields import KEY, run_field

__all__ = ["Samples", "decision", "near", "opening", "report_vectors", "settled"]

Samples = list[int | None]


def settled(site: RefSite) -> State:
    """A state in which everything is present; the next phase is one of f = 0."""
    start = State.initial(site, DAY * 96 + 7)
    return run_field(site, start, 12, 1, lose=10**6, talkative=10)[-1][1]


def near(site: RefSite, state: State, member: int, *steps: int | None) -> Samples:
    """Samples that differ from a member's values by so many steps; None for a miss."""
    out: Samples = []
    for c, d in enumerate(steps):
        k = predicted_k(site, state, member, c)
        out.append(None if d is None else (k + d) * site.channels[c].step)
    return out


def report_vectors() -> Iterator[Json]:
    """All vectors of report.json."""
    site = SITES["twelve"]
    state = settled(site)
    yield from _decisions(site, state)
    yield from _windows(site, state)
    yield from _refused(site, state)


def decision(n: int, what: str, state: State, samples: Samples, missed: list[int],
             *, introduce: bool = False, name: str = "twelve", prefix: str = "report",
             spec: str = "6.1 and 6.2") -> Json:  # fmt: skip
    """What member 0 of a site sends, as bytes and as meaning; an echo repeats nothing."""
    site = SITES[name]
    chosen = choose_report(site, state, 0, samples, missed, introduce=introduce)
    fields: Json = {
        "site": name,
        "key_hex": KEY.hex(),
        "state": state_to_json(state),
        "member": 0,
        "samples": samples,
        "missed": missed,
        "introduce": introduce,
        "form": None,
    }
    if chosen is not None:
        form, report = chosen
        payload = encode_report(site, form, report, n % 2)
        data = associated_data(len(payload), report.included, report.absent, report.k)
        frame = seal_report(site, KEY, state.phase + 1, form, report, n % 2)
        fields |= {
            "form": form,
            "report": report_to_json(report),
            "digest_bit": n % 2,
            "payload_hex": payload.hex(),
            "associated_data_hex": data.hex(),
            "frame_hex": frame.hex(),
        }
    return vector(f"{prefix}-{n:03}", "decide", what, spec, **fields)


def _decisions(site: RefSite, state: State) -> Iterator[Json]:
    cases: list[tuple[str, tuple[int | None, ...], list[int]]] = [
        ("S: temperature five steps off", (5, 0, 0, 0), [0, 0, 0, 0]),
        ("S: at the edges of the windows", (15, -16, 15, 0), [0, 0, 0, 0]),
        ("R: temperature and rain", (5, 0, 0, 127), [0, 0, 0, 0]),
        ("R: rain alone, falling to the edge", (0, 0, 0, -128), [0, 0, 0, 0]),
        ("M: a step beyond five bits", (16, 0, 0, 0), [0, 0, 0, 0]),
        ("M: at the edges of ten bits", (511, -512, 0, 0), [0, 0, 0, 0]),
        ("X: rain beyond eight bits", (0, 0, 0, 128), [0, 0, 0, 0]),
        ("X: beyond ten bits", (-513, 0, 0, 0), [0, 0, 0, 0]),
        ("X: wind given up at the third miss", (0, 0, None, 0), [0, 0, 3, 0]),
        ("X: a surprise beside a passing miss", (9, 0, None, 0), [0, 0, 1, 0]),
        ("X: all sensors given up", (None, None, None, None), [3, 3, 3, 3]),
        ("silence: misses that do not count yet", (None, None, None, None), [2, 2, 2, 2]),
    ]
    n = 0
    for n, (what, steps, missed) in enumerate(cases):
        yield decision(n, what, state, near(site, state, 0, *steps), missed)
    at_limit: Samples = [
        int(x) + channel.tol for x, channel in zip(state.value[0], site.channels, strict=True)
    ]
    yield decision(n + 7, "silence: exactly at the tolerance", state, at_limit, [0] * 4)
    beyond: Samples = [at_limit[0], _shifted(at_limit[1], 1), *at_limit[2:]]
    yield decision(n + 8, "S: one unit beyond the tolerance", state, beyond, [0] * 4)
    due = state.copy()
    due.last_report[0] = state.phase + 1 - site.heartbeat
    still = near(site, state, 0, 0, 0, 0, 0)
    yield decision(n + 1, "S: heartbeat", due, still, [0] * 4)
    yield decision(n + 2, "X: heartbeat during misses", due, [still[0], None, None, None],
                    [0, 1, 2, 1])  # fmt: skip
    fresh = State.initial(site, state.phase)
    yield decision(n + 3, "X: first report, no rain gauge", fresh, [*still[:3], None],
                    [0, 0, 0, 3])  # fmt: skip
    partial = state.copy()
    for field in (partial.value, partial.last, partial.slow):
        field[0, 1] = 0
    partial.absent[0, 1] = True
    yield decision(n + 4, "S: the bits of an absent primary are 0", partial,
                    [_shifted(still[0], 5 * 16384), None, still[2], still[3]],
                    [0, 9, 0, 0])  # fmt: skip
    yield decision(n + 5, "X: an absent sensor comes back", partial, still, [0] * 4)
    yield decision(n + 6, "X: introduction after a start, nothing surprising", state, still,
                    [0] * 4, introduce=True)  # fmt: skip


def _shifted(x: int | None, by: int) -> int | None:
    """A sample moved by *by*."""
    return None if x is None else x + by


def opening(
    vector_id: str,
    what: str,
    state: State,
    p: int,
    frame: bytes,
    *,
    all_windows: bool,
    name: str = "twelve",
    spec: str = "6.1",
) -> Json:
    """What a receiver makes of a frame as member 0's: a report, and an echo, or an error."""
    site = SITES[name]
    fields: Json = {
        "site": name,
        "key_hex": KEY.hex(),
        "state": state_to_json(state),
        "member": 0,
        "phase": p,
        "all_windows": all_windows,
        "frame_hex": frame.hex(),
    }
    try:
        opened = open_report(site, KEY, p, 0, state, frame, all_windows=all_windows)
    except RefusedError as refused:
        fields["error"] = str(refused.reason)
    else:
        fields |= {
            "report": report_to_json(opened.report),
            "digest_bit": opened.digest_bit,
        }
        if site.echo:
            fields["echo"] = echo_to_json(opened.echo)
    return vector(vector_id, "open", what, spec, **fields)


def _windows(site: RefSite, state: State) -> Iterator[Json]:
    chosen = choose_report(site, state, 0, near(site, state, 0, 5, 0, 0, 0), [0] * 4)
    if chosen is None:
        raise AssertionError("a surprise of five steps must be reported")
    form, report = chosen
    p = state.phase + 1
    frame = seal_report(site, KEY, p, form, report, 1)
    for n, (what, shift, all_windows) in enumerate((
        ("same prediction", (0, 0, 0), False),
        ("within the first window", (15, -15, 3), False),
        ("one window off, first window only", (20, 0, 0), False),
        ("one window off", (20, 0, 0), True),
        ("one window off in all, both ways", (40, -40, 40), True),
        ("two windows off", (49, 0, 0), True),
    )):  # fmt: skip
        mine = state.copy()
        for c, d in enumerate(shift):
            mine.value[0, c] = (report.k[c] + d) * site.channels[c].step
        yield opening(f"open-{n:03}", what, mine, p, frame, all_windows=all_windows)


def _refused(site: RefSite, state: State) -> Iterator[Json]:
    p = state.phase + 1
    ccm = AESCCM(era_key(KEY, site.field_id, site.era_of(p)), tag_length=4)
    iv = nonce(site, p, site.members[0].id, 1)
    k = [predicted_k(site, state, 0, c) for c in range(4)]

    def packed(*fields: tuple[int, int]) -> int:
        total = at = 0
        for value, width in fields:
            total |= (value & (1 << width) - 1) << at
            at += width
        return total

    s = packed((0, 1), (k[0], 5), (k[1], 5), (k[2], 5))
    m = packed((0, 1), (k[0], 10), (k[1], 10), (k[2], 10))
    r = packed((0, 1), (k[0], 5), (k[1], 5), (k[2], 5), (k[3], 8))
    x1 = packed((0, 1), (1, 4), (0, 4), (k[0], 16))
    overlap = packed((0, 1), (1, 4), (1, 4), (k[0], 16))
    too_many = packed((0, 1), (15, 4), (0, 4), (k[0], 16))

    def sealed(payload: int, n_bytes: int, included: int, absent: int, ks: list[int]) -> bytes:
        data = associated_data(n_bytes, included, absent, ks)
        return ccm.encrypt(iv, payload.to_bytes(n_bytes, "little"), data)

    good = sealed(s, 2, 7, 0, k[:3])
    cases = [
        ("M: the unused bit 31 is set", sealed(m | 1 << 31, 4, 7, 0, k[:3])),
        ("X: an unused bit is set", sealed(x1 | 1 << 25, 5, 1, 0, k[:1])),
        ("X: the masks overlap", sealed(overlap, 5, 1, 1, k[:1])),
        ("X: the mask calls for another length", sealed(too_many, 5, 15, 0, k[:1])),
        ("the tag covers another k", sealed(s, 2, 7, 0, [k[0] + 1, *k[1:3]])),
        ("the tag covers another absent mask", sealed(s, 2, 7, 8, k[:3])),
        ("the tag covers another length", sealed(s, 2, 7, 0, k[:3])[:2] + bytes(5)),
        ("one bit of the tag flipped", good[:-1] + bytes([good[-1] ^ 1])),
        ("one bit of the ciphertext flipped", bytes([good[0] ^ 2]) + good[1:]),
        ("one byte short", good[:-1]),
        ("empty", b""),
        ("no form has 15 bytes", good + bytes(9)),
    ]
    n = 0
    for n, (what, frame) in enumerate(cases, 6):
        yield opening(f"open-{n:03}", what, state, p, frame, all_windows=True)
    yield opening(f"open-{n + 1:03}", "valid, of the next own phase", state, p + 4, good,
                   all_windows=True)  # fmt: skip
    no_rain = state.copy()
    no_rain.absent[0, 3] = True
    for field in (no_rain.value, no_rain.last, no_rain.slow):
        field[0, 3] = 0
    yield opening(f"open-{n + 2:03}", "R from a member without rain gauge", no_rain, p,
                   sealed(r, 3, 15, 0, k), all_windows=True)  # fmt: skip
    no_rh = state.copy()
    no_rh.absent[0, 1] = True
    yield opening(f"open-{n + 3:03}", "S: bits of an absent primary are set", no_rh, p,
                   sealed(s | 1 << 6, 2, 5, 2, [k[0], k[2]]), all_windows=True)  # fmt: skip
