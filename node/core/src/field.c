/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site: its rules, and what follows from them (SPEC 2, 3, 5.1, 6.1).
 */
#include "core.h"

#define GUARD_US 200000u
#define LEAD_US 500000u
#define ROUND_US 10000u
#define POSITION_MAX_M 1000000
#define VERTICAL_FACTOR 10
#define TOL_MAX (1 << 24)   /* [Q16.16] 256 units: the sums of SPEC 5.1 then fit 64 bits */
#define RANGE_MAX (1 << 30) /* [Q16.16] 16384 units: a value and its rounding fit 32 bits */

static uint32_t distance_m(const qres_member *a, const qres_member *b)
{
    int64_t dx = (int64_t)a->x_m - b->x_m;
    int64_t dy = (int64_t)a->y_m - b->y_m;
    int64_t dz = ((int64_t)a->z_m - b->z_m) * VERTICAL_FACTOR;
    return qres_isqrt((uint64_t)(dx * dx + dy * dy + dz * dz));
}

enum { ROLE_SHIFT = 2, ALL_FLAGS = 31 };

static int channel_ok(const qres_channel *c)
{
    if (c->tol <= 0 || c->tol > TOL_MAX || c->step < 1 || c->step > c->tol / 2 || c->lo < -RANGE_MAX
        || c->hi > RANGE_MAX || c->lo >= c->hi) {
        return 0;
    }
    if (c->rho < 0 || c->rho > 65536 || (c->flags & ~(uint32_t)ALL_FLAGS) != 0
        || c->flags >> ROLE_SHIFT >= ROLES) {
        return 0;
    }
    for (uint32_t k = 0; k < 4; k++) {
        int32_t lo = k < 2 ? 0 : -WEIGHT_MAX_DIURNAL;
        int32_t hi = k < 2 ? WEIGHT_MAX_LEVEL : WEIGHT_MAX_DIURNAL;
        if (c->w0[k] < lo || c->w0[k] > hi) {
            return 0;
        }
    }
    return 1;
}

static int position_ok(const qres_member *m)
{
    return m->x_m >= -POSITION_MAX_M && m->x_m <= POSITION_MAX_M && m->y_m >= -POSITION_MAX_M
           && m->y_m <= POSITION_MAX_M && m->z_m >= -POSITION_MAX_M && m->z_m <= POSITION_MAX_M;
}

static const char *members_problem(const qres_site *site)
{
    uint32_t taken[QRES_PHASES] = {0, 0, 0, 0};
    uint32_t count[QRES_PHASES] = {0, 0, 0, 0};
    for (uint32_t i = 0; i < site->n_members; i++) {
        const qres_member *m = &site->member[i];
        if (m->id >= QRES_MAX_NODES) {
            return "a member's id is above 127";
        }
        if (i > 0 && m->id <= site->member[i - 1].id) {
            return "members are not sorted by ascending, unique id";
        }
        if (!position_ok(m)) {
            return "a member's position is more than 1000 km from the origin";
        }
        if (m->phase >= QRES_PHASES || m->slot >= QRES_MAX_SLOTS) {
            return "a member's phase is above 3 or its slot above 31";
        }
        if ((taken[m->phase] >> m->slot) & 1u) {
            return "two members share a phase and slot";
        }
        taken[m->phase] |= (uint32_t)1 << m->slot;
        count[m->phase]++;
    }
    for (uint32_t f = 0; f < QRES_PHASES; f++) {
        if (count[f] < 32 && taken[f] >> count[f] != 0) {
            return "the slots of a phase have a gap";
        }
    }
    return NULL;
}

static const char *relays_problem(const qres_site *site)
{
    if (site->n_relays > QRES_MAX_RELAYS) {
        return "there are more than 8 relays";
    }
    for (uint32_t i = 0; i < site->n_relays; i++) {
        if (site->relay[i] >= site->n_members) {
            return "a relay is no member";
        }
        for (uint32_t j = 0; j < i; j++) {
            if (site->relay[i] == site->relay[j]) {
                return "a member is a relay twice";
            }
        }
    }
    return members_problem(site);
}

static const char *roles_problem(const qres_site *site)
{
    uint32_t given[ROLES] = {0, 0, 0, 0, 0};
    for (uint32_t c = 0; c < site->n_channels; c++) {
        given[site->channel[c].flags >> ROLE_SHIFT]++;
    }
    for (uint32_t r = 1; r < ROLES; r++) {
        if (given[r] > 1) {
            return "two channels have the same role";
        }
    }
    if (site->follow != 0 && (given[ROLE_TEMP] == 0 || given[ROLE_RH] == 0)) {
        return "follow needs channels with the roles of temperature and humidity";
    }
    return relays_problem(site);
}

