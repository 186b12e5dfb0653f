/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BEACON: who, when, and the digest in full (SPEC 6.3).
 */
#include "core.h"

enum { MAGIC = 0xB0 + QRES_WIRE_VERSION, HEAD_BYTES = 8, DIGEST_BYTES = 4 };

size_t qresi_beacon_seal(qres_node *n, uint32_t phase, uint8_t *frame)
{
    const qres_field *f = n->field;
    uint32_t id = f->site.member[n->config.self].id;
    qres_cipher cipher = qresi_seal_cipher(n, qres_era_of(f, phase));
    uint8_t nonce[13];
    frame[0] = MAGIC;
    frame[1] = (uint8_t)id;
    fx_put32(frame + 2, phase);
    fx_put16(frame + 6, f->site_hash & 0xFFFFu);
    fx_put32(frame + 8, qres_state_digest(f, &n->live));
    qresi_seal_nonce(f, phase, id, QRES_FRAME_BEACON, nonce);
    qres_ccm_seal(&cipher, nonce, sizeof nonce, frame, HEAD_BYTES, frame + HEAD_BYTES, DIGEST_BYTES,
                  frame + HEAD_BYTES + DIGEST_BYTES, TAG_BYTES);
    return BEACON_BYTES;
}

/* Index of the member with this id, n_members if there is none. */
static uint32_t member_of(const qres_field *f, uint32_t id)
{
    uint32_t i = 0;
    while (i < f->site.n_members && f->site.member[i].id != id) {
        i++;
    }
    return i;
}

int qres_beacon_open(const qres_field *f, const uint8_t *key, const uint8_t *frame, size_t len,
                     uint32_t earliest, uint32_t latest, qres_beacon *beacon)
{
    uint8_t nonce[13];
    uint8_t digest[DIGEST_BYTES];
    qres_aes128 schedule;
    qres_cipher cipher;
    uint32_t member;
    uint32_t phase;
    int rc;
    if (len != BEACON_BYTES) {
        return QRES_ERR_LENGTH;
    }
    if (frame[0] != MAGIC) {
        return QRES_ERR_VERSION;
    }
    member = member_of(f, frame[1]);
    if (member == f->site.n_members || fx_get16(frame + 6) != (f->site_hash & 0xFFFFu)) {
        return QRES_ERR_SITE;
    }
    phase = fx_get32(frame + 2);
    if (phase < earliest || phase > latest) {
        return QRES_ERR_WINDOW;
    }
    for (uint32_t b = 0; b < DIGEST_BYTES; b++) {
        digest[b] = frame[HEAD_BYTES + b];
    }
    qresi_seal_era_key(f, key, qres_era_of(f, phase), &schedule);
    cipher = qres_aes128_cipher(&schedule);
    qresi_seal_nonce(f, phase, frame[1], QRES_FRAME_BEACON, nonce);
    rc = qres_ccm_open(&cipher, nonce, sizeof nonce, frame, HEAD_BYTES, digest, DIGEST_BYTES,
                       frame + HEAD_BYTES + DIGEST_BYTES, TAG_BYTES);
    qres_wipe(&schedule, sizeof schedule);
    if (rc != QRES_OK) {
        return QRES_ERR_TAG;
    }
    beacon->member = (uint8_t)member;
    beacon->phase = phase;
    beacon->digest = fx_get32(digest);
    return QRES_OK;
}

static uint32_t clip32(uint64_t x)
{
    return x < UINT32_MAX ? (uint32_t)x : UINT32_MAX;
}

int qresi_beacon_heard(qres_node *n, uint32_t phase, const uint8_t *frame, qres_heard_info *info)
{
    /* Accepted phases (SPEC 8), and no further than one from that of the arrival. */
    uint64_t after_base = n->base.phase + UINT64_C(1);
    uint64_t earliest = phase > after_base ? phase - UINT64_C(1) : after_base;
    uint64_t latest = (phase <= n->live.phase ? phase : n->live.phase + UINT64_C(1)) + 1;
    qres_beacon beacon;
    uint32_t *known;
    int rc = qres_beacon_open(n->field, n->key, frame, BEACON_BYTES, clip32(earliest),
                              clip32(latest), &beacon);
    n->trials += rc == QRES_OK || rc == QRES_ERR_TAG;
    if (rc != QRES_OK) {
        return rc;
    }
    info->kind = QRES_FRAME_BEACON;
    info->member = beacon.member;
    info->phase = beacon.phase;
    known = &n->beacon_phase[beacon.phase / n->field->beacon_phases % QRES_DIGEST_HISTORY];
    if (*known == beacon.phase) {
        return QRES_ERR_DUPLICATE;
    }
    *known = beacon.phase;
    qresi_replica_compare_digest(n, beacon.phase, beacon.digest);
    return QRES_OK;
}
