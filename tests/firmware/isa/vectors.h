/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vectors.h - the core's test vectors as C constants: tests/firmware/vector_source.py writes
 * vectors.c from the files of tests/vectors, so that a machine without files can run them.
 *
 * A row is one vector. The members of rows have the names that the files use. A state is a list of
 * words in the order of rig_state_walk (rig.c), since all of a qres_state would be mostly zeros.
 *
 * A machine links vectors.c, run*.c, rig.c and the core, whose src folder rig.h needs. main.c, with
 * port.h, is for those that can tell a host what is wrong; others call run_vectors themselves.
 */
#ifndef QRES_TEST_VECTORS_H
#define QRES_TEST_VECTORS_H

#include "qres.h"

typedef struct {
    const uint8_t *at;
    uint32_t len;
} bytes;

/* A function of at most five integers. */
enum {
    F_RSH, F_RDIV, F_ISQRT, F_KERNEL, F_EX2, F_LG2, F_VPD, F_FFMC, F_ISI, F_FUEL_HOUR, F_GRADE
};
typedef struct {
    uint32_t function;
    int64_t x[5], result;
} number_row;

typedef struct {
    qres_lora lora;
    uint32_t payload_bytes, result, tolerance_us;
} airtime_row;

typedef struct {
    const uint32_t *words;
    uint32_t n_words, result;
} hash_row;

typedef struct {
    const qres_site *site; /* the tiny one */
    uint32_t x;
    int32_t result;
} season_row;

typedef struct {
    const qres_site *site;
    int32_t w[4];
    uint8_t e;
    int16_t q[4];
} bfp_row;

typedef struct {
    uint32_t n;
    const int32_t *matrix, *r, *result;
} solve_row;

/* What follows from a site. A form that the site does not have is 0 bytes long. */
typedef struct {
    const qres_site *site;
    uint32_t site_hash, slot_us, common_us, commit_after_us, heartbeat, stale_after, beacon_every;
    uint8_t form_s, form_r, form_m, report_max;
} site_row;

typedef struct {
    uint32_t n_reports;
    const qres_report *reports;
    uint32_t phase, digest;
    const int32_t *state; /* or NULL */
} commit_step;

typedef struct {
    const qres_site *site;
    const int32_t *start, *end;
    uint32_t start_digest, n_steps;
    const commit_step *steps;
} commits_row;

/* Each list has a number for each member; vpd and isi are 0 where `known` is 0. */
typedef struct {
    const qres_site *site;
    const int32_t *state;
    uint8_t regime;
    int32_t field_anomaly;
    const int32_t *ffmc, *anomaly, *weather, *local, *cause, *known, *vpd, *isi;
} judge_row;

typedef struct {
    const qres_site *site;
    uint8_t key[16];
    const int32_t *state;
    uint32_t member, introduce, digest_bit;
    int32_t samples[6];
    uint8_t missed[6];
    uint8_t form; /* 'S', 'R', 'M' or 'X'; 0: silent */
    qres_report report;
    bytes payload, frame;
} decide_row;

typedef struct {
    const qres_site *site;
    uint8_t key[16];
    const int32_t *state;
    uint32_t member, phase, all_windows;
    bytes frame;
    int32_t code; /* what qres_heard returns */
    qres_report report;
    uint32_t digest_bit;
    /* what an echo tells of another; 0: the vector is of no echo, or its echo tells nothing */
    uint32_t has_echo, n_restored, restored_phase, restored_member, restored_low;
} open_row;

typedef struct {
    const qres_site *site;
    uint32_t era;
    bytes blob, again; /* again: what the state is encoded as */
    int32_t code;
    const int32_t *state;
    uint32_t digest;
} blob_row;

typedef struct {
    const qres_site *site; /* the tiny one, with the vector's field_id */
    uint8_t key[16], era_key[16];
    uint32_t era;
} era_key_row;

typedef struct {
    const qres_site *site;
    uint32_t phase, sender_id, frame_kind;
    uint8_t nonce[13];
} nonce_row;

typedef struct {
    const qres_site *site;
    uint8_t key[16];
    uint32_t phase;
    bytes frame;
    int32_t code;
    uint32_t member, digest;
    uint32_t sent; /* 1: the member sends it in this phase */
} beacon_row;

typedef struct {
    const qres_site *site;
    uint8_t key[16];
    uint32_t phase;
    bytes frame;
    int32_t code;
    uint32_t member, number, blob_bytes;
    bytes data;
    uint32_t sent; /* 1: the member sends it in this phase */
} checkpoint_row;

