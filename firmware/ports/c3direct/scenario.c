/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

enum { ERA = 20000, EPOCH_S = 600, PLACE_M = 30000 };

/* Numerical Recipes, 7.1: a linear congruential generator; its high half. 0..n-1 */
static uint32_t below(scenario *s, uint32_t n)
{
    s->chance = s->chance * 1664525u + 1013904223u;
    return (s->chance >> 16) * n >> 16;
}

/* Like the channels of fire weather, qres/channels.py. */
static void make_site(scenario *s, uint32_t members)
{
    static const qres_channel channels[4] = {
        {65536, 16384, -60 * 65536, 85 * 65536, 32768, 3 | QRES_ROLE_TEMP, {10066330, 0, 0, 0}},
        {5 * 65536, 81920, 0, 100 * 65536, 32768, 3 | QRES_ROLE_RH, {10066330, 0, 0, 0}},
        {65536, 16384, 0, 75 * 65536, 19661, 3 | QRES_ROLE_WIND, {0, 3355443, 0, 0}},
        {65536, 13107, 0, 6500 * 65536, 0, QRES_ROLE_RAIN, {0, 0, 0, 0}}};
    qres_site *site = &s->site;
    site->field_id = 0x51524553u;
    site->epoch_s = EPOCH_S;
    site->range_m = 20000;
    site->echo = 0;
    site->follow = 0;
    site->lora.sf = 7;
    site->lora.bw_hz = 125000;
    site->lora.cr = 1;
    site->lora.preamble_symbols = 8;
    site->lora.crc = 1;
    site->lora.implicit_header = 0;
    site->n_channels = 4;
    for (uint32_t c = 0; c < 4; c++) {
        site->channel[c] = channels[c];
    }
    site->n_members = (uint8_t)members;
    for (uint32_t i = 0; i < members; i++) {
        qres_member *m = &site->member[i];
        m->id = (uint8_t)i;
        m->phase = (uint8_t)(i % 4);
        m->slot = (uint8_t)(i / 4);
        m->x_m = (int32_t)below(s, PLACE_M);
        m->y_m = (int32_t)below(s, PLACE_M);
        m->z_m = (int32_t)below(s, 500);
    }
}

/* 17..19 degC, 55..65 %, 2..4 m/s, and rain that does not stop. */
static void make_reports(scenario *s)
{
    uint32_t phase = s->state.phase + 1;
    s->n_reports = 0;
    for (uint32_t i = 0; i < s->site.n_members; i++) {
        qres_report *r = &s->reports[s->n_reports];
        if (s->site.member[i].phase != phase % 4) {
            continue;
        }
        r->member = (uint8_t)i;
        r->included = 15;
        r->absent = 0;
        r->k[0] = (int16_t)(68 + below(s, 9));
        r->k[1] = (int16_t)(44 + below(s, 9));
        r->k[2] = (int16_t)(8 + below(s, 9));
        r->k[3] = (int16_t)(phase / 4 % 100 + below(s, 3));
        s->n_reports++;
    }
}

int scenario_start(scenario *s, uint32_t members, uint32_t before)
{
    s->chance = members;
    make_site(s, members);
    if (qres_field_init(&s->field, &s->site) != QRES_OK) {
        return 0;
    }
    qres_state_init(&s->state, &s->field, qres_era_start(&s->field, ERA) - 1 - before);
    make_reports(s);
    return 1;
}

void scenario_run(scenario *s, uint32_t phases)
{
    for (uint32_t i = 0; i < phases; i++) {
        qres_commit(&s->field, &s->scratch, &s->state, s->reports, s->n_reports);
        make_reports(s);
    }
}
