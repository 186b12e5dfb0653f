/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base, log and fold: the state whatever the order of arrival (SPEC 8), and health.
 */
#include "core.h"

enum {
    SUSPECT_LIMIT = 4,
    BITS_KEPT = 16,
    WAYPOINT_LAG = 16, /* [phases] an echo is of one of the 15 before its frame's (SPEC 6.5) */
    WAYPOINT_AGE = 32  /* [phases] after which it is moved, if frames can change what is committed */
};

/* Index of the first log entry at or after (phase, member). */
uint32_t qresi_replica_log_position(const qres_node *n, uint32_t phase, uint32_t member)
{
    uint32_t lo = 0;
    uint32_t hi = n->n_log;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        const qres_log_entry *e = &n->log[mid];
        if (e->phase < phase || (e->phase == phase && e->member < member)) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

int qresi_replica_log_find(const qres_node *n, uint32_t phase, uint32_t member)
{
    uint32_t at = qresi_replica_log_position(n, phase, member);
    return at < n->n_log && n->log[at].phase == phase && n->log[at].member == member ? (int)at : -1;
}

int qresi_replica_accepts(const qres_node *n, uint32_t phase)
{
    return phase > n->base.phase && phase <= (uint64_t)n->live.phase + 2;
}

/* A frame that waited could be read, and its tag says that it was read right. */
static void keep_decoded(const qres_field *f, qres_log_entry *e, const qres_report *r)
{
    e->is_s = e->raw_len == f->form_s + TAG_BYTES;
    e->raw_len = 0;
    e->included = r->included;
    e->absent = r->absent;
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        e->u.k[c] = (r->included >> c) & 1 ? r->k[c] : 0;
    }
}

/* The reports of the phase after s->phase, decoded where they were raw; then commit it. */
static void fold_phase(qres_node *n, qres_state *s)
{
    uint32_t phase = s->phase + 1;
    uint32_t count = 0;
    for (uint32_t at = qresi_replica_log_position(n, phase, 0); at < n->n_log && n->log[at].phase == phase; at++) {
        qres_log_entry *e = &n->log[at];
        qres_report *r = &n->scratch.phase_reports[count];
        uint32_t digest_bit;
        if (e->raw_len == QRES_LOG_ECHO) {
            if (!qresi_echo_read(n->field, s, e->member, fx_get32(e->u.raw), r)) {
                continue;
            }
        } else if (e->raw_len != 0) {
            qres_echo unused;
            if (qresi_replica_open_report(n, s, phase, e->member, e->u.raw, e->raw_len,
                                          OPEN_ALL_WINDOWS, r, &digest_bit, &unused) != QRES_OK) {
                continue;
            }
            keep_decoded(n->field, e, r);
        } else {
            r->member = e->member;
            r->included = e->included;
            r->absent = e->absent;
            for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
                r->k[c] = e->u.k[c];
            }
        }
        count++;
    }
    qres_commit(n->field, &n->scratch, s, n->scratch.phase_reports, count);
    for (uint32_t slot = 0; slot < n->field->slots && s == &n->live; slot++) {
        uint32_t i = n->field->slot_member[phase % QRES_PHASES][slot];
        for (uint32_t c = 0; c < n->field->site.n_channels && i != QRES_NO_SLOT; c++) {
            n->judged[c][i] = n->scratch.judged[c][slot];
        }
    }
}

static void drop_before(qres_node *n, uint32_t phase)
{
    uint32_t first = qresi_replica_log_position(n, phase, 0);
    for (uint32_t i = first; i < n->n_log; i++) {
        n->log[i - first] = n->log[i];
    }
    n->n_log -= first;
}

/* Make room: the oldest logged phase goes into base. Only committed phases may. */
static int slide_base(qres_node *n)
{
    uint32_t oldest = n->log[0].phase;
    if (oldest > n->live.phase) {
        return QRES_ERR_FULL;
    }
    while (n->base.phase < oldest) {
        fold_phase(n, &n->base);
    }
    drop_before(n, oldest + 1);
    n->slid = 1;
    return QRES_OK;
}

