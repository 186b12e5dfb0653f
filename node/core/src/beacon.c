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

int qresi_beacon_heard(qres_node *n, uint32_t phase, const uint8_t *frame, qres_heard_info *info)
{
    const qres_field *f = n->field;
    uint32_t sent_phase = fx_get32(frame + 2);
    uint32_t *known = &n->beacon_phase[sent_phase / f->beacon_phases % QRES_DIGEST_HISTORY];
    uint32_t i = 0;
    qres_cipher cipher;
    uint8_t nonce[13];
    uint8_t digest[DIGEST_BYTES];
    while (i < f->site.n_members && f->site.member[i].id != frame[1]) {
        i++;
    }
    if (frame[0] != MAGIC) {
        return QRES_ERR_VERSION;
    }
    if (i == f->site.n_members || fx_get16(frame + 6) != (f->site_hash & 0xFFFFu)) {
        return QRES_ERR_SITE;
    }
    if (sent_phase + UINT64_C(1) < phase || sent_phase > phase + UINT64_C(1)
        || !qresi_replica_accepts(n, sent_phase)) {
        return QRES_ERR_WINDOW;
    }
    for (uint32_t b = 0; b < DIGEST_BYTES; b++) {
        digest[b] = frame[HEAD_BYTES + b];
    }
    n->trials++;
    cipher = qresi_seal_cipher(n, qres_era_of(f, sent_phase));
    qresi_seal_nonce(f, sent_phase, frame[1], QRES_FRAME_BEACON, nonce);
    if (qres_ccm_open(&cipher, nonce, sizeof nonce, frame, HEAD_BYTES, digest, DIGEST_BYTES,
                      frame + HEAD_BYTES + DIGEST_BYTES, TAG_BYTES) != QRES_OK) {
        return QRES_ERR_TAG;
    }
    info->kind = QRES_FRAME_BEACON;
    info->member = (uint8_t)i;
    info->phase = sent_phase;
    if (*known == sent_phase) {
        return QRES_ERR_DUPLICATE;
    }
    *known = sent_phase;
    qresi_replica_compare_digest(n, sent_phase, fx_get32(digest));
    return QRES_OK;
}
