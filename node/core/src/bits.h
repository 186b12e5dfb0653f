/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bits.h - bit fields, LSB first, over a byte buffer (SPEC 1).
 */
#ifndef QRES_BITS_H
#define QRES_BITS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data;
    size_t cap;      /* [bytes] */
    size_t at;       /* [bits] */
    int overrun;     /* 1 once a field did not fit; nothing is written beyond cap */
} bit_writer;

typedef struct {
    const uint8_t *data;
    size_t len;      /* [bytes] */
    size_t at;       /* [bits] */
    int overrun;     /* 1 once a field lay beyond the end; such fields read as 0 */
} bit_reader;

/* How many bits a number needs. */
static inline uint32_t bit_length(uint32_t x)
{
    uint32_t n = 0;
    for (; x != 0; x >>= 1) {
        n++;
    }
    return n;
}

/* Append the low `n` bits (0..32) of `x`. The buffer starts zeroed. */
static inline void bits_put(bit_writer *w, uint32_t x, uint32_t n)
{
    if (w->at + n > 8 * w->cap) {
        w->overrun = 1;
        return;
    }
    for (uint32_t i = 0; i < n; i++, w->at++) {
        if ((x >> i) & 1u) {
            w->data[w->at / 8] = (uint8_t)(w->data[w->at / 8] | 1u << (w->at % 8));
        }
    }
}

/* The next `n` bits (0..32), unsigned. */
static inline uint32_t bits_get(bit_reader *r, uint32_t n)
{
    uint32_t x = 0;
    if (r->at + n > 8 * r->len) {
        r->overrun = 1;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++, r->at++) {
        x |= (uint32_t)((r->data[r->at / 8] >> (r->at % 8)) & 1u) << i;
    }
    return x;
}

/* The next 16 bits as a signed number. */
static inline int32_t bits_get_s16(bit_reader *r)
{
    uint32_t x = bits_get(r, 16);
    return (int32_t)x - (x >= 32768u ? 65536 : 0);
}

#endif /* QRES_BITS_H */
