/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers, time on air, and what follows from a site: SPEC 1 to 5.5.
 */
#include "rig.h"

static int64_t result_of(const number_row *v)
{
    const int64_t *x = v->x;
    int32_t rare[3];
    switch (v->function) {
    case F_RSH:
        return qres_rsh(x[0], (uint32_t)x[1]);
    case F_RDIV:
        return qres_rdiv(x[0], x[1]);
    case F_ISQRT:
        return qres_isqrt((uint64_t)x[0]);
    case F_KERNEL:
        return qres_kernel((uint32_t)x[0], (uint32_t)x[1]);
    case F_EX2:
        return qres_ex2(x[0]);
    case F_LG2:
        return qres_lg2(x[0]);
    case F_VPD:
        return qres_vpd_kpa((int32_t)x[0], (int32_t)x[1]);
    case F_FFMC:
        return qres_ffmc((int32_t)x[0]);
    case F_ISI:
        return qres_isi((int32_t)x[0], (int32_t)x[1]);
    case F_FUEL_HOUR:
        return qres_fuel_hour((int32_t)x[0], (int32_t)x[1], (int32_t)x[2], (int32_t)x[3],
                              (int32_t)x[4]);
    default: /* F_GRADE */
        for (uint32_t i = 0; i < 3; i++) {
            rare[i] = (int32_t)x[1 + i];
        }
        return qres_grade((int32_t)x[0], rare);
    }
}

int number_ok(const void *row)
{
    const number_row *v = row;
    return result_of(v) == v->result;
}

int airtime_ok(const void *row)
{
    const airtime_row *v = row;
    uint32_t us = qres_airtime_us(&v->lora, v->payload_bytes);
    return us + v->tolerance_us >= v->result && us <= v->result + v->tolerance_us;
}

/* The hash alone, and as the digest of a field without channels: phase, absent and last_report. */
int hash_ok(const void *row)
{
    const hash_row *v = row;
    qres_state *s = &rig_node.live;
    uint32_t h = FX_HASH_START;
    for (uint32_t i = 0; i < v->n_words; i++) {
        h = fx_mix(h, v->words[i]);
    }
    if (fx_fin(h) != v->result) {
        return 0;
    }
    if (v->n_words % 2 == 0) {
        return 1; /* no state has so many words */
    }
    qres_wipe(&rig_field, sizeof rig_field);
    for (uint32_t i = 0; i < sizeof rig_field.role; i++) {
        rig_field.role[i] = QRES_MAX_CHANNELS;
    }
    rig_field.site.n_members = (uint8_t)(v->n_words / 2);
    s->phase = v->words[0];
    for (uint32_t i = 0; i < v->n_words / 2; i++) {
        s->absent[i] = (uint8_t)v->words[1 + 2 * i];
        s->last_report[i] = v->words[2 + 2 * i];
    }
    return qres_state_digest(&rig_field, s) == v->result;
}

/*
 * A value that is predicted with weight 1 on S(x) and nothing else, from 0 and with tolerance 1.
 * No field has a day of 65536 epochs; with one, every x is an epoch.
 */
int season_ok(const void *row)
{
    const season_row *v = row;
    qres_state *s = &rig_node.live;
    if (qres_field_init(&rig_field, v->site) != QRES_OK) {
        return 0;
    }
    rig_field.epochs_per_day = 65536;
    qres_state_init(s, &rig_field, 1);
    s->absent[0] = 0;
    s->e[0] = 10;
    s->q[0][2] = 1 << 14;
    qresi_epoch_begin(&rig_field, s, v->x);
    return s->value[0][0] == v->result;
}

/* The weights of a state at start, from those of the channel table. */
int bfp_ok(const void *row)
{
    const bfp_row *v = row;
    qres_state *s = &rig_node.live;
    if (qres_field_init(&rig_field, v->site) != QRES_OK) {
        return 0;
    }
    for (uint32_t k = 0; k < 4; k++) {
        rig_field.site.channel[0].w0[k] = v->w[k];
    }
    qres_state_init(s, &rig_field, 1);
    for (uint32_t k = 0; k < 4; k++) {
        if (s->q[0][k] != v->q[k]) {
            return 0;
        }
    }
    return s->e[0] == v->e;
}

int solve_ok(const void *row)
{
    const solve_row *v = row;
    qres_scratch *x = &rig_node.scratch;
    for (uint32_t i = 0; i < v->n; i++) {
        x->r[i] = v->r[i];
        for (uint32_t j = 0; j <= i; j++) {
            x->a[j][i] = v->matrix[i * v->n + j];
        }
    }
    qresi_solve_ldl(x, v->n);
    for (uint32_t i = 0; i < v->n; i++) {
        if (x->y[i] != v->result[i]) {
            return 0;
        }
    }
    return 1;
}

int site_ok(const void *row)
{
    const site_row *v = row;
    const qres_field *f = &rig_field;
    uint64_t used_us;
    if (qres_field_init(&rig_field, v->site) != QRES_OK) {
        return 0;
    }
    used_us = f->guard_us + f->airtime_us[v->report_max];
    return f->site_hash == v->site_hash && f->slot_us == v->slot_us && f->common_us == v->common_us
           && f->commit_us == v->commit_after_us && f->heartbeat_phases == v->heartbeat
           && f->stale_phases == v->stale_after && f->beacon_phases == v->beacon_every
           && f->form_s == v->form_s && f->form_m == v->form_m
           && (f->rider0 < QRES_MAX_CHANNELS ? f->form_r : 0) == v->form_r
           && f->report_max == v->report_max && f->slot_us >= used_us
           && f->slot_us - used_us < 10000; /* [us] slots are whole hundredths of a second */
}
