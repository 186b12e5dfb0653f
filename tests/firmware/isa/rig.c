/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

qres_field rig_field;
qres_node rig_node;
qres_heard_info rig_info;
uint8_t rig_buffer[QRES_BLOB_MAX + 16];
rig_frame rig_sent[RIG_SENT_MAX];
const int32_t rig_missed[QRES_MAX_CHANNELS] = {QRES_MISSED, QRES_MISSED, QRES_MISSED,
                                               QRES_MISSED, QRES_MISSED, QRES_MISSED};

static qres_action action;

int rig_same(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return 0;
        }
    }
    return 1;
}

void rig_copy(uint8_t *to, const uint8_t *from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = from[i];
    }
}

int rig_same_report(const qres_report *a, const qres_report *b)
{
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        if (((a->included >> c) & 1u) != 0 && a->k[c] != b->k[c]) {
            return 0;
        }
    }
    return a->member == b->member && a->included == b->included && a->absent == b->absent;
}

/* Words of a state, read into it or compared with it. */
typedef struct {
    const int32_t *at;
    int reading, same;
} cursor;

static int32_t word(cursor *w, int32_t have)
{
    int32_t given = *w->at++;
    w->same = w->same && given == have;
    return w->reading ? given : have;
}

static void words(cursor *w, int32_t *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        items[i] = word(w, items[i]);
    }
}

static void fire_walk(cursor *w, qres_state *s)
{
    qres_fire_block *b = &s->fire;
    b->days = (uint8_t)word(w, b->days);
    b->regime = (uint8_t)word(w, b->regime);
    b->lull = (uint8_t)word(w, b->lull);
    words(w, b->usual, 8);
    words(w, b->spread, 8);
    for (uint32_t k = 0; k < 2; k++) {
        words(w, b->apart[k], 4);
    }
    for (uint32_t k = 0; k < 2; k++) {
        words(w, b->rare[k], 3);
    }
    words(w, s->fuel, rig_field.site.n_members);
    words(w, s->mark, rig_field.site.n_members);
}

/* The order of words: vector_source_c.py writes them so. */
static void rig_state_walk(cursor *w, qres_state *s)
{
    uint32_t n = rig_field.site.n_members;
    s->phase = (uint32_t)word(w, (int32_t)s->phase);
    for (uint32_t c = 0; c < rig_field.site.n_channels; c++) {
        s->m[c] = word(w, s->m[c]);
        s->e[c] = (uint8_t)word(w, s->e[c]);
        for (uint32_t k = 0; k < 4; k++) {
            s->q[c][k] = (int16_t)word(w, s->q[c][k]);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        s->absent[i] = (uint8_t)word(w, s->absent[i]);
        s->last_report[i] = (uint32_t)word(w, (int32_t)s->last_report[i]);
    }
    for (uint32_t c = 0; c < rig_field.site.n_channels; c++) {
        words(w, s->value[c], n);
        words(w, s->last[c], n);
        words(w, s->slow[c], n);
    }
    if (is_fire_site(&rig_field)) {
        fire_walk(w, s);
    }
}

void rig_state_read(qres_state *s, const int32_t *given)
{
    cursor w = {given, 1, 1};
    qres_state_init(s, &rig_field, 0);
    rig_state_walk(&w, s);
}

int rig_state_is(qres_state *s, const int32_t *given)
{
    cursor w = {given, 0, 1};
    rig_state_walk(&w, s);
    return w.same;
}

int rig_node_from(const qres_site *site, const uint8_t *key, uint32_t first_phase, uint32_t self,
                  uint32_t search)
{
    qres_config config = {QRES_NO_SLOT, 0, 0, 0, 0};
    config.self = (uint8_t)self;
    config.search = (uint8_t)search;
    config.first_phase = first_phase;
    return qres_field_init(&rig_field, site) == QRES_OK
           && qres_init(&rig_node, &rig_field, key, &config) == QRES_OK;
}

int rig_node_with(const qres_site *site, const uint8_t *key, const int32_t *state, uint32_t self)
{
    if (!rig_node_from(site, key, 1, self, 0)) {
        return 0;
    }
    rig_state_read(&rig_node.live, state);
    rig_node.base = rig_node.live;
    return 1;
}

int rig_node_at(const qres_site *site, const uint8_t *key, uint32_t phase, uint32_t self)
{
    if (!rig_node_from(site, key, 1, self, 0)) {
        return 0;
    }
    rig_node.live.phase = phase;
    rig_node.base.phase = phase;
    return 1;
}

void rig_own_digest_is(uint32_t digest)
{
    uint32_t at = rig_node.live.phase % QRES_DIGEST_HISTORY;
    rig_node.recent_phase[at] = rig_node.live.phase;
    rig_node.recent_digest[at] = digest;
}

int rig_hear(uint32_t phase, uint32_t slot, const uint8_t *frame, size_t len)
{
    const qres_field *f = &rig_field;
    uint64_t due_us = phase * f->phase_us + f->lead_us + f->guard_us / 2 + slot * f->slot_us;
    uint64_t end_us = due_us + f->airtime_us[len < QRES_MAX_FRAME ? len : QRES_MAX_FRAME];
    return qres_heard(&rig_node, end_us, frame, len, &rig_info);
}

int rig_open_phase(const int32_t *samples)
{
    int n = 0;
    uint64_t now_us = (rig_node.live.phase + 1) * rig_field.phase_us + rig_field.guard_us / 2;
    for (;;) {
        qres_next(&rig_node, now_us, &action);
        if (action.kind == QRES_DO_LISTEN) {
            return n;
        }
        if (action.kind == QRES_DO_SAMPLE) {
            qres_sample(&rig_node, samples);
        } else if (action.kind == QRES_DO_TRANSMIT && n < RIG_SENT_MAX) {
            rig_sent[n].kind = action.frame_kind;
            rig_sent[n].len = action.len;
            rig_copy(rig_sent[n].at, action.bytes, action.len);
            n++;
        } else {
            return -1;
        }
    }
}

const rig_frame *rig_sent_kind(int n, uint32_t kind)
{
    for (int i = 0; i < n; i++) {
        if (rig_sent[i].kind == kind) {
            return &rig_sent[i];
        }
    }
    return NULL;
}

uint32_t rig_commit(void)
{
    uint32_t phase = rig_node.live.phase + 1;
    uint64_t now_us = phase * rig_field.phase_us + rig_field.commit_us;
    qres_next(&rig_node, now_us - (uint64_t)rig_node.clock_corr_us, &action);
    return action.kind == QRES_DID_COMMIT && rig_node.live.phase == phase ? phase : 0;
}
