/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-128 encryption (FIPS 197), bit-sliced: no table, so no secret-dependent
 * address, and no secret-dependent branch.
 *
 * Two blocks are worked on together. Eight words q[0..7] hold them: q[b] has
 * bit b of all 32 state bytes, and in each word
 *
 *     bit 8 r + 2 c + k  =  row r, column c, block k.
 *
 * So ShiftRows rotates byte r of each word by 2 r bits, and the row rotations
 * of MixColumns are rotations of the word by 8 and 16.
 */
#include "qres_crypto.h"

static uint32_t load32_le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store32_le(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
    p[2] = (uint8_t)(x >> 16);
    p[3] = (uint8_t)(x >> 24);
}

static uint32_t rotr(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* Exchange the bits `mask << n` of *a with the bits `mask` of *b. */
static inline void swap_bits(uint32_t *a, uint32_t *b, uint32_t mask, unsigned n)
{
    uint32_t t = ((*a >> n) ^ *b) & mask;
    *b ^= t;
    *a ^= t << n;
}

/*
 * Transpose: bit j of byte r of word i goes to bit i of byte r of word j. Turns
 * column words (word 2 c + k = column c of block k) into slices, and back.
 */
static void transpose(uint32_t q[8])
{
    for (int i = 0; i < 8; i += 2) {
        swap_bits(&q[i], &q[i + 1], 0x55555555u, 1);
    }
    for (int i = 0; i < 8; i += 4) {
        swap_bits(&q[i], &q[i + 2], 0x33333333u, 2);
        swap_bits(&q[i + 1], &q[i + 3], 0x33333333u, 2);
    }
    for (int i = 0; i < 4; i++) {
        swap_bits(&q[i], &q[i + 4], 0x0f0f0f0fu, 4);
    }
}

/*
 * SubBytes on 32 bytes at once: the circuit of Boyar & Peralta, "A small
 * depth-16 circuit for the AES S-box" (2012), https://eprint.iacr.org/2011/332.
 * Their U0..U7 and S0..S7 count from the most significant bit. The test checks
 * all 256 values against the definition in FIPS 197, 5.1.1.
 */
static inline void sub_bytes(uint32_t q[8])
{
    const uint32_t u0 = q[7], u1 = q[6], u2 = q[5], u3 = q[4];
    const uint32_t u4 = q[3], u5 = q[2], u6 = q[1], u7 = q[0];

    /* Top layer: change of basis into the tower of fields. */
    const uint32_t y14 = u3 ^ u5, y13 = u0 ^ u6, y9 = u0 ^ u3, y8 = u0 ^ u5;
    const uint32_t a0 = u1 ^ u2;
    const uint32_t y1 = a0 ^ u7, y4 = y1 ^ u3, y12 = y13 ^ y14, y2 = y1 ^ u0;
    const uint32_t y5 = y1 ^ u6, y3 = y5 ^ y8;
    const uint32_t a1 = u4 ^ y12;
    const uint32_t y15 = a1 ^ u5, y20 = a1 ^ u1, y6 = y15 ^ u7, y10 = y15 ^ a0;
    const uint32_t y11 = y20 ^ y9, y7 = u7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8;
    const uint32_t y16 = a0 ^ y11, y21 = y13 ^ y16, y18 = u0 ^ y16;

    /* Middle layer: inversion in GF(2^8), shared with the multiplications. */
    const uint32_t t2 = y12 & y15, t4 = (y3 & y6) ^ t2, t6 = (y4 & u7) ^ t2;
    const uint32_t t7 = y13 & y16, t9 = (y5 & y1) ^ t7, t11 = (y2 & y7) ^ t7;
    const uint32_t t12 = y9 & y11, t14 = (y14 & y17) ^ t12, t16 = (y8 & y10) ^ t12;
    const uint32_t t21 = t4 ^ t14 ^ y20, t22 = t6 ^ t16 ^ y19;
    const uint32_t t23 = t9 ^ t14 ^ y21, t24 = t11 ^ t16 ^ y18;
    const uint32_t t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26;
    const uint32_t t29 = (t25 & t27) ^ t22;
    const uint32_t t33 = ((t22 ^ t26) & (t23 ^ t24)) ^ t24;
    const uint32_t t36 = t24 & (t27 ^ t33), t37 = t36 ^ t23 ^ t33;
    const uint32_t t40 = t25 ^ (t29 & (t27 ^ t36));
    const uint32_t t41 = t40 ^ t37, t42 = t29 ^ t33, t43 = t29 ^ t40, t44 = t33 ^ t37;
    const uint32_t t45 = t42 ^ t41;
    const uint32_t z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & u7, z3 = t43 & y16;
    const uint32_t z4 = t40 & y1, z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17;
    const uint32_t z8 = t41 & y10, z9 = t44 & y12, z10 = t37 & y3, z11 = t33 & y4;
    const uint32_t z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2, z15 = t42 & y9;
    const uint32_t z16 = t45 & y14, z17 = t41 & y8;

    /* Bottom layer: back to the AES basis, with the affine map (the four ~). */
    const uint32_t b46 = z15 ^ z16, b48 = z5 ^ z13, b57 = z2 ^ z12 ^ z0 ^ z3;
    const uint32_t b58 = z4 ^ b46, b59 = z3 ^ z6 ^ z7, b62 = z7 ^ z8 ^ b58;
    const uint32_t b63 = z9 ^ z10 ^ b58, b64 = z4 ^ b59, b65 = z14 ^ b57 ^ b62;
    const uint32_t b66 = z1 ^ b63;
    const uint32_t s3 = z0 ^ z3 ^ b66;

    q[7] = b59 ^ b63;
    q[6] = b64 ^ ~s3;
    q[5] = z16 ^ z17 ^ ~(b64 ^ b65);
    q[4] = s3;
    q[3] = z2 ^ z5 ^ b66;
    q[2] = z10 ^ z11 ^ b65;
    q[1] = z12 ^ b48 ^ ~b62;
    q[0] = b48 ^ ~(b46 ^ b57);
}

static inline void shift_rows(uint32_t q[8])
{
    for (int i = 0; i < 8; i++) {
        uint32_t x = q[i];
        q[i] = (x & 0x000000ffu) | (x & 0x0000fc00u) >> 2 | (x & 0x00000300u) << 6
               | (x & 0x00f00000u) >> 4 | (x & 0x000f0000u) << 4 | (x & 0xc0000000u) >> 6
               | (x & 0x3f000000u) << 2;
    }
}

/*
 * out(r) = 2 (a(r) + a(r+1)) + a(r+1) + a(r+2) + a(r+3), FIPS 197 5.1.3, with
 * multiplication by 2 as a renaming of slices and the reduction by 0x1b.
 */
static inline void mix_columns(uint32_t q[8])
{
    uint32_t next[8], sum[8];
    for (int i = 0; i < 8; i++) {
        next[i] = rotr(q[i], 8);
        sum[i] = q[i] ^ next[i];
    }
    for (int i = 0; i < 8; i++) {
        q[i] = next[i] ^ rotr(sum[i], 16);
    }
    q[0] ^= sum[7];
    q[1] ^= sum[0] ^ sum[7];
    q[2] ^= sum[1];
    q[3] ^= sum[2] ^ sum[7];
    q[4] ^= sum[3] ^ sum[7];
    q[5] ^= sum[4];
    q[6] ^= sum[5];
    q[7] ^= sum[6];
}

static inline void add_round_key(uint32_t q[8], const uint32_t *rk)
{
    for (int i = 0; i < 8; i++) {
        q[i] ^= rk[i];
    }
}

static void encrypt_slices(const qres_aes128 *ctx, uint32_t q[8])
{
    add_round_key(q, ctx->rk);
    for (int round = 1; round < 10; round++) {
        sub_bytes(q);
        shift_rows(q);
        mix_columns(q);
        add_round_key(q, ctx->rk + 8 * round);
    }
    sub_bytes(q);
    shift_rows(q);
    add_round_key(q, ctx->rk + 80);
}

/* SubWord of FIPS 197, 5.2: the S-box on the four bytes of `x`. */
static uint32_t sub_word(uint32_t x)
{
    uint32_t q[8] = {x, 0, 0, 0, 0, 0, 0, 0};
    transpose(q);
    sub_bytes(q);
    transpose(q);
    x = q[0];
    qres_wipe(q, sizeof q);
    return x;
}

void qres_aes128_init(qres_aes128 *ctx, const uint8_t key[16])
{
    uint32_t w[4], rcon = 1;
    for (int i = 0; i < 4; i++) {
        w[i] = load32_le(key + 4 * i);
    }
    for (int round = 0; round <= 10; round++) {
        uint32_t *rk = ctx->rk + 8 * round;
        if (round > 0) {
            w[0] ^= sub_word(rotr(w[3], 8)) ^ rcon;
            w[1] ^= w[0];
            w[2] ^= w[1];
            w[3] ^= w[2];
            rcon = (rcon << 1) ^ ((rcon >> 7) * 0x11bu);
        }
        for (int i = 0; i < 4; i++) {
            rk[2 * i] = w[i];
            rk[2 * i + 1] = w[i];
        }
        transpose(rk);
    }
    qres_wipe(w, sizeof w);
}

void qres_aes128_encrypt(const qres_aes128 *ctx, uint8_t out[16], const uint8_t in[16])
{
    uint32_t q[8];
    for (int i = 0; i < 4; i++) {
        q[2 * i] = load32_le(in + 4 * i);
        q[2 * i + 1] = 0;
    }
    transpose(q);
    encrypt_slices(ctx, q);
    transpose(q);
    for (int i = 0; i < 4; i++) {
        store32_le(out + 4 * i, q[2 * i]);
    }
}

void qres_aes128_encrypt2(const qres_aes128 *ctx, uint8_t out[32], const uint8_t in[32])
{
    uint32_t q[8];
    for (int i = 0; i < 4; i++) {
        q[2 * i] = load32_le(in + 4 * i);
        q[2 * i + 1] = load32_le(in + 16 + 4 * i);
    }
    transpose(q);
    encrypt_slices(ctx, q);
    transpose(q);
    for (int i = 0; i < 4; i++) {
        store32_le(out + 4 * i, q[2 * i]);
        store32_le(out + 16 + 4 * i, q[2 * i + 1]);
    }
}

static void encrypt_block(const void *ctx, uint8_t out[16], const uint8_t in[16])
{
    qres_aes128_encrypt((const qres_aes128 *)ctx, out, in);
}

qres_cipher qres_aes128_cipher(const qres_aes128 *ctx)
{
    qres_cipher cipher = {encrypt_block, ctx};
    return cipher;
}
