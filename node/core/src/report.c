/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REPORT: when, in which form, and its bits (SPEC 6.1, 6.2).
 */
#include "bits.h"
#include "core.h"

enum { MISSES_UNTIL_ABSENT = 3, WIDTH_S = REPORT_BITS_S, WIDTH_M = 10, WIDTH_RIDER = 8 };
enum { AGE_BITS = 4, SLOT_BITS = 5 };

static size_t form_x_bytes(const qres_field *f, uint32_t included)
{
    size_t need =
        (1u + 2u * f->site.n_channels + 16u * fx_count(included) + 7u) / 8u + f->echo_bytes;
    return need > f->form_x_min ? need : f->form_x_min;
}

static int has_form_r(const qres_field *f)
{
    return f->rider0 < QRES_MAX_CHANNELS;
}

int qresi_report_payload_length_known(const qres_field *f, size_t len)
{
    if (len == f->form_s || len == f->form_m || (has_form_r(f) && len == f->form_r)) {
        return 1;
    }
    for (uint32_t n = 0; n <= f->site.n_channels; n++) {
        if (len == form_x_bytes(f, (1u << n) - 1u)) {
            return 1;
        }
    }
    return 0;
}

/* Bits of channel c in the form of `len` bytes of payload; 0 if it has none. Not for form X. */
static uint32_t form_width(const qres_field *f, size_t len, uint32_t c)
{
    if (is_primary(f, c)) {
        return len == f->form_m ? WIDTH_M : WIDTH_S;
    }
    return has_form_r(f) && len == f->form_r && c == f->rider0 ? WIDTH_RIDER : 0;
}

int16_t qresi_report_predicted(const qres_field *f, const qres_state *s, uint32_t i, uint32_t c)
{
    return fx_clip16(fx_rdiv(s->value[c][i], f->site.channel[c].step));
}

static int in_window(int32_t k, int32_t predicted, uint32_t width)
{
    int32_t half = (int32_t)1 << (width - 1);
    return k - predicted >= -half && k - predicted < half;
}

/* The shortest of the forms S, R and M that carries `r`, or 0. `surprised` channels must go along. */
static size_t short_form(const qres_field *f, const qres_state *s, const qres_report *r,
                         uint32_t surprised)
{
    uint32_t riders = 0;
    int wide = 0;
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        int32_t predicted = qresi_report_predicted(f, s, r->member, c);
        if (!is_primary(f, c)) {
            riders |= surprised & (1u << c);
        } else if (is_present(s, r->member, c)) {
            if (!in_window(r->k[c], predicted, WIDTH_M)) {
                return 0;
            }
            wide = wide || !in_window(r->k[c], predicted, WIDTH_S);
        }
    }
    if (riders == 0) {
        return wide ? f->form_m : f->form_s;
    }
    if (!wide && has_form_r(f) && riders == 1u << f->rider0
        && in_window(r->k[f->rider0], qresi_report_predicted(f, s, r->member, f->rider0), WIDTH_RIDER)) {
        return f->form_r;
    }
    return 0;
}

/* What forms other than X include: the channels that they have bits for and the member has. */
static uint8_t short_form_mask(const qres_field *f, const qres_state *s, uint32_t i, size_t len)
{
    uint32_t mask = 0;
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        if (form_width(f, len, c) != 0 && is_present(s, i, c)) {
            mask |= 1u << c;
        }
    }
    return (uint8_t)mask;
}

/* What the samples say, apart from any form: masks, numbers, and which channels surprise. */
typedef struct {
    uint32_t sampled, surprised, absent;
    int lost_channel; /* a present channel has been missing for too long */
} reading;

/* What a channel may be wrong by: with `follow`, more in a calm field and less in danger. */
static int64_t tolerance(const qres_field *f, const qres_state *s, uint32_t c)
{
    int64_t tol = f->site.channel[c].tol;
    if (f->site.follow == 0 || !is_primary(f, c) || s->fire.regime == QRES_WATCH) {
        return tol;
    }
    return s->fire.regime == QRES_CALM ? 2 * tol : fx_rsh(5 * tol, 3);
}

