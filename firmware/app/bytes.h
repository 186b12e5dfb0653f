/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.h - little-endian integers in byte arrays, and the CRC of stored things.
 */
#ifndef QRES_APP_BYTES_H
#define QRES_APP_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void put16(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
}

static inline void put32(uint8_t *p, uint32_t x)
{
    put16(p, x);
    put16(p + 2, x >> 16);
}

static inline void put64(uint8_t *p, uint64_t x)
{
    put32(p, (uint32_t)x);
    put32(p + 4, (uint32_t)(x >> 32));
}

static inline uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static inline uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* Two's complement, without a conversion that C99 leaves to the compiler. */
static inline int32_t signed32(uint32_t x)
{
    return x <= INT32_MAX ? (int32_t)x : (int32_t)(x - 0x80000000u) + INT32_MIN;
}

/* CRC-32 of IEEE 802.3. `crc` is 0 at first, then the result so far. */
uint32_t crc32_more(uint32_t crc, const uint8_t *data, size_t len);

static inline uint32_t crc32_of(const uint8_t *data, size_t len)
{
    return crc32_more(0, data, len);
}

#endif /* QRES_APP_BYTES_H */
