/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of eras and nonces of frames (SPEC 6).
 */
#include "core.h"

void qresi_seal_nonce(const qres_field *f, uint32_t phase, uint32_t id, uint32_t kind,
                      uint8_t nonce[13])
{
    fx_put32(nonce, f->site.field_id);
    fx_put32(nonce + 4, phase);
    nonce[8] = (uint8_t)id;
    nonce[9] = (uint8_t)kind;
    nonce[10] = 0;
    fx_put16(nonce + 11, f->site_hash & 0xFFFFu);
}

void qresi_seal_era_key(const qres_field *f, const uint8_t *key, uint32_t era, qres_aes128 *out)
{
    uint8_t block[16] = {'Q', 'R', 'E', 'S'};
    fx_put32(block + 4, f->site.field_id);
    fx_put32(block + 8, era);
    qres_aes128_init(out, key);
    qres_aes128_encrypt(out, block, block);
    qres_aes128_init(out, block);
    qres_wipe(block, sizeof block);
}

/* The cipher of an era. Two eras are kept ready: frames around midnight need both. */
qres_cipher qresi_seal_cipher(qres_node *n, uint32_t era)
{
    uint32_t at = era % 2;
    if (n->key_era[at] != era) {
        qresi_seal_era_key(n->field, n->key, era, &n->key_schedule[at]);
        n->key_era[at] = era;
    }
    return qres_aes128_cipher(&n->key_schedule[at]);
}
