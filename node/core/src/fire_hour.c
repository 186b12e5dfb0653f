/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an hour's weather does to the replicated fire state (SPEC 5.5).
 */
#include "core.h"

enum {
    NEIGHBOURS_MIN = 3,
    STATISTIC_MAX = 64 * 65536,
    SPREAD_LEAST = 3277,        /* 0.05: a steadier climate than that is none */
    DRYING_FLOOR_KPA = 6554,    /* 0.1 kPa */
    LEARN_HOURS = 64,           /* of a 3-hour bin: three weeks */
    LEARN_DAYS = 7,             /* before the climate says anything */
    ROBUST = 6,                 /* what lies farther out than so many spreads counts as that */
    ISI_RED = 10 * 65536,
    ISI_WATCH = 4 * 65536,
    LULL_HOURS = 6
};

static int has_role(const qres_field *f, const qres_state *s, uint32_t role, uint32_t i)
{
    uint32_t c = f->role[role];
    return c < QRES_MAX_CHANNELS && is_present(s, i, c);
}

static int has_air(const qres_field *f, const qres_state *s, uint32_t i)
{
    return has_role(f, s, ROLE_TEMP, i) && has_role(f, s, ROLE_RH, i);
}

int qresi_fire_counts(const qres_field *f, const qres_state *s, uint32_t i, uint32_t phase)
{
    return has_air(f, s, i) && !is_stale(f, s, i, phase);
}

static int32_t value_of(const qres_field *f, const qres_state *s, uint32_t role, uint32_t i)
{
    return s->value[f->role[role]][i];
}

int32_t qresi_fire_mean_wind(const qres_field *f, const qres_state *s, uint32_t phase)
{
    int64_t sum = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (has_role(f, s, ROLE_WIND, i) && !is_stale(f, s, i, phase)) {
            sum += value_of(f, s, ROLE_WIND, i);
            n++;
        }
    }
    return n == 0 ? 0 : (int32_t)fx_rdiv(sum, n);
}

int32_t qresi_fire_wind(const qres_field *f, const qres_state *s, uint32_t i, int32_t mean_wind)
{
    return has_role(f, s, ROLE_WIND, i) ? value_of(f, s, ROLE_WIND, i) : mean_wind;
}

int32_t qresi_fire_vpd(const qres_field *f, const qres_state *s, uint32_t i)
{
    return qres_vpd_kpa(value_of(f, s, ROLE_TEMP, i), value_of(f, s, ROLE_RH, i));
}

/* Step 1: what fell at each member in the hour, into x->sorted. */
static void rain(const qres_field *f, qres_scratch *x, qres_state *s, uint32_t phase)
{
    int64_t sum = 0;
    uint32_t n = 0;
    int32_t mean;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (has_role(f, s, ROLE_RAIN, i)) {
            int32_t value = value_of(f, s, ROLE_RAIN, i);
            x->sorted[i] = fx_clip32((int64_t)value - s->mark[i], 0, 100 * 65536);
            s->mark[i] = value;
            if (!is_stale(f, s, i, phase)) {
                sum += x->sorted[i];
                n++;
            }
        }
    }
    mean = n == 0 ? 0 : (int32_t)fx_rdiv(sum, n);
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        x->sorted[i] = has_role(f, s, ROLE_RAIN, i) ? x->sorted[i] : mean;
    }
}

static void fuel(const qres_field *f, const qres_scratch *x, qres_state *s, int32_t mean_wind)
{
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (has_air(f, s, i)) {
            s->fuel[i] = qres_fuel_hour(s->fuel[i], value_of(f, s, ROLE_TEMP, i), value_of(f, s, ROLE_RH, i),
                                        qresi_fire_wind(f, s, i, mean_wind), x->sorted[i]);
        }
    }
}

uint32_t qresi_fire_drying(const qres_field *f, const qres_state *s, uint32_t phase, int32_t mean_wind,
                           int32_t *drying)
{
    int64_t sum = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (qresi_fire_counts(f, s, i, phase)) {
            int64_t wind = fx_clip(qresi_fire_wind(f, s, i, mean_wind), 0, 75 * 65536);
            sum += qres_lg2((int64_t)qresi_fire_vpd(f, s, i) + DRYING_FLOOR_KPA) + qres_lg2(wind + 65536);
            n++;
        }
    }
    *drying = n == 0 ? 0 : (int32_t)fx_rdiv(sum, n);
    return n;
}