const char *qres_site_problem(const qres_site *site)
{
    uint32_t primaries = 0;
    if (site->n_channels < 1 || site->n_channels > QRES_MAX_CHANNELS) {
        return "the number of channels is not 1..6";
    }
    if (site->n_members < 1 || site->n_members > QRES_MAX_NODES) {
        return "the number of members is not 1..128";
    }
    if (site->epoch_s < 300 || site->epoch_s > 3600 || 86400 % site->epoch_s != 0
        || site->epoch_s % 4 != 0) {
        return "epoch_s is not in 300..3600, or does not divide 86400, or is not divisible by 4";
    }
    if (site->lora.sf < 7 || site->lora.sf > 12 || site->lora.cr < 1 || site->lora.cr > QRES_CR_MAX
        || site->lora.preamble_symbols < 6 || site->lora.crc != 1
        || site->lora.implicit_header != 0) {
        return "lora is not sf 7..12, cr 1..4, preamble_symbols 6.., with CRC and explicit header";
    }
    if (site->echo > 1 || site->follow > 1) {
        return "echo or follow is not 0 or 1";
    }
    if (site->range_m < 1000 || site->range_m > 1000000) {
        return "range_m is not in 1000..1000000";
    }
    for (uint32_t c = 0; c < site->n_channels; c++) {
        if (!channel_ok(&site->channel[c])) {
            return "a channel's tol, step, range, rho, flags or weights are outside SPEC 2.1";
        }
        primaries += (site->channel[c].flags & QRES_PRIMARY) != 0;
    }
    if (primaries < 1 || primaries > 4) {
        return "the number of primary channels is not 1..4";
    }
    return roles_problem(site);
}

static uint32_t site_hash(const qres_site *s)
{
    uint32_t h = FX_HASH_START;
    const uint32_t head[] = {1, s->field_id, s->epoch_s, s->range_m,
                             s->echo, s->follow, s->lora.sf, s->lora.bw_hz, s->lora.cr,
                             s->lora.preamble_symbols, s->n_channels};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        h = fx_mix(h, head[i]);
    }
    for (uint32_t c = 0; c < s->n_channels; c++) {
        const qres_channel *ch = &s->channel[c];
        const uint32_t words[] = {(uint32_t)ch->tol,   (uint32_t)ch->step,  (uint32_t)ch->lo,
                                  (uint32_t)ch->hi,    (uint32_t)ch->rho,   ch->flags,
                                  (uint32_t)ch->w0[0], (uint32_t)ch->w0[1], (uint32_t)ch->w0[2],
                                  (uint32_t)ch->w0[3]};
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            h = fx_mix(h, words[i]);
        }
    }
    h = fx_mix(h, s->n_members);
    for (uint32_t i = 0; i < s->n_members; i++) {
        const qres_member *m = &s->member[i];
        h = fx_mix(h, m->id);
        h = fx_mix(h, (uint32_t)m->x_m);
        h = fx_mix(h, (uint32_t)m->y_m);
        h = fx_mix(h, (uint32_t)m->z_m);
        h = fx_mix(h, m->phase);
        h = fx_mix(h, m->slot);
    }
    h = s->n_relays > 0 ? fx_mix(h, s->n_relays) : h;
    for (uint32_t i = 0; i < s->n_relays; i++) {
        h = fx_mix(h, s->relay[i]);
    }
    return fx_fin(h);
}

static uint32_t at_least(uint32_t x, uint32_t least)
{
    return x > least ? x : least;
}

/* Lengths of SPEC 6.1, each with the echo of SPEC 6.5. */
static void form_sizes(qres_field *f)
{
    uint32_t p = 0;
    uint32_t rider0 = QRES_MAX_CHANNELS;
    uint32_t s;
    uint32_t r;
    uint32_t m;
    for (uint32_t c = f->site.n_channels; c-- > 0;) {
        if (f->site.channel[c].flags & QRES_PRIMARY) {
            p++;
        } else {
            rider0 = c;
        }
    }
    s = (1 + 5 * p + 7) / 8;
    r = rider0 < QRES_MAX_CHANNELS ? at_least((1 + 5 * p + 8 + 7) / 8, s + 1) : s;
    m = at_least((1 + 10 * p + 7) / 8, r + 1);
    f->n_primary = (uint8_t)p;
    f->rider0 = (uint8_t)rider0;
    f->echo_bytes = (uint8_t)(f->site.echo ? (9 + 5 * p + 7) / 8 : 0);
    f->form_s = (uint8_t)(s + f->echo_bytes);
    f->form_r = (uint8_t)(r + f->echo_bytes);
    f->form_m = (uint8_t)(m + f->echo_bytes);
    f->form_x_min = (uint8_t)(f->form_m + 1u);
}

