/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixed.h - the arithmetic of SPEC 1: one rounding rule, no undefined shifts.
 */
#ifndef QRES_FIXED_H
#define QRES_FIXED_H

#include <stdint.h>

/* floor(x / 2^n), also where >> of a negative number is not arithmetic */
static inline int64_t fx_floor_shift(int64_t x, uint32_t n)
{
    return x >= 0 ? (int64_t)((uint64_t)x >> n) : ~(int64_t)((uint64_t)~x >> n);
}

/* rsh of SPEC 1: x / 2^n, half up; n = 0 leaves x */
static inline int64_t fx_rsh(int64_t x, uint32_t n)
{
    return n == 0 ? x : fx_floor_shift(x + ((int64_t)1 << (n - 1)), n);
}

/* rdiv of SPEC 1: a / b, half up; b > 0, |a| < 2^61, b < 2^31 */
static inline int64_t fx_rdiv(int64_t a, int64_t b)
{
    int64_t num = 2 * a + b;
    int64_t den = 2 * b;
    int64_t q = num / den;
    return q - (num % den < 0);
}

static inline int64_t fx_clip(int64_t x, int64_t lo, int64_t hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static inline int32_t fx_clip32(int64_t x, int64_t lo, int64_t hi)
{
    return (int32_t)fx_clip(x, lo, hi);
}

/* A value that may be beyond int32: k * step of a table with wide steps */
static inline int32_t fx_saturate(int64_t x)
{
    return fx_clip32(x, INT32_MIN, INT32_MAX);
}

static inline int16_t fx_clip16(int64_t x)
{
    return (int16_t)fx_clip(x, -32768, 32767);
}

/* Hash of SPEC 1.1. */
#define FX_HASH_START 0x51524553u

static inline uint32_t fx_mix(uint32_t h, uint32_t w)
{
    h = (h ^ w) * 0x9E3779B1u;
    return h ^ (h >> 15);
}

static inline uint32_t fx_fin(uint32_t h)
{
    h ^= h >> 13;
    h *= 0x85EBCA6Bu;
    return h ^ (h >> 16);
}

static inline void fx_put16(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
}

static inline void fx_put32(uint8_t *p, uint32_t x)
{
    fx_put16(p, x);
    fx_put16(p + 2, x >> 16);
}

static inline uint32_t fx_get16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t fx_get32(const uint8_t *p)
{
    return fx_get16(p) | fx_get16(p + 2) << 16;
}

/* Number of set bits of a mask of at most 8 bits. */
static inline uint32_t fx_count(uint32_t mask)
{
    uint32_t n = 0;
    for (; mask != 0; mask &= mask - 1) {
        n++;
    }
    return n;
}

#endif /* QRES_FIXED_H */