int32_t qresi_fire_unusual(const qres_state *s, uint32_t bin, int32_t drying)
{
    int64_t spread = s->fire.spread[bin] < SPREAD_LEAST ? SPREAD_LEAST : s->fire.spread[bin];
    return fx_clip32(fx_rdiv(((int64_t)drying - s->fire.usual[bin]) * 65536, spread), -STATISTIC_MAX,
                     STATISTIC_MAX);
}

int qresi_fire_knows_climate(const qres_state *s)
{
    return s->fire.days >= LEARN_DAYS;
}

/* Let thresholds follow what n statistics, of which above[k] are above threshold k, say of their frequency. */
static void move_rare(int32_t rare[3], const uint32_t above[3], uint32_t n,
                      const int32_t gain[3])
{
    int64_t hours = 10;
    for (uint32_t k = 0; k < 3; k++) {
        rare[k] += (int32_t)fx_rdiv(gain[k] * (hours * above[k] - n), (int64_t)n * hours);
        hours *= 10;
    }
    rare[0] = fx_clip32(rare[0], 32768, 8 * 65536);
    for (uint32_t k = 1; k < 3; k++) {
        rare[k] = fx_clip32(rare[k], rare[k - 1] + 16384, (8 * 65536) << k);
    }
}

static void count_above(const int32_t rare[3], int32_t statistic, uint32_t above[3])
{
    for (uint32_t k = 0; k < 3; k++) {
        above[k] += statistic > rare[k];
    }
}

static void climate(const qres_field *f, qres_state *s, uint32_t phase, uint32_t bin, int32_t mean_wind)
{
    static const int32_t gain[3] = {3277, 13107, 26214}; /* 0.05, 0.2, 0.4 */
    qres_fire_block *b = &s->fire;
    uint32_t above[3] = {0, 0, 0};
    int64_t g = 1 + 3 * b->days;
    int64_t d;
    int32_t drying;
    if (qresi_fire_drying(f, s, phase, mean_wind, &drying) == 0) {
        return;
    }
    g = g < LEARN_HOURS ? g : LEARN_HOURS;
    if (qresi_fire_knows_climate(s)) {
        count_above(b->rare[0], qresi_fire_unusual(s, bin, drying), above);
        move_rare(b->rare[0], above, 1, gain);
    }
    d = (int64_t)drying - b->usual[bin];
    if (b->days > 0) {
        int64_t far = (int64_t)ROBUST * b->spread[bin];
        int64_t size = d < 0 ? -d : d;
        int64_t spread = b->spread[bin] + fx_rdiv((size < far ? size : far) - b->spread[bin], g);
        b->spread[bin] = fx_clip32(spread, 1, INT32_MAX);
    }
    b->usual[bin] += (int32_t)fx_rdiv(d, g);
}

/* Middle of n numbers, 1..6; an even number has two. */
static int32_t median(int32_t *v, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        int32_t x = v[i];
        uint32_t j = i;
        for (; j > 0 && v[j - 1] > x; j--) {
            v[j] = v[j - 1];
        }
        v[j] = x;
    }
    return n % 2 ? v[n / 2] : (int32_t)fx_rsh((int64_t)v[n / 2 - 1] + v[n / 2], 1);
}

/* How far a channel has moved from its slow level. */
static int32_t moved(const qres_state *s, uint32_t c, uint32_t i)
{
    return fx_clip32((int64_t)s->value[c][i] - s->slow[c][i], -(1 << 28), 1 << 28);
}

