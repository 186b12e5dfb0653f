/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CHECKPOINT: the scribe's schedule, and what a receiver makes of fragments (SPEC 6.4, 8).
 */
#include "core.h"
#include "fragment.h"

enum { SCRIBE_CANDIDATES = 3, NOBODY = QRES_MAX_NODES };

uint32_t qresi_checkpoint_scribe(const qres_field *f, const qres_state *snapshot, uint32_t era)
{
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        uint32_t member = (era + i) % f->site.n_members;
        if (snapshot->last_report[member] != 0) {
            return member;
        }
    }
    return QRES_NO_SLOT;
}

/* Beacon phases in [era start, phase). */
static uint32_t beacons_before(const qres_field *f, uint32_t era, uint32_t phase)
{
    uint32_t h = f->beacon_phases;
    uint32_t start = qres_era_start(f, era);
    return (phase + h - 1) / h - (start + h - 1) / h;
}

uint32_t qresi_checkpoint_ordinal(const qres_field *f, uint32_t era, uint32_t phase)
{
    return phase - qres_era_start(f, era) - beacons_before(f, era, phase);
}

/* Fragment of member `self` as the scribe of an era in its common slot q, or `fragments` for none. */
static uint32_t fragment_of(const qres_field *f, uint32_t era, uint32_t self, uint32_t q,
                            uint32_t fragments)
{
    uint32_t n = f->site.n_members;
    uint32_t free_slots = qresi_checkpoint_ordinal(f, era, qres_era_start(f, era + 1));
    uint32_t stride = (uint32_t)fx_clip(free_slots / (2 * fragments), 1, f->beacon_phases);
    uint32_t start = 0;
    if ((self + n - era % n) % n % 2 != 0) {
        start = stride > 1 ? stride / 2 : free_slots / 2;
    }
    return q < start || (q - start) % stride != 0 ? fragments : (q - start) / stride;
}

/* Enough to define the field's start of day: whoever is missing will say so and be heard. */
static int knows_half(const qres_node *n)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < n->field->site.n_members; i++) {
        known += n->live.absent[i] != all_channels(n->field);
    }
    return 2 * known >= n->field->site.n_members;
}

void qresi_checkpoint_freeze(qres_node *n)
{
    uint32_t era = qres_era_of(n->field, n->live.phase + 1);
    n->snap_era = era;
    n->snap_valid = 1;
    n->snap_digest = qres_state_digest(n->field, &n->live);
    n->blob_len = 0;
    if (n->config.self != QRES_NO_SLOT && knows_half(n)
        && qresi_checkpoint_scribe(n->field, &n->live, era) == n->config.self) {
        int len = qres_blob_encode(n->field, &n->live, n->blob, sizeof n->blob);
        n->blob_len = len > 0 ? (uint32_t)len : 0;
    }
}

size_t qresi_checkpoint_seal(qres_node *n, uint32_t phase, uint8_t *frame)
{
    const qres_field *f = n->field;
    uint32_t era = qres_era_of(f, phase);
    uint32_t fragments = qres_fragment_sources(n->blob_len) + qres_fragment_parities(n->blob_len);
    uint32_t q = qresi_checkpoint_ordinal(f, era, phase);
    uint32_t j;
    uint8_t nonce[13];
    qres_cipher cipher;
    size_t d;
    if (n->blob_len == 0 || n->snap_era != era) {
        return 0;
    }
    j = fragment_of(f, era, n->config.self, q, fragments);
    if (j >= fragments) {
        return 0;
    }
    frame[0] = (uint8_t)j;
    fx_put16(frame + 1, n->blob_len);
    d = (size_t)qres_fragment(n->blob, n->blob_len, j, frame + CHECKPOINT_HEAD);
    cipher = qresi_seal_cipher(n, era);
    qresi_seal_nonce(f, phase, f->site.member[n->config.self].id, QRES_FRAME_CHECKPOINT, nonce);
    qres_ccm_seal(&cipher, nonce, sizeof nonce, frame, 1, frame + 1, d + 2,
                  frame + CHECKPOINT_HEAD + d, TAG_BYTES);
    return CHECKPOINT_HEAD + d + TAG_BYTES;
}

/* The order of trial: the three scribes in turn, then everybody else by index. */
static uint32_t candidate(const qres_field *f, uint32_t era, uint32_t order)
{
    uint32_t n = f->site.n_members;
    uint32_t first = era % n;
    uint32_t early = n < SCRIBE_CANDIDATES ? n : SCRIBE_CANDIDATES;
    uint32_t left = order - early;
    if (order < early) {
        return (first + order) % n;
    }
    for (uint32_t i = 0;; i++) {
        uint32_t distance = (i + n - first) % n;
        if (distance >= early && left-- == 0) {
            return i;
        }
    }
}

static int open_fragment(qres_node *n, uint32_t phase, const uint8_t *frame, size_t len,
                         uint8_t *plain, uint32_t *order)
{
    const qres_field *f = n->field;
    uint32_t era = qres_era_of(f, phase);
    qres_cipher cipher = qresi_seal_cipher(n, era);
    size_t body = len - 1 - TAG_BYTES;
    for (*order = 0; *order < f->site.n_members; (*order)++) {
        uint8_t nonce[13];
        n->trials++;
        for (size_t i = 0; i < body; i++) {
            plain[i] = frame[1 + i];
        }
        qresi_seal_nonce(f, phase, f->site.member[candidate(f, era, *order)].id,
                         QRES_FRAME_CHECKPOINT, nonce);
        if (qres_ccm_open(&cipher, nonce, sizeof nonce, frame, 1, plain, body, frame + 1 + body,
                          TAG_BYTES) == QRES_OK) {
            return QRES_OK;
        }
    }
    return QRES_ERR_TAG;
}

