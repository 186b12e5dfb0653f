# SPDX-License-Identifier: Apache-2.0
"""The reference's integers against exact fractions and floating point (SPEC 1, 3, 4, 5.1)."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.reference import (
    airtime_us,
    bfp,
    fire_channels,
    gf_div,
    gf_mul,
    hash32,
    isqrt,
    kernel_q16,
    rdiv,
    rsh,
    season,
    solve,
)

INT50 = st.integers(-(2**50), 2**50)


def half_up(x: Fraction) -> int:
    """The rounding rule in exact arithmetic."""
    return math.floor(x + Fraction(1, 2))


@given(INT50, st.integers(1, 40))
def test_rsh_rounds_half_up(x: int, n: int) -> None:
    """A right shift is the exact quotient rounded half up, also for negative numbers."""
    assert rsh(x, n) == half_up(Fraction(x, 2**n))


@given(INT50, st.integers(1, 2**31))
def test_rdiv_rounds_half_up(a: int, b: int) -> None:
    """A division is the exact quotient rounded half up, also for negative numbers."""
    assert rdiv(a, b) == half_up(Fraction(a, b))


@given(st.lists(INT50, min_size=1, max_size=9), st.integers(1, 2**31), st.integers(1, 40))
def test_arrays_round_as_numbers(xs: list[int], b: int, n: int) -> None:
    """The rounding rules give the same for an array as for each of its numbers."""
    array = np.array(xs, dtype=np.int64)
    assert rsh(array, n).tolist() == [rsh(x, n) for x in xs]
    assert rdiv(array, b).tolist() == [rdiv(x, b) for x in xs]


def test_rdiv_refuses_other_divisors() -> None:
    """The rule is stated for divisors above 0 only."""
    with pytest.raises(ValueError, match="b = 0: must be above 0"):
        rdiv(1, 0)


@given(st.integers(0, 2**50))
def test_isqrt_is_the_floor(x: int) -> None:
    """The square of the root is not above x, that of the next number is."""
    root = isqrt(x)
    assert root * root <= x < (root + 1) * (root + 1)


def test_hash_of_one_zero_by_hand() -> None:
    """One zero word: each step of SPEC 1.1 written out."""
    h = 0x51524553 * 0x9E3779B1 % 2**32
    h ^= h >> 15
    h ^= h >> 13
    h = h * 0x85EBCA6B % 2**32
    assert hash32([0]) == h ^ (h >> 16)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6), st.integers(0, 31), st.data())
def test_hash_notices_each_bit(words: list[int], bit: int, data: st.DataObject) -> None:
    """Another bit in any word changes the hash; a negative word is its two's complement."""
    assert hash32(words) == hash32([w % 2**32 for w in words])
    if words:
        i = data.draw(st.integers(0, len(words) - 1))
        changed = [*words[:i], words[i] ^ (1 << bit), *words[i + 1 :]]
        assert hash32(words) != hash32(changed)


@pytest.mark.parametrize(
    ("payload_bytes", "sf", "expected_us"),
    [
        (37, 7, 82_176),
        (37, 8, 143_872),
        (37, 9, 267_264),
        (37, 10, 493_568),
        (37, 11, 1_069_056),
        (37, 12, 1_974_272),
        (10, 7, 41_216),
        (10, 11, 577_536),
    ],
)
def test_airtime_of_known_frames(payload_bytes: int, sf: int, expected_us: int) -> None:
    """
    Airtimes at 125 kHz, 4/5, 8 symbols of preamble are those that others publish.

    Source: 37 B: the spreadsheet "Formulas taken from AN1200.13" of the LoRaWAN community,
    https://docs.google.com/spreadsheets/d/1eL1nHxMidIcIdDE_l-DoY3kmE2e8b0YpOBW64WnYxj8
    10 B: https://rfwireless-world.com/calculators/wireless-and-cellular/lorawan-airtime-calculator
    """
    got = airtime_us(payload_bytes, sf=sf, bw_hz=125_000, cr=1, preamble_symbols=8)
    assert got == expected_us


@given(st.integers(0, 1_000_000), st.integers(1000, 1_000_000))
def test_kernel_is_close_to_the_exponential(d_m: int, range_m: int) -> None:
    """
    The integer kernel is 65536 exp(-d/L), capped at 65535.

    Tolerance 6 of 65536: 3.9 from linear interpolation between powers 2^(-1/32) apart (second
    derivative (ln 2 / 32)^2 / 8 * 65536), 0.5 for each of table, interpolation and shift, and
    1 for the cap and for the 16-bit argument.
    """
    exact = 65536 * math.exp(-d_m / range_m)
    assert kernel_q16(d_m, range_m) == pytest.approx(exact, abs=6)


