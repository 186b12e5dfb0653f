/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anomaly score of SPEC 5.5, from a state as it is.
 */
#include "core.h"

enum { POINTS = 25 * 65536, SCORE_MAX = 4 * POINTS, CERTAIN = 2 * POINTS, VAPOUR_SAME = 32768 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int32_t qres_grade(int32_t statistic, const int32_t *rare)
{
    int64_t s = statistic;
    int64_t a = rare[0];
    int64_t b = rare[1];
    int64_t c = rare[2];
    int64_t last = c - b > 16384 ? c - b : 16384;
    if (s <= 0) {
        return 0;
    }
    if (s < a) {
        return (int32_t)fx_rdiv(POINTS * s, a);
    }
    if (s < b) {
        return (int32_t)(POINTS + fx_rdiv(POINTS * (s - a), b - a));
    }
    if (s < c) {
        return (int32_t)(2 * POINTS + fx_rdiv(POINTS * (s - b), c - b));
    }
    return (int32_t)smaller(SCORE_MAX, 3 * POINTS + fx_rdiv(POINTS * (s - c), last));
}

static int32_t danger(int32_t isi)
{
    return (int32_t)smaller(SCORE_MAX, 5 * (int64_t)isi);
}

/* log2 of the vapour pressure, but for a constant. */
static int32_t vapour(int64_t temp, int64_t rh)
{
    int32_t h = fx_clip32(rh, 65536, 100 * 65536);
    return qres_lg2((int64_t)qres_vpd_kpa(fx_saturate(temp), 0) + 1) + qres_lg2(h);
}

/*
 * Fire nearby warms the air and leaves the water in it: then temperature and humidity depart as the
 * same vapour pressure asks. A sensor has no reason to.
 */
static int is_heat(const qres_field *f, const qres_state *s, uint32_t i, const qres_departure *d)
{
    int64_t t = s->value[f->role[ROLE_TEMP]][i];
    int64_t h = s->value[f->role[ROLE_RH]][i];
    int32_t more = vapour(t, h) - vapour(t - d->apart[0], h - d->apart[1]);
    return d->unusual[0] > 0 && d->unusual[1] < 0 && more <= VAPOUR_SAME && more >= -VAPOUR_SAME;
}

static uint8_t likely_cause(const qres_field *f, const qres_state *s, uint32_t i,
                            const qres_fire_member *m, const qres_departure *d)
{
    if (m->anomaly < CERTAIN) {
        return QRES_CAUSE_NONE;
    }
    if (m->weather >= m->local) {
        return QRES_CAUSE_WEATHER;
    }
    return is_heat(f, s, i, d) ? QRES_CAUSE_HEAT : QRES_CAUSE_SENSOR;
}

static void judge_member(const qres_field *f, const qres_state *s, uint32_t i, uint32_t hour,
                         int32_t mean_wind, int32_t climate, qres_fire_member *m)
{
    static const qres_fire_member nothing = {0, 0, 0, 0, 0, 0, 0, 0, 0};
    qres_departure d = {{0, 0}, {0, 0}};
    *m = nothing;
    m->fuel_pct = s->fuel[i];
    m->ffmc = qres_ffmc(s->fuel[i]);
    m->known = (uint8_t)(is_present(s, i, f->role[ROLE_TEMP]) && is_present(s, i, f->role[ROLE_RH]));
    if (!m->known) {
        return;
    }
    m->vpd_kpa = qresi_fire_vpd(f, s, i);
    m->isi = qres_isi(s->fuel[i], qresi_fire_wind(f, s, i, mean_wind));
    if (qresi_fire_counts(f, s, i, s->phase)) {
        m->weather = (int32_t)smaller(climate, danger(m->isi));
    }
    if (qresi_fire_departure(f, s, s->phase, i, hour / 6, &d)) {
        m->local = qres_grade(qresi_fire_farther(&d), s->fire.rare[1]);
    }
    m->anomaly = m->weather > m->local ? m->weather : m->local;
    m->cause = likely_cause(f, s, i, m, &d);
}

int qres_judge(const qres_field *f, const qres_state *s, qres_fire_member *member, qres_fire_field *field)
{
    uint32_t hour = (uint32_t)((uint64_t)s->phase * (f->site.epoch_s / QRES_PHASES) / 3600 % 24);
    int64_t sum_ffmc = 0;
    int64_t sum_vpd = 0;
    int32_t climate = 0;
    int32_t drying;
    int32_t mean_wind;
    uint32_t n;
    if (!is_fire_site(f)) {
        return QRES_ERR_INVALID;
    }
    mean_wind = qresi_fire_mean_wind(f, s, s->phase);
    n = qresi_fire_drying(f, s, s->phase, mean_wind, &drying);
    if (n > 0 && qresi_fire_knows_climate(s)) {
        climate = qres_grade(qresi_fire_unusual(s, hour / 3, drying), s->fire.rare[0]);
    }
    field->isi = qresi_fire_mean_isi(f, s, s->phase, mean_wind, &n);
    field->isi_max = 0;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        judge_member(f, s, i, hour, mean_wind, climate, &member[i]);
        if (qresi_fire_counts(f, s, i, s->phase)) {
            sum_ffmc += member[i].ffmc;
            sum_vpd += member[i].vpd_kpa;
            field->isi_max = member[i].isi > field->isi_max ? member[i].isi : field->isi_max;
        }
    }
    field->nodes = (uint8_t)n;
    field->regime = s->fire.regime;
    field->days = s->fire.days;
    field->ffmc = n == 0 ? 0 : (int32_t)fx_rdiv(sum_ffmc, n);
    field->vpd_kpa = n == 0 ? 0 : (int32_t)fx_rdiv(sum_vpd, n);
    field->climate = climate;
    field->anomaly = (int32_t)smaller(climate, danger(field->isi));
    return QRES_OK;
}