static reading read_samples(const qres_field *f, const qres_state *s, uint32_t member,
                            const int32_t *samples, const uint8_t *missed, qres_report *r)
{
    reading x = {0, 0, s->absent[member], 0};
    r->member = (uint8_t)member;
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        const qres_channel *ch = &f->site.channel[c];
        uint32_t bit = 1u << c;
        r->k[c] = 0;
        if (samples[c] != QRES_MISSED) {
            int64_t error = (int64_t)samples[c] - s->value[c][member];
            int64_t tol = tolerance(f, s, c);
            x.sampled |= bit;
            x.absent &= ~bit;
            r->k[c] = fx_clip16(fx_rdiv(samples[c], ch->step));
            if (!is_present(s, member, c) || error > tol || error < -tol) {
                x.surprised |= bit;
            }
        } else if (missed[c] >= MISSES_UNTIL_ABSENT) {
            x.lost_channel = x.lost_channel || is_present(s, member, c);
            x.absent |= bit;
        }
    }
    return x;
}

static int full_form(const qres_field *f, const reading *x, qres_report *r)
{
    r->included = (uint8_t)x->sampled;
    r->absent = (uint8_t)(x->absent & ~x->sampled);
    return (int)form_x_bytes(f, x->sampled);
}

int qres_announce(const qres_field *f, const qres_state *s, uint32_t member, const int32_t *samples,
                  const uint8_t *missed, qres_report *r)
{
    reading x = read_samples(f, s, member, samples, missed, r);
    return full_form(f, &x, r);
}

int qres_decide(const qres_field *f, const qres_state *s, uint32_t member, const int32_t *samples,
                const uint8_t *missed, qres_report *r)
{
    reading x = read_samples(f, s, member, samples, missed, r);
    int due = s->phase + 1 - s->last_report[member] >= f->heartbeat_phases;
    if (!due && !x.lost_channel && x.surprised == 0) {
        return 0;
    }
    if (x.absent == s->absent[member] && (all_channels(f) & ~x.absent & ~x.sampled) == 0) {
        size_t len = short_form(f, s, r, x.surprised);
        if (len != 0) {
            r->included = short_form_mask(f, s, member, len);
            r->absent = (uint8_t)x.absent;
            return (int)len;
        }
    }
    return full_form(f, &x, r);
}

int qres_report_encode(const qres_field *f, const qres_report *r, uint32_t digest_bit,
                       const qres_echo *echo, uint8_t *payload, size_t len)
{
    bit_writer w = {payload, len, 0, 0};
    if (!qresi_report_payload_length_known(f, len)) {
        return QRES_ERR_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        payload[i] = 0;
    }
    bits_put(&w, digest_bit & 1u, 1);
    if (len >= f->form_x_min) {
        if (len != form_x_bytes(f, r->included)) {
            return QRES_ERR_INVALID;
        }
        bits_put(&w, r->included, f->site.n_channels);
        bits_put(&w, r->absent, f->site.n_channels);
    }
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        int included = (r->included >> c) & 1;
        uint32_t value = included ? (uint32_t)(int32_t)r->k[c] : 0;
        if (len >= f->form_x_min) {
            bits_put(&w, value, included ? 16 : 0);
        } else if (is_primary(f, c)) {
            bits_put(&w, value, form_width(f, len, c));
        }
    }
    if (len < f->form_x_min && has_form_r(f) && len == f->form_r) {
        bits_put(&w, (uint32_t)(int32_t)r->k[f->rider0], WIDTH_RIDER);
    }
    if (f->echo_bytes != 0 && echo != NULL && echo->age != 0) {
        w.at = 8 * (len - f->echo_bytes);
        bits_put(&w, echo->age, AGE_BITS);
        bits_put(&w, echo->slot, SLOT_BITS);
        bits_put(&w, echo->low, WIDTH_S * f->n_primary);
    }
    return w.overrun ? QRES_ERR_INVALID : QRES_OK;
}

size_t qresi_report_aad(const qres_field *f, const qres_report *r, size_t payload_len,
                        uint8_t aad[15])
{
    size_t n = 3;
    aad[0] = (uint8_t)payload_len;
    aad[1] = r->included;
    aad[2] = r->absent;
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        if ((r->included >> c) & 1) {
            fx_put16(aad + n, (uint32_t)(int32_t)r->k[c]);
            n += 2;
        }
    }
    return n;
}

