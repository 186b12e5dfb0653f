/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sans-IO machine: what to do next (SPEC 3, 6.2 to 6.4).
 */
#include "core.h"

enum {
    CLOCK_STEP_MAX_US = 200000,
    CLOCK_RATE_STEP_PPB = 4000, /* whoever comes back late must not take the field's rate with it */
    CLOCK_RATE_MAX_PPB = 100000,
    MISSED_MAX = 255,
    ANNOUNCEMENTS = 2
};

int qres_init(qres_node *n, const qres_field *field, const uint8_t *key, const qres_config *config)
{
    if ((config->self != QRES_NO_SLOT && config->self >= field->site.n_members)
        || config->first_phase < 1) {
        return QRES_ERR_INVALID;
    }
    qres_wipe(n, sizeof *n);
    n->field = field;
    n->config = *config;
    for (uint32_t i = 0; i < 16; i++) {
        n->key[i] = key[i];
    }
    n->key_era[0] = UINT32_MAX; /* odd: never the era of an even place */
    n->key_era[1] = UINT32_MAX - 1;
    n->synced = 1;
    qres_state_init(&n->base, field, config->first_phase - 1);
    n->live = n->base;
    qresi_replica_note_digest(n, n->live.phase, qres_state_digest(field, &n->live));
    return QRES_OK;
}

static int has_slot(const qres_node *n)
{
    return n->config.self != QRES_NO_SLOT;
}

static int is_own_phase(const qres_node *n, uint32_t phase)
{
    return has_slot(n) && n->field->site.member[n->config.self].phase == phase % QRES_PHASES;
}

static int may_send(const qres_node *n, uint32_t phase)
{
    return has_slot(n) && phase >= n->config.tx_not_before;
}

static void sort_offsets(int32_t *v, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        int32_t x = v[i];
        uint32_t j = i;
        for (; j > 0 && v[j - 1] > x; j--) {
            v[j] = v[j - 1];
        }
        v[j] = x;
    }
}

/* SPEC 3.1: a proportional and integral controller on the median arrival offset. */
static void correct_clock(qres_node *n)
{
    uint32_t count = n->n_offsets;
    int64_t phase_us = (int64_t)n->field->phase_us;
    n->n_offsets = 0;
    if (count > 0) {
        int64_t error_us;
        int64_t step_ppb;
        sort_offsets(n->offset_us, count);
        error_us = fx_clip(n->offset_us[count / 2], -CLOCK_STEP_MAX_US, CLOCK_STEP_MAX_US);
        n->clock_corr_us -= fx_rdiv(error_us, 4);
        step_ppb = fx_clip(fx_rdiv(error_us * 31250000, phase_us), -CLOCK_RATE_STEP_PPB,
                           CLOCK_RATE_STEP_PPB);
        /* The leak bounds what the field's clocks could drift away with in common. */
        n->clock_rate_ppb =
            fx_clip(n->clock_rate_ppb - step_ppb - fx_rdiv(n->clock_rate_ppb, 64),
                    -CLOCK_RATE_MAX_PPB, CLOCK_RATE_MAX_PPB);
    }
    n->clock_corr_us += fx_rdiv(n->clock_rate_ppb * phase_us, 1000000000);
}

/* The common slot of the open phase, if it is this node's turn. */
static void prepare_common(qres_node *n, uint32_t phase)
{
    const qres_field *f = n->field;
    n->common_len = 0;
    if (!may_send(n, phase)) {
        return;
    }
    if (phase % f->beacon_phases == 0) {
        if ((phase / f->beacon_phases) % f->site.n_members == n->config.self) {
            n->common_len = (uint8_t)qresi_beacon_seal(n, phase, n->common);
            n->common_kind = QRES_FRAME_BEACON;
        }
    } else if (n->blob_len != 0) {
        n->common_len = (uint8_t)qresi_checkpoint_seal(n, phase, n->common);
        n->common_kind = QRES_FRAME_CHECKPOINT;
    }
}

static void open_phase(qres_node *n)
{
    n->tx_len = 0;
    n->sampled = 0;
    prepare_common(n, n->live.phase + 1);
}

static uint32_t seal_report(qres_node *n, const qres_report *r, size_t payload_len, uint8_t *frame)
{
    qres_echo echo;
    const qres_field *f = n->field;
    uint32_t phase = n->live.phase + 1;
    qres_cipher cipher = qresi_seal_cipher(n, qres_era_of(f, phase));
    uint8_t nonce[13];
    uint8_t aad[15];
    uint32_t own;
    if (!qresi_replica_own_digest(n, phase - 1, &own)) {
        own = qres_state_digest(f, &n->live);
    }
    echo = qresi_echo_choose(n);
    qres_report_encode(f, r, own & 1u, &echo, frame, payload_len);
    qresi_seal_nonce(f, phase, f->site.member[r->member].id, QRES_FRAME_REPORT, nonce);
    qres_ccm_seal(&cipher, nonce, sizeof nonce, aad, qresi_report_aad(f, r, payload_len, aad),
                  frame, payload_len, frame + payload_len, TAG_BYTES);
    return (uint32_t)payload_len + TAG_BYTES;
}

