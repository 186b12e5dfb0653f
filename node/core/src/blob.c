/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpoint's content: the snapshot as bits (SPEC 7).
 */
#include "bits.h"
#include "core.h"
#include "fire_blob.h"

enum { WIDTH_MAX = 17, WIDTH_BITS = 5 };

static int32_t value_k(const qres_field *f, const qres_state *s, uint32_t c, uint32_t i)
{
    return (int32_t)fx_rdiv(s->last[c][i], f->site.channel[c].step);
}

static int32_t slow_k(const qres_field *f, const qres_state *s, uint32_t c, uint32_t i)
{
    return (int32_t)fx_rdiv(s->slow[c][i], 4 * (int64_t)f->site.channel[c].step);
}

/* What the second block of a channel carries for a member. */
static int32_t slow_delta(const qres_field *f, const qres_state *s, uint32_t c, uint32_t i)
{
    return slow_k(f, s, c, i) - (int32_t)fx_floor_shift(value_k(f, s, c, i), 2);
}

typedef int32_t (*member_number)(const qres_field *, const qres_state *, uint32_t c, uint32_t i);

/* One block: the least number, the width of the differences, the differences. */
static void put_block(bit_writer *w, const qres_field *f, const qres_state *s, uint32_t c,
                      member_number number)
{
    int32_t lo = 0;
    int32_t hi = 0;
    int any = 0;
    uint32_t width;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (is_present(s, i, c)) {
            int32_t x = number(f, s, c, i);
            lo = any && lo < x ? lo : x;
            hi = any && hi > x ? hi : x;
            any = 1;
        }
    }
    width = bit_length((uint32_t)(hi - lo));
    bits_put(w, (uint32_t)lo, 16);
    bits_put(w, width, WIDTH_BITS);
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        bits_put(w, is_present(s, i, c) ? (uint32_t)(number(f, s, c, i) - lo) : 0, width);
    }
}

static void put_masks(bit_writer *w, const qres_field *f, const qres_state *s)
{
    uint32_t irregular = 0;
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        irregular |= s->absent[i] != 0 || s->last_report[i] == 0;
    }
    bits_put(w, irregular, 1);
    for (uint32_t i = 0; i < f->site.n_members && irregular; i++) {
        bits_put(w, s->absent[i], f->site.n_channels);
        bits_put(w, s->last_report[i] == 0, 1);
    }
}

int qres_blob_encode(const qres_field *f, const qres_state *s, uint8_t *blob, size_t cap)
{
    bit_writer w = {blob, cap, 0, 0};
    for (size_t i = 0; i < cap; i++) {
        blob[i] = 0;
    }
    bits_put(&w, QRES_WIRE_VERSION, 8);
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        bits_put(&w, s->e[c], 4);
        for (uint32_t k = 0; k < 4; k++) {
            bits_put(&w, (uint32_t)(int32_t)s->q[c][k], 16);
        }
        bits_put(&w, (uint32_t)(s->m[c] / 256), 16);
    }
    put_masks(&w, f, s);
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        put_block(&w, f, s, c, value_k);
        if (is_linear(f, c)) {
            put_block(&w, f, s, c, slow_delta);
        }
    }
    if (is_fire_site(f)) {
        qresi_fire_put(&w, f, s);
    }
    return w.overrun ? QRES_ERR_SPACE : (int)((w.at + 7) / 8);
}

static int get_weights(bit_reader *r, const qres_field *f, qres_state *s)
{
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        s->e[c] = (uint8_t)bits_get(r, 4);
        if (s->e[c] > WEIGHT_EXPONENT_MAX) {
            return QRES_ERR_BLOB;
        }
        for (uint32_t k = 0; k < 4; k++) {
            int32_t q = bits_get_s16(r);
            int64_t w = (int64_t)q * ((int64_t)1 << s->e[c]);
            /* BFP-16 rounds a weight at its clip up by at most half a unit of 2^e. */
            int64_t slack = ((int64_t)1 << s->e[c]) / 2;
            int64_t hi = k < 2 ? WEIGHT_MAX_LEVEL : WEIGHT_MAX_DIURNAL;
            if (w > hi + slack || w < (k < 2 ? 0 : -hi - slack)) {
                return QRES_ERR_BLOB;
            }
            s->q[c][k] = (int16_t)q;
        }
        s->m[c] = bits_get_s16(r) * 256;
    }
    return QRES_OK;
}

/* Read one block; `store` gets each present member's number. */
static int get_block(bit_reader *r, const qres_field *f,
                     int32_t *number)
{
    int32_t lo = bits_get_s16(r);
    uint32_t width = bits_get(r, WIDTH_BITS);
    if (width > WIDTH_MAX) {
        return QRES_ERR_BLOB;
    }
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        int32_t x = lo + (int32_t)bits_get(r, width);
        number[i] = x;
    }
    return r->overrun ? QRES_ERR_BLOB : QRES_OK;
}

static int get_channel(bit_reader *r, const qres_field *f, qres_state *s, uint32_t c,
                       int32_t *number)
{
    int64_t step = f->site.channel[c].step;
    if (get_block(r, f, number) != QRES_OK) {
        return QRES_ERR_BLOB;
    }
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (is_present(s, i, c)) {
            if (number[i] > 32767) {
                return QRES_ERR_BLOB;
            }
            s->last[c][i] = fx_saturate(number[i] * step);
            s->slow[c][i] = is_linear(f, c) ? number[i] : s->last[c][i];
        }
    }
    if (!is_linear(f, c)) {
        return QRES_OK;
    }
    /* Until its own number comes, slow holds the one of last. */
    if (get_block(r, f, number) != QRES_OK) {
        return QRES_ERR_BLOB;
    }
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        if (is_present(s, i, c)) {
            int64_t k = number[i] + fx_floor_shift(s->slow[c][i], 2);
            if (k < -32768 || k > 32767) {
                return QRES_ERR_BLOB;
            }
            s->slow[c][i] = fx_saturate(k * 4 * step);
        }
    }
    return QRES_OK;
}

int qres_blob_decode(const qres_field *f, uint32_t era, const uint8_t *blob, size_t len,
                     qres_scratch *scratch, qres_state *s)
{
    bit_reader r = {blob, len, 0, 0};
    uint32_t start = qres_era_start(f, era);
    uint32_t irregular;
    qres_state_init(s, f, start - 1);
    if (bits_get(&r, 8) != QRES_WIRE_VERSION || get_weights(&r, f, s) != QRES_OK) {
        return QRES_ERR_BLOB;
    }
    irregular = bits_get(&r, 1);
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        s->absent[i] = irregular ? (uint8_t)bits_get(&r, f->site.n_channels) : 0;
        s->last_report[i] = irregular && bits_get(&r, 1) ? 0 : start;
    }
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        if (get_channel(&r, f, s, c, scratch->sorted) != QRES_OK) {
            return QRES_ERR_BLOB;
        }
        for (uint32_t i = 0; i < f->site.n_members; i++) {
            s->value[c][i] = s->last[c][i];
        }
    }
    if (is_fire_site(f) && qresi_fire_get(&r, f, s) != QRES_OK) {
        return QRES_ERR_BLOB;
    }
    if (r.overrun || (r.at + 7) / 8 != len || (r.at % 8 != 0 && bits_get(&r, 8 - r.at % 8) != 0)) {
        return QRES_ERR_BLOB;
    }
    qresi_epoch_begin(f, s, start / QRES_PHASES);
    return QRES_OK;
}
