/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QRES_RADIO_BITS_H
#define QRES_RADIO_BITS_H

#include <stdint.h>

/* 20 bits in three bytes, most significant first, two's complement: both chips' frequency error. */
static inline int32_t radio_signed_20(const uint8_t *raw)
{
    int32_t value = (int32_t)((uint32_t)(raw[0] & 0x0Fu) << 16 | (uint32_t)raw[1] << 8 | raw[2]);

    return value >= 0x80000 ? value - 0x100000 : value;
}

#endif /* QRES_RADIO_BITS_H */
