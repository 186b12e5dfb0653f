/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between epochs: learn, snap, predict (SPEC 5.2, 5.3, 5.4).
 */
#include "core.h"

enum { PHI_MAX = 131072, MIN_CONTRIBUTORS = 5, TREND_CLIP_TOLS = 4, SLOW_SHIFT = 3 };

/* The features of a channel in an epoch; the second is each member's own. */
typedef struct {
    int32_t phi[4];
    int32_t w[4];
    int32_t tol;
} predictor;

/* A parabola in place of a sine: one turn is 65536, the peak 65536. */
static int32_t parabolic_sine(uint32_t x)
{
    return x < 32768 ? (int32_t)((x * (32768 - x)) >> 12)
                     : -(int32_t)(((x - 32768) * (65536 - x)) >> 12);
}

static int32_t in_tolerances(int64_t value, int32_t tol)
{
    return fx_clip32(fx_rdiv(value * 65536, tol), -PHI_MAX, PHI_MAX);
}

static predictor make_predictor(const qres_field *f, const qres_state *s, uint32_t c, uint32_t epoch)
{
    uint32_t x = (epoch % f->epochs_per_day) * 65536u / f->epochs_per_day;
    predictor p;
    p.tol = f->site.channel[c].tol;
    p.phi[0] = in_tolerances(s->m[c], p.tol);
    p.phi[1] = 0;
    p.phi[2] = parabolic_sine(x);
    p.phi[3] = parabolic_sine((x + 16384) % 65536);
    for (uint32_t k = 0; k < 4; k++) {
        p.w[k] = qresi_state_weight(s, c, k);
    }
    return p;
}

static int32_t own_feature(const predictor *p, const qres_state *s, uint32_t c, uint32_t i)
{
    return in_tolerances((int64_t)s->slow[c][i] - s->last[c][i], p->tol);
}

static int32_t predict(const predictor *p, const qres_field *f, const qres_state *s, uint32_t c,
                       uint32_t i)
{
    int64_t sum = (int64_t)p->w[1] * own_feature(p, s, c, i);
    for (uint32_t k = 0; k < 4; k++) {
        sum += k == 1 ? 0 : (int64_t)p->w[k] * p->phi[k];
    }
    int64_t delta = fx_rsh(p->tol * fx_rsh(sum, 24), 16);
    return fx_clip32(s->last[c][i] + delta, f->site.channel[c].lo, f->site.channel[c].hi);
}

/* Shell sort: no recursion, no extra memory, and n is at most 128. */
static void sort(int32_t *v, uint32_t n)
{
    for (uint32_t gap = 40; gap > 0; gap /= 3) {
        for (uint32_t i = gap; i < n; i++) {
            int32_t x = v[i];
            uint32_t j = i;
            for (; j >= gap && v[j - gap] > x; j -= gap) {
                v[j] = v[j - gap];
            }
            v[j] = x;
        }
    }
}

static int64_t trimmed_mean(int32_t *v, uint32_t n)
{
    uint32_t trim = 3 * n / 10;
    int64_t sum = 0;
    sort(v, n);
    for (uint32_t i = trim; i < n - trim; i++) {
        sum += v[i];
    }
    return fx_rdiv(sum, n - 2 * trim);
}

static int contributes(const qres_field *f, const qres_state *s, uint32_t c, uint32_t i,
                       uint32_t phase)
{
    return is_present(s, i, c) && !is_stale(f, s, i, phase);
}

static void learn(const qres_field *f, qres_scratch *x, qres_state *s, uint32_t c, uint32_t phase)
{
    predictor p = make_predictor(f, s, c, phase / QRES_PHASES);
    int64_t w[4];
    for (uint32_t k = 0; k < 4; k++) {
        uint32_t n = 0;
        int64_t lo = k < 2 ? 0 : -WEIGHT_MAX_DIURNAL;
        int64_t hi = k < 2 ? WEIGHT_MAX_LEVEL : WEIGHT_MAX_DIURNAL;
        for (uint32_t i = 0; i < f->site.n_members; i++) {
            if (contributes(f, s, c, i, phase)) {
                int32_t prior = predict(&p, f, s, c, i);
                int64_t r = in_tolerances((int64_t)s->value[c][i] - prior, p.tol);
                int64_t phi = k == 1 ? own_feature(&p, s, c, i) : p.phi[k];
                x->sorted[n++] = (int32_t)fx_rsh(r * phi, 16);
            }
        }
        if (n < MIN_CONTRIBUTORS) {
            return;
        }
        w[k] = p.w[k] + 8 * trimmed_mean(x->sorted, n);
        w[k] += fx_rsh(f->site.channel[c].w0[k] - w[k], 9);
        w[k] = fx_clip(w[k], lo, hi);
    }
    qresi_state_set_weights(s, c, w);
}

static void trend(const qres_field *f, qres_state *s, uint32_t c, uint32_t phase)
{
    int64_t bound = (int64_t)TREND_CLIP_TOLS * f->site.channel[c].tol;
    int64_t sum = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (contributes(f, s, c, i, phase)) {
            sum += fx_clip((int64_t)s->value[c][i] - s->last[c][i], -bound, bound);
            n++;
        }
    }
    s->m[c] = n == 0 ? 0 : (int32_t)fx_rdiv(sum, n);
}

void qresi_epoch_end(const qres_field *f, qres_scratch *x, qres_state *s, uint32_t phase)
{
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        if (is_linear(f, c)) {
            learn(f, x, s, c, phase);
            trend(f, s, c, phase);
        }
        for (uint32_t i = 0; i < f->site.n_members; i++) {
            if (!is_present(s, i, c)) {
                continue;
            }
            if (is_linear(f, c)) {
                s->slow[c][i] +=
                    (int32_t)fx_rsh((int64_t)s->value[c][i] - s->slow[c][i], SLOW_SHIFT);
            } else {
                s->slow[c][i] = s->value[c][i];
            }
            s->last[c][i] = s->value[c][i];
        }
    }
}

void qresi_epoch_snap(const qres_field *f, qres_state *s, uint32_t phase)
{
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        int64_t step = f->site.channel[c].step;
        s->m[c] = fx_clip16(fx_rsh(s->m[c], 8)) * 256;
        for (uint32_t i = 0; i < f->site.n_members; i++) {
            if (!is_present(s, i, c)) {
                continue;
            }
            s->last[c][i] = fx_saturate(fx_clip16(fx_rdiv(s->last[c][i], step)) * step);
            s->slow[c][i] = is_linear(f, c) ? fx_saturate(fx_clip16(fx_rdiv(s->slow[c][i], 4 * step))
                                                          * 4 * step)
                                            : s->last[c][i];
            s->value[c][i] = s->last[c][i];
        }
    }
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        s->last_report[i] = is_stale(f, s, i, phase) ? 0 : phase + 1;
    }
}

void qresi_epoch_begin(const qres_field *f, qres_state *s, uint32_t epoch)
{
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        predictor p = make_predictor(f, s, c, epoch);
        for (uint32_t i = 0; i < f->site.n_members; i++) {
            if (is_present(s, i, c)) {
                s->value[c][i] = is_linear(f, c) ? predict(&p, f, s, c, i) : s->last[c][i];
            }
        }
    }
}
