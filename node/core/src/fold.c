/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commit one phase: condition, take the reports, end the epoch (SPEC 5).
 */
#include "core.h"

enum { NOISE_REPORTED = 838861, NOISE_SILENT = 3355443, INNOVATION_CLIP_TOLS = 8 };

/* Covariance of two different members in Q24, SPEC 5.1. */
static int32_t covariance(const qres_field *f, uint32_t c, uint32_t i, uint32_t j)
{
    uint32_t hi = i > j ? i : j;
    uint32_t lo = i > j ? j : i;
    int64_t g = f->kernel[hi * (hi - 1) / 2 + lo];
    return (int32_t)fx_rsh(f->site.channel[c].rho * g, 8);
}

static int32_t held_value(const qres_channel *ch, int16_t k)
{
    return fx_saturate((int64_t)k * ch->step);
}

/* Which of the reports is each slot's, and which slots observe channel c. Returns how many. */
static uint32_t observers(const qres_field *f, qres_scratch *x, const qres_state *s,
                          const qres_report *reports, uint32_t n_reports, uint32_t c,
                          uint32_t phase, int *any)
{
    const qres_channel *ch = &f->site.channel[c];
    int64_t bound = (int64_t)INNOVATION_CLIP_TOLS * ch->tol;
    uint32_t n = 0;
    uint32_t next = 0;
    *any = 0;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        const qres_report *r = NULL;
        if (f->site.member[i].phase != phase % QRES_PHASES) {
            continue;
        }
        if (next < n_reports && reports[next].member == i) {
            r = &reports[next++];
        }
        if (is_stale(f, s, i, phase) || !is_present(s, i, c)
            || (r != NULL && ((r->included >> c) & 1) == 0)) {
            continue;
        }
        x->observer[n] = (uint8_t)i;
        x->reports[n] = r != NULL;
        x->r[n] = r == NULL ? 0
                            : fx_clip((int64_t)held_value(ch, r->k[c]) - s->value[c][i], -bound,
                                      bound);
        *any = *any || x->r[n] != 0;
        n++;
    }
    return n;
}

static void condition(const qres_field *f, qres_scratch *x, qres_state *s,
                      const qres_report *reports, uint32_t n_reports, uint32_t c, uint32_t phase)
{
    const qres_channel *ch = &f->site.channel[c];
    int any;
    uint32_t n = observers(f, x, s, reports, n_reports, c, phase, &any);
    if (!any) {
        return;
    }
    for (uint32_t j = 0; j < n; j++) {
        x->a[j][j] = ((int32_t)1 << 24) + (x->reports[j] ? NOISE_REPORTED : NOISE_SILENT);
        for (uint32_t i = j + 1; i < n; i++) {
            x->a[j][i] = covariance(f, c, x->observer[i], x->observer[j]);
        }
    }
    qresi_solve_ldl(x, n);
    for (uint32_t t = 0; t < f->site.n_members; t++) {
        int64_t sum = 0;
        if (f->site.member[t].phase <= phase % QRES_PHASES || !is_present(s, t, c)) {
            continue;
        }
        for (uint32_t j = 0; j < n; j++) {
            sum += covariance(f, c, t, x->observer[j]) * x->y[j];
        }
        s->value[c][t] = fx_clip32(s->value[c][t] + fx_rsh(sum, 24), ch->lo, ch->hi);
    }
}

static void take_report(const qres_field *f, qres_state *s, const qres_report *r, uint32_t phase)
{
    uint32_t i = r->member;
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        uint8_t bit = (uint8_t)(1u << c);
        if (r->included & bit) {
            int32_t value = held_value(&f->site.channel[c], r->k[c]);
            if (s->absent[i] & bit) {
                s->last[c][i] = value;
                s->slow[c][i] = value;
                s->absent[i] = (uint8_t)(s->absent[i] & ~bit);
                s->mark[i] = c == f->role[ROLE_RAIN] ? value : s->mark[i];
            }
            s->value[c][i] = value;
        } else if (r->absent & bit) {
            s->absent[i] = (uint8_t)(s->absent[i] | bit);
            s->value[c][i] = 0;
            s->last[c][i] = 0;
            s->slow[c][i] = 0;
            s->mark[i] = c == f->role[ROLE_RAIN] ? 0 : s->mark[i];
        }
    }
    s->last_report[i] = phase;
}

void qres_commit(const qres_field *f, qres_scratch *x, qres_state *s, const qres_report *reports,
                 uint32_t n_reports)
{
    uint32_t phase = s->phase + 1;
    uint32_t position = phase % QRES_PHASES;
    if (position < QRES_PHASES - 1 && n_reports > 0) {
        for (uint32_t c = 0; c < f->site.n_channels; c++) {
            if (is_linear(f, c)) {
                condition(f, x, s, reports, n_reports, c, phase);
            }
        }
    }
    for (uint32_t i = 0; i < n_reports; i++) {
        take_report(f, s, &reports[i], phase);
    }
    for (uint32_t slot = 0; slot < f->slots; slot++) {
        uint32_t i = f->slot_member[position][slot];
        for (uint32_t c = 0; c < f->site.n_channels && i != QRES_NO_SLOT; c++) {
            x->judged[c][slot] = s->value[c][i];
        }
    }
    if (position == QRES_PHASES - 1) {
        qresi_fire_epoch(f, x, s, phase);
        qresi_epoch_end(f, x, s, phase);
        if ((phase + 1) % f->phases_per_day == 0) {
            qresi_epoch_snap(f, s, phase);
            qresi_fire_snap(f, s);
        }
        qresi_epoch_begin(f, s, (phase + 1) / QRES_PHASES);
    }
    s->phase = phase;
}