static int parse_x(const qres_field *f, bit_reader *b, size_t len, qres_report *r,
                   uint32_t *reserved)
{
    r->included = (uint8_t)bits_get(b, f->site.n_channels);
    r->absent = (uint8_t)bits_get(b, f->site.n_channels);
    if (len != form_x_bytes(f, r->included)) {
        return QRES_ERR_TAG;
    }
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        r->k[c] = (r->included >> c) & 1 ? (int16_t)bits_get_s16(b) : 0;
    }
    *reserved = (uint32_t)(r->included & r->absent);
    return QRES_OK;
}

/* The k nearest to `predicted` with these low bits, then moved by `turns` windows. */
int32_t qresi_report_unwrap(uint32_t low, int32_t predicted, uint32_t width, int32_t turns)
{
    int32_t size = (int32_t)1 << width;
    int32_t start = predicted - size / 2;
    int32_t k = start + (int32_t)((low - (uint32_t)start) & (uint32_t)(size - 1));
    return k + turns * size;
}

/* Digit of a window number for the next included primary: 0 in window 0, else -1, 0 or +1. */
static int32_t next_turn(uint32_t window, uint32_t *rest)
{
    uint32_t digit = *rest % 3;
    *rest /= 3;
    return window == 0 ? 0 : (int32_t)digit - 1;
}

/* Whether any bit up to `end` is set. */
static uint32_t rest_of(bit_reader *b, size_t end)
{
    uint32_t any = 0;
    while (b->at < end) {
        any |= bits_get(b, 1);
    }
    return any;
}

int qresi_report_parse(const qres_field *f, const qres_state *s, uint32_t member,
                       const uint8_t *payload, size_t len, uint32_t window, qres_report *r,
                       uint32_t *digest_bit, qres_echo *echo, uint32_t *reserved)
{
    bit_reader b = {payload, len, 0, 0};
    uint32_t rest = window - 1; /* windows 1.. are the base-3 numbers 0.. */
    int skipped = 0;
    int moved = window == 0;
    *digest_bit = bits_get(&b, 1);
    *reserved = 0;
    r->member = (uint8_t)member;
    if (len >= f->form_x_min) {
        int rc = window == 0 ? parse_x(f, &b, len, r, reserved) : QRES_ERR_LENGTH;
        if (rc != QRES_OK) {
            return rc;
        }
    } else {
        r->included = short_form_mask(f, s, member, len);
        r->absent = s->absent[member];
        if (has_form_r(f) && len == f->form_r && !is_present(s, member, f->rider0)) {
            return window == 0 ? QRES_ERR_TAG : QRES_ERR_LENGTH;
        }
        /* Primaries first, then the rider: the order of the bits. */
        for (uint32_t pass = 0; pass < 2; pass++) {
            for (uint32_t c = 0; c < f->site.n_channels; c++) {
                uint32_t width = form_width(f, len, c);
                uint32_t low;
                if (width == 0 || is_primary(f, c) != (pass == 0)) {
                    continue;
                }
                low = bits_get(&b, width);
                r->k[c] = 0;
                if ((r->included >> c) & 1) {
                    int32_t turns = pass == 0 ? next_turn(window, &rest) : 0;
                    int32_t k = qresi_report_unwrap(low, qresi_report_predicted(f, s, member, c),
                                                    width, turns);
                    skipped = skipped || k < -32768 || k > 32767;
                    moved = moved || turns != 0;
                    r->k[c] = (int16_t)k;
                } else {
                    *reserved |= low;
                }
            }
        }
        if (window != 0 && rest != 0) {
            return QRES_ERR_LENGTH; /* beyond 3^n combinations */
        }
    }
    *reserved |= rest_of(&b, 8 * (len - f->echo_bytes));
    echo->age = (uint8_t)bits_get(&b, f->echo_bytes != 0 ? AGE_BITS : 0);
    echo->slot = (uint8_t)bits_get(&b, f->echo_bytes != 0 ? SLOT_BITS : 0);
    echo->low = bits_get(&b, f->echo_bytes != 0 ? WIDTH_S * f->n_primary : 0);
    *reserved |= rest_of(&b, 8 * len) | (echo->age == 0 && (echo->slot != 0 || echo->low != 0));
    return skipped || !moved ? QRES_ERR_TAG : QRES_OK; /* what is not moved was window 0 */
}
