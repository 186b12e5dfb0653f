/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic that the lx106's libgcc of Debian lacks: division, and all of 64 bits, by shifts and
 * additions of 32-bit halves.
 */
#include <stdint.h>

uint64_t __ashldi3(uint64_t x, int n);
uint64_t __lshrdi3(uint64_t x, int n);
int64_t __ashrdi3(int64_t x, int n);
uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __udivdi3(uint64_t a, uint64_t b);
uint64_t __umoddi3(uint64_t a, uint64_t b);
int64_t __divdi3(int64_t a, int64_t b);
int64_t __moddi3(int64_t a, int64_t b);
uint32_t __udivsi3(uint32_t a, uint32_t b);
uint32_t __umodsi3(uint32_t a, uint32_t b);
int32_t __divsi3(int32_t a, int32_t b);

typedef union {
    uint64_t all;
    struct {
        uint32_t low, high; /* lx106 is little-endian */
    } half;
} parts;

uint64_t __ashldi3(uint64_t x, int n)
{
    parts p;
    p.all = x;
    if (n >= 32) {
        p.half.high = p.half.low << (n - 32);
        p.half.low = 0;
    } else if (n > 0) {
        p.half.high = p.half.high << n | p.half.low >> (32 - n);
        p.half.low <<= n;
    }
    return p.all;
}

uint64_t __lshrdi3(uint64_t x, int n)
{
    parts p;
    p.all = x;
    if (n >= 32) {
        p.half.low = p.half.high >> (n - 32);
        p.half.high = 0;
    } else if (n > 0) {
        p.half.low = p.half.low >> n | p.half.high << (32 - n);
        p.half.high >>= n;
    }
    return p.all;
}

int64_t __ashrdi3(int64_t x, int n)
{
    uint64_t sign = x < 0 ? ~__lshrdi3(UINT64_MAX, n) : 0;
    return (int64_t)(__lshrdi3((uint64_t)x, n) | (n == 0 ? 0 : sign));
}

/* 32 x 32 to 64 bits, by halves of 16. */
static uint32_t multiply(uint32_t a, uint32_t b, uint32_t *high)
{
    uint32_t ll = (a & 0xffffu) * (b & 0xffffu);
    uint32_t lh = (a & 0xffffu) * (b >> 16);
    uint32_t hl = (a >> 16) * (b & 0xffffu);
    uint32_t middle = (ll >> 16) + (lh & 0xffffu) + (hl & 0xffffu);
    *high = (a >> 16) * (b >> 16) + (lh >> 16) + (hl >> 16) + (middle >> 16);
    return (ll & 0xffffu) | middle << 16;
}

uint64_t __muldi3(uint64_t a, uint64_t b)
{
    parts x;
    parts y;
    parts r;
    x.all = a;
    y.all = b;
    r.half.low = multiply(x.half.low, y.half.low, &r.half.high);
    r.half.high += x.half.low * y.half.high + x.half.high * y.half.low;
    return r.all;
}

/* By halves, and from the dividend's first bit on: this is where the time of a run goes. */
static uint64_t divide(uint64_t a, uint64_t b, uint64_t *rest)
{
    parts from; /* what is left of a, its next bit on top; the quotient comes in from below */
    parts r;
    int bits = 64;
    from.all = a;
    r.all = 0;
    if (from.half.high == 0) {
        from.half.high = from.half.low;
        from.half.low = 0;
        bits = 32;
    }
    for (; bits > 0; bits--) {
        r.half.high = r.half.high << 1 | r.half.low >> 31;
        r.half.low = r.half.low << 1 | from.half.high >> 31;
        from.half.high = from.half.high << 1 | from.half.low >> 31;
        from.half.low <<= 1;
        if (r.all >= b) {
            r.all -= b;
            from.half.low |= 1;
        }
    }
    *rest = r.all;
    return from.all;
}

uint64_t __udivdi3(uint64_t a, uint64_t b)
{
    uint64_t rest;
    return divide(a, b, &rest);
}

uint64_t __umoddi3(uint64_t a, uint64_t b)
{
    uint64_t rest;
    (void)divide(a, b, &rest);
    return rest;
}

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? (uint64_t)0 - (uint64_t)x : (uint64_t)x;
}

int64_t __divdi3(int64_t a, int64_t b)
{
    uint64_t rest;
    uint64_t q = divide(magnitude(a), magnitude(b), &rest);
    return (int64_t)((a < 0) != (b < 0) ? (uint64_t)0 - q : q);
}

int64_t __moddi3(int64_t a, int64_t b)
{
    uint64_t rest;
    (void)divide(magnitude(a), magnitude(b), &rest);
    return (int64_t)(a < 0 ? (uint64_t)0 - rest : rest);
}

uint32_t __udivsi3(uint32_t a, uint32_t b)
{
    return (uint32_t)__udivdi3(a, b);
}

uint32_t __umodsi3(uint32_t a, uint32_t b)
{
    return (uint32_t)__umoddi3(a, b);
}

int32_t __divsi3(int32_t a, int32_t b)
{
    return (int32_t)__divdi3(a, b);
}
