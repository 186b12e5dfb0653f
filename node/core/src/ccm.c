/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counter with CBC-MAC: NIST SP 800-38C, in the encoding of its appendix A,
 * which is that of RFC 3610. Blocks below are named as in RFC 3610: B(0) opens
 * the CBC-MAC, A(i) is counter block i, S(i) its encryption.
 */
#include "qres_crypto.h"

enum {
    NONCE_MIN = 7,
    NONCE_MAX = 13,
    TAG_MIN = 4,
    TAG_MAX = 16
};

static int lengths_ok(const qres_cipher *cipher, size_t nonce_len, size_t len)
{
    if (cipher == NULL || cipher->encrypt == NULL || nonce_len < NONCE_MIN
        || nonce_len > NONCE_MAX) {
        return 0;
    }
    /* The length field has 15 - nonce_len = 2..8 bytes; 8 hold any 64-bit length. */
    unsigned field_bits = 8u * (unsigned)(15u - nonce_len);
    return field_bits >= 64u || (uint64_t)len >> field_bits == 0;
}

static int tag_ok(size_t aad_len, size_t tag_len)
{
    return tag_len >= TAG_MIN && tag_len <= TAG_MAX && tag_len % 2 == 0
           && (uint64_t)aad_len >> 32 == 0;
}

/* flags, nonce, then `value` big-endian in the bytes that the nonce leaves */
static void make_block(uint8_t block[16], unsigned flags, const uint8_t *nonce, size_t nonce_len,
                       uint64_t value)
{
    block[0] = (uint8_t)flags;
    for (size_t i = 0; i < nonce_len; i++) {
        block[1 + i] = nonce[i];
    }
    for (size_t i = 15; i > nonce_len; i--) {
        block[i] = (uint8_t)value;
        value >>= 8;
    }
}

/* S(i), the key stream block for counter i */
static void key_stream(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                       uint64_t counter, uint8_t out[16])
{
    make_block(out, (unsigned)(14u - nonce_len), nonce, nonce_len, counter);
    cipher->encrypt(cipher->ctx, out, out);
}

typedef struct {
    const qres_cipher *cipher;
    uint8_t x[16];
    unsigned used; /* bytes of the current block already folded into x */
} cbc_mac;

static void mac_add(cbc_mac *mac, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        mac->x[mac->used++] ^= data[i];
        if (mac->used == 16) {
            mac->cipher->encrypt(mac->cipher->ctx, mac->x, mac->x);
            mac->used = 0;
        }
    }
}

/* Zeros up to the end of the block. */
static void mac_pad(cbc_mac *mac)
{
    if (mac->used > 0) {
        mac->cipher->encrypt(mac->cipher->ctx, mac->x, mac->x);
        mac->used = 0;
    }
}

/* The length of the additional data, SP 800-38C A.2.2, in 2 or 6 bytes. */
static void mac_add_aad_len(cbc_mac *mac, size_t aad_len)
{
    uint8_t head[6] = {0xff, 0xfe, 0, 0, 0, 0};
    uint32_t n = (uint32_t)aad_len;
    for (int i = 5; i > 1; i--) {
        head[i] = (uint8_t)n;
        n >>= 8;
    }
    if (aad_len < 0xff00u) {
        mac_add(mac, head + 4, 2);
    } else {
        mac_add(mac, head, 6);
    }
}

static void compute_tag(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                        const uint8_t *aad, size_t aad_len, const uint8_t *plaintext, size_t len,
                        uint8_t tag[16], size_t tag_len)
{
    cbc_mac mac;
    uint8_t s0[16];
    unsigned flags = (aad_len > 0 ? 0x40u : 0u) | (unsigned)((tag_len - 2) / 2) << 3
                     | (unsigned)(14u - nonce_len);

    mac.cipher = cipher;
    mac.used = 0;
    make_block(mac.x, flags, nonce, nonce_len, len);
    cipher->encrypt(cipher->ctx, mac.x, mac.x);
    if (aad_len > 0) {
        mac_add_aad_len(&mac, aad_len);
        mac_add(&mac, aad, aad_len);
        mac_pad(&mac);
    }
    mac_add(&mac, plaintext, len);
    mac_pad(&mac);

    key_stream(cipher, nonce, nonce_len, 0, s0);
    for (int i = 0; i < 16; i++) {
        tag[i] = mac.x[i] ^ s0[i];
    }
    qres_wipe(&mac, sizeof mac);
    qres_wipe(s0, sizeof s0);
}

int qres_ccm_crypt(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                   uint8_t *data, size_t len)
{
    if (!lengths_ok(cipher, nonce_len, len)) {
        return QRES_ERR_INVALID;
    }
    uint8_t s[16];
    for (size_t i = 0; i < len; i++) {
        if (i % 16 == 0) {
            key_stream(cipher, nonce, nonce_len, (uint64_t)(i / 16) + 1, s);
        }
        data[i] ^= s[i % 16];
    }
    qres_wipe(s, sizeof s);
    return QRES_OK;
}

int qres_ccm_tag(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *aad, size_t aad_len, const uint8_t *plaintext, size_t len,
                 uint8_t *tag, size_t tag_len)
{
    if (!lengths_ok(cipher, nonce_len, len) || !tag_ok(aad_len, tag_len)) {
        return QRES_ERR_INVALID;
    }
    uint8_t full[16];
    compute_tag(cipher, nonce, nonce_len, aad, aad_len, plaintext, len, full, tag_len);
    for (size_t i = 0; i < tag_len; i++) {
        tag[i] = full[i];
    }
    qres_wipe(full, sizeof full);
    return QRES_OK;
}

int qres_ccm_seal(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                  const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *tag,
                  size_t tag_len)
{
    int err = qres_ccm_tag(cipher, nonce, nonce_len, aad, aad_len, data, len, tag, tag_len);
    if (err != QRES_OK) {
        return err;
    }
    return qres_ccm_crypt(cipher, nonce, nonce_len, data, len);
}

int qres_ccm_open(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                  const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
                  const uint8_t *tag, size_t tag_len)
{
    if (!tag_ok(aad_len, tag_len)) {
        return QRES_ERR_INVALID;
    }
    int err = qres_ccm_crypt(cipher, nonce, nonce_len, data, len);
    if (err != QRES_OK) {
        return err;
    }
    uint8_t full[16];
    compute_tag(cipher, nonce, nonce_len, aad, aad_len, data, len, full, tag_len);
    if (!qres_ct_equal(full, tag, tag_len)) {
        qres_wipe(data, len);
        err = QRES_ERR_TAG;
    }
    qres_wipe(full, sizeof full);
    return err;
}

int qres_ct_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint32_t diff = 0;
    for (size_t i = 0; i < len; i++) {
        diff |= (uint32_t)(a[i] ^ b[i]);
    }
    /* diff is 0..255: only 0 - 1 has the top bit */
    return (int)((diff - 1u) >> 31);
}

void qres_wipe(void *data, size_t len)
{
    volatile uint8_t *p = (volatile uint8_t *)data;
    for (size_t i = 0; i < len; i++) {
        p[i] = 0;
    }
}
