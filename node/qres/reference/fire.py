# SPDX-License-Identifier: Apache-2.0
"""
Fire weather in integers: powers and logarithms, vapour pressure, litter, spread (SPEC 5.5).

All numbers are Q16 unless it says otherwise. Inputs are bounded by `bounded_*` before they come
here. Sources: Van Wagner (1977) for the hourly FFMC, Van Wagner & Pickett (1985) for the ISI,
Tetens (1930) for the saturation pressure.
"""

from __future__ import annotations

from .fixed import clip, isqrt, rdiv, rsh
from .kernel import part_power

__all__ = [
    "FUEL_MAX",
    "bounded_rh",
    "bounded_temp",
    "bounded_wind",
    "equilibria",
    "ex2",
    "ffmc",
    "fuel_code",
    "fuel_of",
    "hour",
    "isi",
    "lg2",
    "mul",
    "pack",
    "pw",
    "unpack",
    "vpd",
    "wind_km_h",
]

ONE = 1 << 16
HUNDRED = 100 << 16
FUEL_MIN = 4_096
FUEL_MAX = 250 << 16
FUEL_CODE_MAX = 766
SOAKED = 150 << 16
RAIN_MAX = HUNDRED

_LOGS = (
    0, 2909, 5732, 8473, 11136, 13727, 16248, 18704, 21098, 23433, 25711, 27936, 30109, 32234,
    34312, 36346, 38336, 40286, 42196, 44068, 45904, 47705, 49472, 51207, 52911, 54584, 56229,
    57845, 59434, 60997, 62534, 64047, 65536,
)  # fmt: skip
"""L of SPEC 5.5: round(65536 * log2(1 + i/32)), i = 0..32."""


def mul(a: int, c: int) -> int:
    """*a* times the Q24 number *c*."""
    return rsh(a * c, 24)


def ex2(y: int) -> int:
    """
    2^y. At most 30 octaves down; below that 0.

    >>> ex2(0), ex2(65536), ex2(-32768), ex2(-31 * 65536)
    (65536, 131072, 46341, 0)
    """
    n = -y >> 16
    t = part_power(-y - ONE * n)
    if n < 0:
        return t << -n
    return 0 if n > 30 else rsh(t, n)


def lg2(x: int) -> int:
    """
    log2(x) for x >= 1 (2^-16).

    >>> lg2(65536), lg2(1), lg2(3 * 65536)
    (0, -1048576, 103872)
    """
    n = x.bit_length() - 1
    v = (x << 16 >> n) - ONE
    i = v >> 11
    return (n - 16) * ONE + _LOGS[i] + rsh((_LOGS[i + 1] - _LOGS[i]) * (v & 0x7FF), 11)


def pw(x: int, a: int) -> int:
    """*x* to the Q24 power *a*; 0 counts as 2^-16."""
    return ex2(mul(lg2(max(x, 1)), a))


# ---- inputs


def bounded_temp(value: int) -> int:
    """Air temperature as it enters. [degC] -60..85"""
    return clip(value, -60 << 16, 85 << 16)


def bounded_rh(value: int) -> int:
    """Relative humidity as it enters. [%] 0..100"""
    return clip(value, 0, HUNDRED)


def bounded_wind(value: int) -> int:
    """Wind as it enters. [m/s] 0..75"""
    return clip(value, 0, 75 << 16)


def wind_km_h(wind: int) -> int:
    """V: bounded wind [m/s] in km/h, 0..270."""
    return mul(wind, 60_397_978)


# ---- weather and fuel


def vpd(temp: int, rh: int) -> int:
    """Vapour pressure deficit. [kPa] 0..58.1"""
    es = rsh(40_023 * ex2(rdiv(1_632_794 * temp, 15_551_693 + temp)), 16)
    return rdiv(es * (HUNDRED - rh), HUNDRED)


