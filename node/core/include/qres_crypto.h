/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qres_crypto.h - AES-128 and the CCM mode.
 *
 * Constant time: no branch and no address depends on a key, on plaintext or on
 * a tag. Lengths and the nonce count as public. Freestanding C99, no
 * allocation, no global state; safe from several threads, also on one shared
 * `qres_aes128`, which is only read.
 */
#ifndef QRES_CRYPTO_H
#define QRES_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "qres_err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin */
/* [bytes] of one cipher block, and of an AES-128 key */
#define QRES_BLOCK_BYTES 16

/*
 * An expanded AES-128 key, 352 bytes. Do not rely on the contents: they are
 * the 11 round keys in bit-sliced order. Wipe it when the key expires.
 */
typedef struct {
    uint32_t rk[88];
} qres_aes128;

/* Expand `key` into `ctx`, for every later call with `ctx`. */
void qres_aes128_init(qres_aes128 *ctx, const uint8_t key[16]);

/*
 * Encrypt one block, FIPS 197. `out` may be `in`.
 */
void qres_aes128_encrypt(const qres_aes128 *ctx, uint8_t out[16], const uint8_t in[16]);

/*
 * Encrypt two independent blocks, in[0..15] and in[16..31], in the time of
 * one: the bit-sliced words have room for both. `out` may be `in`.
 */
void qres_aes128_encrypt2(const qres_aes128 *ctx, uint8_t out[32], const uint8_t in[32]);

/*
 * A block cipher as CCM wants it: one 16-byte block, `out` may be `in`. A port
 * with AES hardware supplies its own.
 */
typedef void (*qres_block_fn)(const void *ctx, uint8_t out[16], const uint8_t in[16]);

typedef struct {
    qres_block_fn encrypt;
    const void *ctx; /* first argument of `encrypt`; must outlive the cipher */
} qres_cipher;

/* The portable AES-128 as a cipher. `ctx` is initialised and must outlive it. */
qres_cipher qres_aes128_cipher(const qres_aes128 *ctx);

/*
 * The two halves of AES-CCM (NIST SP 800-38C, RFC 3610), for a receiver that
 * must decrypt before it knows what the tag covers. Everybody else calls
 * qres_ccm_seal and qres_ccm_open.
 *
 * The caller never uses a nonce twice under one key, and trusts nothing that
 * qres_ccm_crypt gave before the tag was compared with qres_ct_equal.
 *
 *   cipher     in   `encrypt` is not NULL
 *   nonce      in
 *   nonce_len  in   [bytes] 7..13; 15 - nonce_len bytes are left to the counter
 *   len        in   [bytes] < 2^(8 * (15 - nonce_len)); 65535 for 13
 */

/*
 * Encrypt or decrypt, in place: XOR `data` with the key stream from counter 1.
 *
 * Returns QRES_OK, or QRES_ERR_INVALID (lengths above; `data` untouched).
 */
int qres_ccm_crypt(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                   uint8_t *data, size_t len);

/*
 * Compute the tag: CBC-MAC over `aad` and `plaintext`, masked with counter 0.
 *
 *   aad, aad_len    in   additional data, covered but not sent; [bytes] < 2^32
 *   plaintext, len  in
 *   tag             out  `tag_len` bytes; must not overlap an input
 *   tag_len         in   [bytes] 4, 6, .. 16
 *
 * Returns QRES_OK, or QRES_ERR_INVALID (a length; `tag` untouched).
 */
int qres_ccm_tag(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *aad, size_t aad_len, const uint8_t *plaintext, size_t len,
                 uint8_t *tag, size_t tag_len);

/*
 * Encrypt `data` in place and compute its tag. Arguments as above.
 *
 * Returns QRES_OK, or QRES_ERR_INVALID (`data` and `tag` untouched).
 */
int qres_ccm_seal(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                  const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *tag,
                  size_t tag_len);

/*
 * Decrypt `data` in place if `tag` fits. Arguments as above.
 *
 * Returns QRES_OK; QRES_ERR_INVALID (a length; `data` untouched); or
 * QRES_ERR_TAG, and then `data` holds zeros: no unproven plaintext gets out.
 */
int qres_ccm_open(const qres_cipher *cipher, const uint8_t *nonce, size_t nonce_len,
                  const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
                  const uint8_t *tag, size_t tag_len);

/* 1 if the first `len` bytes agree, else 0; the time depends on `len` only. */
int qres_ct_equal(const uint8_t *a, const uint8_t *b, size_t len);

/* Overwrite `len` bytes with zeros in a way that the compiler keeps. */
void qres_wipe(void *data, size_t len);
/* cffi: end */

#ifdef __cplusplus
}
#endif

#endif /* QRES_CRYPTO_H */