@given(st.integers(0, 65535))
def test_season_is_close_to_a_sine(x: int) -> None:
    """The parabola differs from a sine of the same height by at most 0.06 of it, and is odd."""
    assert season(x) == pytest.approx(65536 * math.sin(2 * math.pi * x / 65536), abs=0.06 * 65536)
    assert season((x + 32768) % 65536) == -season(x)


WEIGHT = st.integers(-33_554_432, 33_554_432)


@given(st.tuples(WEIGHT, WEIGHT, WEIGHT, WEIGHT))
def test_bfp_is_as_fine_as_16_bits_allow(w: tuple[int, int, int, int]) -> None:
    """Each weight comes back within half a unit of the exponent, which is as small as it can."""
    e, q = bfp(list(w))
    assert all(abs(x) <= 32767 for x in q)
    assert all(abs((x << e) - y) <= (1 << e) // 2 for x, y in zip(q, w, strict=True))
    assert e == 0 or any(abs(rsh(y, e - 1)) > 32767 for y in w)


def solve_by_the_book(a: list[list[int]], r: list[int]) -> list[int]:
    """SPEC 5.1 line by line, in loops: slower and plainer than the reference's own."""
    n, one = len(r), 1 << 24
    low = [[0] * n for _ in range(n)]
    v = [[0] * n for _ in range(n)]
    d = [0] * n
    for j in range(n):
        d[j] = rsh(a[j][j] * one - sum(v[j][k] * low[j][k] for k in range(j)), 24)
        for i in range(j + 1, n):
            v[i][j] = rsh(a[i][j] * one - sum(v[i][k] * low[j][k] for k in range(j)), 24)
            low[i][j] = rdiv(v[i][j] * one, d[j])
    z = [0] * n
    for i in range(n):
        z[i] = r[i] - rsh(sum(low[i][k] * z[k] for k in range(i)), 24)
    y = [rdiv(z[i] * one, d[i]) for i in range(n)]
    out = [0] * n
    for i in reversed(range(n)):
        out[i] = y[i] - rsh(sum(low[k][i] * out[k] for k in range(i + 1, n)), 24)
    return out


@st.composite
def systems(draw: st.DrawFn) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], list[int]]:
    """Matrices as commits make them: kernel of chance places, noise, surprises up to 8 tol."""
    n = draw(st.integers(1, 32))
    xy = draw(
        st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)), min_size=n, max_size=n)
    )
    rho = draw(st.integers(0, 65536))
    a = np.zeros((n, n), dtype=np.int64)
    for i, (xi, yi) in enumerate(xy):
        for j, (xj, yj) in enumerate(xy):
            d = isqrt((xi - xj) ** 2 + (yi - yj) ** 2)
            a[i, j] = rsh(rho * kernel_q16(d, 20_000), 8)
        a[i, i] = (1 << 24) + draw(st.sampled_from([838_861, 3_355_443]))
    surprise = st.integers(-8 * 655_360, 8 * 655_360)
    return a, draw(st.lists(surprise, min_size=n, max_size=n))


@given(systems())
def test_solve_follows_the_spec_and_the_real_solution(
    system: tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], list[int]],
) -> None:
    """
    The vectorised solution equals SPEC 5.1 done in loops, and floating point closely.

    Tolerance 1e-4 of the largest number plus 8 units: with noise of 0.05 the condition number is
    below 32 / 0.05 = 640; each of at most 3 * 32 roundings adds 2^-24 of the pivots' scale.
    """
    a, r = system
    got = solve(a, r)
    assert got == solve_by_the_book(a.tolist(), r)
    exact = np.linalg.solve(a / 2**24, np.array(r, dtype=np.float64))
    tolerance = 1e-4 * float(np.abs(exact).max()) + 8
    assert np.abs(np.array(got) - exact).max() <= tolerance


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_gf256_is_a_field(a: int, b: int, c: int) -> None:
    """Products commute, distribute over sums and can be undone."""
    assert gf_mul(a, b) == gf_mul(b, a)
    assert gf_mul(a, b ^ c) == gf_mul(a, b) ^ gf_mul(a, c)
    assert gf_mul(gf_mul(a, b), c) == gf_mul(a, gf_mul(b, c))
    if b:
        assert gf_div(gf_mul(a, b), b) == a
    with pytest.raises(ZeroDivisionError, match="b = 0"):
        gf_div(a, 0)


def test_fire_table_in_integers() -> None:
    """The table of SPEC 2.1 worked out by hand: 0.6 * 65536 = 39321.6, 0.2 * 65536 = 13107.2."""
    strict = fire_channels("strict")
    assert [c.tol for c in strict] == [39322, 196608, 32768, 32768]
    assert [c.step for c in strict] == [9831, 49152, 8192, 13107]
    assert [c.rho for c in strict] == [32768, 32768, 19661, 0]
    assert [c.flags for c in strict] == [7, 11, 15, 16]
    assert [c.w0 for c in strict[1:3]] == [(10066330, 0, 0, 0), (0, 3355443, 0, 0)]