int qresi_replica_log_insert(qres_node *n, const qres_log_entry *entry)
{
    uint32_t at;
    int found = qresi_replica_log_find(n, entry->phase, entry->member);
    if (found >= 0) {
        if (n->log[found].raw_len == 0 || entry->raw_len != 0) {
            return QRES_ERR_DUPLICATE;
        }
        uint8_t echoes = n->log[found].echoes;
        uint8_t relayed = n->log[found].relayed;
        n->log[found] = *entry;
        n->log[found].echoes = echoes;
        n->log[found].relayed = relayed;
        return QRES_OK;
    }
    if (n->n_log == QRES_LOG_MAX) {
        if (slide_base(n) != QRES_OK || entry->phase <= n->base.phase) {
            return QRES_ERR_FULL;
        }
    }
    at = qresi_replica_log_position(n, entry->phase, entry->member);
    for (uint32_t i = n->n_log; i > at; i--) {
        n->log[i] = n->log[i - 1];
    }
    n->log[at] = *entry;
    n->n_log++;
    return QRES_OK;
}

int qresi_replica_log_report(qres_node *n, uint32_t phase, const qres_report *r, uint32_t is_s)
{
    qres_log_entry e;
    e.phase = phase;
    e.member = r->member;
    e.included = r->included;
    e.absent = r->absent;
    e.raw_len = 0;
    e.is_s = (uint8_t)is_s;
    e.echoes = 0;
    e.relayed = 0;
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        e.u.k[c] = (r->included >> c) & 1 ? r->k[c] : 0;
    }
    return qresi_replica_log_insert(n, &e);
}

void qresi_replica_learnt(qres_node *n, uint32_t phase, uint32_t member)
{
    if (n->heard_phase[member] < phase) {
        n->heard_phase[member] = phase;
    }
    qresi_replica_changed(n, phase);
}

void qresi_replica_log_remove(qres_node *n, uint32_t phase, uint32_t member)
{
    int found = qresi_replica_log_find(n, phase, member);
    if (found >= 0) {
        n->n_log--;
        for (uint32_t i = (uint32_t)found; i < n->n_log; i++) {
            n->log[i] = n->log[i + 1];
        }
    }
}

void qresi_replica_note_digest(qres_node *n, uint32_t phase, uint32_t digest)
{
    n->recent_phase[phase % QRES_DIGEST_HISTORY] = phase;
    n->recent_digest[phase % QRES_DIGEST_HISTORY] = digest;
}

int qresi_replica_own_digest(const qres_node *n, uint32_t phase, uint32_t *digest)
{
    uint32_t at = phase % QRES_DIGEST_HISTORY;
    if (n->recent_phase[at] != phase || phase > n->live.phase) {
        return 0;
    }
    *digest = n->recent_digest[at];
    return 1;
}

static void note_divergence(qres_node *n, uint32_t phase)
{
    if (!n->diverged) {
        n->diverged = 1;
        n->diverged_phase = phase;
    }
}

void qresi_replica_is_well(qres_node *n)
{
    n->diverged = 0;
    n->suspect_bits = 0;
}

void qresi_replica_compare_bit(qres_node *n, uint32_t phase, uint32_t bit)
{
    uint32_t own;
    uint32_t wrong;
    if (!qresi_replica_own_digest(n, phase - 1, &own)) {
        return;
    }
    wrong = (own & 1u) != bit;
    n->counters.bits_compared++;
    n->counters.bits_wrong += wrong;
    n->suspect_bits = (n->suspect_bits << 1 | wrong) & ((1u << BITS_KEPT) - 1u);
    n->match_run = wrong ? 0 : n->match_run + 1;
    if (fx_count(n->suspect_bits) >= SUSPECT_LIMIT) {
        note_divergence(n, phase);
    } else if (n->match_run >= BITS_KEPT) {
        n->diverged = 0;
    }
}

