# SPDX-License-Identifier: Apache-2.0
"""Fragments of a checkpoint: any K of the K + R restore it; who sends which when (SPEC 6.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from .reasons import Reason, RefusedError
from .site import RefSite
from .state import State

__all__ = [
    "BLOB_MAX",
    "beacon_sender",
    "cut",
    "fragment_number",
    "fragment_shape",
    "gf_div",
    "gf_mul",
    "join",
    "scribe_of",
    "stride",
]

BLOB_MAX = 2816
DATA_MAX = 44


def gf_mul(a: int, b: int) -> int:
    """
    Product in GF(256) with the polynomial 0x11D, SPEC 6.4.

    >>> hex(gf_mul(0x80, 2))
    '0x1d'
    """
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product


_INVERSE = [0] * 256
for _a in range(1, 256):
    if not _INVERSE[_a]:
        _b = next(b for b in range(1, 256) if gf_mul(_a, b) == 1)
        _INVERSE[_a], _INVERSE[_b] = _b, _a


def gf_div(a: int, b: int) -> int:
    """Quotient in GF(256), *b* not 0."""
    if b == 0:
        raise ZeroDivisionError("b = 0: must not be 0")
    return gf_mul(a, _INVERSE[b])


def fragment_shape(blob_bytes: int) -> tuple[int, int, int]:
    """
    K source fragments, R parity fragments and D bytes in each, SPEC 6.4.

    Raises:
        RefusedError: The blob would be empty or longer than 2816 B (BLOB).
    """
    if not 1 <= blob_bytes <= BLOB_MAX:
        raise RefusedError(Reason.BLOB, f"blob of {blob_bytes} B: must have 1..{BLOB_MAX}")
    k = -(-blob_bytes // DATA_MAX)
    return k, 2 + -(-k // 4), -(-blob_bytes // k)


def _row(number: int, k: int) -> bytes:
    """How fragment *number* is composed of the K source fragments: their factors."""
    if number < k:
        return bytes(j == number for j in range(k))
    return bytes(gf_div(1, (128 + number - k) ^ j) for j in range(k))


@lru_cache(maxsize=256)
def _times(factor: int) -> bytes:
    """All 256 products with *factor*, as a table for `bytes.translate`."""
    return bytes(gf_mul(x, factor) for x in range(256))


def _combine(factors: Iterable[int], pieces: list[bytes]) -> bytes:
    """Sum of *pieces*, each times its factor."""
    total = 0
    for factor, piece in zip(factors, pieces, strict=True):
        total ^= int.from_bytes(piece.translate(_times(factor)), "little")
    return total.to_bytes(len(pieces[0]), "little")


def cut(blob: bytes) -> list[bytes]:
    """The K + R fragments of a blob, SPEC 6.4."""
    k, r, d = fragment_shape(len(blob))
    padded = blob.ljust(k * d, b"\0")
    source = [padded[j * d : (j + 1) * d] for j in range(k)]
    return source + [_combine(_row(k + i, k), source) for i in range(r)]


def join(blob_bytes: int, fragments: Mapping[int, bytes]) -> bytes:
    """
    The blob from K or more of its fragments, SPEC 6.4.

    Args:
        blob_bytes: Length of the blob. [B]
        fragments: Data by number; the K lowest numbers are used.

    Raises:
        RefusedError: Fewer than K fragments (BLOB).
    """
    k, _, _ = fragment_shape(blob_bytes)
    numbers = sorted(fragments)[:k]
    if len(numbers) < k:
        raise RefusedError(Reason.BLOB, f"{len(numbers)} fragments: {k} are needed")
    # Gauss-Jordan: turn the rows into the unit matrix, doing the same to the data.
    rows = [_row(j, k) for j in numbers]
    data = [fragments[j] for j in numbers]
    for i in range(k):
        pivot = next(j for j in range(i, k) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        data[i], data[pivot] = data[pivot], data[i]
        scale = gf_div(1, rows[i][i])
        rows[i] = _combine([scale], [rows[i]])
        data[i] = _combine([scale], [data[i]])
        for j in range(k):
            factor = rows[j][i]
            if j != i and factor:
                rows[j] = _combine([1, factor], [rows[j], rows[i]])
                data[j] = _combine([1, factor], [data[j], data[i]])
    return b"".join(data)[:blob_bytes]


# ---- who sends what in the common slot, SPEC 6.3 and 6.4


def beacon_sender(site: RefSite, p: int) -> int | None:
    """Index of the member that sends the BEACON of phase *p*; None if there is none, SPEC 6.3."""
    every = site.beacon_every
    return None if p % every else p // every % site.n_members


def scribe_of(site: RefSite, snapshot: State, era: int) -> int | None:
    """Index of the member that sends the CHECKPOINT of *era*, SPEC 6.4; None if all are stale."""
    order = [(era + i) % site.n_members for i in range(site.n_members)]
    return next((i for i in order if snapshot.last_report[i]), None)


def _quiet_phases(site: RefSite, start: int, stop: int) -> int:
    """How many of the phases *start*..*stop* - 1 have no beacon."""
    every = site.beacon_every
    return stop - start - (-(-stop // every) - -(-start // every))


def stride(site: RefSite, era: int, n_fragments: int) -> int:
    """Non-beacon phases from fragment to fragment, SPEC 6.4."""
    quiet = _quiet_phases(site, site.era_start(era), site.era_start(era + 1))
    return max(1, min(site.beacon_every, quiet // (2 * n_fragments)))


def _start(site: RefSite, era: int, n_fragments: int, scribe: int) -> int:
    """Non-beacon phases of an era before the first fragment of a scribe, SPEC 6.4."""
    if (scribe - era) % site.n_members % 2 == 0:
        return 0
    step = stride(site, era, n_fragments)
    quiet = _quiet_phases(site, site.era_start(era), site.era_start(era + 1))
    return step // 2 if step > 1 else quiet // 2


def fragment_number(
    site: RefSite, p: int, n_fragments: int, scribe: int | None = None
) -> int | None:
    """
    Number of the fragment that goes into phase *p*; None if none does, SPEC 6.4.

    *scribe* is the index of the member that sends it; if not given, the era's own.
    """
    era = site.era_of(p)
    if p % site.beacon_every == 0:
        return None
    q = _quiet_phases(site, site.era_start(era), p)
    q -= 0 if scribe is None else _start(site, era, n_fragments, scribe)
    j, rest = divmod(q, stride(site, era, n_fragments))
    return j if rest == 0 and 0 <= j < n_fragments else None
