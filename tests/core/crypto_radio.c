/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crypto, airtime, regions and governor under the sanitizers: buffers of the
 * exact size on the heap, and values at the ends of their types. What the
 * answers should be is tested from Python; here it is that nothing overruns.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "qres_crypto.h"
#include "qres_radio.h"

static int failures;

static void expect(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "failed: %s\n", what);
        failures++;
    }
}

static uint8_t *bytes(size_t len)
{
    uint8_t *p = calloc(len > 0 ? len : 1, 1);
    if (p == NULL) {
        abort();
    }
    return p;
}

/* Every length that matters round a block: sealed, opened, and in its buffer. */
static void messages_stay_in_their_buffers(void)
{
    qres_aes128 ctx;
    const uint8_t key[16] = {0};
    qres_aes128_init(&ctx, key);
    qres_cipher cipher = qres_aes128_cipher(&ctx);
    for (size_t nonce_len = 7; nonce_len <= 13; nonce_len++) {
        for (size_t len = 0; len <= 33; len++) {
            for (size_t tag_len = 4; tag_len <= 16; tag_len += 2) {
                uint8_t *nonce = bytes(nonce_len), *aad = bytes(len);
                uint8_t *data = bytes(len), *tag = bytes(tag_len);
                expect(qres_ccm_seal(&cipher, nonce, nonce_len, aad, len, data, len, tag, tag_len)
                           == QRES_OK, "seal");
                expect(qres_ccm_open(&cipher, nonce, nonce_len, aad, len, data, len, tag, tag_len)
                           == QRES_OK, "open what was sealed");
                free(nonce);
                free(aad);
                free(data);
                free(tag);
            }
        }
    }
}

static void extremes_do_not_overflow(void)
{
    static const uint64_t times[] = {0, 1, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
    static const int64_t steps[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    for (int region = -1; region <= QRES_REGION_COUNT; region++) {
        for (int i = -1; i < 10; i++) {
            qres_governor g, copy;
            const qres_band *band = qres_region_band(region, i);
            if (qres_governor_init(&g, band, UINT64_MAX, QRES_AIRTIME_UNLIMITED) != QRES_OK) {
                continue;
            }
            for (size_t k = 0; k < 25; k++) {
                qres_governor_clock_step(&g, steps[k / 5]);
                (void)qres_governor_charge(&g, times[k % 5], g.frame_max_us);
                (void)qres_governor_next_ok_us(&g, times[k % 5], g.frame_max_us);
                uint8_t *saved = bytes(QRES_GOVERNOR_BYTES);
                expect(qres_governor_save(&g, saved, QRES_GOVERNOR_BYTES) == QRES_GOVERNOR_BYTES,
                       "save into a buffer of the exact size");
                expect(qres_governor_load(&copy, band, saved, QRES_GOVERNOR_BYTES) == QRES_OK,
                       "load what was saved");
                free(saved);
            }
        }
        const qres_carrier carriers[] = {
            {0, 0, INT16_MIN, INT16_MIN},
            {UINT32_MAX, UINT32_MAX, INT16_MAX, INT16_MAX},
            {868000000, UINT32_MAX, INT16_MAX, INT16_MIN},
        };
        for (size_t k = 0; k < 3; k++) {
            expect(qres_region_find(region, &carriers[k]) < 0, "an absurd carrier is refused");
        }
    }
    const qres_lora slowest = {7810, UINT16_MAX, 12, 4, 1, 0};
    expect(qres_airtime_us(&slowest, 255) == 0, "longer than 32 bits can say");
}

int main(void)
{
    messages_stay_in_their_buffers();
    extremes_do_not_overflow();
    return failures == 0 ? 0 : 1;
}
