/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replicated state: start, weights as BFP-16, digest (SPEC 4).
 */
#include "core.h"

void qresi_state_set_weights(qres_state *s, uint32_t c, const int64_t w[4])
{
    uint32_t e = 0;
    for (; e < WEIGHT_EXPONENT_MAX; e++) {
        int fits = 1;
        for (uint32_t k = 0; k < 4; k++) {
            int64_t q = fx_rsh(w[k], e);
            fits = fits && q <= 32767 && q >= -32767;
        }
        if (fits) {
            break;
        }
    }
    s->e[c] = (uint8_t)e;
    for (uint32_t k = 0; k < 4; k++) {
        s->q[c][k] = (int16_t)fx_clip(fx_rsh(w[k], e), -32767, 32767);
    }
}

int32_t qresi_state_weight(const qres_state *s, uint32_t c, uint32_t k)
{
    return (int32_t)s->q[c][k] * ((int32_t)1 << s->e[c]);
}

void qres_state_init(qres_state *s, const qres_field *f, uint32_t phase)
{
    s->phase = phase;
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        int64_t w[4] = {0, 0, 0, 0};
        s->m[c] = 0;
        for (uint32_t k = 0; k < 4 && c < f->site.n_channels; k++) {
            w[k] = f->site.channel[c].w0[k];
        }
        qresi_state_set_weights(s, c, w);
        for (uint32_t i = 0; i < QRES_MAX_NODES; i++) {
            s->value[c][i] = 0;
            s->last[c][i] = 0;
            s->slow[c][i] = 0;
        }
    }
    for (uint32_t i = 0; i < QRES_MAX_NODES; i++) {
        s->absent[i] = (uint8_t)all_channels(f);
        s->last_report[i] = 0;
    }
    qresi_fire_start(f, s);
}

static uint32_t mix_fire(uint32_t h, const qres_fire_block *b)
{
    h = fx_mix(fx_mix(fx_mix(h, b->days), b->regime), b->lull);
    for (uint32_t k = 0; k < 8; k++) {
        h = fx_mix(h, (uint32_t)b->usual[k]);
    }
    for (uint32_t k = 0; k < 8; k++) {
        h = fx_mix(h, (uint32_t)b->spread[k]);
    }
    for (uint32_t k = 0; k < 8; k++) {
        h = fx_mix(h, (uint32_t)b->apart[k / 4][k % 4]);
    }
    for (uint32_t k = 0; k < 6; k++) {
        h = fx_mix(h, (uint32_t)b->rare[k / 3][k % 3]);
    }
    return h;
}

uint32_t qres_state_digest(const qres_field *f, const qres_state *s)
{
    uint32_t h = fx_mix(FX_HASH_START, s->phase);
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        h = fx_mix(h, (uint32_t)s->m[c]);
        h = fx_mix(h, s->e[c]);
        for (uint32_t k = 0; k < 4; k++) {
            h = fx_mix(h, (uint32_t)(int32_t)s->q[c][k]);
        }
    }
    h = is_fire_site(f) ? mix_fire(h, &s->fire) : h;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        h = fx_mix(h, s->absent[i]);
        h = fx_mix(h, s->last_report[i]);
        for (uint32_t c = 0; c < f->site.n_channels; c++) {
            h = fx_mix(h, (uint32_t)s->value[c][i]);
            h = fx_mix(h, (uint32_t)s->last[c][i]);
            h = fx_mix(h, (uint32_t)s->slow[c][i]);
        }
        if (is_fire_site(f)) {
            h = fx_mix(h, (uint32_t)s->fuel[i]);
            h = fx_mix(h, (uint32_t)s->mark[i]);
        }
    }
    return fx_fin(h);
}
