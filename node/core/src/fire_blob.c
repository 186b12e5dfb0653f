/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fire state at the border of an era: start, snap, checkpoint (SPEC 4, 5.3, 7).
 */
#include "bits.h"
#include "core.h"
#include "fire_blob.h"

enum {
    FUEL_START = 1071552, /* FFMC 84.96: the number nearest to 85 that a checkpoint carries */
    FUEL_CODE_MAX = 766,
    FUEL_CODE_BITS = 10,
    CODES = 16,           /* packed numbers: spread, apart */
    RARES = 6,            /* thresholds, in 64ths of their unit: they move too slowly to be packed */
    RARE_MAX = 32768,
    USUAL_BITS = 12
};

/* The numbers that go packed, in the order of the checkpoint. */
static int32_t *packed_number(qres_fire_block *b, uint32_t n)
{
    return n < 8 ? &b->spread[n] : &b->apart[(n - 8) / 4][(n - 8) % 4];
}

static uint32_t pack(int32_t x)
{
    return (uint32_t)fx_clip(fx_rsh(qres_lg2(x), 12) + 128, 1, 255);
}

static int32_t unpack(uint32_t code)
{
    return (int32_t)qres_ex2(((int64_t)code - 128) * 4096);
}

void qresi_fire_start(const qres_field *f, qres_state *s)
{
    static const int32_t rare[2][3] = {{98304, 196608, 294912}, {163840, 393216, 655360}};
    s->fire.days = 0;
    s->fire.regime = QRES_CALM;
    s->fire.lull = 0;
    for (uint32_t b = 0; b < 8; b++) {
        s->fire.usual[b] = 0;
        s->fire.spread[b] = 32768;
        s->fire.apart[b / 4][b % 4] =
            is_fire_site(f) ? unpack(pack(f->site.channel[f->role[b < 4 ? ROLE_TEMP : ROLE_RH]].tol)) : 0;
    }
    for (uint32_t k = 0; k < 6; k++) {
        s->fire.rare[k / 3][k % 3] = rare[k / 3][k % 3];
    }
    for (uint32_t i = 0; i < QRES_MAX_NODES; i++) {
        s->fuel[i] = FUEL_START;
        s->mark[i] = 0;
    }
}

static uint32_t rare_code(int32_t rare)
{
    return (uint32_t)fx_clip(fx_rsh(rare, 6), 1, RARE_MAX);
}

static uint32_t fuel_code(int32_t fuel)
{
    return (uint32_t)fx_clip(fx_rsh(qres_lg2(fuel), 10) + 256, 0, FUEL_CODE_MAX);
}

static int32_t fuel_of(uint32_t code)
{
    int64_t fuel = qres_ex2(((int64_t)code - 256) * 1024);
    return fuel < FUEL_MAX ? (int32_t)fuel : FUEL_MAX;
}

static void mark_rain(const qres_field *f, qres_state *s)
{
    uint32_t c = f->role[ROLE_RAIN];
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        s->mark[i] = c < QRES_MAX_CHANNELS && is_present(s, i, c) ? s->last[c][i] : 0;
    }
}

void qresi_fire_snap(const qres_field *f, qres_state *s)
{
    qres_fire_block *b = &s->fire;
    int any = 0;
    if (!is_fire_site(f)) {
        return;
    }
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        any = any || s->last_report[i] != 0; /* the snap has set it to 0 for who is stale */
    }
    b->days = (uint8_t)(b->days < 255 ? b->days + any : 255);
    for (uint32_t k = 0; k < 8; k++) {
        b->usual[k] = fx_clip32(fx_rsh(b->usual[k], 10), -2048, 2047) * 1024;
    }
    for (uint32_t n = 0; n < CODES; n++) {
        int32_t *x = packed_number(b, n);
        *x = unpack(pack(*x));
    }
    for (uint32_t n = 0; n < RARES; n++) {
        b->rare[n / 3][n % 3] = (int32_t)rare_code(b->rare[n / 3][n % 3]) * 64;
    }
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        s->fuel[i] = fuel_of(fuel_code(s->fuel[i]));
    }
    mark_rain(f, s);
}

void qresi_fire_put(bit_writer *w, const qres_field *f, const qres_state *s)
{
    qres_fire_block b = s->fire;
    uint32_t lo = FUEL_CODE_MAX;
    uint32_t hi = 0;
    uint32_t width;
    bits_put(w, b.days, 8);
    bits_put(w, b.regime, 2);
    bits_put(w, b.lull, 3);
    for (uint32_t k = 0; k < 8; k++) {
        bits_put(w, (uint32_t)(b.usual[k] / 1024), USUAL_BITS);
    }
    for (uint32_t n = 0; n < CODES; n++) {
        bits_put(w, pack(*packed_number(&b, n)), 8);
    }
    for (uint32_t n = 0; n < RARES; n++) {
        bits_put(w, rare_code(b.rare[n / 3][n % 3]), 16);
    }
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        uint32_t code = fuel_code(s->fuel[i]);
        lo = code < lo ? code : lo;
        hi = code > hi ? code : hi;
    }
    width = bit_length(hi - lo);
    bits_put(w, lo, FUEL_CODE_BITS);
    bits_put(w, width, 4);
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        bits_put(w, fuel_code(s->fuel[i]) - lo, width);
    }
}

int qresi_fire_get(bit_reader *r, const qres_field *f, qres_state *s)
{
    qres_fire_block *b = &s->fire;
    uint32_t lo;
    uint32_t width;
    b->days = (uint8_t)bits_get(r, 8);
    b->regime = (uint8_t)bits_get(r, 2);
    b->lull = (uint8_t)bits_get(r, 3);
    if (b->regime > QRES_RED || b->lull > 5) {
        return QRES_ERR_BLOB;
    }
    for (uint32_t k = 0; k < 8; k++) {
        int32_t x = (int32_t)bits_get(r, USUAL_BITS);
        b->usual[k] = (x < 2048 ? x : x - 4096) * 1024;
    }
    for (uint32_t n = 0; n < CODES; n++) {
        uint32_t code = bits_get(r, 8);
        if (code == 0) {
            return QRES_ERR_BLOB;
        }
        *packed_number(b, n) = unpack(code);
    }
    for (uint32_t n = 0; n < RARES; n++) {
        uint32_t code = bits_get(r, 16);
        if (code == 0 || code > RARE_MAX) {
            return QRES_ERR_BLOB;
        }
        b->rare[n / 3][n % 3] = (int32_t)code * 64;
    }
    lo = bits_get(r, FUEL_CODE_BITS);
    width = bits_get(r, 4);
    if (width > FUEL_CODE_BITS) {
        return QRES_ERR_BLOB;
    }
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        uint32_t code = lo + bits_get(r, width);
        if (code > FUEL_CODE_MAX) {
            return QRES_ERR_BLOB;
        }
        s->fuel[i] = fuel_of(code);
    }
    mark_rain(f, s);
    return QRES_OK;
}
