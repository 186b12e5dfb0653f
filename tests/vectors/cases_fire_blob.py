# SPDX-License-Identifier: Apache-2.0
"""Checkpoint blobs with fire weather: at the ends of their fields, and invalid (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["fire_blobs"]

SITE = "bare"
"""Two channels, temperature and humidity; five members."""

Fields = list[tuple[int, int]]


def fire_blobs() -> Iterator[tuple[str, str, bytes]]:
    """What, site and bytes of each blob."""
    for what, blob in _valid():
        yield what, SITE, blob
    for what, blob in _invalid():
        yield what, SITE, blob


def _valid() -> Iterator[tuple[str, bytes]]:
    yield "fire by hand: as at start", _bare()
    yield (
        "fire: all fields at their least",
        _bare(days=0, usual=(-2048,) * 8, packed=(1,) * 16, rare=(1,) * 6, least=0),
    )
    yield (
        "fire: all fields at their greatest",
        _bare(
            days=255,
            regime=2,
            lull=5,
            usual=(2047,) * 8,
            packed=(255,) * 16,
            rare=(32_768,) * 6,
            least=766,
        ),
    )
    yield (
        "fire: each number its own",
        _bare(
            days=9,
            regime=1,
            lull=3,
            usual=(-3, -2, -1, 0, 1, 2, 3, 4),
            packed=tuple(range(5, 246, 16)),
            rare=(512, 777, 1234, 4096, 16_385, 32_767),
            least=300,
            width=9,
            diffs=(0, 1, 255, 256, 466),
        ),
    )
    yield "fire: rare levels out of order", _bare(rare=(4000, 3000, 2000) * 2)
    yield "fire: a width larger than needed", _bare(width=10)


def _invalid() -> Iterator[tuple[str, bytes]]:
    yield "fire: regime 3", _bare(regime=3)
    yield "fire: lull 6", _bare(lull=6)
    yield "fire: lull 7", _bare(lull=7)
    yield "fire: spread packed as 0", _bare(packed=(0, *(128,) * 15))
    yield "fire: apart packed as 0", _bare(packed=(*(128,) * 15, 0))
    yield "fire: a rare level of 0", _bare(rare=(0, 2, 3, 4, 5, 6))
    yield "fire: a rare level above 32", _bare(rare=(1, 2, 3, 4, 5, 32_769))
    yield "fire: width of fuel 11", _bare(width=11)
    yield "fire: code 767 of fuel", _bare(least=766, width=1, diffs=(0, 0, 1, 0, 0))
    yield "fire: code 1024 of fuel", _bare(least=1023, width=1, diffs=(0, 0, 1, 0, 0))
    yield "fire: a pad bit is set", _bare(pad=1)
    yield "fire: none", _bare(fire=False)
    yield "fire: one byte short", _bare()[:-1]
    yield "fire: one byte long", _bare() + b"\0"


def _bare(
    *,
    fire: bool = True,
    days: int = 0,
    regime: int = 0,
    lull: int = 0,
    usual: tuple[int, ...] = (0,) * 8,
    packed: tuple[int, ...] = (128,) * 16,
    rare: tuple[int, ...] = (1536, 3072, 4608, 2560, 6144, 10_240),
    least: int = 514,
    width: int = 0,
    diffs: tuple[int, ...] = (0,) * 5,
    pad: int = 0,
) -> bytes:
    """A blob of the site "bare", field by field as SPEC 7 lists them; valid as it stands."""
    fields: Fields = [(1, 8)]
    fields += [(0, 4 + 4 * 16 + 16)] * 2 + [(0, 1)]
    fields += [(80, 16), (0, 5), (0, 16), (0, 5)] * 2
    if fire:
        fields += [(days, 8), (regime, 2), (lull, 3)]
        fields += [(x, 12) for x in usual]
        fields += [(x, 8) for x in packed]
        fields += [(x, 16) for x in rare]
        fields += [(least, 10), (width, 4), *((d, width) for d in diffs)]
    total = at = 0
    for value, size in fields:
        total |= (value & (1 << size) - 1) << at
        at += size
    n_bytes = -(-at // 8)
    if pad:
        total |= 1 << (8 * n_bytes - 1)
    return total.to_bytes(n_bytes, "little")
