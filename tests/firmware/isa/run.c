/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

int main(void);

static qres_field field;
static qres_node node;
static qres_state state;
static qres_scratch scratch;
static uint8_t buffer[QRES_BLOB_MAX + 16];

static int same(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return 0;
        }
    }
    return 1;
}

static int same_report(const qres_report *a, const qres_report *b)
{
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        if (((a->included >> c) & 1u) != 0 && a->k[c] != b->k[c]) {
            return 0;
        }
    }
    return a->member == b->member && a->included == b->included && a->absent == b->absent;
}

static int number_ok(const number_vector *v)
{
    switch (v->kind) {
    case 0:
        return qres_rsh(v->a, (uint32_t)v->b) == v->result;
    case 1:
        return qres_rdiv(v->a, v->b) == v->result;
    case 2:
        return qres_isqrt((uint64_t)v->a) == (uint64_t)v->result;
    default:
        return qres_kernel((uint32_t)v->a, (uint32_t)v->b) == (uint64_t)v->result;
    }
}

static int commits_ok(const commits_vector *v)
{
    if (qres_field_init(&field, v->site) != QRES_OK) {
        return 0;
    }
    state = *v->start;
    if (qres_state_digest(&field, &state) != v->start_digest) {
        return 0;
    }
    for (uint32_t i = 0; i < v->n_steps; i++) {
        qres_commit(&field, &scratch, &state, v->steps[i].reports, v->steps[i].n_reports);
        if (qres_state_digest(&field, &state) != v->steps[i].digest) {
            return 0;
        }
    }
    return 1;
}

static int decide_ok(const decide_vector *v)
{
    static const qres_echo nothing = {0, 0, 0};
    qres_report report;
    int len;
    if (qres_field_init(&field, v->site) != QRES_OK) {
        return 0;
    }
    len = v->announce ? qres_announce(&field, v->state, v->member, v->samples, v->missed, &report)
                      : qres_decide(&field, v->state, v->member, v->samples, v->missed, &report);
    if (len != v->length) {
        return 0;
    }
    return len == 0
           || (same_report(&report, &v->report)
               && qres_report_encode(&field, &report, v->digest_bit, &nothing, buffer, (size_t)len)
                      == QRES_OK
               && same(buffer, v->payload, (size_t)len));
}

static int heard_ok(const heard_vector *v)
{
    qres_config config = {QRES_NO_SLOT, 0, 0, 1, 0};
    qres_heard_info info;
    uint64_t end_us;
    int code;
    config.first_phase = v->phase;
    if (qres_field_init(&field, v->site) != QRES_OK
        || qres_init(&node, &field, v->key, &config) != QRES_OK) {
        return 0;
    }
    if (v->state != NULL) {
        node.base = *v->state;
        node.live = *v->state;
        node.base.phase = v->phase - 16;
        node.live.phase = v->phase - 1;
    }
    end_us = v->phase * field.phase_us + field.lead_us + field.guard_us / 2
             + v->slot * field.slot_us + field.airtime_us[v->len < 51 ? v->len : 51];
    code = qres_heard(&node, end_us, v->frame, v->len, &info);
    return code == v->code
           && (code != QRES_OK
               || (info.kind == v->kind && info.member == v->member
                   && (info.kind != QRES_FRAME_REPORT || same_report(&info.report, &v->report))));
}

static int blob_ok(const blob_vector *v)
{
    if (qres_field_init(&field, v->site) != QRES_OK
        || qres_blob_decode(&field, v->era, v->blob, v->len, &scratch, &state) != v->code) {
        return 0;
    }
    return v->code != QRES_OK
           || (qres_state_digest(&field, &state) == v->digest
               && qres_blob_encode(&field, &state, buffer, sizeof buffer) == (int)v->again_len
               && same(buffer, v->again, v->again_len));
}

static int block_ok(const block_vector *v)
{
    qres_aes128 key;
    uint8_t out[16];
    qres_aes128_init(&key, v->key);
    qres_aes128_encrypt(&key, out, v->in);
    return same(out, v->out, sizeof out);
}

static int ccm_ok(const ccm_vector *v)
{
    qres_aes128 key;
    qres_cipher cipher;
    uint8_t tag[16];
    qres_aes128_init(&key, v->key);
    cipher = qres_aes128_cipher(&key);
    for (uint32_t i = 0; i < v->len; i++) {
        buffer[i] = v->plain[i];
    }
    return qres_ccm_seal(&cipher, v->nonce, v->nonce_len, v->aad, v->aad_len, buffer, v->len, tag,
                         v->tag_len) == QRES_OK
           && same(buffer, v->sealed, v->len) && same(tag, v->sealed + v->len, v->tag_len);
}

#define RUN(what)                                                                                  \
    for (uint32_t i = 0; i < what##_count; i++) {                                                  \
        place++;                                                                                   \
        if (!what##_ok(&what##_vectors[i])) {                                                      \
            return place;                                                                          \
        }                                                                                          \
    }

static int airtime_ok(const airtime_vector *v)
{
    return qres_airtime_us(&v->lora, v->bytes) == v->result;
}

int run_vectors(void)
{
    int place = 0;
    RUN(number)
    RUN(airtime)
    RUN(commits)
    RUN(decide)
    RUN(heard)
    RUN(blob)
    RUN(block)
    RUN(ccm)
    return 0;
}

/* Exit code 0, or the place of the failure, at most 255. */
int main(void)
{
    int place = run_vectors();
    return place < 255 ? place : 255;
}
