/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vectors.h - the core's test vectors as C constants: tests/firmware/vector_source.py writes
 * vectors.c from the files of tests/vectors, so that a machine without files can run them.
 */
#ifndef QRES_TEST_VECTORS_H
#define QRES_TEST_VECTORS_H

#include "qres.h"

typedef struct {
    uint32_t kind; /* 0 rsh, 1 rdiv, 2 isqrt, 3 kernel */
    int64_t a, b, result;
} number_vector;

typedef struct {
    qres_lora lora;
    uint32_t bytes, result;
} airtime_vector;

typedef struct {
    uint32_t n_reports;
    const qres_report *reports;
    uint32_t digest;
} commit_step;

typedef struct {
    const qres_site *site;
    const qres_state *start;
    uint32_t start_digest, n_steps;
    const commit_step *steps;
} commits_vector;

typedef struct {
    const qres_site *site;
    const qres_state *state;
    uint32_t member, announce, digest_bit;
    int32_t samples[6];
    uint8_t missed[6];
    int32_t length; /* of the payload, 0: silent */
    qres_report report;
    uint8_t payload[51];
} decide_vector;

/* A frame that comes just when it is due in `slot` of `phase`. */
typedef struct {
    const qres_site *site;
    const qres_state *state; /* NULL: nothing is known after phase - 1 */
    uint8_t key[16];
    uint32_t phase, slot, len;
    uint8_t frame[64];
    int32_t code;            /* what qres_heard returns */
    uint32_t kind, member;   /* of an accepted one */
    qres_report report;      /* of an accepted REPORT */
} heard_vector;

typedef struct {
    const qres_site *site;
    uint32_t era, len, again_len;
    const uint8_t *blob, *again; /* again: what the state is encoded as */
    int32_t code;
    uint32_t digest;
} blob_vector;

typedef struct {
    uint8_t key[16], in[16], out[16];
} block_vector;

typedef struct {
    uint8_t key[16];
    const uint8_t *nonce, *aad, *plain, *sealed; /* sealed: ciphertext and tag */
    uint32_t nonce_len, aad_len, len, tag_len;
} ccm_vector;

extern const number_vector number_vectors[];
extern const airtime_vector airtime_vectors[];
extern const commits_vector commits_vectors[];
extern const decide_vector decide_vectors[];
extern const heard_vector heard_vectors[];
extern const blob_vector blob_vectors[];
extern const block_vector block_vectors[];
extern const ccm_vector ccm_vectors[];
extern const uint32_t number_count, airtime_count, commits_count, decide_count, heard_count,
    blob_count, block_count, ccm_count;

/* Run all. Returns 0, or the place, from 1 on in the order above, of the first that is not true. */
int run_vectors(void);

#endif /* QRES_TEST_VECTORS_H */
