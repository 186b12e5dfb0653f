/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What compilers call on their own account, for machines without a C library.
 * Compile with -fno-tree-loop-distribute-patterns or -fno-builtin, or these call themselves.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);

void *memcpy(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((((uintptr_t)t | (uintptr_t)f) & 3u) == 0) {
        for (; len >= 4; len -= 4, t += 4, f += 4) {
            *(uint32_t *)(void *)t = *(const uint32_t *)(const void *)f;
        }
    }
    while (len-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((uintptr_t)t < (uintptr_t)f) {
        return memcpy(to, from, len);
    }
    while (len-- > 0) {
        t[len] = f[len];
    }
    return to;
}

void *memset(void *to, int value, size_t len)
{
    uint8_t *t = to;
    uint32_t word = (uint8_t)value * 0x01010101u;
    if (((uintptr_t)t & 3u) == 0) {
        for (; len >= 4; len -= 4, t += 4) {
            *(uint32_t *)(void *)t = word;
        }
    }
    while (len-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    for (size_t i = 0; i < len; i++) {
        if (p[i] != q[i]) {
            return p[i] - q[i];
        }
    }
    return 0;
}
