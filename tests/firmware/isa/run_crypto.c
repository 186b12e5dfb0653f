/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-128 and AES-CCM.
 */
#include "rig.h"

static qres_aes128 aes;

static qres_cipher cipher_of(const uint8_t *key)
{
    qres_aes128_init(&aes, key);
    return qres_aes128_cipher(&aes);
}

int block_ok(const void *row)
{
    const block_row *v = row;
    (void)cipher_of(v->key);
    rig_copy(rig_buffer, v->plaintext, 16);
    rig_copy(rig_buffer + 16, v->plaintext, 16);
    qres_aes128_encrypt(&aes, rig_buffer + 32, rig_buffer);
    qres_aes128_encrypt2(&aes, rig_buffer, rig_buffer);
    for (uint32_t i = 0; i < 3; i++) {
        if (!rig_same(rig_buffer + 16 * i, v->ciphertext, 16)) {
            return 0;
        }
    }
    return 1;
}

/* Sealing gives ciphertext and tag; opening, and its two halves, give the plaintext back. */
int ccm_ok(const void *row)
{
    const ccm_row *v = row;
    qres_cipher cipher = cipher_of(v->key);
    size_t len = v->plaintext.len;
    uint8_t tag[16];
    rig_copy(rig_buffer, v->plaintext.at, len);
    if (qres_ccm_seal(&cipher, v->nonce.at, v->nonce.len, v->aad.at, v->aad.len, rig_buffer, len,
                      tag, v->tag.len)
            != QRES_OK
        || !rig_same(rig_buffer, v->ciphertext.at, len) || !rig_same(tag, v->tag.at, v->tag.len)) {
        return 0;
    }
    if (qres_ccm_crypt(&cipher, v->nonce.at, v->nonce.len, rig_buffer, len) != QRES_OK
        || !rig_same(rig_buffer, v->plaintext.at, len)) {
        return 0;
    }
    if (qres_ccm_tag(&cipher, v->nonce.at, v->nonce.len, v->aad.at, v->aad.len, rig_buffer, len,
                     tag, v->tag.len)
            != QRES_OK
        || !rig_same(tag, v->tag.at, v->tag.len)) {
        return 0;
    }
    rig_copy(rig_buffer, v->ciphertext.at, len);
    return qres_ccm_open(&cipher, v->nonce.at, v->nonce.len, v->aad.at, v->aad.len, rig_buffer, len,
                         v->tag.at, v->tag.len)
               == QRES_OK
           && rig_same(rig_buffer, v->plaintext.at, len);
}

/* An altered message gives its error and no plaintext. */
int invalid_ok(const void *row)
{
    const invalid_row *v = row;
    qres_cipher cipher = cipher_of(v->key);
    size_t len = v->ciphertext.len;
    rig_copy(rig_buffer, v->ciphertext.at, len);
    if (qres_ccm_open(&cipher, v->nonce.at, v->nonce.len, v->aad.at, v->aad.len, rig_buffer, len,
                      v->tag.at, v->tag.len)
        != v->error) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (rig_buffer[i] != (v->error == QRES_ERR_TAG ? 0 : v->ciphertext.at[i])) {
            return 0;
        }
    }
    return 1;
}