int qresi_fire_departure(const qres_field *f, const qres_state *s, uint32_t phase, uint32_t i,
                         uint32_t bin, qres_departure *out)
{
    static const uint8_t role[2] = {ROLE_TEMP, ROLE_RH};
    if (!qresi_fire_counts(f, s, i, phase)) {
        return 0;
    }
    for (uint32_t k = 0; k < 2; k++) {
        uint32_t c = f->role[role[k]];
        int32_t step = f->site.channel[c].step;
        int32_t apart = s->fire.apart[k][bin];
        int32_t y[QRES_NEIGHBOURS];
        uint32_t n = 0;
        for (uint32_t at = 0; at < QRES_NEIGHBOURS && f->near[i][at] != QRES_NO_SLOT; at++) {
            uint32_t j = f->near[i][at];
            if (qresi_fire_counts(f, s, j, phase)) {
                y[n++] = moved(s, c, j);
            }
        }
        if (n < NEIGHBOURS_MIN) {
            return 0;
        }
        out->apart[k] = moved(s, c, i) - median(y, n);
        out->unusual[k] = fx_clip32(fx_rdiv((int64_t)out->apart[k] * 65536, apart > step ? apart : step),
                                    -STATISTIC_MAX, STATISTIC_MAX);
    }
    return 1;
}

int32_t qresi_fire_farther(const qres_departure *d)
{
    int32_t a = d->unusual[0] < 0 ? -d->unusual[0] : d->unusual[0];
    int32_t b = d->unusual[1] < 0 ? -d->unusual[1] : d->unusual[1];
    return a > b ? a : b;
}

static void departure(const qres_field *f, qres_state *s, uint32_t phase, uint32_t bin)
{
    static const int32_t gain[3] = {6554, 26214, 104858}; /* 0.1, 0.4, 1.6 */
    uint32_t above[3] = {0, 0, 0};
    int64_t sum[2] = {0, 0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        qres_departure d;
        if (!qresi_fire_departure(f, s, phase, i, bin, &d)) {
            continue;
        }
        count_above(s->fire.rare[1], qresi_fire_farther(&d), above);
        for (uint32_t k = 0; k < 2; k++) {
            int64_t far = (int64_t)ROBUST * s->fire.apart[k][bin];
            int64_t size = d.apart[k] < 0 ? -(int64_t)d.apart[k] : d.apart[k];
            sum[k] += size < far ? size : far;
        }
        n++;
    }
    if (n == 0) {
        return;
    }
    move_rare(s->fire.rare[1], above, n, gain);
    for (uint32_t k = 0; k < 2; k++) {
        int64_t apart = s->fire.apart[k][bin];
        s->fire.apart[k][bin] = fx_clip32(apart + fx_rdiv(fx_rdiv(sum[k], n) - apart, 64), 1, INT32_MAX);
    }
}

int32_t qresi_fire_mean_isi(const qres_field *f, const qres_state *s, uint32_t phase, int32_t mean_wind,
                            uint32_t *n)
{
    int64_t sum = 0;
    *n = 0;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (qresi_fire_counts(f, s, i, phase)) {
            sum += qres_isi(s->fuel[i], qresi_fire_wind(f, s, i, mean_wind));
            (*n)++;
        }
    }
    return *n == 0 ? 0 : (int32_t)fx_rdiv(sum, *n);
}

static void regime(const qres_field *f, qres_state *s, uint32_t phase, int32_t mean_wind)
{
    uint32_t n;
    int32_t isi = qresi_fire_mean_isi(f, s, phase, mean_wind, &n);
    uint8_t level = isi >= ISI_RED ? QRES_RED : isi >= ISI_WATCH ? QRES_WATCH : QRES_CALM;
    if (n == 0) {
        return;
    }
    if (level >= s->fire.regime) {
        s->fire.regime = level;
        s->fire.lull = 0;
    } else if (++s->fire.lull == LULL_HOURS) {
        s->fire.regime--;
        s->fire.lull = 0;
    }
}

void qresi_fire_epoch(const qres_field *f, qres_scratch *x, qres_state *s, uint32_t phase)
{
    uint64_t end_s = ((uint64_t)phase / QRES_PHASES + 1) * f->site.epoch_s;
    uint32_t hour;
    int32_t mean_wind;
    if (!is_fire_site(f) || end_s / 3600 == (end_s - f->site.epoch_s) / 3600) {
        return;
    }
    hour = (uint32_t)((end_s / 3600 - 1) % 24);
    mean_wind = qresi_fire_mean_wind(f, s, phase);
    rain(f, x, s, phase);
    fuel(f, x, s, mean_wind);
    climate(f, s, phase, hour / 3, mean_wind);
    departure(f, s, phase, hour / 6);
    regime(f, s, phase, mean_wind);
}
