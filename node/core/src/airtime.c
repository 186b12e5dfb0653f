/* SPDX-License-Identifier: Apache-2.0 */
/* LoRa time on air: SX126x data sheet 6.1.4, in whole quarter symbols. */
#include "qres_radio.h"

static const uint32_t BW_HZ[] = {7810,  10420, 15630,  20830,  31250,
                                 41670, 62500, 125000, 250000, 500000};
enum {
    BW_COUNT = sizeof BW_HZ / sizeof BW_HZ[0]
};

uint32_t qres_lora_bw_hz(unsigned index)
{
    return index < BW_COUNT ? BW_HZ[index] : 0;
}

int qres_lora_ldro(uint32_t bw_hz, unsigned sf)
{
    /* 2^sf / bw_hz >= 16.38 ms */
    return ((uint64_t)100000 << sf) >= (uint64_t)1638 * bw_hz;
}

static int modulation_ok(const qres_lora *p)
{
    if (p->sf < QRES_SF_MIN || p->sf > QRES_SF_MAX || p->cr < 1 || p->cr > QRES_CR_MAX
        || p->preamble_symbols == 0 || p->crc > 1 || p->implicit_header > 1) {
        return 0;
    }
    for (unsigned i = 0; i < BW_COUNT; i++) {
        if (p->bw_hz == BW_HZ[i]) {
            return 1;
        }
    }
    return 0;
}

/* Symbols of header, payload and CRC beyond the eight that every frame has. */
static uint32_t payload_symbols(const qres_lora *p, uint32_t payload_bytes)
{
    int32_t sf = p->sf;
    int32_t bits = 8 * (int32_t)payload_bytes + (p->crc ? 16 : 0) - 4 * sf
                   + (p->implicit_header ? 0 : 20) + (sf > 6 ? 8 : 0);
    int32_t per_block = 4 * (sf - (qres_lora_ldro(p->bw_hz, p->sf) ? 2 : 0));
    if (bits <= 0) {
        return 0;
    }
    return (uint32_t)((bits + per_block - 1) / per_block * (4 + p->cr));
}

uint32_t qres_airtime_us(const qres_lora *p, uint32_t payload_bytes)
{
    if (p == NULL || !modulation_ok(p) || payload_bytes > QRES_PHY_PAYLOAD_MAX) {
        return 0;
    }
    /* preamble, 4.25 symbols of sync (6.25 at SF5 and SF6), 8 symbols, payload */
    uint64_t quarters = 4u * ((uint64_t)p->preamble_symbols + 8u)
                        + 4u * (uint64_t)payload_symbols(p, payload_bytes)
                        + (p->sf > 6 ? 17u : 25u);
    /* below 2^19 * 2^12 * 10^6 < 2^51 */
    uint64_t divisor = (uint64_t)4 * p->bw_hz;
    uint64_t us = ((quarters << p->sf) * 1000000u + divisor - 1) / divisor;
    return us <= UINT32_MAX ? (uint32_t)us : 0;
}