/* `frames` are the last `k` fragments as CHECKPOINTs of `phase`, one after the other. */
typedef struct {
    const qres_site *site;
    bytes blob;
    uint32_t k, r, d;
    bytes fragments;
    uint8_t key[16];
    uint32_t phase, frame_bytes;
    bytes frames;
    uint32_t joined; /* 0: fragments of this size do not fit a frame's length */
} fragments_row;

typedef struct {
    const qres_site *site;
    uint32_t blob_bytes, k, r, d;
    int32_t code; /* of qres_fragment, and then `frame` announces that length; 0: it is one */
    uint8_t key[16];
    uint32_t phase;
    bytes frame;
} shape_row;

/* By phase of the day: index of the member with a BEACON, number of the fragment; 255: none. */
typedef struct {
    const qres_site *site;
    uint32_t era, blob_len; /* blob_len 0: no blob makes so many fragments */
    bytes beacons, fragments;
} schedule_row;

typedef struct {
    const qres_site *site;
    uint32_t era;
    const uint32_t *last_report;
    uint8_t scribe; /* index, or QRES_NO_SLOT */
} scribe_row;

/* Relay slots in their order; `relays`: index of the member that each belongs to. */
typedef struct {
    const qres_site *site;
    uint32_t phase, site_hash, n_slots;
    const uint32_t *relays;
    const uint64_t *starts_us;
    uint64_t commit_us;
} relay_times_row;

typedef struct {
    uint32_t age, slot, full, low; /* full 0: what follows is not there */
    uint8_t included, absent;
    int16_t k[6];
} relay_record;

/* Records, or, if there are none, a fragment. */
typedef struct {
    const qres_site *site;
    uint8_t key[16];
    uint32_t phase, relay_slot;
    bytes frame;
    int32_t code;
    uint32_t n_records;
    const relay_record *records;
    uint32_t rank, number, blob_bytes;
    bytes data;
    uint32_t collected; /* 0: no blob has such a fragment */
    uint32_t sent;      /* 0: a relay puts these records into another order */
} relay_open_row;

/* A frame comes at `at_us`; the relay's slot begins, and it says `frame`, or nothing; the phase ends. */
enum { RELAY_HEAR, RELAY_SAY, RELAY_SILENT, RELAY_COMMIT };
typedef struct {
    uint32_t what;
    uint64_t at_us;
    uint32_t slot;
    bytes frame;
    int32_t code;
    uint32_t kind, member, phase, digest;
} relay_step;

enum { RELAY_KNOWN_REPORT, RELAY_KNOWN_LOW, RELAY_KNOWN_FRAME };
typedef struct {
    uint32_t phase, member, known, is_s, echoes, relayed;
} relay_entry;

typedef struct {
    const qres_site *site;
    uint8_t key[16];
    uint32_t self, search, first_phase, n_steps;
    const relay_step *steps;
    uint32_t n_log;
    const relay_entry *log;
    uint32_t synced, verified, adopted, missed;
    int64_t corr_us;
} relay_run_row;

typedef struct {
    uint8_t key[16], plaintext[16], ciphertext[16];
} block_row;

typedef struct {
    uint8_t key[16];
    bytes nonce, aad, plaintext, ciphertext, tag;
} ccm_row;

typedef struct {
    uint8_t key[16];
    bytes nonce, aad, ciphertext, tag;
    int32_t error;
} invalid_row;

/* 1 if the vector is true here. */
typedef int vector_check(const void *row);
vector_check number_ok, airtime_ok, hash_ok, season_ok, bfp_ok, solve_ok, site_ok, commits_ok,
    judge_ok, decide_ok, open_ok, blob_ok, era_key_ok, nonce_ok, beacon_ok, checkpoint_ok,
    fragments_ok, shape_ok, schedule_ok, scribe_ok, relay_times_ok, relay_open_ok, relay_run_ok,
    block_ok, ccm_ok, invalid_ok;

/* All vectors of a kind. */
typedef struct {
    const char *kind;
    vector_check *check;
    const void *rows;
    size_t row_bytes;
    uint32_t count;
    const char *const *ids;
} vector_table;

extern const vector_table vector_tables[];
extern const uint32_t vector_table_count;

/* Places count from 1 on, over all tables in turn. */
uint32_t vector_count(void);
/* The first vector after `place` that is not true here; 0 if there is none. */
uint32_t vector_wrong_after(uint32_t place);
/* Name of the vector at a place, and its kind; "" beyond the last. */
const char *vector_id(uint32_t place);
const char *vector_kind(uint32_t place);

/* Run all. Returns 0, or the place of the first that is not true. */
int run_vectors(void);

#endif /* QRES_TEST_VECTORS_H */