void qresi_replica_compare_digest(qres_node *n, uint32_t phase, uint32_t digest)
{
    uint32_t own;
    if (!qresi_replica_own_digest(n, phase - 1, &own)) {
        return;
    }
    n->counters.beacons_compared++;
    n->counters.beacons_wrong += own != digest;
    if (own == digest) {
        qresi_replica_is_well(n);
    } else {
        note_divergence(n, phase);
    }
}

void qresi_replica_changed(qres_node *n, uint32_t phase)
{
    if (phase > n->live.phase) {
        return;
    }
    if (phase <= n->waypoint.phase) {
        n->waypoint.phase = 0;
    }
    if (n->dirty != REBUILD_FROM_BASE) {
        n->dirty = REBUILD_FROM_WAYPOINT;
    }
}

/* Where a rebuild begins. */
static uint32_t way_back(const qres_node *n)
{
    return n->waypoint.phase > n->base.phase ? n->waypoint.phase : n->base.phase;
}

/* Live anew, and on the way to it the next waypoint. */
static void rebuild(qres_node *n)
{
    uint32_t target = n->live.phase;
    if (n->dirty == REBUILD_FROM_WAYPOINT && n->waypoint.phase > n->base.phase) {
        qresi_waypoint_return(n);
    } else {
        n->live = n->base;
        qresi_replica_note_digest(n, n->live.phase, qres_state_digest(n->field, &n->live));
    }
    n->dirty = 0;
    while (n->live.phase < target) {
        fold_phase(n, &n->live);
        if (n->live.phase + QRES_DIGEST_HISTORY > target) {
            qresi_replica_note_digest(n, n->live.phase, qres_state_digest(n->field, &n->live));
        }
        if ((n->live.phase + 1) % QRES_PHASES == 0 && n->live.phase + WAYPOINT_LAG <= target
            && n->live.phase + WAYPOINT_LAG + QRES_PHASES > target) {
            qresi_waypoint_note(n);
        }
    }
}

void qres_settle(qres_node *n)
{
    if (n->dirty) {
        n->counters.rebuilds++;
        rebuild(n);
    }
}

void qresi_replica_idle(qres_node *n)
{
    int late_news = n->field->echo_bytes != 0 || n->field->site.n_relays != 0;
    if (late_news && n->live.phase - way_back(n) >= WAYPOINT_AGE) {
        n->dirty = REBUILD_FROM_WAYPOINT;
        rebuild(n);
    }
}

void qresi_replica_commit_next(qres_node *n)
{
    fold_phase(n, &n->live);
    n->counters.commits++;
    qresi_replica_note_digest(n, n->live.phase, qres_state_digest(n->field, &n->live));
    if ((n->live.phase + 1) % n->field->phases_per_day == 0) {
        n->base = n->live;
        n->slid = 0;
        drop_before(n, n->live.phase + 1);
        qresi_checkpoint_freeze(n);
    }
}

uint32_t qres_digest(const qres_node *n)
{
    return qres_state_digest(n->field, &n->live);
}

uint32_t qres_status(const qres_node *n, uint32_t member)
{
    const qres_state *s = &n->live;
    if (s->absent[member] == all_channels(n->field)) {
        return QRES_UNKNOWN;
    }
    /* What was heard since was right when it was said; what is older may be what differs. */
    if (n->diverged && n->heard_phase[member] < n->diverged_phase) {
        return QRES_DIVERGED;
    }
    if (is_stale(n->field, s, member, s->phase)) {
        return QRES_STALE;
    }
    /* At an era's start last_report moves for everybody, so the log decides. */
    return s->phase < s->last_report[member] + QRES_PHASES
                   && qresi_replica_log_find(n, s->last_report[member], member) >= 0
               ? QRES_REPORTED
               : QRES_HELD;
}