static void roles(qres_field *f)
{
    for (uint32_t r = 0; r < ROLES; r++) {
        f->role[r] = QRES_MAX_CHANNELS;
    }
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        f->role[f->site.channel[c].flags >> ROLE_SHIFT] = (uint8_t)c;
    }
}

/* The nearest other members, nearest first; of two as near, the one with the lower index. */
static void neighbours(qres_field *f, uint32_t i)
{
    uint32_t n = 0;
    uint32_t far[QRES_NEIGHBOURS] = {0};
    for (uint32_t j = 0; j < f->site.n_members; j++) {
        uint32_t d = distance_m(&f->site.member[i], &f->site.member[j]);
        uint32_t at;
        if (j == i || (n == QRES_NEIGHBOURS && d >= far[n - 1])) {
            continue;
        }
        n += n < QRES_NEIGHBOURS;
        for (at = n - 1; at > 0 && far[at - 1] > d; at--) {
            far[at] = far[at - 1];
            f->near[i][at] = f->near[i][at - 1];
        }
        far[at] = d;
        f->near[i][at] = (uint8_t)j;
    }
    for (; n < QRES_NEIGHBOURS; n++) {
        f->near[i][n] = QRES_NO_SLOT;
    }
}

static uint64_t rounded_slot(uint32_t airtime_us)
{
    return ((uint64_t)airtime_us + GUARD_US + ROUND_US - 1) / ROUND_US * ROUND_US;
}

int qres_field_init(qres_field *f, const qres_site *site)
{
    uint32_t longest;
    if (qres_site_problem(site) != NULL) {
        return QRES_ERR_INVALID;
    }
    f->site = *site;
    f->phase_us = (uint64_t)site->epoch_s * 250000u;
    f->phases_per_day = 345600u / site->epoch_s;
    f->epochs_per_day = 86400u / site->epoch_s;
    f->beacon_phases = (uint32_t)(3600000000u / f->phase_us);
    f->heartbeat_phases = (uint32_t)(UINT64_C(21600000000) / f->phase_us);
    f->stale_phases = f->heartbeat_phases + 8;
    f->site_hash = site_hash(site);
    f->guard_us = GUARD_US;
    f->lead_us = LEAD_US;
    for (uint32_t n = 0; n <= QRES_MAX_FRAME; n++) {
        f->airtime_us[n] = qres_airtime_us(&site->lora, n);
        if (f->airtime_us[n] == 0) {
            return QRES_ERR_INVALID;
        }
    }
    form_sizes(f);
    roles(f);
    longest = at_least((1u + 18u * site->n_channels + 7u) / 8u + f->echo_bytes, f->form_x_min);
    f->report_max = (uint8_t)(longest + TAG_BYTES);
    f->slot_us = rounded_slot(f->airtime_us[f->report_max]);
    f->common_us = rounded_slot(f->airtime_us[QRES_MAX_FRAME]);
    f->slots = 0;
    for (uint32_t i = 0; i < QRES_PHASES * QRES_MAX_SLOTS; i++) {
        f->slot_member[i / QRES_MAX_SLOTS][i % QRES_MAX_SLOTS] = QRES_NO_SLOT;
    }
    for (uint32_t i = 0; i < site->n_members; i++) {
        const qres_member *m = &site->member[i];
        f->slot_member[m->phase][m->slot] = (uint8_t)i;
        if (m->slot >= f->slots) {
            f->slots = (uint8_t)(m->slot + 1);
        }
        for (uint32_t j = 0; j < i; j++) {
            f->kernel[i * (i - 1) / 2 + j] =
                (uint16_t)qres_kernel(distance_m(m, &site->member[j]), site->range_m);
        }
    }
    for (uint32_t i = 0; i < site->n_members; i++) {
        neighbours(f, i);
    }
    f->commit_us = LEAD_US + f->slots * f->slot_us + (1u + 2u * site->n_relays) * f->common_us;
    return f->commit_us < f->phase_us ? QRES_OK : QRES_ERR_INVALID;
}

uint32_t qres_era_of(const qres_field *field, uint32_t phase)
{
    return phase / field->phases_per_day;
}

uint32_t qres_era_start(const qres_field *field, uint32_t era)
{
    return era * field->phases_per_day;
}

size_t qres_sizeof_field(void)
{
    return sizeof(qres_field);
}

size_t qres_sizeof_node(void)
{
    return sizeof(qres_node);
}