void qres_sample(qres_node *n, const int32_t *samples)
{
    qres_report r;
    int len;
    if (n->sampled || !is_own_phase(n, n->live.phase + 1)) {
        return; /* nobody asked: a second report of a phase would repeat its nonce */
    }
    n->sampled = 1;
    for (uint32_t c = 0; c < n->field->site.n_channels; c++) {
        n->missed[c] = samples[c] != QRES_MISSED     ? 0
                       : n->missed[c] < MISSED_MAX ? (uint8_t)(n->missed[c] + 1)
                                                   : MISSED_MAX;
    }
    qres_settle(n);
    if (!may_send(n, n->live.phase + 1)) {
        return;
    }
    if (n->announced < ANNOUNCEMENTS) {
        n->announced++;
        len = qres_announce(n->field, &n->live, n->config.self, samples, n->missed, &r);
    } else {
        len = qres_decide(n->field, &n->live, n->config.self, samples, n->missed, &r);
    }
    if (len == 0) {
        return;
    }
    n->tx_len = (uint8_t)seal_report(n, &r, (size_t)len, n->tx);
    if (qresi_replica_log_report(n, n->live.phase + 1, &r, len == n->field->form_s) != QRES_OK) {
        n->counters.refused[-QRES_ERR_FULL]++;
    }
}

void qres_not_sent(qres_node *n)
{
    if (has_slot(n)) {
        n->counters.deferred++;
        n->tx_len = 0;
        qresi_replica_log_remove(n, n->live.phase + 1, n->config.self);
    }
}

static void give_frame(const qres_node *n, qres_action *a, const uint8_t *frame, uint32_t len,
                       uint32_t kind, uint64_t due_us)
{
    a->kind = QRES_DO_TRANSMIT;
    a->len = (uint8_t)len;
    a->frame_kind = (uint8_t)kind;
    a->from_us = due_us - (uint64_t)n->clock_corr_us;
    a->until_us = a->from_us + n->field->airtime_us[len];
    for (uint32_t i = 0; i < len; i++) {
        a->bytes[i] = frame[i];
    }
}

/* When this node's origin slot's transmission is due in the phase that starts at start_us. */
static uint64_t own_slot_us(const qres_node *n, uint64_t start_us)
{
    const qres_field *f = n->field;
    return start_us + f->lead_us + f->guard_us / 2
           + f->site.member[n->config.self].slot * f->slot_us;
}

/*
 * Transmissions of the open phase that are still to be given. Returns 1 if there was one.
 * A frame whose guard time has passed as well (the clock jumped, or nobody asked in time) would run
 * into the next slot: it stays unsent.
 */
static int next_transmission(qres_node *n, uint64_t start_us, uint64_t now, qres_action *a)
{
    const qres_field *f = n->field;
    uint64_t late_us = now - f->guard_us / 2;
    uint64_t due = own_slot_us(n, start_us);
    if (n->tx_len != 0 && late_us > due) {
        qres_not_sent(n);
    }
    if (n->tx_len != 0) {
        give_frame(n, a, n->tx, n->tx_len, QRES_FRAME_REPORT, due);
        n->tx_len = 0;
        return 1;
    }
    due = start_us + f->lead_us + f->guard_us / 2 + f->slots * f->slot_us;
    if (n->common_len != 0 && late_us <= due) {
        give_frame(n, a, n->common, n->common_len, n->common_kind, due);
        n->common_len = 0;
        return 1;
    }
    return 0;
}

void qres_next(qres_node *n, uint64_t now_us, qres_action *a)
{
    const qres_field *f = n->field;
    uint64_t now = field_time_us(n, now_us);
    uint32_t phase;
    uint64_t start;
    qres_settle(n);
    phase = n->live.phase + 1;
    start = phase * f->phase_us;
    *a = (qres_action){0};
    a->phase = phase;
    if (now >= start + f->commit_us) {
        qresi_replica_commit_next(n);
        correct_clock(n);
        open_phase(n);
        a->kind = QRES_DID_COMMIT;
        a->from_us = a->until_us = now_us;
        return;
    }
    a->from_us = now_us;
    a->until_us = start + f->commit_us - (uint64_t)n->clock_corr_us;
    if (now < start) {
        qresi_replica_idle(n);
        a->kind = QRES_DO_SLEEP;
        a->until_us = start - (uint64_t)n->clock_corr_us;
    } else if (is_own_phase(n, phase) && !n->sampled && now <= own_slot_us(n, start)) {
        a->kind = QRES_DO_SAMPLE;
    } else if (has_slot(n) && next_transmission(n, start, now, a)) {
        return;
    } else {
        a->kind = QRES_DO_LISTEN;
    }
}
