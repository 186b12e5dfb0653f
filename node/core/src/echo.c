/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo: each REPORT repeats an older one, for those who missed it (SPEC 6.5).
 */
#include "core.h"

enum { AGE_MAX = 15, ECHOES_MAX = 255 };

int qresi_echo_read(const qres_field *f, const qres_state *s, uint32_t member, uint32_t low,
                    qres_report *r)
{
    r->member = (uint8_t)member;
    r->included = 0;
    r->absent = s->absent[member];
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        r->k[c] = 0;
        if (!is_primary(f, c)) {
            continue;
        }
        if (is_present(s, member, c)) {
            r->included = (uint8_t)(r->included | 1u << c);
            r->k[c] = fx_clip16(qresi_report_unwrap(low & ((1u << REPORT_BITS_S) - 1u),
                                                    qresi_report_predicted(f, s, member, c),
                                                    REPORT_BITS_S, 0));
        }
        low >>= REPORT_BITS_S;
    }
    return r->included != 0;
}

/* The low bits that repeat an S entry. */
uint32_t qresi_echo_low(const qres_field *f, const qres_log_entry *e)
{
    uint32_t low = 0;
    uint32_t at = 0;
    if (e->raw_len == QRES_LOG_ECHO) {
        return fx_get32(e->u.raw);
    }
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        if (is_primary(f, c)) {
            if ((e->included >> c) & 1) {
                low |= ((uint32_t)(int32_t)e->u.k[c] & ((1u << REPORT_BITS_S) - 1u)) << at;
            }
            at += REPORT_BITS_S;
        }
    }
    return low;
}

static void count(qres_log_entry *e)
{
    e->echoes = (uint8_t)(e->echoes < ECHOES_MAX ? e->echoes + 1 : ECHOES_MAX);
}

static int is_candidate(const qres_node *n, const qres_log_entry *e)
{
    return e->is_s && e->member != n->config.self && e->phase <= n->live.phase;
}

/*
 * Among the candidates with the fewest echoes, newest first, the one at the place that the own slot
 * gives: members that report in the same phase then repeat different ones.
 */
qres_echo qresi_echo_choose(qres_node *n)
{
    const qres_field *f = n->field;
    uint32_t phase = n->live.phase + 1;
    uint32_t fewest = ECHOES_MAX;
    uint32_t equals = 0;
    qres_echo echo = {0, 0, 0};
    for (uint32_t i = n->n_log; i-- > 0 && n->log[i].phase + AGE_MAX >= phase;) {
        if (is_candidate(n, &n->log[i])) {
            equals = n->log[i].echoes < fewest ? 1 : equals + (n->log[i].echoes == fewest);
            fewest = n->log[i].echoes < fewest ? n->log[i].echoes : fewest;
        }
    }
    if (f->echo_bytes == 0 || equals == 0) {
        return echo;
    }
    equals = f->site.member[n->config.self].slot % equals;
    for (uint32_t i = n->n_log; i-- > 0;) {
        qres_log_entry *e = &n->log[i];
        if (is_candidate(n, e) && e->echoes == fewest && equals-- == 0) {
            echo.age = (uint8_t)(phase - e->phase);
            echo.slot = f->site.member[e->member].slot;
            echo.low = qresi_echo_low(f, e);
            count(e);
            return echo;
        }
    }
    return echo;
}

int qresi_echo_insert(qres_node *n, uint32_t phase, uint32_t member, uint32_t low, uint32_t echoes)
{
    qres_log_entry e;
    int rc;
    e.phase = phase;
    e.member = (uint8_t)member;
    e.included = 0;
    e.absent = 0;
    e.raw_len = QRES_LOG_ECHO;
    e.is_s = 1;
    e.echoes = (uint8_t)echoes;
    e.relayed = 0;
    for (uint32_t i = 0; i < sizeof e.u.raw; i++) {
        e.u.raw[i] = 0;
    }
    fx_put32(e.u.raw, low);
    rc = qresi_replica_log_insert(n, &e);
    if (rc == QRES_OK) {
        n->counters.restored++;
        qresi_replica_learnt(n, phase, member);
    }
    return rc;
}

void qresi_echo_heard(qres_node *n, uint32_t phase, uint32_t sender, const qres_echo *echo)
{
    uint32_t repeated = phase - echo->age;
    uint32_t member = n->field->slot_member[repeated % QRES_PHASES][echo->slot];
    int found;
    if (echo->age == 0 || member == QRES_NO_SLOT || member == n->config.self || member == sender
        || !qresi_replica_accepts(n, repeated)) {
        return;
    }
    found = qresi_replica_log_find(n, repeated, member);
    if (found >= 0) {
        count(&n->log[found]);
        return;
    }
    (void)qresi_echo_insert(n, repeated, member, echo->low, 1); /* no room: not repeated then */
}