def ffmc(fuel: int) -> int:
    """Fine Fuel Moisture Code 0..101 of a moisture of litter [%]."""
    return clip(rdiv(3_899_392 * (FUEL_MAX - fuel), 9_651_961 + fuel), 0, 101 << 16)


def isi(fuel: int, v: int) -> int:
    """
    Initial Spread Index; wind above 100 km/h counts as that.

    Args:
        fuel: Moisture of litter. [%] 0.0625..250
        v: Wind. [km/h]
    """
    y = mul(min(v, HUNDRED), 1_219_660) - mul(fuel, 3_354_731)
    return rsh(1_252_734 * (ex2(y) + ex2(y + mul(lg2(fuel), 89_087_017) - 1_674_778)), 16)


def _wetted(m: int, rain: int) -> int:
    """Moisture [%] after *rain* [mm] above 0."""
    r = min(rain, RAIN_MAX)
    a = ex2(-rdiv(9_454_846 * ONE, (251 << 16) - m))
    b = ONE - ex2(-rdiv(655_221 * ONE, r))
    gain = rsh(rsh(rsh(2_785_280 * r, 16) * a, 16) * b, 16)
    if m > SOAKED:
        d = m - SOAKED
        gain += rsh(mul(rsh(d * d, 16), 25_166) * isqrt(r * ONE), 16)
    return min(m + gain, FUEL_MAX)


def equilibria(temp: int, rh: int) -> tuple[int, int]:
    """Ed and Ew: moisture [%] that litter dries to, and that it takes up water to."""
    c = rsh(mul(1_382_810 - temp, 3_019_899) * (ONE - ex2(-mul(rh, 2_783_507))), 16)
    b = ex2(mul(rh - HUNDRED, 2_420_441))
    dry = mul(pw(rh, 11_391_730), 15_804_137) + 11 * b + c
    return dry, min(dry, mul(pw(rh, 12_633_244), 10_368_319) + 10 * b + c)


def hour(fuel: int, temp: int, rh: int, v: int, rain: int) -> int:
    """
    Moisture of litter after an hour. [%] 0.0625..250

    Args:
        fuel: Moisture before. [%] 0.0625..250
        temp: Bounded temperature. [degC]
        rh: Bounded humidity. [%]
        v: Wind. [km/h] 0..270
        rain: Rain of the hour, 0 or more. [mm]
    """
    m = _wetted(fuel, rain) if rain > 0 else fuel
    dry, wet = equilibria(temp, rh)
    if m > dry:
        goal, x = dry, rdiv(rh, 100)
    elif m < wet:
        goal, x = wet, ONE - rdiv(rh, 100)
    else:
        return clip(m, FUEL_MIN, FUEL_MAX)
    x8 = x
    for _ in range(3):
        x8 = rsh(x8 * x8, 16)
    f = mul(ONE - pw(x, 28_521_267), 7_113_540)
    f += rsh(mul(isqrt(v * ONE), 1_164_339) * (ONE - x8), 16)
    k = rsh(mul(ex2(mul(temp, 883_461)), 3_226_924) * f, 16)
    return clip(goal + rsh((m - goal) * ex2(-k), 16), FUEL_MIN, FUEL_MAX)


# ---- SPEC 5.3: few bits for many sizes


def pack(x: int) -> int:
    """A number above 0 in sixteenths of an octave, 1..255; 128 is 1."""
    return clip(rsh(lg2(x), 12) + 128, 1, 255)


def unpack(code: int) -> int:
    """
    The number of a code 1..255.

    >>> unpack(128), unpack(pack(98304))
    (65536, 96786)
    """
    return ex2((code - 128) * 4096)


def fuel_code(fuel: int) -> int:
    """Moisture of litter in 64ths of an octave, 0..766; 256 is 1 %."""
    return clip(rsh(lg2(fuel), 10) + 256, 0, FUEL_CODE_MAX)


def fuel_of(code: int) -> int:
    """Moisture of litter of a code 0..766. [%]"""
    return min(ex2((code - 256) * 1024), FUEL_MAX)
