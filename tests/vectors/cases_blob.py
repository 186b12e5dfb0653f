# SPDX-License-Identifier: Apache-2.0
"""Vectors of the checkpoint blob, valid and invalid (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterator

from qres.reference import RefusedError, State, bfp, blob_decode, blob_encode, digest
from tests.vectors.as_json import Json, state_to_json, vector
from tests.vectors.cases_fire_blob import fire_blobs
from tests.vectors.cases_fold import DAY, SITES
from tests.vectors.fields import run_field

__all__ = ["blob_vectors"]


def _snapshot(name: str, n_phases: int, seed: int, lose: int = 40) -> State:
    """The state at the midnight before day DAY of a plausible field."""
    site = SITES[name]
    start = State.initial(site, DAY * site.phases_per_day - 1 - n_phases)
    return run_field(site, start, n_phases, seed, lose=lose)[-1][1]


def _blob(n: int, what: str, name: str, blob: bytes) -> Json:
    """What a decoder makes of a blob."""
    fields: Json = {"site": name, "era": DAY, "blob_hex": blob.hex()}
    try:
        state = blob_decode(SITES[name], blob, DAY)
    except RefusedError as refused:
        fields["error"] = str(refused.reason)
    else:
        fields |= {"state": state_to_json(state), "digest": digest(state)}
        again = blob_encode(SITES[name], state)
        if again != blob:
            fields["again_hex"] = again.hex()
    return vector(f"blob-{n:03}", "blob", what, "7", **fields)


def blob_vectors() -> Iterator[Json]:
    """All vectors of blob.json."""
    regular = _snapshot("twelve", 16, 1, 10**6)
    capped = regular.copy()
    capped.e[0], capped.q[0] = bfp([15_938_355, 15_938_355, 0, 0])
    stale = regular.copy()
    stale.last_report[3] = 0
    empty = State.initial(SITES["tiny"], DAY * 96 - 1)
    good = blob_encode(SITES["tiny"], _snapshot("tiny", 8, 2, 10**6))
    cases = [
        ("all present", "twelve", blob_encode(SITES["twelve"], regular)),
        ("weights at their clip of 0.95", "twelve", blob_encode(SITES["twelve"], capped)),
        ("one member stale", "twelve", blob_encode(SITES["twelve"], stale)),
        ("sensors lost", "twelve", blob_encode(SITES["twelve"], _snapshot("twelve", 16, 3, 4))),
        ("nothing known of anybody", "tiny", blob_encode(SITES["tiny"], empty)),
        ("four members, one channel", "tiny", good),
        ("the same by hand: all at 20", "tiny", _tiny()),
        ("the widest differences", "tiny", _tiny(kmin=-32_768, width=16, diffs=(0, 65_535, 1, 2))),
        ("class strict", "thirty", blob_encode(SITES["thirty"], _snapshot("thirty", 12, 4))),
        ("class coarse", "coarse", blob_encode(SITES["coarse"], _snapshot("coarse", 30, 5))),
    ]
    cases += [(what, "tiny", blob) for what, blob in _invalid(good)]
    cases += fire_blobs()
    for n, (what, name, blob) in enumerate(cases):
        yield _blob(n, what, name, blob)


def _invalid(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Blobs of the site "tiny" that break one rule each."""
    yield "empty", b""
    yield "wire version 2", b"\2" + good[1:]
    yield "wire version 0", b"\0" + good[1:]
    yield "one byte short", good[:-1]
    yield "one byte long", good + b"\0"
    yield "exponent 13", _tiny(e=13)
    yield "first weight below 0", _tiny(q=(-1, 0, 0, 0))
    yield "second weight above 0.95", _tiny(e=10, q=(0, 15_566, 0, 0))
    yield "third weight below -2", _tiny(e=11, q=(0, 0, -16_385, 0))
    yield "width 18", _tiny(width=18)
    yield "k outside int16", _tiny(kmin=32_767, width=1, diffs=(0, 0, 0, 1))
    yield "slow / (4 * step) outside int16", _tiny(kmin=32_767, dmin=32_767)
    yield "a pad bit is set", _tiny(pad=1)


def _tiny(
    *,
    e: int = 0,
    q: tuple[int, int, int, int] = (0, 0, 0, 0),
    kmin: int = 80,
    width: int = 0,
    diffs: tuple[int, int, int, int] = (0, 0, 0, 0),
    dmin: int = 0,
    pad: int = 0,
) -> bytes:
    """A blob of the site "tiny", field by field as SPEC 7 lists them; valid as it stands."""
    fields = [(1, 8), (e, 4), *((x, 16) for x in q), (0, 16), (0, 1)]
    fields += [(kmin, 16), (width, 5), *((d, width) for d in diffs), (dmin, 16), (0, 5)]
    total = at = 0
    for value, size in fields:
        total |= (value & (1 << size) - 1) << at
        at += size
    n_bytes = -(-at // 8)
    if pad:
        total |= 1 << (8 * n_bytes - 1)
    return total.to_bytes(n_bytes, "little")