static uint32_t blob_hash(const uint8_t *blob, uint32_t len)
{
    uint32_t h = fx_mix(FX_HASH_START, len);
    for (uint32_t i = 0; i < len; i++) {
        h = fx_mix(h, blob[i]);
    }
    return fx_fin(h);
}

/*
 * Put the fragments together in n->blob. Returns 1 if that is what this replica would have sent:
 * then there is nothing to decode, and no day to replay.
 */
static int assemble(qres_node *n, int own, uint32_t start)
{
    int len = own && n->base.phase == start - 1
                  ? qres_blob_encode(n->field, &n->base, n->blob, sizeof n->blob)
                  : 0;
    uint32_t mine = len > 0 ? blob_hash(n->blob, (uint32_t)len) : 0;
    qresi_fragment_assemble(&n->assembly, n->blob);
    return len > 0 && (uint32_t)len == n->assembly.len
           && blob_hash(n->blob, n->assembly.len) == mine;
}

/*
 * The blob is whole. It is decoded into `live`, which can always be had again
 * from base and log: a third state would cost 10 KB of the node's memory.
 */
static int complete(qres_node *n, uint32_t era)
{
    uint32_t committed = n->live.phase;
    uint32_t start = qres_era_start(n->field, era);
    int own = n->snap_valid && n->snap_era == era;
    int rc;
    n->assembly.done = 1;
    n->blob_len = 0; /* a scribe that has heard an earlier one stops */
    if (assemble(n, own, start)) {
        n->counters.verified++;
        n->synced = 1;
        return QRES_OK;
    }
    rc = qres_blob_decode(n->field, era, n->blob, n->assembly.len, &n->scratch, &n->live);
    if (rc == QRES_OK) {
        if (own && qres_state_digest(n->field, &n->live) == n->snap_digest) {
            n->counters.verified++;
            n->synced = 1;
        } else if (!n->slid && (!own || n->base.phase == start - 1)) {
            n->base = n->live;
            n->waypoint.phase = 0;
            n->snap_valid = 1;
            n->snap_era = era;
            n->snap_digest = qres_state_digest(n->field, &n->live);
            n->counters.adopted++;
            qresi_replica_is_well(n);
            n->synced = 1;
        } else {
            n->counters.missed_checkpoints++;
        }
    }
    n->live.phase = committed;
    n->dirty = REBUILD_FROM_WAYPOINT; /* if it is still on the way from the base */
    qres_settle(n);
    return rc;
}

/* Collect anew. Whoever is a scribe itself listens only to those before it in the order of trial. */
static void begin_era(qres_node *n, uint32_t era)
{
    qres_assembly *a = &n->assembly;
    a->era = era;
    a->have = 0;
    a->done = 0;
    a->order = NOBODY;
    if (n->blob_len != 0 && n->snap_era == era) {
        a->order = (uint8_t)n->field->site.n_members;
        do {
            a->order--;
        } while (candidate(n->field, era, a->order) != n->config.self);
    }
    for (uint32_t i = 0; i < sizeof a->seen; i++) {
        a->seen[i] = 0;
    }
}

/* Whether this number was heard before in the era; from now on it was. */
static int seen_before(qres_assembly *a, uint8_t number)
{
    uint8_t bit = (uint8_t)(1u << (number % 8));
    int before = (a->seen[number / 8] & bit) != 0;
    a->seen[number / 8] = (uint8_t)(a->seen[number / 8] | bit);
    return before;
}

int qresi_checkpoint_heard(qres_node *n, uint32_t phase, const uint8_t *frame, size_t len,
                           qres_heard_info *info)
{
    qres_assembly *a = &n->assembly;
    uint32_t era = qres_era_of(n->field, phase);
    uint8_t plain[QRES_MAX_FRAME];
    uint32_t blob_len;
    uint32_t order;
    size_t d = len - CHECKPOINT_HEAD - TAG_BYTES;
    int rc = open_fragment(n, phase, frame, len, plain, &order);
    if (rc != QRES_OK) {
        return rc;
    }
    blob_len = fx_get16(plain);
    info->kind = QRES_FRAME_CHECKPOINT;
    info->member = (uint8_t)candidate(n->field, era, order);
    info->phase = phase;
    if (blob_len == 0 || blob_len > QRES_BLOB_MAX || qresi_fragment_bytes(blob_len) != d
        || frame[0] >= qres_fragment_sources(blob_len) + qres_fragment_parities(blob_len)) {
        return QRES_ERR_BLOB;
    }
    if (a->era != era) {
        begin_era(n, era);
    }
    if (order > a->order) {
        return QRES_OK; /* authentic, and another scribe's word counts more */
    }
    if (order < a->order) {
        begin_era(n, era);
        a->order = (uint8_t)order;
        a->len = blob_len;
    }
    if (a->len != blob_len) {
        return QRES_ERR_BLOB;
    }
    if (seen_before(a, frame[0])) {
        return QRES_ERR_DUPLICATE;
    }
    if (a->done) {
        return QRES_OK;
    }
    a->index[a->have] = frame[0];
    for (size_t b = 0; b < d; b++) {
        a->data[a->have][b] = plain[2 + b];
    }
    a->have++;
    return a->have == qres_fragment_sources(blob_len) ? complete(n, era) : QRES_OK;
}
