/* SPDX-License-Identifier: Apache-2.0 */
#include "acquire.h"

#include "bytes.h"

enum { BEACON_BYTES = 16, CLEAR_BYTES = 8, DIGEST_BYTES = 4, TAG_BYTES = 4, NONCE_BYTES = 13 };

/* SPEC 6: K_E = AES-128(key, "QRES" | field_id | E | 0) */
static void era_key(const qres_field *f, const uint8_t key[16], uint32_t era, qres_aes128 *out)
{
    uint8_t block[QRES_BLOCK_BYTES] = {0};
    put32(block, 0x53455251u); /* "QRES" */
    put32(block + 4, f->site.field_id);
    put32(block + 8, era);
    qres_aes128_init(out, key);
    qres_aes128_encrypt(out, block, block);
    qres_aes128_init(out, block);
    qres_wipe(block, sizeof block);
}

static int is_member(const qres_field *f, uint32_t id)
{
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (f->site.member[i].id == id) {
            return 1;
        }
    }
    return 0;
}

int acquire_beacon(const qres_field *f, const uint8_t key[16], const uint8_t *frame, size_t len,
                   uint32_t earliest, uint32_t *phase)
{
    qres_aes128 schedule;
    qres_cipher cipher;
    uint8_t nonce[NONCE_BYTES] = {0};
    uint8_t digest[DIGEST_BYTES];
    uint32_t p;
    int rc;
    if (len != BEACON_BYTES) {
        return QRES_ERR_LENGTH;
    }
    if (frame[0] != 0xB0 + QRES_WIRE_VERSION) {
        return QRES_ERR_VERSION;
    }
    if (!is_member(f, frame[1]) || get16(frame + 6) != (f->site_hash & 0xffffu)) {
        return QRES_ERR_SITE;
    }
    p = get32(frame + 2);
    if (p < earliest || p == UINT32_MAX) {
        return QRES_ERR_WINDOW;
    }
    put32(nonce, f->site.field_id);
    put32(nonce + 4, p);
    nonce[8] = frame[1];
    nonce[9] = QRES_FRAME_BEACON;
    put16(nonce + 11, f->site_hash);
    for (uint32_t i = 0; i < DIGEST_BYTES; i++) {
        digest[i] = frame[CLEAR_BYTES + i];
    }
    era_key(f, key, qres_era_of(f, p), &schedule);
    cipher = qres_aes128_cipher(&schedule);
    rc = qres_ccm_open(&cipher, nonce, sizeof nonce, frame, CLEAR_BYTES, digest, sizeof digest,
                       frame + CLEAR_BYTES + DIGEST_BYTES, TAG_BYTES);
    qres_wipe(&schedule, sizeof schedule);
    if (rc == QRES_OK) {
        *phase = p;
    }
    return rc;
}

uint64_t acquire_end_us(const qres_field *f, uint32_t phase)
{
    return phase * f->phase_us + f->lead_us + f->slots * f->slot_us + f->guard_us / 2
           + f->airtime_us[BEACON_BYTES];
}
