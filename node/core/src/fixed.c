/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic with a table or a loop: square root, powers and logarithms of two (SPEC 1, 5.1, 5.5).
 */
#include "core.h"

#define LOG2E_Q16 94548u

/* round(65536 * 2^(-i/32)) */
static const uint32_t exp2_table[33] = {
    65536, 64132, 62757, 61413, 60097, 58809, 57549, 56316, 55109, 53928, 52773,
    51642, 50535, 49452, 48393, 47356, 46341, 45348, 44376, 43425, 42495, 41584,
    40693, 39821, 38968, 38133, 37316, 36516, 35734, 34968, 34219, 33486, 32768};

/* round(65536 * log2(1 + i/32)) */
static const int32_t log2_table[33] = {
    0,     2909,  5732,  8473,  11136, 13727, 16248, 18704, 21098, 23433, 25711,
    27936, 30109, 32234, 34312, 36346, 38336, 40286, 42196, 44068, 45904, 47705,
    49472, 51207, 52911, 54584, 56229, 57845, 59434, 60997, 62534, 64047, 65536};

int64_t qres_rsh(int64_t x, uint32_t n)
{
    return fx_rsh(x, n);
}

int64_t qres_rdiv(int64_t a, int64_t b)
{
    return fx_rdiv(a, b);
}

uint32_t qres_isqrt(uint64_t x)
{
    uint64_t root = 0;
    uint64_t bit = (uint64_t)1 << 62;
    while (bit > x) {
        bit >>= 2;
    }
    for (; bit != 0; bit >>= 2) {
        if (x >= root + bit) {
            x -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

/* 2^(-u / 65536) in Q16, 0 <= u < 65536. */
static uint32_t exp2_fraction(uint32_t u)
{
    uint32_t i = u >> 11;
    uint32_t v = u & 2047u;
    return exp2_table[i] - (((exp2_table[i] - exp2_table[i + 1]) * v + 1024u) >> 11);
}

uint32_t qres_kernel(uint32_t distance_m, uint32_t range_m)
{
    uint64_t y = (uint64_t)distance_m * LOG2E_Q16 / range_m;
    uint64_t n = y >> 16;
    uint32_t g;
    if (n > 16) {
        return 0;
    }
    g = (uint32_t)fx_rsh(exp2_fraction((uint32_t)(y & 65535u)), (uint32_t)n);
    return g > 65535u ? 65535u : g;
}

int64_t qres_ex2(int64_t y)
{
    int64_t n = fx_floor_shift(-y, 16);
    int64_t t = exp2_fraction((uint32_t)(-y - n * 65536));
    if (n < 0) {
        return t * ((int64_t)1 << (uint32_t)-n);
    }
    return n > 30 ? 0 : fx_rsh(t, (uint32_t)n);
}

int32_t qres_lg2(int64_t x)
{
    int32_t n = 0;
    int64_t v;
    int64_t i;
    while (x >> (n + 1) != 0) {
        n++;
    }
    v = (n >= 16 ? x >> (n - 16) : x * ((int64_t)1 << (16 - n))) - 65536;
    i = v >> 11;
    return (n - 16) * 65536 + log2_table[i]
           + (int32_t)fx_rsh((log2_table[i + 1] - log2_table[i]) * (v & 2047), 11);
}
